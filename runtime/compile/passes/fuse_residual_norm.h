// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/base/result.h"
#include "runtime/ir/graph.h"

namespace rlx {

/// norm(x + r) becomes one op; where x + r has other readers, the norm gives it as its second result.
Status fuse_residual_norm(Graph& graph);

}  // namespace rlx
