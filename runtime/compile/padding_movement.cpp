// SPDX-License-Identifier: Apache-2.0
// Rules of what moves elements: what is real must stay in front.
#include <algorithm>

#include "runtime/compile/padding_walk.h"

namespace rlx::padding_detail {
namespace {

bool is_number(const Dim& dim, std::int64_t number) { return dim.is_number() && dim.number() == number; }

}  // namespace

Status pad_iota(Padder& p, Visit& v) {
  const Dims dims = attr_dims(v.node, RLX_ATTR_DIMS);
  PadLayout result(dims.size());
  for (std::size_t axis = 0; axis < dims.size(); ++axis) {
    if (p.is_free(dims[axis])) continue;
    if (!p.is_padded_symbol(dims[axis])) return p.refuse(v, "it counts to `", dims[axis].to_string(), "`, wanted one symbol");
    result[axis] = {{dims[axis], true}};
  }
  v.layouts = {result};
  return {};
}

Status pad_reshape(Padder& p, Visit& v) {
  const Dims target = attr_dims(v.node, RLX_ATTR_DIMS);
  const Shape& from = p.shape(v.node.operands[0]);
  const auto result = reshaped(p.of(v, 0), from.dims, target);
  if (!result) return p.refuse(v, "from ", to_string(from.dims), " to ", to_string(target), " rows of what is real would be torn apart");
  v.layouts = {*result};
  return {};
}

Status pad_transpose(Padder& p, Visit& v) {
  const PadLayout from = p.of(v, 0);
  PadLayout result;
  for (const std::int64_t axis : attr_i64s(v.node, RLX_ATTR_PERM)) result.push_back(from[static_cast<std::size_t>(axis)]);
  v.layouts = {result};
  return {};
}

Status pad_broadcast(Padder& p, Visit& v) {
  const Dims target = attr_dims(v.node, RLX_ATTR_DIMS);
  const Dims from = p.shape(v.node.operands[0]).dims;
  const PadLayout layout = p.of(v, 0);
  PadLayout result(target.size());
  const std::size_t lead = target.size() - from.size();
  for (std::size_t axis = 0; axis < target.size(); ++axis) {
    const Dim& dim = target[axis];
    if (axis >= lead && !layout[axis - lead].empty()) {
      result[axis] = layout[axis - lead];
      continue;
    }
    if (p.is_free(dim)) continue;
    if (!p.is_padded_symbol(dim) || (axis >= lead && !is_number(from[axis - lead], 1)))
      return p.refuse(v, "it repeats to `", dim.to_string(), "` along axis ", axis, ", wanted one symbol");
    result[axis] = {{dim, true}};
  }
  v.layouts = {result};
  return {};
}

/// What begins at a fixed place and has no more elements than are real, or as many as are padded.
Status pad_slice(Padder& p, Visit& v) {
  const PadLayout from = p.of(v, 0);
  const Dims dims = p.shape(v.node.operands[0]).dims;
  const Dims start = attr_dims(v.node, RLX_ATTR_START), limit = attr_dims(v.node, RLX_ATTR_LIMIT), step = attr_dims(v.node, RLX_ATTR_STEP);
  PadLayout result(from.size());
  for (std::size_t axis = 0; axis < from.size(); ++axis) {
    const bool whole = is_number(start[axis], 0) && limit[axis] == dims[axis] && is_number(step[axis], 1);
    if (whole && (p.is_free(dims[axis]) || !from[axis].empty())) {
      result[axis] = from[axis];
      continue;
    }
    const bool fixed = p.is_free(start[axis]) && p.is_free(step[axis]) && step[axis].is_number() && step[axis].number() > 0;
    const bool simple = from[axis].empty() ? p.is_free(dims[axis]) : is_symbol_axis(from[axis]);
    const Dim size = limit[axis] - start[axis];
    if (fixed && simple && p.is_free(limit[axis])) continue;
    if (fixed && simple && from[axis].empty() && is_number(step[axis], 1) && p.is_padded_symbol(size)) {
      result[axis] = {{size, true}};
      continue;
    }
    return p.refuse(v, "from `", start[axis].to_string(), "` to `", limit[axis].to_string(), "` along axis ", axis, " of ", to_string(dims),
                    ": what it takes lies elsewhere once the axis is padded");
  }
  v.layouts = {result};
  return {};
}

/// A block that is all of a padded axis can begin nowhere but at its front.
Status pad_dynamic_slice(Padder& p, Visit& v) {
  const PadLayout from = p.of(v, 0);
  const Dims sizes = attr_dims(v.node, RLX_ATTR_SIZES);
  const Dims dims = p.shape(v.node.operands[0]).dims;
  for (std::size_t axis = 0; axis < from.size(); ++axis)
    if (from[axis].empty() ? !p.is_free(sizes[axis]) : !(sizes[axis] == dims[axis]))
      return p.refuse(v, "a block of `", sizes[axis].to_string(), "` along axis ", axis, " of ", to_string(dims), " could reach into padding, or leave the axis");
  v.layouts = {from};
  return {};
}

Status pad_dynamic_update_slice(Padder& p, Visit& v) {
  const PadLayout x = p.of(v, 0), update = p.of(v, 1);
  const Dims dims = p.shape(v.node.operands[0]).dims, written = p.shape(v.node.operands[1]).dims;
  for (std::size_t axis = 0; axis < x.size(); ++axis)
    if (x[axis] != update[axis] || (!x[axis].empty() && !(dims[axis] == written[axis])))
      return p.refuse(v, "a block of `", written[axis].to_string(), "` along axis ", axis, " of ", to_string(dims), " would write padding over what is real");
  v.layouts = {x};
  return {};
}

Status pad_concat(Padder& p, Visit& v) {
  const auto along = static_cast<std::size_t>(attr_i64(v.node, RLX_ATTR_AXIS, 0));
  const PadLayout first = p.of(v, 0);
  for (std::size_t i = 0; i < v.node.operands.size(); ++i) {
    const PadLayout layout = p.of(v, i);
    if (!layout[along].empty() || !p.is_free(p.shape(v.node.operands[i]).dims[along]))
      return p.refuse(v, "operand ", i, " is ", to_string(p.shape(v.node.operands[i])), ", padded along the axis ", along, " on which parts follow each other");
    if (layout != first) return p.refuse(v, "operand ", i, " is padded otherwise than operand 0");
  }
  v.layouts = {first};
  return {};
}

Status pad_pad(Padder& p, Visit& v) {
  const PadLayout from = p.of(v, 0);
  for (const std::uint32_t key : {RLX_ATTR_LOW, RLX_ATTR_HIGH, RLX_ATTR_INTERIOR}) {
    const Dims amounts = attr_dims(v.node, key);
    for (std::size_t axis = 0; axis < amounts.size(); ++axis)
      if (from[axis].empty() ? !p.is_free(amounts[axis]) : !is_number(amounts[axis], 0))
        return p.refuse(v, "it adds `", amounts[axis].to_string(), "` elements along axis ", axis, " of ", to_string(p.shape(v.node.operands[0]).dims));
  }
  v.layouts = {from};
  return {};
}

}  // namespace rlx::padding_detail
