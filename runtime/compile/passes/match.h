// SPDX-License-Identifier: Apache-2.0
// What the recomposing passes ask: products and sums whatever their order, constants near a number, means and vectors as
// exporters spell them.
#pragma once

#include <optional>
#include <vector>

#include "runtime/compile/passes/rewrite.h"

namespace rlx {

/// coefficient * f0 * f1 / f2 ...
struct Product {
  struct Factor {
    ValueId value;
    bool inverse;  ///< divided by
  };
  double coefficient = 1;
  std::vector<Factor> factors;
};

/// The product that `node` (mul, div, recip, or a power of 2 or 3) is, through inner ones that nobody else reads. At most
/// eight factors; a node that is no product is none.
std::optional<Product> product_of(const Rewriter& rewriter, const Node& node);
/// As above for the maker of a value; a value that nobody computes as a product is its own only factor.
Product product_of(const Rewriter& rewriter, ValueId id);
/// product_of(id) where the value is one factor times a number.
struct Scaled {
  ValueId value;
  double factor;
};
Scaled scaled_of(const Rewriter& rewriter, ValueId id);

/// `seen` is `wanted` as a constant of that dtype would hold it, give or take a last digit.
bool near(double seen, double wanted, DType dtype);

/// The other operand of a binary add (or of a sub, with the sign taken in) whose one side is a number.
struct Shifted {
  ValueId value;
  double shift;
};
std::optional<Shifted> shifted_of(const Rewriter& rewriter, ValueId id);

/// x where `id` is the sum of x over its last axis, kept as 1, divided by that axis' size; else kAbsent.
ValueId mean_of_last_axis(const Rewriter& rewriter, ValueId id);
/// x where `id` is x*x or x to the power of 2; else kAbsent.
ValueId square_of(const Rewriter& rewriter, ValueId id);
/// The rank-1 value of exactly `size` elements that `id` is behind leading axes of 1; else kAbsent.
ValueId vector_of(const Rewriter& rewriter, ValueId id, const Dim& size);

}  // namespace rlx
