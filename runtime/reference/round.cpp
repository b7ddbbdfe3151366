// SPDX-License-Identifier: Apache-2.0
#include "runtime/reference/round.h"

#include <bit>
#include <cmath>
#include <limits>

namespace rlx::reference {
namespace {

struct Format {
  int digits;          // significand bits, the leading one included
  int least_exponent;  // of the least normal number
  double most;
};

Format format_of(DType dtype) {
  switch (dtype) {
    case DType::kF16:
      return {11, -14, 65504.0};
    case DType::kBF16:
      return {8, -126, 0x1.fep127};
    case DType::kF32:
      return {24, -126, 0x1.fffffep127};
    default:
      return {53, -1022, std::numeric_limits<double>::max()};
  }
}

/// Multiples of the last place that the format has at `value`.
double round_steps(const Format& format, double value, bool to_zero) {
  const int exponent = std::max(std::ilogb(value), format.least_exponent);
  const int step = exponent - format.digits + 1;
  const double scaled = std::ldexp(value, -step);
  return std::ldexp(to_zero ? std::trunc(scaled) : std::nearbyint(scaled), step);
}

}  // namespace

double round_to(DType dtype, double value) {
  if (dtype == DType::kF64 || value == 0 || !std::isfinite(value)) return value;
  if (dtype == DType::kF32) return static_cast<float>(value);
  const Format format = format_of(dtype);
  const double rounded = round_steps(format, value, false);
  if (std::fabs(rounded) <= format.most) return rounded;
  return std::copysign(std::numeric_limits<double>::infinity(), value);
}

double round_toward_zero(DType dtype, double value) {
  if (dtype == DType::kF64 || value == 0 || !std::isfinite(value)) return value;
  const Format format = format_of(dtype);
  const double rounded = round_steps(format, value, true);
  return std::fabs(rounded) <= format.most ? rounded
                                           : std::copysign(std::numeric_limits<double>::infinity(), value);
}

std::uint16_t bf16_bits(double value) {
  if (std::isnan(value)) return 0x7FC0;
  return static_cast<std::uint16_t>(
      std::bit_cast<std::uint32_t>(static_cast<float>(round_to(DType::kBF16, value))) >> 16);
}

double bf16_value(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

std::uint16_t f16_bits(double value) {
  const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  if (std::isnan(value)) return 0x7E00;
  const double size = std::fabs(round_to(DType::kF16, value));
  if (std::isinf(size)) return sign | 0x7C00;
  if (size < 0x1p-14) return sign | static_cast<std::uint16_t>(std::ldexp(size, 24));
  const int exponent = std::ilogb(size);
  const auto steps = static_cast<std::uint16_t>(std::ldexp(size, 10 - exponent) - 1024);
  return sign | static_cast<std::uint16_t>((exponent + 15) << 10 | steps);
}

double f16_value(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, steps = bits & 1023;
  double size = exponent == 0 ? std::ldexp(steps, -24) : std::ldexp(1024 + steps, exponent - 25);
  if (exponent == 31)
    size = steps ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
  return bits & 0x8000 ? -size : size;
}

std::int64_t wrap(DType dtype, std::int64_t value) {
  switch (dtype) {
    case DType::kBool:
      return value != 0;
    case DType::kI8:
      return static_cast<std::int8_t>(value);
    case DType::kI16:
      return static_cast<std::int16_t>(value);
    case DType::kI32:
      return static_cast<std::int32_t>(value);
    case DType::kU8:
      return static_cast<std::uint8_t>(value);
    case DType::kU16:
      return static_cast<std::uint16_t>(value);
    case DType::kU32:
      return static_cast<std::uint32_t>(value);
    default:
      return value;
  }
}

ClassRoundoff roundoff_of(Precision precision) {
  switch (precision) {
    case Precision::kTf32:
      return {0x1p-10, 0x1p-22, 0x1p-126, std::numeric_limits<float>::max()};
    case Precision::kF16:
      return {0x1p-11, 0x1p-22, 0x1p-14, 65504.0};
    case Precision::kBf16:
      return {0x1p-8, 0x1p-22, 0x1p-126, 0x1.fep127};
    default:
      return {0, 0, 0, 0};
  }
}

Unit unit_of(DType dtype, bool independent) {
  const Format format = format_of(dtype);
  const double least = std::ldexp(1.0, format.least_exponent);
  switch (dtype) {
    case DType::kF16:
      return {0x1p-24, 0x1p-126, format.most, 0x1p-11, least, dtype, independent};
    case DType::kBF16:
      return {0x1p-24, 0x1p-126, format.most, 0x1p-8, least, dtype, independent};
    case DType::kF32:
      return {0x1p-24, 0x1p-126, format.most, 0, least, dtype, independent};
    default:
      return {0x1p-52, least, format.most, 0, least, dtype, independent};
  }
}

}  // namespace rlx::reference
