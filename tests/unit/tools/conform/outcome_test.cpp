// SPDX-License-Identifier: Apache-2.0
// Exit codes and levels: what a run comes to.
#include "tools/conform/controller/outcome.h"

#include <gtest/gtest.h>
#include <rlx/ops.h>
#include <rlx/types.h>

#include "tools/conform/controller/certify.h"
#include "tools/conform/controller/conform.h"

namespace rlx::conform {
namespace {

Summary passed(std::uint64_t count) {
  Summary summary;
  summary.of[static_cast<std::size_t>(CaseStatus::kPass)] = count;
  return summary;
}

std::uint64_t& of(Summary& summary, CaseStatus status) { return summary.of[static_cast<std::size_t>(status)]; }

TEST(ExitCode, TakesTheFirstThatApplies) {
  Summary summary = passed(100);
  EXPECT_EQ(exit_code(summary), ExitCode::kConformant);
  of(summary, CaseStatus::kFail) = summary.slow = 1;
  EXPECT_EQ(exit_code(summary), ExitCode::kPerformance);
  of(summary, CaseStatus::kFlaky) = 5;
  EXPECT_EQ(exit_code(summary), ExitCode::kFlakyOrWeak);
  of(summary, CaseStatus::kHang) = 1;
  EXPECT_EQ(exit_code(summary), ExitCode::kFailures);
  summary.vacuous = {"a floor"};
  EXPECT_EQ(exit_code(summary), ExitCode::kVacuous);
  of(summary, CaseStatus::kXpass) = 1;
  EXPECT_EQ(exit_code(summary), ExitCode::kWaivers);
  summary.usage = true;
  EXPECT_EQ(exit_code(summary), ExitCode::kUsage);
  summary.not_loaded = true;
  EXPECT_EQ(exit_code(summary), ExitCode::kNotLoaded);
  summary.harness_error = true;
  EXPECT_EQ(exit_code(summary), ExitCode::kHarnessError);
}

TEST(ExitCode, AllowsAFewWeakCases) {
  Summary summary = passed(98);
  of(summary, CaseStatus::kWeak) = 2;
  EXPECT_EQ(exit_code(summary), ExitCode::kConformant);
  of(summary, CaseStatus::kWeak) = 3;
  EXPECT_EQ(exit_code(summary), ExitCode::kFlakyOrWeak);
}

TEST(ExitCode, CountsCrashesAsFailures) {
  for (const CaseStatus status : {CaseStatus::kFail, CaseStatus::kCrash, CaseStatus::kHang}) {
    Summary summary = passed(10);
    of(summary, status) = 1;
    EXPECT_EQ(exit_code(summary), ExitCode::kFailures);
  }
}

TEST(ExitCode, TellsSlowerFromWrong) {
  Outcome slower;
  slower.check = "PRF-04";
  slower.status = CaseStatus::kFail;
  slower.failures = {{"no more than 1.10 of the baseline's time", "1.500 of its time", "compare with the baseline"}};
  Summary summary = passed(100);
  add(summary, slower);
  EXPECT_EQ(exit_code(summary), ExitCode::kPerformance);
  slower.failures.push_back({"execute answers OK", "INTERNAL", "execute"});
  add(summary, slower);
  EXPECT_EQ(exit_code(summary), ExitCode::kFailures);
}

RunInfo two_levels() {
  RunInfo info;
  info.facts.device_opened = true;
  info.plan.checks = {{"LIF-01", "loads", 1, 2, false}, {"ARG-01", "is safe", 2, 0, false}};
  info.plan.cases = {{0, "all", 1}, {1, "all", 1}};
  return info;
}

Outcome outcome(const char* check, CaseStatus status, std::uint64_t assertions = 5) {
  Outcome result;
  result.check = check;
  result.key = "all";
  result.status = status;
  result.assertions = assertions;
  return result;
}

TEST(Verdict, EarnsALevelOnlyWithAllLowerOnes) {
  const RunInfo info = two_levels();
  EXPECT_EQ(verdict_of(info, {outcome("LIF-01", CaseStatus::kPass), outcome("ARG-01", CaseStatus::kPass)}).level, 2);
  EXPECT_EQ(verdict_of(info, {outcome("LIF-01", CaseStatus::kPass), outcome("ARG-01", CaseStatus::kFail)}).level, 1);
  EXPECT_EQ(verdict_of(info, {outcome("LIF-01", CaseStatus::kCrash), outcome("ARG-01", CaseStatus::kPass)}).level, 0);
}

TEST(Verdict, IsVacuousBelowAFloorWithoutADeviceOrWithoutAMatch) {
  RunInfo info = two_levels();
  const std::vector<Outcome> thin = {outcome("LIF-01", CaseStatus::kPass, 1), outcome("ARG-01", CaseStatus::kPass)};
  EXPECT_EQ(verdict_of(info, thin).code, ExitCode::kVacuous);
  const std::vector<Outcome> good = {outcome("LIF-01", CaseStatus::kPass), outcome("ARG-01", CaseStatus::kPass)};
  EXPECT_EQ(verdict_of(info, good).code, ExitCode::kConformant);
  info.plan.unmatched = {"NOTHING"};
  EXPECT_EQ(verdict_of(info, good).code, ExitCode::kVacuous);
  info = two_levels();
  info.facts.device_opened = false;
  EXPECT_EQ(verdict_of(info, good).code, ExitCode::kVacuous);
  EXPECT_EQ(verdict_of(info, good).level, 1);
  EXPECT_EQ(verdict_of(two_levels(), {outcome("LIF-01", CaseStatus::kSkip)}).code, ExitCode::kVacuous);
}

/// Two levels, and a check of numbers over two claimed ops.
RunInfo with_claims() {
  RunInfo info = two_levels();
  info.plan.checks.push_back({"OPS-02", "is exact", 3, 10, true});
  for (const std::uint32_t opcode : {RLX_OP_UNARY, RLX_OP_BINARY}) {
    Claim claim;
    claim.opcode = opcode;
    claim.dtypes = std::uint64_t{1} << RLX_DTYPE_F32;
    info.facts.claims.push_back(claim);
  }
  return info;
}

Outcome of_op(std::uint32_t opcode, CaseStatus status, std::uint64_t elements) {
  Outcome result = outcome("OPS-02", status);
  result.covers = {{opcode, RLX_DTYPE_F32, true}};
  result.elements = elements;
  result.refused = status == CaseStatus::kUnsupported;
  return result;
}

TEST(Verdict, IsVacuousWhereWhatIsClaimedIsRefusedEachTime) {
  const RunInfo info = with_claims();
  std::vector<Outcome> outcomes = {outcome("LIF-01", CaseStatus::kPass), outcome("ARG-01", CaseStatus::kPass), of_op(RLX_OP_UNARY, CaseStatus::kPass, 100),
                                   of_op(RLX_OP_BINARY, CaseStatus::kUnsupported, 0)};
  const Verdict refusing = verdict_of(info, outcomes);
  EXPECT_EQ(refusing.code, ExitCode::kVacuous);
  EXPECT_EQ(refusing.summary.vacuous, std::vector<std::string>{"claimed and refused in every case: binary f32"});
  EXPECT_EQ(refusing.summary.refused, 1u);
  outcomes.push_back(of_op(RLX_OP_BINARY, CaseStatus::kPass, 5));
  EXPECT_EQ(verdict_of(info, outcomes).code, ExitCode::kConformant);
  outcomes.back() = of_op(RLX_OP_BINARY, CaseStatus::kPass, 0);  // nothing was compared
  EXPECT_EQ(verdict_of(info, outcomes).code, ExitCode::kVacuous);
}

TEST(Verdict, WantsMoreOfALongerProfile) {
  RunInfo info = with_claims();
  info.plan.checks.back().floor = 20;
  std::vector<Outcome> outcomes = {outcome("LIF-01", CaseStatus::kPass), outcome("ARG-01", CaseStatus::kPass)};
  for (int i = 0; i < 40; ++i) outcomes.push_back(of_op(i % 2 ? RLX_OP_UNARY : RLX_OP_BINARY, CaseStatus::kPass, 1));
  for (const auto& [profile, code] : {std::pair{"quick", ExitCode::kConformant}, std::pair{"ci", ExitCode::kVacuous}, std::pair{"full", ExitCode::kVacuous}}) {
    info.options.profile = profile;
    EXPECT_EQ(verdict_of(info, outcomes).code, code) << profile;
  }
}

TEST(Verdict, CertifiesNothingThatRanBesideOtherCode) {
  RunInfo info = two_levels();
  const Verdict good = verdict_of(info, {outcome("LIF-01", CaseStatus::kPass), outcome("ARG-01", CaseStatus::kPass)});
  info.options.pass = {"CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH"};
  EXPECT_EQ(certificate_refusal(info, good).find("--env"), std::string::npos);
  EXPECT_EQ(certificate_of(info, good, "", 0).environment, "CUDA_VISIBLE_DEVICES,LD_LIBRARY_PATH");
  info.options.pass.push_back("LD_PRELOAD");
  EXPECT_NE(certificate_refusal(info, good).find("--env LD_PRELOAD"), std::string::npos);
}

TEST(Verdict, IsVacuousWhereACaseWasNotRun) {
  RunInfo info = two_levels();
  info.plan.checks.push_back({"LIR-04", "is hardened", 0, 5, false});
  // The crash that ended the run is one that no exit code counts: of the badge, or excused.
  Outcome not_run = outcome("ARG-01", CaseStatus::kNotRun, 0);
  not_run.reason = "device_unhealthy";
  for (const Outcome& crash : {outcome("LIR-04", CaseStatus::kCrash), outcome("ARG-01", CaseStatus::kWaived)}) {
    const Verdict verdict = verdict_of(info, {outcome("LIF-01", CaseStatus::kPass), crash, not_run, not_run});
    EXPECT_EQ(verdict.code, ExitCode::kVacuous);
    ASSERT_EQ(verdict.summary.vacuous.size(), 1u);
    EXPECT_EQ(verdict.summary.vacuous[0], "2 cases were not run: device_unhealthy");
    EXPECT_EQ(certificate_refusal(info, verdict), "not every case was run");
  }
  Outcome badge_not_run = outcome("LIR-04", CaseStatus::kNotRun, 0);
  EXPECT_EQ(verdict_of(info, {outcome("LIF-01", CaseStatus::kPass), outcome("ARG-01", CaseStatus::kPass), badge_not_run}).code, ExitCode::kVacuous);
}

TEST(Verdict, IsVacuousWhereTheSurveyCrashed) {
  RunInfo info = two_levels();
  info.survey_problem = "CRASH: signal 11 in phase claims";
  const Verdict verdict = verdict_of(info, {outcome("LIF-01", CaseStatus::kPass), outcome("ARG-01", CaseStatus::kPass)});
  EXPECT_EQ(verdict.code, ExitCode::kVacuous);
}

TEST(Badge, StandsBesideTheLevelAndMovesNoExitCode) {
  RunInfo info = two_levels();
  info.plan.checks.push_back({"LIR-04", "is hardened", 0, 5, false});
  const std::vector<Outcome> good = {outcome("LIF-01", CaseStatus::kPass), outcome("ARG-01", CaseStatus::kPass)};
  const auto with = [&](CaseStatus status) {
    std::vector<Outcome> all = good;
    all.push_back(outcome("LIR-04", status));
    return verdict_of(info, all);
  };
  EXPECT_TRUE(with(CaseStatus::kPass).badge());
  EXPECT_FALSE(verdict_of(info, good).badge());
  for (const CaseStatus status : {CaseStatus::kFail, CaseStatus::kCrash, CaseStatus::kFlaky}) {
    const Verdict verdict = with(status);
    EXPECT_FALSE(verdict.badge());
    EXPECT_EQ(verdict.code, verdict_of(info, good).code);
    EXPECT_EQ(verdict.level, 2);
  }
  info.options.filters = {"LIR-04"};
  EXPECT_EQ(with(CaseStatus::kFail).code, ExitCode::kFailures);
}

}  // namespace
}  // namespace rlx::conform
