// SPDX-License-Identifier: Apache-2.0
// OPS-13: every operand of every op through windows: gaps between rows, reversed, axes swapped, repeated, at an offset.
#include <algorithm>
#include <set>

#include "tools/conform/numeric/ops.h"

namespace rlx::conform {

std::optional<OpCase> through_window(const OpCase& op_case, std::size_t index, Way way) {
  static constexpr const char* kNames[] = {"dense", "gaps", "reversed", "swapped", "repeated", "offset"};
  const OperandCase& from = op_case.operands[index];
  const std::size_t rank = from.dims.size();
  if (from.dtype == DType::kNone || from.window || way == Way::kDense || (rank == 0 && way != Way::kOffset) || (way == Way::kSwapped && rank < 2)) return std::nullopt;
  if (reference::element_count(from.dims) == 0) return std::nullopt;
  Window window{from.dims, {}, 0};
  if (way == Way::kGaps) window.root.back() += 3;
  if (way == Way::kOffset) {
    if (rank == 0) window.root = {1};
    window.root[0] += 2;
  }
  if (way == Way::kSwapped) std::swap(window.root[rank - 1], window.root[rank - 2]);
  if (way == Way::kRepeated) window.root[rank > 1 ? rank - 2 : 0] = 1;
  const Sizes dense = reference::dense_strides(window.root);
  window.strides = rank == 0 ? Sizes() : dense;
  if (way == Way::kOffset) window.offset = dense[0] * (rank == 0 ? 2 : 1);
  if (way == Way::kSwapped) std::swap(window.strides[rank - 1], window.strides[rank - 2]);
  if (way == Way::kRepeated) window.strides[rank > 1 ? rank - 2 : 0] = 0;
  if (way == Way::kReversed)
    for (std::size_t axis = 0; axis < rank; ++axis) {
      window.offset += (from.dims[axis] - 1) * dense[axis];
      window.strides[axis] = -dense[axis];
    }
  OpCase out = op_case;
  out.operands[index].window = window;
  out.name += "/x" + std::to_string(index) + "_" + kNames[static_cast<int>(way)];
  return out;
}

const CaseList& strides() {
  static const CaseList list([] {
    std::vector<OpCase> out;
    std::set<std::pair<Opcode, DType>> first;  // the first case of each op and dtype runs in every profile
    for (const OpCase& each : all_op_cases()) {
      if (each.op == RLX_OP_IF || each.op == RLX_OP_WHILE) continue;
      const bool chosen = first.insert({each.op, each.dtype()}).second;
      const bool quick = chosen && each.dtype() == DType::kF32;
      if (!quick && !(each.effort == 0 && each.dtype() == DType::kF32) && !(chosen && (dtype_bytes(each.dtype()) != 4))) continue;
      for (std::size_t i = 0; i < each.operands.size(); ++i) {
        const bool pattern = !each.operands[i].fill.integers.empty() && !is_float(each.operands[i].dtype);  // must stay in its order
        for (const Way way : {Way::kGaps, Way::kReversed, Way::kSwapped, Way::kRepeated, Way::kOffset}) {
          if (pattern && way != Way::kGaps) continue;
          auto made = pattern ? std::optional<OpCase>() : through_window(each, i, way);
          if (!made) continue;
          made->effort = quick && (i < 2 || way == Way::kGaps) ? 0 : 1;
          out.push_back(std::move(*made));
        }
      }
    }
    return out;
  }());
  return list;
}

}  // namespace rlx::conform
