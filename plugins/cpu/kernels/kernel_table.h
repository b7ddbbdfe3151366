// SPDX-License-Identifier: Apache-2.0
// The fast f32 kernels of the CPU backend as one table of functions per instruction set, chosen once at run
// time. Kernels cannot fail, allocate nothing, start no thread and keep no state: sizes and pointers are the
// caller's word. Strides are in elements. Pointers need the alignment of their element only, but packed
// weights and scratch want 64 bytes. A count of zero is legal everywhere and touches nothing (K = 0 gives
// sums of zero). Results of one table do not depend on how work is cut: rows, panels, heads or threads (row
// invariance).
#ifndef RLX_CPU_KERNELS_KERNEL_TABLE_H_
#define RLX_CPU_KERNELS_KERNEL_TABLE_H_

#include <cstdint>

#include "attention.h"
#include "conv.h"
#include "elementwise.h"
#include "matmul.h"
#include "row_ops.h"

namespace rlx_cpu {

enum class Isa : uint8_t { kPortable = 0, kAvx2 = 1, kAvx512 = 2 };

/// Every fast kernel for one instruction set. The headers named per group hold the contracts.
struct KernelTable {
  Isa isa;
  const char* name;     ///< "portable", "avx2", "avx512"
  int32_t tile_rows;    ///< matmul is fastest when a row range is a multiple of this
  int32_t tile_panels;  ///< and a panel range of this

  // matmul.h
  void (*pack_b)(const PackPart* parts, int32_t part_count, int64_t k, int64_t panel_begin, int64_t panel_end,
                 float* packed);
  void (*matmul)(const MatmulArgs& args, int64_t row_begin, int64_t row_end, int64_t panel_begin,
                 int64_t panel_end);
  void (*dot)(const DotArgs& args, int64_t batch_begin, int64_t batch_end, int64_t row_begin, int64_t row_end,
              float* scratch);
  // attention.h
  void (*attention)(const AttentionArgs& args, int64_t batch, int64_t head, int64_t query_begin,
                    int64_t query_end, float* scratch);
  // elementwise.h
  void (*act)(const Activation& act, const float* x, int64_t x_row_stride, float* y, int64_t y_row_stride,
              int64_t rows, int64_t columns);
  UnaryKernel (*unary)(uint32_t fn);
  // row_ops.h
  void (*layer_norm)(const NormArgs& args, int64_t row_begin, int64_t row_end);
  void (*rms_norm)(const NormArgs& args, int64_t row_begin, int64_t row_end);
  void (*softmax)(const SoftmaxArgs& args, int64_t row_begin, int64_t row_end);
  // conv.h
  void (*conv2d)(const Conv2dArgs& args, int64_t batch, int64_t group, int64_t panel_begin, int64_t panel_end,
                 float* scratch);
};

/// True if this machine and its operating system run the instruction set, and it was built in.
bool isa_supported(Isa isa);

/// The table of the best supported instruction set. Thread: any.
const KernelTable& kernels();

/// The table of `isa`, or of the best supported one below it..
const KernelTable& kernels(Isa isa);

}  // namespace rlx_cpu

#endif  // RLX_CPU_KERNELS_KERNEL_TABLE_H_
