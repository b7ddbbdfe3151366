// SPDX-License-Identifier: Apache-2.0
// Chooses a kernel table by what the CPU and the operating system support. Compiled without ISA flags.
#include "kernel_table.h"

#include <atomic>

namespace rlx_cpu {

extern const KernelTable kPortableTable;
#if defined(RLX_CPU_HAVE_X86)
extern const KernelTable kAvx2Table;
extern const KernelTable kAvx512Table;
#endif

bool isa_supported(Isa isa) {
  if (isa == Isa::kPortable) return true;
#if defined(RLX_CPU_HAVE_X86)
  __builtin_cpu_init();
  if (isa == Isa::kAvx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#else
  return false;
#endif
}

const KernelTable& kernels(Isa isa) {
#if defined(RLX_CPU_HAVE_X86)
  if (isa == Isa::kAvx512 && isa_supported(Isa::kAvx512)) return kAvx512Table;
  if (isa >= Isa::kAvx2 && isa_supported(Isa::kAvx2)) return kAvx2Table;
#else
  (void)isa;
#endif
  return kPortableTable;
}

const KernelTable& kernels() {
  // The same answer from every thread, so a race only computes it twice.
  static constinit std::atomic<const KernelTable*> chosen = nullptr;
  const KernelTable* table = chosen.load(std::memory_order_relaxed);
  if (table == nullptr) {
    table = &kernels(Isa::kAvx512);
    chosen.store(table, std::memory_order_relaxed);
  }
  return *table;
}

}  // namespace rlx_cpu
