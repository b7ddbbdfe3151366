// SPDX-License-Identifier: Apache-2.0
// What people and programs read: the terminal, JSON Lines, JUnit. All text of the plugin is cut and escaped.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "tools/conform/controller/outcome.h"
#include "tools/conform/controller/plan.h"
#include "tools/conform/controller/target.h"
#include "tools/conform/controller/waivers.h"

namespace rlx::conform {

struct RunInfo {
  Options options;
  std::string tool_hash;     ///< of the programs that the run is made of
  std::int64_t date = 0;     ///< days since 1970-01-01
  std::string waivers_text;  ///< the file of waivers
  Target target;
  Facts facts;
  std::string survey_problem;  ///< how the survey ended, where it loaded the plugin and then failed, crashed or hung
  Plan plan;
  Waivers waivers;
};

struct Verdict {
  ExitCode code = ExitCode::kConformant;
  int level = 0;         ///< earned; -1 where only a part was run
  int checked_to = 0;    ///< the highest level of which something was run
  Summary summary;
  Summary hardened;      ///< of the checks of that badge, which stands beside the level and moves no exit code
  bool badge() const { return hardened.count(CaseStatus::kPass) && !hardened.failed() && !hardened.count(CaseStatus::kFlaky); }
  std::uint64_t waivers = 0;  ///< that excuse something
  std::uint64_t cases = 0, assertions = 0, elements = 0;
  double seconds = 0;
};

/// Printable, one line, at most `most` bytes.
std::string clean(const std::string& text, std::size_t most = 300);

/// "302 PASS, 2 UNSUPPORTED".
std::string counts_text(const Summary& summary);
std::string text_header(const RunInfo& info);
/// One line per group; then what the plugin refused inside its claims, and which claims nothing was compared for.
std::string text_groups(const RunInfo& info, const std::vector<Outcome>& outcomes);
/// The line that runs one case again, for a shell.
std::string replay_command(const RunInfo& info, const Outcome& outcome);
std::string text_failure(const RunInfo& info, const Outcome& outcome);
/// What became of each waiver that concerns this plugin; empty where there is none.
std::string text_waivers(const RunInfo& info);
std::string text_case(const Outcome& outcome);
/// "level 4 with 2 waivers, of the 5 checked".
std::string level_text(const Verdict& verdict);
std::string verdict_line(const RunInfo& info, const Verdict& verdict);

/// Lines with a version each, written and flushed as they come.
class JsonReport {
 public:
  /// Writes no file where `path` is empty; `good()` is false where the file cannot be written. With `keep` the lines are
  /// kept as text() too.
  explicit JsonReport(const std::string& path, bool keep = false);
  ~JsonReport();
  JsonReport(const JsonReport&) = delete;
  JsonReport& operator=(const JsonReport&) = delete;
  bool good() const { return good_; }
  void begin(const RunInfo& info);
  void outcome(const RunInfo& info, const Outcome& outcome);
  void end(const RunInfo& info, const std::vector<Outcome>& outcomes, const Verdict& verdict);
  const std::string& text() const { return text_; }

 private:
  bool listened() const { return file_ || keep_; }
  void line(const std::string& text);
  void waivers(const RunInfo& info);
  void coverage(const RunInfo& info, const std::vector<Outcome>& outcomes);
  std::FILE* file_ = nullptr;
  bool good_ = true, keep_ = false;
  std::string text_;
};

/// CRASH and HANG are errors, FAIL a failure, what did not run is skipped.
std::string junit(const RunInfo& info, const std::vector<Outcome>& outcomes, const Verdict& verdict);

/// `--list`: the checks, and the cases of `plan` where it has some.
std::string list_text(const Plan& plan, bool with_cases);
/// `--list=markdown`: what docs/conformance.md holds.
std::string list_markdown(const Plan& plan);

}  // namespace rlx::conform
