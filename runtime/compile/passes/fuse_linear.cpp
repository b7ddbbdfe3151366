// SPDX-License-Identifier: Apache-2.0
// linear grows one step at a time: the sweep meets dot, bias, activation and residual in this order, and each step
// replaces the linear before it.
#include "runtime/compile/passes/fuse_linear.h"

#include "runtime/compile/passes/match.h"

namespace rlx {
namespace {

bool is_weight(const Rewriter& rewriter, ValueId id) {
  const ValueKind kind = rewriter.graph().values[id].kind;
  return (kind == ValueKind::kParam || kind == ValueKind::kConstant) && rewriter.shape(id).rank() == 2;
}

bool is_list(const Node& node, std::uint32_t key, std::initializer_list<std::int64_t> wanted) {
  return attr_i64s(node, key) == std::vector<std::int64_t>(wanted);
}

/// dot(x[.., K], w[K, N]) or dot(x[.., K], w[N, K]), w a weight or the transpose of one.
void from_dot(Rewriter& rewriter, const Node& node) {
  const ValueId x = node.operands[0];
  ValueId w = node.operands[1];
  const Shape& shape = rewriter.shape(x);
  if (!is_float(shape.dtype) || shape.rank() < 1 || !(rewriter.shape(node.results[0]).dtype == shape.dtype)) return;
  if (!is_list(node, RLX_ATTR_BATCH_A, {}) || !is_list(node, RLX_ATTR_CONTRACT_A, {static_cast<std::int64_t>(shape.rank()) - 1})) return;
  const std::vector<std::int64_t> contract = attr_i64s(node, RLX_ATTR_CONTRACT_B);
  if (contract.size() != 1) return;
  std::int64_t k_axis = contract[0];
  if (const Node* turned = rewriter.maker(w, RLX_OP_TRANSPOSE); turned && is_list(*turned, RLX_ATTR_PERM, {1, 0})) {
    w = turned->operands[0];
    k_axis = 1 - k_axis;
  }
  if (!is_weight(rewriter, w) || rewriter.shape(w).dtype != shape.dtype) return;
  Attributes attributes{{RLX_ATTR_PARTS, Dim(1)},
                        {RLX_ATTR_W_LAYOUT, Dim(k_axis == 1 ? RLX_W_LAYOUT_NK : RLX_W_LAYOUT_KN)}};
  if (const auto acc = node.attributes.find(RLX_ATTR_ACC); acc != node.attributes.end()) attributes.insert(*acc);
  rewriter.replace_with_composite(node, RLX_OP_LINEAR, {x, w}, std::move(attributes));
}

/// The linear of one part and no residual that made `id` for one reader only.
const Node* open_linear(const Rewriter& rewriter, ValueId id) {
  const Node* linear = rewriter.maker(id, RLX_OP_LINEAR);
  const bool open = linear && rewriter.read_once(id) && attr_i64(*linear, RLX_ATTR_PARTS, 1) == 1 &&
                    attr_i64(*linear, RLX_ATTR_HAS_RESIDUAL, 0) == 0;
  return open ? linear : nullptr;
}

bool has_act(const Node& linear) { return attr_i64(linear, RLX_ATTR_ACT, RLX_ACT_NONE) != RLX_ACT_NONE; }

bool add_bias(Rewriter& rewriter, const Node& node, std::size_t side) {
  const ValueId product = node.operands[side];
  const Node* linear = open_linear(rewriter, product);
  if (!linear || has_act(*linear) || attr_i64(*linear, RLX_ATTR_HAS_BIAS, 0) != 0) return false;
  const ValueId bias = vector_of(rewriter, node.operands[1 - side], rewriter.shape(product).dims.back());
  if (bias == kAbsent || !(rewriter.shape(node.results[0]) == rewriter.shape(product))) return false;
  std::vector<ValueId> operands = linear->operands;
  operands.push_back(bias);
  Attributes attributes = linear->attributes;
  attributes[RLX_ATTR_HAS_BIAS] = Dim(1);
  return rewriter.replace_with_composite(node, RLX_OP_LINEAR, std::move(operands), std::move(attributes));
}

bool add_residual(Rewriter& rewriter, const Node& node, std::size_t side) {
  const Node* linear = open_linear(rewriter, node.operands[side]);
  const ValueId residual = node.operands[1 - side];
  if (!linear || !(rewriter.shape(residual) == rewriter.shape(node.operands[side]))) return false;
  std::vector<ValueId> operands = linear->operands;
  operands.push_back(residual);
  Attributes attributes = linear->attributes;
  attributes[RLX_ATTR_HAS_RESIDUAL] = Dim(1);
  return rewriter.replace_with_composite(node, RLX_OP_LINEAR, std::move(operands), std::move(attributes));
}

void from_add(Rewriter& rewriter, const Node& node) {
  if (attr_i64(node, RLX_ATTR_FN, 0) != RLX_BINARY_ADD) return;
  // A bias first: x + b has no other place to go. Then the later operand: the residual stream is the older one.
  for (const std::size_t side : {std::size_t{0}, std::size_t{1}})
    if (add_bias(rewriter, node, side)) return;
  const std::size_t later = node.operands[1] > node.operands[0] ? 1 : 0;
  if (!add_residual(rewriter, node, later)) add_residual(rewriter, node, 1 - later);
}

void take_act(Rewriter& rewriter, const Node& node, std::int64_t act) {
  const Node* linear = open_linear(rewriter, node.operands[0]);
  if (!linear || has_act(*linear) || act == RLX_ACT_NONE) return;
  Attributes attributes = linear->attributes;
  attributes[RLX_ATTR_ACT] = Dim(act);
  for (const std::uint32_t key : {RLX_ATTR_ACT_ALPHA, RLX_ATTR_ACT_BETA}) {
    attributes.erase(key);
    if (const auto found = node.attributes.find(key); found != node.attributes.end()) attributes.insert(*found);
  }
  rewriter.replace_with_composite(node, RLX_OP_LINEAR, linear->operands, std::move(attributes));
}

std::int64_t act_of_unary(const Node& node) {
  const std::int64_t fn = attr_i64(node, RLX_ATTR_FN, 0);
  if (fn == RLX_UNARY_SIGMOID) return RLX_ACT_SIGMOID;
  return fn == RLX_UNARY_TANH ? RLX_ACT_TANH : RLX_ACT_NONE;
}

}  // namespace

Status fuse_linear(Graph& graph) {
  Rewriter(graph).run([](Rewriter& rewriter, const Node& node) {
    if (is_core(node, RLX_OP_DOT)) from_dot(rewriter, node);
    if (is_core(node, RLX_OP_BINARY)) from_add(rewriter, node);
    if (is_core(node, RLX_OP_ACT)) take_act(rewriter, node, attr_i64(node, RLX_ATTR_FN, RLX_ACT_NONE));
    if (is_core(node, RLX_OP_UNARY)) take_act(rewriter, node, act_of_unary(node));
  });
  return {};
}

}  // namespace rlx
