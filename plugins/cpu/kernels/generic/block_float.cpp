// SPDX-License-Identifier: Apache-2.0
// Pointwise functions over blocks of floats. f16 and bf16 go through f32 scratch and round once. The entry
// points for all dtypes are here too: they pass integers on to block_int.cpp.
#include <cmath>

#include "block.h"
#include "float_math.h"
#include "rlx/ops.h"

namespace rlx_cpu {
namespace {

template <class T, class R, class F>
bool map1(const T* x, R* y, int64_t n, F f) {
  RLX_CPU_POINTWISE_LOOP
  for (int64_t i = 0; i < n; ++i) y[i] = f(x[i]);
  return true;
}

template <class T, class R, class F>
bool map2(const T* a, const T* b, R* y, int64_t n, F f) {
  RLX_CPU_POINTWISE_LOOP
  for (int64_t i = 0; i < n; ++i) y[i] = f(a[i], b[i]);
  return true;
}

template <class T>
bool unary_trig(uint32_t fn, const T* x, T* y, int64_t n) {
  switch (fn) {
    case RLX_UNARY_SIN:
      return map1(x, y, n, [](T v) { return std::sin(v); });
    case RLX_UNARY_COS:
      return map1(x, y, n, [](T v) { return std::cos(v); });
    case RLX_UNARY_TAN:
      return map1(x, y, n, [](T v) { return std::tan(v); });
    case RLX_UNARY_ASIN:
      return map1(x, y, n, [](T v) { return std::asin(v); });
    case RLX_UNARY_ACOS:
      return map1(x, y, n, [](T v) { return std::acos(v); });
    case RLX_UNARY_ATAN:
      return map1(x, y, n, [](T v) { return std::atan(v); });
    case RLX_UNARY_SINH:
      return map1(x, y, n, [](T v) { return std::sinh(v); });
    case RLX_UNARY_COSH:
      return map1(x, y, n, [](T v) { return std::cosh(v); });
    case RLX_UNARY_TANH:
      return map1(x, y, n, [](T v) { return math_tanh(v); });
    case RLX_UNARY_ASINH:
      return map1(x, y, n, [](T v) { return std::asinh(v); });
    case RLX_UNARY_ACOSH:
      return map1(x, y, n, [](T v) { return std::acosh(v); });
    case RLX_UNARY_ATANH:
      return map1(x, y, n, [](T v) { return std::atanh(v); });
    default:
      return false;
  }
}

template <class T>
bool unary_of(uint32_t fn, const T* x, T* y, int64_t n) {
  switch (fn) {
    case RLX_UNARY_NEG:
      return map1(x, y, n, [](T v) { return -v; });
    case RLX_UNARY_ABS:
      return map1(x, y, n, [](T v) { return std::fabs(v); });
    case RLX_UNARY_SIGN:
      return map1(x, y, n, [](T v) { return v > 0 ? T(1) : v < 0 ? T(-1) : v; });
    case RLX_UNARY_FLOOR:
      return map1(x, y, n, [](T v) { return std::floor(v); });
    case RLX_UNARY_CEIL:
      return map1(x, y, n, [](T v) { return std::ceil(v); });
    case RLX_UNARY_TRUNC:
      return map1(x, y, n, [](T v) { return std::trunc(v); });
    case RLX_UNARY_ROUND_EVEN:
      return map1(x, y, n, [](T v) { return round_half_even(v); });
    case RLX_UNARY_EXP:
      return map1(x, y, n, [](T v) { return math_exp(v); });
    case RLX_UNARY_EXPM1:
      return map1(x, y, n, [](T v) { return std::expm1(v); });
    case RLX_UNARY_LOG:
      return map1(x, y, n, [](T v) { return std::log(v); });
    case RLX_UNARY_LOG1P:
      return map1(x, y, n, [](T v) { return std::log1p(v); });
    case RLX_UNARY_SQRT:
      return map1(x, y, n, [](T v) { return std::sqrt(v); });
    case RLX_UNARY_RSQRT:
      return map1(x, y, n, [](T v) { return T(1) / std::sqrt(v); });
    case RLX_UNARY_RECIP:
      return map1(x, y, n, [](T v) { return T(1) / v; });
    case RLX_UNARY_ERF:
      return map1(x, y, n, [](T v) { return math_erf(v); });
    case RLX_UNARY_SIGMOID:
      return map1(x, y, n, [](T v) { return math_sigmoid(v); });
    default:
      return unary_trig(fn, x, y, n);
  }
}

template <class T>
bool test_of(uint32_t fn, const T* x, uint8_t* y, int64_t n) {
  constexpr T kInf = std::numeric_limits<T>::infinity();
  switch (fn) {
    case RLX_UNARY_ISNAN:
      return map1(x, y, n, [](T v) { return uint8_t(v != v); });
    case RLX_UNARY_ISINF_POS:
      return map1(x, y, n, [](T v) { return uint8_t(v == kInf); });
    case RLX_UNARY_ISINF_NEG:
      return map1(x, y, n, [](T v) { return uint8_t(v == -kInf); });
    default:
      return false;
  }
}

// The result has the divisor's sign, also when it is zero.
template <class T>
T mod_floor(T a, T b) {
  const T r = std::fmod(a, b);
  if (r == 0) return std::copysign(T(0), b);
  return (r < 0) != (b < 0) ? r + b : r;
}

template <class T>
bool binary_of(uint32_t fn, const T* a, const T* b, T* y, int64_t n) {
  switch (fn) {
    case RLX_BINARY_ADD:
      return map2(a, b, y, n, [](T l, T r) { return l + r; });
    case RLX_BINARY_SUB:
      return map2(a, b, y, n, [](T l, T r) { return l - r; });
    case RLX_BINARY_MUL:
      return map2(a, b, y, n, [](T l, T r) { return l * r; });
    case RLX_BINARY_DIV:
      return map2(a, b, y, n, [](T l, T r) { return l / r; });
    case RLX_BINARY_MOD_FLOOR:
      return map2(a, b, y, n, mod_floor<T>);
    case RLX_BINARY_MOD_TRUNC:
      return map2(a, b, y, n, [](T l, T r) { return std::fmod(l, r); });
    case RLX_BINARY_POW:
      return map2(a, b, y, n, [](T l, T r) { return std::pow(l, r); });
    case RLX_BINARY_MAX:
      return map2(a, b, y, n, [](T l, T r) { return l != l || l > r ? l : r; });
    case RLX_BINARY_MIN:
      return map2(a, b, y, n, [](T l, T r) { return l != l || l < r ? l : r; });
    default:
      return false;
  }
}

template <class T>
bool compare_of(uint32_t fn, const T* a, const T* b, uint8_t* y, int64_t n) {
  switch (fn) {
    case RLX_COMPARE_EQ:
      return map2(a, b, y, n, [](T l, T r) { return uint8_t(l == r); });
    case RLX_COMPARE_NE:
      return map2(a, b, y, n, [](T l, T r) { return uint8_t(l != r); });
    case RLX_COMPARE_LT:
      return map2(a, b, y, n, [](T l, T r) { return uint8_t(l < r); });
    case RLX_COMPARE_LE:
      return map2(a, b, y, n, [](T l, T r) { return uint8_t(l <= r); });
    case RLX_COMPARE_GT:
      return map2(a, b, y, n, [](T l, T r) { return uint8_t(l > r); });
    case RLX_COMPARE_GE:
      return map2(a, b, y, n, [](T l, T r) { return uint8_t(l >= r); });
    default:
      return false;
  }
}

template <class T>
T clamp01(T v) {
  return v != v ? v : v < 0 ? T(0) : v > 1 ? T(1) : v;
}

template <class T>
bool act_smooth(uint32_t fn, T alpha, T beta, const T* x, T* y, int64_t n) {
  constexpr T kSqrtHalf = T(0.70710678118654752440), kSqrt2OverPi = T(0.79788456080286535588);
  switch (fn) {
    case RLX_ACT_GELU_ERF:
      return map1(x, y, n, [](T v) { return T(0.5) * v * (T(1) + math_erf(v * kSqrtHalf)); });
    case RLX_ACT_GELU_TANH:
      return map1(x, y, n, [](T v) {
        return T(0.5) * v * (T(1) + math_tanh(kSqrt2OverPi * (v + T(0.044715) * v * v * v)));
      });
    case RLX_ACT_SILU:
      return map1(x, y, n, [](T v) { return v * math_sigmoid(v); });
    case RLX_ACT_SIGMOID:
      return map1(x, y, n, [](T v) { return math_sigmoid(v); });
    case RLX_ACT_TANH:
      return map1(x, y, n, [](T v) { return math_tanh(v); });
    case RLX_ACT_SOFTPLUS:
      return map1(x, y, n, math_softplus<T>);
    case RLX_ACT_MISH:
      return map1(x, y, n, [](T v) { return v * std::tanh(math_softplus(v)); });
    case RLX_ACT_ELU:
      return map1(x, y, n, [=](T v) { return v < 0 ? alpha * std::expm1(v) : v; });
    case RLX_ACT_SELU:
      return map1(x, y, n, [=](T v) { return beta * (v < 0 ? alpha * std::expm1(v) : v); });
    case RLX_ACT_CELU:
      return map1(x, y, n, [=](T v) { return v < 0 ? alpha * std::expm1(v / alpha) : v; });
    default:
      return false;
  }
}

template <class T>
bool act_of(uint32_t fn, T alpha, T beta, const T* x, T* y, int64_t n) {
  switch (fn) {
    case RLX_ACT_NONE:
      return map1(x, y, n, [](T v) { return v; });
    case RLX_ACT_RELU:
      return map1(x, y, n, [](T v) { return v < 0 ? T(0) : v; });
    case RLX_ACT_LEAKY_RELU:
      return map1(x, y, n, [=](T v) { return v < 0 ? alpha * v : v; });
    case RLX_ACT_CLIP:
      return map1(x, y, n, [=](T v) {
        v = v < alpha ? alpha : v;
        return v > beta ? beta : v;
      });
    case RLX_ACT_HARD_SIGMOID:
      return map1(x, y, n, [=](T v) { return clamp01(alpha * v + beta); });
    case RLX_ACT_HARD_SWISH:
      return map1(x, y, n, [](T v) { return v * clamp01(v / T(6) + T(0.5)); });
    case RLX_ACT_SOFTSIGN:
      return map1(x, y, n, [](T v) { return v / (T(1) + std::fabs(v)); });
    case RLX_ACT_SHRINK:
      return map1(x, y, n, [=](T v) {
        return v < -alpha ? v + beta : v > alpha ? v - beta : T(0);
      });
    case RLX_ACT_THRESHOLDED_RELU:
      return map1(x, y, n, [=](T v) { return v > alpha ? v : T(0); });
    default:
      return act_smooth(fn, alpha, beta, x, y, n);
  }
}

bool is_test(uint32_t fn) { return fn >= RLX_UNARY_ISNAN && fn <= RLX_UNARY_ISINF_NEG; }

const float* f32_of(const void* p) { return static_cast<const float*>(p); }
const double* f64_of(const void* p) { return static_cast<const double*>(p); }

}  // namespace

bool block_unary(uint32_t fn, uint32_t dtype, const void* x, void* y, int64_t n) {
  if (!is_float(dtype)) return int_unary(fn, dtype, x, y, n);
  uint8_t* flags = static_cast<uint8_t*>(y);
  if (dtype == RLX_DTYPE_F64) {
    return is_test(fn) ? test_of(fn, f64_of(x), flags, n)
                       : unary_of(fn, f64_of(x), static_cast<double*>(y), n);
  }
  if (dtype == RLX_DTYPE_F32) {
    return is_test(fn) ? test_of(fn, f32_of(x), flags, n)
                       : unary_of(fn, f32_of(x), static_cast<float*>(y), n);
  }
  alignas(64) float wide[kBlock];
  widen(dtype, x, wide, n);
  if (is_test(fn)) return test_of(fn, wide, flags, n);
  if (!unary_of(fn, wide, wide, n)) return false;
  narrow(dtype, wide, y, n);
  return true;
}

bool block_binary(uint32_t fn, uint32_t dtype, const void* a, const void* b, void* y, int64_t n) {
  if (!is_float(dtype)) return int_binary(fn, dtype, a, b, y, n);
  if (dtype == RLX_DTYPE_F64) return binary_of(fn, f64_of(a), f64_of(b), static_cast<double*>(y), n);
  if (dtype == RLX_DTYPE_F32) return binary_of(fn, f32_of(a), f32_of(b), static_cast<float*>(y), n);
  alignas(64) float left[kBlock];
  alignas(64) float right[kBlock];
  widen(dtype, a, left, n);
  widen(dtype, b, right, n);
  if (!binary_of(fn, left, right, left, n)) return false;
  narrow(dtype, left, y, n);
  return true;
}

bool block_compare(uint32_t fn, uint32_t dtype, const void* a, const void* b, void* y, int64_t n) {
  if (!is_float(dtype)) return int_compare(fn, dtype, a, b, y, n);
  uint8_t* flags = static_cast<uint8_t*>(y);
  if (dtype == RLX_DTYPE_F64) return compare_of(fn, f64_of(a), f64_of(b), flags, n);
  if (dtype == RLX_DTYPE_F32) return compare_of(fn, f32_of(a), f32_of(b), flags, n);
  alignas(64) float left[kBlock];
  alignas(64) float right[kBlock];
  widen(dtype, a, left, n);
  widen(dtype, b, right, n);
  return compare_of(fn, left, right, flags, n);
}

bool block_act(uint32_t fn, double alpha, double beta, uint32_t dtype, const void* x, void* y, int64_t n) {
  if (dtype == RLX_DTYPE_F64) return act_of(fn, alpha, beta, f64_of(x), static_cast<double*>(y), n);
  if (dtype == RLX_DTYPE_F32)
    return act_of(fn, float(alpha), float(beta), f32_of(x), static_cast<float*>(y), n);
  if (!is_small_float(dtype)) return false;
  alignas(64) float wide[kBlock];
  widen(dtype, x, wide, n);
  if (!act_of(fn, float(alpha), float(beta), wide, wide, n)) return false;
  narrow(dtype, wide, y, n);
  return true;
}

}  // namespace rlx_cpu
