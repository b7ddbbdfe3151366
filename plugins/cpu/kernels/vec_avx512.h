// SPDX-License-Identifier: Apache-2.0
// The vector trait for AVX-512 (F, BW, VL, DQ): 16 floats a vector, masks in mask registers, 8 x 48 tiles.
// Included only by kernels_avx512.cpp, so that no other translation unit can hold these instructions.
#ifndef RLX_CPU_KERNELS_VEC_AVX512_H_
#define RLX_CPU_KERNELS_VEC_AVX512_H_

#include <immintrin.h>

#include <cstdint>

namespace rlx_cpu::avx512 {

using F = __m512;
using I = __m512i;
using M = __mmask16;
constexpr int kWidth = 16;
constexpr int kTileRows = 8;
constexpr int kTilePanels = 3;

static inline F set1(float v) { return _mm512_set1_ps(v); }
static inline F zero() { return _mm512_setzero_ps(); }
static inline F load(const float* p) { return _mm512_loadu_ps(p); }
static inline void store(float* p, F v) { _mm512_storeu_ps(p, v); }
/// Mask of the first n lanes, 0 <= n <= kWidth.
static inline M first(int64_t n) { return static_cast<M>((1u << n) - 1u); }
/// The first n values, the other lanes zero; reads nothing past p[n-1].
static inline F load_n(const float* p, int64_t n) { return _mm512_maskz_loadu_ps(first(n), p); }
static inline void store_n(float* p, F v, int64_t n) { _mm512_mask_storeu_ps(p, first(n), v); }
static inline F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
/// c - a * b
static inline F fnma(F a, F b, F c) { return _mm512_fnmadd_ps(a, b, c); }
/// a > b ? a : b, so a NaN in b comes through.
static inline F max(F a, F b) { return _mm512_max_ps(a, b); }
/// a < b ? a : b, so a NaN in b comes through.
static inline F min(F a, F b) { return _mm512_min_ps(a, b); }
static inline F sqrt(F a) { return _mm512_sqrt_ps(a); }
static inline M less(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
/// a >= b, false for NaN.
static inline M at_least(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ); }
static inline M equal(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
static inline F select(M m, F yes, F no) { return _mm512_mask_blend_ps(m, no, yes); }
static inline I bits(F a) { return _mm512_castps_si512(a); }
static inline F from_bits(I a) { return _mm512_castsi512_ps(a); }
static inline I set1_i(int32_t v) { return _mm512_set1_epi32(v); }
static inline I and_i(I a, I b) { return _mm512_and_si512(a, b); }
static inline I or_i(I a, I b) { return _mm512_or_si512(a, b); }
static inline I add_i(I a, I b) { return _mm512_add_epi32(a, b); }
static inline I sub_i(I a, I b) { return _mm512_sub_epi32(a, b); }
static inline I shift_right_arithmetic(I a, int n) { return _mm512_srai_epi32(a, static_cast<unsigned>(n)); }
static inline I shift_left(I a, int n) { return _mm512_slli_epi32(a, static_cast<unsigned>(n)); }
static inline F to_float(I a) { return _mm512_cvtepi32_ps(a); }
static inline F floor(F a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
static inline F ceil(F a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC); }
static inline F trunc(F a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
static inline F round_even(F a) {
  return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/// p * 2^n for integral n in [-252, 254], rounded once.
static inline F scale_by_power(F p, F n) { return _mm512_scalef_ps(p, n); }
static inline float sum_of(F a) { return _mm512_reduce_add_ps(a); }
static inline float max_of(F a) { return _mm512_reduce_max_ps(a); }
/// Lane i from a byte: true where p[i] is not 0, for i < n; false for the rest. Reads n bytes.
static inline M load_mask(const uint8_t* p, int64_t n) {
  return _mm_test_epi8_mask(_mm_maskz_loadu_epi8(first(n), p), _mm_set1_epi8(-1));
}
/// table[index & 15] per lane.
static inline F look_up16(I index, const float* table) {
  return _mm512_permutexvar_ps(index, _mm512_load_ps(table));
}

/// dst[c * dst_stride + r] = src[r * src_stride + c] for a kWidth x kWidth block; rows >= valid read as zero.
static inline void transpose_block(const float* src, int64_t src_stride, int64_t valid, float* dst,
                                   int64_t dst_stride) {
  __m512 r[16], t[16];
  for (int i = 0; i < 16; ++i) r[i] = i < valid ? _mm512_loadu_ps(src + i * src_stride) : _mm512_setzero_ps();
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
  }
  // After this r[4g + c] holds, in each 128-bit lane L, column 4L + c of rows 4g..4g+3.
  for (int g = 0; g < 4; ++g) {
    const __m512d a = _mm512_castps_pd(t[4 * g]), b = _mm512_castps_pd(t[4 * g + 1]);
    const __m512d c = _mm512_castps_pd(t[4 * g + 2]), d = _mm512_castps_pd(t[4 * g + 3]);
    r[4 * g] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
    r[4 * g + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
    r[4 * g + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
    r[4 * g + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
  }
  for (int c = 0; c < 4; ++c) {
    const __m512 low01 = _mm512_shuffle_f32x4(r[c], r[4 + c], 0x44);
    const __m512 high01 = _mm512_shuffle_f32x4(r[c], r[4 + c], 0xee);
    const __m512 low23 = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0x44);
    const __m512 high23 = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0xee);
    _mm512_storeu_ps(dst + c * dst_stride, _mm512_shuffle_f32x4(low01, low23, 0x88));
    _mm512_storeu_ps(dst + (4 + c) * dst_stride, _mm512_shuffle_f32x4(low01, low23, 0xdd));
    _mm512_storeu_ps(dst + (8 + c) * dst_stride, _mm512_shuffle_f32x4(high01, high23, 0x88));
    _mm512_storeu_ps(dst + (12 + c) * dst_stride, _mm512_shuffle_f32x4(high01, high23, 0xdd));
  }
}

}  // namespace rlx_cpu::avx512

#endif  // RLX_CPU_KERNELS_VEC_AVX512_H_
