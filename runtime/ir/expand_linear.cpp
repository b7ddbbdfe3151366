// SPDX-License-Identifier: Apache-2.0
// Expansions of linear, conv_act, avg_pool and segment_reduce.
#include <limits>

#include "runtime/ir/expand.h"

namespace rlx::expand_detail {

Outputs expand_linear(Expansion& e) {
  const auto n = static_cast<std::size_t>(e.integer(RLX_ATTR_PARTS, 1));
  const bool bias = e.integer(RLX_ATTR_HAS_BIAS, 0) != 0;
  const bool residual = e.integer(RLX_ATTR_HAS_RESIDUAL, 0) != 0;
  const std::int64_t k_axis = e.integer(RLX_ATTR_W_LAYOUT, RLX_W_LAYOUT_KN) == RLX_W_LAYOUT_NK ? 1 : 0;
  const std::vector<double> alphas = attr_f64s(e.node(), RLX_ATTR_ALPHAS);
  Attributes attributes = e.inherit({RLX_ATTR_ACC});
  attributes[RLX_ATTR_CONTRACT_A] = Dims{static_cast<std::int64_t>(e.shape(0).rank()) - 1};
  attributes[RLX_ATTR_CONTRACT_B] = Dims{k_axis};
  attributes[RLX_ATTR_BATCH_A] = Dims{};
  attributes[RLX_ATTR_BATCH_B] = Dims{};
  Outputs outputs;
  for (std::size_t i = 0; i < n; ++i) {
    ValueId y = e.b().add(RLX_OP_DOT, {e.in(0), e.in(1 + i)}, attributes);
    if (!alphas.empty()) y = e.times(y, alphas[i]);
    if (bias) y = e.add(y, e.in(1 + n + i));
    y = e.act(y);
    if (residual) y = e.add(y, e.in(e.count() - 1));
    outputs.push_back(y);
  }
  return outputs;
}

Outputs expand_conv_act(Expansion& e) {
  const bool bias = e.integer(RLX_ATTR_HAS_BIAS, 0) != 0;
  ValueId y = e.b().add(RLX_OP_CONV, {e.in(0), e.in(1)},
                        e.inherit({RLX_ATTR_STRIDES, RLX_ATTR_LOW, RLX_ATTR_HIGH, RLX_ATTR_DILATION,
                                   RLX_ATTR_INPUT_DILATION, RLX_ATTR_GROUPS, RLX_ATTR_ACC}));
  if (bias) y = e.add(y, e.on_axis(e.in(2), 1, e.shape(0).rank()));
  if (e.integer(RLX_ATTR_HAS_RESIDUAL, 0) != 0) y = e.add(y, e.in(e.count() - 1));
  return {e.act(y)};
}

Outputs expand_avg_pool(Expansion& e) {
  Attributes attributes =
      e.inherit({RLX_ATTR_WINDOW, RLX_ATTR_STRIDES, RLX_ATTR_DILATION, RLX_ATTR_LOW, RLX_ATTR_HIGH});
  attributes[RLX_ATTR_FN] = Dim(RLX_REDUCE_SUM);
  const ValueId x = e.wide(e.in(0));
  const ValueId sum = e.b().add(RLX_OP_REDUCE_WINDOW, {x}, attributes);
  if (e.integer(RLX_ATTR_COUNT_INCLUDE_PAD, 0) != 0)
    return {e.div(sum, e.size_as(product(attr_dims(e.node(), RLX_ATTR_WINDOW)), e.b().shape(x).dtype))};
  Dims ones = e.dims(0);
  ones[0] = 1;
  ones[1] = 1;
  const ValueId inside = e.b().broadcast(e.number(1, x), std::move(ones));
  return {e.div(sum, e.b().add(RLX_OP_REDUCE_WINDOW, {inside}, attributes))};
}

namespace {

double identity_of(std::int64_t fn) {
  switch (fn) {
    case RLX_REDUCE_PROD:
      return 1;
    case RLX_REDUCE_MAX:
      return -std::numeric_limits<double>::infinity();
    case RLX_REDUCE_MIN:
      return std::numeric_limits<double>::infinity();
    default:
      return 0;
  }
}

}  // namespace

Outputs expand_segment_reduce(Expansion& e) {
  const auto fn = static_cast<std::uint32_t>(e.integer(RLX_ATTR_FN, RLX_REDUCE_SUM));
  const Dims& dims = e.dims(0);
  const Dim& rows = dims[0];
  const Dim segments = e.result_dims(0)[0];
  const ValueId offsets = e.b().cast(e.in(1), DType::kI64);
  const ValueId begin = e.b().reshape(e.b().slice(offsets, {0}, {segments}, {1}), {segments, 1});
  const ValueId end = e.b().reshape(e.b().slice(offsets, {1}, {e.dims(1)[0]}, {1}), {segments, 1});
  const ValueId row = e.b().iota(DType::kI64, {1, rows}, 1);
  const ValueId begun = e.b().compare(RLX_COMPARE_GE, row, begin);
  const ValueId member = e.b().binary(RLX_BINARY_AND, begun, e.b().compare(RLX_COMPARE_LT, row, end));
  const Dim width = product(std::span<const Dim>(dims).subspan(1));
  const ValueId x = e.wide(e.in(0));
  const ValueId inside = e.b().reshape(member, {segments, rows, 1});
  const ValueId spread = e.b().reshape(x, {1, rows, width});
  const ValueId kept = e.b().select(inside, spread, e.number(identity_of(fn), x));
  return {e.b().reduce(fn, kept, {1}, false)};
}

}  // namespace rlx::expand_detail
