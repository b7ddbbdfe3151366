// SPDX-License-Identifier: Apache-2.0
// The plan of an image as data: who lies where in the arena, from which step to which.
#include <rlx/host/report.hpp>

#include <algorithm>
#include <map>

#include "runtime/base/check.h"
#include "runtime/ir/lir/image.h"
#include "runtime/ir/lir/lives.h"
#include "runtime/ir/lir/sizes.h"

namespace rlx {
namespace {

std::string kind_of(const lir::Op& op) { return op.ns.empty() ? std::string(op_name(op.opcode)) : join(op.ns, ".", op_name(op.opcode)); }

/// The op's own name; else its kind and the first weight that it reads, which says where in the model it stands.
std::string name_of(const lir::Module& module, const lir::Op& op) {
  if (!op.name.empty()) return op.name;
  for (const std::uint32_t operand : op.operands) {
    if (operand == RLX_NO_INDEX) continue;
    const lir::Value& value = module.values[operand];
    const std::uint32_t root = value.storage == lir::Storage::kView ? value.index : operand;
    for (const lir::ParamRef& param : module.params)
      if (param.value == root && !param.owned) return join(kind_of(op), " ", param.name);
  }
  return kind_of(op);
}

/// Fills name and op from the step that writes the value.
void describe(const lir::Module& module, const lir::Life& life, PlanValue& value) {
  const lir::Op& op = module.ops[life.first];
  value.op = kind_of(op);
  value.name = name_of(module, op);
  if (op.results.size() < 2) return;
  const auto at = std::find(op.results.begin(), op.results.end(), life.value) - op.results.begin();
  value.name += join(":", at);
}

/// The step at which most bytes are alive.
void find_busiest(PlanReport& report) {
  std::map<std::uint32_t, std::int64_t> change;
  for (const PlanValue& value : report.values) {
    change[value.first_step] += static_cast<std::int64_t>(value.bytes);
    change[value.last_step + 1] -= static_cast<std::int64_t>(value.bytes);
  }
  std::int64_t now = 0;
  for (const auto& [step, bytes] : change) {
    now += bytes;
    if (static_cast<std::uint64_t>(now) <= report.busiest_bytes) continue;
    report.busiest_bytes = static_cast<std::uint64_t>(now);
    report.busiest_step = step;
  }
}

}  // namespace

Result<PlanReport> plan_report(std::span<const std::byte> image) {
  return guard([&]() -> Result<PlanReport> {
    RLX_ASSIGN(const lir::Module module, lir::read_image(image));
    PlanReport report;
    for (std::uint32_t step = 0; step < module.regions[0].op_count; ++step) report.steps.push_back(kind_of(module.ops[step]));
    if (!module.plan) return report;
    for (const lir::Arena& arena : module.plan->arenas) report.arena_bytes += arena.bytes;
    for (const lir::Life& life : lir::lives_of(module)) {
      const lir::Value& from = module.values[life.value];
      PlanValue value;
      describe(module, life, value);
      value.dtype = from.dtype;
      for (const Dim& dim : from.dims) value.dims.push_back(dim.number());
      lir::dense_bytes(value.dims, static_cast<std::uint32_t>(dtype_bytes(from.dtype)), value.bytes);
      value.offset = module.plan->places[life.value].offset;
      value.first_step = life.first;
      value.last_step = life.last;
      report.values.push_back(std::move(value));
    }
    find_busiest(report);
    return report;
  });
}

Result<std::vector<OpUse>> op_uses(std::span<const std::byte> image) {
  return guard([&]() -> Result<std::vector<OpUse>> {
    RLX_ASSIGN(const lir::Module module, lir::read_image(image));
    std::map<std::string, std::size_t> counts;
    for (std::uint32_t step = 0; step < module.regions[0].op_count; ++step) ++counts[kind_of(module.ops[step])];
    std::vector<OpUse> uses;
    for (const auto& [op, count] : counts) uses.push_back({op, count});
    std::stable_sort(uses.begin(), uses.end(), [](const OpUse& a, const OpUse& b) { return a.count > b.count; });
    return uses;
  });
}

}  // namespace rlx
