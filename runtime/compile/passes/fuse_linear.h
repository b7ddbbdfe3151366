// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/base/result.h"
#include "runtime/ir/graph.h"

namespace rlx {

/// A product with a weight becomes `linear`, which then takes in the bias, the activation and the residual that follow
/// it, as long as nobody else reads what lies between.
Status fuse_linear(Graph& graph);

}  // namespace rlx
