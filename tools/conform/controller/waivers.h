// SPDX-License-Identifier: Apache-2.0
// Failures that are known and excused for a while: a TOML file of waivers, each with a reason, an owner and an end. What
// is excused stays visible, and a waiver that excuses nothing any more is a fault of the file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/conform/controller/options.h"
#include "tools/conform/controller/outcome.h"
#include "tools/conform/controller/plan.h"

namespace rlx::conform {

/// The most days that a waiver may be given for.
inline constexpr std::int64_t kWaiverDaysMost = 180;

struct Waiver {
  std::string id;        ///< of the waiver, unique in its file
  std::string check;     ///< "ERR-04", or "ERR-04/" and a glob over its cases
  std::string plugin;    ///< id of the plugin
  std::string versions;  ///< ">=1.2 <2": every part must hold
  std::string device;    ///< glob over the kind and the name of the device; "*" where the file says nothing
  std::string expect;    ///< fail, crash, hang or flaky
  std::string reason, issue, owner;
  std::int64_t expires = 0;  ///< days since 1970-01-01; the last day on which it holds
  std::string expires_text;
};

struct WaiverFile {
  std::vector<Waiver> waivers;
  std::string problem;  ///< why the file is refused, with the waiver's id or the line
};

/// Days since 1970-01-01 of "2026-11-30"; -1 where it is no date.
std::int64_t day_of(std::string_view text);
std::int64_t today();
/// The other way round.
std::string date_text(std::int64_t day);

/// Text of a TOML file. Unknown, missing or empty keys, a second use of an id and an end too far away are problems.
WaiverFile parse_waivers(const std::string& text, std::int64_t today);
WaiverFile read_waivers(const std::string& path, std::int64_t today);

/// ">=1.2 <2" over "1.4.0-rc1" (a pre-release counts as its release). False for a range that makes no sense.
bool in_versions(const std::string& range, const std::string& version);
/// Why a range makes no sense; empty where it does.
std::string versions_problem(const std::string& range);

enum class WaiverState : std::uint8_t {
  kUsed,       ///< excuses at least one case
  kUnneeded,   ///< what it names was run and passed
  kUnmatched,  ///< names no case, or other versions of this plugin
  kExpired,
  kForbidden,  ///< of a check that no certificate excuses
  kNotRun,     ///< its cases are not of this run
  kElsewhere,  ///< of another plugin or device
};
const char* waiver_state_word(WaiverState state);

struct WaiverUse {
  Waiver waiver;
  WaiverState state = WaiverState::kNotRun;
  std::uint64_t cases = 0;    ///< that it names and that were run
  std::uint64_t excused = 0;  ///< of these
  std::int64_t days_left = 0;
  /// It makes the run end in exit 6 (in profile quick: it is warned of).
  bool stale() const { return state == WaiverState::kUnneeded || state == WaiverState::kUnmatched || state == WaiverState::kExpired || state == WaiverState::kForbidden; }
};

/// The waivers of one run. take() may be called as cases end, one at a time.
class Waivers {
 public:
  Waivers() = default;
  Waivers(const std::vector<Waiver>& waivers, const Facts& facts, std::int64_t today, bool certify);
  /// FAIL, CRASH, HANG or FLAKY becomes WAIVED where a waiver that holds expects just that.
  void take(Outcome& outcome);
  /// A case that a waiver calls flaky is worth another run when it fails.
  bool flaky(const std::string& id) const;
  /// After the last case. `known`: ids of all cases, also of those that this run leaves out. What passed although a
  /// waiver names it becomes XPASS if `strict`.
  void finish(const std::vector<std::string>& known, bool strict, std::vector<Outcome>& outcomes);
  const std::vector<WaiverUse>& uses() const { return uses_; }
  std::uint64_t used() const;
  std::uint64_t stale() const;

 private:
  std::vector<WaiverUse> uses_;
};

}  // namespace rlx::conform
