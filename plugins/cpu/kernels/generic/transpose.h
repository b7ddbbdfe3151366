// SPDX-License-Identifier: Apache-2.0
// Copies whose source moves fastest along another axis than the result: done in tiles, so that every cache
// line that is fetched is used up.
#pragma once

#include "view.h"

namespace rlx_cpu {

/// True, and done, if x can be copied to the dense y by tiles; false if copy_flat is as good.
bool copy_transposed(const View& x, const View& y, Range range);

}  // namespace rlx_cpu
