// SPDX-License-Identifier: Apache-2.0
// Fills a KernelTable with the functions of the including ISA file (namespace RLX_CPU_ISA).
#ifndef RLX_CPU_KERNELS_TABLE_IMPL_H_
#define RLX_CPU_KERNELS_TABLE_IMPL_H_

#include "attention_impl.h"
#include "conv_impl.h"
#include "kernel_table.h"
#include "matmul_impl.h"
#include "row_ops_impl.h"

namespace rlx_cpu::RLX_CPU_ISA {

constexpr KernelTable make_table(Isa isa, const char* name) {
  return {isa,       name,     kTileRows,    kTilePanels, pack_b,   matmul,  dot,
          attention, act_rows, unary_kernel, layer_norm,  rms_norm, softmax, conv2d};
}

}  // namespace rlx_cpu::RLX_CPU_ISA

#endif  // RLX_CPU_KERNELS_TABLE_IMPL_H_
