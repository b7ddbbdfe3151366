// SPDX-License-Identifier: Apache-2.0
// Casts between all dtypes, and the named activations.
#include <math.h>

#include "number.h"

namespace rlx_c0 {
namespace {

/// The low 64 bits of a whole number; none of an infinity.
int64_t low_bits(double whole) {
  if (!isfinite(whole)) return 0;
  const double rest = fmod(whole, 0x1p64);
  const uint64_t size = static_cast<uint64_t>(fabs(rest));
  return static_cast<int64_t>(rest < 0 ? 0 - size : size);
}

int64_t least_of(uint32_t dtype) {
  return is_signed(dtype) ? INT64_MIN >> (64 - rlx_dtype_bytes(dtype) * 8) : 0;
}
/// As bits: of u64 all are set.
int64_t greatest_of(uint32_t dtype) {
  const unsigned unused = 64 - rlx_dtype_bytes(dtype) * 8;
  return static_cast<int64_t>((is_signed(dtype) ? ~uint64_t{0} >> 1 : ~uint64_t{0}) >> unused);
}

int64_t real_to_integer(uint32_t to, int64_t round, bool wrap, double x) {
  if (to == RLX_DTYPE_BOOL) return x != 0;
  if (isnan(x)) return 0;
  const double whole = round == RLX_ROUND_ZERO ? trunc(x) : rint(x);
#if RLX_FAULT == 67  // int8-wrap
  if (to == RLX_DTYPE_I8) {
    RLX_REACHED();
    wrap = true;
  }
#endif
  if (wrap) return low_bits(whole);
  const unsigned width = rlx_dtype_bytes(to) * 8;
  if (whole >= ldexp(1, static_cast<int>(is_signed(to) ? width - 1 : width))) return greatest_of(to);
  if (whole < (is_signed(to) ? -ldexp(1, static_cast<int>(width - 1)) : 0)) return least_of(to);
  return low_bits(whole);
}

int64_t integer_to_integer(uint32_t from, uint32_t to, bool wrap, int64_t x) {
  if (to == RLX_DTYPE_BOOL) return x != 0;
  if (wrap) return x;
  const bool huge = from == RLX_DTYPE_U64 && x < 0, negative = x < 0 && !huge;
  if (to == RLX_DTYPE_U64) return negative ? 0 : x;
  if (huge || (!negative && x > greatest_of(to))) return greatest_of(to);
  return x < least_of(to) ? least_of(to) : x;
}

/// A whole number with as many leading digits as the float dtype has, rounded once.
double integer_to_real(uint32_t from, uint32_t to, int64_t round, int64_t x) {
  const bool negative = from != RLX_DTYPE_U64 && x < 0;
  const uint64_t size = negative ? 0 - static_cast<uint64_t>(x) : static_cast<uint64_t>(x);
  const int digits = to == RLX_DTYPE_F16 ? 11 : to == RLX_DTYPE_BF16 ? 8 : to == RLX_DTYPE_F32 ? 24 : 53;
  int extra = 0;
  while (extra < 64 - digits && size >> extra >> digits) ++extra;
  uint64_t steps = size >> extra;
  if (extra && round != RLX_ROUND_ZERO) {
    const uint64_t rest = size - (steps << extra), half = uint64_t{1} << (extra - 1);
    steps += rest > half || (rest == half && (steps & 1));
  }
  const double value = ldexp(static_cast<double>(steps), extra);
  return negative ? -value : value;
}

double greatest_real(uint32_t dtype) {
  if (dtype == RLX_DTYPE_F16) return 65504;
  if (dtype == RLX_DTYPE_BF16) return 0x1.fep127;
  return dtype == RLX_DTYPE_F32 ? 0x1.fffffep127 : 0x1.fffffffffffffp1023;
}

double real_to_real(uint32_t to, int64_t round, int64_t overflow, double x) {
  double y = x;
  if (to == RLX_DTYPE_F32) {
    y = static_cast<double>(static_cast<float>(x));
    if (round == RLX_ROUND_ZERO && isfinite(y) && fabs(y) > fabs(x))
      y = static_cast<double>(nextafterf(static_cast<float>(x), 0));
    if (round == RLX_ROUND_ZERO && isinf(y) && fabs(x) < 0x1p128) y = copysign(greatest_real(to), x);
  } else if (to != RLX_DTYPE_F64) {
    y = small_float(to, small_bits(to, x, round == RLX_ROUND_ZERO));
  }
  const bool past = fabs(x) > greatest_real(to) && isfinite(x);
  if (past && overflow == RLX_OVERFLOW_SATURATE) return copysign(greatest_real(to), x);
  return y;
}

double softplus(double x) { return (x > 0 ? x : 0) + log1p(exp(-fabs(x))) + (isnan(x) ? x : 0); }
double clamped(double x, double low, double high) {
  return isnan(x) ? x : x < low ? low : x > high ? high : x;
}
double or_else(double x, double otherwise) { return isnan(x) ? otherwise : x; }
double negative_part(double x, double alpha) { return x > 0 || isnan(x) ? x : alpha * expm1(x); }

double shrunk(double x, double lambda, double bias) {
  return x > lambda ? x - bias : x < -lambda ? x + bias : 0;
}

}  // namespace

Cell cast(uint32_t from, uint32_t to, int64_t round, int64_t overflow, Cell x) {
  Cell y;
  const bool wrap = overflow == RLX_OVERFLOW_WRAP;
  if (is_float(to)) {
    const double value = is_float(from) ? x.f : integer_to_real(from, to, round, x.i);
    y.f = real_to_real(to, round, overflow, value);
    return y;
  }
  y.i = is_float(from) ? real_to_integer(to, round, wrap, x.f) : integer_to_integer(from, to, wrap, x.i);
  return held(to, y);
}

double activation(uint32_t dtype, int64_t act, double alpha, double beta, double x) {
  const double infinity = static_cast<double>(INFINITY);
  const auto number = [&](double value) {
    Cell cell;
    cell.f = value;
    return held(dtype, cell).f;
  };
  switch (act) {
    case RLX_ACT_RELU:
      return x < 0 ? 0 : x;
    case RLX_ACT_LEAKY_RELU:
      return x < 0 ? or_else(alpha, 0.01) * x : x;
    case RLX_ACT_CLIP: {
      const double low = number(or_else(alpha, -infinity)), high = number(or_else(beta, infinity));
      const double raised = x < low ? low : x;
      return raised > high ? high : raised;
    }
    case RLX_ACT_GELU_ERF:
      return 0.5 * x * (1 + erf(x * M_SQRT1_2));
    case RLX_ACT_GELU_TANH:
      return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case RLX_ACT_SILU:
      return x * (1 / (1 + exp(-x)));
    case RLX_ACT_SIGMOID:
      return 1 / (1 + exp(-x));
    case RLX_ACT_TANH:
      return tanh(x);
    case RLX_ACT_HARD_SIGMOID:
      return clamped(or_else(alpha, 0.2) * x + or_else(beta, 0.5), 0, 1);
    case RLX_ACT_HARD_SWISH:
      return x * clamped(x / 6 + 0.5, 0, 1);
    case RLX_ACT_SOFTPLUS:
      return softplus(x);
    case RLX_ACT_MISH:
      return x * tanh(softplus(x));
    case RLX_ACT_ELU:
      return negative_part(x, or_else(alpha, 1));
    case RLX_ACT_SELU:
      return or_else(beta, 1.05070102214813232421875) *
             negative_part(x, or_else(alpha, 1.67326319217681884765625));
    case RLX_ACT_CELU:
      return x > 0 || isnan(x) ? x : or_else(alpha, 1) * expm1(x / or_else(alpha, 1));
    case RLX_ACT_SOFTSIGN:
      return x / (1 + fabs(x));
    case RLX_ACT_SHRINK:
      return shrunk(x, or_else(alpha, 0.5), or_else(beta, 0));
    case RLX_ACT_THRESHOLDED_RELU:
      return x > or_else(alpha, 1) ? x : 0;
    default:
      return x;
  }
}

}  // namespace rlx_c0
