// SPDX-License-Identifier: Apache-2.0
// Casts, selection by a bool, and the moves between an element type and the wide type of its class.
#include <algorithm>
#include <cstring>

#include "block.h"
#include "float_math.h"
#include "rlx/ops.h"

namespace rlx_cpu {

uint32_t round_to_format(double value, int exponent_bits, int mantissa_bits, bool toward_zero,
                         bool saturate) {
  const uint64_t bits = std::bit_cast<uint64_t>(value);
  const uint32_t sign = uint32_t(bits >> 63) << (exponent_bits + mantissa_bits);
  const uint32_t infinity = ((1u << exponent_bits) - 1u) << mantissa_bits;
  const int exponent = int(bits >> 52 & 0x7ffu);
  uint64_t mantissa = bits & 0xfffffffffffffu;
  if (exponent == 0x7ff) {
    if (mantissa == 0) return sign | infinity;
    return sign | infinity | 1u << (mantissa_bits - 1) | uint32_t(mantissa >> (52 - mantissa_bits));
  }
  if (exponent != 0) mantissa |= uint64_t(1) << 52;
  int target = std::max(exponent, 1) - 1023 + (1 << (exponent_bits - 1)) - 1;
  int shift = 52 - mantissa_bits;
  if (target < 1) {  // subnormal: more bits fall off
    shift = std::min(63, shift + 1 - target);
    target = 1;
  }
  uint64_t kept = mantissa >> shift;
  const uint64_t rest = mantissa & ((uint64_t(1) << shift) - 1);
  const uint64_t half = uint64_t(1) << (shift - 1);
  if (!toward_zero && (rest > half || (rest == half && (kept & 1)))) ++kept;
  // `kept` carries its leading one, which adds 1 to the exponent field.
  const uint64_t magnitude = (uint64_t(target - 1) << mantissa_bits) + kept;
  if (magnitude >= infinity) return sign | (saturate ? infinity - 1 : infinity);
  return sign | uint32_t(magnitude);
}

namespace {

struct F16 {
  uint16_t bits;
};
struct BF16 {
  uint16_t bits;
};
struct Bool {
  uint8_t byte;
};

// What an element is as a number, and back. The widest exact step comes first, so that there is one rounding.
inline float value_of(F16 v) { return f16_to_f32(v.bits); }
inline float value_of(BF16 v) { return bf16_to_f32(v.bits); }
inline uint8_t value_of(Bool v) { return v.byte != 0; }
template <class T>
inline T value_of(T v) {
  return v;
}

inline void put(F16& y, float v) { y.bits = f32_to_f16(v); }
inline void put(F16& y, double v) { y.bits = f64_to_f16(v); }
inline void put(BF16& y, float v) { y.bits = f32_to_bf16(v); }
inline void put(BF16& y, double v) { y.bits = f64_to_bf16(v); }
template <class T>
inline void put(Bool& y, T v) {
  y.byte = v != 0;
}
template <class Y, class T>
requires std::is_arithmetic_v<Y>
inline void put(Y& y, T v) { y = static_cast<Y>(v); }

template <class T, class W>
void widen_as(const void* x, W* y, int64_t n) {
  const T* in = static_cast<const T*>(x);
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<W>(value_of(in[i]));
}

template <class T, class W>
void narrow_as(const W* x, void* y, int64_t n) {
  T* out = static_cast<T*>(y);
  for (int64_t i = 0; i < n; ++i) put(out[i], x[i]);
}

template <class W>
void widen_int(uint32_t dtype, const void* x, W* y, int64_t n) {
  switch (dtype) {
    case RLX_DTYPE_BOOL:
      return widen_as<Bool>(x, y, n);
    case RLX_DTYPE_I8:
      return widen_as<int8_t>(x, y, n);
    case RLX_DTYPE_I16:
      return widen_as<int16_t>(x, y, n);
    case RLX_DTYPE_I32:
      return widen_as<int32_t>(x, y, n);
    case RLX_DTYPE_I64:
      return widen_as<int64_t>(x, y, n);
    case RLX_DTYPE_U8:
      return widen_as<uint8_t>(x, y, n);
    case RLX_DTYPE_U16:
      return widen_as<uint16_t>(x, y, n);
    case RLX_DTYPE_U32:
      return widen_as<uint32_t>(x, y, n);
    case RLX_DTYPE_U64:
      return widen_as<uint64_t>(x, y, n);
    default:
      return;
  }
}

template <class W>
void widen_any(uint32_t dtype, const void* x, W* y, int64_t n) {
  switch (dtype) {
    case RLX_DTYPE_F16:
      return widen_as<F16>(x, y, n);
    case RLX_DTYPE_BF16:
      return widen_as<BF16>(x, y, n);
    case RLX_DTYPE_F32:
      return widen_as<float>(x, y, n);
    case RLX_DTYPE_F64:
      return widen_as<double>(x, y, n);
    default:
      return widen_int(dtype, x, y, n);
  }
}

template <class W>
void narrow_int(uint32_t dtype, const W* x, void* y, int64_t n) {
  switch (dtype) {
    case RLX_DTYPE_BOOL:
      return narrow_as<Bool>(x, y, n);
    case RLX_DTYPE_I8:
    case RLX_DTYPE_U8:
      return narrow_as<uint8_t>(x, y, n);
    case RLX_DTYPE_I16:
    case RLX_DTYPE_U16:
      return narrow_as<uint16_t>(x, y, n);
    case RLX_DTYPE_I32:
    case RLX_DTYPE_U32:
      return narrow_as<uint32_t>(x, y, n);
    case RLX_DTYPE_I64:
    case RLX_DTYPE_U64:
      return narrow_as<uint64_t>(x, y, n);
    default:
      return;
  }
}

template <class W>
void narrow_float(uint32_t dtype, const W* x, void* y, int64_t n) {
  switch (dtype) {
    case RLX_DTYPE_F16:
      return narrow_as<F16>(x, y, n);
    case RLX_DTYPE_BF16:
      return narrow_as<BF16>(x, y, n);
    case RLX_DTYPE_F32:
      return narrow_as<float>(x, y, n);
    case RLX_DTYPE_F64:
      return narrow_as<double>(x, y, n);
    default:
      return;
  }
}

}  // namespace

void widen(uint32_t dtype, const void* x, double* y, int64_t n) { widen_any(dtype, x, y, n); }
void widen(uint32_t dtype, const void* x, float* y, int64_t n) { widen_any(dtype, x, y, n); }
void widen(uint32_t dtype, const void* x, int64_t* y, int64_t n) { widen_int(dtype, x, y, n); }
void widen(uint32_t dtype, const void* x, uint64_t* y, int64_t n) { widen_int(dtype, x, y, n); }
void widen(uint32_t dtype, const void* x, uint32_t* y, int64_t n) { widen_int(dtype, x, y, n); }
void narrow(uint32_t dtype, const double* x, void* y, int64_t n) { narrow_float(dtype, x, y, n); }
void narrow(uint32_t dtype, const float* x, void* y, int64_t n) { narrow_float(dtype, x, y, n); }
void narrow(uint32_t dtype, const int64_t* x, void* y, int64_t n) { narrow_int(dtype, x, y, n); }
void narrow(uint32_t dtype, const uint64_t* x, void* y, int64_t n) { narrow_int(dtype, x, y, n); }
void narrow(uint32_t dtype, const uint32_t* x, void* y, int64_t n) {
  if (dtype == RLX_DTYPE_I64 || dtype == RLX_DTYPE_U64) {
    for (int64_t i = 0; i < n; ++i) static_cast<int64_t*>(y)[i] = int32_t(x[i]);
  } else {
    narrow_int(dtype, x, y, n);
  }
}

double load_f64(uint32_t dtype, const void* x) {
  double value = 0;
  widen(dtype, x, &value, 1);
  return value;
}
int64_t load_i64(uint32_t dtype, const void* x) {
  int64_t value = 0;
  widen(dtype, x, &value, 1);
  return value;
}
void store_f64(uint32_t dtype, double value, void* y) { narrow(dtype, &value, y, 1); }

namespace {

template <class T>
bool select_as(const uint8_t* cond, const void* t, const void* f, void* y, int64_t n) {
  const T* yes = static_cast<const T*>(t);
  const T* no = static_cast<const T*>(f);
  T* out = static_cast<T*>(y);
  RLX_CPU_POINTWISE_LOOP
  for (int64_t i = 0; i < n; ++i) out[i] = cond[i] ? yes[i] : no[i];
  return true;
}

typedef uint16_t __attribute__((may_alias)) Word2;
typedef uint32_t __attribute__((may_alias)) Word4;
typedef uint64_t __attribute__((may_alias)) Word8;

template <class T>
T clamp_float(double v) {
  // Both bounds as doubles that lie just outside, so that the comparison is exact for 64-bit targets.
  constexpr double kPast =
      sizeof(T) == 8 ? (std::is_signed_v<T> ? 0x1p63 : 0x1p64) : double(std::numeric_limits<T>::max()) + 1;
  if (v != v) return 0;
  if (v >= kPast) return std::numeric_limits<T>::max();
  if (v <= double(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
  return static_cast<T>(v);
}

// The value modulo 2^64; NaN and infinities are 0.
uint64_t wrap_float(double v) {
  if (!std::isfinite(v)) return 0;
  if (v > -0x1p63 && v < 0x1p63) return uint64_t(int64_t(v));
  const double rest = std::fmod(v, 0x1p64);
  return rest < 0 ? uint64_t(0) - uint64_t(-rest) : uint64_t(rest);
}

template <class T>
bool float_to_int(const double* x, uint32_t round, uint32_t overflow, void* y, int64_t n) {
  T* out = static_cast<T*>(y);
  for (int64_t i = 0; i < n; ++i) {
    const double whole = round == RLX_ROUND_ZERO ? std::trunc(x[i]) : round_half_even(x[i]);
    out[i] = overflow == RLX_OVERFLOW_WRAP ? T(wrap_float(whole)) : clamp_float<T>(whole);
  }
  return true;
}

template <class T, class W>
bool int_to_int(const W* x, uint32_t overflow, void* y, int64_t n) {
  T* out = static_cast<T*>(y);
  if (overflow == RLX_OVERFLOW_WRAP) {
    for (int64_t i = 0; i < n; ++i) out[i] = T(Unsigned<T>(x[i]));
    return true;
  }
  using Limits = std::numeric_limits<T>;
  for (int64_t i = 0; i < n; ++i) {
    if constexpr (std::is_signed_v<W> == std::is_signed_v<T>) {
      out[i] = T(std::clamp<W>(x[i], W(Limits::min()), W(Limits::max())));
    } else if constexpr (std::is_signed_v<W>) {
      out[i] = x[i] < 0 ? T(0) : T(std::min<uint64_t>(uint64_t(x[i]), Limits::max()));
    } else {
      out[i] = T(std::min<uint64_t>(x[i], uint64_t(Limits::max())));
    }
  }
  return true;
}

template <class T>
bool wide_to_int(const double* x, uint32_t round, uint32_t overflow, void* y, int64_t n) {
  return float_to_int<T>(x, round, overflow, y, n);
}
template <class T>
bool wide_to_int(const int64_t* x, uint32_t, uint32_t overflow, void* y, int64_t n) {
  return int_to_int<T>(x, overflow, y, n);
}
template <class T>
bool wide_to_int(const uint64_t* x, uint32_t, uint32_t overflow, void* y, int64_t n) {
  return int_to_int<T>(x, overflow, y, n);
}

// The value as a double, rounded towards zero.
inline double truncated_f64(double v) { return v; }
inline double truncated_f64(uint64_t v) {
  const int dropped = std::max(0, 11 - std::countl_zero(v));
  return double(v >> dropped << dropped);
}
inline double truncated_f64(int64_t v) {
  return v < 0 ? -truncated_f64(uint64_t(0) - uint64_t(v)) : truncated_f64(uint64_t(v));
}

// A double that rounds like the value itself in every format of at most 24 bits of precision.
inline double as_double(double v) { return v; }
inline double as_double(uint64_t v) { return sticky_f64(v); }
inline double as_double(int64_t v) {
  return v < 0 ? -sticky_f64(uint64_t(0) - uint64_t(v)) : sticky_f64(uint64_t(v));
}

template <class W>
bool wide_to_float(uint32_t to, const W* x, uint32_t round, uint32_t overflow, void* y, int64_t n) {
  const bool zero = round == RLX_ROUND_ZERO;
  const bool saturate = overflow == RLX_OVERFLOW_SATURATE;
  switch (to) {
    case RLX_DTYPE_F16:
    case RLX_DTYPE_BF16: {
      const int exponent = to == RLX_DTYPE_F16 ? 5 : 8;
      uint16_t* out = static_cast<uint16_t*>(y);
      for (int64_t i = 0; i < n; ++i)
        out[i] = uint16_t(round_to_format(as_double(x[i]), exponent, 15 - exponent, zero, saturate));
      return true;
    }
    case RLX_DTYPE_F32: {
      float* out = static_cast<float*>(y);
      for (int64_t i = 0; i < n; ++i)
        out[i] = std::bit_cast<float>(round_to_format(as_double(x[i]), 8, 23, zero, saturate));
      return true;
    }
    case RLX_DTYPE_F64: {
      double* out = static_cast<double*>(y);
      for (int64_t i = 0; i < n; ++i) out[i] = zero ? truncated_f64(x[i]) : double(x[i]);
      return true;
    }
    default:
      return false;
  }
}

template <class W>
bool cast_from(uint32_t from, uint32_t to, uint32_t round, uint32_t overflow, const void* x, void* y,
               int64_t n) {
  alignas(64) W wide[kBlock];
  widen(from, x, wide, n);
  switch (to) {
    case RLX_DTYPE_BOOL:
      narrow_as<Bool>(wide, y, n);
      return true;
    case RLX_DTYPE_I8:
      return wide_to_int<int8_t>(wide, round, overflow, y, n);
    case RLX_DTYPE_I16:
      return wide_to_int<int16_t>(wide, round, overflow, y, n);
    case RLX_DTYPE_I32:
      return wide_to_int<int32_t>(wide, round, overflow, y, n);
    case RLX_DTYPE_I64:
      return wide_to_int<int64_t>(wide, round, overflow, y, n);
    case RLX_DTYPE_U8:
      return wide_to_int<uint8_t>(wide, round, overflow, y, n);
    case RLX_DTYPE_U16:
      return wide_to_int<uint16_t>(wide, round, overflow, y, n);
    case RLX_DTYPE_U32:
      return wide_to_int<uint32_t>(wide, round, overflow, y, n);
    case RLX_DTYPE_U64:
      return wide_to_int<uint64_t>(wide, round, overflow, y, n);
    default:
      return wide_to_float(to, wide, round, overflow, y, n);
  }
}

void clamp_finite(const float* x, float limit, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const float size = std::fabs(x[i]);
    y[i] = size > limit && size < HUGE_VALF ? std::copysign(limit, x[i]) : x[i];
  }
}

// The pairs that one conversion instruction or a few bit operations do: exact ones, and rounding to nearest
// even.
bool cast_direct(uint32_t from, uint32_t to, uint32_t round, uint32_t overflow, const void* x, void* y,
                 int64_t n) {
  const bool exact =
      to == RLX_DTYPE_F32 && (is_small_float(from) || from == RLX_DTYPE_I8 || from == RLX_DTYPE_U8 ||
                              from == RLX_DTYPE_BOOL || from == RLX_DTYPE_I16 || from == RLX_DTYPE_U16);
  if (exact) {
    widen(from, x, static_cast<float*>(y), n);
    return true;
  }
  if (round != RLX_ROUND_EVEN) return false;
  const bool saturate = overflow == RLX_OVERFLOW_SATURATE;
  if (from == RLX_DTYPE_F32 && is_small_float(to)) {
    alignas(64) float clamped[kBlock];
    const float* values = static_cast<const float*>(x);
    if (saturate) {
      clamp_finite(values, to == RLX_DTYPE_F16 ? 65504.0f : 0x1.fep127f, clamped, n);
      values = clamped;
    }
    narrow(to, values, y, n);
    return true;
  }
  // No integer is past the range of f32.
  if (to == RLX_DTYPE_F32 && (is_int(from) || (from == RLX_DTYPE_F64 && !saturate))) {
    widen(from, x, static_cast<float*>(y), n);
    return true;
  }
  return false;
}

}  // namespace

bool block_select(uint32_t dtype, const void* cond, const void* t, const void* f, void* y, int64_t n) {
  const uint8_t* flags = static_cast<const uint8_t*>(cond);
  switch (element_bytes(dtype)) {
    case 1:
      return select_as<uint8_t>(flags, t, f, y, n);
    case 2:
      return select_as<Word2>(flags, t, f, y, n);
    case 4:
      return select_as<Word4>(flags, t, f, y, n);
    case 8:
      return select_as<Word8>(flags, t, f, y, n);
    default:
      return false;
  }
}

bool block_cast(uint32_t from, uint32_t to, uint32_t round, uint32_t overflow, const void* x, void* y,
                int64_t n) {
  if (!is_known(from) || !is_known(to) || round > RLX_ROUND_ZERO || overflow > RLX_OVERFLOW_INF) return false;
  if (from == to && from != RLX_DTYPE_BOOL) {
    std::memmove(y, x, size_t(n * element_bytes(to)));
    return true;
  }
  if (cast_direct(from, to, round, overflow, x, y, n)) return true;
  if (is_float(from)) return cast_from<double>(from, to, round, overflow, x, y, n);
  if (is_signed_int(from)) return cast_from<int64_t>(from, to, round, overflow, x, y, n);
  return cast_from<uint64_t>(from, to, round, overflow, x, y, n);
}

}  // namespace rlx_cpu
