// SPDX-License-Identifier: Apache-2.0
// What the machine has to share out.
#pragma once

#include <cstdint>

namespace rlx::conform {

/// Bytes of memory that this process and its children may have: those of the machine, or of the control group where that has less.
std::uint64_t memory_of_machine();

}  // namespace rlx::conform
