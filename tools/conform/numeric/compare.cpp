// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/numeric/compare.h"

#include <cmath>
#include <cstdio>
#include <limits>

namespace rlx::conform {
namespace {

using reference::Tensor;

std::string coordinates(const reference::Sizes& dims, std::uint64_t index) {
  std::string out;
  for (std::size_t axis = dims.size(); axis-- > 0;) {
    const auto size = static_cast<std::uint64_t>(dims[axis]);
    out = std::to_string(index % size) + (out.empty() ? "" : ", ") + out;
    index /= size;
  }
  return "[" + out + "]";
}

std::string shown(double value) {
  char text[48];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

double greatest(DType dtype) {
  if (dtype == DType::kF16) return 65504;
  if (dtype == DType::kF32) return std::numeric_limits<float>::max();
  if (dtype == DType::kBF16) return 3.3895313892515355e38;
  return std::numeric_limits<double>::max();
}

double least_normal(DType dtype) {
  if (dtype == DType::kF16) return 0x1p-14;
  return dtype == DType::kF64 ? 0x1p-1022 : 0x1p-126;
}

/// Half a unit in the last place of a narrow dtype, relative; 0 of the others.
double half_step(DType dtype) { return dtype == DType::kBF16 ? 0x1p-8 : dtype == DType::kF16 ? 0x1p-11 : 0; }

/// Whether `y` is admissible for `v` within `e`. NaN and infinity belong to nobody's bound.
bool admissible(DType dtype, double v, double e, double y, const CompareOptions& options) {
  if (std::isnan(v)) return std::isnan(y);
  if (std::isnan(y)) return false;
  if (std::isinf(v)) return y == v;
  if (std::isinf(y)) return (std::signbit(y) == std::signbit(v)) && std::fabs(v) + e >= greatest(dtype);
  if (options.sign_of_zero && v == 0 && y == 0 && std::signbit(v) != std::signbit(y)) return false;
  if (options.flush_to_zero && y == 0 && std::fabs(v) < least_normal(dtype)) return true;
  return std::fabs(y - v) <= e;
}

void note_wrong(Comparison& result, const Tensor& expected, std::uint64_t i, const std::string& wanted, const std::string& seen) {
  if (result.wrong++) return;
  result.first = i;
  result.wanted = wanted;
  result.seen = seen;
  result.problem = "element " + coordinates(expected.dims, i) + ": wanted " + wanted + ", seen " + seen;
}

void compare_reals(const Tensor& expected, const std::byte* bytes, const CompareOptions& options, Comparison& result) {
  double squares = 0;
  std::uint64_t finite = 0;
  for (const double v : expected.v)
    if (std::isfinite(v)) squares += v * v, ++finite;
  const double hundredth = finite ? std::sqrt(squares / static_cast<double>(finite)) / 100 : 0;
  std::uint64_t loose = 0;
  for (std::size_t i = 0; i < expected.v.size(); ++i) {
    const double v = expected.v[i], y = reference::read_real(expected.dtype, bytes, static_cast<std::int64_t>(i));
    double e = expected.bound(i);
    if (options.most >= 0 && e > options.most) e = options.most;
    if (e > std::fmax(hundredth, 4 * half_step(expected.dtype) * std::fabs(v))) ++loose;
    if (e > 0 && std::isfinite(e) && std::isfinite(y) && std::isfinite(v)) result.worst = std::fmax(result.worst, std::fabs(y - v) / e);
    if (!admissible(expected.dtype, v, e, y, options)) note_wrong(result, expected, i, shown(v) + " within " + shown(e), shown(y));
  }
  result.loose = expected.v.empty() ? 0 : static_cast<double>(loose) / static_cast<double>(expected.v.size());
}

void compare_integers(const Tensor& expected, const std::byte* bytes, Comparison& result) {
  for (std::size_t i = 0; i < expected.i.size(); ++i) {
    const std::int64_t seen = reference::read_integer(expected.dtype, bytes, static_cast<std::int64_t>(i));
    const bool raw_bool = expected.dtype == DType::kBool && std::to_integer<unsigned>(bytes[i]) > 1;
    if (expected.bound(i) != 0 && !raw_bool) {  // another value is admissible too: this one proves nothing
      --result.compared;
      continue;
    }
    if (seen == expected.i[i] && !raw_bool) continue;
    const std::string saw = raw_bool ? "the byte " + std::to_string(std::to_integer<unsigned>(bytes[i])) : std::to_string(seen);
    note_wrong(result, expected, i, std::to_string(expected.i[i]), saw);
  }
}

}  // namespace

Comparison compare(const Tensor& expected, const std::string& bytes, const CompareOptions& options) {
  Comparison result;
  const std::uint64_t wanted = expected.count() * dtype_bytes(expected.dtype);
  result.compared = expected.count();
  if (bytes.size() != wanted) {
    result.wrong = 1;
    result.wanted = std::to_string(wanted) + " bytes";
    result.seen = std::to_string(bytes.size()) + " bytes";
    result.problem = "the output has " + result.seen + ", wanted " + result.wanted;
    return result;
  }
  const auto* data = reinterpret_cast<const std::byte*>(bytes.data());
  if (expected.real())
    compare_reals(expected, data, options, result);
  else
    compare_integers(expected, data, result);
  result.good = result.wrong == 0;
  return result;
}

}  // namespace rlx::conform
