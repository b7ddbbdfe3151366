// SPDX-License-Identifier: Apache-2.0
// Division, modulo, min and max of dims, and the proofs that they fold by. With a numeric divisor c > 0 the
// numerator's coefficients lie in [0, c): what c divides has moved out. ceil_div by a number is floor_div(a +
// c - 1, c).
#include <algorithm>
#include <numeric>

#include "runtime/ir/dim_parts.h"

namespace rlx {
namespace dim_parts {

std::int64_t floor_quotient(std::int64_t a, std::int64_t b) {
  const std::int64_t quotient = a / b;
  return quotient - (a % b < 0);
}

std::optional<std::int64_t> divide_numbers(Dim::Kind kind, std::int64_t a, std::int64_t b) {
  if (b == 0) return std::nullopt;
  if (b == -1) {
    if (kind == Dim::Kind::kMod) return 0;
    if (a == INT64_MIN) return std::nullopt;
    return -a;
  }
  const std::int64_t quotient = a / b;
  const std::int64_t rest = a % b;
  const bool below_zero = rest != 0 && (rest < 0) != (b < 0);
  if (kind == Dim::Kind::kMod) return below_zero ? rest + b : rest;
  if (kind == Dim::Kind::kFloorDiv) return quotient - below_zero;
  return quotient + (rest != 0 && !below_zero);
}

std::optional<std::vector<Dim>> without(const std::vector<Dim>& a, const std::vector<Dim>& b) {
  std::vector<Dim> rest;
  std::size_t at = 0;
  for (const Dim& atom : a) {
    if (at < b.size() && atom == b[at]) {
      ++at;
    } else {
      rest.push_back(atom);
    }
  }
  if (at < b.size()) return std::nullopt;
  return rest;
}

namespace {

std::optional<Term> divide_term(const Term& a, const Term& b) {
  if (b.coefficient == 0 || (a.coefficient == INT64_MIN && b.coefficient == -1)) return std::nullopt;
  if (a.coefficient % b.coefficient != 0) return std::nullopt;
  auto atoms = without(a.atoms, b.atoms);
  if (!atoms) return std::nullopt;
  return Term{a.coefficient / b.coefficient, *std::move(atoms)};
}

}  // namespace

std::optional<Dim> divide_exactly(const Dim& a, const Dim& b) {
  constexpr int kStepsMax = 64;
  const Terms divisor = terms_of(b);
  if (divisor.empty()) return std::nullopt;
  Dim rest = a;
  Terms quotient;
  for (int step = 0; step < kStepsMax; ++step) {
    const Terms terms = terms_of(rest);
    if (terms.empty()) return sum_of(std::move(quotient));
    auto lead = divide_term(terms[0], divisor[0]);
    if (!lead) return std::nullopt;
    Dim less = rest - dim_of(*lead) * b;
    const Terms left = terms_of(less);
    if (!left.empty() && compare_atoms(left[0].atoms, terms[0].atoms) <= 0)
      return std::nullopt;  // opaque: no progress
    quotient.push_back(*std::move(lead));
    rest = std::move(less);
  }
  return std::nullopt;
}

}  // namespace dim_parts

namespace {

using dim_parts::dim_of;
using dim_parts::Term;
using dim_parts::Terms;
using dim_parts::terms_of;

/// a = quotient * b + rest, then rest and b freed of what all of them share: `common`.
struct Split {
  Dim quotient, rest, divisor, common;
};

Term common_of(const Terms& terms, const Term& divisor) {
  Term common = divisor;
  for (const Term& term : terms) {
    common.coefficient = std::gcd(common.coefficient, term.coefficient);
    std::vector<Dim> shared;
    std::set_intersection(common.atoms.begin(), common.atoms.end(), term.atoms.begin(), term.atoms.end(),
                          std::back_inserter(shared),
                          [](const Dim& a, const Dim& b) { return Dim::compare(a, b) < 0; });
    common.atoms = std::move(shared);
  }
  return common;
}

/// Only for a divisor of one term with a positive coefficient; otherwise nothing is split.
Split split(const Dim& a, const Dim& b) {
  const Terms divisor = terms_of(b);
  Split out{0, a, b, 1};
  if (divisor.size() != 1 || divisor[0].coefficient <= 0) return out;
  Terms rest;
  std::vector<Dim> quotient;
  for (const Term& term : terms_of(a)) {
    const Dim part = dim_of(term);
    if (auto exact = dim_parts::divide_exactly(part, b)) {
      quotient.push_back(*std::move(exact));
    } else {
      rest.push_back(term);
    }
  }
  out.quotient = dim_parts::add_all(std::move(quotient));
  out.common = rest.empty() ? Dim(1) : dim_of(common_of(rest, divisor[0]));
  auto left = dim_parts::sum_of(std::move(rest));
  auto rest_divided = left ? dim_parts::divide_exactly(*left, out.common) : std::nullopt;
  auto divisor_divided = dim_parts::divide_exactly(b, out.common);
  if (!rest_divided || !divisor_divided) return {0, a, b, 1};
  out.rest = *std::move(rest_divided);
  out.divisor = *std::move(divisor_divided);
  return out;
}

/// A single atom of `kind` with a positive numeric divisor, plus a constant.
struct Inner {
  Dim atom;
  std::int64_t divisor = 0;
  std::int64_t constant = 0;
};
std::optional<Inner> inner_division(const Terms& terms, Dim::Kind kind) {
  if (terms.empty() || terms.size() > 2 || terms[0].coefficient != 1 || terms[0].atoms.size() != 1)
    return std::nullopt;
  if (terms.size() == 2 && !terms[1].atoms.empty()) return std::nullopt;
  const Dim& atom = terms[0].atoms[0];
  if (atom.kind() != kind || !atom.operands()[1].is_number() || atom.operands()[1].number() <= 0)
    return std::nullopt;
  return Inner{atom, atom.operands()[1].number(), terms.size() == 2 ? terms[1].coefficient : 0};
}

Dim floor_div_positive(const Dim& a, std::int64_t c) {
  if (c == 1) return a;
  Terms whole, rest;
  std::int64_t constant = 0;
  std::int64_t common = c;
  for (const Term& term : terms_of(a)) {
    const std::int64_t quotient = dim_parts::floor_quotient(term.coefficient, c);
    const std::int64_t left = *dim_parts::divide_numbers(Dim::Kind::kMod, term.coefficient, c);
    if (quotient) whole.push_back({quotient, term.atoms});
    if (left && term.atoms.empty()) constant = left;
    if (left && !term.atoms.empty()) {
      rest.push_back({left, term.atoms});
      common = std::gcd(common, left);
    }
  }
  const Dim outside = *dim_parts::sum_of(std::move(whole));  // coefficients only shrank
  if (rest.empty()) return outside;
  for (Term& term : rest) term.coefficient /= common;
  if (constant / common) rest.push_back({constant / common, {}});
  c /= common;
  if (const auto inner = inner_division(rest, Dim::Kind::kFloorDiv)) {
    std::int64_t divisor = 0, shift = 0;
    if (!__builtin_mul_overflow(inner->divisor, c, &divisor) &&
        !__builtin_mul_overflow(inner->divisor, inner->constant, &shift))
      return outside + floor_div(inner->atom.operands()[0] + Dim(shift), divisor);
  }
  return outside + DimParts::make(Dim::Kind::kFloorDiv, {*dim_parts::sum_of(std::move(rest)), Dim(c)});
}

Dim mod_positive(const Dim& a, std::int64_t c) {
  if (c == 1) return 0;
  Terms rest;
  std::int64_t common = c;
  for (const Term& term : terms_of(a)) {
    const auto left = dim_parts::divide_numbers(Dim::Kind::kMod, term.coefficient, c);
    if (*left) rest.push_back({*left, term.atoms});
    common = std::gcd(common, *left);
  }
  if (rest.empty()) return 0;
  if (rest.size() == 1 && rest[0].atoms.empty()) return rest[0].coefficient;
  for (Term& term : rest) term.coefficient /= common;
  c /= common;
  const auto inner = inner_division(rest, Dim::Kind::kMod);
  if (inner && inner->divisor % c == 0)
    return Dim(common) * mod_positive(inner->atom.operands()[0] + Dim(inner->constant), c);
  if (inner && inner->constant == 0 && inner->divisor <= c) return Dim(common) * inner->atom;
  return Dim(common) * DimParts::make(Dim::Kind::kMod, {*dim_parts::sum_of(std::move(rest)), Dim(c)});
}

}  // namespace

Dim floor_div(const Dim& a, const Dim& b) {
  if (a.is_number() && b.is_number())
    if (const auto number = dim_parts::divide_numbers(Dim::Kind::kFloorDiv, a.number(), b.number()))
      return *number;
  if (b.is_number() && b.number() > 0) return floor_div_positive(a, b.number());
  if (b.is_number() && b.number() < 0 && b.number() != INT64_MIN && !a.is_number())
    return floor_div_positive(a * Dim(-1), -b.number());
  if (b.is_number()) return DimParts::make(Dim::Kind::kFloorDiv, {a, b});
  if (auto exact = dim_parts::divide_exactly(a, b)) return *std::move(exact);
  const Split parts = split(a, b);
  if (parts.rest == Dim(0)) return parts.quotient;
  if (parts.divisor.is_number() && parts.divisor.number() > 0)
    return parts.quotient + floor_div_positive(parts.rest, parts.divisor.number());
  return parts.quotient + DimParts::make(Dim::Kind::kFloorDiv, {parts.rest, parts.divisor});
}

Dim ceil_div(const Dim& a, const Dim& b) {
  if (a.is_number() && b.is_number())
    if (const auto number = dim_parts::divide_numbers(Dim::Kind::kCeilDiv, a.number(), b.number()))
      return *number;
  if (b.is_number() && b.number() > 0) return floor_div(a + Dim(b.number() - 1), b);
  if (b.is_number() && b.number() < 0 && b.number() != INT64_MIN && !a.is_number())
    return ceil_div(a * Dim(-1), Dim(-b.number()));
  if (b.is_number()) return DimParts::make(Dim::Kind::kCeilDiv, {a, b});
  if (auto exact = dim_parts::divide_exactly(a, b)) return *std::move(exact);
  const Split parts = split(a, b);
  if (parts.rest == Dim(0)) return parts.quotient;
  if (parts.divisor.is_number() && parts.divisor.number() > 0)
    return parts.quotient + ceil_div(parts.rest, parts.divisor);
  return parts.quotient + DimParts::make(Dim::Kind::kCeilDiv, {parts.rest, parts.divisor});
}

Dim mod(const Dim& a, const Dim& b) {
  if (a.is_number() && b.is_number())
    if (const auto number = dim_parts::divide_numbers(Dim::Kind::kMod, a.number(), b.number()))
      return *number;
  if (b.is_number() && b.number() > 0) return mod_positive(a, b.number());
  if (b.is_number()) return DimParts::make(Dim::Kind::kMod, {a, b});
  if (dim_parts::divide_exactly(a, b)) return 0;
  const Split parts = split(a, b);
  if (parts.rest == Dim(0)) return 0;
  if (parts.divisor.is_number() && parts.divisor.number() > 0)
    return parts.common * mod_positive(parts.rest, parts.divisor.number());
  return parts.common * DimParts::make(Dim::Kind::kMod, {parts.rest, parts.divisor});
}

// ---- Proofs
// ----------------------------------------------------------------------------------------------------------

namespace {

/// Proves dim >= 0 by looking at terms; bounds a negative term from above by what it cannot exceed. `budget`
/// ends it.
class Prover {
 public:
  bool not_negative(const Dim& dim) {
    if (budget_-- <= 0) return false;
    const Terms terms = terms_of(dim);
    std::size_t bad = terms.size();
    for (std::size_t i = 0; i < terms.size(); ++i)
      if (!term_not_negative(terms[i])) bad = std::min(bad, i);
    if (bad == terms.size()) return true;
    for (const Term& term : terms)
      if (term.atoms.size() == 1 && by_replacing(dim, term)) return true;
    return false;
  }

