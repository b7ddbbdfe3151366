// SPDX-License-Identifier: Apache-2.0
// Which operation goes with which rule, and the rules of what is computed row by row or folds an axis.
#include <algorithm>
#include <limits>

#include "runtime/compile/padding_walk.h"

namespace rlx::padding_detail {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::size_t axis_of(const Padder& p, const Visit& v, std::int64_t otherwise) {
  const auto rank = static_cast<std::int64_t>(p.shape(v.node.operands[0]).rank());
  return static_cast<std::size_t>(attr_i64(v.node, RLX_ATTR_AXIS, otherwise < 0 ? rank + otherwise : otherwise));
}

std::vector<std::size_t> axes_of(const Node& node, std::uint32_t key) {
  std::vector<std::size_t> axes;
  for (const std::int64_t axis : attr_i64s(node, key)) axes.push_back(static_cast<std::size_t>(axis));
  return axes;
}

bool has(const std::vector<std::size_t>& axes, std::size_t axis) { return std::find(axes.begin(), axes.end(), axis) != axes.end(); }

bool padded_from(const PadLayout& layout, std::size_t axis) {
  return std::any_of(layout.begin() + static_cast<std::ptrdiff_t>(std::min(axis, layout.size())), layout.end(), [](const PadAxis& each) { return !each.empty(); });
}

/// What leaves a fold as it is. Integers end where their dtype does.
double identity(std::int64_t fn) {
  switch (fn) {
    case RLX_REDUCE_PROD:
    case RLX_REDUCE_ALL: return 1;
    case RLX_REDUCE_MAX: return -kInfinity;
    case RLX_REDUCE_MIN: return kInfinity;
    default: return 0;
  }
}

/// Elements at the same place of operands that repeat along axes of 1.
Status pad_pointwise(Padder& p, Visit& v) {
  PadLayout result = p.of(v, 0);
  Dims dims = p.shape(v.node.operands[0]).dims;
  for (std::size_t i = 1; i < v.node.operands.size(); ++i) {
    const ValueId id = v.node.operands[i];
    if (id == kAbsent) continue;
    const PadLayout layout = p.layout(id);
    for (std::size_t axis = 0; axis < dims.size(); ++axis) {
      const Dim& size = p.shape(id).dims[axis];
      const auto both = joined(result[axis], dims[axis], layout[axis], size);
      if (!both)
        return p.refuse(v, "operand ", i, " is ", to_string(p.shape(id)), ", the others ", to_string(dims), ": along axis ", axis, " only one of them is padded, or otherwise");
      result[axis] = *both;
      if (dims[axis].is_number() && dims[axis].number() == 1) dims[axis] = size;
    }
  }
  v.layouts.assign(v.node.results.size(), result);
  return {};
}

bool is_pointwise(Opcode op) {
  switch (op) {
    case RLX_OP_COPY:
    case RLX_OP_UNARY:
    case RLX_OP_BINARY:
    case RLX_OP_COMPARE:
    case RLX_OP_SELECT:
    case RLX_OP_CAST:
    case RLX_OP_BITCAST:
    case RLX_OP_ACT:
    case RLX_OP_GATED_ACT: return true;
    default: return false;
  }
}

/// Third parties' steps are not known; sizes among the steps are no one's.
Status pad_elementwise(Padder& p, Visit& v) {
  for (const Node& step : v.node.regions[0]->nodes)
    if (!step.ns.empty() || !is_pointwise(step.op)) {
      v.expand = true;
      return {};
    }
  return pad_pointwise(p, v);
}

Status pad_reduce(Padder& p, Visit& v) {
  const std::vector<std::size_t> axes = axes_of(v.node, RLX_ATTR_AXES);
  const PadLayout from = p.of(v, 0);
  v.node.operands[0] = p.masked(v.node.operands[0], axes, identity(attr_i64(v.node, RLX_ATTR_FN, 0)));
  PadLayout result;
  for (std::size_t axis = 0; axis < from.size(); ++axis) {
    if (!has(axes, axis)) result.push_back(from[axis]);
    else if (attr_i64(v.node, RLX_ATTR_KEEP, 0)) result.push_back({});
  }
  v.layouts = {result};
  return {};
}

/// The first of the greatest or least: what is real comes before what fills the rest.
Status pad_arg_reduce(Padder& p, Visit& v) {
  const std::size_t axis = axis_of(p, v, -1);
  PadLayout result = p.of(v, 0);
  if (!result[axis].empty()) {
    if (!is_symbol_axis(result[axis])) return p.refuse(v, "indices count along an axis that is padded in its middle");
    if (attr_i64(v.node, RLX_ATTR_TIE, 0) != 0) return p.refuse(v, "the last of equal elements could be padding");
    v.node.operands[0] = p.masked(v.node.operands[0], {axis}, identity(attr_i64(v.node, RLX_ATTR_FN, RLX_REDUCE_MAX)));
  }
  result[axis] = {};
  if (!attr_i64(v.node, RLX_ATTR_KEEP, 0)) result.erase(result.begin() + static_cast<std::ptrdiff_t>(axis));
  v.layouts = {result};
  return {};
}

/// Equal elements keep their order, so fillers come last.
Status pad_top_k(Padder& p, Visit& v) {
  const std::size_t axis = axis_of(p, v, -1);
  PadLayout result = p.of(v, 0);
  const Dim count = attr_dim(v.node, RLX_ATTR_K, 0);
  if (!p.is_free(count)) return p.refuse(v, "K is `", count.to_string(), "`, which would count padding");
  if (!result[axis].empty()) {
    if (!is_symbol_axis(result[axis])) return p.refuse(v, "indices count along an axis that is padded in its middle");
    if (!attr_i64(v.node, RLX_ATTR_LARGEST, 1)) return p.refuse(v, "among the least elements NaN stands behind every filler");
    v.node.operands[0] = p.masked(v.node.operands[0], {axis}, -kInfinity);
  }
  result[axis] = {};
  v.layouts = {result, result};
  return {};
}

/// Forwards nothing behind an element counts; backwards padding is the identity.
Status pad_cumulate(Padder& p, Visit& v) {
  const std::size_t axis = axis_of(p, v, -1);
  v.layouts = {p.of(v, 0)};
  const PadAxis& along = v.layouts[0][axis];
  if (along.empty() || (is_symbol_axis(along) && !attr_i64(v.node, RLX_ATTR_REVERSE, 0))) return {};
  v.node.operands[0] = p.masked(v.node.operands[0], {axis}, identity(attr_i64(v.node, RLX_ATTR_FN, RLX_REDUCE_SUM)));
  return {};
}

Status pad_dot(Padder& p, Visit& v) {
  const std::vector<std::size_t> contract_a = axes_of(v.node, RLX_ATTR_CONTRACT_A), contract_b = axes_of(v.node, RLX_ATTR_CONTRACT_B);
  const std::vector<std::size_t> batch_a = axes_of(v.node, RLX_ATTR_BATCH_A), batch_b = axes_of(v.node, RLX_ATTR_BATCH_B);
  const PadLayout a = p.of(v, 0), b = p.of(v, 1);
  for (std::size_t i = 0; i < contract_a.size(); ++i)
    if (a[contract_a[i]] != b[contract_b[i]]) return p.refuse(v, "axis ", contract_a[i], " of operand 0 is padded otherwise than axis ", contract_b[i], " of operand 1");
  PadLayout result;
  for (std::size_t i = 0; i < batch_a.size(); ++i) {
    if (a[batch_a[i]] != b[batch_b[i]]) return p.refuse(v, "batch axis ", batch_a[i], " of operand 0 is padded otherwise than axis ", batch_b[i], " of operand 1");
    result.push_back(a[batch_a[i]]);
  }
  for (std::size_t axis = 0; axis < a.size(); ++axis)
    if (!has(contract_a, axis) && !has(batch_a, axis)) result.push_back(a[axis]);
  for (std::size_t axis = 0; axis < b.size(); ++axis)
    if (!has(contract_b, axis) && !has(batch_b, axis)) result.push_back(b[axis]);
  v.node.operands[0] = p.masked(v.node.operands[0], contract_a, 0);  // both: 0 times NaN is NaN
  v.node.operands[1] = p.masked(v.node.operands[1], contract_b, 0);
  v.layouts = {result};
  return {};
}

Status pad_softmax(Padder& p, Visit& v) {
  v.layouts = {p.of(v, 0)};
  v.node.operands[0] = p.masked(v.node.operands[0], {axis_of(p, v, -1)}, -kInfinity);
  return {};
}

/// Rows of x, and of a residual beside it; the rest is weights.
Status pad_rows(Padder& p, Visit& v, std::size_t row_axes, std::size_t residual) {
  const PadLayout x = p.of(v, 0);
  v.expand = padded_from(x, row_axes);
  for (std::size_t i = 1; i < v.node.operands.size(); ++i)
    if (i == residual ? p.of(v, i) != x : is_padded(p.of(v, i))) v.expand = true;
  v.layouts.assign(v.node.results.size(), x);
  return {};
}

Status pad_linear(Padder& p, Visit& v) {
  return pad_rows(p, v, p.of(v, 0).size() - 1, attr_i64(v.node, RLX_ATTR_HAS_RESIDUAL, 0) ? v.node.operands.size() - 1 : SIZE_MAX);
}

Status pad_norm(Padder& p, Visit& v) {
  return pad_rows(p, v, axis_of(p, v, -1), attr_i64(v.node, RLX_ATTR_HAS_RESIDUAL, 0) ? 1 : SIZE_MAX);
}

Status pad_batch_norm(Padder& p, Visit& v) {
  v.expand = !p.of(v, 0)[axis_of(p, v, 1)].empty();
  v.layouts = {p.of(v, 0)};
  return {};
}

/// Images beside each other; windows and channels see no padding.
Status pad_images(Padder& p, Visit& v) {
  PadLayout result(p.shape(v.node.operands[0]).rank());
  result[0] = p.of(v, 0)[0];
  for (std::size_t i = 0; i < v.node.operands.size(); ++i) {
    const PadLayout layout = p.of(v, i);
    const bool images = i == 0 || (i + 1 == v.node.operands.size() && attr_i64(v.node, RLX_ATTR_HAS_RESIDUAL, 0));
    if (images ? padded_from(layout, 1) || layout[0] != result[0] : is_padded(layout))
      return p.refuse(v, "windows or channels along a padded axis of operand ", i, " would take padding for what is real");
  }
  v.layouts.assign(v.node.results.size(), result);
  return {};
}

using Rule = Status (*)(Padder&, Visit&);

Rule rule_of(Opcode op) {
  switch (op) {
    case RLX_OP_ELEMENTWISE: return pad_elementwise;
    case RLX_OP_IOTA: return pad_iota;
    case RLX_OP_RESHAPE: return pad_reshape;
    case RLX_OP_TRANSPOSE: return pad_transpose;
    case RLX_OP_BROADCAST: return pad_broadcast;
    case RLX_OP_SLICE: return pad_slice;
    case RLX_OP_DYNAMIC_SLICE: return pad_dynamic_slice;
    case RLX_OP_DYNAMIC_UPDATE_SLICE: return pad_dynamic_update_slice;
    case RLX_OP_CONCAT: return pad_concat;
    case RLX_OP_PAD: return pad_pad;
    case RLX_OP_GATHER: return pad_gather;
    case RLX_OP_GATHER_ELEMENTS: return pad_gather_elements;
    case RLX_OP_REDUCE: return pad_reduce;
    case RLX_OP_ARG_REDUCE: return pad_arg_reduce;
    case RLX_OP_CUMULATE: return pad_cumulate;
    case RLX_OP_TOP_K: return pad_top_k;
    case RLX_OP_DOT: return pad_dot;
    case RLX_OP_CONV:
    case RLX_OP_REDUCE_WINDOW:
    case RLX_OP_CONV_ACT:
    case RLX_OP_AVG_POOL: return pad_images;
    case RLX_OP_LINEAR: return pad_linear;
    case RLX_OP_SOFTMAX: return pad_softmax;
    case RLX_OP_LAYER_NORM:
    case RLX_OP_RMS_NORM: return pad_norm;
    case RLX_OP_BATCH_NORM: return pad_batch_norm;
    case RLX_OP_ATTENTION: return pad_attention;
    case RLX_OP_ROPE: return pad_rope;
    case RLX_OP_SEGMENT_REDUCE: return pad_segment_reduce;
    default: return is_pointwise(op) ? pad_pointwise : nullptr;
  }
}

}  // namespace

Status apply_rule(Padder& p, Visit& v) {
  if (v.node.op == RLX_OP_DIM && v.node.ns.empty()) return {};
  if (const Rule rule = v.node.ns.empty() ? rule_of(v.node.op) : nullptr) return rule(p, v);
  const bool is_loop = v.node.ns.empty() && (v.node.op == RLX_OP_IF || v.node.op == RLX_OP_WHILE);
  v.expand = !is_loop && v.node.regions.size() == 1 && v.node.regions[0];
  if (v.expand) return {};
  return p.refuse(v, "nothing is known of how it treats elements beside each other");
}

}  // namespace rlx::padding_detail
