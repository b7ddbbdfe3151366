// SPDX-License-Identifier: Apache-2.0
// One conversion per dtype: reals by %g, integers whole, bools as words.
#include "values.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace rlx_tool {
namespace {

using rlx::DType;

template <class T>
T element(const rlx::Tensor& tensor, std::size_t i) {
  T value;
  std::memcpy(&value, static_cast<const char*>(tensor.data()) + i * sizeof(T), sizeof(T));
  return value;
}

/// Source: IEEE 754, binary16.
double half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  double value = std::ldexp(exponent ? 1024 + fraction : fraction, (exponent ? exponent : 1) - 25);
  if (exponent == 31) value = fraction ? std::nan("") : INFINITY;
  return bits >> 15 ? -value : value;
}

double brain(std::uint16_t bits) {
  const std::uint32_t wide = std::uint32_t{bits} << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return double{value};
}

std::string real_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

std::string element_text(const rlx::Tensor& tensor, std::size_t i) {
  switch (tensor.dtype()) {
    case DType::kF64: return real_text(element<double>(tensor, i));
    case DType::kF32: return real_text(double{element<float>(tensor, i)});
    case DType::kF16: return real_text(half(element<std::uint16_t>(tensor, i)));
    case DType::kBF16: return real_text(brain(element<std::uint16_t>(tensor, i)));
    case DType::kBool: return element<std::uint8_t>(tensor, i) ? "true" : "false";
    case DType::kI8: return std::to_string(element<std::int8_t>(tensor, i));
    case DType::kI16: return std::to_string(element<std::int16_t>(tensor, i));
    case DType::kI32: return std::to_string(element<std::int32_t>(tensor, i));
    case DType::kI64: return std::to_string(element<std::int64_t>(tensor, i));
    case DType::kU8: return std::to_string(element<std::uint8_t>(tensor, i));
    case DType::kU16: return std::to_string(element<std::uint16_t>(tensor, i));
    case DType::kU32: return std::to_string(element<std::uint32_t>(tensor, i));
    case DType::kU64: return std::to_string(element<std::uint64_t>(tensor, i));
    default: return "?";
  }
}

}  // namespace

std::string values_text(const rlx::Tensor& tensor, std::size_t most) {
  const std::size_t width = rlx::dtype_bytes(tensor.dtype());
  const std::size_t count = width ? tensor.bytes() / width : 0;
  std::string text;
  for (std::size_t i = 0; i < std::min(most, count); ++i) text += (i ? " " : "") + element_text(tensor, i);
  return count > most ? text + " ..." : text;
}

}  // namespace rlx_tool
