// SPDX-License-Identifier: Apache-2.0
// The planner: one sweep over steps. Where that needs more than the busiest step does, and up to kGreedyItems, also greedy by
// size (the large items first, each into the smallest gap between what is alive with it); the smaller arena wins. Above,
// the sweep alone: greedy is quadratic in what is alive together.
#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "runtime/ir/lir/lives.h"
#include "runtime/ir/lir/sizes.h"

namespace rlx::lir {
namespace {

constexpr std::size_t kGreedyItems = 1024;

struct Item {
  std::uint64_t bytes;  ///< rounded up to the alignment
  std::uint32_t first;
  std::uint32_t last;
  std::uint32_t index;  ///< in the caller's list
};

/// Greedy by size: what is placed lies in a list by address, which one pass searches for the smallest gap.
class Greedy {
 public:
  explicit Greedy(const std::vector<Item>& items) : items_(items) { placed_.reserve(items.size()); }

  std::uint64_t run(std::vector<std::uint64_t>& offsets) {
    std::vector<std::uint32_t> order(items_.size());
    std::iota(order.begin(), order.end(), 0u);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return items_[a].bytes > items_[b].bytes; });
    std::uint64_t top = 0;
    for (const std::uint32_t each : order) {
      const Item& item = items_[each];
      const std::uint64_t offset = smallest_gap(item);
      offsets[item.index] = offset;
      top = std::max(top, offset + item.bytes);
      const Placed placed{offset, offset + item.bytes, item.first, item.last};
      placed_.insert(std::upper_bound(placed_.begin(), placed_.end(), placed,
                                      [](const Placed& a, const Placed& b) { return a.begin < b.begin; }),
                     placed);
    }
    return top;
  }

 private:
  struct Placed {
    std::uint64_t begin;
    std::uint64_t end;
    std::uint32_t first;
    std::uint32_t last;
  };

  std::uint64_t smallest_gap(const Item& item) const {
    std::uint64_t end = 0;
    std::uint64_t best = UINT64_MAX;
    std::uint64_t best_size = UINT64_MAX;
    for (const Placed& other : placed_) {
      if (other.first > item.last || item.first > other.last) continue;
      if (other.begin > end && other.begin - end >= item.bytes && other.begin - end < best_size) {
        best = end;
        best_size = other.begin - end;
      }
      end = std::max(end, other.end);
    }
    return best == UINT64_MAX ? end : best;
  }

  const std::vector<Item>& items_;
  std::vector<Placed> placed_;
};

/// Free ranges below the top, by address and by size; neighbours are joined.
class FreeList {
 public:
  std::uint64_t take(std::uint64_t bytes) {
    const auto fit = by_size_.lower_bound({bytes, 0});
    if (fit != by_size_.end()) {
      const auto [size, begin] = *fit;
      erase(begin, size);
      if (size > bytes) insert(begin + bytes, size - bytes);
      return begin;
    }
    std::uint64_t begin = top_;
    if (!by_address_.empty()) {
      const auto [last_begin, last_size] = *by_address_.rbegin();
      if (last_begin + last_size == top_) {
        begin = last_begin;
        erase(last_begin, last_size);
      }
    }
    top_ = begin + bytes;
    peak_ = std::max(peak_, top_);
    return begin;
  }

  void give(std::uint64_t begin, std::uint64_t bytes) {
    const auto next = by_address_.lower_bound(begin);
    std::uint64_t end = begin + bytes;
    if (next != by_address_.begin()) {
      const auto [before, size] = *std::prev(next);
      if (before + size == begin) {
        erase(before, size);
        begin = before;
      }
    }
    if (const auto after = by_address_.find(end); after != by_address_.end()) {
      const std::uint64_t size = after->second;
      erase(end, size);
      end += size;
    }
    insert(begin, end - begin);
  }

  std::uint64_t peak() const { return peak_; }

 private:
  void insert(std::uint64_t begin, std::uint64_t size) {
    by_address_.emplace(begin, size);
    by_size_.emplace(size, begin);
  }
  void erase(std::uint64_t begin, std::uint64_t size) {
    by_address_.erase(begin);
    by_size_.erase({size, begin});
  }

  std::map<std::uint64_t, std::uint64_t> by_address_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> by_size_;
  std::uint64_t top_ = 0;
  std::uint64_t peak_ = 0;
};

/// One sweep in step order; of one step the larger items first.
std::uint64_t sweep(const std::vector<Item>& items, std::vector<std::uint64_t>& offsets) {
  std::vector<std::uint32_t> births(items.size());
  std::iota(births.begin(), births.end(), 0u);
  std::vector<std::uint32_t> deaths = births;
  std::stable_sort(births.begin(), births.end(), [&](std::uint32_t a, std::uint32_t b) {
    return items[a].first != items[b].first ? items[a].first < items[b].first : items[a].bytes > items[b].bytes;
  });
  std::stable_sort(deaths.begin(), deaths.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return items[a].last < items[b].last; });
  FreeList free;
  std::size_t dead = 0;
  for (const std::uint32_t birth : births) {
    for (; items[deaths[dead]].last < items[birth].first; ++dead)
      free.give(offsets[items[deaths[dead]].index], items[deaths[dead]].bytes);
    offsets[items[birth].index] = free.take(items[birth].bytes);
  }
  return free.peak();
}

