// SPDX-License-Identifier: Apache-2.0
// Sums of products of f32 as a unit that multiplies bf16 alone makes them: every factor is a sum of three bf16 limbs, a
// product is six products of limbs, each exact in f32, and f32 lanes add up. For the look-alike that does so.
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

namespace rlx_c0 {

/// So many factors of either operand are split at once.
constexpr int kLimbBlock = 64;
constexpr int kLimbLanes = 16;

/// f32 factors of one operand, and their limbs: x = part[0] + part[1] + part[2] but for what lies below bf16's least number.
struct Limbs {
  float x[kLimbBlock];
  float part[3][kLimbBlock];

  /// Takes `count` elements, `step` bytes apart, and zeros behind them. False where a limb would not be finite.
  bool take(const char* p, int64_t step, int count) {
    for (int k = 0; k < count; ++k) memcpy(&x[k], p + k * step, sizeof(float));
    for (int k = count; k < kLimbBlock; ++k) x[k] = 0;
    uint32_t most = 0;
    for (int k = 0; k < kLimbBlock; ++k) most = most < magnitude(x[k]) ? magnitude(x[k]) : most;
    for (int k = 0; k < kLimbBlock; ++k) {
      part[0][k] = nearest_bf16(x[k]);
      const float rest = x[k] - part[0][k];
      part[1][k] = nearest_bf16(rest);
      part[2][k] = nearest_bf16(rest - part[1][k]);
    }
    return most < 0x7F7F8000u;
  }

 private:
  static uint32_t magnitude(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x7FFFFFFFu;
  }
  /// Rounded to nearest even; of finite numbers alone.
  static float nearest_bf16(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = (bits + 0x7FFFu + (bits >> 16 & 1)) & 0xFFFF0000u;
    memcpy(&value, &bits, sizeof value);
    return value;
  }
};

/// x * y without the three least products of their limbs, the least first.
template <class Sum>
Sum limb_product(const Limbs& a, const Limbs& b, int k) {
  Sum sum = static_cast<Sum>(a.part[0][k]) * static_cast<Sum>(b.part[2][k]);
  sum += static_cast<Sum>(a.part[1][k]) * static_cast<Sum>(b.part[1][k]);
  sum += static_cast<Sum>(a.part[2][k]) * static_cast<Sum>(b.part[0][k]);
  sum += static_cast<Sum>(a.part[0][k]) * static_cast<Sum>(b.part[1][k]);
  sum += static_cast<Sum>(a.part[1][k]) * static_cast<Sum>(b.part[0][k]);
  return sum + static_cast<Sum>(a.part[0][k]) * static_cast<Sum>(b.part[0][k]);
}

/// The sum of `count` products of f32; steps in bytes. What is not finite, or would not be as bf16, is multiplied as it is.
template <class Sum>
Sum sum_limbs(const char* pa, int64_t step_a, const char* pb, int64_t step_b, int64_t count) {
  Limbs a, b;
  Sum lane[kLimbLanes] = {};
  for (int64_t from = 0; from < count; from += kLimbBlock) {
    const int left = static_cast<int>(count - from < kLimbBlock ? count - from : kLimbBlock);
    const bool finite_a = a.take(pa + from * step_a, step_a, left);
    if (b.take(pb + from * step_b, step_b, left) && finite_a) {
      for (int k = 0; k < kLimbBlock; k += kLimbLanes)
        for (int n = 0; n < kLimbLanes; ++n) lane[n] += limb_product<Sum>(a, b, k + n);
    } else {
      for (int k = 0; k < left; ++k)
        lane[k % kLimbLanes] += static_cast<Sum>(a.x[k]) * static_cast<Sum>(b.x[k]);
    }
  }
  for (int width = kLimbLanes / 2; width; width /= 2)
    for (int n = 0; n < width; ++n) lane[n] += lane[n + width];
  return lane[0];
}

}  // namespace rlx_c0
