// SPDX-License-Identifier: Apache-2.0
// Two runs beside each other, from the files that --json wrote.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace rlx::conform {

/// What a file says of one case.
struct CaseRow {
  std::string status, seen;  ///< the first failure's
  double worst = 0;
};

struct RunRow {
  std::string problem;  ///< why the file is no report
  std::string plugin, version, profile, word;
  int level = -1;
  bool ended = false;  ///< it has a verdict
  std::map<std::string, CaseRow> cases;  ///< by id; of several seeds "id (2)" and so on
};

/// Reads lines of JSON. Lines that are cut at the end of the file are passed over: a run may have been killed.
RunRow parse_run(const std::string& text);

struct RunDiff {
  std::vector<std::string> worse, better, gone, added, other;  ///< a line each
  bool lower_level = false;
  /// Something that passed does not, is missing, or the level sank.
  bool regressed() const { return !worse.empty() || !gone.empty() || lower_level; }
};
RunDiff diff_runs(const RunRow& before, const RunRow& after);
std::string diff_text(const RunRow& before, const RunRow& after, const RunDiff& diff);

/// `rlx conform --diff A B`. Exit codes: 0 nothing is worse, 1 something is, 2 a file cannot be read.
int show_diff(const std::string& before, const std::string& after);

}  // namespace rlx::conform
