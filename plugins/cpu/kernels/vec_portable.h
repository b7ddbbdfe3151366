// SPDX-License-Identifier: Apache-2.0
// The vector trait of every other CPU: 4 floats in a compiler vector, no intrinsics, 2 x 16 tiles.
// The compiler maps it to SSE2, NEON or plain scalars; products and sums round separately.
#ifndef RLX_CPU_KERNELS_VEC_PORTABLE_H_
#define RLX_CPU_KERNELS_VEC_PORTABLE_H_

#include <cstdint>

namespace rlx_cpu::portable {

typedef float F __attribute__((vector_size(16)));
typedef int32_t I __attribute__((vector_size(16)));
typedef uint32_t U __attribute__((vector_size(16)));
using M = I;
constexpr int kWidth = 4;
constexpr int kTileRows = 2;
constexpr int kTilePanels = 1;

static inline F set1(float v) { return F{v, v, v, v}; }
static inline F zero() { return F{0, 0, 0, 0}; }
static inline F load(const float* p) {
  F v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
static inline void store(float* p, F v) { __builtin_memcpy(p, &v, sizeof v); }
static inline I set1_i(int32_t v) { return I{v, v, v, v}; }
/// Mask of the first n lanes, 0 <= n <= kWidth.
static inline M first(int64_t n) { return I{0, 1, 2, 3} < set1_i(static_cast<int32_t>(n)); }
/// The first n values, the other lanes zero; reads nothing past p[n-1].
static inline F load_n(const float* p, int64_t n) {
  F v = zero();
  for (int64_t i = 0; i < n; ++i) v[i] = p[i];
  return v;
}
static inline void store_n(float* p, F v, int64_t n) {
  for (int64_t i = 0; i < n; ++i) p[i] = v[i];
}
static inline F fma(F a, F b, F c) { return a * b + c; }
/// c - a * b
static inline F fnma(F a, F b, F c) { return c - a * b; }
static inline I bits(F a) { return reinterpret_cast<I>(a); }
static inline F from_bits(I a) { return reinterpret_cast<F>(a); }
static inline F select(M m, F yes, F no) { return from_bits((m & bits(yes)) | (~m & bits(no))); }
static inline M less(F a, F b) { return a < b; }
/// a >= b, false for NaN.
static inline M at_least(F a, F b) { return a >= b; }
static inline M equal(F a, F b) { return a == b; }
/// a > b ? a : b, so a NaN in b comes through.
static inline F max(F a, F b) { return select(b < a, a, b); }
/// a < b ? a : b, so a NaN in b comes through.
static inline F min(F a, F b) { return select(a < b, a, b); }
static inline F sqrt(F a) {
  return F{__builtin_sqrtf(a[0]), __builtin_sqrtf(a[1]), __builtin_sqrtf(a[2]), __builtin_sqrtf(a[3])};
}
static inline I and_i(I a, I b) { return a & b; }
static inline I or_i(I a, I b) { return a | b; }
/// Sums that wrap.
static inline I add_i(I a, I b) {
  return reinterpret_cast<I>(reinterpret_cast<U>(a) + reinterpret_cast<U>(b));
}
static inline I sub_i(I a, I b) {
  return reinterpret_cast<I>(reinterpret_cast<U>(a) - reinterpret_cast<U>(b));
}
static inline I shift_right_arithmetic(I a, int n) { return a >> n; }
static inline I shift_left(I a, int n) { return a << n; }
static inline F to_float(I a) { return __builtin_convertvector(a, F); }
static inline F floor(F a) {
  return F{__builtin_floorf(a[0]), __builtin_floorf(a[1]), __builtin_floorf(a[2]), __builtin_floorf(a[3])};
}
static inline F ceil(F a) {
  return F{__builtin_ceilf(a[0]), __builtin_ceilf(a[1]), __builtin_ceilf(a[2]), __builtin_ceilf(a[3])};
}
static inline F trunc(F a) {
  return F{__builtin_truncf(a[0]), __builtin_truncf(a[1]), __builtin_truncf(a[2]), __builtin_truncf(a[3])};
}
static inline F round_even(F a) {
  return F{__builtin_nearbyintf(a[0]), __builtin_nearbyintf(a[1]), __builtin_nearbyintf(a[2]),
           __builtin_nearbyintf(a[3])};
}
/// p * 2^n for integral n in [-252, 254], rounded once. A NaN n needs a NaN p.
static inline F scale_by_power(F p, F n) {
  const I e = __builtin_convertvector(select(n == n, n, zero()), I);
  const I half = e >> 1;
  const F first_power = from_bits((half + 127) << 23);
  const F second_power = from_bits((e - half + 127) << 23);
  return p * first_power * second_power;
}
static inline float sum_of(F a) { return (a[0] + a[2]) + (a[1] + a[3]); }
static inline float max_of(F a) {
  const F b = max(a, F{a[2], a[3], a[0], a[1]});
  return b[0] > b[1] ? b[0] : b[1];
}
/// Lane i from a byte: true where p[i] is not 0, for i < n; false for the rest. Reads n bytes.
static inline M load_mask(const uint8_t* p, int64_t n) {
  I lanes = set1_i(0);
  for (int64_t i = 0; i < n; ++i) lanes[i] = p[i] != 0 ? -1 : 0;
  return lanes;
}

/// dst[c * dst_stride + r] = src[r * src_stride + c] for a kWidth x kWidth block; rows >= valid read as zero.
static inline void transpose_block(const float* src, int64_t src_stride, int64_t valid, float* dst,
                                   int64_t dst_stride) {
  for (int64_t r = 0; r < kWidth; ++r) {
    for (int64_t c = 0; c < kWidth; ++c) dst[c * dst_stride + r] = r < valid ? src[r * src_stride + c] : 0.0f;
  }
}

}  // namespace rlx_cpu::portable

#endif  // RLX_CPU_KERNELS_VEC_PORTABLE_H_
