// SPDX-License-Identifier: Apache-2.0
// Which cases there are, and which of them are run.
#pragma once

#include <string>
#include <vector>

#include "tools/conform/controller/options.h"
#include "tools/conform/shared/facts.h"
#include "tools/conform/shared/protocol.h"

namespace rlx::conform {

struct CheckInfo {
  std::string id, sentence;
  int level = 0;
  std::uint64_t floor = 0;
  bool numeric = false;  ///< the floor counts elements instead of assertions
  std::string group() const { return id.substr(0, id.find('-')); }
};

struct PlannedCase {
  std::size_t check = 0;  ///< in Plan::checks
  std::string key;
  std::uint64_t seed = 0;
};

struct Plan {
  std::vector<CheckInfo> checks;
  std::vector<PlannedCase> cases;
  std::vector<std::string> unmatched;  ///< filters and replays that match nothing
  std::string id_of(const PlannedCase& planned) const { return checks[planned.check].id + "/" + planned.key; }
};

/// The worker's checks (its answer to `list`) and the numeric ones, with all their cases.
Plan full_plan(const std::vector<Frame>& listed, const Facts& facts, const std::string& profile);
/// What options leave of it; seeds from the master seed, the check and the key, so that other cases change nothing.
Plan chosen_plan(Plan plan, const Options& options);

}  // namespace rlx::conform
