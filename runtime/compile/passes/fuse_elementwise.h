// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/base/result.h"
#include "runtime/ir/graph.h"

namespace rlx {

/// Pointwise ops of one shape that only feed each other become one `elementwise`, whose region is its list of steps.
/// Works on open sizes: two shapes are one where their expressions are.
Status fuse_elementwise(Graph& graph);

}  // namespace rlx
