// SPDX-License-Identifier: Apache-2.0
// One element of a small tensor that is known while importing: a whole number, a real, or an expression over
// the model's symbols. Exporters compute shapes with tensors; here that arithmetic is done on expressions,
// exactly or not at all (an empty answer means: leave it to the run).
#pragma once

#include <rlx/host/model.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace rlx::onnx_import {

class Element {
 public:
  Element() = default;
  static Element whole(std::int64_t value);
  static Element real(double value);
  /// `size` as builders print them; sizes of tensors are 0 or more, symbols 1 or more.
  static Element size(const Size& size);

  bool is_whole() const { return kind_ == Kind::kWhole; }
  bool is_real() const { return kind_ == Kind::kReal; }
  bool is_expression() const { return kind_ == Kind::kExpression; }
  std::int64_t number() const { return number_; }                                    ///< of whole numbers
  double value() const { return is_real() ? real_ : static_cast<double>(number_); }  ///< of numbers
  const std::string& expression() const { return text_; }                            ///< of expressions
  std::int64_t least() const { return is_whole() ? number_ : least_; }  ///< never more than the value
  Size to_size() const { return is_expression() ? Size(text_) : Size(number_); }
  bool same(const Element& other) const;

 private:
  friend std::optional<Element> simplified(const std::string& text, std::int64_t least);
  enum class Kind { kWhole, kReal, kExpression };
  Kind kind_ = Kind::kWhole;
  std::int64_t number_ = 0;
  double real_ = 0;
  std::string text_;
  std::int64_t least_ = INT64_MIN;
};

/// Arithmetic of whole numbers and expressions; empty where it overflows, grows too long or is no expression.
std::optional<Element> add(const Element& a, const Element& b);
std::optional<Element> sub(const Element& a, const Element& b);
std::optional<Element> mul(const Element& a, const Element& b);
/// Truncating division, as ONNX's Div of integers; of expressions only where rounding cannot matter.
std::optional<Element> div(const Element& a, const Element& b);
std::optional<Element> ceil_div(const Element& a, const Element& b);
std::optional<Element> floor_mod(const Element& a, const Element& b);
std::optional<Element> min(const Element& a, const Element& b);
std::optional<Element> max(const Element& a, const Element& b);

/// a < b and a == b where they can be told for every size of the symbols.
std::optional<bool> less(const Element& a, const Element& b);
std::optional<bool> equal(const Element& a, const Element& b);

}  // namespace rlx::onnx_import
