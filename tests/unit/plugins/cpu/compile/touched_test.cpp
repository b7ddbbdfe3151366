// SPDX-License-Identifier: Apache-2.0
// The bytes touched since a barrier, beside the definition (every pair of ranges), and how much is compared for them.
#include "compile_touched.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace rlx_cpu {
namespace {

/// The definition.
bool pair_conflicts(const Touched& a, const Touched& b) {
  const bool same_thread = a.parts == 1 && b.parts == 1;
  return a.root == b.root && a.index == b.index && a.begin < b.end && b.begin < a.end && !same_thread;
}

TEST(TouchedRanges, ConflictWhereSomePairDoes) {
  std::mt19937 random(7);
  const auto below = [&](unsigned n) { return static_cast<int64_t>(random() % n); };
  int yes = 0, no = 0;
  for (int round = 0; round < 300; ++round) {
    TouchedRanges ranges;
    std::vector<Touched> all;
    for (int i = 0; i < 40; ++i) {
      const int64_t begin = below(400);
      const Touched now{below(2) ? Root::kArena : Root::kInput, static_cast<uint32_t>(below(2)), begin, begin + 1 + below(12),
                        static_cast<uint32_t>(1 + below(2))};
      bool wanted = false;
      for (const Touched& before : all) wanted = wanted || pair_conflicts(now, before);
      ASSERT_EQ(ranges.conflicts(now), wanted) << "round " << round << ", range " << i;
      (wanted ? yes : no) += 1;
      ranges.insert(now);
      all.push_back(now);
    }
  }
  EXPECT_GT(yes, 1000);
  EXPECT_GT(no, 1000);
}

TEST(TouchedRanges, EmptyRangesTouchNothing) {
  TouchedRanges ranges;
  ranges.insert({Root::kArena, 0, 0, 64, 2});
  EXPECT_FALSE(ranges.conflicts({Root::kArena, 0, 8, 8, 2}));
  ranges.clear();
  ranges.insert({Root::kArena, 0, 8, 8, 2});
  EXPECT_FALSE(ranges.conflicts({Root::kArena, 0, 0, 64, 2}));
}

TEST(TouchedRanges, ABarrierForgetsThem) {
  TouchedRanges ranges;
  ranges.insert({Root::kArena, 0, 0, 64, 2});
  EXPECT_TRUE(ranges.conflicts({Root::kArena, 0, 63, 65, 1}));
  ranges.clear();
  EXPECT_FALSE(ranges.conflicts({Root::kArena, 0, 63, 65, 1}));
}

/// Comparisons for `steps` steps without a barrier, each of which reads a range of its own (with a hole to the next) and
/// writes another.
uint64_t comparisons(int steps) {
  TouchedRanges reads, writes;
  for (int64_t i = 0; i < steps; ++i) {
    const Touched read{Root::kParam, 0, i * 128, i * 128 + 64, 2}, write{Root::kArena, 0, i * 128, i * 128 + 64, 2};
    EXPECT_FALSE(writes.conflicts(read) || writes.conflicts(write) || reads.conflicts(write));
    reads.insert(read);
    writes.insert(write);
  }
  return reads.comparisons() + writes.comparisons();
}

TEST(TouchedRanges, CostGrowsNearLinearlyWithTheSteps) {
  const uint64_t few = comparisons(1'000), many = comparisons(64'000);
  EXPECT_GT(few, 0u);
  EXPECT_LT(many, few * 64 * 2) << "comparisons for 1,000 steps: " << few << ", for 64,000: " << many;
}

}  // namespace
}  // namespace rlx_cpu
