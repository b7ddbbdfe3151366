// SPDX-License-Identifier: Apache-2.0
// Inside of Dim, for its own .cpp files: nodes, and a dim seen as a sum of terms (coefficient times atoms).
// An atom is what is neither a sum nor a product: a symbol, a division, a min; or a sum or product that was
// kept as it is because folding it would have left 64 bits ("opaque").
#pragma once

#include <optional>
#include <vector>

#include "runtime/ir/dim.h"

namespace rlx {

struct Dim::Node {
  Kind kind = Kind::kSymbol;
  bool opaque = false;
  std::uint32_t weight = 1;  ///< nodes of the tree, numbers included
  std::uint32_t depth = 1;
  std::uint64_t hash = 0;  ///< equal forms have equal hashes
  std::string name;
  std::vector<Dim> operands;
};

struct DimParts {
  static const Dim::Node* node(const Dim& dim) { return dim.node_.get(); }
  static bool opaque(const Dim& dim) { return dim.node_ && dim.node_->opaque; }
  static bool same_node(const Dim& a, const Dim& b) { return a.node_ == b.node_; }
  /// A node as it is; floordiv(1, 0) where it would be too large.
  static Dim make(Dim::Kind kind, std::vector<Dim> operands, bool opaque = false);
  static Dim make_symbol(std::string_view name);
};

namespace dim_parts {

struct Term {
  std::int64_t coefficient = 0;
  std::vector<Dim> atoms;  ///< sorted by Dim::compare, repeated for powers
};
using Terms = std::vector<Term>;

/// The order of terms in a sum: degree down, then atoms; constant last. A monomial order (graded
/// lexicographic).
int compare_atoms(const std::vector<Dim>& a, const std::vector<Dim>& b);
Terms terms_of(const Dim& dim);
Dim dim_of(const Term& term);
/// Sorts, collects like terms. Nothing where a coefficient leaves 64 bits.
std::optional<Dim> sum_of(Terms terms);
/// n-ary sum: refused as a whole or folded as a whole, whatever the order.
Dim add_all(std::vector<Dim> dims);
/// kMin or kMax of any number of dims, one at least.
Dim extremum(Dim::Kind kind, std::vector<Dim> dims);
/// a / b where b divides every coefficient and atom; nothing where that is not so or not seen.
std::optional<Dim> divide_exactly(const Dim& a, const Dim& b);
/// atoms of `a` without those of `b`; nothing where b has one that a lacks.
std::optional<std::vector<Dim>> without(const std::vector<Dim>& a, const std::vector<Dim>& b);

std::int64_t floor_quotient(std::int64_t a, std::int64_t b);  ///< b > 0
std::optional<std::int64_t> divide_numbers(Dim::Kind kind, std::int64_t a,
                                           std::int64_t b);  ///< kFloorDiv, kCeilDiv, kMod

}  // namespace dim_parts
}  // namespace rlx
