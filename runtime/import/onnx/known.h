// SPDX-License-Identifier: Apache-2.0
// A small tensor whose elements are known while importing.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/import/onnx/element.h"
#include "runtime/import/onnx/tensor_data.h"

namespace rlx::onnx_import {

struct Known {
  static constexpr std::size_t kElementsMax = 1024;

  DType dtype = DType::kNone;
  std::vector<std::int64_t> dims;
  std::vector<Element> elements;

  std::size_t rank() const { return dims.size(); }
  /// The elements as plain numbers; empty where one is not.
  std::optional<std::vector<std::int64_t>> numbers() const;
  bool plain() const;  ///< no expression
};

bool is_float(DType dtype);
bool is_whole(DType dtype);  ///< integers and bool

/// Product of dims; empty above kElementsMax.
std::optional<std::size_t> known_count(const std::vector<std::int64_t>& dims);
/// `value` as an element of `dtype` holds it; empty where it does not fit, or the dtype is one that is not
/// folded.
std::optional<Element> rounded(const Element& value, DType dtype);

/// A tensor of the file, if it is small and of i64, i32, bool, f32 or f64.
std::optional<Known> known_from(const TensorData& data);
/// The bytes of a plain one: what builder.constant takes.
std::vector<std::byte> bytes_of(const Known& known);

}  // namespace rlx::onnx_import
