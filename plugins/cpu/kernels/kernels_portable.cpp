// SPDX-License-Identifier: Apache-2.0
// Every fast kernel, compiled for no extension. Includes no standard library beyond <cstdint>: an inline
// function of a shared header compiled here could be the copy that the linker keeps for every CPU.
#include <cstdint>

#define RLX_CPU_ISA portable
#define RLX_CPU_HAS_TABLE16 0
#include "vec_portable.h"

// After the trait that it is written over.
#include "table_impl.h"

namespace rlx_cpu {

extern const KernelTable kPortableTable;
const KernelTable kPortableTable = portable::make_table(Isa::kPortable, "portable");

}  // namespace rlx_cpu
