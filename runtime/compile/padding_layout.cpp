// SPDX-License-Identifier: Apache-2.0
// Factors of axes under broadcasting and reshaping.
#include "runtime/compile/padding_layout.h"

#include <algorithm>

namespace rlx {
namespace {

bool is_one(const Dim& dim) { return dim.is_number() && dim.number() == 1; }

/// Whole factors beside each other are one; factors of 1 say nothing; an axis without padding has none.
PadAxis canonical(const PadAxis& factors) {
  PadAxis result;
  bool any = false;
  for (const Factor& factor : factors) {
    any = any || factor.padded;
    if (!factor.padded && is_one(factor.size)) continue;
    if (!factor.padded && !result.empty() && !result.back().padded)
      result.back().size = result.back().size * factor.size;
    else
      result.push_back(factor);
  }
  return any ? result : PadAxis{};
}

/// The quotient where it is proven that nothing remains.
std::optional<Dim> exact_quotient(const Dim& a, const Dim& b) {
  if (b.is_number() && b.number() == 0) return std::nullopt;
  const Dim quotient = floor_div(a, b);
  if (!(quotient * b == a)) return std::nullopt;
  return quotient;
}

/// Factors in row-major order, given out axis by axis.
class Supply {
 public:
  Supply(const PadLayout& layout, const Dims& dims) {
    for (std::size_t axis = 0; axis < dims.size(); ++axis) {
      if (layout[axis].empty())
        factors_.push_back({dims[axis], false});
      else
        factors_.insert(factors_.end(), layout[axis].begin(), layout[axis].end());
    }
    std::erase_if(factors_, [](const Factor& factor) { return !factor.padded && is_one(factor.size); });
  }

  /// The next factors whose product is `size`; a whole factor may be split.
  std::optional<PadAxis> take(const Dim& size) {
    PadAxis taken;
    for (Dim need = size; !is_one(need);) {
      if (at_ == factors_.size()) return std::nullopt;
      Factor& next = factors_[at_];
      if (const auto rest = exact_quotient(need, next.size)) {
        taken.push_back(next);
        need = *rest;
        ++at_;
        continue;
      }
      const auto left = exact_quotient(next.size, need);
      if (next.padded || !left) return std::nullopt;
      taken.push_back({need, false});
      next.size = *left;
      break;
    }
    return canonical(taken);
  }

  bool empty() const { return at_ == factors_.size(); }

 private:
  PadAxis factors_;
  std::size_t at_ = 0;
};

}  // namespace

bool is_padded(const PadLayout& layout) {
  return std::any_of(layout.begin(), layout.end(), [](const PadAxis& axis) { return !axis.empty(); });
}

std::optional<PadAxis> joined(const PadAxis& a, const Dim& size_a, const PadAxis& b, const Dim& size_b) {
  if (a == b) return a;
  if (a.empty() && is_one(size_a)) return b;
  if (b.empty() && is_one(size_b)) return a;
  return std::nullopt;
}

std::optional<PadLayout> reshaped(const PadLayout& layout, const Dims& dims, const Dims& target) {
  Supply supply(layout, dims);
  PadLayout result;
  for (const Dim& size : target) {
    auto axis = supply.take(size);
    if (!axis) return std::nullopt;
    result.push_back(*std::move(axis));
  }
  if (!supply.empty()) return std::nullopt;
  return result;
}

}  // namespace rlx
