// SPDX-License-Identifier: Apache-2.0
// Counter-based random bits.
#pragma once

#include "view.h"

namespace rlx_cpu {

/// y (u32): element i is word i mod 4 of Philox 4x32-10 at counter + i / 4 (128-bit, word 0 lowest). Items:
/// elements of y. Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
KernelStatus rng_bits(const View& key, const View& counter, const View& y, Range range);

}  // namespace rlx_cpu
