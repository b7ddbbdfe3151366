// SPDX-License-Identifier: Apache-2.0
// The lines that --json wrote, read back into what a verdict is made from.
#pragma once

#include <string>
#include <vector>

#include "tools/conform/controller/report.h"

namespace rlx::conform {

struct ReadRun {
  std::string problem;  ///< why the text is no whole report
  /// Options (profile, seeds), target (digest), facts (names, whether a device opened), checks, date and tool's hash. A filter
  /// stands for a run of a part.
  RunInfo info;
  std::vector<Outcome> outcomes;
  std::string tool, strength;
  bool own_worker = false;
  std::uint64_t planned = 0;            ///< cases, as its first line says
  std::vector<std::string> left_out;    ///< checks of waivers that named no case of the run
  int code = -1, level = -1;            ///< as its last line says
  std::string environment;              ///< what it says of machine and seeds, as a text of lines
};

/// Any bytes. Errors are in `problem`, with the number of the line.
ReadRun read_report(const std::string& text);

/// One line per check: id, level, floor, kind, cases, a hash over their keys and seeds, and the sentence.
std::string checks_text(const Plan& plan, const std::vector<Outcome>& outcomes);

}  // namespace rlx::conform
