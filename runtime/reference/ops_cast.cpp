// SPDX-License-Identifier: Apache-2.0
// cast and bitcast.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "runtime/reference/call.h"

namespace rlx::reference {
namespace {

/// Least and greatest value of an integer dtype, as float64 (u64: 2^64, past its end).
struct Range {
  double least, past;
};

Range range_of(DType dtype) {
  const int bits = static_cast<int>(dtype_bytes(dtype)) * 8;
  if (is_signed_int(dtype)) return {-std::ldexp(1, bits - 1), std::ldexp(1, bits - 1)};
  return {0, std::ldexp(1, bits)};
}

/// The low 64 bits of a whole number of any size.
std::int64_t low_bits(double whole) {
  if (!std::isfinite(whole)) return 0;
  const double rest = std::fmod(whole, 0x1p64);
  const auto size = static_cast<std::uint64_t>(std::fabs(rest));
  return static_cast<std::int64_t>(rest < 0 ? 0 - size : size);
}

std::int64_t to_integer(const Call& call, DType to, double x) {
  if (to == DType::kBool) return x != 0;
  if (std::isnan(x)) return 0;
  const double whole =
      call.integer(RLX_ATTR_ROUND, RLX_ROUND_EVEN) == RLX_ROUND_ZERO ? std::trunc(x) : std::nearbyint(x);
  const Range range = range_of(to);
  // An infinity has no bits to keep: 0.
  if (call.integer(RLX_ATTR_OVERFLOW, RLX_OVERFLOW_SATURATE) == RLX_OVERFLOW_WRAP)
    return wrap(to, low_bits(whole));
  if (whole < range.least) return low_bits(range.least);
  if (whole >= range.past)
    return to == DType::kU64 ? -1 : to == DType::kI64 ? INT64_MAX : low_bits(range.past - 1);
  return low_bits(whole);
}

std::int64_t integer_to_integer(const Call& call, DType from, DType to, std::int64_t x) {
  if (to == DType::kBool) return x != 0;
  if (call.integer(RLX_ATTR_OVERFLOW, RLX_OVERFLOW_SATURATE) == RLX_OVERFLOW_WRAP) return wrap(to, x);
  const bool huge = from == DType::kU64 && x < 0;
  const bool negative = x < 0 && !huge;
  if (to == DType::kU64) return negative ? 0 : x;
  const Range range = range_of(to);
  const std::int64_t greatest = to == DType::kI64 ? INT64_MAX : low_bits(range.past - 1);
  const std::int64_t least = is_signed_int(to) ? low_bits(range.least) : 0;
  return huge || (!negative && x > greatest) ? greatest : x < least ? least : x;
}

Num real_of(const Call& call, DType from, DType to, Num x) {
  const bool to_zero = call.integer(RLX_ATTR_ROUND, RLX_ROUND_EVEN) == RLX_ROUND_ZERO;
  const Unit unit = call.unit(to);
  const double exact = x.v;
  double v = to_zero ? round_toward_zero(to, exact) : round_to(to, exact);
  if (std::isinf(v) && std::isfinite(exact) &&
      call.integer(RLX_ATTR_OVERFLOW, RLX_OVERFLOW_SATURATE) == RLX_OVERFLOW_SATURATE)
    v = std::copysign(unit.most, v);
  // A value without a bound is rounded here, once, by everyone; one with a bound may be at either side.
  if (x.e == 0 || !std::isfinite(v) || std::isinf(x.e)) return {v, x.e > 0 ? kInfinity : 0};
  const bool widens =
      to == DType::kF64 || to == from || (to == DType::kF32 && is_float(from) && from != DType::kF64);
  if (widens) return x;
  const double u = to == DType::kF32 ? 0x1p-24 : unit.store;
  return {v, x.e + std::fabs(v - exact) +
                 (to_zero ? 2 : 1) * u * std::fmax(std::fabs(exact) + x.e, unit.store_least)};
}

/// What a float with a bound may become as an integer.
void doubt_whole(const Call& call, const Tensor& x, std::size_t n, Tensor& y) {
  const double e = x.bound(n);
  const std::int64_t low = to_integer(call, y.dtype, x.v[n] - e), high = to_integer(call, y.dtype, x.v[n] + e);
  if (y.dtype == DType::kBool) {
    if (!(std::fabs(x.v[n]) > e)) y.doubt(n, 1);
    return;
  }
  // Past 2^31 the two ends of a wrapping type say nothing of what lies between.
  if (!(e < 0x1p31) || low > y.i[n] || high < y.i[n]) return y.doubt(n, kInfinity);
  constexpr std::int64_t kListed = 64;
  if (high - low > kListed) return y.doubt(n, std::max(apart(y.dtype, low, y.i[n]), apart(y.dtype, high, y.i[n])));
  std::vector<std::int64_t> values;
  for (std::int64_t value = low; value <= high; ++value) values.push_back(value);
  if (low < high) y.doubt(n, std::move(values));
}

/// What an integer in doubt may become as another: no cast brings values farther apart, but for those around an end.
void doubt_integer(const Tensor& x, std::size_t n, Tensor& y) {
  const double e = x.bound(n);
  const double value = x.dtype == DType::kU64 ? static_cast<double>(static_cast<std::uint64_t>(x.i[n])) : static_cast<double>(x.i[n]);
  const Range range = range_of(x.dtype);
  const bool around = x.dtype != DType::kBool && (value - e < range.least || value + e >= range.past);
  y.doubt(n, y.dtype == DType::kBool ? 1 : around ? kInfinity : e);
}

/// An integer with no more digits than the float dtype has, rounded once, as ROUND says. The range is not
/// looked at.
double real_of_integer(const Call& call, DType from, DType to, std::int64_t x) {
  const bool negative = from != DType::kU64 && x < 0;
  const std::uint64_t size = negative ? 0 - static_cast<std::uint64_t>(x) : static_cast<std::uint64_t>(x);
  const int digits = to == DType::kF16 ? 11 : to == DType::kBF16 ? 8 : to == DType::kF32 ? 24 : 53;
  const int extra = std::max(0, static_cast<int>(std::bit_width(size)) - digits);
  std::uint64_t steps = size >> extra;
  if (extra > 0 && call.integer(RLX_ATTR_ROUND, RLX_ROUND_EVEN) != RLX_ROUND_ZERO) {
    const std::uint64_t rest = size - (steps << extra), half = std::uint64_t{1} << (extra - 1);
    steps += rest > half || (rest == half && (steps & 1));
  }
  const double rounded = std::ldexp(static_cast<double>(steps), extra);
  return negative ? -rounded : rounded;
}

}  // namespace

Status run_cast(Call& call) {
  const TensorPtr x = call.load(0);
  Tensor& y = call.out[0];
  const std::size_t count = x->count();
  for (std::size_t n = 0; n < count; ++n) {
    const double e = x->bound(n);
    if (x->real() && y.real()) {
      call.set(y, n, real_of(call, x->dtype, y.dtype, call.get(*x, n)));
      continue;
    }
    if (y.real()) {
      call.set(y, n,
               {real_of(call, x->dtype, y.dtype, {real_of_integer(call, x->dtype, y.dtype, x->i[n]), 0}).v,
                e > 0 ? kInfinity : 0});
      continue;
    }
    y.i[n] =
        x->real() ? to_integer(call, y.dtype, x->v[n]) : integer_to_integer(call, x->dtype, y.dtype, x->i[n]);
    if (e == 0) continue;
    if (x->real())
      doubt_whole(call, *x, n, y);
    else
      doubt_integer(*x, n, y);
  }
  return {};
}

Status run_bitcast(Call& call) {
  const TensorPtr x = call.load(0);
  Tensor& y = call.out[0];
  std::vector<std::byte> bytes(x->count() * dtype_bytes(x->dtype));
  write_values(*x, bytes.data());
  for (std::size_t n = 0; n < y.count(); ++n) {
    const auto at = static_cast<std::int64_t>(n);
    if (y.real())
      y.v[n] = read_real(y.dtype, bytes.data(), at);
    else
      y.i[n] = read_integer(y.dtype, bytes.data(), at);
    if (x->bound(n) == 0 || !call.bounds) continue;
    y.need_bounds();
    y.e[n] = kInfinity;
  }
  return {};
}

}  // namespace rlx::reference
