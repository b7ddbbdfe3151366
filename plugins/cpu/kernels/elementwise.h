// SPDX-License-Identifier: Apache-2.0
// Named activations and unary functions over f32, with the error bound of each.
#ifndef RLX_CPU_KERNELS_ELEMENTWISE_H_
#define RLX_CPU_KERNELS_ELEMENTWISE_H_

#include <cstdint>

namespace rlx_cpu {

/// One of RLX_ACT_* with its two parameters (ops.h says what they mean for which). Zero is RLX_ACT_NONE.
/// `act(act, x, x_row_stride, y, y_row_stride, rows, columns)` maps a [rows, columns] block; y may be x.
///
/// Bounds, u = 2^-24, y the exact value, tested over the whole range against long double:
///   none relu leaky_relu clip shrink thresholded_relu softsign hard_sigmoid hard_swish   their roundings, <=
///   4u|y|
///                          (the last two: 4u times the largest intermediate)
///   sigmoid 5u|y|   tanh 4u|y|   silu 6u|y|   elu selu celu 6u|y|   softplus 5u|y|   mish 10u|y|
///   gelu_tanh    (8 + 4|t|)u|y|, t = 2 sqrt(2/pi) (x + 0.044715 x^3): the argument's rounding is amplified
///   gelu_erf     4u|y| + 4u|x|: absolute in the negative tail, where it is 0 below -5.6
/// NaN gives NaN. Infinities give the limit of the formula (silu(-Inf) and gelu(-Inf) are NaN as -Inf * 0
/// is). Subnormal inputs and results are kept; every bound stands on a floor of 2^-148 (1 + |x|) for
/// subnormal steps.
struct Activation {
  uint32_t kind;
  float alpha;
  float beta;
};

/// y[i] = f(x[i]), 0 <= i < n; y may be x.
using UnaryKernel = void (*)(const float* x, float* y, int64_t n);

/// `unary(fn)` gives the kernel for one of RLX_UNARY_*, or null where there is no fast one.
/// Bounds: exp 3u|y|, expm1 5u|y|, log 4u|y|, log1p 4u|y|, tanh 4u|y|, erf 4u|y|, sigmoid 5u|y|; neg abs sqrt
/// recip floor ceil trunc round_even correctly rounded; rsqrt 3u|y|. The floor for subnormal steps is the
/// same.

}  // namespace rlx_cpu

#endif  // RLX_CPU_KERNELS_ELEMENTWISE_H_
