// SPDX-License-Identifier: Apache-2.0
// Scalar functions that the float kernels share. The f32 forms are branch-free so that their loops vectorise.
#pragma once

#include <cmath>

#include "numbers.h"

namespace rlx_cpu {

/// Rounds to the nearest integer, halves to the even one; keeps -0. Adding the smallest number without
/// fraction bits makes the addition round, which, unlike a library call, vectorises.
template <class T>
inline T round_half_even(T v) {
  constexpr T kWhole = sizeof(T) == 4 ? T(0x1p23) : T(0x1p52);
  const T size = std::fabs(v);
  const T rounded = (size + kWhole) - kWhole;
  return std::copysign(size < kWhole ? rounded : size, v);
}

inline double math_exp(double v) { return std::exp(v); }
inline double math_tanh(double v) { return std::tanh(v); }
inline double math_erf(double v) { return std::erf(v); }
inline double math_sigmoid(double v) { return 1.0 / (1.0 + std::exp(-v)); }
inline float math_exp(float v) { return std::exp(v); }
inline float math_tanh(float v) { return std::tanh(v); }
inline float math_erf(float v) { return std::erf(v); }
inline float math_sigmoid(float v) { return 1.0f / (1.0f + std::exp(-v)); }

/// log(1 + e^v) without overflow; infinities and NaN pass.
template <class T>
inline T math_softplus(T v) {
  return (v > 0 ? v : T(0)) + std::log1p(std::exp(-std::fabs(v))) + (v != v ? v : T(0));
}

}  // namespace rlx_cpu
