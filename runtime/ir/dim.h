// SPDX-License-Identifier: Apache-2.0
// Dim: the size of an axis, a number or an expression over named symbols (sum, product, floor-division, ceil-division,
// modulo, min, max). Dims are immutable and cheap to copy; equal expressions have one canonical form, so that equality
// of dims is equality of forms. Folding takes symbols to be >= 0 and divisors not to be 0. What cannot be folded without
// leaving 64 bits stays an expression, whose evaluation then fails; so does, as floordiv(1, 0), one that grows past
// kWeightMax operands or kDepthMax levels. No arithmetic on dims can fail or trap.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"

namespace rlx {

/// Symbol -> size. Ordered, so that everything made from it is the same on every machine.
using DimBinding = std::map<std::string, std::int64_t, std::less<>>;

class Dim {
 public:
  static constexpr std::uint32_t kWeightMax = 1024;
  static constexpr std::uint32_t kDepthMax = 48;

  enum class Kind : std::uint8_t { kNumber, kSymbol, kAdd, kMul, kFloorDiv, kCeilDiv, kMod, kMin, kMax };

  Dim() = default;
  Dim(std::int64_t number) : number_(number) {}  // NOLINT: numbers are dims
  Dim(int number) : Dim(static_cast<std::int64_t>(number)) {}  // NOLINT
  Dim(std::uint32_t number) : Dim(static_cast<std::int64_t>(number)) {}  // NOLINT: the contract's numbers
  /// A named symbol: [A-Za-z_][A-Za-z0-9_.]*. An empty or malformed name is our bug (RLX_CHECK).
  static Dim symbol(std::string_view name);
  static bool is_symbol_name(std::string_view name);

  Kind kind() const;
  bool is_number() const { return kind() == Kind::kNumber; }
  bool is_symbol() const { return kind() == Kind::kSymbol; }
  std::int64_t number() const;            ///< of kNumber only
  const std::string& symbol_name() const; ///< of kSymbol only
  std::span<const Dim> operands() const;  ///< empty for numbers and symbols

  /// Structural equality of canonical forms: true means equal for every binding; false means "not proven".
  bool operator==(const Dim& other) const;
  /// A total order of forms, for canonical sorting; says nothing about sizes.
  static int compare(const Dim& a, const Dim& b);

  /// The size under a binding. Errors: kUnboundSymbol naming it, kConstraintViolated on division by zero or overflow.
  Result<std::int64_t> evaluate(const DimBinding& binding) const;
  /// Every symbol with a size replaced; the rest stays.
  Dim substitute(const DimBinding& binding) const;
  /// Adds the names of all symbols to `names`, sorted, each once.
  void collect_symbols(std::vector<std::string>& names) const;
  /// "batch*(seq + 1)", "ceildiv(h, 2)"; parse_dim reads it back to an equal Dim.
  std::string to_string() const;

  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);
  /// Division by a Dim; where it divides evenly and provably the factor is cancelled.
  friend Dim floor_div(const Dim& a, const Dim& b);
  friend Dim ceil_div(const Dim& a, const Dim& b);
  friend Dim mod(const Dim& a, const Dim& b);
  friend Dim min(const Dim& a, const Dim& b);
  friend Dim max(const Dim& a, const Dim& b);

 private:
  friend struct DimParts;  // dim_parts.h: what the arithmetic sees
  struct Node;
  explicit Dim(std::shared_ptr<const Node> node) : node_(std::move(node)) {}
  std::int64_t number_ = 0;  ///< where node_ is null
  std::shared_ptr<const Node> node_;
};

Dim floor_div(const Dim& a, const Dim& b);
Dim ceil_div(const Dim& a, const Dim& b);
Dim mod(const Dim& a, const Dim& b);
Dim min(const Dim& a, const Dim& b);
Dim max(const Dim& a, const Dim& b);

using Dims = std::vector<Dim>;

/// Product of dims; 1 for none.
Dim product(std::span<const Dim> dims);
/// "[batch, seq, 384]".
std::string to_string(std::span<const Dim> dims);
/// Reads what Dim::to_string prints. Errors: kParseError with the column.
Result<Dim> parse_dim(std::string_view text);
/// Every dim under a binding. Errors: as Dim::evaluate.
Result<std::vector<std::int64_t>> evaluate(std::span<const Dim> dims, const DimBinding& binding);
/// True where a*x == b*x style reasoning proves that `a` can never be smaller than `b`, symbols being >= 0.
bool provably_at_least(const Dim& a, const Dim& b);

}  // namespace rlx
