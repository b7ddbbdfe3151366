// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/base/result.h"
#include "runtime/ir/graph.h"

namespace rlx {

/// GELU (erf and tanh), SiLU and ReLU that an exporter spelled out become `act`; act(a) * b becomes `gated_act`.
Status recompose_activations(Graph& graph);

}  // namespace rlx
