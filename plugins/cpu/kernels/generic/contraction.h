// SPDX-License-Identifier: Apache-2.0
// Sums of products: dot with any contract and batch dims, direct convolution.
#pragma once

#include "view.h"

namespace rlx_cpu {

struct DotAttrs {
  uint32_t contract_count = 0;
  uint32_t batch_count = 0;
  uint32_t contract_a[RLX_MAX_RANK] = {};
  uint32_t contract_b[RLX_MAX_RANK] = {};
  uint32_t batch_a[RLX_MAX_RANK] = {};
  uint32_t batch_b[RLX_MAX_RANK] = {};
  uint32_t acc =
      RLX_DTYPE_NONE;  // f32, f64, i32 or i64; NONE: f64 for f64, f32 for other floats, i32/i64 for integers
};
/// y[batch, a free, b free] = sum over the contracted dims of a * b, in order, in the acc dtype; integers
/// wrap in it. a and b may have different dtypes of one kind. Items: elements of y.
KernelStatus dot(const View& a, const View& b, const DotAttrs& attrs, const View& y, Range range);

struct ConvAttrs {
  uint32_t spatial = 0;  // 1 to 3
  int64_t strides[3] = {1, 1, 1};
  int64_t low[3] = {};
  int64_t high[3] = {};
  int64_t dilation[3] = {1, 1, 1};
  int64_t input_dilation[3] = {1, 1, 1};
  int64_t groups = 1;
  uint32_t acc = RLX_DTYPE_NONE;  // as in DotAttrs
};
/// x[N, C, s..], w[O, C/groups, k..] -> y[N, O, o..]. Items: elements of y.
KernelStatus conv(const View& x, const View& w, const ConvAttrs& attrs, const View& y, Range range);

}  // namespace rlx_cpu
