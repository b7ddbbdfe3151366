// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/base/result.h"
#include "runtime/ir/graph.h"

namespace rlx {

/// softmax(q.k^T * scale [+ bias | masked]).v of rank 4 becomes `attention`, with what the mask came from.
/// Masks: a bias stays a bias (of the few axes that it depends on), because where no key is left a bias of -3.4e38 gives
/// equal weights to all keys and a bool mask gives zeros. Only -inf becomes a bool mask: there the spelled-out form gives
/// NaN for a query without keys, and attention gives zeros, as its contract says.
Status recompose_attention(Graph& graph);

}  // namespace rlx
