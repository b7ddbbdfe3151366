// SPDX-License-Identifier: Apache-2.0
// Expressions are texts; a throw-away builder puts each into its one canonical form, so that equal ones look
// equal.
#include "runtime/import/onnx/element.h"

#include <algorithm>
#include <cctype>

namespace rlx::onnx_import {
namespace {

constexpr std::size_t kTextMax = 1000;

bool is_symbol(const std::string& text) {
  const auto goes_on = [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '.'; };
  return !text.empty() && !std::isdigit(static_cast<unsigned char>(text[0])) &&
         std::all_of(text.begin(), text.end(), goes_on);
}

/// Sums and products of symbols (each 1 or more) and numbers other than 0: at least 1.
bool is_plainly_positive(const std::string& text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '-' || c == ',') return false;
    const bool starts_number =
        c == '0' && (i == 0 || !(std::isalnum(static_cast<unsigned char>(text[i - 1])) ||
                                 text[i - 1] == '_' || text[i - 1] == '.'));
    if (starts_number) return false;
  }
  return !text.empty();
}

std::string text_of(const Element& element) {
  if (element.is_expression())
    return is_symbol(element.expression()) ? element.expression() : "(" + element.expression() + ")";
  return element.number() < 0 ? "(" + std::to_string(element.number()) + ")"
                              : std::to_string(element.number());
}

std::string call(const char* name, const Element& a, const Element& b) {
  return std::string(name) + "(" + text_of(a) + ", " + text_of(b) + ")";
}

bool integral(const Element& a, const Element& b) { return !a.is_real() && !b.is_real(); }
bool whole(const Element& a, const Element& b) { return a.is_whole() && b.is_whole(); }

/// a + b of lower bounds, "nothing known" staying so.
std::int64_t bound_sum(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  return a == INT64_MIN || b == INT64_MIN || __builtin_add_overflow(a, b, &sum) ? INT64_MIN : sum;
}

}  // namespace

Element Element::whole(std::int64_t value) {
  Element element;
  element.number_ = value;
  return element;
}

Element Element::real(double value) {
  Element element;
  element.kind_ = Kind::kReal;
  element.real_ = value;
  return element;
}

Element Element::size(const Size& size) {
  Element element = whole(size.number());
  if (size.expression().empty()) return element;
  element.kind_ = Kind::kExpression;
  element.text_ = size.expression();
  element.least_ = is_plainly_positive(element.text_) ? 1 : 0;
  return element;
}

bool Element::same(const Element& other) const {
  if (kind_ != other.kind_) return false;
  return is_expression() ? text_ == other.text_ : is_real() ? real_ == other.real_ : number_ == other.number_;
}

std::optional<Element> simplified(const std::string& text, std::int64_t least) {
  if (text.size() > kTextMax) return std::nullopt;
  ModelBuilder scratch;
  const Sizes sizes = scratch.dims(scratch.input("x", DType::kF32, {Size(text)}));
  if (scratch.failed() || sizes.size() != 1) return std::nullopt;
  if (sizes[0].expression().empty()) return Element::whole(sizes[0].number());
  const std::string& form = sizes[0].expression();
  // The runtime writes what has grown past its own bounds as a division by 0.
  if (form.size() > kTextMax || form.find(", 0)") != std::string::npos) return std::nullopt;
  Element element = Element::size(sizes[0]);
  element.least_ = std::max(least, is_plainly_positive(element.text_) ? std::int64_t{1} : INT64_MIN);
  return element;
}

std::optional<Element> add(const Element& a, const Element& b) {
  if (!integral(a, b)) return std::nullopt;
  std::int64_t sum = 0;
  if (whole(a, b))
    return __builtin_add_overflow(a.number(), b.number(), &sum) ? std::nullopt
                                                                : std::optional(Element::whole(sum));
  return simplified(text_of(a) + " + " + text_of(b), bound_sum(a.least(), b.least()));
}

