// SPDX-License-Identifier: Apache-2.0
// Building of graphs, scalars as constants, and access to attributes.
#include "runtime/ir/graph.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "runtime/base/check.h"

namespace rlx {
namespace {

std::uint32_t index_of(std::size_t size) {
  RLX_CHECK(size < kAbsent, "a graph has at most ", kAbsent, " entries of a kind");
  return static_cast<std::uint32_t>(size);
}

template <class T>
std::vector<std::byte> bytes_of(T value) {
  std::vector<std::byte> bytes(sizeof value);
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

/// Bits of a binary float of `exponent_bits` and `mantissa_bits`, rounded to nearest, ties to even.
std::uint16_t small_float_bits(double value, int exponent_bits, int mantissa_bits) {
  const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000u : 0u);
  const auto infinity = static_cast<std::uint16_t>(((1u << exponent_bits) - 1u) << mantissa_bits);
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | infinity | (1u << (mantissa_bits - 1)));
  if (std::isinf(value)) return sign | infinity;
  if (value == 0) return sign;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = std::max(std::ilogb(value), 1 - bias);
  const double quanta =
      std::nearbyint(std::ldexp(std::fabs(value), mantissa_bits - exponent));  // < 2^(mantissa_bits + 1) + 1
  if (exponent > bias) return sign | infinity;
  const auto bits = static_cast<std::uint32_t>(exponent + bias - 1) * (1u << mantissa_bits) +
                    static_cast<std::uint32_t>(quanta);
  return static_cast<std::uint16_t>(sign | std::min<std::uint32_t>(bits, infinity));
}

template <class T>
T saturate(double value) {
  if (std::isnan(value)) return 0;
  const double rounded = std::nearbyint(value);
  if (rounded <= static_cast<double>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
  if (rounded >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
  return static_cast<T>(rounded);
}

template <class T>
T saturate(std::int64_t value) {
  if (value < 0 && std::is_unsigned_v<T>) return 0;
  if (sizeof(T) == sizeof value) return static_cast<T>(value);
  constexpr auto least = static_cast<std::int64_t>(std::numeric_limits<T>::min());
  constexpr auto most = static_cast<std::int64_t>(std::numeric_limits<T>::max());
  return static_cast<T>(std::clamp(value, least, std::max(least, most)));
}

template <class Number>
std::vector<std::byte> scalar_bytes(DType dtype, Number value) {
  switch (dtype) {
    case DType::kBool:
      return bytes_of(static_cast<std::uint8_t>(value != 0));
    case DType::kI8:
      return bytes_of(saturate<std::int8_t>(value));
    case DType::kI16:
      return bytes_of(saturate<std::int16_t>(value));
    case DType::kI32:
      return bytes_of(saturate<std::int32_t>(value));
    case DType::kI64:
      return bytes_of(saturate<std::int64_t>(value));
    case DType::kU8:
      return bytes_of(saturate<std::uint8_t>(value));
    case DType::kU16:
      return bytes_of(saturate<std::uint16_t>(value));
    case DType::kU32:
      return bytes_of(saturate<std::uint32_t>(value));
    case DType::kU64:
      return bytes_of(saturate<std::uint64_t>(value));
    case DType::kF16:
      return bytes_of(small_float_bits(static_cast<double>(value), 5, 10));
    case DType::kBF16:
      return bytes_of(small_float_bits(static_cast<double>(value), 8, 7));
    case DType::kF32:
      return bytes_of(static_cast<float>(value));
    case DType::kF64:
      return bytes_of(static_cast<double>(value));
    case DType::kNone:
      break;
  }
  RLX_CHECK(false, "a scalar of dtype ", static_cast<std::uint32_t>(dtype));
  return {};
}

template <class T>
const T* attribute(const Node& node, std::uint32_t key) {
  const auto found = node.attributes.find(key);
  return found == node.attributes.end() ? nullptr : std::get_if<T>(&found->second);
}

}  // namespace

ValueId Graph::add_input(std::string input_name, Shape shape) {
  const std::uint32_t index = index_of(inputs.size());
  const ValueId id = add_value({ValueKind::kInput, std::move(shape), std::move(input_name), index});
  inputs.push_back(id);
  return id;
}

ValueId Graph::add_param(std::string param_name, Shape shape) {
  const std::uint32_t index = index_of(params.size());
  const ValueId id = add_value({ValueKind::kParam, std::move(shape), param_name, index});
  params.push_back({std::move(param_name), id, nullptr});
  return id;
}

ValueId Graph::add_constant(Shape shape, std::vector<std::byte> bytes) {
  const std::uint32_t index = index_of(constants.size());
  constants.push_back({shape, std::make_shared<const std::vector<std::byte>>(std::move(bytes))});
  return add_value({ValueKind::kConstant, std::move(shape), {}, index});
}

ValueId Graph::add_node(Node node, std::vector<Shape> result_shapes) {
  const ValueId first = index_of(values.size());
  node.results.clear();
  for (Shape& shape : result_shapes)
    node.results.push_back(add_value({ValueKind::kResult, std::move(shape), {}, 0}));
  nodes.push_back(std::move(node));
  return first;
}

ValueId add_scalar(Graph& graph, DType dtype, double value) {
  return graph.add_constant({dtype, {}}, scalar_bytes(dtype, value));
}

ValueId add_scalar_i64(Graph& graph, DType dtype, std::int64_t value) {
  return graph.add_constant({dtype, {}}, scalar_bytes(dtype, value));
}

Dim attr_dim(const Node& node, std::uint32_t key, Dim otherwise) {
  const Dim* value = attribute<Dim>(node, key);
  return value ? *value : otherwise;
}

std::int64_t attr_i64(const Node& node, std::uint32_t key, std::int64_t otherwise) {
  const Dim* value = attribute<Dim>(node, key);
  return value && value->is_number() ? value->number() : otherwise;
}

double attr_f64(const Node& node, std::uint32_t key, double otherwise) {
  const double* value = attribute<double>(node, key);
  return value ? *value : otherwise;
}

DType attr_dtype(const Node& node, std::uint32_t key, DType otherwise) {
  const DType* value = attribute<DType>(node, key);
  return value ? *value : otherwise;
}

Dims attr_dims(const Node& node, std::uint32_t key) {
  const Dims* value = attribute<Dims>(node, key);
  return value ? *value : Dims{};
}

std::vector<std::int64_t> attr_i64s(const Node& node, std::uint32_t key) {
  std::vector<std::int64_t> numbers;
  for (const Dim& dim : attr_dims(node, key)) {
    RLX_CHECK(dim.is_number(), "attribute ", attr_name(key), " of ", op_name(node.op), " holds `",
              dim.to_string(), "`, wanted numbers");
    numbers.push_back(dim.number());
  }
  return numbers;
}

std::vector<double> attr_f64s(const Node& node, std::uint32_t key) {
  const auto* value = attribute<std::vector<double>>(node, key);
  return value ? *value : std::vector<double>{};
}

}  // namespace rlx
