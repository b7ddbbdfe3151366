// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/base/result.h"
#include "runtime/ir/graph.h"

namespace rlx {

/// x * cos(f, f) + rotate_half(x) * sin(f, f) over the last axis becomes `rope` on cos(f) and sin(f).
Status recompose_rope(Graph& graph);

}  // namespace rlx
