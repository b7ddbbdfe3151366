// SPDX-License-Identifier: Apache-2.0
// Dim: nodes, sums and products in canonical form, evaluation, substitution. Division, min and max are in
// dim_divide.cpp, text in dim_text.cpp.
#include "runtime/ir/dim.h"

#include <algorithm>
#include <functional>

#include "runtime/base/check.h"
#include "runtime/ir/dim_parts.h"

namespace rlx {
namespace {

using dim_parts::Term;
using dim_parts::Terms;
__extension__ typedef __int128 Wide;  // of both compilers that build this

constexpr std::size_t kTermsMax = 256;  // of an expanded product

std::optional<std::int64_t> narrow(Wide value) {
  if (value < INT64_MIN || value > INT64_MAX) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
  return hash ^ (hash >> 29);
}

std::uint64_t hash_of(const Dim& dim) {
  const Dim::Kind kind = dim.kind();
  return kind == Dim::Kind::kNumber ? mix(1, static_cast<std::uint64_t>(dim.number()))
                                    : DimParts::node(dim)->hash;
}

template <class T>
int order(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

std::optional<Terms> multiply(const Terms& a, const Terms& b) {
  if (a.size() > 1 && b.size() > 1 && a.size() * b.size() > kTermsMax) return std::nullopt;
  Terms out;
  out.reserve(a.size() * b.size());
  for (const Term& x : a) {
    for (const Term& y : b) {
      Term& term = out.emplace_back();
      if (__builtin_mul_overflow(x.coefficient, y.coefficient, &term.coefficient)) return std::nullopt;
      if (x.atoms.size() + y.atoms.size() > Dim::kWeightMax) return std::nullopt;
      std::merge(x.atoms.begin(), x.atoms.end(), y.atoms.begin(), y.atoms.end(),
                 std::back_inserter(term.atoms),
                 [](const Dim& p, const Dim& q) { return Dim::compare(p, q) < 0; });
    }
  }
  return out;
}

Result<std::int64_t> evaluate_product(const Dim& dim, const std::vector<std::int64_t>& factors) {
  if (std::find(factors.begin(), factors.end(), 0) != factors.end()) return std::int64_t{0};
  const auto far = [](Wide value) { return value > Wide{INT64_MAX} + 1 || value < Wide{INT64_MIN}; };
  Wide value = 1;
  for (std::size_t i = 0; i < factors.size() && !far(value); ++i)
    value *= factors[i];  // |value| never falls: any order
  if (const auto fits = narrow(value)) return *fits;
  return fail(ErrorCode::kConstraintViolated, "`", dim.to_string(),
              "` does not fit into 64 bits with this binding");
}

Result<std::int64_t> evaluate_sum(const Dim& dim, const std::vector<std::int64_t>& parts) {
  Wide value = 0;
  for (const std::int64_t part : parts) value += part;
  if (const auto fits = narrow(value)) return *fits;
  return fail(ErrorCode::kConstraintViolated, "`", dim.to_string(),
              "` does not fit into 64 bits with this binding");
}

}  // namespace

// ---- Nodes
// -----------------------------------------------------------------------------------------------------------

Dim DimParts::make_symbol(std::string_view name) {
  auto node = std::make_shared<Dim::Node>();
  node->name = name;
  node->hash = mix(2, std::hash<std::string_view>{}(name));
  return Dim(std::shared_ptr<const Dim::Node>(std::move(node)));
}

Dim DimParts::make(Dim::Kind kind, std::vector<Dim> operands, bool opaque) {
  auto node = std::make_shared<Dim::Node>();
  std::uint64_t weight = 1;
  node->hash = mix(3 + opaque, static_cast<std::uint64_t>(kind));
  for (const Dim& operand : operands) {
    const Dim::Node* inner = DimParts::node(operand);
    weight += inner ? inner->weight : 1;
    node->depth = std::max(node->depth, 1 + (inner ? inner->depth : 1));
    node->hash = mix(node->hash, hash_of(operand));
  }
  if (weight > Dim::kWeightMax || node->depth > Dim::kDepthMax)
    return make(Dim::Kind::kFloorDiv, {Dim(1), Dim(0)});
  node->kind = kind;
  node->opaque = opaque;
  node->weight = static_cast<std::uint32_t>(weight);
  node->operands = std::move(operands);
  return Dim(std::shared_ptr<const Dim::Node>(std::move(node)));
}

bool Dim::is_symbol_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (name.empty() || !letter(name[0])) return false;
  return std::all_of(name.begin(), name.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '.'; });
}