 private:
  bool term_not_negative(const Term& term) {
    if (term.coefficient < 0) return false;
    return std::all_of(term.atoms.begin(), term.atoms.end(),
                       [&](const Dim& atom) { return atom_not_negative(atom); });
  }

  bool atom_not_negative(const Dim& atom) {
    if (atom.is_symbol()) return true;
    if (budget_-- <= 0) return false;
    const auto operands = atom.operands();
    const auto proven = [&](const Dim& operand) { return not_negative(operand); };
    switch (atom.kind()) {
      case Dim::Kind::kMod:
        return proven(operands[1]);
      case Dim::Kind::kMax:
        return std::any_of(operands.begin(), operands.end(), proven);
      default:
        return std::all_of(operands.begin(), operands.end(), proven);
    }
  }

  /// dim with one atom replaced by something that makes it smaller (or by each of what it may be).
  bool by_replacing(const Dim& dim, const Term& term) {
    const Dim& atom = term.atoms[0];
    const auto operands = atom.operands();
    const Dim rest = dim - dim_of(term);
    const auto holds = [&](const Dim& other) { return not_negative(rest + Dim(term.coefficient) * other); };
    const bool up = term.coefficient > 0;
    switch (atom.kind()) {
      case Dim::Kind::kMin:
      case Dim::Kind::kMax:
        if ((atom.kind() == Dim::Kind::kMax) == up)
          return std::any_of(operands.begin(), operands.end(), holds);
        return std::all_of(operands.begin(), operands.end(), holds);
      case Dim::Kind::kFloorDiv:  // floor(n/c) <= n for n >= 0, c >= 1
        return !up && operands[1].is_number() && operands[1].number() > 0 && not_negative(operands[0]) &&
               holds(operands[0]);
      case Dim::Kind::kMod:
        if (up || !operands[1].is_number() || operands[1].number() <= 0) return false;
        return holds(operands[1].number() - 1) || (not_negative(operands[0]) && holds(operands[0]));
      default:
        return false;
    }
  }

