// SPDX-License-Identifier: Apache-2.0
// Only whole heads, halves not interleaved, and angles that are provably the same in both halves.
#include "runtime/compile/passes/recompose_rope.h"

#include "runtime/compile/passes/match.h"
#include "runtime/compile/passes/merge_common_nodes.h"

namespace rlx {
namespace {

bool is_last_axis_concat(const Rewriter& rewriter, const Node* node) {
  if (!node || node->operands.size() != 2) return false;
  const auto last = static_cast<std::int64_t>(rewriter.shape(node->results[0]).rank()) - 1;
  return attr_i64(*node, RLX_ATTR_AXIS, -1) == last;
}

/// `id` is x[..., start : limit] on the last axis and all of the others.
bool is_part(const Rewriter& rewriter, ValueId id, ValueId x, const Dim& start, const Dim& limit) {
  const Node* slice = rewriter.maker(id, RLX_OP_SLICE);
  if (!slice || slice->operands[0] != x) return false;
  Dims from(4, Dim(0)), to = rewriter.shape(x).dims;
  from[3] = start;
  to[3] = limit;
  for (const Dim& step : attr_dims(*slice, RLX_ATTR_STEP))
    if (!is_one(step)) return false;
  return attr_dims(*slice, RLX_ATTR_START) == from && attr_dims(*slice, RLX_ATTR_LIMIT) == to;
}

/// concat(-x[half:], x[:half]).
bool is_rotated(const Rewriter& rewriter, ValueId id, ValueId x) {
  const Node* concat = rewriter.maker(id, RLX_OP_CONCAT);
  if (!is_last_axis_concat(rewriter, concat)) return false;
  const Dim& size = rewriter.shape(x).dims[3];
  const Dim half = floor_div(size, 2);
  const Node* negative = rewriter.maker(concat->operands[0], RLX_OP_UNARY, RLX_UNARY_NEG);
  return negative && is_part(rewriter, negative->operands[0], x, half, size) && is_part(rewriter, concat->operands[1], x, 0, half);
}

/// f where `id`, [B or 1, 1, S, D], is fn of f joined to itself on the last axis; else kAbsent.
ValueId angles_of(const Rewriter& rewriter, ValueId id, std::uint32_t fn, const Dims& x) {
  const Dims dims = rewriter.shape(id).dims;
  if (dims.size() != 4 || !(is_one(dims[0]) || dims[0] == x[0]) || !is_one(dims[1]) || !(dims[2] == x[2]) || !(dims[3] == x[3])) return kAbsent;
  const Scaled scaled = scaled_of(rewriter, rewriter.behind_views(id));
  if (scaled.factor != 1) return kAbsent;
  const Node* curve = rewriter.maker(scaled.value, RLX_OP_UNARY, fn);
  const Node* joined = curve ? rewriter.maker(curve->operands[0], RLX_OP_CONCAT) : nullptr;
  if (!is_last_axis_concat(rewriter, joined) || joined->operands[0] != joined->operands[1]) return kAbsent;
  const ValueId f = joined->operands[0];
  const Dims& seen = rewriter.shape(f).dims;
  const Dim half = floor_div(x[3], 2);
  const bool table = seen == Dims{x[2], half} || seen == Dims{1, x[2], half};
  return table || (seen == Dims{x[0], x[2], half} && dims[0] == x[0]) ? f : kAbsent;
}

bool from_sides(Rewriter& rewriter, const Node& node, const Node& straight, const Node& turned) {
  const Shape shape = rewriter.shape(node.results[0]);
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}})
    for (const std::size_t k : {std::size_t{0}, std::size_t{1}}) {
      const ValueId x = straight.operands[i];
      if (!(rewriter.shape(x) == shape) || !is_rotated(rewriter, turned.operands[k], x)) continue;
      const ValueId f = angles_of(rewriter, straight.operands[1 - i], RLX_UNARY_COS, shape.dims);
      if (f == kAbsent || f != angles_of(rewriter, turned.operands[1 - k], RLX_UNARY_SIN, shape.dims)) continue;
      MirBuilder b(rewriter.graph());
      const Dims& dims = rewriter.shape(f).dims;
      const ValueId table = dims.size() == 3 && is_one(dims[0]) ? b.reshape(f, {shape.dims[2], floor_div(shape.dims[3], 2)}) : f;
      const ValueId cos = b.unary(RLX_UNARY_COS, table);
      const ValueId sin = b.unary(RLX_UNARY_SIN, table);
      return b.status() && rewriter.replace_with_composite(node, RLX_OP_ROPE, {x, cos, sin}, {{RLX_ATTR_INTERLEAVED, Dim(0)}});
    }
  return false;
}

void from_sum(Rewriter& rewriter, const Node& node) {
  const Shape& shape = rewriter.shape(node.results[0]);
  if (attr_i64(node, RLX_ATTR_FN, 0) != RLX_BINARY_ADD || shape.rank() != 4 || !is_float(shape.dtype)) return;
  const Dim& size = shape.dims[3];
  if (!size.is_number() || size.number() % 2 != 0) return;
  const Node* left = rewriter.maker(node.operands[0], RLX_OP_BINARY, RLX_BINARY_MUL);
  const Node* right = rewriter.maker(node.operands[1], RLX_OP_BINARY, RLX_BINARY_MUL);
  if (!left || !right) return;
  const Node a = *left, b = *right;  // the graph grows
  if (!from_sides(rewriter, node, a, b)) from_sides(rewriter, node, b, a);
}

}  // namespace

Status recompose_rope(Graph& graph) {
  Rewriter(graph).run([](Rewriter& rewriter, const Node& node) {
    if (is_core(node, RLX_OP_BINARY)) from_sum(rewriter, node);
  });
  return merge_common_nodes(graph);  // queries and keys turn by the same angles
}

}  // namespace rlx
