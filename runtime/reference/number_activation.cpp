// SPDX-License-Identifier: Apache-2.0
// Named activations over numbers with bounds, step by step as their formulas stand in the registry.
#include <rlx/ops.h>

#include <algorithm>

#include "runtime/reference/number.h"

namespace rlx::reference {
namespace {

constexpr double kPi = 3.14159265358979323846;

/// One activation under way: the unit, the operand, and short names.
struct Act {
  const Unit& unit;
  Num x;

  /// A constant as an implementation has it: rounded to f32 at worst.
  Num number(double c) const { return rounded(unit, c, 0, is_exact(unit, c) ? 0 : 1); }
  Num plus(Num a, double c) const { return add(unit, a, number(c)); }
  Num times(Num a, double c) const { return c == 1 ? a : mul(unit, a, number(c)); }
  Num fn(std::int64_t f, Num a) const { return unary(unit, f, a); }
  Num clamp(Num a, double low, double high) const { return minimum(maximum(a, {low, 0}), {high, 0}); }
};

/// The branch that x takes at `edge`, or both where its bound reaches over it.
Num branch(Num x, double edge, Num below, Num above, bool above_at_edge) {
  if (std::isnan(x.v)) return {NAN, 0};
  const Num taken = x.v > edge || (above_at_edge && x.v == edge) ? above : below;
  if (x.e == 0 || std::fabs(x.v - edge) > x.e) return taken;
  const double low = std::min(below.v - below.e, above.v - above.e),
               high = std::max(below.v + below.e, above.v + above.e);
  const double e = std::max(high - taken.v, taken.v - low);
  return {taken.v, std::isnan(e) ? kInfinity : std::nextafter(e, kInfinity)};
}

Num softplus(const Act& a) {
  const Num tail = a.fn(RLX_UNARY_LOG1P, a.fn(RLX_UNARY_EXP, {-std::fabs(a.x.v), a.x.e}));
  Num y = add(a.unit, maximum(a.x, {0, 0}), tail);
  // Both terms move with x, but together by no more than x does; log(1 + exp x) loses up to two ulps of 1 as
  // well.
  if (std::isfinite(y.v) && std::isfinite(a.x.e))
    y = rounded(a.unit, y.v, a.x.e + 8 * a.unit.u * std::min(1.0, 2 * std::fabs(tail.v)), 4);
  return y;
}

Num exponential(const Act& a, double alpha, double scale) {
  const Num inner = scale == 1 ? a.x : div(a.unit, a.x, a.number(scale));
  return branch(a.x, 0, a.times(a.fn(RLX_UNARY_EXPM1, inner), alpha), a.x, false);
}

Num gelu_tanh(const Act& a) {
  const Num cube = mul(a.unit, mul(a.unit, a.x, a.x), a.x);
  const Num inner = a.times(add(a.unit, a.x, a.times(cube, 0.044715)), std::sqrt(2 / kPi));
  return mul(a.unit, a.times(a.x, 0.5), a.plus(a.fn(RLX_UNARY_TANH, inner), 1));
}

/// The comparisons of shrink and thresholded_relu are false for NaN, and else is 0.
Num shrink(const Act& a, double lambda, double bias) {
  if (std::isnan(a.x.v)) return {0, a.x.e};
  const Num upper = branch(a.x, lambda, {0, 0}, a.plus(a.x, -bias), false);
  return branch({-a.x.v, a.x.e}, lambda, upper, a.plus(a.x, bias), false);
}

Num formula(const Act& a, std::int64_t act, double alpha, double beta) {
  const Num x = a.x;
  switch (act) {
    case RLX_ACT_RELU:
      return maximum(x, {0, 0});
    case RLX_ACT_CLIP:
      return a.clamp(x, std::isnan(alpha) ? -kInfinity : round_to(a.unit.dtype, alpha),
                     std::isnan(beta) ? kInfinity : round_to(a.unit.dtype, beta));
    case RLX_ACT_LEAKY_RELU:
      return branch(x, 0, a.times(x, std::isnan(alpha) ? 0.01 : alpha), x, true);
    case RLX_ACT_GELU_ERF:
      return mul(a.unit, a.times(x, 0.5), a.plus(a.fn(RLX_UNARY_ERF, a.times(x, std::sqrt(0.5))), 1));
    case RLX_ACT_GELU_TANH:
      return gelu_tanh(a);
    case RLX_ACT_SILU:
      return mul(a.unit, x, a.fn(RLX_UNARY_SIGMOID, x));
    case RLX_ACT_SIGMOID:
      return a.fn(RLX_UNARY_SIGMOID, x);
    case RLX_ACT_TANH:
      return a.fn(RLX_UNARY_TANH, x);
    case RLX_ACT_HARD_SIGMOID:
      return a.clamp(a.plus(a.times(x, std::isnan(alpha) ? 0.2 : alpha), std::isnan(beta) ? 0.5 : beta), 0,
                     1);
    case RLX_ACT_HARD_SWISH:
      return mul(a.unit, x, a.clamp(a.plus(a.times(x, 1.0 / 6), 0.5), 0, 1));
    case RLX_ACT_SOFTPLUS:
      return softplus(a);
    case RLX_ACT_MISH:
      return mul(a.unit, x, a.fn(RLX_UNARY_TANH, softplus(a)));
    case RLX_ACT_ELU:
      return exponential(a, std::isnan(alpha) ? 1 : alpha, 1);
    case RLX_ACT_SELU:
      return a.times(exponential(a, std::isnan(alpha) ? 1.67326319217681884765625 : alpha, 1),
                     std::isnan(beta) ? 1.05070102214813232421875 : beta);
    case RLX_ACT_CELU:
      return exponential(a, std::isnan(alpha) ? 1 : alpha, std::isnan(alpha) ? 1 : alpha);
    case RLX_ACT_SOFTSIGN:
      return div(a.unit, x, a.plus({std::fabs(x.v), x.e}, 1));
    case RLX_ACT_SHRINK:
      return shrink(a, std::isnan(alpha) ? 0.5 : alpha, std::isnan(beta) ? 0 : beta);
    case RLX_ACT_THRESHOLDED_RELU:
      if (std::isnan(x.v)) return {0, x.e};
      return branch(x, std::isnan(alpha) ? 1 : alpha, {0, 0}, x, false);
    default:
      return x;
  }
}

/// The most that the function moves per move of its operand, where formulas with x in several places would
/// add up.
double slope_of(std::int64_t act) {
  switch (act) {
    case RLX_ACT_GELU_ERF:
    case RLX_ACT_GELU_TANH:
      return 1.13;
    case RLX_ACT_SILU:
    case RLX_ACT_MISH:
      return 1.1;
    case RLX_ACT_HARD_SWISH:
      return 1.5;
    case RLX_ACT_SOFTSIGN:
      return 1;
    default:
      return kInfinity;
  }
}

}  // namespace

Num activation(const Unit& unit, std::int64_t act, double alpha, double beta, Num x) {
  if (act == RLX_ACT_NONE) return x;
  const Num alone = formula({unit, {x.v, 0}}, act, alpha, beta);
  if (x.e == 0) return {alone.v, 2 * alone.e};
  // Own roundings twice; an implementation rounds at an operand inside the bound, where they may be larger.
  const double slope = slope_of(act);
  if (std::isfinite(slope) && std::isfinite(alone.v) && x.e < 0.1 * std::fabs(x.v))
    return {alone.v, combined(unit, slope * x.e, 2.5 * alone.e + 8 * unit.u * x.e)};
  const Num whole = formula({unit, x}, act, alpha, beta);
  return {whole.v, combined(unit, whole.e, alone.e)};
}

}  // namespace rlx::reference