  int budget_ = 48;
};

}  // namespace

bool provably_at_least(const Dim& a, const Dim& b) {
  if (a.is_number() && b.is_number()) return a.number() >= b.number();
  constexpr std::uint32_t kWeightProven = 128;  // larger forms are not worth the search
  const auto weight = [](const Dim& dim) { return DimParts::node(dim) ? DimParts::node(dim)->weight : 1; };
  return a == b || (weight(a) + weight(b) <= kWeightProven && Prover().not_negative(a - b));
}

namespace dim_parts {

Dim extremum(Dim::Kind kind, std::vector<Dim> dims) {
  constexpr std::size_t kProvenMax = 8;  // more operands are kept as they are
  const bool least = kind == Dim::Kind::kMin;
  std::vector<Dim> flat;
  for (const Dim& dim : dims) {
    if (dim.kind() == kind) {
      flat.insert(flat.end(), dim.operands().begin(), dim.operands().end());
    } else {
      flat.push_back(dim);
    }
  }
  std::sort(flat.begin(), flat.end(), [](const Dim& a, const Dim& b) { return Dim::compare(a, b) < 0; });
  flat.erase(std::unique(flat.begin(), flat.end()), flat.end());
  const auto numbers_end =
      std::find_if(flat.begin(), flat.end(), [](const Dim& dim) { return !dim.is_number(); });
  if (numbers_end - flat.begin() > 1) {  // sorted: the first is the least
    const Dim kept = least ? flat.front() : *(numbers_end - 1);
    flat.erase(flat.begin() + 1, numbers_end);
    flat[0] = kept;
  }
  for (std::size_t i = 0; flat.size() <= kProvenMax && i < flat.size();) {
    bool dominated = false;
    for (std::size_t j = 0; j < flat.size() && !dominated; ++j)
      dominated =
          j != i && (least ? provably_at_least(flat[i], flat[j]) : provably_at_least(flat[j], flat[i]));
    if (dominated) {
      flat.erase(flat.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
  return flat.size() == 1 ? flat[0] : DimParts::make(kind, std::move(flat));
}

}  // namespace dim_parts

Dim min(const Dim& a, const Dim& b) { return dim_parts::extremum(Dim::Kind::kMin, {a, b}); }
Dim max(const Dim& a, const Dim& b) { return dim_parts::extremum(Dim::Kind::kMax, {a, b}); }

}  // namespace rlx
