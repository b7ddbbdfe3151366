// SPDX-License-Identifier: Apache-2.0
// Rules of what reads where an index says: indices in padding are 0, and none may point into padding.
#include <algorithm>
#include <cstring>
#include <optional>

#include "runtime/compile/padding_walk.h"

namespace rlx::padding_detail {
namespace {

/// The indices that a constant holds; nothing where they are known at run time only.
std::optional<std::vector<std::int64_t>> constant_indices(const Graph& graph, ValueId id) {
  const Value& value = graph.values[id];
  if (value.kind != ValueKind::kConstant) return std::nullopt;
  const std::vector<std::byte>& bytes = *graph.constants[value.index].bytes;
  const std::size_t width = dtype_bytes(value.shape.dtype);
  std::vector<std::int64_t> indices;
  for (std::size_t at = 0; at + width <= bytes.size(); at += width) {
    std::int32_t narrow = 0;
    std::int64_t wide = 0;
    if (value.shape.dtype == DType::kI32) std::memcpy(&narrow, bytes.data() + at, 4);
    else std::memcpy(&wide, bytes.data() + at, 8);
    indices.push_back(value.shape.dtype == DType::kI32 ? narrow : wide);
  }
  return indices;
}

/// Every index is a place that is real whatever the binding.
bool surely_real(const Padder& p, ValueId indices, const PadAxis& axis) {
  const auto known = constant_indices(p.graph_, indices);
  if (!known || !is_symbol_axis(axis)) return false;
  return std::all_of(known->begin(), known->end(), [&](std::int64_t index) { return index >= 0 && index < p.least(axis[0]); });
}

}  // namespace

Status pad_gather(Padder& p, Visit& v) {
  const PadLayout data = p.of(v, 0), indices = p.of(v, 1);
  const auto axis = static_cast<std::size_t>(attr_i64(v.node, RLX_ATTR_AXIS, 0));
  const auto batch = static_cast<std::size_t>(attr_i64(v.node, RLX_ATTR_BATCH_DIMS, 0));
  const Dims dims = p.shape(v.node.operands[0]).dims;
  if (!data[axis].empty() && !surely_real(p, v.node.operands[1], data[axis]))
    return p.refuse(v, "it reads ", to_string(dims), " along the padded axis ", axis, " where indices say: they could name padding");
  PadLayout result;
  for (std::size_t k = 0; k < batch; ++k) {
    if (data[k] != indices[k]) return p.refuse(v, "batch axis ", k, " is padded in one operand only");
    result.push_back(data[k]);
  }
  for (std::size_t k = batch; k < axis; ++k) result.push_back(data[k]);
  for (std::size_t k = batch; k < indices.size(); ++k) result.push_back(indices[k]);
  for (std::size_t k = axis + 1; k < data.size(); ++k) result.push_back(data[k]);
  v.node.operands[1] = p.masked(v.node.operands[1], 0);
  v.layouts = {result};
  return {};
}

Status pad_gather_elements(Padder& p, Visit& v) {
  const PadLayout data = p.of(v, 0), indices = p.of(v, 1);
  const auto axis = static_cast<std::size_t>(attr_i64(v.node, RLX_ATTR_AXIS, 0));
  if (!data[axis].empty())
    return p.refuse(v, "it reads ", to_string(p.shape(v.node.operands[0])), " along the padded axis ", axis, " where indices say: they could name padding");
  for (std::size_t k = 0; k < data.size(); ++k)
    if (k != axis && data[k] != indices[k]) return p.refuse(v, "axis ", k, " is padded in one operand only");
  v.node.operands[1] = p.masked(v.node.operands[1], 0);
  v.layouts = {indices};
  return {};
}

/// x [B, H, S, D]; cos and sin [S, half] or [B, S, half], or tables that positions [B, S] index.
Status pad_rope(Padder& p, Visit& v) {
  const PadLayout x = p.of(v, 0);
  const bool gathered = v.node.operands.size() > 3 && v.node.operands[3] != kAbsent;
  v.expand = !x[3].empty();
  for (std::size_t i = 1; i <= 2; ++i) {
    const PadLayout table = p.of(v, i);
    const PadLayout wanted = gathered ? PadLayout(2) : table.size() == 2 ? PadLayout{x[2], {}} : PadLayout{x[0], x[2], {}};
    v.expand = v.expand || table != wanted;
  }
  if (gathered) {
    v.expand = v.expand || p.of(v, 3) != PadLayout{x[0], x[2]};
    if (!v.expand) v.node.operands[3] = p.masked(v.node.operands[3], 0);
  }
  v.layouts = {x};
  return {};
}

}  // namespace rlx::padding_detail
