// SPDX-License-Identifier: Apache-2.0
// op(broadcast(x), ..) becomes broadcast(op(x, ..)), axis by axis where no operand needs the axis.
#include "runtime/compile/passes/sink_broadcasts.h"

#include "runtime/compile/passes/rewrite.h"

namespace rlx {
namespace {

bool is_elementwise(const Node& node) {
  if (!node.ns.empty() || node.results.size() != 1) return false;
  return node.op == RLX_OP_UNARY || node.op == RLX_OP_BINARY || node.op == RLX_OP_COMPARE || node.op == RLX_OP_SELECT ||
         node.op == RLX_OP_CAST;
}

/// What an operand is before it was broadcast, at the same rank.
ValueId narrow(const Rewriter& rewriter, ValueId id) {
  while (const Node* view = rewriter.maker(id, RLX_OP_BROADCAST)) {
    if (rewriter.shape(view->operands[0]).rank() != rewriter.shape(id).rank()) break;
    id = view->operands[0];
  }
  return id;
}

}  // namespace

Status sink_broadcasts(Graph& graph) {
  Rewriter(graph).run([](Rewriter& rewriter, const Node& node) {
    if (!is_elementwise(node)) return;
    const Shape wide = rewriter.shape(node.results[0]);
    std::vector<ValueId> operands;
    for (const ValueId id : node.operands) operands.push_back(narrow(rewriter, id));
    if (operands == node.operands) return;
    MirBuilder builder(rewriter.graph());
    const ValueId small = builder.add(node.op, std::move(operands), node.attributes, {}, node.name);
    const ValueId made = builder.broadcast(small, wide.dims);  // nothing where no axis was lost
    if (builder.status()) rewriter.replace(node.results[0], made);
  });
  return {};
}

}  // namespace rlx
