// SPDX-License-Identifier: Apache-2.0
// What became of a case, and what the whole run comes to.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rlx::conform {

enum class CaseStatus : std::uint8_t {
  kPass,
  kFail,
  kCrash,
  kHang,
  kUnsupported,
  kSkip,
  kNotRun,
  kWeak,
  kWaived,
  kXpass,
  kFlaky,
  kHarnessError,
};
const char* status_word(CaseStatus status);

struct Failure {
  std::string wanted, seen, phase;
};

/// An op of a numeric case, with a dtype of its operands or results.
struct Cover {
  std::uint32_t opcode = 0, dtype = 0;
  bool alone = false;  ///< the case is this op and nothing else, and the dtype its result's
};

struct Outcome {
  std::string check, key;
  std::uint64_t seed = 0;
  CaseStatus status = CaseStatus::kNotRun;
  bool refused = false;  ///< UNSUPPORTED, and the claims have it; `reason` is the plugin's
  std::string waiver;  ///< id of the one that excuses it, or that it needs no longer
  CaseStatus waived = CaseStatus::kPass;  ///< what WAIVED was
  std::string reason;  ///< of everything that is no PASS or FAIL: signal, phase, precondition, …
  std::vector<Failure> failures;
  std::vector<std::string> notes;
  std::string stack;    ///< of a crash or hang
  std::string printed;  ///< what the plugin wrote to its standard streams
  std::uint64_t assertions = 0, elements = 0;
  std::vector<Cover> covers;  ///< of numeric cases
  double worst = 0;           ///< of numeric cases: the greatest |seen - wanted| / bound
  bool measured = false;      ///< there was a bound above zero
  double milliseconds = 0;
  std::string id() const { return check + "/" + key; }
};

enum class ExitCode : int {
  kConformant = 0,
  kFailures = 1,
  kUsage = 2,
  kNotLoaded = 3,
  kHarnessError = 4,
  kVacuous = 5,
  kWaivers = 6,
  kPerformance = 7,
  kFlakyOrWeak = 8,
};

/// What the exit code is decided from.
struct Summary {
  std::uint64_t of[12] = {};  ///< cases by status
  bool usage = false;
  bool not_loaded = false;
  bool harness_error = false;
  bool waivers_invalid = false;
  std::vector<std::string> vacuous;  ///< reasons: a floor not reached, no device, nothing matched
  std::uint64_t refused = 0;         ///< of those UNSUPPORTED, what the claims have
  std::uint64_t slow = 0;            ///< of the failed cases, those that are slower than a baseline and no more
  std::uint64_t count(CaseStatus status) const { return of[static_cast<std::size_t>(status)]; }
  std::uint64_t failed() const { return count(CaseStatus::kFail) + count(CaseStatus::kCrash) + count(CaseStatus::kHang); }
};
void add(Summary& summary, const Outcome& outcome);

/// The share of FLAKY and WEAK among the cases that ran, above which a run is not conformant.
inline constexpr double kWeakShare = 0.02;
/// The first that applies of 4, 3, 2, 6, 5, 1, 8, 7; else 0.
ExitCode exit_code(const Summary& summary);
const char* exit_word(ExitCode code);

}  // namespace rlx::conform
