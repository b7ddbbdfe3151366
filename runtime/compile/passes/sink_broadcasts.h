// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/base/result.h"
#include "runtime/ir/graph.h"

namespace rlx {

/// Elementwise work on broadcast operands is done before the broadcast: a mask [b, 1, 1, s] that an exporter expands to
/// [b, 1, s, s] first is computed small, and attention sees what it depends on.
Status sink_broadcasts(Graph& graph);

}  // namespace rlx