std::optional<Element> sub(const Element& a, const Element& b) {
  if (!integral(a, b)) return std::nullopt;
  std::int64_t difference = 0;
  if (whole(a, b))
    return __builtin_sub_overflow(a.number(), b.number(), &difference)
               ? std::nullopt
               : std::optional(Element::whole(difference));
  const bool fixed = b.is_whole() && b.number() != INT64_MIN;
  return simplified(text_of(a) + " - " + text_of(b), fixed ? bound_sum(a.least(), -b.number()) : INT64_MIN);
}

std::optional<Element> mul(const Element& a, const Element& b) {
  if (!integral(a, b)) return std::nullopt;
  std::int64_t product = 0;
  if (whole(a, b))
    return __builtin_mul_overflow(a.number(), b.number(), &product) ? std::nullopt
                                                                    : std::optional(Element::whole(product));
  const bool rising =
      a.least() >= 0 && b.least() >= 0 && !__builtin_mul_overflow(a.least(), b.least(), &product);
  return simplified(text_of(a) + " * " + text_of(b), rising ? product : INT64_MIN);
}

std::optional<Element> div(const Element& a, const Element& b) {
  if (!integral(a, b) || (b.is_whole() && b.number() == 0)) return std::nullopt;
  if (whole(a, b))
    return a.number() == INT64_MIN ? std::nullopt : std::optional(Element::whole(a.number() / b.number()));
  if (a.least() < 0 || b.least() < 1) return std::nullopt;
  return simplified(call("floordiv", a, b), 0);
}

std::optional<Element> ceil_div(const Element& a, const Element& b) {
  if (!b.is_whole() || b.number() < 1 || a.is_real()) return std::nullopt;
  if (a.is_whole()) return Element::whole(a.number() / b.number() + (a.number() % b.number() > 0));
  return simplified(call("ceildiv", a, b), a.least() >= 0 ? 0 : INT64_MIN);
}

std::optional<Element> floor_mod(const Element& a, const Element& b) {
  if (!integral(a, b) || (b.is_whole() && b.number() == 0)) return std::nullopt;
  if (whole(a, b)) {
    if (b.number() == -1) return Element::whole(0);
    const std::int64_t rest = a.number() % b.number();
    return Element::whole(rest != 0 && (rest < 0) != (b.number() < 0) ? rest + b.number() : rest);
  }
  if (a.least() < 0 || b.least() < 1) return std::nullopt;
  return simplified(call("mod", a, b), 0);
}

std::optional<Element> min(const Element& a, const Element& b) {
  if (!integral(a, b)) return std::nullopt;
  if (less(b, a) == false) return a;
  if (less(a, b) == false) return b;
  return simplified(call("min", a, b), std::min(a.least(), b.least()));
}

std::optional<Element> max(const Element& a, const Element& b) {
  if (!integral(a, b)) return std::nullopt;
  if (less(b, a) == false) return b;
  if (less(a, b) == false) return a;
  return simplified(call("max", a, b), std::max(a.least(), b.least()));
}

std::optional<bool> less(const Element& a, const Element& b) {
  if (!a.is_expression() && !b.is_expression())
    return whole(a, b) ? a.number() < b.number() : a.value() < b.value();
  if (!integral(a, b)) return std::nullopt;
  if (a.same(b)) return false;
  if (a.is_whole() && a.number() < b.least()) return true;
  if (b.is_whole() && b.number() <= a.least()) return false;
  if (!a.is_expression() || !b.is_expression()) return std::nullopt;
  const auto gap = sub(b, a);
  if (gap && gap->least() >= 1) return true;
  const auto other = sub(a, b);
  if (other && other->least() >= 0) return false;
  return std::nullopt;
}

std::optional<bool> equal(const Element& a, const Element& b) {
  if (!a.is_expression() && !b.is_expression())
    return whole(a, b) ? a.number() == b.number() : a.value() == b.value();
  if (!integral(a, b)) return std::nullopt;
  if (a.same(b)) return true;
  const auto below = less(a, b), above = less(b, a);
  if ((below && *below) || (above && *above)) return false;
  return std::nullopt;
}

}  // namespace rlx::onnx_import
