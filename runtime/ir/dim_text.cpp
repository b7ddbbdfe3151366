// SPDX-License-Identifier: Apache-2.0
// Dims as text, both ways. The parser reads hostile text: its recursion and the size of what it builds are
// bounded.
#include <algorithm>

#include "runtime/ir/dim_parts.h"
#include "runtime/ir/shape.h"

namespace rlx {
namespace {

using dim_parts::Term;
using dim_parts::Terms;

constexpr int kNestingMax = 4 * static_cast<int>(Dim::kDepthMax);
constexpr std::size_t kTextMax = std::size_t{1} << 20;
constexpr std::uint32_t kLeavesMax = 4 * Dim::kWeightMax;  // more than any dim prints

std::string call_text(std::string_view name, std::span<const Dim> operands) {
  std::string text(name);
  for (std::size_t i = 0; i < operands.size(); ++i) text += (i ? ", " : "(") + operands[i].to_string();
  return text + ")";
}

/// floordiv(a + c - 1, c) is written as the ceildiv that it most likely was.
std::string floor_div_text(const Dim& dim) {
  const auto operands = dim.operands();
  if (!operands[1].is_number() || operands[1].number() < 2) return call_text("floordiv", operands);
  const Terms terms = dim_parts::terms_of(operands[0]);
  if (!terms.empty() && terms.back().atoms.empty() && terms.back().coefficient == operands[1].number() - 1) {
    const Dim parts[] = {operands[0] - Dim(terms.back().coefficient), operands[1]};
    return call_text("ceildiv", parts);
  }
  return call_text("floordiv", operands);
}

std::string opaque_text(const Dim& dim) {
  const std::string_view sign = dim.kind() == Dim::Kind::kAdd ? " + " : "*";
  std::string text = "(";
  for (const Dim& operand : dim.operands()) {
    if (text.size() > 1) text += sign;
    const bool bare =
        operand.is_symbol() || (operand.is_number() && operand.number() >= 0) || DimParts::opaque(operand);
    text += bare ? operand.to_string() : "(" + operand.to_string() + ")";
  }
  return text + ")";
}

std::string atom_text(const Dim& atom) {
  switch (atom.kind()) {
    case Dim::Kind::kSymbol:
      return DimParts::node(atom)->name;
    case Dim::Kind::kFloorDiv:
      return floor_div_text(atom);
    case Dim::Kind::kCeilDiv:
      return call_text("ceildiv", atom.operands());
    case Dim::Kind::kMod:
      return call_text("mod", atom.operands());
    case Dim::Kind::kMin:
      return call_text("min", atom.operands());
    case Dim::Kind::kMax:
      return call_text("max", atom.operands());
    default:
      return opaque_text(atom);
  }
}

std::string term_text(const Term& term) {
  if (term.atoms.empty()) return std::to_string(term.coefficient);
  std::string text;
  if (term.coefficient == -1) text = "-";
  if (term.coefficient != 1 && term.coefficient != -1) text = std::to_string(term.coefficient) + "*";
  for (std::size_t i = 0; i < term.atoms.size(); ++i) text += (i ? "*" : "") + atom_text(term.atoms[i]);
  return text;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Dim> all() {
    if (text_.size() > kTextMax)
      return fail(ErrorCode::kParseError, "a dim of ", text_.size(), " bytes; at most ", kTextMax);
    RLX_ASSIGN(Dim dim, sum());
    skip_spaces();
    if (at_ != text_.size()) return wrong("the end");
    return dim;
  }

 private:
  Error wrong(std::string_view wanted) const {
    const std::string seen =
        at_ < text_.size() ? join("`", text_.substr(at_, 16), "`") : std::string("the end");
    return fail(ErrorCode::kParseError, "column ", at_ + 1, ": ", seen, ", wanted ", wanted);
  }
  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool take(char c) {
    skip_spaces();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool name_goes_on() const {
    const char c = text_[at_];
    return Dim::is_symbol_name(std::string_view(&c, 1)) || c == '.' || digit();
  }
  bool digit() const { return at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; }

  Result<Dim> sum() {
    if (++nesting_ > kNestingMax) return wrong(join("at most ", kNestingMax, " levels"));
    std::vector<Dim> parts;
    bool minus = false;
    do {
      RLX_ASSIGN(Dim part, product_of_factors());
      parts.push_back(minus ? part * Dim(-1) : part);
      minus = take('-');
    } while (minus || take('+'));
    --nesting_;
    return parts.size() == 1 ? parts[0] : dim_parts::add_all(std::move(parts));
  }

  Result<Dim> product_of_factors() {
    const bool minus = take('-');
    skip_spaces();
    RLX_ASSIGN(Dim all, minus && digit() ? number(true) : factor());
    if (minus && !all.is_number()) all = all * Dim(-1);
    while (take('*')) {
      RLX_ASSIGN(const Dim next, factor());
      all = all * next;
    }
    return all;
  }

  Result<Dim> number(bool minus) {
    std::uint64_t value = 0;
    const std::uint64_t most = static_cast<std::uint64_t>(INT64_MAX) + minus;
    for (; digit(); ++at_) {
      const std::uint64_t next = static_cast<std::uint64_t>(text_[at_] - '0');
      if (value > (most - next) / 10) return wrong("a number of 64 bits");
      value = value * 10 + next;
    }
    return Dim(static_cast<std::int64_t>(minus ? 0 - value : value));
  }

  Result<Dim> factor() {
    skip_spaces();
    if (++leaves_ > kLeavesMax) return wrong(join("at most ", kLeavesMax, " operands"));
    if (digit()) return number(false);
    if (take('(')) {
      RLX_ASSIGN(Dim inner, sum());
      if (!take(')')) return wrong("`)`");
      return inner;
    }
    const std::size_t first = at_;
    while (at_ < text_.size() && (at_ == first ? Dim::is_symbol_name(text_.substr(at_, 1)) : name_goes_on()))
      ++at_;
    if (at_ == first) return wrong("a number, a symbol or `(`");
    const std::string_view name = text_.substr(first, at_ - first);
    if (!take('(')) return Dim::symbol(name);
    return call(name);
  }

  Result<Dim> call(std::string_view name) {
    std::vector<Dim> operands;
    do {
      RLX_ASSIGN(Dim operand, sum());
      operands.push_back(std::move(operand));
    } while (take(','));
    if (!take(')')) return wrong("`,` or `)`");
    if (name == "min" && !operands.empty()) return dim_parts::extremum(Dim::Kind::kMin, std::move(operands));
    if (name == "max" && !operands.empty()) return dim_parts::extremum(Dim::Kind::kMax, std::move(operands));
    if (operands.size() == 2 && name == "floordiv") return floor_div(operands[0], operands[1]);
    if (operands.size() == 2 && name == "ceildiv") return ceil_div(operands[0], operands[1]);
    if (operands.size() == 2 && name == "mod") return mod(operands[0], operands[1]);
    return fail(ErrorCode::kParseError, "column ", at_, ": `", name, "` of ", operands.size(),
                " operands, wanted floordiv, ceildiv or mod of two, min or max");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int nesting_ = 0;
  std::uint32_t leaves_ = 0;
};

}  // namespace

std::string Dim::to_string() const {
  if (is_number()) return std::to_string(number_);
  std::string text;
  for (const Term& term : dim_parts::terms_of(*this)) {
    const bool minus = term.coefficient < 0 && term.coefficient != INT64_MIN;
    if (text.empty()) {
      text = term_text(term);
    } else {
      text += minus ? " - " : " + ";
      text += term_text(minus ? Term{-term.coefficient, term.atoms} : term);
    }
  }
  return text;
}

std::string to_string(std::span<const Dim> dims) {
  std::string text = "[";
  for (std::size_t i = 0; i < dims.size(); ++i) text += (i ? ", " : "") + dims[i].to_string();
  return text + "]";
}

std::string to_string(const Shape& shape) {
  return std::string(dtype_name(shape.dtype)) + to_string(std::span<const Dim>(shape.dims));
}

Result<Dim> parse_dim(std::string_view text) { return Parser(text).all(); }

}  // namespace rlx
