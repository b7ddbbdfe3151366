// SPDX-License-Identifier: Apache-2.0
// Where padding lies in a tensor: an axis is a product of factors, outermost first, some of which are padded symbols. Real
// elements are at the front of each padded factor.
#pragma once

#include <optional>
#include <vector>

#include "runtime/ir/dim.h"

namespace rlx {

struct Factor {
  Dim size;
  bool padded = false;  ///< then `size` is a symbol
  bool operator==(const Factor&) const = default;
};

/// The factors of one axis; empty where nothing is padded along it.
using PadAxis = std::vector<Factor>;
/// By axis.
using PadLayout = std::vector<PadAxis>;

bool is_padded(const PadLayout& layout);

/// The axis is one padded symbol and nothing else.
inline bool is_symbol_axis(const PadAxis& axis) { return axis.size() == 1 && axis[0].padded; }

/// What two operands that broadcast against each other have along one axis; nothing where their padding differs.
std::optional<PadAxis> joined(const PadAxis& a, const Dim& size_a, const PadAxis& b, const Dim& size_b);

/// Where the padding of a tensor of `dims` lies once it is read as `target`, row by row; nothing where an axis of the
/// target would be padded in its middle in a way that factors cannot say.
std::optional<PadLayout> reshaped(const PadLayout& layout, const Dims& dims, const Dims& target);

}  // namespace rlx
