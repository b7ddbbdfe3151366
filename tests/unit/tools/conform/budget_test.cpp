// SPDX-License-Identifier: Apache-2.0
// When a run is cut short.
#include "tools/conform/controller/budget.h"

#include <gtest/gtest.h>

#include <thread>

namespace rlx::conform {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

Outcome ended(CaseStatus status) {
  Outcome outcome;
  outcome.status = status;
  return outcome;
}

TEST(Budget, IsSpentByHangsThatNobodyExcuses) {
  Budget budget{Options()};
  for (int i = 1; i < kHangsMost; ++i) budget.take(ended(CaseStatus::kHang));
  for (const CaseStatus status : {CaseStatus::kPass, CaseStatus::kCrash, CaseStatus::kWaived, CaseStatus::kFlaky}) budget.take(ended(status));
  EXPECT_EQ(budget.spent(), "");
  budget.take(ended(CaseStatus::kHang));
  EXPECT_NE(budget.spent().find("10 hangs"), std::string::npos) << budget.spent();
}

TEST(Budget, IsSpentByTime) {
  Options options;
  options.time_limit_s = 1;
  const Budget budget(options);
  EXPECT_EQ(budget.spent(), "");
  std::this_thread::sleep_for(seconds(1));
  EXPECT_NE(budget.spent().find("1 s is over"), std::string::npos) << budget.spent();
}

TEST(Budget, IsLargerForLongerProfilesSlowerMachinesAndMoreSeeds) {
  Options options;
  EXPECT_EQ(time_limit(options), minutes(10));
  options.profile = "ci";
  EXPECT_EQ(time_limit(options), minutes(60));
  options.timeout_ms = 300;
  EXPECT_EQ(time_limit(options), minutes(60));
  options.timeout_ms = 20'000;
  options.fresh = {7, 8};
  EXPECT_EQ(time_limit(options), minutes(360));
  options.wrap = "valgrind";
  EXPECT_EQ(time_limit(options), seconds(0));
  options.time_limit_s = 5;
  EXPECT_EQ(time_limit(options), seconds(5));
}

}  // namespace
}  // namespace rlx::conform
