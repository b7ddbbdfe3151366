// SPDX-License-Identifier: Apache-2.0
// Integer arithmetic as the registry has it: wrapping, division toward zero, no undefined case.
#include <rlx/ops.h>

#include <algorithm>
#include <cmath>

#include "runtime/reference/number.h"

namespace rlx::reference {
namespace {

std::uint64_t bits(std::int64_t x) { return static_cast<std::uint64_t>(x); }
std::int64_t number(std::uint64_t x) { return static_cast<std::int64_t>(x); }

std::int64_t quotient(bool wide_unsigned, std::int64_t a, std::int64_t b) {
  if (b == 0) return 0;
  if (wide_unsigned) return number(bits(a) / bits(b));
  return b == -1 ? number(0 - bits(a)) : a / b;
}

std::int64_t remainder(bool wide_unsigned, bool floored, std::int64_t a, std::int64_t b) {
  if (b == 0) return 0;
  if (wide_unsigned) return number(bits(a) % bits(b));
  const std::int64_t r = b == -1 ? 0 : a % b;
  return floored && r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

std::int64_t power(bool is_unsigned, std::int64_t a, std::int64_t b) {
  if (!is_unsigned && b < 0) {
    if (a == 1) return 1;
    if (a == -1) return b % 2 == 0 ? 1 : -1;
    return 0;
  }
  std::uint64_t result = 1, base = bits(a);
  for (std::uint64_t left = bits(b); left != 0; left >>= 1, base *= base)
    if (left & 1) result *= base;
  return number(result);
}

std::int64_t shifted(DType dtype, bool left, std::int64_t a, std::int64_t b) {
  const std::int64_t width = static_cast<std::int64_t>(dtype_bytes(dtype)) * 8;
  if (is_signed_int(dtype) ? b < 0 || b >= width : bits(b) >= bits(width)) return 0;
  const std::uint64_t mask = width == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
  return number(left ? bits(a) << b : (bits(a) & mask) >> b);
}

}  // namespace

std::int64_t unary_integer(DType dtype, std::int64_t fn, std::int64_t x) {
  switch (fn) {
    case RLX_UNARY_NEG:
      return wrap(dtype, number(0 - bits(x)));
    case RLX_UNARY_ABS:
      return is_signed_int(dtype) && x < 0 ? wrap(dtype, number(0 - bits(x))) : x;
    case RLX_UNARY_SIGN:
      return is_signed_int(dtype) ? (x > 0) - (x < 0) : x != 0;
    case RLX_UNARY_NOT:
      return dtype == DType::kBool ? !x : wrap(dtype, ~x);
    default:
      return x;  // floor and its kin
  }
}

std::int64_t binary_integer(DType dtype, std::int64_t fn, std::int64_t a, std::int64_t b) {
  const bool wide_unsigned = dtype == DType::kU64;
  const auto less = [&] { return wide_unsigned ? bits(a) < bits(b) : a < b; };
  switch (fn) {
    case RLX_BINARY_ADD:
      return wrap(dtype, number(bits(a) + bits(b)));
    case RLX_BINARY_SUB:
      return wrap(dtype, number(bits(a) - bits(b)));
    case RLX_BINARY_MUL:
      return wrap(dtype, number(bits(a) * bits(b)));
    case RLX_BINARY_DIV:
      return wrap(dtype, quotient(wide_unsigned, a, b));
    case RLX_BINARY_MOD_FLOOR:
      return wrap(dtype, remainder(wide_unsigned, true, a, b));
    case RLX_BINARY_MOD_TRUNC:
      return wrap(dtype, remainder(wide_unsigned, false, a, b));
    case RLX_BINARY_POW:
      return wrap(dtype, power(!is_signed_int(dtype), a, b));
    case RLX_BINARY_MAX:
      return less() ? b : a;
    case RLX_BINARY_MIN:
      return less() ? a : b;
    case RLX_BINARY_AND:
      return a & b;
    case RLX_BINARY_OR:
      return a | b;
    case RLX_BINARY_XOR:
      return a ^ b;
    case RLX_BINARY_SHL:
      return wrap(dtype, shifted(dtype, true, a, b));
    default:
      return wrap(dtype, shifted(dtype, false, a, b));
  }
}

double doubt_of_integers(DType dtype, std::int64_t fn, Whole a, Whole b) {
  if (a.e == 0 && b.e == 0) return 0;
  if (dtype == DType::kBool) return 1;
  switch (fn) {
    case RLX_BINARY_ADD:
    case RLX_BINARY_SUB:
      return a.e + b.e;
    case RLX_BINARY_MUL:
      return std::fabs(static_cast<double>(a.i)) * b.e + std::fabs(static_cast<double>(b.i)) * a.e + a.e * b.e;
    default:
      return kInfinity;
  }
}

}  // namespace rlx::reference
