// SPDX-License-Identifier: Apache-2.0
// Named activations in primitives, and the composites that are little more than one: act, gated_act.
// Source: the ONNX operators of the same names, which also give the defaults of ACT_ALPHA and ACT_BETA.
#include <cmath>
#include <limits>

#include "runtime/ir/expand.h"

namespace rlx::expand_detail {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

ValueId clamp(Expansion& e, ValueId x, double low, double high) {
  if (low != -kInfinity) x = e.b().binary(RLX_BINARY_MAX, x, e.number(low, x));
  if (high != kInfinity) x = e.b().binary(RLX_BINARY_MIN, x, e.number(high, x));
  return x;
}

ValueId softplus(Expansion& e, ValueId x) {
  const ValueId tail = e.unary(RLX_UNARY_EXP, e.unary(RLX_UNARY_NEG, e.unary(RLX_UNARY_ABS, x)));
  const ValueId bend = e.unary(RLX_UNARY_LOG1P, tail);
  return e.add(e.b().binary(RLX_BINARY_MAX, x, e.number(0, x)), bend);
}

/// x where positive, alpha * expm1(x / scale) elsewhere (NaN stays).
ValueId exponential(Expansion& e, ValueId x, double alpha, double scale) {
  const ValueId curve =
      e.times(e.unary(RLX_UNARY_EXPM1, scale == 1 ? x : e.div(x, e.number(scale, x))), alpha);
  return e.b().select(e.b().compare(RLX_COMPARE_GT, x, e.number(0, x)), x, curve);
}

ValueId leaky(Expansion& e, ValueId x, double slope) {
  const ValueId negative = e.b().compare(RLX_COMPARE_LT, x, e.number(0, x));
  return e.b().select(negative, e.times(x, slope), x);
}

ValueId thresholded(Expansion& e, ValueId x, double threshold) {
  const ValueId above = e.b().compare(RLX_COMPARE_GT, x, e.number(threshold, x));
  return e.b().select(above, x, e.number(0, x));
}

ValueId gelu_erf(Expansion& e, ValueId x) {
  const ValueId erf = e.unary(RLX_UNARY_ERF, e.times(x, std::sqrt(0.5)));
  const ValueId gate = e.plus(erf, 1);
  return e.mul(e.times(x, 0.5), gate);
}

ValueId gelu_tanh(Expansion& e, ValueId x) {
  const ValueId cube = e.mul(e.mul(x, x), x);
  const ValueId inner = e.times(e.add(x, e.times(cube, 0.044715)), std::sqrt(2 / 3.14159265358979323846));
  const ValueId gate = e.plus(e.unary(RLX_UNARY_TANH, inner), 1);
  return e.mul(e.times(x, 0.5), gate);
}

ValueId shrink(Expansion& e, ValueId x, double lambda, double bias) {
  const ValueId low = e.b().compare(RLX_COMPARE_LT, x, e.number(-lambda, x));
  const ValueId high = e.b().compare(RLX_COMPARE_GT, x, e.number(lambda, x));
  const ValueId lowered = e.plus(x, -bias);
  const ValueId upper = e.b().select(high, lowered, e.number(0, x));
  return e.b().select(low, e.plus(x, bias), upper);
}

/// Exact in the dtype of x.
ValueId exact(Expansion& e, ValueId x, std::int64_t act) {
  if (act == RLX_ACT_RELU) return clamp(e, x, 0, kInfinity);
  return clamp(e, x, e.real(RLX_ATTR_ACT_ALPHA, -kInfinity), e.real(RLX_ATTR_ACT_BETA, kInfinity));
}

ValueId curve(Expansion& e, ValueId x, std::int64_t act) {
  const auto alpha = [&](double otherwise) { return e.real(RLX_ATTR_ACT_ALPHA, otherwise); };
  const auto beta = [&](double otherwise) { return e.real(RLX_ATTR_ACT_BETA, otherwise); };
  switch (act) {
    case RLX_ACT_LEAKY_RELU:
      return leaky(e, x, alpha(0.01));
    case RLX_ACT_GELU_ERF:
      return gelu_erf(e, x);
    case RLX_ACT_GELU_TANH:
      return gelu_tanh(e, x);
    case RLX_ACT_SILU:
      return e.mul(x, e.unary(RLX_UNARY_SIGMOID, x));
    case RLX_ACT_SIGMOID:
      return e.unary(RLX_UNARY_SIGMOID, x);
    case RLX_ACT_TANH:
      return e.unary(RLX_UNARY_TANH, x);
    case RLX_ACT_HARD_SIGMOID:
      return clamp(e, e.plus(e.times(x, alpha(0.2)), beta(0.5)), 0, 1);
    case RLX_ACT_HARD_SWISH:
      return e.mul(x, clamp(e, e.plus(e.times(x, 1.0 / 6), 0.5), 0, 1));
    case RLX_ACT_SOFTPLUS:
      return softplus(e, x);
    case RLX_ACT_MISH:
      return e.mul(x, e.unary(RLX_UNARY_TANH, softplus(e, x)));
    case RLX_ACT_ELU:
      return exponential(e, x, alpha(1), 1);
    case RLX_ACT_SELU:
      return e.times(exponential(e, x, alpha(1.67326319217681884765625), 1), beta(1.05070102214813232421875));
    case RLX_ACT_CELU:
      return exponential(e, x, alpha(1), alpha(1));
    case RLX_ACT_SOFTSIGN:
      return e.div(x, e.plus(e.unary(RLX_UNARY_ABS, x), 1));
    case RLX_ACT_SHRINK:
      return shrink(e, x, alpha(0.5), beta(0));
    case RLX_ACT_THRESHOLDED_RELU:
      return thresholded(e, x, alpha(1));
    default:
      return x;
  }
}

}  // namespace

ValueId emit_act(Expansion& e, ValueId x, std::int64_t act) {
  if (act == RLX_ACT_NONE) return x;
  if (act == RLX_ACT_RELU || act == RLX_ACT_CLIP) return exact(e, x, act);
  const DType dtype = e.b().shape(x).dtype;
  return e.b().cast(curve(e, e.wide(x), act), dtype);
}

Outputs expand_act(Expansion& e) { return {emit_act(e, e.in(0), e.integer(RLX_ATTR_FN, RLX_ACT_NONE))}; }

Outputs expand_gated_act(Expansion& e) { return {e.mul(e.act(e.in(0)), e.in(1))}; }

}  // namespace rlx::expand_detail
