// SPDX-License-Identifier: Apache-2.0
// A norm is a product of three: what is normed, the inverse root of its mean square, gamma. Beta is added later.
#include "runtime/compile/passes/recompose_norms.h"

#include "runtime/compile/passes/match.h"

namespace rlx {
namespace {

struct Root {
  ValueId mean_square;
  double eps;
};

/// mean_square and eps where the factor is 1 / sqrt(mean_square + eps).
std::optional<Root> inverse_root(const Rewriter& rewriter, const Product::Factor& factor) {
  const Node* node = rewriter.maker(factor.value);
  if (!node || !node->ns.empty()) return std::nullopt;
  const std::int64_t fn = attr_i64(*node, RLX_ATTR_FN, 0);
  bool root = node->op == RLX_OP_UNARY && fn == (factor.inverse ? RLX_UNARY_SQRT : RLX_UNARY_RSQRT);
  if (node->op == RLX_OP_BINARY && fn == RLX_BINARY_POW) {
    const auto power = rewriter.number(node->operands[1]);
    root = power && *power == (factor.inverse ? 0.5 : -0.5);
  }
  if (!root) return std::nullopt;
  const auto shifted = shifted_of(rewriter, node->operands[0]);
  if (!shifted || !(shifted->shift >= 0)) return std::nullopt;
  return Root{shifted->value, shifted->shift};
}

/// x where d is x - mean(x); else kAbsent.
ValueId centered_of(const Rewriter& rewriter, ValueId d) {
  const Node* node = rewriter.maker(d, RLX_OP_BINARY, RLX_BINARY_SUB);
  if (!node) return kAbsent;
  return mean_of_last_axis(rewriter, node->operands[1]) == node->operands[0] ? node->operands[0] : kAbsent;
}

/// Tries the three factors in the roles (normed, root, gamma).
bool from_factors(Rewriter& rewriter, const Node& node, const Product& product, std::size_t d, std::size_t r, std::size_t g) {
  if (product.factors[d].inverse || product.factors[g].inverse) return false;
  const auto root = inverse_root(rewriter, product.factors[r]);
  if (!root) return false;
  const ValueId normed = product.factors[d].value;
  const Shape shape = rewriter.shape(normed);
  if (shape.rank() == 0 || !(shape == rewriter.shape(node.results[0]))) return false;
  const ValueId squared = square_of(rewriter, mean_of_last_axis(rewriter, root->mean_square));
  const ValueId gamma = vector_of(rewriter, product.factors[g].value, shape.dims.back());
  if (squared != normed || gamma == kAbsent) return false;
  const ValueId x = centered_of(rewriter, normed);
  Attributes attributes{{RLX_ATTR_AXIS, Dim(static_cast<std::int64_t>(shape.rank()) - 1)}, {RLX_ATTR_EPS, root->eps}};
  if (x != kAbsent) return rewriter.replace_with_composite(node, RLX_OP_LAYER_NORM, {x, gamma}, std::move(attributes));
  return rewriter.replace_with_composite(node, RLX_OP_RMS_NORM, {normed, gamma}, std::move(attributes));
}

void from_product(Rewriter& rewriter, const Node& node) {
  const auto product = product_of(rewriter, node);
  if (!product || product->coefficient != 1 || product->factors.size() != 3) return;
  constexpr std::size_t kRoles[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  for (const auto& [d, r, g] : kRoles)
    if (from_factors(rewriter, node, *product, d, r, g)) return;
}

/// A layer norm without beta, plus a vector.
void take_beta(Rewriter& rewriter, const Node& node) {
  if (attr_i64(node, RLX_ATTR_FN, 0) != RLX_BINARY_ADD) return;
  for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
    const ValueId y = node.operands[side];
    const Node* norm = rewriter.maker(y, RLX_OP_LAYER_NORM);
    if (!norm || norm->operands.size() != 2 || !rewriter.read_once(y)) continue;
    const Shape& shape = rewriter.shape(y);
    const auto last = static_cast<std::int64_t>(shape.rank()) - 1;
    const ValueId beta = vector_of(rewriter, node.operands[1 - side], shape.dims.back());
    if (beta == kAbsent || attr_i64(*norm, RLX_ATTR_AXIS, last) != last || !(rewriter.shape(node.results[0]) == shape)) continue;
    std::vector<ValueId> operands = norm->operands;
    operands.push_back(beta);
    rewriter.replace_with_composite(node, RLX_OP_LAYER_NORM, std::move(operands), norm->attributes);
    return;
  }
}

}  // namespace

Status recompose_norms(Graph& graph) {
  Rewriter(graph).run([](Rewriter& rewriter, const Node& node) {
    if (!is_core(node, RLX_OP_BINARY)) return;
    from_product(rewriter, node);
    take_beta(rewriter, node);
  });
  return {};
}

}  // namespace rlx
