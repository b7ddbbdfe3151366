// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/controller/coverage.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "runtime/ir/lir/parse_image.h"
#include "runtime/ir/op.h"

namespace rlx::conform {
namespace {

std::string op_text(std::uint32_t opcode) {
  const std::string_view name = op_name(opcode);
  return name.empty() ? "op " + std::to_string(opcode) : std::string(name);
}

void take_claims(const Facts& facts, Coverage& out) {
  for (const Claim& claim : facts.claims)
    for (std::uint32_t dtype = 0; dtype < 64; ++dtype)
      if (claim.dtypes >> dtype & 1) out.ops[op_text(claim.opcode)][dtype].claimed = true;
}

/// A case of one op is refused for what it is; in one of many the others may be why.
void take_refusal(const Outcome& outcome, Coverage& out) {
  if (std::none_of(outcome.covers.begin(), outcome.covers.end(), [](const Cover& cover) { return cover.alone; })) return;
  for (const Cover& cover : outcome.covers) ++out.ops[op_text(cover.opcode)][cover.dtype].refused;
}

void take_outcome(const Outcome& outcome, Coverage& out) {
  if (outcome.refused) return take_refusal(outcome, out);
  const bool passed = outcome.status == CaseStatus::kPass || outcome.status == CaseStatus::kWeak || outcome.status == CaseStatus::kXpass;
  const bool failed = outcome.status == CaseStatus::kFail || outcome.status == CaseStatus::kCrash || outcome.status == CaseStatus::kHang ||
                      outcome.status == CaseStatus::kWaived || outcome.status == CaseStatus::kFlaky;
  if ((!passed && !failed) || (passed && !outcome.elements)) return;  // where nothing was compared nothing was tested
  for (const Cover& cover : outcome.covers) {
    Cell& cell = out.ops[op_text(cover.opcode)][cover.dtype];
    ++(passed ? cell.passed : cell.failed);
    if (!cover.alone) continue;
    cell.elements += outcome.elements;
    cell.worst = std::max(cell.worst, outcome.worst);
    cell.measured |= outcome.measured;
  }
}

}  // namespace

std::string dtype_text(std::uint32_t number) {
  const std::string_view name = dtype_name(static_cast<DType>(number));
  return name.empty() || name == "none" ? "dtype " + std::to_string(number) : std::string(name);
}

Coverage coverage_of(const Facts& facts, const std::vector<Outcome>& outcomes) {
  Coverage out;
  take_claims(facts, out);
  for (const Outcome& outcome : outcomes) take_outcome(outcome, out);
  std::set<std::uint32_t> dtypes;
  for (const auto& [op, row] : out.ops)
    for (const auto& [dtype, cell] : row) {
      dtypes.insert(dtype);
      if (!cell.claimed) continue;
      ++out.claimed;
      if (cell.tested())
        ++out.tested;
      else
        out.untested.push_back(op + " " + dtype_text(dtype));
      if (!cell.tested() && cell.refused) out.refused.push_back(op + " " + dtype_text(dtype));
    }
  out.dtypes.assign(dtypes.begin(), dtypes.end());
  return out;
}

void note_covers(const std::string& image, Outcome& outcome) {
  std::vector<std::uint64_t> words((image.size() + 7) / 8);
  std::memcpy(words.data(), image.data(), image.size());
  const auto module = lir::parse_image({reinterpret_cast<const std::byte*>(words.data()), image.size()});
  if (!module || module->regions.empty()) return;
  const lir::Region& main = module->regions[0];
  for (std::size_t i = 0; i < module->ops.size(); ++i) {
    const lir::Op& op = module->ops[i];
    if (!op.ns.empty() && op.ns != "rlx") continue;
    const bool alone = main.op_count == 1 && i == main.first_op;
    std::set<std::uint32_t> seen;
    const auto take = [&](std::uint32_t value, bool result) {
      if (value >= module->values.size()) return;
      const auto dtype = static_cast<std::uint32_t>(module->values[value].dtype);
      if (!seen.insert(dtype).second) return;
      const bool known = std::any_of(outcome.covers.begin(), outcome.covers.end(), [&](const Cover& c) { return c.opcode == op.opcode && c.dtype == dtype; });
      if (!known) outcome.covers.push_back({op.opcode, dtype, alone && result});
    };
    for (const std::uint32_t value : op.results) take(value, true);
    for (const std::uint32_t value : op.operands) take(value, false);
  }
}

}  // namespace rlx::conform
