// SPDX-License-Identifier: Apache-2.0
// Shape: dims and dtype of a tensor.
#pragma once

#include <string>
#include <utility>

#include "runtime/ir/dim.h"
#include "runtime/ir/dtype.h"

namespace rlx {

struct Shape {
  DType dtype = DType::kNone;
  Dims dims;

  std::size_t rank() const { return dims.size(); }
  Dim elements() const { return product(dims); }
  bool operator==(const Shape&) const = default;
};

/// "f32[batch, seq, 384]".
std::string to_string(const Shape& shape);

/// The least and the greatest size a symbol may have; zero only where the model allows it.
struct SymbolRange {
  std::int64_t least = 1;
  std::int64_t greatest = INT64_MAX;
  bool operator==(const SymbolRange&) const = default;
};

}  // namespace rlx
