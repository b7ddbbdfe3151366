// SPDX-License-Identifier: Apache-2.0
#include "distance.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>

#include "tools/shared/admissible.h"

namespace rlx_tool {
namespace {

namespace numeric = rlx::numeric;

template <class T>
T at(const void* data, std::uint64_t index) {
  T value;
  std::memcpy(&value, static_cast<const char*>(data) + index * sizeof(T), sizeof(T));
  return value;
}

double of_f16(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const double sign = bits >> 15 ? -1 : 1;
  if (exponent == 31) return fraction ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
  return sign * (exponent ? std::ldexp(1024 + fraction, exponent - 25) : std::ldexp(fraction, -24));
}

double of_bf16(std::uint16_t bits) {
  const std::uint32_t wide = std::uint32_t{bits} << 16;
  return double{at<float>(&wide, 0)};
}

bool is_real(rlx::DType dtype) {
  return dtype == rlx::DType::kF16 || dtype == rlx::DType::kBF16 || dtype == rlx::DType::kF32 || dtype == rlx::DType::kF64;
}

numeric::Format format_of(rlx::DType dtype) {
  return dtype == rlx::DType::kF16 ? numeric::kF16 : dtype == rlx::DType::kBF16 ? numeric::kBF16 : dtype == rlx::DType::kF32 ? numeric::kF32 : numeric::kF64;
}

/// |got - expected| as a share of the bound; infinite where they are not alike at all.
double share(const numeric::Format& format, double got, double expected, double bound) {
  if (got == expected || (std::isnan(got) && std::isnan(expected))) return 0;
  const double error = std::fabs(got - expected);
  if (!numeric::admissible(format, expected, bound, got)) return std::isfinite(error) && bound > 0 ? std::fmax(error / bound, 1 + 1e-15) : std::numeric_limits<double>::infinity();
  return std::isfinite(error) && std::isfinite(bound) ? error / bound : 0;
}

std::uint64_t bits_of(const void* data, std::uint64_t index, std::uint64_t width) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, static_cast<const char*>(data) + index * width, std::min<std::uint64_t>(width, 8));
  return bits;
}

/// The greatest value of an integer dtype, as its bits.
std::uint64_t greatest_bits(rlx::DType dtype, std::uint64_t width) {
  if (dtype == rlx::DType::kBool) return 1;
  const bool is_signed = dtype == rlx::DType::kI8 || dtype == rlx::DType::kI16 || dtype == rlx::DType::kI32 || dtype == rlx::DType::kI64;
  return ~std::uint64_t{0} >> (64 - 8 * width) >> (is_signed ? 1 : 0);
}

/// The same for integers, which wrap around; `any`: the bound allows every value of the dtype.
double share_of_integers(rlx::DType dtype, std::uint64_t width, std::uint64_t got, std::uint64_t expected, std::uint64_t bound, bool& any) {
  any = bound == greatest_bits(dtype, width);
  if (dtype == rlx::DType::kBool && got > 1) return std::numeric_limits<double>::infinity();
  if (any || got == expected) return 0;
  const std::uint64_t mask = ~std::uint64_t{0} >> (64 - 8 * width);
  const std::uint64_t error = std::min((got - expected) & mask, (expected - got) & mask);
  return bound ? static_cast<double>(error) / static_cast<double>(bound) : std::numeric_limits<double>::infinity();
}

/// Of the finite elements of floats.
double root_mean_square(const rlx::Tensor& tensor, std::uint64_t elements) {
  double squares = 0, finite = 0;
  for (std::uint64_t i = 0; i < elements; ++i)
    if (const double v = element_of(tensor, i); std::isfinite(v)) squares += v * v, ++finite;
  return finite > 0 ? std::sqrt(squares / finite) : 0;
}

std::vector<std::int64_t> coordinates(const std::vector<std::int64_t>& dims, std::uint64_t index) {
  std::vector<std::int64_t> out(dims.size());
  for (std::size_t axis = dims.size(); axis-- > 0;) {
    out[axis] = static_cast<std::int64_t>(index % static_cast<std::uint64_t>(dims[axis]));
    index /= static_cast<std::uint64_t>(dims[axis]);
  }
  return out;
}

}  // namespace

