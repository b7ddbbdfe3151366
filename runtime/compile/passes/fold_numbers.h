// SPDX-License-Identifier: Apache-2.0
// One op over numbers, as constant folding needs it.
#pragma once

#include <vector>

#include "runtime/compile/passes/constant_data.h"

namespace rlx {

/// Computes `node` into `result`, which has its dtype and dims. False where the op, its dtype or a value is one that
/// folding leaves to the device.
bool fold(const Node& node, const std::vector<Numbers>& operands, Numbers& result);

}  // namespace rlx