Dim Dim::symbol(std::string_view name) {
  RLX_CHECK(is_symbol_name(name), "`", name, "` is no name of a symbol");
  return DimParts::make_symbol(name);
}

Dim::Kind Dim::kind() const { return node_ ? node_->kind : Kind::kNumber; }

std::int64_t Dim::number() const {
  RLX_CHECK(is_number(), "`", to_string(), "` is no number");
  return number_;
}

const std::string& Dim::symbol_name() const {
  RLX_CHECK(is_symbol(), "`", to_string(), "` is no symbol");
  return node_->name;
}

std::span<const Dim> Dim::operands() const {
  return node_ ? std::span<const Dim>(node_->operands) : std::span<const Dim>();
}

bool Dim::operator==(const Dim& other) const {
  if (!node_ || !other.node_) return !node_ && !other.node_ && number_ == other.number_;
  return node_ == other.node_ || (node_->hash == other.node_->hash && compare(*this, other) == 0);
}

int Dim::compare(const Dim& a, const Dim& b) {
  if (const int kinds = order(a.kind(), b.kind())) return kinds;
  if (a.is_number()) return order(a.number_, b.number_);
  if (a.node_ == b.node_) return 0;
  if (const int names = a.node_->name.compare(b.node_->name)) return names < 0 ? -1 : 1;
  if (const int flags = order(a.node_->opaque, b.node_->opaque)) return flags;
  if (const int counts = order(a.operands().size(), b.operands().size())) return counts;
  for (std::size_t i = 0; i < a.operands().size(); ++i)
    if (const int operand = compare(a.operands()[i], b.operands()[i])) return operand;
  return 0;
}

// ---- Sums and products
// ---------------------------------------------------------------------------------------------

namespace dim_parts {

int compare_atoms(const std::vector<Dim>& a, const std::vector<Dim>& b) {
  if (a.size() != b.size()) return a.size() > b.size() ? -1 : 1;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (const int atom = Dim::compare(a[i], b[i])) return atom;
  return 0;
}

Terms terms_of(const Dim& dim) {
  if (dim.is_number()) return dim.number() == 0 ? Terms{} : Terms{{dim.number(), {}}};
  if (dim.kind() == Dim::Kind::kAdd && !DimParts::opaque(dim)) {
    Terms terms;
    for (const Dim& part : dim.operands()) terms.push_back(std::move(terms_of(part)[0]));
    return terms;
  }
  if (dim.kind() == Dim::Kind::kMul && !DimParts::opaque(dim)) {
    const auto operands = dim.operands();
    const bool scaled = operands[0].is_number();
    return {{scaled ? operands[0].number() : 1, {operands.begin() + scaled, operands.end()}}};
  }
  return {{1, {dim}}};
}

Dim dim_of(const Term& term) {
  if (term.atoms.empty()) return term.coefficient;
  if (term.coefficient == 1 && term.atoms.size() == 1) return term.atoms[0];
  std::vector<Dim> operands;
  if (term.coefficient != 1) operands.emplace_back(term.coefficient);
  operands.insert(operands.end(), term.atoms.begin(), term.atoms.end());
  return DimParts::make(Dim::Kind::kMul, std::move(operands));
}

std::optional<Dim> sum_of(Terms terms) {
  std::stable_sort(terms.begin(), terms.end(),
                   [](const Term& a, const Term& b) { return compare_atoms(a.atoms, b.atoms) < 0; });
  std::vector<Dim> parts;
  for (std::size_t i = 0; i < terms.size();) {
    Wide coefficient = 0;
    const std::size_t first = i;
    for (; i < terms.size() && compare_atoms(terms[first].atoms, terms[i].atoms) == 0; ++i)
      coefficient += terms[i].coefficient;
    const auto fits = narrow(coefficient);
    if (!fits) return std::nullopt;
    if (*fits == 0) continue;
    terms[first].coefficient = *fits;
    parts.push_back(dim_of(terms[first]));
  }
  if (parts.empty()) return Dim(0);
  if (parts.size() == 1) return parts[0];
  return DimParts::make(Dim::Kind::kAdd, std::move(parts));
}

Dim add_all(std::vector<Dim> dims) {
  Terms terms;
  for (const Dim& dim : dims)
    for (Term& term : terms_of(dim)) terms.push_back(std::move(term));
  if (auto sum = sum_of(std::move(terms))) return *std::move(sum);
  std::sort(dims.begin(), dims.end(), [](const Dim& a, const Dim& b) { return Dim::compare(a, b) < 0; });
  return DimParts::make(Dim::Kind::kAdd, std::move(dims), true);
}

}  // namespace dim_parts

