// SPDX-License-Identifier: Apache-2.0
// Folding of element-wise operators on small known tensors. Whatever cannot be computed exactly is left to
// the run.
#include <cmath>
#include <functional>

#include "runtime/import/onnx/op_table.h"

namespace rlx::onnx_import {
namespace {

using Maybe = std::optional<Element>;

/// numpy's rule on plain dims; empty where they do not fit or the result is too large.
std::optional<std::vector<std::int64_t>> joined(const std::vector<std::int64_t>& a,
                                                const std::vector<std::int64_t>& b) {
  std::vector<std::int64_t> dims(std::max(a.size(), b.size()), 1);
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const std::int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1, y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1) return std::nullopt;
    dims[dims.size() - 1 - i] = x == 1 ? y : x;
  }
  return known_count(dims) ? std::optional(dims) : std::nullopt;
}

/// The element of `from` under flat position `at` of `dims`.
const Element& under(const Known& from, const std::vector<std::int64_t>& dims, std::size_t at) {
  std::size_t index = 0, stride = 1;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const auto size = static_cast<std::size_t>(dims[dims.size() - 1 - i]);
    const std::size_t here = at % size;
    at /= size;
    if (i >= from.dims.size()) continue;
    const auto own = static_cast<std::size_t>(from.dims[from.dims.size() - 1 - i]);
    index += own == 1 ? 0 : here * stride;
    stride *= own;
  }
  return from.elements[index];
}

/// Applies `f` to elements side by side. Empty where any is.
template <class F>
std::optional<Known> apply(const Known& a, const Known& b, DType dtype, F f) {
  const auto dims = joined(a.dims, b.dims);
  if (!dims || a.dtype != b.dtype) return std::nullopt;
  Known result{dtype, *dims, {}};
  const std::size_t count = *known_count(*dims);
  for (std::size_t i = 0; i < count; ++i) {
    Maybe element = f(under(a, *dims, i), under(b, *dims, i));
    if (element) element = rounded(*element, dtype);
    if (!element) return std::nullopt;
    result.elements.push_back(std::move(*element));
  }
  return result;
}

template <class F>
bool fold_each(Node& node, F f) {
  const Known* x = node.known(0);
  if (!x) return false;
  Known result{x->dtype, x->dims, {}};
  for (const Element& element : x->elements) {
    Maybe folded = f(element);
    if (folded) folded = rounded(*folded, x->dtype);
    if (!folded) return false;
    result.elements.push_back(std::move(*folded));
  }
  node.out(0, std::move(result));
  return true;
}

/// A real that is a whole number becomes one, so that floats which hold sizes stay exact.
Element settled(const Element& element) {
  if (!element.is_real() || element.value() != std::floor(element.value()) ||
      std::abs(element.value()) > 1e15)
    return element;
  return Element::whole(static_cast<std::int64_t>(element.value()));
}

Maybe real_arithmetic(const std::string& op, const Element& a, const Element& b) {
  if (a.is_expression() || b.is_expression()) {
    const Element x = settled(a), y = settled(b);
    if (op == "Add" || op == "Sum") return add(x, y);
    if (op == "Sub") return sub(x, y);
    if (op == "Mul") return mul(x, y);
    if (op == "Min") return min(x, y);
    if (op == "Max") return max(x, y);
    return std::nullopt;
  }
  const double x = a.value(), y = b.value();
  if (op == "Add" || op == "Sum") return Element::real(x + y);
  if (op == "Sub") return Element::real(x - y);
  if (op == "Mul") return Element::real(x * y);
  if (op == "Div") return Element::real(x / y);
  if (std::isnan(x) || std::isnan(y)) return std::nullopt;
  if (op == "Min") return Element::real(std::fmin(x, y));
  if (op == "Max") return Element::real(std::fmax(x, y));
  return std::nullopt;
}

Maybe whole_arithmetic(const std::string& op, const Element& a, const Element& b) {
  if (op == "Add" || op == "Sum") return add(a, b);
  if (op == "Sub") return sub(a, b);
  if (op == "Mul") return mul(a, b);
  if (op == "Div") return div(a, b);
  if (op == "Mod") return floor_mod(a, b);
  if (op == "Min") return min(a, b);
  if (op == "Max") return max(a, b);
  return std::nullopt;
}

Maybe truth(std::optional<bool> value) {
  return value ? Maybe(Element::whole(*value ? 1 : 0)) : std::nullopt;
}

