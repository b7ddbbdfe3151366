// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/numeric/stock.h"

#include <rlx/ops.h>

#include <cstring>

#include "tools/conform/numeric/image_builder.h"
#include "tools/conform/numeric/scenes.h"
#include "tools/conform/numeric/wgt_images.h"

namespace rlx::conform {
namespace {

const Dims kDims = {3, 5};

ImageBuilder binary(std::int64_t fn, DType dtype, const Dims& dims) {
  ImageBuilder builder;
  const auto a = builder.input("a", dtype, dims), b = builder.input("b", dtype, dims);
  builder.op(RLX_OP_BINARY, {a, b}, {builder.output("y", dtype, dims)}, {{RLX_ATTR_FN, Dim(fn)}});
  return builder;
}

ImageBuilder copy(DType dtype, const Dims& dims) {
  ImageBuilder builder;
  const auto x = builder.input("x", dtype, dims);
  builder.op(RLX_OP_COPY, {x}, {builder.output("y", dtype, dims)});
  return builder;
}

/// y = (a + b) * b: one value between, so that there is an arena.
ImageBuilder two_steps() {
  ImageBuilder builder;
  const auto a = builder.input("a", DType::kF32, kDims), b = builder.input("b", DType::kF32, kDims);
  const auto sum = builder.temp(DType::kF32, kDims);
  builder.op(RLX_OP_BINARY, {a, b}, {sum}, {{RLX_ATTR_FN, Dim(RLX_BINARY_ADD)}});
  builder.op(RLX_OP_BINARY, {sum, b}, {builder.output("y", DType::kF32, kDims)}, {{RLX_ATTR_FN, Dim(RLX_BINARY_MUL)}});
  return builder;
}

/// y = x + w, w a param.
ImageBuilder with_param() {
  ImageBuilder builder;
  const auto x = builder.input("x", DType::kF32, kDims), w = builder.param("w", DType::kF32, kDims, 0);
  builder.op(RLX_OP_BINARY, {x, w}, {builder.output("y", DType::kF32, kDims)}, {{RLX_ATTR_FN, Dim(RLX_BINARY_ADD)}});
  return builder;
}

/// y = data[idx], indices out of range refused.
ImageBuilder gather_rows() {
  ImageBuilder builder;
  const auto data = builder.input("data", DType::kF32, {16, 3}), index = builder.input("idx", DType::kI64, {2});
  builder.op(RLX_OP_GATHER, {data, index}, {builder.output("y", DType::kF32, {2, 3})},
             {{RLX_ATTR_AXIS, Dim(0)}, {RLX_ATTR_BATCH_DIMS, Dim(0)}, {RLX_ATTR_INDEX_POLICY, Dim(0)}, {RLX_ATTR_NEGATIVE_INDICES, Dim(0)}});
  return builder;
}

/// y is x itself.
ImageBuilder passthrough() {
  ImageBuilder builder;
  builder.output_of("y", builder.input("x", DType::kF32, kDims));
  return builder;
}

/// y is a constant: -4, -3, …
ImageBuilder constant() {
  ImageBuilder builder;
  builder.input("x", DType::kF32, kDims);
  std::string bytes(15 * sizeof(float), '\0');
  for (int i = 0; i < 15; ++i) {
    const float value = static_cast<float>(i) - 4;
    std::memcpy(bytes.data() + static_cast<std::size_t>(i) * sizeof value, &value, sizeof value);
  }
  builder.output_of("y", builder.constant(DType::kF32, kDims, bytes));
  return builder;
}

/// One copy of x is two outputs.
ImageBuilder twice() {
  ImageBuilder builder;
  const auto x = builder.input("x", DType::kF32, kDims), y = builder.temp(DType::kF32, kDims);
  builder.op(RLX_OP_COPY, {x}, {y});
  builder.output_of("y", y);
  builder.output_of("z", y);
  return builder;
}

/// A second input that nobody reads.
ImageBuilder unused() {
  ImageBuilder builder;
  const auto x = builder.input("x", DType::kF32, kDims);
  builder.input("nobody", DType::kI64, {7});
  builder.op(RLX_OP_COPY, {x}, {builder.output("y", DType::kF32, kDims)});
  return builder;
}

ImageBuilder unary() {
  ImageBuilder builder;
  const auto x = builder.input("x", DType::kF32, kDims);
  builder.op(RLX_OP_UNARY, {x}, {builder.output("y", DType::kF32, kDims)}, {{RLX_ATTR_FN, Dim(RLX_UNARY_NEG)}});
  return builder;
}

/// y = (a + b) * b as one composite; `ns`: whose.
ImageBuilder composite(const std::string& ns) {
  ImageBuilder builder;
  const auto a = builder.input("a", DType::kF32, kDims), b = builder.input("b", DType::kF32, kDims);
  const auto pa = builder.inner(DType::kF32, kDims), pb = builder.inner(DType::kF32, kDims);
  const auto sum = builder.inner(DType::kF32, kDims), product = builder.inner(DType::kF32, kDims);
  const std::uint32_t region = builder.region({pa, pb});
  builder.op(RLX_OP_BINARY, {pa, pb}, {sum}, {{RLX_ATTR_FN, Dim(RLX_BINARY_ADD)}}, {}, region);
  builder.op(RLX_OP_BINARY, {sum, pb}, {product}, {{RLX_ATTR_FN, Dim(RLX_BINARY_MUL)}}, {}, region);
  builder.region_results(region, {product});
  builder.op(RLX_OP_ELEMENTWISE, {a, b}, {builder.output("y", DType::kF32, kDims)}, {}, {region});
  builder.last_op().ns = ns;
  return builder;
}

/// y = a + b, with names of 700 bytes whose characters are three bytes each, at every shift.
ImageBuilder long_names() {
  ImageBuilder builder;
  const auto name = [](std::size_t shift) {
    std::string out(shift, 'n');
    while (out.size() < 700) out += "\xe2\x82\xac";
    return out;
  };
  const auto a = builder.input(name(0), DType::kF32, kDims), b = builder.input(name(1), DType::kF32, kDims);
  builder.op(RLX_OP_BINARY, {a, b}, {builder.output(name(2), DType::kF32, kDims)}, {{RLX_ATTR_FN, Dim(RLX_BINARY_ADD)}});
  return builder;
}

}  // namespace

Result<std::vector<StockImage>> stock_images() {
  std::vector<std::pair<std::string, ImageBuilder>> made = {
      {"add_f32", binary(RLX_BINARY_ADD, DType::kF32, kDims)},
      {"mul_f32", binary(RLX_BINARY_MUL, DType::kF32, kDims)},
      {"add_empty_f32", binary(RLX_BINARY_ADD, DType::kF32, {0, 4})},
      {"copy_f32", copy(DType::kF32, kDims)},
      {"two_steps_f32", two_steps()},
      {"param_f32", with_param()},
      {"gather_f32", gather_rows()},
      {"add_large_f32", binary(RLX_BINARY_ADD, DType::kF32, {17, 31})},
      {"add_wide_f32", binary(RLX_BINARY_ADD, DType::kF32, {2, 4099})},
      {"add_tall_f32", binary(RLX_BINARY_ADD, DType::kF32, {4099, 2})},
      {"add_huge_f32", binary(RLX_BINARY_ADD, DType::kF32, {1031, 517})},
      {"copy_empty_f32", copy(DType::kF32, {0, 4})},
      {"passthrough_f32", passthrough()},
      {"constant_f32", constant()},
      {"long_names_f32", long_names()},
      {"elementwise_f32", composite("")},
      {"stranger_f32", composite("org.example.stranger")},
      {"unary_f32", unary()},
      {"twice_f32", twice()},
      {"unused_f32", unused()},
  };
  for (auto& busy : busy_images()) made.emplace_back("busy/" + busy.first, std::move(busy.second));
  for (auto& image : weight_images()) made.push_back(std::move(image));
  std::vector<StockImage> out;
  for (const auto& [name, builder] : made) {
    auto image = builder.image();
    if (!image) return fail(ErrorCode::kInternal, "the stock image ", name, ": ", image.error().message());
    out.push_back({name, bytes_of(*image)});
  }
  for (const auto& [name, builder] : scene_builders()) {
    auto image = builder.image();
    if (!image) return fail(ErrorCode::kInternal, "the scene ", name, ": ", image.error().message());
    out.push_back({"scene." + name, bytes_of(*image)});
    for (const auto& [plan, module] : planned_variants(builder)) {
      auto planned = lir::write_image(module);
      if (planned) {
        if (const auto good = lir::verify_image(planned->bytes()); !good) return fail(ErrorCode::kInternal, "the scene ", name, ", plan ", plan, ": ", good.error().message());
      }
      if (!planned) return fail(ErrorCode::kInternal, "the scene ", name, ", plan ", plan, ": ", planned.error().message());
      out.push_back({"scene." + name + "." + plan, bytes_of(*planned)});
    }
  }
  for (const auto& [name, builder] : other_scene_builders()) {
    auto image = builder.image();
    if (!image) return fail(ErrorCode::kInternal, "the scene ", name, ": ", image.error().message());
    out.push_back({"scene." + name, bytes_of(*image)});
  }
  for (StockImage& image : hostile_images(out)) out.push_back(std::move(image));
  return out;
}

}  // namespace rlx::conform
