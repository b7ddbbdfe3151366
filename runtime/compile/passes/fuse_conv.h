// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/base/result.h"
#include "runtime/ir/graph.h"

namespace rlx {

/// A convolution takes in the bias, the residual and the activation that follow it, in this order, as long as nobody else
/// reads what lies between: `conv_act`.
Status fuse_conv(Graph& graph);

}  // namespace rlx
