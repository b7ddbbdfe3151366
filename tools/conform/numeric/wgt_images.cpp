// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/numeric/wgt_images.h"

#include <rlx/ops.h>

namespace rlx::conform {

using Value = std::uint32_t;

Attributes dot_attributes(std::int64_t axis_b) {
  return {{RLX_ATTR_CONTRACT_A, Dims{1}}, {RLX_ATTR_CONTRACT_B, Dims{axis_b}}, {RLX_ATTR_BATCH_A, Dims{}}, {RLX_ATTR_BATCH_B, Dims{}}};
}

void add_linear(ImageBuilder& m, const Dims& x_dims, Value x, Value w, const Dims& w_dims, Value b, Value y, std::int64_t layout, DType dtype) {
  const Dim n = w_dims[layout == RLX_W_LAYOUT_NK ? 0 : 1];
  const Dims dims = {x_dims[0], n};
  const bool has_bias = b != RLX_NO_INDEX;
  std::vector<Value> params = {m.inner(dtype, x_dims), m.inner(dtype, w_dims)};
  std::vector<Value> operands = {x, w};
  if (has_bias) params.push_back(m.inner(dtype, {n})), operands.push_back(b);
  const Value product = m.inner(dtype, dims);
  const Value sum = has_bias ? m.inner(dtype, dims) : product;
  const Value row = has_bias ? m.view(params[2], dims, {0, 1}) : product;
  const std::uint32_t region = m.region(params);
  m.op(RLX_OP_DOT, {params[0], params[1]}, {product}, dot_attributes(layout == RLX_W_LAYOUT_NK ? 1 : 0), {}, region);
  if (has_bias) m.op(RLX_OP_BINARY, {product, row}, {sum}, {{RLX_ATTR_FN, Dim(RLX_BINARY_ADD)}}, {}, region);
  m.region_results(region, {sum});
  m.op(RLX_OP_LINEAR, std::move(operands), {y},
       {{RLX_ATTR_PARTS, Dim(1)}, {RLX_ATTR_W_LAYOUT, Dim(layout)}, {RLX_ATTR_HAS_BIAS, Dim(has_bias)}}, {region});
}

namespace {

struct Sizes {
  std::int64_t rows, k, n, m;
};

struct Chain {
  ImageBuilder builder;
  Value x, w0, b, w1, y;
};

Chain chain(const Sizes& s) {
  Chain c;
  c.x = c.builder.input("x", DType::kF32, {s.rows, s.k});
  c.w0 = c.builder.param("w0", DType::kF32, {s.k, s.n}, 0);
  c.b = c.builder.param("b", DType::kF32, {s.n}, 1);
  c.w1 = c.builder.param("w1", DType::kF32, {s.n, s.m}, 2);
  c.y = c.builder.output("y", DType::kF32, {s.rows, s.m});
  return c;
}

ImageBuilder linear_chain(const Sizes& s) {
  Chain c = chain(s);
  const Value hidden = c.builder.temp(DType::kF32, {s.rows, s.n});
  add_linear(c.builder, {s.rows, s.k}, c.x, c.w0, {s.k, s.n}, c.b, hidden, RLX_W_LAYOUT_KN, DType::kF32);
  add_linear(c.builder, {s.rows, s.n}, hidden, c.w1, {s.n, s.m}, RLX_NO_INDEX, c.y, RLX_W_LAYOUT_KN, DType::kF32);
  return c.builder;
}

ImageBuilder dot_chain(const Sizes& s) {
  Chain c = chain(s);
  const Dims dims = {s.rows, s.n};
  const Value product = c.builder.temp(DType::kF32, dims), sum = c.builder.temp(DType::kF32, dims);
  c.builder.op(RLX_OP_DOT, {c.x, c.w0}, {product}, dot_attributes(0));
  c.builder.op(RLX_OP_BINARY, {product, c.builder.view(c.b, dims, {0, 1})}, {sum}, {{RLX_ATTR_FN, Dim(RLX_BINARY_ADD)}});
  c.builder.op(RLX_OP_DOT, {sum, c.w1}, {c.y}, dot_attributes(0));
  return c.builder;
}

ImageBuilder plain_chain(const Dims& dims) {
  ImageBuilder m;
  const Value x = m.input("x", DType::kF32, dims);
  const Value w0 = m.param("w0", DType::kF32, dims, 0), b = m.param("b", DType::kF32, dims, 1), w1 = m.param("w1", DType::kF32, dims, 2);
  const Value sum = m.temp(DType::kF32, dims), product = m.temp(DType::kF32, dims);
  m.op(RLX_OP_BINARY, {x, w0}, {sum}, {{RLX_ATTR_FN, Dim(RLX_BINARY_ADD)}});
  m.op(RLX_OP_BINARY, {sum, b}, {product}, {{RLX_ATTR_FN, Dim(RLX_BINARY_MUL)}});
  m.op(RLX_OP_BINARY, {product, w1}, {m.output("y", DType::kF32, dims)}, {{RLX_ATTR_FN, Dim(RLX_BINARY_ADD)}});
  return m;
}

ImageBuilder square(std::int64_t layout, DType dtype) {
  ImageBuilder m;
  const Value x = m.input("x", dtype, {5, 16}), w = m.param("w", dtype, {16, 16}, 0);
  add_linear(m, {5, 16}, x, w, {16, 16}, RLX_NO_INDEX, m.output("y", dtype, {5, 16}), layout, dtype);
  return m;
}

ImageBuilder table(std::int64_t rows) {
  ImageBuilder m;
  const Value data = m.param("table", DType::kF32, {rows, 1024}, 0), index = m.input("index", DType::kI64, {8});
  m.op(RLX_OP_GATHER, {data, index}, {m.output("y", DType::kF32, {8, 1024})},
       {{RLX_ATTR_AXIS, Dim(0)}, {RLX_ATTR_BATCH_DIMS, Dim(0)}, {RLX_ATTR_INDEX_POLICY, Dim(0)}, {RLX_ATTR_NEGATIVE_INDICES, Dim(0)}});
  return m;
}

}  // namespace

std::vector<std::pair<std::string, ImageBuilder>> weight_images() {
  std::vector<std::pair<std::string, ImageBuilder>> out;
  const Sizes small = {5, 48, 40, 24};
  out.emplace_back("wgt/linear_5", linear_chain(small));
  out.emplace_back("wgt/dot_5", dot_chain(small));
  out.emplace_back("wgt/plain_5", plain_chain({5, 48}));
  for (const std::int64_t rows : {1, 2, 3, 5, 8, 16, 33, 64}) {
    out.emplace_back("wgt/linear_big_" + std::to_string(rows), linear_chain({rows, 512, 512, 16}));
    out.emplace_back("wgt/dot_big_" + std::to_string(rows), dot_chain({rows, 512, 512, 16}));
  }
  out.emplace_back("wgt/kn", square(RLX_W_LAYOUT_KN, DType::kF32));
  out.emplace_back("wgt/nk", square(RLX_W_LAYOUT_NK, DType::kF32));
  out.emplace_back("wgt/f64", square(RLX_W_LAYOUT_KN, DType::kF64));
  out.emplace_back("wgt/table_256", table(std::int64_t{1} << 16));
  out.emplace_back("wgt/table_1024", table(std::int64_t{1} << 18));
  return out;
}

}  // namespace rlx::conform
