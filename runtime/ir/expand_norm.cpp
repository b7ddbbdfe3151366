// SPDX-License-Identifier: Apache-2.0
// Expansions of softmax and of the norms. Statistics are f32 or wider, two passes: mean, then squares of
// differences.
#include <limits>

#include "runtime/ir/expand.h"

namespace rlx::expand_detail {

ValueId emit_softmax(Expansion& e, ValueId x, std::size_t axis, bool log, bool guarded) {
  const std::vector<std::int64_t> axes{static_cast<std::int64_t>(axis)};
  ValueId greatest = e.b().reduce(RLX_REDUCE_MAX, x, axes, true);
  if (guarded) {
    const ValueId nothing = e.number(-std::numeric_limits<double>::infinity(), x);
    const ValueId empty = e.b().compare(RLX_COMPARE_EQ, greatest, nothing);
    greatest = e.b().select(empty, e.number(0, x), greatest);
  }
  const ValueId shifted = e.sub(x, greatest);
  const ValueId exps = e.unary(RLX_UNARY_EXP, shifted);
  ValueId sum = e.b().reduce(RLX_REDUCE_SUM, exps, axes, true);
  if (log) return e.sub(shifted, e.unary(RLX_UNARY_LOG, sum));
  if (guarded) {
    const ValueId empty = e.b().compare(RLX_COMPARE_EQ, sum, e.number(0, x));
    sum = e.b().select(empty, e.number(1, x), sum);
  }
  return e.div(exps, sum);
}

Outputs expand_softmax(Expansion& e) {
  const ValueId x = e.wide(e.in(0));
  return {emit_softmax(e, x, e.last_axis_or(RLX_ATTR_AXIS), e.integer(RLX_ATTR_LOG, 0) != 0, false)};
}

namespace {

/// x, or x + residual rounded to their dtype as a separate add would.
ValueId stream(Expansion& e, bool residual) { return residual ? e.add(e.in(0), e.in(1)) : e.in(0); }

Outputs with_stream(bool residual, ValueId y, ValueId sum) { return residual ? Outputs{y, sum} : Outputs{y}; }

}  // namespace

Outputs expand_layer_norm(Expansion& e) {
  const bool residual = e.integer(RLX_ATTR_HAS_RESIDUAL, 0) != 0;
  const std::size_t gamma = residual ? 2 : 1;
  const ValueId z = stream(e, residual);
  ValueId y = e.standardize(e.wide(z), e.last_axis_or(RLX_ATTR_AXIS), e.real(RLX_ATTR_EPS, 1e-5));
  y = e.mul(y, e.wide(e.in(gamma)));
  if (e.has(gamma + 1)) y = e.add(y, e.wide(e.in(gamma + 1)));
  return with_stream(residual, y, z);
}

Outputs expand_rms_norm(Expansion& e) {
  const bool residual = e.integer(RLX_ATTR_HAS_RESIDUAL, 0) != 0;
  const ValueId z = stream(e, residual);
  const ValueId x = e.wide(z);
  const ValueId mean_square = e.mean_from(e.mul(x, x), e.last_axis_or(RLX_ATTR_AXIS));
  ValueId gamma = e.wide(e.in(residual ? 2 : 1));
  if (const double offset = e.real(RLX_ATTR_GAMMA_OFFSET, 0); offset != 0) gamma = e.plus(gamma, offset);
  const ValueId y = e.mul(e.mul(x, e.rsqrt_eps(mean_square, e.real(RLX_ATTR_EPS, 1e-5))), gamma);
  return with_stream(residual, y, z);
}

Outputs expand_group_norm(Expansion& e) {
  const Dims& dims = e.dims(0);
  const Dim groups = attr_dim(e.node(), RLX_ATTR_GROUPS, 1);
  const Dim members = floor_div(dims[1], groups) * product(std::span<const Dim>(dims).subspan(2));
  const ValueId x = e.b().reshape(e.wide(e.in(0)), {dims[0], groups, members});
  ValueId y = e.b().reshape(e.standardize(x, 2, e.real(RLX_ATTR_EPS, 1e-5)), dims);
  y = e.mul(y, e.on_axis(e.wide(e.in(1)), 1, dims.size()));
  return {e.add(y, e.on_axis(e.wide(e.in(2)), 1, dims.size()))};
}

Outputs expand_batch_norm(Expansion& e) {
  const auto axis = static_cast<std::size_t>(e.integer(RLX_ATTR_AXIS, 1));
  const auto on_channel = [&](ValueId x) { return e.on_axis(x, axis, e.shape(0).rank()); };
  const ValueId spread = e.rsqrt_eps(e.wide(e.in(4)), e.real(RLX_ATTR_EPS, 1e-5));
  const ValueId scale = e.mul(spread, e.wide(e.in(1)));
  const ValueId x = e.wide(e.in(0));
  const ValueId centered = e.sub(x, on_channel(e.wide(e.in(3))));
  const ValueId scaled = e.mul(centered, on_channel(scale));
  return {e.add(scaled, on_channel(e.wide(e.in(2))))};
}

Outputs expand_embed_norm(Expansion& e) {
  const auto n = static_cast<std::size_t>(e.integer(RLX_ATTR_PARTS, 1));
  ValueId sum = kAbsent;
  for (std::size_t i = 0; i < n; ++i) {
    const ValueId rows =
        e.wide(e.b().gather(e.in(n + i), e.in(i), 0, e.integer(RLX_ATTR_INDEX_POLICY, RLX_INDEX_ERROR),
                            e.integer(RLX_ATTR_NEGATIVE_INDICES, 0) != 0));
    sum = i == 0 ? rows : e.add(sum, rows);
  }
  const ValueId x = e.b().reshape(sum, e.result_dims(0));
  const std::size_t last = e.result_dims(0).size() - 1;
  ValueId y = e.standardize(x, last, e.real(RLX_ATTR_EPS, 1e-5));
  y = e.mul(y, e.wide(e.in(2 * n)));
  return {e.add(y, e.wide(e.in(2 * n + 1)))};
}

}  // namespace rlx::expand_detail
