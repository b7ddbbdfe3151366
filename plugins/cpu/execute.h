// SPDX-License-Identifier: Apache-2.0
// rlx.execute/1.
#pragma once

#include <rlx/execute.h>

namespace rlx_cpu {

extern const rlx_execute_1 kExecuteTable;

}  // namespace rlx_cpu