double element_of(const rlx::Tensor& tensor, std::uint64_t index) {
  const void* data = tensor.data();
  switch (tensor.dtype()) {
    case rlx::DType::kF64: return at<double>(data, index);
    case rlx::DType::kF32: return double{at<float>(data, index)};
    case rlx::DType::kF16: return of_f16(at<std::uint16_t>(data, index));
    case rlx::DType::kBF16: return of_bf16(at<std::uint16_t>(data, index));
    case rlx::DType::kI64: return static_cast<double>(at<std::int64_t>(data, index));
    case rlx::DType::kU64: return static_cast<double>(at<std::uint64_t>(data, index));
    case rlx::DType::kI32: return at<std::int32_t>(data, index);
    case rlx::DType::kU32: return at<std::uint32_t>(data, index);
    case rlx::DType::kI16: return at<std::int16_t>(data, index);
    case rlx::DType::kU16: return at<std::uint16_t>(data, index);
    case rlx::DType::kI8: return at<std::int8_t>(data, index);
    default: return at<std::uint8_t>(data, index);
  }
}

Distance distance_of(const rlx::Tensor& got, const rlx::Tensor& expected, const rlx::Tensor& bounds) {
  Distance out;
  out.elements = 1;
  for (const std::int64_t dim : expected.dims()) out.elements *= static_cast<std::uint64_t>(dim);
  const bool real = is_real(expected.dtype());
  const std::uint64_t width = out.elements ? expected.bytes() / out.elements : 0;
  const numeric::Format format = format_of(expected.dtype());
  const double size = real ? root_mean_square(expected, out.elements) : 0;
  const auto take = [&](std::uint64_t i, double share_of_bound) {
    out.where = coordinates(expected.dims(), i);
    out.expected = element_of(expected, i);
    out.got = element_of(got, i);
    out.bound = element_of(bounds, i);
    out.worst = share_of_bound;
  };
  double worst_past = 0;
  for (std::uint64_t i = 0; i < out.elements; ++i) {
    bool any = false;
    double here = 0;
    if (real) {
      const double right = element_of(expected, i), bound = element_of(bounds, i);
      here = share(format, element_of(got, i), right, bound);
      any = !numeric::proves(format, right, bound, size);
    } else if (width == 0) {
      any = true;  // less than a byte each: not looked at
    } else {
      here = share_of_integers(expected.dtype(), width, bits_of(got.data(), i, width), bits_of(expected.data(), i, width), bits_of(bounds.data(), i, width), any);
    }
    out.loose += any && here <= 1;
    if (here > 1) {
      if (out.past++ == 0) take(i, here);
      worst_past = std::max(worst_past, here);
    } else if (!out.past && (here > out.worst || i == 0)) {
      take(i, here);
    }
  }
  if (out.past) out.worst = worst_past;
  return out;
}

std::string distance_text(const Distance& distance) {
  if (!distance.elements) return "no elements";
  std::string where;
  for (const std::int64_t index : distance.where) where += (where.empty() ? "" : ", ") + std::to_string(index);
  char worst[64], values[160];
  std::snprintf(worst, sizeof worst, "%.3g of its bound", distance.worst);
  std::snprintf(values, sizeof values, "expected %.9g, got %.9g, bound %.3g", distance.expected, distance.got, distance.bound);
  std::string out = std::isinf(distance.worst) ? "differs where no bound holds" : std::string("worst ") + worst;
  out += std::string(distance.past ? "; first past it at [" : " at [") + where + "]: " + values;
  if (distance.past) out += "; " + std::to_string(distance.past) + " of " + std::to_string(distance.elements) + " elements are past their bounds";
  if (!distance.proves()) return out + "; NOTHING IS PROVEN: every bound is as wide as the result itself";
  if (distance.loose) out += "; " + std::to_string(distance.loose) + " of " + std::to_string(distance.elements) + " bounds are as wide as the result itself";
  return out;
}

}  // namespace rlx_tool
