// SPDX-License-Identifier: Apache-2.0
// Elementary functions on one vector, written over the trait of the including ISA file (namespace
// RLX_CPU_ISA). Polynomials are minimax fits (Lawson iteration) made for these intervals; bounds are in
// elementwise.h.
#ifndef RLX_CPU_KERNELS_VECTOR_MATH_IMPL_H_
#define RLX_CPU_KERNELS_VECTOR_MATH_IMPL_H_

namespace rlx_cpu::RLX_CPU_ISA {

static inline F abs(F x) { return from_bits(and_i(bits(x), set1_i(0x7fffffff))); }
static inline F negate(F x) { return zero() - x; }
static inline F copy_sign(F magnitude, F sign) {
  return from_bits(or_i(bits(magnitude), and_i(bits(sign), set1_i(INT32_MIN))));
}

/// The nearest integer for |x| < 2^22, ties to even.
static inline F round_small(F x) {
  const F magic = set1(12582912.0f);  // 1.5 * 2^23
  return (x + magic) - magic;
}

/// x = n ln2 + r with |r| <= ln2 / 2; the first part of ln2 has 10 bits, so n times it is exact.
struct Reduced {
  F n;
  F r;
};
static inline Reduced reduce_ln2(F x) {
  const F n = round_small(x * set1(1.44269504f));
  return {n, fnma(n, set1(-2.12194440e-4f), fnma(n, set1(0.693359375f), x))};
}

/// (e^r - 1 - r) / r^2 for |r| <= ln2 / 2.
static inline F exp_tail(F r) {
  F q = set1(1.388252014e-3f);
  q = fma(q, r, set1(8.366513997e-3f));
  q = fma(q, r, set1(4.166720062e-2f));
  q = fma(q, r, set1(1.666654348e-1f));
  return fma(q, r, set1(4.999999702e-1f));
}

static inline F exp(F x) {
  const F clamped = max(set1(-104.0f), min(set1(89.0f), x));  // beyond: 0 and Inf; NaN stays
  const Reduced a = reduce_ln2(clamped);
  const F p = fma(a.r * a.r, exp_tail(a.r), a.r) + set1(1.0f);
  return scale_by_power(p, a.n);
}

/// 2^(d * factor) for d <= 0 < factor, 0 where d < lowest = -126 / factor: no subnormal arises, as those cost
/// a microcode assist of over a hundred cycles. NaN stays.
static inline F exp2_scaled(F d, F factor, F lowest) {
  const F magic = set1(12582912.0f);
  const F raw = fma(d, factor, magic);  // its low bits are the nearest integer n
  const F f = fma(d, factor, magic - raw);
  F q = set1(1.326472382e-3f);
  q = fma(q, f, set1(9.671512991e-3f));
  q = fma(q, f, set1(5.550733581e-2f));
  q = fma(q, f, set1(2.402224243e-1f));
  q = fma(q, f, set1(6.931470037e-1f));
  q = fma(q, f, set1(1.0f));
  const F y = from_bits(add_i(bits(q), shift_left(bits(raw), 23)));
  return select(at_least(d, lowest), y, max(zero(), d));
}

static inline F expm1(F x) {
  const F clamped = max(set1(-20.0f), min(set1(89.0f), x));
  const Reduced a = reduce_ln2(clamped);
  const F p = fma(a.r * a.r, exp_tail(a.r), a.r);
  // 2^n (p + 1) - 1; half of 2^n keeps n = 128 finite until the end.
  const F half_power = scale_by_power(set1(0.5f), a.n);
  const F y = (fma(half_power, p, half_power - set1(0.5f))) * set1(2.0f);
  return select(equal(x, zero()), x, y);  // keeps -0
}

static inline F sigmoid(F x) {
  const F e = exp(negate(abs(x)));
  const F upper = set1(1.0f) / (set1(1.0f) + e);
  return select(less(x, zero()), e * upper, upper);
}

static inline F tanh(F x) {
  const F a = abs(x);
  const F s = a * a;
  F q = set1(-5.704978481e-3f);
  q = fma(q, s, set1(2.063907869e-2f));
  q = fma(q, s, set1(-5.373971164e-2f));
  q = fma(q, s, set1(1.333144158e-1f));
  q = fma(q, s, set1(-3.333328068e-1f));
  const F small = fma(a * s, q, a);
  const F e = exp(a + a);
  const F large = set1(1.0f) - set1(2.0f) / (e + set1(1.0f));
  return copy_sign(select(less(a, set1(0.625f)), small, large), x);
}

static inline F erf(F x) {
  const F a = abs(x);
  const F s = a * a;
  F p = set1(7.853857096e-5f);
  p = fma(p, s, set1(-8.010192541e-4f));
  p = fma(p, s, set1(5.188327748e-3f));
  p = fma(p, s, set1(-2.685381100e-2f));
  p = fma(p, s, set1(1.128358543e-1f));
  p = fma(p, s, set1(-3.761262596e-1f));
  p = fma(p, s, set1(1.283791070e-1f));  // 2 / sqrt(pi) - 1
  const F small = fma(p, a, a);
  const F b = min(set1(4.0f), a);  // log(erfc(b))
  F l = set1(1.863800862e-4f);
  l = fma(l, b, set1(-2.947666682e-3f));
  l = fma(l, b, set1(2.183809690e-2f));
  l = fma(l, b, set1(-1.031068191e-1f));
  l = fma(l, b, set1(-6.381447315e-1f));
  l = fma(l, b, set1(-1.127089262f));
  l = fma(l, b, set1(-3.415125830e-4f));
  const F large = set1(1.0f) - exp(l);
  return copy_sign(select(less(a, set1(1.0f)), small, large), x);
}

/// log of a positive, normal or subnormal x; 0 gives -Inf, negative NaN, Inf Inf.
static inline F log(F x) {
  const M tiny = less(x, set1(1.17549435e-38f));
  const F scaled = select(tiny, x * set1(16777216.0f), x);
  // m in [sqrt(1/2), sqrt(2)), scaled = m 2^e
  const I shifted = sub_i(bits(scaled), set1_i(0x3f3504f3));
  const I exponent = shift_right_arithmetic(shifted, 23);
  const F m = from_bits(add_i(and_i(shifted, set1_i(0x007fffff)), set1_i(0x3f3504f3)));
  const F e = to_float(exponent) - select(tiny, set1(24.0f), zero());
  const F f = m - set1(1.0f);
  F q = set1(-7.634429634e-2f);
  q = fma(q, f, set1(1.276154965e-1f));
  q = fma(q, f, set1(-1.316019446e-1f));
  q = fma(q, f, set1(1.420176178e-1f));
  q = fma(q, f, set1(-1.662335694e-1f));
  q = fma(q, f, set1(2.000122666e-1f));
  q = fma(q, f, set1(-2.500082254e-1f));
  q = fma(q, f, set1(3.333333135e-1f));
  const F s = f * f;
  F tail = fma(s * f, q, e * set1(-2.12194440e-4f));
  tail = fnma(s, set1(0.5f), tail);
  const F y = fma(e, set1(0.693359375f), f + tail);
  const F inf = set1(__builtin_inff());
  const F positive = select(equal(x, inf), inf, y);
  const F rest = select(equal(x, zero()), negate(inf), set1(__builtin_nanf("")));
  return select(less(zero(), x), positive, rest);
}

static inline F log1p(F x) {
  const F one_plus = x + set1(1.0f);
  // What the sum lost, given back to first order: log(1 + x) = log(w) + (x - (w - 1)) / w.
  const F lost = x - (one_plus - set1(1.0f));
  const F y = log(one_plus) + lost / one_plus;
  const M plain = less(abs(one_plus), set1(__builtin_inff()));
  const F corrected = select(plain, select(equal(one_plus, zero()), log(one_plus), y), log(one_plus));
  return select(less(abs(x), set1(5.9604645e-8f)), x, corrected);
}

/// log(1 + e) for 0 <= e <= 1.
static inline F log1p_unit(F e) {
  const F one_plus = e + set1(1.0f);
  const F lost = e - (one_plus - set1(1.0f));
  return log(one_plus) + lost / one_plus;
}

}  // namespace rlx_cpu::RLX_CPU_ISA

#endif  // RLX_CPU_KERNELS_VECTOR_MATH_IMPL_H_
