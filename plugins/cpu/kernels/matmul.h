// SPDX-License-Identifier: Apache-2.0
// Arguments of the f32 matrix product: A read in place, B packed once into panels, an epilogue per result
// part.
#ifndef RLX_CPU_KERNELS_MATMUL_H_
#define RLX_CPU_KERNELS_MATMUL_H_

#include <cstdint>

#include "elementwise.h"

namespace rlx_cpu {

/// Columns of one panel, the same on every instruction set.
constexpr int64_t kPanelColumns = 16;

/// Panels that n columns of one part take; the last one is filled up with zero columns.
constexpr int64_t panel_count(int64_t n) { return (n + kPanelColumns - 1) / kPanelColumns; }

/// Floats of a packed B with `panels` panels in all. Layout: panel after panel; a panel holds K rows of 16
/// columns, so element (k, n) of part p lies at ((first panel of p + n / 16) * K + k) * 16 + n % 16.
constexpr int64_t packed_floats(int64_t panels, int64_t k) { return panels * k * kPanelColumns; }

/// One source of a packed B: element (k, n) is alpha * b[k * stride_k + n * stride_n]. A K x N row-major
/// weight has strides (N, 1), an N x K one (1, K).
struct PackPart {
  const float* b;
  int64_t stride_k;
  int64_t stride_n;
  int64_t n;
  float alpha;
};

/// One result of a matmul, columns 0..n-1 of part p of the packed B. Pointers name row 0; absent ones are
/// null. The residual may be c itself.
struct MatmulPart {
  float* c;
  int64_t c_row_stride;
  int64_t n;
  const float* bias;      ///< [n], one per column
  const float* row_bias;  ///< [rows], one per row (convolution)
  const float* residual;
  int64_t residual_row_stride;
};

/// C = act(A * B + bias [+ residual]) [+ residual]. Shapes: A [rows, k] with inner stride 1; B packed.
/// `matmul(args, row_begin, row_end, panel_begin, panel_end)` computes that rectangle, panels counted through
/// all parts; any cut of rows and panels gives the same bits. K is summed in order in one accumulator per
/// element, the bias is added last, so |error| <= gamma_{k+1} * sum |a||b| before the activation. Reads of
/// packed_b stay within its panels, reads of A within its rows.
struct MatmulArgs {
  const float* a;
  int64_t a_row_stride;
  int64_t k;
  const float* packed_b;
  const MatmulPart* parts;
  int32_t part_count;
  bool residual_after_act;
  Activation act;
};

/// Batched product of two activations: C[b] [m, n] = A[b] [m, k] * B[b] [k, n], every stride free (0 too) but
/// C's inner one, which is 1. `dot(args, batch_begin, batch_end, row_begin, row_end, scratch)` computes those
/// rows of those batches; B is packed per call, so cut by batch before rows. The sum's order is matmul's.
struct DotArgs {
  const float* a;
  int64_t a_batch_stride, a_stride_m, a_stride_k;
  const float* b;
  int64_t b_batch_stride, b_stride_k, b_stride_n;
  float* c;
  int64_t c_batch_stride, c_row_stride;
  int64_t m, n, k;
};

/// Rows of A that dot copies at a time when A's inner stride is not 1.
constexpr int64_t kDotRowBlock = 192;
/// Panels of B that dot packs at a time.
constexpr int64_t kDotPanels = 3;

/// Floats of scratch for one dot call.
constexpr int64_t dot_scratch_floats(const DotArgs& args) {
  return packed_floats(kDotPanels, args.k) + (args.a_stride_k == 1 ? 0 : kDotRowBlock * args.k);
}

}  // namespace rlx_cpu

#endif  // RLX_CPU_KERNELS_MATMUL_H_
