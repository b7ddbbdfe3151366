// SPDX-License-Identifier: Apache-2.0
// Every fast kernel, compiled for AVX2 and FMA. Includes no standard library beyond <cstdint>: an inline
// function of a shared header compiled here could be the copy that the linker keeps for every CPU.
#include <cstdint>

#define RLX_CPU_ISA avx2
#define RLX_CPU_HAS_TABLE16 0
#include "vec_avx2.h"

// After the trait that it is written over.
#include "table_impl.h"

namespace rlx_cpu {

extern const KernelTable kAvx2Table;
const KernelTable kAvx2Table = avx2::make_table(Isa::kAvx2, "avx2");

}  // namespace rlx_cpu
