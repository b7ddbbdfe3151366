// SPDX-License-Identifier: Apache-2.0
// Inference of composites from their operands and attributes alone; their regions must agree with it.
#include "runtime/ir/infer.h"
#include "runtime/ir/infer_context.h"

namespace rlx::infer_detail {
namespace {

/// All operands that are there have the dtype of operand 0, a float.
Status one_float_dtype(const Context& c) {
  RLX_TRY(c.wants_dtype(0, Wants::kFloat));
  for (std::size_t i = 1; i < c.count(); ++i)
    if (c.has(i)) RLX_TRY(c.wants_same_dtype(i, 0));
  return {};
}

Status act_attributes(const Context& c) {
  RLX_TRY(c.choice(RLX_ATTR_ACT, RLX_ACT_NONE, RLX_ACT_NONE, RLX_ACT_THRESHOLDED_RELU));
  RLX_TRY(c.real(RLX_ATTR_ACT_ALPHA, 0));
  RLX_TRY(c.real(RLX_ATTR_ACT_BETA, 0));
  return {};
}

Result<std::size_t> parts(const Context& c) {
  RLX_ASSIGN(const std::int64_t count, c.integer(RLX_ATTR_PARTS, 1));
  if (count < 1 || count > 64) return c.bad_attribute(RLX_ATTR_PARTS, "is ", count, ", wanted 1 to 64");
  return static_cast<std::size_t>(count);
}

/// EPS is a number that is not negative.
Status eps(const Context& c) {
  RLX_ASSIGN(const double value, c.real(RLX_ATTR_EPS, 1e-5));
  if (!(value >= 0)) return c.bad_attribute(RLX_ATTR_EPS, "is ", value, ", wanted 0 or more");
  return {};
}

}  // namespace

Result<Shapes> infer_linear(const Context& c) {
  RLX_ASSIGN(const std::size_t n, parts(c));
  RLX_ASSIGN(const bool bias, c.flag(RLX_ATTR_HAS_BIAS, false));
  RLX_ASSIGN(const bool residual, c.flag(RLX_ATTR_HAS_RESIDUAL, false));
  if (residual && n != 1)
    return c.bad_attribute(RLX_ATTR_HAS_RESIDUAL, "is 1 with ", n, " parts, wanted 1 part");
  RLX_TRY(c.wants_count(1 + n + (bias ? n : 0) + (residual ? 1 : 0)));
  RLX_TRY(one_float_dtype(c));
  RLX_TRY(act_attributes(c));
  RLX_TRY(c.wants_rank_at_least(0, 1));
  RLX_ASSIGN(const std::int64_t layout,
             c.choice(RLX_ATTR_W_LAYOUT, RLX_W_LAYOUT_KN, RLX_W_LAYOUT_KN, RLX_W_LAYOUT_NK));
  if (const AttrValue* alphas = c.find(RLX_ATTR_ALPHAS)) {
    const auto* list = std::get_if<std::vector<double>>(alphas);
    if (!list || list->size() != n)
      return c.bad_attribute(RLX_ATTR_ALPHAS, "has ", list ? list->size() : 0, " reals, wanted ", n);
  }
  const std::size_t k_axis = layout == RLX_W_LAYOUT_NK ? 1 : 0;
  Shapes shapes;
  for (std::size_t i = 1; i <= n; ++i) {
    RLX_TRY(c.wants_rank(i, 2));
    const Dims& w = c.at(i).dims;
    RLX_TRY(c.unify(
        w[k_axis], c.at(0).dims.back(),
        words("K (axis ", k_axis, ") of operand ", i, " ", c.at(i), " against the last axis of ", c.at(0))));
    Shape y = c.at(0);
    y.dims.back() = w[1 - k_axis];
    if (bias) {
      RLX_TRY(c.wants_dims(n + i, Dims{y.dims.back()}));
    }
    shapes.push_back(std::move(y));
  }
  if (residual) {
    RLX_TRY(c.wants_dims(c.count() - 1, shapes[0].dims));
  }
  return shapes;
}

Result<Shapes> infer_softmax(const Context& c) {
  RLX_TRY(c.wants_count(1));
  RLX_TRY(c.wants_dtype(0, Wants::kFloat));
  RLX_TRY(c.wants_rank_at_least(0, 1));
  RLX_TRY(c.axis(RLX_ATTR_AXIS, c.at(0).rank(), static_cast<std::int64_t>(c.at(0).rank()) - 1));
  RLX_TRY(c.flag(RLX_ATTR_LOG, false));
  return Shapes{c.at(0)};
}

namespace {

/// x [, residual], then `scales` vectors over the normalised axes; the last of two may be absent.
Result<Shapes> infer_row_norm(const Context& c, std::size_t scales) {
  RLX_ASSIGN(const bool residual, c.flag(RLX_ATTR_HAS_RESIDUAL, false));
  const std::size_t first = residual ? 2 : 1;
  RLX_TRY(c.wants_count(first + 1, first + scales));
  RLX_TRY(one_float_dtype(c));
  RLX_TRY(eps(c));
  const Shape& x = c.at(0);
  RLX_TRY(c.wants_rank_at_least(0, 1));
  RLX_ASSIGN(const std::size_t axis,
             c.axis(RLX_ATTR_AXIS, x.rank(), static_cast<std::int64_t>(x.rank()) - 1));
  const std::span<const Dim> normed = std::span<const Dim>(x.dims).subspan(axis);
  for (std::size_t i = first; i < c.count(); ++i)
    if (c.has(i)) RLX_TRY(c.wants_dims(i, normed));
  if (!residual) return Shapes{x};
  RLX_TRY(c.wants_dims(1, x.dims));
  RLX_ASSIGN(const std::size_t results, c.results_wanted(1, 2, 2));
  return Shapes(results, x);
}

}  // namespace

Result<Shapes> infer_layer_norm(const Context& c) { return infer_row_norm(c, 2); }

Result<Shapes> infer_rms_norm(const Context& c) {
  RLX_TRY(c.real(RLX_ATTR_GAMMA_OFFSET, 0));
  return infer_row_norm(c, 1);
}

Result<Shapes> infer_group_norm(const Context& c) {
  RLX_TRY(c.wants_count(3));
  RLX_TRY(one_float_dtype(c));
  RLX_TRY(eps(c));
  RLX_TRY(c.wants_rank_at_least(0, 2));
  const Dim& channels = c.at(0).dims[1];
  RLX_ASSIGN(const Dim groups, c.dim(RLX_ATTR_GROUPS));
  if (groups.is_number() && groups.number() < 1)
    return c.bad_attribute(RLX_ATTR_GROUPS, "is ", groups.to_string(), ", wanted 1 or more");
  RLX_TRY(c.unify(mod(channels, groups), 0,
                  words("axis 1 of operand 0 ", c.at(0), " modulo ", groups, " groups")));
  RLX_TRY(c.wants_dims(1, Dims{channels}));
  RLX_TRY(c.wants_dims(2, Dims{channels}));
  return Shapes{c.at(0)};
}

Result<Shapes> infer_batch_norm(const Context& c) {
  RLX_TRY(c.wants_count(5));
  RLX_TRY(one_float_dtype(c));
  RLX_TRY(eps(c));
  RLX_ASSIGN(const std::size_t axis, c.axis(RLX_ATTR_AXIS, c.at(0).rank(), 1));
  for (std::size_t i = 1; i < 5; ++i) RLX_TRY(c.wants_dims(i, Dims{c.at(0).dims[axis]}));
  return Shapes{c.at(0)};
}

Result<Shapes> infer_rope(const Context& c) {
  RLX_TRY(c.wants_count(3, 4));
  RLX_TRY(c.wants_dtype(0, Wants::kFloat));
  RLX_TRY(c.wants_same_dtype(1, 0));
  RLX_TRY(c.wants_same_dtype(2, 0));
  RLX_TRY(c.wants_rank(0, 4));
  RLX_TRY(c.flag(RLX_ATTR_INTERLEAVED, false));
  const Dims& x = c.at(0).dims;
  Dim rotary = x[3];
  if (c.find(RLX_ATTR_ROTARY_DIMS)) {
    RLX_ASSIGN(rotary, c.dim(RLX_ATTR_ROTARY_DIMS));
    RLX_TRY(c.sizes_not_negative(Dims{rotary}, RLX_ATTR_ROTARY_DIMS));
    RLX_TRY(c.at_least(x[3], rotary, words("the last axis of operand 0 ", c.at(0))));
  }
  RLX_TRY(c.unify(mod(rotary, 2), 0, words("the rotary size ", rotary, " modulo 2")));
  const Dim half = floor_div(rotary, 2);
  for (std::size_t i = 1; i <= 2; ++i) {
    const bool gathered = c.has(3);
    if (gathered || c.at(i).rank() == 2) {
      RLX_TRY(c.wants_rank(i, 2));
      RLX_TRY(c.wants_dims(i, Dims{gathered ? c.at(1).dims[0] : x[2], half}));
    } else {
      RLX_TRY(c.wants_dims(i, Dims{x[0], x[2], half}));
    }
  }
  if (c.has(3)) {
    RLX_TRY(c.wants_dtype(3, DType::kI64));
    RLX_TRY(c.wants_dims(3, Dims{x[0], x[2]}));
  }
  return Shapes{c.at(0)};
}

Result<Shapes> infer_gated_act(const Context& c) {
  RLX_TRY(c.wants_count(2));
  RLX_TRY(one_float_dtype(c));
  RLX_TRY(act_attributes(c));
  RLX_TRY(c.wants_dims(1, c.at(0).dims));
  return Shapes{c.at(0)};
}

Result<Shapes> infer_embed_norm(const Context& c) {
  RLX_ASSIGN(const std::size_t n, parts(c));
  RLX_TRY(c.wants_count(2 * n + 2));
  RLX_TRY(c.index_attributes(RLX_INDEX_ZERO));
  RLX_TRY(eps(c));
  RLX_TRY(c.wants_dtype(n, Wants::kFloat));
  Dims ids = c.at(0).dims;
  for (std::size_t i = 0; i < n; ++i) {
    RLX_TRY(c.wants_dtype(i, Wants::kIndex));
    RLX_TRY(c.wants_same_dtype(n + i, n));
    RLX_TRY(c.wants_rank(n + i, 2));
    auto joined = broadcast_dims(c.at(i).dims, ids, c.constraints(), join(c.who(), ": ids in operand ", i));
    if (!joined) return std::move(joined).error();
    ids = *std::move(joined);
  }
  const Dim& width = c.at(n).dims[1];
  for (std::size_t i = 1; i < n; ++i)
    RLX_TRY(c.unify(c.at(n + i).dims[1], width, words("axis 1 of operand ", n + i, " ", c.at(n + i))));
  for (std::size_t i = 2 * n; i < 2 * n + 2; ++i) {
    RLX_TRY(c.wants_same_dtype(i, n));
    RLX_TRY(c.wants_dims(i, Dims{width}));
  }
  ids.push_back(width);
  return one(c.at(n).dtype, std::move(ids));
}

Result<Shapes> infer_segment_reduce(const Context& c) {
  RLX_TRY(c.wants_count(2));
  RLX_TRY(c.wants_dtype(0, Wants::kNumber));
  RLX_TRY(c.wants_dtype(1, Wants::kIndex));
  RLX_TRY(c.fn(RLX_REDUCE_MIN));
  RLX_TRY(c.wants_rank_at_least(0, 1));
  RLX_TRY(c.wants_rank(1, 1));
  RLX_TRY(c.at_least(c.at(1).dims[0], 1, words("axis 0 of operand 1 ", c.at(1))));
  Dims dims = c.at(0).dims;
  dims[0] = c.at(1).dims[0] - 1;
  return one(c.at(0).dtype, std::move(dims));
}

Result<Shapes> infer_reserved(const Context& c) {
  return c.error(ErrorCode::kInvalidAttribute, "operation ", op_name(c.node().op),
                 " is reserved: nothing computes with it yet");
}

}  // namespace rlx::infer_detail
