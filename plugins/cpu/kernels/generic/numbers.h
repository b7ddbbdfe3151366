// SPDX-License-Identifier: Apache-2.0
// Small-float conversions, dtype classes and wrap-around integer arithmetic, all without undefined behaviour.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "rlx/types.h"

namespace rlx_cpu {

inline bool is_float(uint32_t dtype) { return dtype >= RLX_DTYPE_F16 && dtype <= RLX_DTYPE_F64; }
inline bool is_small_float(uint32_t dtype) { return dtype == RLX_DTYPE_F16 || dtype == RLX_DTYPE_BF16; }
inline bool is_signed_int(uint32_t dtype) { return dtype >= RLX_DTYPE_I8 && dtype <= RLX_DTYPE_I64; }
inline bool is_unsigned_int(uint32_t dtype) { return dtype >= RLX_DTYPE_U8 && dtype <= RLX_DTYPE_U64; }
inline bool is_int(uint32_t dtype) { return dtype >= RLX_DTYPE_I8 && dtype <= RLX_DTYPE_U64; }

inline float f16_to_f32(uint16_t h) {
  const uint32_t sign = uint32_t(h & 0x8000u) << 16;
  const uint32_t magnitude = h & 0x7fffu;
  if (magnitude >= 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u | (magnitude & 0x3ffu) << 13);
  // Scaling by 2^112 moves the exponent, and makes subnormals normal, exactly.
  const float scaled = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(scaled));
}

inline uint16_t f32_to_f16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return uint16_t(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
  if (magnitude >= 0x477ff000u) return uint16_t(sign | 0x7c00u);  // 65520 and above round to infinity
  if (magnitude <
      0x38800000u) {  // below 2^-14: adding 0.5 leaves the subnormal in the low bits, rounded to even
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return uint16_t(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000u));
  }
  const uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return uint16_t(sign | ((rounded - 0x38000000u) >> 13));
}

inline float bf16_to_f32(uint16_t h) { return std::bit_cast<float>(uint32_t(h) << 16); }

inline uint16_t f32_to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return uint16_t((bits >> 16) | 0x40u);
  return uint16_t((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

/// The bits of `value` in a float format of 1 + exponent_bits + mantissa_bits bits, rounded once.
/// toward_zero: drop the rest, else nearest even. saturate: a finite value past the range becomes the largest
/// finite.
uint32_t round_to_format(double value, int exponent_bits, int mantissa_bits, bool toward_zero, bool saturate);

inline uint16_t f64_to_f16(double value) { return uint16_t(round_to_format(value, 5, 10, false, false)); }
inline uint16_t f64_to_bf16(double value) { return uint16_t(round_to_format(value, 8, 7, false, false)); }

/// A double that rounds to f16, bf16 like the integer itself: past 2^53 the dropped bits stay as one sticky
/// bit.
inline double sticky_f64(uint64_t magnitude) {
  if (magnitude < (uint64_t(1) << 53)) return double(magnitude);
  const uint64_t dropped = magnitude & 0x7ffu;
  return double(((magnitude >> 11) | uint64_t(dropped != 0)) << 11);
}

/// a / b rounded up; b > 0.
inline int64_t ceil_div(int64_t a, int64_t b) { return a > 0 ? (a - 1) / b + 1 : -(-a / b); }

template <class T>
using Unsigned = std::make_unsigned_t<T>;

// Narrow types are widened to 32 bits first: unsigned short * unsigned short would overflow int.
template <class T>
using Wide = std::conditional_t<(sizeof(T) < 4), uint32_t, Unsigned<T>>;

template <class T>
inline T wrap_add(T a, T b) {
  return T(Wide<T>(a) + Wide<T>(b));
}
template <class T>
inline T wrap_sub(T a, T b) {
  return T(Wide<T>(a) - Wide<T>(b));
}
template <class T>
inline T wrap_mul(T a, T b) {
  return T(Wide<T>(a) * Wide<T>(b));
}

template <class T>
inline T int_div(T a, T b) {
  if (b == 0) return 0;
  if constexpr (std::is_signed_v<T>) {
    if (b == T(-1)) return wrap_sub(T(0), a);
  }
  return T(a / b);
}
template <class T>
inline T int_mod_trunc(T a, T b) {
  if (b == 0) return 0;
  if constexpr (std::is_signed_v<T>) {
    if (b == T(-1)) return 0;
  }
  return T(a % b);
}
template <class T>
inline T int_mod_floor(T a, T b) {
  const T r = int_mod_trunc(a, b);
  if constexpr (std::is_signed_v<T>) {
    if (r != 0 && (r < 0) != (b < 0)) return T(r + b);
  }
  return r;
}
template <class T>
inline T int_pow(T base, T exponent) {
  if constexpr (std::is_signed_v<T>) {
    if (exponent < 0) {
      if (base == 1) return 1;
      if (base == T(-1)) return (exponent & 1) ? T(-1) : T(1);
      return 0;
    }
  }
  T result = 1;
  for (Unsigned<T> e = Unsigned<T>(exponent); e != 0; e = Unsigned<T>(e >> 1)) {
    if (e & 1) result = wrap_mul(result, base);
    base = wrap_mul(base, base);
  }
  return result;
}

}  // namespace rlx_cpu
