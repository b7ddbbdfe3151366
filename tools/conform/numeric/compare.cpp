// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/numeric/compare.h"

#include <cmath>
#include <cstdio>

#include "tools/shared/admissible.h"

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

/// Half a unit in the last place of a narrow dtype, relative; 0 of the others.
double half_step(DType dtype) { return dtype == DType::kBF16 ? 0x1p-8 : dtype == DType::kF16 ? 0x1p-11 : 0; }

numeric::Format format_of(DType dtype) {
  return dtype == DType::kF16 ? numeric::kF16 : dtype == DType::kBF16 ? numeric::kBF16 : dtype == DType::kF32 ? numeric::kF32 : numeric::kF64;
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
  const numeric::Format format = format_of(expected.dtype);
  const numeric::Rules rules{options.flush_to_zero, options.sign_of_zero};
  const double size = std::fmax(hundredth * 100, options.most);
  std::uint64_t loose = 0;
  for (std::size_t i = 0; i < expected.v.size(); ++i) {
    const double v = expected.v[i], y = reference::read_real(expected.dtype, bytes, static_cast<std::int64_t>(i));
    double e = expected.bound(i);
    if (options.most >= 0 && e > options.most) e = options.most;
    if (e > std::fmax(hundredth, 4 * half_step(expected.dtype) * std::fabs(v))) ++loose;
    if (!numeric::proves(format, v, e, size)) --result.compared;
    if (e > 0 && std::isfinite(e) && std::isfinite(y) && std::isfinite(v)) result.worst = std::fmax(result.worst, std::fabs(y - v) / e);
    if (!numeric::admissible(format, v, e, y, rules)) note_wrong(result, expected, i, shown(v) + " within " + shown(e), shown(y));
  }
  result.loose = expected.v.empty() ? 0 : static_cast<double>(loose) / static_cast<double>(expected.v.size());
}

/// "3", "one of 0, 3, 5", "3 within 2".
std::string admissible_text(const Tensor& expected, std::size_t at) {
  constexpr std::size_t kShown = 8;
  const auto known = expected.among.find(at);
  const double e = expected.bound(at);
  if (e == 0) return std::to_string(expected.i[at]);
  if (known == expected.among.end()) return std::to_string(expected.i[at]) + " within " + shown(e);
  std::string out;
  for (std::size_t n = 0; n < known->second.size() && n < kShown; ++n) out += (n ? ", " : "one of ") + std::to_string(known->second[n]);
  return out + (known->second.size() > kShown ? ", …" : "");
}

void compare_integers(const Tensor& expected, const std::byte* bytes, Comparison& result) {
  for (std::size_t i = 0; i < expected.i.size(); ++i) {
    const std::int64_t seen = reference::read_integer(expected.dtype, bytes, static_cast<std::int64_t>(i));
    const bool raw_bool = expected.dtype == DType::kBool && std::to_integer<unsigned>(bytes[i]) > 1;
    if (expected.bound(i) != 0) --result.compared;  // another value is admissible too
    if (expected.admits(i, seen) && !raw_bool) continue;
    const std::string saw = raw_bool ? "the byte " + std::to_string(std::to_integer<unsigned>(bytes[i])) : std::to_string(seen);
    note_wrong(result, expected, i, admissible_text(expected, i), saw);
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
