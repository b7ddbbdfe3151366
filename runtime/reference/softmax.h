// SPDX-License-Identifier: Apache-2.0
// Softmax of one row with bounds that keep what they have in common: weights that sum to 1 cannot all grow.
#pragma once

#include <vector>

#include "runtime/reference/number.h"

namespace rlx::reference {

/// Replaces scores by weights. The bounds are those of exactly normalised weights; the return value is the
/// relative error that an implementation's sum and division add to all of them. A row of -inf alone becomes
/// NaN.
double softmax(const Unit& unit, std::vector<Num>& row, bool bounds);
void log_softmax(const Unit& unit, std::vector<Num>& row, bool bounds);

}  // namespace rlx::reference
