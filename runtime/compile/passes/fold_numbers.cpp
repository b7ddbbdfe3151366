// SPDX-License-Identifier: Apache-2.0
#include "runtime/compile/passes/fold_numbers.h"

#include <cmath>
#include <optional>

namespace rlx {
namespace {

using Index = std::vector<std::int64_t>;

/// Row-major place of `index` in a tensor of the last axes, an axis of 1 read at 0.
std::size_t place(const Numbers& x, const Index& index) {
  std::int64_t at = 0;
  const std::size_t lead = index.size() - x.dims.size();
  for (std::size_t axis = 0; axis < x.dims.size(); ++axis) at = at * x.dims[axis] + (x.dims[axis] == 1 ? 0 : index[lead + axis]);
  return static_cast<std::size_t>(at);
}

/// Calls body(place, index) for every element; stops where it gives false.
template <class Body>
bool each(const Index& dims, std::size_t count, Body body) {
  Index index(dims.size());
  for (std::size_t at = 0; at < count; ++at) {
    if (!body(at, index)) return false;
    for (std::size_t axis = dims.size(); axis-- > 0;) {
      if (++index[axis] < dims[axis]) break;
      index[axis] = 0;
    }
  }
  return true;
}

std::optional<double> unary(std::int64_t fn, double x) {
  switch (fn) {
    case RLX_UNARY_NEG:
      return -x;
    case RLX_UNARY_ABS:
      return std::fabs(x);
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
    case RLX_UNARY_TANH:
      return std::tanh(x);
    case RLX_UNARY_ERF:
      return std::erf(x);
    case RLX_UNARY_SIGMOID:
      return 1 / (1 + std::exp(-x));
    default:
      return std::nullopt;
  }
}

std::optional<std::int64_t> unary(std::int64_t fn, std::int64_t x, DType dtype) {
  if (fn == RLX_UNARY_NOT) return dtype == DType::kBool ? (x == 0) : ~x;
  if (fn == RLX_UNARY_NEG) return static_cast<std::int64_t>(-static_cast<std::uint64_t>(x));
  if (fn == RLX_UNARY_SIGN) return (x > 0) - (x < 0);
  return std::nullopt;
}

double greater(double a, double b, bool wants_greater) {
  if (std::isnan(a) || std::isnan(b)) return std::nan("");
  return (a > b) == wants_greater ? a : b;
}

std::optional<double> binary(std::int64_t fn, double a, double b) {
  switch (fn) {
    case RLX_BINARY_ADD:
      return a + b;
    case RLX_BINARY_SUB:
      return a - b;
    case RLX_BINARY_MUL:
      return a * b;
    case RLX_BINARY_DIV:
      return a / b;
    case RLX_BINARY_POW:
      return std::pow(a, b);
    case RLX_BINARY_MAX:
      return greater(a, b, true);
    case RLX_BINARY_MIN:
      return greater(a, b, false);
    default:
      return std::nullopt;
  }
}

std::optional<std::int64_t> binary(std::int64_t fn, std::int64_t a, std::int64_t b) {
  const auto x = static_cast<std::uint64_t>(a), y = static_cast<std::uint64_t>(b);
  switch (fn) {
    case RLX_BINARY_ADD:
      return static_cast<std::int64_t>(x + y);
    case RLX_BINARY_SUB:
      return static_cast<std::int64_t>(x - y);
    case RLX_BINARY_MUL:
      return static_cast<std::int64_t>(x * y);
    case RLX_BINARY_DIV:
      return b == 0 || b == -1 ? std::nullopt : std::optional(a / b);
    case RLX_BINARY_MOD_TRUNC:
      return b == 0 || b == -1 ? std::nullopt : std::optional(a % b);
    case RLX_BINARY_MOD_FLOOR:
      if (b == 0 || b == -1) return std::nullopt;
      return a % b != 0 && (a % b < 0) != (b < 0) ? a % b + b : a % b;
    case RLX_BINARY_MAX:
      return a > b ? a : b;
    case RLX_BINARY_MIN:
      return a < b ? a : b;
    case RLX_BINARY_AND:
      return a & b;
    case RLX_BINARY_OR:
      return a | b;
    case RLX_BINARY_XOR:
      return a ^ b;
    default:
      return std::nullopt;
  }
}

template <class T>
bool compare(std::int64_t fn, T a, T b) {
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

/// Casts whose result no attribute about overflow decides.
std::optional<double> to_real(const Numbers& x, std::size_t at, DType to) {
  if (!is_float(x.dtype)) {
    constexpr std::int64_t kExact = std::int64_t{1} << 53;
    if (x.whole[at] > kExact || x.whole[at] < -kExact) return std::nullopt;
    const auto value = static_cast<double>(x.whole[at]);
    return std::isfinite(rounded_to(to, value)) ? std::optional(value) : std::nullopt;
  }
  const double value = x.real[at];
  return !std::isfinite(value) || std::isfinite(rounded_to(to, value)) ? std::optional(value) : std::nullopt;
}

std::optional<std::int64_t> to_whole(const Numbers& x, std::size_t at, DType to, bool to_zero) {
  constexpr double kMost = 9e15;
  if (to == DType::kBool) return is_float(x.dtype) ? x.real[at] != 0 : x.whole[at] != 0;
  std::int64_t value = 0;
  if (is_float(x.dtype)) {
    const double real = to_zero ? std::trunc(x.real[at]) : std::nearbyint(x.real[at]);
    if (!(std::fabs(real) < kMost)) return std::nullopt;
    value = static_cast<std::int64_t>(real);
  } else {
    value = x.whole[at];
  }
  return wrapped_to(to, value) == value ? std::optional(value) : std::nullopt;
}

template <class Value>
bool put(std::vector<Value>& out, std::size_t at, const std::optional<Value>& value) {
  if (value) out[at] = *value;
  return value.has_value();
}

bool fold_pointwise(const Node& node, const std::vector<Numbers>& in, Numbers& y) {
  const std::int64_t fn = attr_i64(node, RLX_ATTR_FN, 0);
  return each(y.dims, y.size(), [&](std::size_t at, const Index& index) {
    const std::size_t a = place(in[0], index), b = in.size() > 1 ? place(in[1], index) : 0;
    const bool real = is_float(in[0].dtype);
    switch (node.op) {
      case RLX_OP_UNARY:
        if (real != is_float(y.dtype)) return false;
        return real ? put(y.real, at, unary(fn, in[0].real[a])) : put(y.whole, at, unary(fn, in[0].whole[a], y.dtype));
      case RLX_OP_BINARY:
        return real ? put(y.real, at, binary(fn, in[0].real[a], in[1].real[b]))
                    : put(y.whole, at, binary(fn, in[0].whole[a], in[1].whole[b]));
      case RLX_OP_COMPARE:
        y.whole[at] = real ? compare(fn, in[0].real[a], in[1].real[b]) : compare(fn, in[0].whole[a], in[1].whole[b]);
        return true;
      case RLX_OP_CAST:
        return is_float(y.dtype) ? put(y.real, at, to_real(in[0], a, y.dtype))
                                 : put(y.whole, at, to_whole(in[0], a, y.dtype, attr_i64(node, RLX_ATTR_ROUND, RLX_ROUND_EVEN) == RLX_ROUND_ZERO));
      default: {  // select
        const Numbers& chosen = in[0].whole[a] != 0 ? in[1] : in[2];
        const std::size_t from = place(chosen, index);
        if (is_float(y.dtype))
          y.real[at] = chosen.real[from];
        else
          y.whole[at] = chosen.whole[from];
        return true;
      }
    }
  });
}

void copy(const Numbers& x, std::size_t from, Numbers& y, std::size_t to) {
  if (is_float(y.dtype))
    y.real[to] = x.real[from];
  else
    y.whole[to] = x.whole[from];
}

bool fold_transpose(const Node& node, const Numbers& x, Numbers& y) {
  const auto perm = attr_i64s(node, RLX_ATTR_PERM);
  return each(y.dims, y.size(), [&](std::size_t at, const Index& index) {
    Index from(index.size());
    for (std::size_t axis = 0; axis < perm.size(); ++axis) from[static_cast<std::size_t>(perm[axis])] = index[axis];
    copy(x, place(x, from), y, at);
    return true;
  });
}

bool fold_concat(const Node& node, const std::vector<Numbers>& in, Numbers& y) {
  const auto axis = static_cast<std::size_t>(attr_i64(node, RLX_ATTR_AXIS, 0));
  return each(y.dims, y.size(), [&](std::size_t at, Index index) {
    std::size_t part = 0;
    while (index[axis] >= in[part].dims[axis]) index[axis] -= in[part++].dims[axis];
    copy(in[part], place(in[part], index), y, at);
    return true;
  });
}

}  // namespace

bool fold(const Node& node, const std::vector<Numbers>& in, Numbers& y) {
  switch (node.op) {
    case RLX_OP_UNARY:
    case RLX_OP_BINARY:
    case RLX_OP_COMPARE:
    case RLX_OP_SELECT:
    case RLX_OP_CAST:
      return fold_pointwise(node, in, y);
    case RLX_OP_RESHAPE:
      y.real = in[0].real;
      y.whole = in[0].whole;
      return true;
    case RLX_OP_TRANSPOSE:
      return fold_transpose(node, in[0], y);
    case RLX_OP_CONCAT:
      return fold_concat(node, in, y);
    case RLX_OP_DIM: {
      const Dim size = attr_dim(node, RLX_ATTR_VALUE, 0);
      if (!size.is_number()) return false;
      y.whole[0] = size.number();
      return true;
    }
    default:
      return false;
  }
}

}  // namespace rlx
