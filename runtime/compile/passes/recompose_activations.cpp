// SPDX-License-Identifier: Apache-2.0
// The activations are products, so the order in which an exporter multiplied does not matter.
#include "runtime/compile/passes/recompose_activations.h"

#include <cmath>

#include "runtime/compile/passes/match.h"

namespace rlx {
namespace {

const double kSqrtHalf = std::sqrt(0.5);
const double kSqrtTwoOverPi = std::sqrt(2 / 3.14159265358979323846);
constexpr double kCubic = 0.044715;

/// coefficient * x * y, neither divided by.
bool is_pair(const Product& product) {
  return product.factors.size() == 2 && !product.factors[0].inverse && !product.factors[1].inverse;
}

bool is_power(const Product& product, ValueId x, std::size_t power) {
  if (product.factors.size() != power) return false;
  for (const Product::Factor& factor : product.factors)
    if (factor.value != x || factor.inverse) return false;
  return true;
}

/// u where `id` is fn(u) + 1, fn read by nobody else; else kAbsent.
ValueId one_plus(const Rewriter& rewriter, ValueId id, std::uint32_t fn) {
  const auto shifted = shifted_of(rewriter, id);
  if (!shifted || shifted->shift != 1 || !rewriter.read_once(shifted->value)) return kAbsent;
  const Node* node = rewriter.maker(shifted->value, RLX_OP_UNARY, fn);
  return node ? node->operands[0] : kAbsent;
}

/// x + kCubic * x^3, unscaled.
bool is_cubic(const Rewriter& rewriter, ValueId id, ValueId x, DType dtype) {
  const Node* sum = rewriter.maker(id, RLX_OP_BINARY, RLX_BINARY_ADD);
  if (!sum) return false;
  for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
    if (sum->operands[side] != x) continue;
    const Product cube = product_of(rewriter, sum->operands[1 - side]);
    if (near(cube.coefficient, kCubic, dtype) && is_power(cube, x, 3)) return true;
  }
  return false;
}

/// sqrt(2/pi) * (x + kCubic * x^3), or sqrt(2/pi) * x * (1 + kCubic * x^2).
bool is_tanh_argument(const Rewriter& rewriter, ValueId id, ValueId x, DType dtype) {
  const Product product = product_of(rewriter, id);
  if (!near(product.coefficient, kSqrtTwoOverPi, dtype)) return false;
  if (product.factors.size() == 1 && !product.factors[0].inverse) return is_cubic(rewriter, product.factors[0].value, x, dtype);
  if (!is_pair(product)) return false;
  for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
    if (product.factors[side].value != x) continue;
    const auto shifted = shifted_of(rewriter, product.factors[1 - side].value);
    if (!shifted || shifted->shift != 1) continue;
    const Product square = product_of(rewriter, shifted->value);
    if (near(square.coefficient, kCubic, dtype) && is_power(square, x, 2)) return true;
  }
  return false;
}

/// The activation that x * gate * coefficient is.
std::uint32_t act_of(const Rewriter& rewriter, ValueId x, ValueId gate, double coefficient) {
  const DType dtype = rewriter.shape(x).dtype;
  if (coefficient == 1) {
    const Node* sigmoid = rewriter.maker(gate, RLX_OP_UNARY, RLX_UNARY_SIGMOID);
    return sigmoid && sigmoid->operands[0] == x ? RLX_ACT_SILU : RLX_ACT_NONE;
  }
  if (coefficient != 0.5) return RLX_ACT_NONE;
  if (const ValueId u = one_plus(rewriter, gate, RLX_UNARY_ERF); u != kAbsent) {
    const Scaled scaled = scaled_of(rewriter, u);
    return scaled.value == x && near(scaled.factor, kSqrtHalf, dtype) ? RLX_ACT_GELU_ERF : RLX_ACT_NONE;
  }
  const ValueId u = one_plus(rewriter, gate, RLX_UNARY_TANH);
  return u != kAbsent && is_tanh_argument(rewriter, u, x, dtype) ? RLX_ACT_GELU_TANH : RLX_ACT_NONE;
}

bool from_product(Rewriter& rewriter, const Node& node) {
  const auto product = product_of(rewriter, node);
  if (!product || !is_pair(*product)) return false;
  for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
    const ValueId x = product->factors[side].value, gate = product->factors[1 - side].value;
    if (!(rewriter.shape(x) == rewriter.shape(node.results[0]))) continue;
    const std::uint32_t act = act_of(rewriter, x, gate, product->coefficient);
    if (act != RLX_ACT_NONE) return rewriter.replace_with_composite(node, RLX_OP_ACT, {x}, {{RLX_ATTR_FN, Dim(act)}});
  }
  return false;
}

/// x / (1 + exp(-x)).
bool silu_from_quotient(Rewriter& rewriter, const Node& node) {
  const auto product = product_of(rewriter, node);
  if (!product || product->coefficient != 1 || product->factors.size() != 2) return false;
  if (product->factors[0].inverse || !product->factors[1].inverse) return false;
  const ValueId x = product->factors[0].value;
  const ValueId u = one_plus(rewriter, product->factors[1].value, RLX_UNARY_EXP);
  const Node* negative = rewriter.maker(u, RLX_OP_UNARY, RLX_UNARY_NEG);
  if (!negative || negative->operands[0] != x || !(rewriter.shape(x) == rewriter.shape(node.results[0]))) return false;
  return rewriter.replace_with_composite(node, RLX_OP_ACT, {x}, {{RLX_ATTR_FN, Dim(RLX_ACT_SILU)}});
}

/// max(x, 0).
bool relu_from_max(Rewriter& rewriter, const Node& node) {
  if (attr_i64(node, RLX_ATTR_FN, 0) != RLX_BINARY_MAX) return false;
  for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
    const auto floor = rewriter.number(node.operands[1 - side]);
    const ValueId x = node.operands[side];
    if (!floor || *floor != 0 || !(rewriter.shape(x) == rewriter.shape(node.results[0]))) continue;
    return rewriter.replace_with_composite(node, RLX_OP_ACT, {x}, {{RLX_ATTR_FN, Dim(RLX_ACT_RELU)}});
  }
  return false;
}

/// act(a) * b of one shape.
bool gate(Rewriter& rewriter, const Node& node) {
  if (attr_i64(node, RLX_ATTR_FN, 0) != RLX_BINARY_MUL) return false;
  const Shape& shape = rewriter.shape(node.results[0]);
  for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
    const ValueId gated = node.operands[side], b = node.operands[1 - side];
    const Node* act = rewriter.maker(gated, RLX_OP_ACT);
    if (!act || !is_float(shape.dtype) || !rewriter.read_once(gated) || !(rewriter.shape(gated) == shape) || !(rewriter.shape(b) == shape))
      continue;
    Attributes attributes = act->attributes;
    attributes[RLX_ATTR_ACT] = attributes[RLX_ATTR_FN];
    attributes.erase(RLX_ATTR_FN);
    return rewriter.replace_with_composite(node, RLX_OP_GATED_ACT, {act->operands[0], b}, std::move(attributes));
  }
  return false;
}

}  // namespace

Status recompose_activations(Graph& graph) {
  Rewriter(graph).run([](Rewriter& rewriter, const Node& node) {
    if (!is_core(node, RLX_OP_BINARY)) return;
    from_product(rewriter, node) || silu_from_quotient(rewriter, node) || relu_from_max(rewriter, node) || gate(rewriter, node);
  });
  return {};
}

}  // namespace rlx
