// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/base/result.h"
#include "runtime/ir/graph.h"

namespace rlx {

/// exp(x - max(x)) / sum(exp(x - max(x))) over one axis becomes `softmax`.
Status recompose_softmax(Graph& graph);

}  // namespace rlx
