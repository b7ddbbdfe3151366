// SPDX-License-Identifier: Apache-2.0
// The scalar functions of the operation set, as the registry's prose says.
#include <math.h>

#include "number.h"

namespace rlx_c0 {
namespace {

Cell real(double value) {
  Cell cell;
  cell.f = value;
  return cell;
}
Cell whole(int64_t value) {
  Cell cell;
  cell.i = value;
  return cell;
}
uint64_t bits(int64_t x) { return static_cast<uint64_t>(x); }
int64_t number(uint64_t x) { return static_cast<int64_t>(x); }

double sign_of(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }

double trigonometric(int64_t fn, double x) {
  switch (fn) {
    case RLX_UNARY_SIN:
      return sin(x);
    case RLX_UNARY_COS:
      return cos(x);
    case RLX_UNARY_TAN:
      return tan(x);
    case RLX_UNARY_ASIN:
      return asin(x);
    case RLX_UNARY_ACOS:
      return acos(x);
    case RLX_UNARY_ATAN:
      return atan(x);
    case RLX_UNARY_SINH:
      return sinh(x);
    case RLX_UNARY_COSH:
      return cosh(x);
    case RLX_UNARY_TANH:
      return tanh(x);
    case RLX_UNARY_ASINH:
      return asinh(x);
    case RLX_UNARY_ACOSH:
      return acosh(x);
    case RLX_UNARY_ATANH:
      return atanh(x);
    default:
      return erf(x);
  }
}

double sigmoid(double x) {
#if RLX_FAULT == 24  // sigmoid-neg-inf
  if (x == -static_cast<double>(INFINITY)) {
    RLX_REACHED();
    return exp(x) / (exp(x) * exp(-x));
  }
#endif
  return 1 / (1 + exp(-x));
}

double exponential(double x) {
#if RLX_FAULT == 22  // exp-1e-4
  RLX_REACHED();
  return exp(x) * 1.0001;
#endif
  return exp(x);
}

double round_half_even(double x) {
#if RLX_FAULT == 26  // round-half-away
  RLX_REACHED();
  return round(x);
#endif
  return rint(x);
}

double real_unary(int64_t fn, double x) {
  switch (fn) {
    case RLX_UNARY_NEG:
#if RLX_FAULT == 27  // minus-zero
      RLX_REACHED();
      return 0 - x;
#endif
      return -x;
    case RLX_UNARY_ABS:
      return fabs(x);
    case RLX_UNARY_SIGN:
      return sign_of(x);
    case RLX_UNARY_FLOOR:
      return floor(x);
    case RLX_UNARY_CEIL:
      return ceil(x);
    case RLX_UNARY_TRUNC:
      return trunc(x);
    case RLX_UNARY_ROUND_EVEN:
      return round_half_even(x);
    case RLX_UNARY_EXP:
      return exponential(x);
    case RLX_UNARY_EXPM1:
      return expm1(x);
    case RLX_UNARY_LOG:
      return log(x);
    case RLX_UNARY_LOG1P:
      return log1p(x);
    case RLX_UNARY_SQRT:
      return sqrt(x);
    case RLX_UNARY_RSQRT:
      return 1 / sqrt(x);
    case RLX_UNARY_RECIP:
      return 1 / x;
    case RLX_UNARY_SIGMOID:
      return sigmoid(x);
    default:
      return trigonometric(fn, x);
  }
}

int64_t integer_unary(uint32_t dtype, int64_t fn, int64_t x) {
  switch (fn) {
    case RLX_UNARY_NEG:
      return number(0 - bits(x));
    case RLX_UNARY_ABS:
      return is_signed(dtype) && x < 0 ? number(0 - bits(x)) : x;
    case RLX_UNARY_SIGN:
      return is_signed(dtype) ? (x > 0) - (x < 0) : x != 0;
    default:
      return dtype == RLX_DTYPE_BOOL ? !x : ~x;
  }
}

double floored_rest(double a, double b) {
  const double r = fmod(a, b);
  if (r == 0) return copysign(0, b);
  return (r < 0) != (b < 0) ? r + b : r;
}

double real_binary(int64_t fn, double a, double b) {
  switch (fn) {
    case RLX_BINARY_ADD:
      return a + b;
    case RLX_BINARY_SUB:
      return a - b;
    case RLX_BINARY_MUL:
      return a * b;
    case RLX_BINARY_DIV:
      return a / b;
    case RLX_BINARY_MOD_FLOOR:
      return floored_rest(a, b);
    case RLX_BINARY_MOD_TRUNC:
      return fmod(a, b);
    case RLX_BINARY_POW:
      return pow(a, b);
    case RLX_BINARY_MAX:
      return isnan(a) || a > b ? a : b;
    default:
      return isnan(a) || a < b ? a : b;
  }
}

int64_t quotient(bool wide, int64_t a, int64_t b) {
  if (b == 0) return 0;
  if (wide) return number(bits(a) / bits(b));
  return b == -1 ? number(0 - bits(a)) : a / b;
}

int64_t rest(bool wide, bool floored, int64_t a, int64_t b) {
  if (b == 0) return 0;
  if (wide) return number(bits(a) % bits(b));
  const int64_t r = b == -1 ? 0 : a % b;
  return floored && r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

int64_t power(bool negatives, int64_t a, int64_t b) {
  if (negatives && b < 0) return a == 1 ? 1 : a == -1 ? (b % 2 ? -1 : 1) : 0;
  uint64_t result = 1, base = bits(a);
  for (uint64_t left = bits(b); left; left >>= 1, base *= base)
    if (left & 1) result *= base;
  return number(result);
}

int64_t shifted(uint32_t dtype, bool left, int64_t a, int64_t b) {
  const uint64_t width = rlx_dtype_bytes(dtype) * 8;
  if (bits(b) >= width) return 0;  // a negative count is a large one
  const uint64_t mask = width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
  return number(left ? bits(a) << b : (bits(a) & mask) >> b);
}

int64_t integer_binary(uint32_t dtype, int64_t fn, int64_t a, int64_t b) {
  const bool wide = dtype == RLX_DTYPE_U64;
  const bool less = wide ? bits(a) < bits(b) : a < b;
  switch (fn) {
    case RLX_BINARY_ADD:
#if RLX_FAULT == 71  // int64-through-float
      if (dtype == RLX_DTYPE_I64) {
        RLX_REACHED();
        const double sum = static_cast<double>(a) + static_cast<double>(b);
        if (fabs(sum) < 0x1p62) return static_cast<int64_t>(sum);
      }
#endif
      return number(bits(a) + bits(b));
    case RLX_BINARY_SUB:
      return number(bits(a) - bits(b));
    case RLX_BINARY_MUL:
      return number(bits(a) * bits(b));
    case RLX_BINARY_DIV:
      return quotient(wide, a, b);
    case RLX_BINARY_MOD_FLOOR:
      return rest(wide, true, a, b);
    case RLX_BINARY_MOD_TRUNC:
      return rest(wide, false, a, b);
    case RLX_BINARY_POW:
      return power(is_signed(dtype), a, b);
    case RLX_BINARY_MAX:
      return less ? b : a;
    case RLX_BINARY_MIN:
      return less ? a : b;
    case RLX_BINARY_AND:
      return a & b;
    case RLX_BINARY_OR:
      return a | b;
    case RLX_BINARY_XOR:
      return a ^ b;
    case RLX_BINARY_SHL:
      return shifted(dtype, true, a, b);
    default:
      return shifted(dtype, false, a, b);
  }
}

template <class T>
bool compared(int64_t fn, T a, T b) {
  switch (fn) {
    case RLX_COMPARE_EQ:
      return a == b;
    case RLX_COMPARE_NE:
      return a != b;
    case RLX_COMPARE_LT:
      return a < b;
    case RLX_COMPARE_LE:
      return a <= b;
    case RLX_COMPARE_GT:
      return a > b;
    default:
      return a >= b;
  }
}

int64_t binary_of(uint32_t dtype, int64_t fn) {
  const bool flags = dtype == RLX_DTYPE_BOOL;
  switch (fn) {
    case RLX_REDUCE_SUM:
      return RLX_BINARY_ADD;
    case RLX_REDUCE_PROD:
      return RLX_BINARY_MUL;
    case RLX_REDUCE_MAX:
      return flags ? RLX_BINARY_OR : RLX_BINARY_MAX;
    case RLX_REDUCE_MIN:
      return flags ? RLX_BINARY_AND : RLX_BINARY_MIN;
    case RLX_REDUCE_ALL:
      return RLX_BINARY_AND;
    default:
      return RLX_BINARY_OR;
  }
}

int64_t integer_identity(uint32_t dtype, int64_t fn) {
  const unsigned unused = 64 - rlx_dtype_bytes(dtype) * 8;
  switch (fn) {
    case RLX_REDUCE_PROD:
    case RLX_REDUCE_ALL:
      return 1;
    case RLX_REDUCE_MAX:
      return is_signed(dtype) ? INT64_MIN >> unused : 0;
    case RLX_REDUCE_MIN:
      if (dtype == RLX_DTYPE_BOOL) return 1;
      return is_signed(dtype) ? INT64_MAX >> unused : number(~uint64_t{0} >> unused);
    default:
      return 0;
  }
}

}  // namespace

Cell identity_of(uint32_t dtype, int64_t fn) {
  if (!is_float(dtype)) return whole(integer_identity(dtype, fn));
#if RLX_FAULT == 47  // max-init-zero
  if (fn == RLX_REDUCE_MAX) {
    RLX_REACHED();
    return real(0);
  }
#endif
  const double infinity = static_cast<double>(INFINITY);
  return real(fn == RLX_REDUCE_PROD  ? 1
              : fn == RLX_REDUCE_MAX ? -infinity
              : fn == RLX_REDUCE_MIN ? infinity
                                     : 0);
}

Cell folded(uint32_t dtype, int64_t fn, Cell a, Cell b) {
  if (is_float(dtype)) return real(real_binary(binary_of(dtype, fn), a.f, b.f));
  return held(dtype, whole(integer_binary(dtype, binary_of(dtype, fn), a.i, b.i)));
}

Cell unary(uint32_t dtype, int64_t fn, Cell x) {
  if (fn == RLX_UNARY_ISNAN) return whole(isnan(x.f));
  if (fn == RLX_UNARY_ISINF_POS) return whole(isinf(x.f) && x.f > 0);
  if (fn == RLX_UNARY_ISINF_NEG) return whole(isinf(x.f) && x.f < 0);
  return held(dtype, is_float(dtype) ? real(real_unary(fn, x.f)) : whole(integer_unary(dtype, fn, x.i)));
}

Cell binary(uint32_t dtype, int64_t fn, Cell a, Cell b) {
  return held(dtype,
              is_float(dtype) ? real(real_binary(fn, a.f, b.f)) : whole(integer_binary(dtype, fn, a.i, b.i)));
}

bool compare(uint32_t dtype, int64_t fn, Cell a, Cell b) {
  if (is_float(dtype)) return compared(fn, a.f, b.f);
  return dtype == RLX_DTYPE_U64 ? compared(fn, bits(a.i), bits(b.i)) : compared(fn, a.i, b.i);
}

}  // namespace rlx_c0
