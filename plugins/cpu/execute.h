// SPDX-License-Identifier: Apache-2.0
// rlx.execute/1 and rlx.profile/1.
#pragma once

#include <rlx/execute.h>
#include <rlx/ext/profile.h>

namespace rlx_cpu {

extern const rlx_execute_1 kExecuteTable;
extern const rlx_profile_1 kProfileTable;

}  // namespace rlx_cpu
