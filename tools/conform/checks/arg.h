// SPDX-License-Identifier: Apache-2.0
// ARG-04, in arg_views.cpp.
#pragma once

#include "tools/conform/checks/check.h"

namespace rlx::conform {

std::vector<std::string> view_cases(const Facts& facts, Profile profile);
void arg_views(Run& run);

}  // namespace rlx::conform
