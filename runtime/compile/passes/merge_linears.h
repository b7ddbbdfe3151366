// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/base/result.h"
#include "runtime/ir/graph.h"

namespace rlx {

/// Linears that read one x and differ only in their weights (Q, K, V; gate and up) become one linear of several parts.
/// Weights are not concatenated: each stays an operand of its own.
Status merge_linears(Graph& graph);

}  // namespace rlx
