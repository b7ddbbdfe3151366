// SPDX-License-Identifier: Apache-2.0
// Pointwise kernels: one result element from the elements at the same position. Items: elements of `y`.
//
// Arithmetic: f16 and bf16 are computed in f32 and rounded once, to nearest even. Integers wrap. Integer x /
// 0 and x mod 0 are 0; MIN / -1 is MIN. Shifts by the width or more (or by a negative count) give 0. max and
// min propagate NaN. Integer pow with a negative exponent truncates towards zero (0 to a negative power is
// 0).
#pragma once

#include "view.h"

namespace rlx_cpu {

/// y = x; equal dtypes. Any dtype of the contract with whole bytes.
KernelStatus copy(const View& x, const View& y, Range range);
/// y = fn(x), fn one of RLX_UNARY_*. isnan and isinf give bool; all others keep the dtype.
/// Integers know neg abs sign not and the roundings; bool knows not.
KernelStatus unary(uint32_t fn, const View& x, const View& y, Range range);
/// y = fn(a, b), fn one of RLX_BINARY_*; equal dtypes. and/or/xor/shifts are for integers and (not shifts)
/// bool.
KernelStatus binary(uint32_t fn, const View& a, const View& b, const View& y, Range range);
/// y (bool) = fn(a, b), fn one of RLX_COMPARE_*. With NaN all but `ne` are false.
KernelStatus compare(uint32_t fn, const View& a, const View& b, const View& y, Range range);
/// y = cond ? t : f.
KernelStatus select(const View& cond, const View& t, const View& f, const View& y, Range range);
/// y = x as y's dtype. round: RLX_ROUND_*; overflow: RLX_OVERFLOW_*.
/// To integers: NaN is 0; saturate and inf clamp, wrap keeps the low bits. To floats: a finite value past the
/// range becomes the largest finite one under saturate, else infinity; infinities stay. To bool: x != 0.
KernelStatus cast(const View& x, const View& y, uint32_t round, uint32_t overflow, Range range);
/// y = the bits of x; element sizes are equal.
KernelStatus bitcast(const View& x, const View& y, Range range);
/// y[.., i, ..] = i along `axis`.
KernelStatus iota(const View& y, uint32_t axis, Range range);
/// y = act(x), fn one of RLX_ACT_*; float dtypes.
KernelStatus act(uint32_t fn, double alpha, double beta, const View& x, const View& y, Range range);
/// y = act(a) * b; float dtypes; the product is computed before rounding.
KernelStatus gated_act(uint32_t fn, double alpha, double beta, const View& a, const View& b, const View& y,
                       Range range);

}  // namespace rlx_cpu
