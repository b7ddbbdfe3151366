// SPDX-License-Identifier: Apache-2.0
// Reading claim rows.
#include "runtime/compile/target.h"

#include <algorithm>

namespace rlx {

Layout operand_layout(const Target& target, Opcode opcode, DType dtype, std::size_t index) {
  bool found = false;
  auto best = Layout::kDense;
  for (const ClaimRow& row : target.claims) {
    if (row.opcode != opcode || !(row.dtypes >> static_cast<std::uint32_t>(dtype) & 1)) continue;
    const auto bits = row.operand_layouts >> (2 * std::min<std::size_t>(index, 31)) & 3;
    best = std::max(best, static_cast<Layout>(std::min<std::uint64_t>(bits, 2)));
    found = true;
  }
  return found ? best : Layout::kAny;
}

}  // namespace rlx
