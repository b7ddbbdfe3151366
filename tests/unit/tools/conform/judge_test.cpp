// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/controller/judge.h"

#include <gtest/gtest.h>

#include <csignal>

namespace rlx::conform {
namespace {

std::string counts(std::uint64_t assertions) {
  const std::uint64_t numbers[2] = {assertions, 0};
  return {reinterpret_cast<const char*>(numbers), sizeof numbers};
}

ProcessResult ended(std::vector<Frame> frames) {
  ProcessResult result;
  result.started = true;
  result.frames = std::move(frames);
  result.phase = "execute";
  return result;
}

TEST(Judge, PassesWhatAssertedAndEnded) {
  const Outcome outcome = judge(ended({{FrameKind::kCounts, counts(3)}, {FrameKind::kEnd, ""}}));
  EXPECT_EQ(outcome.status, CaseStatus::kPass);
  EXPECT_EQ(outcome.assertions, 3u);
}

TEST(Judge, CallsACaseWithoutAssertionsWeak) {
  EXPECT_EQ(judge(ended({{FrameKind::kCounts, counts(0)}, {FrameKind::kEnd, ""}})).status, CaseStatus::kWeak);
}

TEST(Judge, NeverTurnsACrashIntoASkip) {
  ProcessResult result = ended({{FrameKind::kSkip, "no device"}, {FrameKind::kCounts, counts(1)}, {FrameKind::kEnd, ""}});
  result.signal = SIGSEGV;
  const Outcome outcome = judge(result);
  EXPECT_EQ(outcome.status, CaseStatus::kCrash);
  EXPECT_NE(outcome.reason.find("execute"), std::string::npos) << outcome.reason;
}

TEST(Judge, CallsAnEndWithoutAWordACrash) {
  EXPECT_EQ(judge(ended({{FrameKind::kCounts, counts(9)}})).status, CaseStatus::kCrash);
  const Outcome outcome = judge(ended({{FrameKind::kEnded, "exit was called in phase query"}}));
  EXPECT_EQ(outcome.status, CaseStatus::kCrash);
  EXPECT_NE(outcome.reason.find("exit was called"), std::string::npos) << outcome.reason;
}

TEST(Judge, TellsARefusalInsideTheClaimsFromAnAbilityThatIsNotThere) {
  const Outcome refused = judge(ended({{FrameKind::kUnsupported, join_texts({"refused", "opcode 3: no"})}, {FrameKind::kCounts, counts(1)}, {FrameKind::kEnd, ""}}));
  EXPECT_EQ(refused.status, CaseStatus::kUnsupported);
  EXPECT_TRUE(refused.refused);
  EXPECT_EQ(refused.reason, "opcode 3: no");
  const Outcome absent = judge(ended({{FrameKind::kUnsupported, "no import_host"}, {FrameKind::kCounts, counts(1)}, {FrameKind::kEnd, ""}}));
  EXPECT_FALSE(absent.refused);
  EXPECT_EQ(absent.reason, "no import_host");
}

TEST(Judge, FailsBeforeItSkips) {
  const Outcome outcome =
      judge(ended({{FrameKind::kFail, join_texts({"a", "b", "c"})}, {FrameKind::kSkip, "x"}, {FrameKind::kEnd, ""}}));
  EXPECT_EQ(outcome.status, CaseStatus::kFail);
  ASSERT_EQ(outcome.failures.size(), 1u);
  EXPECT_EQ(outcome.failures[0].phase, "c");
}

TEST(Judge, FailsForAProcessLeftBehindAndADamagedReport) {
  ProcessResult left = ended({{FrameKind::kCounts, counts(1)}, {FrameKind::kEnd, ""}});
  left.left_children = true;
  EXPECT_EQ(judge(left).status, CaseStatus::kFail);
  ProcessResult damaged = ended({{FrameKind::kCounts, counts(1)}, {FrameKind::kEnd, ""}});
  damaged.damaged = true;
  EXPECT_EQ(judge(damaged).status, CaseStatus::kFail);
}

TEST(Judge, TellsUnsupportedFromSkippedFromWeak) {
  EXPECT_EQ(judge(ended({{FrameKind::kUnsupported, "x"}, {FrameKind::kEnd, ""}})).status, CaseStatus::kUnsupported);
  EXPECT_EQ(judge(ended({{FrameKind::kSkip, "x"}, {FrameKind::kEnd, ""}})).status, CaseStatus::kSkip);
  EXPECT_EQ(judge(ended({{FrameKind::kWeak, "x"}, {FrameKind::kCounts, counts(4)}, {FrameKind::kEnd, ""}})).status, CaseStatus::kWeak);
}

TEST(Judge, BlamesThePluginForNoFaultOfTheTool) {
  ProcessResult result = ended({{FrameKind::kFault, "no memory"}, {FrameKind::kFail, join_texts({"a", "b", "c"})}});
  result.code = 3;
  const Outcome outcome = judge(result);
  EXPECT_EQ(outcome.status, CaseStatus::kHarnessError);
  EXPECT_EQ(outcome.reason, "no memory");
}

TEST(Judge, FailsForAFlood) {
  ProcessResult result = ended({});
  result.signal = SIGTERM;
  result.flooded = "its report";
  EXPECT_EQ(judge(result).status, CaseStatus::kFail);
}

TEST(Judge, CallsAWorkerThatCannotStartAFaultOfTheTool) {
  ProcessResult result;
  result.problem = "no such file";
  EXPECT_EQ(judge(result).status, CaseStatus::kHarnessError);
}

}  // namespace
}  // namespace rlx::conform
