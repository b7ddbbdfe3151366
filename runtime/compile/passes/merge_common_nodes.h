// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/base/result.h"
#include "runtime/ir/graph.h"

namespace rlx {

/// Nodes that compute the same become one, equal constants too. Loops, branches and third parties' ops stay as they are.
Status merge_common_nodes(Graph& graph);

}  // namespace rlx
