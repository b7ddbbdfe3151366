// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/controller/outcome.h"

#include <algorithm>

#include "tools/conform/shared/baseline.h"

namespace rlx::conform {
namespace {

/// Slower than the baseline, and nothing else.
bool is_slower(const Outcome& outcome) {
  return outcome.check == kBaselineCheck && outcome.status == CaseStatus::kFail && !outcome.failures.empty() &&
         std::all_of(outcome.failures.begin(), outcome.failures.end(), [](const Failure& failure) { return failure.phase == kBaselinePhase; });
}

}  // namespace

const char* status_word(CaseStatus status) {
  constexpr const char* kWords[] = {"PASS",    "FAIL", "CRASH",  "HANG",  "UNSUPPORTED", "SKIP",
                                    "NOT_RUN", "WEAK", "WAIVED", "XPASS", "FLAKY",       "HARNESS_ERROR"};
  return kWords[static_cast<std::size_t>(status)];
}

void add(Summary& summary, const Outcome& outcome) {
  ++summary.of[static_cast<std::size_t>(outcome.status)];
  if (outcome.status == CaseStatus::kHarnessError) summary.harness_error = true;
  summary.refused += outcome.refused;
  summary.slow += is_slower(outcome);
}

ExitCode exit_code(const Summary& summary) {
  if (summary.harness_error) return ExitCode::kHarnessError;
  if (summary.not_loaded) return ExitCode::kNotLoaded;
  if (summary.usage) return ExitCode::kUsage;
  if (summary.waivers_invalid || summary.count(CaseStatus::kXpass)) return ExitCode::kWaivers;
  if (!summary.vacuous.empty()) return ExitCode::kVacuous;
  if (summary.failed() > summary.slow) return ExitCode::kFailures;
  const std::uint64_t doubtful = summary.count(CaseStatus::kFlaky) + summary.count(CaseStatus::kWeak);
  const std::uint64_t ran = summary.count(CaseStatus::kPass) + summary.count(CaseStatus::kWaived) + doubtful;
  if (static_cast<double>(doubtful) > kWeakShare * static_cast<double>(ran)) return ExitCode::kFlakyOrWeak;
  return summary.slow ? ExitCode::kPerformance : ExitCode::kConformant;
}

const char* exit_word(ExitCode code) {
  constexpr const char* kWords[] = {"conformant",          "not conformant", "usage",
                                    "not loaded",          "harness error",  "vacuous",
                                    "waivers to be mended", "slower",         "flaky or weak"};
  return kWords[static_cast<int>(code)];
}

}  // namespace rlx::conform
