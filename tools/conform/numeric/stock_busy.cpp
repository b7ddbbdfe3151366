// SPDX-License-Identifier: Apache-2.0
// Images with more work in them: for runs side by side, for stopping a run, and for measuring. Whole numbers stay exact in
// all of them, in any order of summing: every run of one has one right result.
#include <rlx/ops.h>

#include "runtime/ir/build.h"
#include "tools/conform/numeric/op_cases.h"
#include "tools/conform/numeric/stock.h"

namespace rlx::conform {
namespace {

constexpr DType kType = DType::kF32;

std::uint32_t add_dot(ImageBuilder& builder, std::uint32_t a, std::uint32_t b, std::uint32_t y) {
  builder.op(RLX_OP_DOT, {a, b}, {y}, {{RLX_ATTR_CONTRACT_A, Dims{1}}, {RLX_ATTR_CONTRACT_B, Dims{0}}});
  return y;
}

/// y = a . b, [m, k] by [k, n]; b a param where `param`.
ImageBuilder one_dot(std::int64_t m, std::int64_t k, std::int64_t n, bool param = false) {
  ImageBuilder builder;
  const auto a = builder.input("a", kType, {m, k});
  const auto b = param ? builder.param("b", kType, {k, n}, 0) : builder.input("b", kType, {k, n});
  add_dot(builder, a, b, builder.output("y", kType, {m, n}));
  return builder;
}

/// y = x . w as the composite linear, with the region that it is.
Result<ImageBuilder> one_linear(std::int64_t m, std::int64_t k, std::int64_t n) {
  ImageBuilder builder;
  const Attributes attributes = {{RLX_ATTR_PARTS, Dim(1)}, {RLX_ATTR_W_LAYOUT, Dim(RLX_W_LAYOUT_KN)}, {RLX_ATTR_HAS_BIAS, Dim(0)},
                                 {RLX_ATTR_HAS_RESIDUAL, Dim(0)}, {RLX_ATTR_ACT, Dim(RLX_ACT_NONE)}};
  const auto x = builder.input("x", kType, {m, k}), w = builder.input("w", kType, {k, n});
  const Shape shapes[] = {{kType, {m, k}}, {kType, {k, n}}};
  RLX_ASSIGN(const auto graph, expansion(RLX_OP_LINEAR, shapes, attributes));
  RLX_ASSIGN(const std::uint32_t region, add_region(builder, *graph));
  builder.op(RLX_OP_LINEAR, {x, w}, {builder.output("y", kType, {m, n})}, attributes, {region});
  return builder;
}

/// x [rows, 256] times w [256, 256], `steps` times over: a permutation as w keeps the numbers small.
ImageBuilder busy_dot(std::int64_t rows, int steps) {
  ImageBuilder builder;
  auto x = builder.input("x", kType, {rows, 256});
  const auto w = builder.input("w", kType, {256, 256});
  for (int i = 1; i < steps; ++i) x = add_dot(builder, x, w, builder.temp(kType, {rows, 256}));
  add_dot(builder, x, w, builder.output("y", kType, {rows, 256}));
  return builder;
}

/// x + b + b + …, `nodes` additions over [rows, columns].
ImageBuilder additions(std::int64_t rows, std::int64_t columns, int nodes) {
  ImageBuilder builder;
  auto x = builder.input("x", kType, {rows, columns});
  const auto b = builder.input("b", kType, {rows, columns});
  for (int i = 0; i < nodes; ++i) {
    const auto y = i + 1 < nodes ? builder.temp(kType, {rows, columns}) : builder.output("y", kType, {rows, columns});
    builder.op(RLX_OP_BINARY, {x, b}, {y}, {{RLX_ATTR_FN, Dim(RLX_BINARY_ADD)}});
    x = y;
  }
  return builder;
}

/// y = (a + b) * b as a composite of its own region.
ImageBuilder composite(const Dims& dims) {
  ImageBuilder builder;
  const auto a = builder.input("a", kType, dims), b = builder.input("b", kType, dims);
  const auto pa = builder.inner(kType, dims), pb = builder.inner(kType, dims);
  const auto sum = builder.inner(kType, dims), product = builder.inner(kType, dims);
  const std::uint32_t region = builder.region({pa, pb});
  builder.op(RLX_OP_BINARY, {pa, pb}, {sum}, {{RLX_ATTR_FN, Dim(RLX_BINARY_ADD)}}, {}, region);
  builder.op(RLX_OP_BINARY, {sum, pb}, {product}, {{RLX_ATTR_FN, Dim(RLX_BINARY_MUL)}}, {}, region);
  builder.region_results(region, {product});
  builder.op(RLX_OP_ELEMENTWISE, {a, b}, {builder.output("y", kType, dims)}, {}, {region});
  return builder;
}

/// Sums along the last axis.
ImageBuilder row_sums(const Dims& dims) {
  ImageBuilder builder;
  const auto x = builder.input("x", kType, dims);
  builder.op(RLX_OP_REDUCE, {x}, {builder.output("y", kType, {dims[0]})}, {{RLX_ATTR_FN, Dim(RLX_REDUCE_SUM)}, {RLX_ATTR_AXES, Dims{1}}});
  return builder;
}

}  // namespace

std::vector<std::pair<std::string, ImageBuilder>> busy_images() {
  std::vector<std::pair<std::string, ImageBuilder>> out = {
      {"mix_composite", composite({48, 64})}, {"mix_dot", one_dot(32, 64, 48)},    {"mix_param_dot", one_dot(32, 64, 48, true)},
      {"mix_sums", row_sums({64, 128})},      {"mix_chain", additions(32, 32, 24)}, {"mix_adds", additions(7, 129, 3)},
  };
  for (const std::int64_t rows : {16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768}) out.emplace_back("busy_dot_" + std::to_string(rows), busy_dot(rows, 16));
  out.emplace_back("busy_dot_most", busy_dot(32768, 1024));
  for (const std::int64_t rows : {256, 4096, 65536}) out.emplace_back("busy_add_" + std::to_string(rows), additions(rows, 256, 64));
  for (const int nodes : {128, 512, 2048}) out.emplace_back("nodes_" + std::to_string(nodes), additions(2, 3, nodes));
  for (const std::int64_t k : {62, 63, 64, 65, 66, 67, 95, 96, 97, 112, 113, 127, 128, 129}) out.emplace_back("sweep_dot_" + std::to_string(k), one_dot(32, k, 32));
  for (const std::int64_t k : {62, 63, 64, 65, 66, 67, 95, 96, 97, 112, 113, 127, 128, 129}) {
    auto linear = one_linear(32, k, 32);
    if (linear) out.emplace_back("sweep_linear_" + std::to_string(k), std::move(*linear));
  }
  return out;
}

}  // namespace rlx::conform
