// SPDX-License-Identifier: Apache-2.0
// Only the form that subtracts the maximum: without it the exporter's numbers may overflow, and ours would not.
#include "runtime/compile/passes/recompose_softmax.h"

#include "runtime/compile/passes/rewrite.h"

namespace rlx {
namespace {

/// The reduction `fn` of `x` over one axis, kept as 1, that made `id`: its axis.
std::optional<std::int64_t> reduced_axis(const Rewriter& rewriter, ValueId id, std::uint32_t fn, ValueId x) {
  const Node* node = rewriter.maker(id, RLX_OP_REDUCE, fn);
  if (!node || node->operands[0] != x || attr_i64(*node, RLX_ATTR_KEEP, 0) != 1) return std::nullopt;
  const auto axes = attr_i64s(*node, RLX_ATTR_AXES);
  return axes.size() == 1 ? std::optional(axes[0]) : std::nullopt;
}

void from_quotient(Rewriter& rewriter, const Node& node) {
  const ValueId exps = node.operands[0];
  const auto axis = reduced_axis(rewriter, node.operands[1], RLX_REDUCE_SUM, exps);
  const Node* exp = rewriter.maker(exps, RLX_OP_UNARY, RLX_UNARY_EXP);
  if (!axis || !exp) return;
  const Node* shifted = rewriter.maker(exp->operands[0], RLX_OP_BINARY, RLX_BINARY_SUB);
  if (!shifted || reduced_axis(rewriter, shifted->operands[1], RLX_REDUCE_MAX, shifted->operands[0]) != axis) return;
  rewriter.replace_with_composite(node, RLX_OP_SOFTMAX, {shifted->operands[0]}, {{RLX_ATTR_AXIS, Dim(*axis)}});
}

}  // namespace

Status recompose_softmax(Graph& graph) {
  Rewriter(graph).run([](Rewriter& rewriter, const Node& node) {
    if (is_core(node, RLX_OP_BINARY) && attr_i64(node, RLX_ATTR_FN, 0) == RLX_BINARY_DIV) from_quotient(rewriter, node);
  });
  return {};
}

}  // namespace rlx
