// SPDX-License-Identifier: Apache-2.0
// Roundings to the dtypes, and what each costs: unit roundoffs, least normal and greatest finite numbers.
#pragma once

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

/// How an implementation of the f32 class computes with a dtype. f64 is computed in f64, all else in f32.
struct Unit {
  double u;            ///< roundoff of one operation; of f64 twice its own, as the reference itself rounds
  double least;        ///< least normal number of the computation
  double most;         ///< greatest finite value of the dtype
  double store;        ///< roundoff of storing to f16 or bf16; 0 where computing has rounded already
  double store_least;  ///< least normal number of the dtype
  DType dtype;
};
Unit unit_of(DType dtype);

/// n*u / (1 - n*u): the relative error of n roundings in a row.
inline double gamma(const Unit& unit, double n) { return n * unit.u < 0.5 ? n * unit.u / (1 - n * unit.u) : 1; }

}  // namespace rlx::reference
