// SPDX-License-Identifier: Apache-2.0
// The vector trait for AVX2 with FMA: 8 floats a vector, masks as vectors, 6 x 16 tiles.
// Included only by kernels_avx2.cpp, so that no other translation unit can hold these instructions.
#ifndef RLX_CPU_KERNELS_VEC_AVX2_H_
#define RLX_CPU_KERNELS_VEC_AVX2_H_

#include <immintrin.h>

#include <cstdint>

namespace rlx_cpu::avx2 {

using F = __m256;
using I = __m256i;
using M = __m256;
constexpr int kWidth = 8;
constexpr int kTileRows = 6;
constexpr int kTilePanels = 1;

alignas(32) static constexpr int32_t kFirst[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

static inline F set1(float v) { return _mm256_set1_ps(v); }
static inline F zero() { return _mm256_setzero_ps(); }
static inline F load(const float* p) { return _mm256_loadu_ps(p); }
static inline void store(float* p, F v) { _mm256_storeu_ps(p, v); }
static inline I first_i(int64_t n) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kFirst + 8 - n));
}
/// Mask of the first n lanes, 0 <= n <= kWidth.
static inline M first(int64_t n) { return _mm256_castsi256_ps(first_i(n)); }
/// The first n values, the other lanes zero; reads nothing past p[n-1].
static inline F load_n(const float* p, int64_t n) { return _mm256_maskload_ps(p, first_i(n)); }
static inline void store_n(float* p, F v, int64_t n) { _mm256_maskstore_ps(p, first_i(n), v); }
static inline F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
/// c - a * b
static inline F fnma(F a, F b, F c) { return _mm256_fnmadd_ps(a, b, c); }
/// a > b ? a : b, so a NaN in b comes through.
static inline F max(F a, F b) { return _mm256_max_ps(a, b); }
/// a < b ? a : b, so a NaN in b comes through.
static inline F min(F a, F b) { return _mm256_min_ps(a, b); }
static inline F sqrt(F a) { return _mm256_sqrt_ps(a); }
static inline M less(F a, F b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
/// a >= b, false for NaN.
static inline M at_least(F a, F b) { return _mm256_cmp_ps(a, b, _CMP_GE_OQ); }
static inline M equal(F a, F b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
static inline F select(M m, F yes, F no) { return _mm256_blendv_ps(no, yes, m); }
static inline I bits(F a) { return _mm256_castps_si256(a); }
static inline F from_bits(I a) { return _mm256_castsi256_ps(a); }
static inline I set1_i(int32_t v) { return _mm256_set1_epi32(v); }
static inline I and_i(I a, I b) { return _mm256_and_si256(a, b); }
static inline I or_i(I a, I b) { return _mm256_or_si256(a, b); }
static inline I add_i(I a, I b) { return _mm256_add_epi32(a, b); }
static inline I sub_i(I a, I b) { return _mm256_sub_epi32(a, b); }
static inline I shift_right_arithmetic(I a, int n) { return _mm256_srai_epi32(a, n); }
static inline I shift_left(I a, int n) { return _mm256_slli_epi32(a, n); }
static inline F to_float(I a) { return _mm256_cvtepi32_ps(a); }
static inline F floor(F a) { return _mm256_floor_ps(a); }
static inline F ceil(F a) { return _mm256_ceil_ps(a); }
static inline F trunc(F a) { return _mm256_round_ps(a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
static inline F round_even(F a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/// p * 2^n for integral n in [-252, 254], rounded once.
static inline F scale_by_power(F p, F n) {
  const I e = _mm256_cvtps_epi32(n);
  const I half = _mm256_srai_epi32(e, 1);
  const I bias = _mm256_set1_epi32(127);
  const I first_power = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
  const I second_power = _mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(e, half), bias), 23);
  return _mm256_mul_ps(_mm256_mul_ps(p, _mm256_castsi256_ps(first_power)), _mm256_castsi256_ps(second_power));
}
static inline float sum_of(F a) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
static inline float max_of(F a) {
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}
/// Lane i from a byte: true where p[i] is not 0, for i < n; false for the rest. Reads n bytes.
static inline M load_mask(const uint8_t* p, int64_t n) {
  alignas(32) int32_t lanes[8] = {0, 0, 0, 0, 0, 0, 0, 0};
  for (int64_t i = 0; i < n; ++i) lanes[i] = p[i] != 0 ? -1 : 0;
  return _mm256_castsi256_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(lanes)));
}

/// dst[c * dst_stride + r] = src[r * src_stride + c] for a kWidth x kWidth block; rows >= valid read as zero.
static inline void transpose_block(const float* src, int64_t src_stride, int64_t valid, float* dst,
                                   int64_t dst_stride) {
  __m256 r[8], t[8];
  for (int i = 0; i < 8; ++i) r[i] = i < valid ? _mm256_loadu_ps(src + i * src_stride) : _mm256_setzero_ps();
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  for (int g = 0; g < 2; ++g) {
    r[4 * g] = _mm256_shuffle_ps(t[4 * g], t[4 * g + 2], 0x44);
    r[4 * g + 1] = _mm256_shuffle_ps(t[4 * g], t[4 * g + 2], 0xee);
    r[4 * g + 2] = _mm256_shuffle_ps(t[4 * g + 1], t[4 * g + 3], 0x44);
    r[4 * g + 3] = _mm256_shuffle_ps(t[4 * g + 1], t[4 * g + 3], 0xee);
  }
  for (int c = 0; c < 4; ++c) {
    _mm256_storeu_ps(dst + c * dst_stride, _mm256_permute2f128_ps(r[c], r[4 + c], 0x20));
    _mm256_storeu_ps(dst + (4 + c) * dst_stride, _mm256_permute2f128_ps(r[c], r[4 + c], 0x31));
  }
}

}  // namespace rlx_cpu::avx2

#endif  // RLX_CPU_KERNELS_VEC_AVX2_H_
