// SPDX-License-Identifier: Apache-2.0
// As fuse_linear, with one difference of the op's: the residual is added before the activation.
#include "runtime/compile/passes/fuse_conv.h"

#include "runtime/compile/passes/rewrite.h"

namespace rlx {
namespace {

/// The convolution without activation that made `id` for one reader only.
const Node* open_conv(const Rewriter& rewriter, ValueId id) {
  const Node* node = rewriter.maker(id);
  if (!node || !rewriter.read_once(id) || !is_float(rewriter.shape(id).dtype)) return nullptr;
  if (!is_core(*node, RLX_OP_CONV) && !is_core(*node, RLX_OP_CONV_ACT)) return nullptr;
  const bool same_dtype = rewriter.shape(node->operands[0]).dtype == rewriter.shape(id).dtype;
  return same_dtype && attr_i64(*node, RLX_ATTR_ACT, RLX_ACT_NONE) == RLX_ACT_NONE ? node : nullptr;
}

bool has(const Node& node, std::uint32_t key) { return attr_i64(node, key, 0) != 0; }

/// The vector of one element a channel that `id` is, spread over axis 1 of `shape`; else kAbsent.
ValueId channel_vector(const Rewriter& rewriter, ValueId id, const Shape& shape) {
  const Node* view = rewriter.maker(id, RLX_OP_RESHAPE);
  if (!view) return kAbsent;
  Dims wanted(shape.rank(), Dim(1));
  wanted[1] = shape.dims[1];
  const ValueId vector = view->operands[0];
  const bool fits = rewriter.shape(id).dims == wanted && rewriter.shape(vector).dims == Dims{shape.dims[1]};
  return fits ? vector : kAbsent;
}

bool add(Rewriter& rewriter, const Node& node, std::size_t side) {
  const ValueId y = node.operands[side], other = node.operands[1 - side];
  const Node* conv = open_conv(rewriter, y);
  const Shape shape = rewriter.shape(y);
  if (!conv || has(*conv, RLX_ATTR_HAS_RESIDUAL) || !(rewriter.shape(node.results[0]) == shape)) return false;
  std::vector<ValueId> operands = conv->operands;
  Attributes attributes = conv->attributes;
  if (const ValueId bias = channel_vector(rewriter, other, shape); bias != kAbsent && !has(*conv, RLX_ATTR_HAS_BIAS)) {
    operands.push_back(bias);
    attributes[RLX_ATTR_HAS_BIAS] = Dim(1);
  } else if (rewriter.shape(other) == shape) {
    operands.push_back(other);
    attributes[RLX_ATTR_HAS_RESIDUAL] = Dim(1);
  } else {
    return false;
  }
  return rewriter.replace_with_composite(node, RLX_OP_CONV_ACT, std::move(operands), std::move(attributes));
}

void take_act(Rewriter& rewriter, const Node& node) {
  const Node* conv = open_conv(rewriter, node.operands[0]);
  const std::int64_t act = attr_i64(node, RLX_ATTR_FN, RLX_ACT_NONE);
  if (!conv || act == RLX_ACT_NONE) return;
  Attributes attributes = conv->attributes;
  attributes[RLX_ATTR_ACT] = Dim(act);
  for (const std::uint32_t key : {RLX_ATTR_ACT_ALPHA, RLX_ATTR_ACT_BETA})
    if (const auto found = node.attributes.find(key); found != node.attributes.end()) attributes[key] = found->second;
  rewriter.replace_with_composite(node, RLX_OP_CONV_ACT, conv->operands, std::move(attributes));
}

}  // namespace

Status fuse_conv(Graph& graph) {
  Rewriter(graph).run([](Rewriter& rewriter, const Node& node) {
    if (is_core(node, RLX_OP_ACT)) take_act(rewriter, node);
    if (!is_core(node, RLX_OP_BINARY) || attr_i64(node, RLX_ATTR_FN, 0) != RLX_BINARY_ADD) return;
    const std::size_t later = node.operands[1] > node.operands[0] ? 1 : 0;
    if (!add(rewriter, node, later)) add(rewriter, node, 1 - later);
  });
  return {};
}

}  // namespace rlx