Dim operator+(const Dim& a, const Dim& b) {
  std::int64_t sum = 0;
  if (a.is_number() && b.is_number() && !__builtin_add_overflow(a.number_, b.number_, &sum)) return sum;
  return dim_parts::add_all({a, b});
}

Dim operator-(const Dim& a, const Dim& b) {
  std::int64_t difference = 0;
  if (a.is_number() && b.is_number() && !__builtin_sub_overflow(a.number_, b.number_, &difference))
    return difference;
  return dim_parts::add_all({a, b * Dim(-1)});
}

Dim operator*(const Dim& a, const Dim& b) {
  std::int64_t product = 0;
  if (a.is_number() && b.is_number() && !__builtin_mul_overflow(a.number_, b.number_, &product))
    return product;
  if (a == Dim(1)) return b;
  if (b == Dim(1)) return a;
  if (auto terms = multiply(dim_parts::terms_of(a), dim_parts::terms_of(b)))
    if (auto sum = dim_parts::sum_of(*std::move(terms))) return *std::move(sum);
  std::vector<Dim> operands = {a, b};
  if (Dim::compare(a, b) > 0) std::swap(operands[0], operands[1]);
  return DimParts::make(Dim::Kind::kMul, std::move(operands), true);
}

// ---- Bindings
// ------------------------------------------------------------------------------------------------------

Result<std::int64_t> Dim::evaluate(const DimBinding& binding) const {
  if (is_number()) return number_;
  if (is_symbol()) {
    if (const auto found = binding.find(node_->name); found != binding.end()) return found->second;
    return fail(ErrorCode::kUnboundSymbol, "symbol `", node_->name, "` has no size");
  }
  std::vector<std::int64_t> values;
  values.reserve(node_->operands.size());
  for (const Dim& operand : node_->operands) {
    RLX_ASSIGN(const std::int64_t value, operand.evaluate(binding));
    values.push_back(value);
  }
  switch (node_->kind) {
    case Kind::kAdd:
      return evaluate_sum(*this, values);
    case Kind::kMul:
      return evaluate_product(*this, values);
    case Kind::kMin:
      return *std::min_element(values.begin(), values.end());
    case Kind::kMax:
      return *std::max_element(values.begin(), values.end());
    default:
      break;
  }
  if (const auto quotient = dim_parts::divide_numbers(node_->kind, values[0], values[1])) return *quotient;
  return fail(ErrorCode::kConstraintViolated, "`", to_string(), "` with this binding divides ", values[0],
              " by ", values[1], ": no divisor, or an expression that grew too large to keep");
}

Dim Dim::substitute(const DimBinding& binding) const {
  if (is_number()) return *this;
  if (is_symbol()) {
    const auto found = binding.find(node_->name);
    return found == binding.end() ? *this : Dim(found->second);
  }
  std::vector<Dim> parts;
  bool changed = false;
  for (const Dim& operand : node_->operands) {
    parts.push_back(operand.substitute(binding));
    changed = changed || !(parts.back() == operand);
  }
  if (!changed) return *this;
  switch (node_->kind) {
    case Kind::kAdd:
      return dim_parts::add_all(std::move(parts));
    case Kind::kMul:
      return product(parts);
    case Kind::kFloorDiv:
      return floor_div(parts[0], parts[1]);
    case Kind::kCeilDiv:
      return ceil_div(parts[0], parts[1]);
    case Kind::kMod:
      return mod(parts[0], parts[1]);
    default:
      return dim_parts::extremum(node_->kind, std::move(parts));
  }
}

void Dim::collect_symbols(std::vector<std::string>& names) const {
  if (is_symbol()) {
    const auto place = std::lower_bound(names.begin(), names.end(), node_->name);
    if (place == names.end() || *place != node_->name) names.insert(place, node_->name);
  }
  for (const Dim& operand : operands()) operand.collect_symbols(names);
}

// ---- Lists of dims
// ---------------------------------------------------------------------------------------------------

Dim product(std::span<const Dim> dims) {
  Dim all = 1;
  for (const Dim& dim : dims) all = all * dim;
  return all;
}

Result<std::vector<std::int64_t>> evaluate(std::span<const Dim> dims, const DimBinding& binding) {
  std::vector<std::int64_t> sizes;
  sizes.reserve(dims.size());
  for (const Dim& dim : dims) {
    RLX_ASSIGN(const std::int64_t size, dim.evaluate(binding));
    sizes.push_back(size);
  }
  return sizes;
}

}  // namespace rlx