Maybe compared(const std::string& op, const Element& a, const Element& b) {
  if (op == "Equal") return truth(equal(a, b));
  if (op == "Less") return truth(less(a, b));
  if (op == "Greater") return truth(less(b, a));
  if ((a.is_real() && std::isnan(a.value())) || (b.is_real() && std::isnan(b.value()))) return std::nullopt;
  if (op == "LessOrEqual" || op == "GreaterOrEqual") {
    const auto wrong = op == "LessOrEqual" ? less(b, a) : less(a, b);
    return wrong ? truth(!*wrong) : std::nullopt;
  }
  if (!a.is_whole() || !b.is_whole()) return std::nullopt;
  const bool x = a.number() != 0, y = b.number() != 0;
  if (op == "And") return truth(x && y);
  if (op == "Or") return truth(x || y);
  if (op == "Xor") return truth(x != y);
  return std::nullopt;
}

Maybe unary(const std::string& op, const Element& x) {
  if (x.is_expression()) {
    const bool kept = op == "Floor" || op == "Ceil" || op == "Round" || (op == "Abs" && x.least() >= 0);
    if (kept) return x;
    return op == "Neg" ? sub(Element::whole(0), x) : std::nullopt;
  }
  const bool whole = x.is_whole();
  if (op == "Neg") return whole ? sub(Element::whole(0), x) : Element::real(-x.value());
  if (op == "Abs")
    return whole && x.number() == INT64_MIN ? std::nullopt
           : whole                          ? Maybe(Element::whole(std::abs(x.number())))
                                            : Element::real(std::abs(x.value()));
  if (whole) return op == "Not" ? truth(x.number() == 0) : std::nullopt;
  if (op == "Sqrt") return Element::real(std::sqrt(x.value()));
  if (op == "Floor") return Element::real(std::floor(x.value()));
  if (op == "Ceil") return Element::real(std::ceil(x.value()));
  return std::nullopt;
}

}  // namespace

bool fold_arithmetic(Node& node) {
  const Known* first = node.known(0);
  if (!first || (node.op_type() == "Mod" && node.integer("fmod", 0) != 0)) return false;
  std::optional<Known> result = *first;
  for (std::size_t i = 1; i < node.inputs(); ++i) {
    const Known* next = node.known(i);
    if (!next || !result) return false;
    result = apply(*result, *next, result->dtype, [&](const Element& a, const Element& b) {
      return is_float(first->dtype) ? real_arithmetic(node.op_type(), a, b)
                                    : whole_arithmetic(node.op_type(), a, b);
    });
  }
  if (!result) return false;
  node.out(0, std::move(*result));
  return true;
}

bool fold_compare(Node& node) {
  const Known *a = node.known(0), *b = node.known(1);
  if (!a || !b) return false;
  auto result = apply(*a, *b, DType::kBool,
                      [&](const Element& x, const Element& y) { return compared(node.op_type(), x, y); });
  if (result) node.out(0, std::move(*result));
  return result.has_value();
}

bool fold_unary(Node& node) {
  return fold_each(node, [&](const Element& x) { return unary(node.op_type(), x); });
}

bool fold_where(Node& node) {
  const Known *condition = node.known(0), *yes = node.known(1), *no = node.known(2);
  if (!condition || !yes || !no || yes->dtype != no->dtype || !condition->plain()) return false;
  const auto inner = joined(yes->dims, no->dims);
  const auto dims = inner ? joined(condition->dims, *inner) : std::nullopt;
  if (!dims) return false;
  Known result{yes->dtype, *dims, {}};
  for (std::size_t i = 0; i < *known_count(*dims); ++i)
    result.elements.push_back(under(under(*condition, *dims, i).number() != 0 ? *yes : *no, *dims, i));
  node.out(0, std::move(result));
  return true;
}

bool fold_cast(Node& node) {
  const Known* x = node.known(0);
  const DType to = node.op_type() == "CastLike" ? node.dtype(1) : cast_target(node);
  if (!x || node.failed()) return false;
  Known result{to, x->dims, {}};
  for (const Element& element : x->elements) {
    auto cast = rounded(element, to);
    if (!cast) return false;
    result.elements.push_back(std::move(*cast));
  }
  node.out(0, std::move(result));
  return true;
}

}  // namespace rlx::onnx_import
