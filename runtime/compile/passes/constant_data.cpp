// SPDX-License-Identifier: Apache-2.0
// Bytes <-> numbers for every element type that a constant may have.
#include "runtime/compile/passes/constant_data.h"

#include <cmath>
#include <cstring>

namespace rlx {
namespace {

template <class T>
T load(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

/// A binary float with `mantissa` bits of fraction and an exponent as wide as leaves 16 bits.
double small_float(std::uint16_t bits, int mantissa) {
  const int exponent_bits = 15 - mantissa;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits >> mantissa) & ((1 << exponent_bits) - 1);
  const int fraction = bits & ((1 << mantissa) - 1);
  double value;
  if (exponent == (1 << exponent_bits) - 1)
    value = fraction ? std::nan("") : HUGE_VAL;
  else if (exponent == 0)
    value = std::ldexp(fraction, 1 - bias - mantissa);
  else
    value = std::ldexp((1 << mantissa) + fraction, exponent - bias - mantissa);
  return bits & 0x8000 ? -value : value;
}

double real_at(DType dtype, const std::byte* at) {
  switch (dtype) {
    case DType::kF16:
      return small_float(load<std::uint16_t>(at), 10);
    case DType::kBF16:
      return small_float(load<std::uint16_t>(at), 7);
    case DType::kF32:
      return static_cast<double>(load<float>(at));
    default:
      return load<double>(at);
  }
}

std::int64_t whole_at(DType dtype, const std::byte* at) {
  switch (dtype) {
    case DType::kBool:
      return load<std::uint8_t>(at) != 0;
    case DType::kI8:
      return load<std::int8_t>(at);
    case DType::kU8:
      return load<std::uint8_t>(at);
    case DType::kI16:
      return load<std::int16_t>(at);
    case DType::kU16:
      return load<std::uint16_t>(at);
    case DType::kI32:
      return load<std::int32_t>(at);
    case DType::kU32:
      return load<std::uint32_t>(at);
    default:
      return load<std::int64_t>(at);
  }
}

/// The bytes of a scalar, through the one function of the IR that rounds.
std::vector<std::byte> scalar_bytes(DType dtype, double value) {
  Graph graph;
  return *graph.constants[graph.values[add_scalar(graph, dtype, value)].index].bytes;
}

}  // namespace

std::optional<Numbers> read_numbers(const Constant& constant) {
  const DType dtype = constant.shape.dtype;
  const std::size_t width = dtype_bytes(dtype);
  if (width == 0 || dtype == DType::kU64) return std::nullopt;
  Numbers numbers{dtype, {}, {}, {}};
  for (const Dim& dim : constant.shape.dims) {
    if (!dim.is_number()) return std::nullopt;
    numbers.dims.push_back(dim.number());
  }
  const std::vector<std::byte>& bytes = *constant.bytes;
  for (std::size_t at = 0; at + width <= bytes.size(); at += width) {
    if (is_float(dtype))
      numbers.real.push_back(real_at(dtype, bytes.data() + at));
    else
      numbers.whole.push_back(whole_at(dtype, bytes.data() + at));
  }
  return numbers;
}

double rounded_to(DType dtype, double value) {
  if (dtype == DType::kF64) return value;
  if (dtype == DType::kF32) return static_cast<double>(static_cast<float>(value));
  return real_at(dtype, scalar_bytes(dtype, value).data());
}

std::int64_t wrapped_to(DType dtype, std::int64_t value) {
  if (dtype == DType::kBool) return value != 0;
  const std::byte* bytes = reinterpret_cast<const std::byte*>(&value);  // little-endian, as the contract
  return whole_at(dtype, bytes);
}

std::vector<std::byte> write_numbers(const Numbers& numbers) {
  const std::size_t width = dtype_bytes(numbers.dtype);
  std::vector<std::byte> bytes;
  bytes.reserve(numbers.size() * width);
  for (const double value : numbers.real) {
    const std::vector<std::byte> one = scalar_bytes(numbers.dtype, value);
    bytes.insert(bytes.end(), one.begin(), one.end());
  }
  for (const std::int64_t value : numbers.whole) {
    const std::int64_t held = wrapped_to(numbers.dtype, value);
    const auto* from = reinterpret_cast<const std::byte*>(&held);
    bytes.insert(bytes.end(), from, from + width);
  }
  return bytes;
}

std::optional<double> one_number(const Constant& constant) {
  constexpr std::size_t kMost = 1024;
  if (constant.bytes->empty() || constant.bytes->size() > kMost * dtype_bytes(constant.shape.dtype)) return std::nullopt;
  const auto numbers = read_numbers(constant);
  if (!numbers) return std::nullopt;
  const auto at = [&](std::size_t i) {
    return is_float(numbers->dtype) ? numbers->real[i] : static_cast<double>(numbers->whole[i]);
  };
  for (std::size_t i = 1; i < numbers->size(); ++i)
    if (at(i) != at(0)) return std::nullopt;
  return at(0);
}

}  // namespace rlx
