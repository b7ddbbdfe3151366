// SPDX-License-Identifier: Apache-2.0
// A value with its error bound, and the arithmetic that carries both: the rules of every pointwise op.
// Each function gives the float64 value and the most by which an implementation of the unit's class may be
// off, for any operands within their bounds. Source: Higham, Accuracy and Stability of Numerical Algorithms,
// ch. 2-3.
#pragma once

#include <rlx/ops.h>

#include <cmath>
#include <cstdint>
#include <limits>

#include "runtime/reference/round.h"

namespace rlx::reference {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Num {
  double v = 0;
  double e = 0;
};

/// True where storing `v` as the unit computes rounds nothing. Of f64 nothing is known.
inline bool is_exact(const Unit& unit, double v) {
  return unit.dtype != DType::kF64 && static_cast<double>(static_cast<float>(v)) == v;
}

/// A result of operands with bounds that make `e`, after `roundings` more; drops what is no number.
inline Num rounded(const Unit& unit, double v, double e, double roundings = 1) {
  if (!std::isfinite(v)) return {v, e > 0 || std::isnan(e) ? kInfinity : 0};
  if (std::isnan(e)) return {v, kInfinity};
  if (e == 0 && roundings <= 1 && is_exact(unit, v)) return {v, 0};
  return {v, combined(unit, e, roundings * unit.u * std::fmax(std::fabs(v) + e, unit.least))};
}

/// What stays of a result in its dtype: the rounding of narrow ones, and overflow.
Num stored(const Unit& unit, Num x);

Num add(const Unit& unit, Num a, Num b);
Num sub(const Unit& unit, Num a, Num b);
Num mul(const Unit& unit, Num a, Num b);
Num div(const Unit& unit, Num a, Num b);
Num maximum(Num a, Num b);
Num minimum(Num a, Num b);
/// FN of unary and binary for floats (the tests and `not` are not among them).
Num unary(const Unit& unit, std::int64_t fn, Num x);
Num binary(const Unit& unit, std::int64_t fn, Num a, Num b);
/// Whether it makes no difference that its operand is rounded to the dtype of its result, which is rounded anyway.
inline bool rounds_once(std::int64_t act) { return act == RLX_ACT_NONE || act == RLX_ACT_RELU; }
/// A named activation, computed as its expansion; the roundings of its own count double.
Num activation(const Unit& unit, std::int64_t act, double alpha, double beta, Num x);

/// Integers of a dtype (u64 as its bits).
std::int64_t unary_integer(DType dtype, std::int64_t fn, std::int64_t x);
std::int64_t binary_integer(DType dtype, std::int64_t fn, std::int64_t a, std::int64_t b);
/// An integer and how far from it, around the end of its dtype, another admissible value may lie.
struct Whole {
  std::int64_t i;
  double e;
};
/// How far from binary_integer's result another may lie.
double doubt_of_integers(DType dtype, std::int64_t fn, Whole a, Whole b);

}  // namespace rlx::reference
