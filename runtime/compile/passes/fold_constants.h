// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/base/result.h"
#include "runtime/ir/graph.h"

namespace rlx {

/// Computes what depends on small constants alone: integers and bool exactly, floats in double with one rounding per op.
/// Where a result would depend on the device (overflowing casts, division by zero of integers) the node stays.
Status fold_constants(Graph& graph);

}  // namespace rlx
