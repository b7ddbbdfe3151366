// SPDX-License-Identifier: Apache-2.0
// One function per numeric group; each is defined in the group's file.
#pragma once

#include "tools/conform/numeric/numeric.h"

namespace rlx::conform {

std::span<const NumericCheck> art_numeric_checks();
std::span<const NumericCheck> cap_numeric_checks();
std::span<const NumericCheck> cap_expand_checks();
std::span<const NumericCheck> cap_row_checks();
std::span<const NumericCheck> grf_checks();
std::span<const NumericCheck> ops_checks();
std::span<const NumericCheck> wgt_numeric_checks();

std::span<const NumericCheck> mem_numeric_checks();
std::span<const NumericCheck> dyn_numeric_checks();
std::span<const NumericCheck> det_numeric_checks();

}  // namespace rlx::conform
