// SPDX-License-Identifier: Apache-2.0
// Decided on expressions: what is folded is folded for every binding.
#include "runtime/compile/passes/fold_views.h"

#include "runtime/compile/passes/rewrite.h"

namespace rlx {
namespace {

bool keeps_order(const std::vector<std::int64_t>& perm) {
  for (std::size_t i = 0; i < perm.size(); ++i)
    if (perm[i] != static_cast<std::int64_t>(i)) return false;
  return true;
}

/// Starts at 0 with step 1 on every axis; with equal dims that is everything.
bool takes_all(const Node& node) {
  for (const Dim& start : attr_dims(node, RLX_ATTR_START))
    if (!(start == Dim(0))) return false;
  for (const Dim& step : attr_dims(node, RLX_ATTR_STEP))
    if (!is_one(step)) return false;
  return true;
}

bool changes_nothing(const Rewriter& rewriter, const Node& node) {
  switch (node.op) {
    case RLX_OP_RESHAPE:
    case RLX_OP_BROADCAST:
      return true;  // with equal dims, as the caller asks
    case RLX_OP_TRANSPOSE:
      return keeps_order(attr_i64s(node, RLX_ATTR_PERM));
    case RLX_OP_SLICE:
      return takes_all(node);
    case RLX_OP_CAST:
      return true;  // to the same dtype
    case RLX_OP_COPY:
      return rewriter.maker(node.operands[0]) != nullptr;
    default:
      return false;
  }
}

void reshape_of_reshape(Rewriter& rewriter, const Node& node) {
  const Node* inner = rewriter.maker(node.operands[0], RLX_OP_RESHAPE);
  if (!inner) return;
  const ValueId source = inner->operands[0];
  if (rewriter.may_replace(node.results[0], source)) {
    rewriter.replace(node.results[0], source);
    return;
  }
  MirBuilder builder(rewriter.graph());
  const ValueId made = builder.reshape(source, rewriter.shape(node.results[0]).dims);
  if (builder.status()) rewriter.replace(node.results[0], made);
}

/// [lead.., a, b] -> [lead, a, b] -> [lead, b, a] -> [lead.., b, a] is one transpose.
bool reshape_of_transpose_of_reshape(Rewriter& rewriter, const Node& node) {
  const Node* turned = rewriter.maker(node.operands[0], RLX_OP_TRANSPOSE);
  if (!turned || attr_i64s(*turned, RLX_ATTR_PERM) != std::vector<std::int64_t>{0, 2, 1}) return false;
  const Node* merged = rewriter.maker(turned->operands[0], RLX_OP_RESHAPE);
  if (!merged) return false;
  const ValueId x = merged->operands[0];
  const Dims from = rewriter.shape(x).dims, middle = rewriter.shape(merged->results[0]).dims;
  const std::size_t rank = from.size();
  if (rank < 3) return false;
  Dims wanted = from;
  std::swap(wanted[rank - 1], wanted[rank - 2]);
  if (!(rewriter.shape(node.results[0]).dims == wanted) || !(middle[1] == from[rank - 2]) || !(middle[2] == from[rank - 1])) return false;
  std::vector<std::int64_t> perm;
  for (std::size_t axis = 0; axis < rank; ++axis) perm.push_back(static_cast<std::int64_t>(axis));
  std::swap(perm[rank - 1], perm[rank - 2]);
  MirBuilder builder(rewriter.graph());
  const ValueId made = builder.transpose(x, std::move(perm));
  return builder.status() && rewriter.replace(node.results[0], made);
}

void transpose_of_transpose(Rewriter& rewriter, const Node& node) {
  const Node* inner = rewriter.maker(node.operands[0], RLX_OP_TRANSPOSE);
  if (!inner) return;
  const std::vector<std::int64_t> first = attr_i64s(*inner, RLX_ATTR_PERM);
  std::vector<std::int64_t> perm;
  for (const std::int64_t axis : attr_i64s(node, RLX_ATTR_PERM)) perm.push_back(first[static_cast<std::size_t>(axis)]);
  const ValueId source = inner->operands[0];
  if (keeps_order(perm) && rewriter.replace(node.results[0], source)) return;
  MirBuilder builder(rewriter.graph());
  const ValueId made = builder.transpose(source, std::move(perm));
  if (builder.status()) rewriter.replace(node.results[0], made);
}

void broadcast_of_broadcast(Rewriter& rewriter, const Node& node) {
  const Node* inner = rewriter.maker(node.operands[0], RLX_OP_BROADCAST);
  if (!inner) return;
  MirBuilder builder(rewriter.graph());
  const ValueId made = builder.broadcast(inner->operands[0], rewriter.shape(node.results[0]).dims);
  if (builder.status() && made != inner->operands[0]) rewriter.replace(node.results[0], made);
}

}  // namespace

Status fold_views(Graph& graph) {
  Rewriter(graph).run([](Rewriter& rewriter, const Node& node) {
    if (!node.ns.empty() || node.operands.size() != 1 || node.results.size() != 1) return;
    const ValueId x = node.operands[0];
    if (rewriter.shape(x) == rewriter.shape(node.results[0]) && changes_nothing(rewriter, node) &&
        rewriter.replace(node.results[0], x))
      return;
    if (node.op == RLX_OP_RESHAPE && !reshape_of_transpose_of_reshape(rewriter, node)) reshape_of_reshape(rewriter, node);
    if (node.op == RLX_OP_TRANSPOSE) transpose_of_transpose(rewriter, node);
    if (node.op == RLX_OP_BROADCAST) broadcast_of_broadcast(rewriter, node);
  });
  return {};
}

}  // namespace rlx
