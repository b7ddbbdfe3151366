// SPDX-License-Identifier: Apache-2.0
// Only sums of two tensors of the very same shape, and only norms over the last axis.
#include "runtime/compile/passes/fuse_residual_norm.h"

#include "runtime/compile/passes/rewrite.h"

namespace rlx {
namespace {

/// Value -> the first node, by index, that reads it.
std::vector<std::size_t> first_readers(const Graph& graph) {
  std::vector<std::size_t> first(graph.values.size(), SIZE_MAX);
  for (std::size_t i = graph.nodes.size(); i-- > 0;)
    for (const ValueId id : graph.nodes[i].operands)
      if (id != kAbsent) first[id] = i;
  return first;
}

bool is_row_norm(const Rewriter& rewriter, const Node& node) {
  if (!is_core(node, RLX_OP_LAYER_NORM) && !is_core(node, RLX_OP_RMS_NORM)) return false;
  const auto last = static_cast<std::int64_t>(rewriter.shape(node.operands[0]).rank()) - 1;
  return attr_i64(node, RLX_ATTR_HAS_RESIDUAL, 0) == 0 && attr_i64(node, RLX_ATTR_AXIS, last) == last;
}

void fuse(Rewriter& rewriter, const Node& node, bool reads_first) {
  const ValueId sum = node.operands[0];
  const Node* add = rewriter.maker(sum, RLX_OP_BINARY, RLX_BINARY_ADD);
  if (!add) return;
  const ValueId x = add->operands[0], residual = add->operands[1];
  if (!(rewriter.shape(x) == rewriter.shape(sum)) || !(rewriter.shape(residual) == rewriter.shape(sum))) return;
  const bool shared = !rewriter.read_once(sum);
  if (shared && !reads_first) return;  // somebody before us needs the sum
  std::vector<ValueId> operands{x, residual};
  operands.insert(operands.end(), node.operands.begin() + 1, node.operands.end());
  Attributes attributes = node.attributes;
  attributes[RLX_ATTR_HAS_RESIDUAL] = Dim(1);
  MirBuilder builder(rewriter.graph());
  const ValueId y = add_composite(builder, node.op, std::move(operands), std::move(attributes), node.name, shared ? 2 : 1);
  if (!builder.status() || !rewriter.replace(node.results[0], y)) return;
  if (shared) rewriter.replace(sum, y + 1);
}

}  // namespace

Status fuse_residual_norm(Graph& graph) {
  const std::vector<std::size_t> first = first_readers(graph);
  std::vector<std::size_t> place(graph.values.size(), SIZE_MAX);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    for (const ValueId id : graph.nodes[i].results) place[id] = i;
  Rewriter(graph).run([&](Rewriter& rewriter, const Node& node) {
    if (!is_row_norm(rewriter, node)) return;
    const ValueId sum = node.operands[0];
    const bool reads_first = sum < first.size() && first[sum] == place[node.results[0]];
    fuse(rewriter, node, reads_first);
  });
  return {};
}

}  // namespace rlx
