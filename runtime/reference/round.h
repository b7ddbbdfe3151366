// SPDX-License-Identifier: Apache-2.0
// Roundings to the dtypes, and what each costs: unit roundoffs, least normal and greatest finite numbers.
#pragma once

#include <cmath>
#include <cstdint>

#include "runtime/ir/dtype.h"

namespace rlx::reference {

std::uint16_t f16_bits(double value);   ///< nearest even
std::uint16_t bf16_bits(double value);  ///< nearest even
double f16_value(std::uint16_t bits);
double bf16_value(std::uint16_t bits);

/// `value` rounded to a float dtype, to nearest even or toward zero.
double round_to(DType dtype, double value);
double round_toward_zero(DType dtype, double value);
/// The low bits of `value` as an integer dtype has them: sign-extended, or zero-extended (u64 as its bits).
std::int64_t wrap(DType dtype, std::int64_t value);

/// The error classes that products of f32 are held to. f32_strict differs from f32 on exact data alone.
enum class Precision : std::uint8_t { kF32, kF32Strict, kTf32, kF16, kBf16 };

/// What a class lets products do: unit roundoffs of their operands and of their sums, and the numbers that its format
/// of operands holds. Zero roundoffs: as f32 has them.
struct ClassRoundoff {
  double operand, sum, least, most;
};
ClassRoundoff roundoff_of(Precision precision);

/// How an implementation of the f32 class computes with a dtype. f64 is computed in f64, all else in f32.
struct Unit {
  double u;            ///< roundoff of one operation; of f64 twice its own, as the reference itself rounds
  double least;        ///< least normal number of the computation
  double most;         ///< greatest finite value of the dtype
  double store;        ///< roundoff of storing to f16 or bf16; 0 where computing has rounded already
  double store_least;  ///< least normal number of the dtype
  DType dtype;
  bool independent;  ///< how bounds add up: linearly, or as errors that are not in league, by the root of
                     ///< squares
};
Unit unit_of(DType dtype, bool independent = false);

/// n*u / (1 - n*u): the relative error of n roundings in a row.
/// Of independent ones sqrt(n) u.
/// Source: Higham & Mary, A new approach to probabilistic rounding error analysis (SISC 2019).
inline double gamma(const Unit& unit, double n) {
  const double worst = n * unit.u < 0.5 ? n * unit.u / (1 - n * unit.u) : 1;
  return unit.independent ? std::fmin(worst, std::sqrt(n) * unit.u) : worst;
}

/// Two errors together.
inline double combined(const Unit& unit, double a, double b) {
  return a == 0 ? b : b == 0 ? a : unit.independent ? std::hypot(a, b) : a + b;
}

/// A running total of errors.
class ErrorSum {
 public:
  explicit ErrorSum(bool independent) : independent_(independent) {}
  void add(double e) { sum_ += independent_ ? e * e : e; }
  double total() const { return independent_ ? std::sqrt(sum_) : sum_; }

 private:
  bool independent_;
  double sum_ = 0;
};

}  // namespace rlx::reference
