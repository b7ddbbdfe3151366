// SPDX-License-Identifier: Apache-2.0
// The claim rows: per opcode what may be NATIVE at all.
#pragma once

#include <rlx/compile.h>

namespace rlx_cpu {

/// Static rows.
const rlx_claim* claim_rows(uint32_t* count);

}  // namespace rlx_cpu
