// SPDX-License-Identifier: Apache-2.0
// What may be done to a graph without changing its answers: other orders, other plans, regions in place of composites.
#include <rlx/ops.h>

#include <algorithm>
#include <map>

#include "runtime/ir/lir/lives.h"
#include "tools/conform/numeric/graph_maker.h"
#include "tools/conform/numeric/image_builder.h"

namespace rlx::conform {
namespace {

using lir::Storage;

std::uint32_t root_of(const lir::Module& module, std::uint32_t value) {
  return module.values[value].storage == Storage::kView ? module.values[value].index : value;
}

std::uint64_t bytes_of_value(const lir::Value& value) {
  std::uint64_t bytes = dtype_bytes(value.dtype);
  for (const Dim& dim : value.dims) bytes *= static_cast<std::uint64_t>(dim.number());
  return bytes;
}

// ---- Composites ------------------------------------------------------------------------------------------------------

/// The op's region, op by op, where the op was: parameters become its operands, results its results.
void append_inlined(lir::Module& module, const lir::Op& op, std::vector<lir::Op>& out) {
  const lir::Region region = module.regions[op.regions[0]];
  std::map<std::uint32_t, std::uint32_t> stands_for;
  for (std::size_t i = 0; i < region.params.size(); ++i)
    if (region.params[i] != RLX_NO_INDEX) stands_for[region.params[i]] = op.operands[i];
  const auto mapped = [&](std::uint32_t value) {
    if (value == RLX_NO_INDEX) return value;
    const auto found = stands_for.find(value);
    return found == stands_for.end() ? value : found->second;
  };
  for (std::size_t i = 0; i < region.results.size() && i < op.results.size(); ++i)
    if (module.values[region.results[i]].storage == Storage::kRegion && !stands_for.count(region.results[i])) stands_for[region.results[i]] = op.results[i];
  std::vector<std::uint32_t> inner;
  for (std::uint32_t i = 0; i < region.op_count; ++i) {
    lir::Op copy = module.ops[region.first_op + i];
    for (std::uint32_t& operand : copy.operands) operand = mapped(operand);
    for (std::uint32_t& result : copy.results) {
      result = mapped(result);
      if (module.values[result].storage == Storage::kRegion) module.values[result].storage = Storage::kTemp;
    }
    out.push_back(std::move(copy));
  }
  // Views of what is now elsewhere.
  for (lir::Value& value : module.values)
    if (value.storage == Storage::kView) value.index = mapped(value.index);
  for (std::size_t i = 0; i < region.results.size() && i < op.results.size(); ++i) {
    const std::uint32_t from = mapped(region.results[i]);
    if (from == op.results[i]) continue;
    lir::Op copy;
    copy.opcode = RLX_OP_COPY;
    copy.operands = {from};
    copy.results = {op.results[i]};
    out.push_back(std::move(copy));
  }
}

bool can_inline(const lir::Op& op) {
  return op.opcode != RLX_OP_IF && op.opcode != RLX_OP_WHILE && op.opcode != RLX_OP_ELEMENTWISE && op.regions.size() == 1;
}

/// Operands that are views, where the region looks at its parameter through a view too, are copied first.
void copy_double_views(lir::Module& module, lir::Op& op, std::vector<lir::Op>& out) {
  const std::vector<std::uint32_t> params = module.regions[op.regions[0]].params;
  for (std::size_t i = 0; i < params.size(); ++i) {
    if (params[i] == RLX_NO_INDEX || op.operands[i] == RLX_NO_INDEX || module.values[op.operands[i]].storage != Storage::kView) continue;
    const bool is_viewed = std::any_of(module.values.begin(), module.values.end(), [&](const lir::Value& value) {
      return value.storage == Storage::kView && value.index == params[i];
    });
    if (!is_viewed) continue;
    const lir::Value& seen = module.values[op.operands[i]];
    lir::Op copy;
    copy.opcode = RLX_OP_COPY;
    copy.operands = {op.operands[i]};
    copy.results = {static_cast<std::uint32_t>(module.values.size())};
    op.operands[i] = copy.results[0];
    module.values.push_back({seen.dtype, Dims(seen.dims), {}, Storage::kTemp, 0, 0, ""});
    out.push_back(std::move(copy));
  }
}

/// Regions that no op speaks of are dropped, and the rest numbered anew.
void keep_regions(lir::Module& module, std::vector<lir::Op> main) {
  lir::Module out = module;
  out.ops = std::move(main);
  out.regions.assign(1, module.regions[0]);
  out.regions[0].first_op = 0;
  out.regions[0].op_count = static_cast<std::uint32_t>(out.ops.size());
  for (std::size_t i = 0; i < out.ops.size(); ++i)  // grows: regions of regions come later in the list
    for (std::uint32_t& region : out.ops[i].regions) {
      const lir::Region old = module.regions[region];
      region = static_cast<std::uint32_t>(out.regions.size());
      out.regions.push_back(old);
    }
  for (std::size_t i = 1; i < out.regions.size(); ++i) {
    const lir::Region old = out.regions[i];
    out.regions[i].first_op = static_cast<std::uint32_t>(out.ops.size());
    for (std::uint32_t k = 0; k < old.op_count; ++k) {
      lir::Op op = module.ops[old.first_op + k];
      for (std::uint32_t& region : op.regions) {
        out.regions.push_back(module.regions[region]);
        region = static_cast<std::uint32_t>(out.regions.size() - 1);
      }
      out.ops.push_back(std::move(op));
    }
  }
  module = std::move(out);
}

// ---- Plans -----------------------------------------------------------------------------------------------------------

struct Placed {
  std::uint64_t begin, end;
  std::uint32_t first, last, arena;
};

/// The lowest offset from `from` on where the value meets nothing that is alive with it.
std::uint64_t fit(const std::vector<Placed>& placed, const lir::Life& life, std::uint32_t arena, std::uint64_t bytes, std::uint64_t from, std::uint64_t alignment) {
  for (std::uint64_t at = from;;) {
    const auto hit = std::find_if(placed.begin(), placed.end(), [&](const Placed& other) {
      return other.arena == arena && other.first <= life.last && life.first <= other.last && other.begin < at + bytes && at < other.end;
    });
    if (hit == placed.end()) return at;
    at = (hit->end + alignment - 1) / alignment * alignment;
  }
}

}  // namespace

void inline_composites(lir::Module& module, bool every, std::uint64_t seed) {
  Random random(seed);
  for (bool again = true; again;) {
    again = false;
    std::vector<lir::Op> main;
    const std::vector<lir::Op> before(module.ops.begin(), module.ops.begin() + module.regions[0].op_count);
    for (lir::Op op : before) {
      if (can_inline(op) && (every || random.below(2))) {
        copy_double_views(module, op, main);
        append_inlined(module, op, main);
        again = every;
      } else {
        main.push_back(std::move(op));
      }
    }
    keep_regions(module, std::move(main));
  }
}

bool inline_chosen(lir::Module& module, const std::vector<bool>& chosen) {
  const std::vector<lir::Op> before(module.ops.begin(), module.ops.begin() + module.regions[0].op_count);
  for (std::size_t i = 0; i < before.size(); ++i)
    if (i < chosen.size() && chosen[i] && !can_inline(before[i])) return false;
  std::vector<lir::Op> main;
  for (std::size_t i = 0; i < before.size(); ++i) {
    lir::Op op = before[i];
    if (i >= chosen.size() || !chosen[i]) {
      main.push_back(std::move(op));
      continue;
    }
    copy_double_views(module, op, main);
    append_inlined(module, op, main);
  }
  keep_regions(module, std::move(main));
  return true;
}

void shuffle_order(lir::Module& module, std::uint64_t seed) {
  Random random(seed);
  const std::uint32_t count = module.regions[0].op_count;
  std::map<std::uint32_t, std::uint32_t> maker;
  for (std::uint32_t i = 0; i < count; ++i)
    for (const std::uint32_t result : module.ops[i].results) maker[result] = i;
  std::vector<bool> done(count, false);
  std::vector<lir::Op> order;
  const auto is_ready = [&](std::uint32_t i) {
    return !done[i] && std::all_of(module.ops[i].operands.begin(), module.ops[i].operands.end(), [&](std::uint32_t operand) {
      if (operand == RLX_NO_INDEX) return true;
      const auto made = maker.find(root_of(module, operand));
      return made == maker.end() || done[made->second];
    });
  };
  while (order.size() < count) {
    std::vector<std::uint32_t> ready;
    for (std::uint32_t i = 0; i < count; ++i)
      if (is_ready(i)) ready.push_back(i);
    const std::uint32_t next = ready[random.below(ready.size())];
    done[next] = true;
    order.push_back(module.ops[next]);
  }
  std::copy(order.begin(), order.end(), module.ops.begin());
}

std::optional<lir::Plan> random_plan(const lir::Module& module, PlanStyle style, std::uint64_t seed) {
  if (style == PlanStyle::kNone) return std::nullopt;
  Random random(seed);
  const std::uint64_t alignment = style == PlanStyle::kMisaligned ? 16 : 64;
  const std::uint32_t arenas = style == PlanStyle::kManyArenas ? 3 : 1;
  std::vector<lir::Life> lives = lir::lives_of(module);
  for (std::size_t i = lives.size(); i > 1; --i) std::swap(lives[i - 1], lives[random.below(i)]);
  if (style == PlanStyle::kReversed) std::sort(lives.begin(), lives.end(), [](const lir::Life& a, const lir::Life& b) { return a.first > b.first; });
  lir::Plan plan;
  plan.places.resize(module.values.size());
  for (std::uint32_t i = 0; i < arenas; ++i) plan.arenas.push_back({0, static_cast<std::uint32_t>(alignment), 0});
  std::vector<Placed> placed;
  for (const lir::Life& life : lives) {
    const std::uint64_t bytes = bytes_of_value(module.values[life.value]);
    const auto arena = static_cast<std::uint32_t>(random.below(arenas));
    const std::uint64_t from = style == PlanStyle::kLoose ? random.below(9) * 64 : style == PlanStyle::kMisaligned ? 16 : 0;
    const std::uint64_t at = bytes ? fit(placed, life, arena, bytes, from, alignment) : 0;
    plan.places[life.value] = {arena, at};
    plan.arenas[arena].bytes = std::max(plan.arenas[arena].bytes, at + bytes);
    if (bytes) placed.push_back({at, at + bytes, life.first, life.last, arena});
  }
  return plan;
}

}  // namespace rlx::conform
