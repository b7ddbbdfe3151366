// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <random>

#include "random_module.h"
#include "runtime/ir/lir/image.h"

namespace rlx::lir {
namespace {

std::uint64_t naive_sum(const std::vector<PlanItem>& items, std::uint64_t alignment) {
  std::uint64_t sum = 0;
  for (const PlanItem& item : items) sum += (item.bytes + alignment - 1) / alignment * alignment;
  return sum;
}

/// Bytes alive at the busiest step: no plan can be smaller.
std::uint64_t busiest(const std::vector<PlanItem>& items) {
  std::uint32_t steps = 0;
  for (const PlanItem& item : items) steps = std::max(steps, item.last);
  std::vector<std::int64_t> change(steps + 2, 0);
  for (const PlanItem& item : items) {
    change[item.first] += static_cast<std::int64_t>(item.bytes);
    change[item.last + 1] -= static_cast<std::int64_t>(item.bytes);
  }
  std::int64_t now = 0, most = 0;
  for (const std::int64_t each : change) most = std::max(most, now += each);
  return static_cast<std::uint64_t>(most);
}

/// No two items that live at one step share a byte; sweeps with the neighbours by address.
void expect_sound(const std::vector<PlanItem>& items, const PlanResult& plan, std::uint64_t alignment) {
  ASSERT_EQ(plan.offsets.size(), items.size());
  std::vector<std::size_t> order(items.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return items[a].first < items[b].first; });
  std::vector<std::size_t> alive;
  for (const std::size_t i : order) {
    EXPECT_EQ(plan.offsets[i] % alignment, 0u);
    EXPECT_LE(plan.offsets[i] + items[i].bytes, plan.bytes);
    alive.erase(std::remove_if(alive.begin(), alive.end(),
                               [&](std::size_t other) { return items[other].last < items[i].first; }),
                alive.end());
    for (const std::size_t other : alive)
      ASSERT_TRUE(!items[i].bytes || plan.offsets[i] + items[i].bytes <= plan.offsets[other] ||
                  plan.offsets[other] + items[other].bytes <= plan.offsets[i])
          << i << " and " << other;
    if (items[i].bytes) alive.push_back(i);
  }
}

/// Lives as a network has them: mostly short, some long.
std::vector<PlanItem> random_items(std::mt19937_64& rng, std::uint32_t count) {
  std::vector<PlanItem> items(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t sizes[] = {rng() % 100, 4096, rng() % 100000, 1u << 20, 0};
    const std::uint32_t life = rng() % 40 == 0 ? static_cast<std::uint32_t>(rng() % 200) : static_cast<std::uint32_t>(rng() % 5);
    items[i] = {sizes[rng() % 5], i, std::min(count - 1, i + life)};
  }
  return items;
}

TEST(PlanItems, LivesThatMeetNeverShareAByte) {
  std::mt19937_64 rng(7);
  for (int i = 0; i < 200; ++i) {
    const auto items = random_items(rng, 1 + static_cast<std::uint32_t>(rng() % 300));
    const std::uint64_t alignment = std::uint64_t{1} << (rng() % 8);
    const PlanResult plan = plan_items(items, alignment);
    expect_sound(items, plan, alignment);
    EXPECT_LE(plan.bytes, naive_sum(items, alignment));
    EXPECT_GE(plan.bytes, busiest(items));
  }
}

TEST(PlanItems, LivesInAnyOrderAndWithGapsAreSound) {
  std::mt19937_64 rng(8);
  for (int i = 0; i < 100; ++i) {
    std::vector<PlanItem> items(rng() % 60);
    for (PlanItem& item : items) {
      item.bytes = rng() % 5000;
      item.first = static_cast<std::uint32_t>(rng() % 100000);
      item.last = item.first + static_cast<std::uint32_t>(rng() % (i % 2 ? 100000 : 300));
    }
    const PlanResult plan = plan_items(items, 64);
    expect_sound(items, plan, 64);
    EXPECT_LE(plan.bytes, naive_sum(items, 64));
  }
}

TEST(PlanItems, AChainNeedsItsTwoLargestNeighbours) {
  std::vector<PlanItem> items;
  for (std::uint32_t i = 0; i < 100; ++i) items.push_back({1024, i, i + 1});
  EXPECT_EQ(plan_items(items, 64).bytes, 2048u);
}

TEST(PlanItems, NothingNeedsNothing) {
  EXPECT_EQ(plan_items({}, 64).bytes, 0u);
  const std::vector<PlanItem> empty(3);
  EXPECT_EQ(plan_items(empty, 64).bytes, 0u);
  EXPECT_EQ(plan_items(empty, 64).offsets, std::vector<std::uint64_t>(3, 0));
}

TEST(PlanItems, TheSameItemsGiveTheSamePlan) {
  std::mt19937_64 rng(9);
  const auto items = random_items(rng, 500);
  EXPECT_EQ(plan_items(items, 64).offsets, plan_items(items, 64).offsets);
}

TEST(PlanItems, SizesThatLeaveTheNumbersAreReported) {
  const std::vector<PlanItem> items(3, PlanItem{std::uint64_t{1} << 62, 0, 0});
  EXPECT_EQ(plan_items(items, 64).bytes, UINT64_MAX);
  const std::vector<PlanItem> one = {{UINT64_MAX, 0, 0}};
  EXPECT_EQ(plan_items(one, 64).bytes, UINT64_MAX);
}

double milliseconds_of(const std::vector<PlanItem>& items, PlanResult& plan) {
  double best = 1e9;
  for (int i = 0; i < 3; ++i) {
    const auto start = std::chrono::steady_clock::now();
    plan = plan_items(items, 64);
    best = std::min(best, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

TEST(PlanItems, ManyItemsAreSoundAndTheirTimeIsRecorded) {
  std::mt19937_64 rng(10);
  for (const std::uint32_t count : {250u, 1024u, 4096u, 10000u, 100000u}) {
    const auto items = random_items(rng, count);
    PlanResult plan;
    const double milliseconds = milliseconds_of(items, plan);
    expect_sound(items, plan, 64);
    RecordProperty(join("microseconds_", count), static_cast<int>(milliseconds * 1000));
    std::printf("%u items: %.3f ms, arena / busiest step = %.3f\n", count, milliseconds,
                static_cast<double>(plan.bytes) / static_cast<double>(busiest(items)));
  }
}

TEST(PlanItems, ItemsThatAllLiveTogetherTakeNoQuadraticTime) {
  for (const std::uint32_t count : {1024u, 20000u}) {
    const std::vector<PlanItem> items(count, PlanItem{100, 0, 4096});
    PlanResult plan;
    std::printf("%u items alive together: %.3f ms\n", count, milliseconds_of(items, plan));
    EXPECT_EQ(plan.bytes, count * 128u);
  }
}

// ---- modules ----

TEST(PlanModule, PlacesResultsAndKeepsRootsForTheirViews) {
  Module module = testing::small_module();
  Op more = module.ops[0];  // a second result, born while the view of the first is still to be read
  more.operands = {0, 1};
  more.results = {5};
  module.values.push_back(module.values[2]);
  module.ops.insert(module.ops.begin() + 1, more);
  module.regions[0].op_count = 3;
  const Plan plan = plan_module(module);
  ASSERT_EQ(plan.arenas.size(), 1u);
  EXPECT_EQ(plan.arenas[0].bytes, 128u);
  EXPECT_NE(plan.places[2].offset, plan.places[5].offset);
  for (const std::uint32_t elsewhere : {0u, 1u, 3u, 4u}) EXPECT_EQ(plan.places[elsewhere].arena, RLX_NO_INDEX);
}

TEST(PlanModule, KeepsATempOutputToTheEnd) {
  Module module = testing::small_module();
  module.outputs.push_back({"sum", 3});  // a view of value 2
  Op more = module.ops[0];
  more.results = {5};
  module.values.push_back(module.values[2]);
  module.ops.push_back(more);
  module.regions[0].op_count = 3;
  const Plan plan = plan_module(module);
  EXPECT_NE(plan.places[2].offset, plan.places[5].offset);
  module.outputs.pop_back();
  const Plan shared = plan_module(module);
  EXPECT_EQ(shared.places[2].offset, shared.places[5].offset);
}

TEST(PlanModule, EmptyValuesLieAtTheStart) {
  Module module = testing::small_module();
  module.values[2].dims = {0, 3};
  const Plan plan = plan_module(module);
  EXPECT_EQ(plan.arenas[0].bytes, 0u);
  EXPECT_EQ(plan.places[2].arena, 0u);
  EXPECT_EQ(plan.places[2].offset, 0u);
}

}  // namespace
}  // namespace rlx::lir
