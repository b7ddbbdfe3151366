// SPDX-License-Identifier: Apache-2.0
// Every fast kernel, compiled for AVX-512. Includes no standard library beyond <cstdint>: an inline function
// of a shared header compiled here could be the copy that the linker keeps for every CPU.
#include <cstdint>

#define RLX_CPU_ISA avx512
#define RLX_CPU_HAS_TABLE16 1
#include "vec_avx512.h"

// After the trait that it is written over.
#include "table_impl.h"

namespace rlx_cpu {

extern const KernelTable kAvx512Table;
const KernelTable kAvx512Table = avx512::make_table(Isa::kAvx512, "avx512");

}  // namespace rlx_cpu
