// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/base/result.h"
#include "runtime/ir/graph.h"

namespace rlx {

/// Views that change nothing go; reshape of reshape, transpose of transpose and broadcast of broadcast become one.
Status fold_views(Graph& graph);

}  // namespace rlx
