// SPDX-License-Identifier: Apache-2.0
// What the passes left apart although a pattern nearly fits, and why: for reports and for strict fusion.
#pragma once

#include <string>
#include <vector>

#include "runtime/ir/graph.h"

namespace rlx {

struct MissedFusion {
  std::string pattern;  ///< "linear", "linear epilogue", "residual norm", "elementwise"
  std::string node;     ///< what was left: "`dot` (name)"
  std::string reason;
};

/// Of an optimised graph, in its order; a node is named at most once per pattern.
std::vector<MissedFusion> missed_fusions(const Graph& graph);

}  // namespace rlx
