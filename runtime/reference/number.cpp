// SPDX-License-Identifier: Apache-2.0
#include "runtime/reference/number.h"

#include <rlx/ops.h>

#include <algorithm>

namespace rlx::reference {

Num stored(const Unit& unit, Num x) {
  if (std::isfinite(x.v)) {
    if (unit.store > 0 && !(x.e == 0 && round_to(unit.dtype, x.v) == x.v))
      x.e = combined(unit, x.e, unit.store * std::fmax(std::fabs(x.v) + x.e, unit.store_least));
    if (std::fabs(x.v) + x.e > unit.most) {
      if (std::isinf(round_to(unit.dtype, x.v))) x.v = std::copysign(kInfinity, x.v);
      if (x.e > 0) x.e = kInfinity;
    }
  }
  return x;
}

namespace {

double bad_if_unknown(Num a, Num b) { return std::isfinite(a.e) && std::isfinite(b.e) ? 0 : kInfinity; }

}  // namespace

Num add(const Unit& unit, Num a, Num b) {
  const double v = a.v + b.v;
  if (!std::isfinite(v)) return {v, bad_if_unknown(a, b)};
  return rounded(unit, v, combined(unit, a.e, b.e));
}

Num sub(const Unit& unit, Num a, Num b) { return add(unit, a, {-b.v, b.e}); }

Num mul(const Unit& unit, Num a, Num b) {
  const double v = a.v * b.v;
  if (!std::isfinite(v)) {
    const bool open = (a.e > 0 && std::fabs(a.v) <= a.e) || (b.e > 0 && std::fabs(b.v) <= b.e);
    return {v, open ? kInfinity : bad_if_unknown(a, b)};
  }
  double e = 0;
  if (a.e > 0) e = combined(unit, e, a.e * std::fabs(b.v));
  if (b.e > 0) e = combined(unit, e, b.e * std::fabs(a.v));
  if (a.e > 0 && b.e > 0) e += a.e * b.e;
  return rounded(unit, v, e);
}

Num div(const Unit& unit, Num a, Num b) {
  const double v = a.v / b.v;
  if (b.e > 0 && b.e >= std::fabs(b.v)) return {v, kInfinity};
  if (!std::isfinite(v)) {
    const bool open = a.e > 0 && std::fabs(a.v) <= a.e;
    return {v, open ? kInfinity : bad_if_unknown(a, b)};
  }
  if (std::isinf(b.v)) return {v, bad_if_unknown(a, b)};
  const double e =
      a.e == 0 && b.e == 0 ? 0 : combined(unit, std::fabs(v) * b.e, a.e) / (std::fabs(b.v) - b.e);
  return rounded(unit, v, e);
}

namespace {

/// max where `sign` is 1, min where it is -1; NaN wins. |max(a,b) - max(a',b')| is at most the greater
/// deviation.
Num extreme(Num a, Num b, double sign) {
  if (std::isnan(a.v) || std::isnan(b.v)) return {NAN, bad_if_unknown(a, b)};
  const bool first =
      sign * a.v > sign * b.v || (a.v == b.v && (sign > 0 ? !std::signbit(a.v) : std::signbit(a.v)));
  const double v = first ? a.v : b.v;
  if (a.e == 0 && b.e == 0) return {v, 0};
  const double x = sign * a.v, y = sign * b.v, best = sign * v;
  if (std::isinf(v)) return {v, first ? a.e : b.e};
  const double e = std::max(std::max(x + a.e, y + b.e) - best, best - std::max(x - a.e, y - b.e));
  return {v, std::isnan(e) ? kInfinity : std::nextafter(e, kInfinity)};
}

double sigmoid(double x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }

double value_of(std::int64_t fn, double x) {
  switch (fn) {
    case RLX_UNARY_NEG:
      return -x;
    case RLX_UNARY_ABS:
      return std::fabs(x);
    case RLX_UNARY_SIGN:
      return std::isnan(x) ? x : x > 0 ? 1 : x < 0 ? -1 : x;
    case RLX_UNARY_FLOOR:
      return std::floor(x);
    case RLX_UNARY_CEIL:
      return std::ceil(x);
    case RLX_UNARY_TRUNC:
      return std::trunc(x);
    case RLX_UNARY_ROUND_EVEN:
      return std::nearbyint(x);
    case RLX_UNARY_EXP:
      return std::exp(x);
    case RLX_UNARY_EXPM1:
      return std::expm1(x);
    case RLX_UNARY_LOG:
      return std::log(x);
    case RLX_UNARY_LOG1P:
      return std::log1p(x);
    case RLX_UNARY_SQRT:
      return std::sqrt(x);
    case RLX_UNARY_RSQRT:
      return 1 / std::sqrt(x);
    case RLX_UNARY_RECIP:
      return 1 / x;
    case RLX_UNARY_SIN:
      return std::sin(x);
    case RLX_UNARY_COS:
      return std::cos(x);
    case RLX_UNARY_TAN:
      return std::tan(x);
    case RLX_UNARY_ASIN:
      return std::asin(x);
    case RLX_UNARY_ACOS:
      return std::acos(x);
    case RLX_UNARY_ATAN:
      return std::atan(x);
    case RLX_UNARY_SINH:
      return std::sinh(x);
    case RLX_UNARY_COSH:
      return std::cosh(x);
    case RLX_UNARY_TANH:
      return std::tanh(x);
    case RLX_UNARY_ASINH:
      return std::asinh(x);
    case RLX_UNARY_ACOSH:
      return std::acosh(x);
    case RLX_UNARY_ATANH:
      return std::atanh(x);
    case RLX_UNARY_ERF:
      return std::erf(x);
    case RLX_UNARY_SIGMOID:
      return sigmoid(x);
    default:
      return NAN;
  }
}

/// Units in the last place that an implementation may be off. Source: OpenCL 3.0 C, full profile, relative
/// errors.
double ulps_of(std::int64_t fn) {
  switch (fn) {
    case RLX_UNARY_NEG:
    case RLX_UNARY_ABS:
    case RLX_UNARY_SIGN:
    case RLX_UNARY_FLOOR:
    case RLX_UNARY_CEIL:
    case RLX_UNARY_TRUNC:
    case RLX_UNARY_ROUND_EVEN:
      return 0;
    case RLX_UNARY_SQRT:
      return 0.5;
    case RLX_UNARY_RECIP:
    case RLX_UNARY_RSQRT:
      return 2.5;
    case RLX_UNARY_EXP:
    case RLX_UNARY_EXPM1:
    case RLX_UNARY_LOG:
      return 3;
    case RLX_UNARY_LOG1P:
      return 2;
    case RLX_UNARY_SIN:
    case RLX_UNARY_COS:
    case RLX_UNARY_SINH:
    case RLX_UNARY_COSH:
    case RLX_UNARY_ASIN:
    case RLX_UNARY_ACOS:
    case RLX_UNARY_ASINH:
    case RLX_UNARY_ACOSH:
      return 4;
    case RLX_UNARY_TAN:
    case RLX_UNARY_TANH:
    case RLX_UNARY_ATAN:
    case RLX_UNARY_ATANH:
      return 5;
    case RLX_UNARY_SIGMOID:
      return 6;  // exp, add, divide
    default:
      return 16;
  }
}

constexpr double kPi = 3.14159265358979323846;

/// How far f may move while its operand moves by at most e > 0.
double reach(std::int64_t fn, Num x, double v) {
  if (fn == RLX_UNARY_NEG || fn == RLX_UNARY_ABS) return x.e;
  if (fn == RLX_UNARY_SIN || fn == RLX_UNARY_COS) return std::min(x.e, 2.0);
  const double low = x.v - x.e, high = x.v + x.e;
  if (fn == RLX_UNARY_RECIP && low <= 0 && high >= 0) return kInfinity;
  if (fn == RLX_UNARY_TAN && std::floor(low / kPi + 0.5) != std::floor(high / kPi + 0.5)) return kInfinity;
  // Monotone on the interval, or (cosh) greatest at an end of it.
  const double e = std::max(std::fabs(value_of(fn, low) - v), std::fabs(value_of(fn, high) - v));
  const bool known = !std::isnan(value_of(fn, low)) && !std::isnan(value_of(fn, high)) && !std::isnan(e);
  return known ? std::nextafter(e, kInfinity) : kInfinity;
}

}  // namespace

Num maximum(Num a, Num b) { return extreme(a, b, 1); }
Num minimum(Num a, Num b) { return extreme(a, b, -1); }

Num unary(const Unit& unit, std::int64_t fn, Num x) {
  const double v = value_of(fn, x.v);
  if (!std::isfinite(x.e)) return {v, kInfinity};
  double e = x.e > 0 ? reach(fn, x, v) : 0;
  if (!std::isfinite(v)) return {v, e > 0 ? kInfinity : 0};
  const double ulps = ulps_of(fn);
  if (ulps == 0) return {v, e};
  if (fn == RLX_UNARY_SQRT && e == 0 && is_exact(unit, v)) return {v, 0};
  // At these points every function gives the exact result: f(0) = 0, exp(0) = 1, ...
  if (e == 0 && v == 0) return {v, 0};
  return {v, combined(unit, e, 2 * ulps * unit.u * std::fmax(std::fabs(v) + e, unit.least))};
}

namespace {

Num power(const Unit& unit, Num a, Num b) {
  const double v = std::pow(a.v, b.v);
  double e = 0;
  if (a.e > 0 || b.e > 0) {
    const bool whole = b.e == 0 && std::nearbyint(b.v) == b.v;
    if (!whole && a.v - a.e < 0) return {v, kInfinity};
    if (b.v - b.e < 0 && a.v - a.e <= 0 && a.v + a.e >= 0) return {v, kInfinity};
    for (const double x : {a.v - a.e, a.v + a.e})
      for (const double y : {b.v - b.e, b.v + b.e}) e = std::fmax(e, std::fabs(std::pow(x, y) - v));
    if (whole && a.v - a.e <= 0 && a.v + a.e >= 0) e = std::fmax(e, std::fabs(v));
    e = std::nextafter(e, kInfinity);
  }
  if (!std::isfinite(v)) return {v, e > 0 ? kInfinity : 0};
  return rounded(unit, v, e, 32);
}

Num remainder(Num a, Num b, bool floored) {
  double v = std::fmod(a.v, b.v);
  if (floored && v != 0 && std::signbit(v) != std::signbit(b.v)) v += b.v;
  if (floored && v == 0) v = std::copysign(v, b.v);
  if (a.e == 0 && b.e == 0) return {v, 0};
  const auto whole = [&](double x, double y) { return floored ? std::floor(x / y) : std::trunc(x / y); };
  const double q = whole(a.v, b.v);
  for (const double x : {a.v - a.e, a.v + a.e})
    for (const double y : {b.v - b.e, b.v + b.e})
      if (b.e >= std::fabs(b.v) || whole(x, y) != q) return {v, kInfinity};
  return {v, std::nextafter(a.e + std::fabs(q) * b.e, kInfinity)};
}

}  // namespace

Num binary(const Unit& unit, std::int64_t fn, Num a, Num b) {
  switch (fn) {
    case RLX_BINARY_ADD:
      return add(unit, a, b);
    case RLX_BINARY_SUB:
      return sub(unit, a, b);
    case RLX_BINARY_MUL:
      return mul(unit, a, b);
    case RLX_BINARY_DIV:
      return div(unit, a, b);
    case RLX_BINARY_MAX:
      return maximum(a, b);
    case RLX_BINARY_MIN:
      return minimum(a, b);
    case RLX_BINARY_POW:
      return power(unit, a, b);
    default:
      break;
  }
  const Num r = remainder(a, b, fn == RLX_BINARY_MOD_FLOOR);
  return rounded(unit, r.v, r.e, fn == RLX_BINARY_MOD_FLOOR ? 1 : 0);
}

}  // namespace rlx::reference
