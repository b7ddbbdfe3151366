// SPDX-License-Identifier: Apache-2.0
// What every graph must keep between passes: operands defined before use, ids in range, lists consistent, shapes equal
// to what inference says, composites with a region whose parameters and results match.
#pragma once

#include "runtime/base/result.h"
#include "runtime/ir/graph.h"

namespace rlx {

/// Errors: kInvalidModel naming the first node or value that breaks a rule, and the rule.
Status verify(const Graph& graph);

}  // namespace rlx
