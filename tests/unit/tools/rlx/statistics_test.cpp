// SPDX-License-Identifier: Apache-2.0
// Percentiles and intervals on lists whose answers are known.
#include "tools/rlx/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace {

using namespace rlx_tool;

TEST(Percentile, IsTheNearestRankOfOneToAHundred) {
  std::vector<double> values(100);
  std::iota(values.rbegin(), values.rend(), 1.0);
  EXPECT_EQ(percentile(values, 0), 1);
  EXPECT_EQ(percentile(values, 50), 50);
  EXPECT_EQ(percentile(values, 90), 90);
  EXPECT_EQ(percentile(values, 99), 99);
  EXPECT_EQ(percentile(values, 99.5), 100);
  EXPECT_EQ(percentile(values, 100), 100);
}

TEST(Percentile, OfFewValuesIsOneOfThem) {
  EXPECT_EQ(percentile({3, 1, 2}, 50), 2);
  EXPECT_EQ(percentile({3, 1, 2}, 99), 3);
  EXPECT_EQ(percentile({7}, 0), 7);
  EXPECT_TRUE(std::isnan(percentile({}, 50)));
}

TEST(Median, IsTheMiddleOrTheMeanOfTwo) {
  EXPECT_EQ(median({5, 1, 3}), 3);
  EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
  EXPECT_TRUE(std::isnan(median({})));
}

TEST(MedianInterval, OfFiveIsTheirRangeAtSixteenthsOfSixteen) {
  const MedianInterval interval = median_interval({5, 1, 4, 2, 3});
  EXPECT_EQ(interval.low, 1);
  EXPECT_EQ(interval.high, 5);
  EXPECT_DOUBLE_EQ(interval.confidence, 0.9375);
}

TEST(MedianInterval, OfTwentyLeavesFiveOutAtEachEnd) {
  // Tables of the sign test: n = 20, the 6th and the 15th value, 95.9 %.
  std::vector<double> values(20);
  std::iota(values.begin(), values.end(), 1.0);
  const MedianInterval interval = median_interval(values);
  EXPECT_EQ(interval.low, 6);
  EXPECT_EQ(interval.high, 15);
  EXPECT_NEAR(interval.confidence, 0.9586, 1e-4);
}

TEST(MedianInterval, OfOneValueSaysThatItKnowsNothing) {
  EXPECT_EQ(median_interval({2}).confidence, 0);
  EXPECT_TRUE(std::isnan(median_interval({}).low));
}

}  // namespace
