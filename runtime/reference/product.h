// SPDX-License-Identifier: Apache-2.0
// Sums of products with the bound of any order, fused or not, in any split: the heart of dot, linear and
// conv. e = sum(|a| e_b + |b| e_a + e_a e_b) + gamma_{K+r} sum |a||b|, r the further roundings of the
// caller's op. Of independent errors the roots of sums of squares, and for sum |a||b| the size that partial
// sums have: the result's, and twice that of a sum of terms whose signs do not agree.
#pragma once

#include "runtime/reference/call.h"

namespace rlx::reference {

/// y[m, n] = sum over k of a[m, k] * b[k, n], all dense; bounds null where exact (then `error` may be null
/// too).
struct Product {
  std::size_t m, k, n;
  const double *a, *a_bound;
  const double *b, *b_bound;
  double* y;
  double* error;     ///< null: no bounds wanted
  double roundoff;   ///< gamma
  bool independent;  ///< how the operands' bounds add up
  double floor;      ///< what underflow of products may add where there are any
};
void multiply(const Product& product);

/// The same for integers, wrapping.
void multiply_integers(std::size_t m, std::size_t k, std::size_t n, const std::int64_t* a,
                       const std::int64_t* b, std::int64_t* y);

/// An operand of products as the call's class may see it: elements of f32 moved by a rounding to the class's format.
/// `x` itself where the class rounds nothing, or no bounds are wanted.
TensorPtr factor(const Call& call, TensorPtr x);

/// Unit of an accumulator: ACC where it is wider than f32, else as the dtype computes and the class lets it.
Unit accumulator_of(const Call& call, DType dtype);

/// What `terms` products may lose by underflow.
double underflow(const Unit& unit, std::size_t terms);

/// A finite sum has a finite bound or none at all; a sum that is no number has no bound unless an operand was
/// in doubt.
inline void settle(double value, double& error) {
  if (!std::isfinite(value))
    error = 0;
  else if (std::isnan(error))
    error = kInfinity;
}

}  // namespace rlx::reference
