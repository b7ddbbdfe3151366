// SPDX-License-Identifier: Apache-2.0
// Which defect this build has. RLX_FAULT 0 is C0, the correct plugin; n > 0 is line n of faults.txt; RLX_C0_*
// are honest look-alikes. A defect says RLX_REACHED() where it acts, so that nobody counts a kill of a line
// that never ran.
#pragma once

#ifndef RLX_FAULT
#define RLX_FAULT 0
#endif

#if RLX_FAULT != 0
#include <stdint.h>

namespace rlx_c0 {
/// Adds one to the 8-byte counter at the start of the file that RLX_FAULT_COUNTER names. [any-thread]
void fault_reached();
/// Words that a defect remembers for a key, zero at first; the layouts of C0's own objects stay as they are.
/// [any-thread]
struct FaultNote {
  uint64_t word[6];
};
FaultNote* fault_note(uint64_t key);
}  // namespace rlx_c0
#define RLX_REACHED() ::rlx_c0::fault_reached()
#endif
