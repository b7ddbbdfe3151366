// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/base/result.h"
#include "runtime/ir/graph.h"

namespace rlx {

/// Layer norm and RMS norm over the last axis that an exporter spelled out in means and square roots become composites.
Status recompose_norms(Graph& graph);

}  // namespace rlx
