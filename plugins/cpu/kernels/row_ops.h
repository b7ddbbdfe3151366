// SPDX-License-Identifier: Apache-2.0
// Arguments of the kernels that map one row to one row: layer norm, rms norm, softmax.
#ifndef RLX_CPU_KERNELS_ROW_OPS_H_
#define RLX_CPU_KERNELS_ROW_OPS_H_

#include <cstdint>

namespace rlx_cpu {

/// z = x [+ residual];
/// layer_norm: y = (z - mean) / sqrt(variance + eps) * gamma + beta;
/// rms_norm:   y = z / sqrt(mean of squares + eps) * (gamma + gamma_offset)        (beta is not read).
/// Shapes: rows of n values, inner stride 1, any row stride; gamma, beta [n]. Null: residual, gamma (1), beta
/// (0), sum. y and sum (which receives z) may each be x or residual, but not one another. Statistics are f32
/// in two passes over the row, in an order that depends on n alone.
struct NormArgs {
  const float* x;
  int64_t x_row_stride;
  const float* residual;
  int64_t residual_row_stride;
  const float* gamma;
  const float* beta;
  float* y;
  int64_t y_row_stride;
  float* sum;
  int64_t sum_row_stride;
  int64_t n;
  float eps;
  float gamma_offset;
};

/// y = softmax(x) or log(softmax(x)) over rows of n values, inner stride 1, any row stride; y may be x.
/// A row of only -Inf gives NaN, as the formula does.
struct SoftmaxArgs {
  const float* x;
  int64_t x_row_stride;
  float* y;
  int64_t y_row_stride;
  int64_t n;
  bool log;
};

}  // namespace rlx_cpu

#endif  // RLX_CPU_KERNELS_ROW_OPS_H_
