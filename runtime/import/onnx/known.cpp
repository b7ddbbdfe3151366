// SPDX-License-Identifier: Apache-2.0
// Between bytes and elements.
#include "runtime/import/onnx/known.h"

#include <cmath>
#include <cstring>

namespace rlx::onnx_import {
namespace {

template <class T>
void load(const TensorData& data, std::vector<Element>& out) {
  for (std::size_t i = 0; i < data.elements; ++i) {
    T value;
    std::memcpy(&value, static_cast<const std::byte*>(data.view.data) + i * sizeof(T), sizeof(T));
    if constexpr (std::is_floating_point_v<T>)
      out.push_back(Element::real(static_cast<double>(value)));
    else
      out.push_back(Element::whole(static_cast<std::int64_t>(value)));
  }
}

template <class T>
void store(const Element& element, std::vector<std::byte>& out) {
  const T value = element.is_real() ? static_cast<T>(element.value()) : static_cast<T>(element.number());
  const auto* bytes = reinterpret_cast<const std::byte*>(&value);
  out.insert(out.end(), bytes, bytes + sizeof(T));
}

}  // namespace

bool is_float(DType dtype) {
  return dtype == DType::kF16 || dtype == DType::kBF16 || dtype == DType::kF32 || dtype == DType::kF64;
}
bool is_whole(DType dtype) { return dtype != DType::kNone && !is_float(dtype); }

bool Known::plain() const {
  for (const Element& element : elements)
    if (element.is_expression()) return false;
  return true;
}

std::optional<std::vector<std::int64_t>> Known::numbers() const {
  std::vector<std::int64_t> numbers;
  for (const Element& element : elements) {
    if (!element.is_whole()) return std::nullopt;
    numbers.push_back(element.number());
  }
  return numbers;
}

std::optional<std::size_t> known_count(const std::vector<std::int64_t>& dims) {
  std::size_t count = 1;
  for (const std::int64_t dim : dims) {
    if (dim < 0 || dim > static_cast<std::int64_t>(Known::kElementsMax)) return std::nullopt;
    count *= static_cast<std::size_t>(dim);
    if (count > Known::kElementsMax) return std::nullopt;
  }
  return count;
}

std::optional<Element> rounded(const Element& value, DType dtype) {
  if (is_float(dtype)) {
    if (value.is_expression())
      return dtype == DType::kF32 || dtype == DType::kF64 ? std::optional(value) : std::nullopt;
    if (dtype == DType::kF32) return Element::real(static_cast<double>(static_cast<float>(value.value())));
    if (dtype == DType::kF64) return Element::real(value.value());
    return std::nullopt;
  }
  Element whole = value;
  if (value.is_real()) {
    const double cut = std::trunc(value.value());
    if (!(std::abs(cut) < 9.2e18)) return std::nullopt;
    if (dtype != DType::kBool) whole = Element::whole(static_cast<std::int64_t>(cut));
  }
  if (dtype == DType::kI64) return whole;
  if (dtype == DType::kBool) {
    const auto zero = equal(value, Element::whole(0));
    return zero ? std::optional(Element::whole(*zero ? 0 : 1)) : std::nullopt;
  }
  if (dtype != DType::kI32) return std::nullopt;
  if (whole.is_whole() && static_cast<std::int32_t>(whole.number()) != whole.number()) return std::nullopt;
  return whole;
}

std::optional<Known> known_from(const TensorData& data) {
  if (data.elements > Known::kElementsMax) return std::nullopt;
  Known known{data.view.dtype, data.view.dims, {}};
  switch (data.view.dtype) {
    case DType::kBool:
      load<std::uint8_t>(data, known.elements);
      break;
    case DType::kI32:
      load<std::int32_t>(data, known.elements);
      break;
    case DType::kI64:
      load<std::int64_t>(data, known.elements);
      break;
    case DType::kF32:
      load<float>(data, known.elements);
      break;
    case DType::kF64:
      load<double>(data, known.elements);
      break;
    default:
      return std::nullopt;
  }
  return known;
}

std::vector<std::byte> bytes_of(const Known& known) {
  std::vector<std::byte> bytes;
  for (const Element& element : known.elements) {
    switch (known.dtype) {
      case DType::kBool:
        store<std::uint8_t>(element, bytes);
        break;
      case DType::kI32:
        store<std::int32_t>(element, bytes);
        break;
      case DType::kI64:
        store<std::int64_t>(element, bytes);
        break;
      case DType::kF32:
        store<float>(element, bytes);
        break;
      default:
        store<double>(element, bytes);
        break;
    }
  }
  return bytes;
}

}  // namespace rlx::onnx_import
