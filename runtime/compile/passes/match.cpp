// SPDX-License-Identifier: Apache-2.0
#include "runtime/compile/passes/match.h"

#include <cmath>

namespace rlx {
namespace {

constexpr std::size_t kMostFactors = 8;

/// Takes products apart, down to what others read too.
class Taker {
 public:
  explicit Taker(const Rewriter& rewriter) : rewriter_(rewriter) {}

  bool node(const Node& node, bool inverse) {
    if (!node.ns.empty()) return false;
    const std::int64_t fn = attr_i64(node, RLX_ATTR_FN, 0);
    if (node.op == RLX_OP_UNARY && fn == RLX_UNARY_RECIP) return value(node.operands[0], !inverse);
    if (node.op != RLX_OP_BINARY || !is_float(rewriter_.shape(node.results[0]).dtype)) return false;
    if (fn == RLX_BINARY_MUL) return value(node.operands[0], inverse) && value(node.operands[1], inverse);
    if (fn == RLX_BINARY_DIV) return value(node.operands[0], inverse) && value(node.operands[1], !inverse);
    if (fn != RLX_BINARY_POW) return false;
    const auto power = rewriter_.number(node.operands[1]);
    if (!power || (*power != 2 && *power != 3)) return false;
    for (int i = 0; i < static_cast<int>(*power); ++i)
      if (!value(node.operands[0], inverse)) return false;
    return true;
  }

  bool value(ValueId id, bool inverse) {
    if (const auto number = rewriter_.number(id)) {
      product.coefficient = inverse ? product.coefficient / *number : product.coefficient * *number;
      return true;
    }
    const Product before = product;
    const Node* maker = rewriter_.maker(id);
    if (maker && rewriter_.read_once(id) && node(*maker, inverse)) return true;
    product = before;
    product.factors.push_back({id, inverse});
    return product.factors.size() <= kMostFactors;
  }

  Product product;

 private:
  const Rewriter& rewriter_;
};

double slack(DType dtype) {
  if (dtype == DType::kF16) return 6e-4;
  if (dtype == DType::kBF16) return 5e-3;
  return 1e-6;
}

/// A scalar that is `size`, as number or as data made by `dim`.
bool is_size(const Rewriter& rewriter, ValueId id, const Dim& size) {
  if (size.is_number()) {
    const auto number = rewriter.number(id);
    return number && *number == static_cast<double>(size.number());
  }
  while (const Node* node = rewriter.maker(id)) {
    if (is_core(*node, RLX_OP_DIM)) return attr_dim(*node, RLX_ATTR_VALUE, 0) == size;
    if (!is_core(*node, RLX_OP_CAST) && !is_core(*node, RLX_OP_RESHAPE)) return false;
    id = node->operands[0];
  }
  return false;
}

}  // namespace

std::optional<Product> product_of(const Rewriter& rewriter, const Node& node) {
  Taker taker(rewriter);
  if (!taker.node(node, false)) return std::nullopt;
  return taker.product;
}

Product product_of(const Rewriter& rewriter, ValueId id) {
  const Node* maker = rewriter.maker(id);
  if (maker)
    if (auto product = product_of(rewriter, *maker)) return *std::move(product);
  return {1, {{id, false}}};
}

Scaled scaled_of(const Rewriter& rewriter, ValueId id) {
  const Product product = product_of(rewriter, id);
  const bool one = product.factors.size() == 1 && !product.factors[0].inverse;
  if (!one || !(rewriter.shape(product.factors[0].value) == rewriter.shape(id))) return {id, 1};
  return {product.factors[0].value, product.coefficient};
}

bool near(double seen, double wanted, DType dtype) { return std::fabs(seen - wanted) <= slack(dtype) * std::fabs(wanted); }

std::optional<Shifted> shifted_of(const Rewriter& rewriter, ValueId id) {
  const Node* node = rewriter.maker(id, RLX_OP_BINARY);
  if (!node) return std::nullopt;
  const std::int64_t fn = attr_i64(*node, RLX_ATTR_FN, 0);
  const auto left = rewriter.number(node->operands[0]), right = rewriter.number(node->operands[1]);
  if (fn == RLX_BINARY_ADD && right) return Shifted{node->operands[0], *right};
  if (fn == RLX_BINARY_ADD && left) return Shifted{node->operands[1], *left};
  if (fn == RLX_BINARY_SUB && right) return Shifted{node->operands[0], -*right};
  return std::nullopt;
}

ValueId mean_of_last_axis(const Rewriter& rewriter, ValueId id) {
  const Node* node = rewriter.maker(id, RLX_OP_BINARY);
  if (!node) return kAbsent;
  const std::int64_t fn = attr_i64(*node, RLX_ATTR_FN, 0);
  for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
    const Node* sum = rewriter.maker(node->operands[side], RLX_OP_REDUCE, RLX_REDUCE_SUM);
    if (!sum || attr_i64(*sum, RLX_ATTR_KEEP, 0) != 1 || sum->attributes.contains(RLX_ATTR_ACC)) continue;
    const ValueId x = sum->operands[0], scale = node->operands[1 - side];
    const Shape& shape = rewriter.shape(x);
    if (shape.rank() == 0 || attr_i64s(*sum, RLX_ATTR_AXES) != std::vector<std::int64_t>{static_cast<std::int64_t>(shape.rank()) - 1})
      continue;
    const Dim& size = shape.dims.back();
    if (fn == RLX_BINARY_DIV && side == 0 && is_size(rewriter, scale, size)) return x;
    const auto number = rewriter.number(scale);
    if (fn == RLX_BINARY_MUL && number && size.is_number() && size.number() > 0 &&
        near(*number, 1.0 / static_cast<double>(size.number()), shape.dtype))
      return x;
  }
  return kAbsent;
}

ValueId square_of(const Rewriter& rewriter, ValueId id) {
  const Node* node = rewriter.maker(id, RLX_OP_BINARY);
  if (!node) return kAbsent;
  const std::int64_t fn = attr_i64(*node, RLX_ATTR_FN, 0);
  if (fn == RLX_BINARY_MUL && node->operands[0] == node->operands[1]) return node->operands[0];
  if (fn != RLX_BINARY_POW) return kAbsent;
  const auto power = rewriter.number(node->operands[1]);
  return power && *power == 2 ? node->operands[0] : kAbsent;
}

ValueId vector_of(const Rewriter& rewriter, ValueId id, const Dim& size) {
  const Dims dims = rewriter.shape(id).dims;
  for (std::size_t axis = 0; axis + 1 < dims.size(); ++axis)
    if (!is_one(dims[axis])) return kAbsent;
  if (dims.empty() || !(dims.back() == size)) return kAbsent;
  while (rewriter.shape(id).rank() != 1) {
    const Node* view = rewriter.maker(id, RLX_OP_RESHAPE);
    if (!view) return kAbsent;
    id = view->operands[0];
  }
  return rewriter.shape(id).dims == Dims{size} ? id : kAbsent;
}

}  // namespace rlx
