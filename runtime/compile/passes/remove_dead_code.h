// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/base/result.h"
#include "runtime/ir/graph.h"

namespace rlx {

/// Drops nodes whose results nobody reads. Inputs, params and outputs stay as they are: they are the model's face.
Status remove_dead_code(Graph& graph);

}  // namespace rlx
