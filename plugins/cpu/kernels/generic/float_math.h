// SPDX-License-Identifier: Apache-2.0
// Scalar functions that the float kernels share. The f32 forms are branch-free so that their loops vectorise.
#pragma once

#include <cmath>

#include "numbers.h"

namespace rlx_cpu {

/// Rounds to the nearest integer, halves to the even one, in any rounding mode of ours (nearest); keeps -0.
inline double round_half_even(double v) { return std::nearbyint(v); }
inline float round_half_even(float v) { return std::nearbyint(v); }

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