/// Bytes alive at the busiest step, below which no arena can be; 0 where steps are too many to look at each.
std::uint64_t busiest_step(const std::vector<Item>& items) {
  std::uint32_t steps = 0;
  for (const Item& item : items) steps = std::max(steps, item.last);
  if (steps > 16 * kGreedyItems) return 0;
  std::vector<std::int64_t> change(steps + 2, 0);
  for (const Item& item : items) {
    change[item.first] += static_cast<std::int64_t>(item.bytes);
    change[item.last + 1] -= static_cast<std::int64_t>(item.bytes);
  }
  std::int64_t now = 0;
  std::int64_t most = 0;
  for (const std::int64_t each : change) most = std::max(most, now += each);
  return static_cast<std::uint64_t>(most);
}

/// Items with bytes, rounded; false where their sum leaves the numbers.
bool round_items(std::span<const PlanItem> items, std::uint64_t alignment, std::vector<Item>& rounded) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!items[i].bytes) continue;
    if (items[i].bytes > kMaxBytes - alignment) return false;
    const std::uint64_t bytes = (items[i].bytes + alignment - 1) / alignment * alignment;
    if (bytes > kMaxBytes - sum) return false;
    sum += bytes;
    rounded.push_back({bytes, items[i].first, std::max(items[i].first, items[i].last), static_cast<std::uint32_t>(i)});
  }
  return true;
}

std::uint32_t root_of(const Module& module, std::uint32_t value) {
  if (value >= module.values.size()) return RLX_NO_INDEX;
  if (module.values[value].storage == Storage::kView) value = module.values[value].index;
  if (value >= module.values.size() || module.values[value].storage != Storage::kTemp) return RLX_NO_INDEX;
  return value;
}

}  // namespace

PlanResult plan_items(std::span<const PlanItem> items, std::uint64_t alignment) {
  PlanResult result;
  result.offsets.assign(items.size(), 0);
  std::vector<Item> rounded;
  rounded.reserve(items.size());
  if (!round_items(items, alignment, rounded)) {
    result.bytes = UINT64_MAX;
    return result;
  }
  result.bytes = sweep(rounded, result.offsets);
  if (rounded.size() > kGreedyItems || result.bytes == busiest_step(rounded)) return result;
  std::vector<std::uint64_t> offsets(items.size(), 0);
  const std::uint64_t bytes = Greedy(rounded).run(offsets);
  if (bytes < result.bytes) result = {bytes, std::move(offsets)};
  return result;
}

std::vector<Life> lives_of(const Module& module) {
  std::vector<Life> lives;
  std::vector<std::uint32_t> place(module.values.size(), RLX_NO_INDEX);
  const std::uint32_t steps = module.regions.empty() ? 0 : module.regions[0].op_count;
  const auto use = [&](std::uint32_t value, std::uint32_t step) {
    const std::uint32_t root = root_of(module, value);
    if (root != RLX_NO_INDEX && place[root] != RLX_NO_INDEX) lives[place[root]].last = step;
  };
  for (std::uint32_t step = 0; step < steps && step < module.ops.size(); ++step) {
    for (const std::uint32_t operand : module.ops[step].operands) use(operand, step);
    for (const std::uint32_t result : module.ops[step].results) {
      if (result >= module.values.size() || module.values[result].storage != Storage::kTemp) continue;
      if (place[result] != RLX_NO_INDEX) continue;
      place[result] = static_cast<std::uint32_t>(lives.size());
      lives.push_back({result, step, step});
    }
  }
  for (const Io& output : module.outputs) use(output.value, steps);
  for (const Extent& extent : module.extents) use(extent.size_value, steps);
  return lives;
}

PlanResult plan_lives(const std::vector<Life>& lives, const std::vector<std::uint64_t>& bytes, std::uint32_t alignment) {
  std::vector<PlanItem> items(lives.size());
  for (std::size_t i = 0; i < lives.size(); ++i) items[i] = {bytes[i], lives[i].first, lives[i].last};
  return plan_items(items, alignment);
}

Plan plan_module(const Module& module) {
  const std::vector<Life> lives = lives_of(module);
  std::vector<std::uint64_t> bytes(lives.size(), 0);
  std::vector<std::int64_t> dims;
  for (std::size_t i = 0; i < lives.size(); ++i) {
    const Value& value = module.values[lives[i].value];
    dims.clear();
    for (const Dim& dim : value.dims) dims.push_back(dim.number());
    dense_bytes(dims, rlx_dtype_bytes(static_cast<std::uint32_t>(value.dtype)), bytes[i]);
  }
  const PlanResult result = plan_lives(lives, bytes, module.arena_alignment);
  Plan plan;
  plan.arenas.push_back({result.bytes, module.arena_alignment, 0});
  plan.places.resize(module.values.size());
  for (std::size_t i = 0; i < lives.size(); ++i) plan.places[lives[i].value] = {0, result.offsets[i]};
  return plan;
}

}  // namespace rlx::lir
