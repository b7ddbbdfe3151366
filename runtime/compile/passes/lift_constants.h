// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/base/result.h"
#include "runtime/ir/graph.h"

namespace rlx {

/// Turns every constant above 4 KiB into an owned param, because an image holds small constants only.
Status lift_constants(Graph& graph);

}  // namespace rlx
