// SPDX-License-Identifier: Apache-2.0
// Which defect this build has. RLX_FAULT 0 is C0, the correct plugin; n > 0 is line n of faults.txt; RLX_C0_*
// are honest look-alikes. A defect says RLX_REACHED() where it acts, so that nobody counts a kill of a line
// that never ran.
#pragma once

#ifndef RLX_FAULT
#define RLX_FAULT 0
#endif

#if RLX_FAULT != 0
namespace rlx_c0 {
/// Adds one to the counter in the file that RLX_FAULT_COUNTER names. [any-thread]
void fault_reached();
}  // namespace rlx_c0
#define RLX_REACHED() ::rlx_c0::fault_reached()
#endif
