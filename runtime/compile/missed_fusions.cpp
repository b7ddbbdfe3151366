// SPDX-License-Identifier: Apache-2.0
// Looks at what is left after the passes: a weight's product that is no linear, an activation behind a linear, a sum before
// a norm, neighbours that are elementwise. The reasons are the conditions of the passes that would have taken them.
#include "runtime/compile/missed_fusions.h"

#include <rlx/ops.h>

#include <algorithm>

#include "runtime/base/check.h"

namespace rlx {
namespace {

constexpr std::size_t kNone = SIZE_MAX;

bool is(const Node& node, Opcode op) { return node.ns.empty() && node.op == op; }
bool is_add(const Node& node) { return is(node, RLX_OP_BINARY) && attr_i64(node, RLX_ATTR_FN, 0) == RLX_BINARY_ADD; }

bool is_step(const Node& node) {
  return is(node, RLX_OP_UNARY) || is(node, RLX_OP_BINARY) || is(node, RLX_OP_COMPARE) || is(node, RLX_OP_SELECT) ||
         is(node, RLX_OP_CAST) || is(node, RLX_OP_ACT) || is(node, RLX_OP_ELEMENTWISE);
}

bool is_act(const Node& node) {
  const std::int64_t fn = attr_i64(node, RLX_ATTR_FN, 0);
  return is(node, RLX_OP_ACT) || (is(node, RLX_OP_UNARY) && (fn == RLX_UNARY_SIGMOID || fn == RLX_UNARY_TANH));
}

std::string describe(const Node& node) {
  return node.name.empty() ? join("`", op_name(node.op), "`") : join("`", op_name(node.op), "` (", node.name, ")");
}

class Search {
 public:
  explicit Search(const Graph& graph) : graph_(graph), maker_(graph.values.size(), kNone), readers_(graph.values.size(), 0), output_(graph.values.size()) {
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      for (const ValueId id : graph.nodes[i].results) maker_[id] = i;
      for (const ValueId id : graph.nodes[i].operands)
        if (id != kAbsent) ++readers_[id];
    }
    for (const Output& output : graph.outputs) output_[output.value] = true;
  }

  std::vector<MissedFusion> run() {
    for (const Node& node : graph_.nodes) {
      if (is(node, RLX_OP_DOT)) product(node);
      if (is_act(node) || is_add(node)) epilogue(node);
      if (is(node, RLX_OP_LAYER_NORM) || is(node, RLX_OP_RMS_NORM)) norm(node);
      if (is_step(node)) steps(node);
    }
    return std::move(missed_);
  }

 private:
  void add(std::string_view pattern, const Node& node, std::string reason) {
    missed_.push_back({std::string(pattern), describe(node), std::move(reason)});
  }

  const Node* maker(ValueId id) const { return id == kAbsent || maker_[id] == kNone ? nullptr : &graph_.nodes[maker_[id]]; }
  const Shape& shape(ValueId id) const { return graph_.values[id].shape; }

  /// The param or constant behind views; kAbsent where something is computed.
  ValueId weight_behind(ValueId id) const {
    while (const Node* node = maker(id)) {
      if (!is(*node, RLX_OP_TRANSPOSE) && !is(*node, RLX_OP_RESHAPE) && !is(*node, RLX_OP_BROADCAST) && !is(*node, RLX_OP_SLICE)) return kAbsent;
      id = node->operands[0];
    }
    const ValueKind kind = graph_.values[id].kind;
    return kind == ValueKind::kParam || kind == ValueKind::kConstant ? id : kAbsent;
  }

  void product(const Node& node) {
    const ValueId weight = weight_behind(node.operands[1]);
    if (weight == kAbsent) return;
    const Shape &x = shape(node.operands[0]), &w = shape(weight);
    if (w.rank() != 2) return add("linear", node, join("the weight has rank ", w.rank(), ", wanted 2"));
    if (w.dtype != x.dtype) return add("linear", node, join("x is ", dtype_name(x.dtype), " and the weight ", dtype_name(w.dtype)));
    if (!attr_i64s(node, RLX_ATTR_BATCH_A).empty()) return add("linear", node, "it has batch axes");
    if (attr_i64s(node, RLX_ATTR_CONTRACT_A) != std::vector<std::int64_t>{static_cast<std::int64_t>(x.rank()) - 1})
      return add("linear", node, "x is not contracted over its last axis alone");
    add("linear", node, join("of ", dtype_name(x.dtype), ", with the weight behind a view"));
  }

  /// Why `node` may not swallow what makes `id`; empty where it is read once.
  std::string seen_by_others(ValueId id) const {
    if (output_[id]) return "the value between them is an output";
    return readers_[id] > 1 ? join("the value between them is read ", readers_[id], " times") : std::string();
  }

  void epilogue(const Node& node) {
    for (const ValueId id : node.operands) {
      const Node* linear = maker(id);
      if (!linear || !is(*linear, RLX_OP_LINEAR)) continue;
      std::string reason = seen_by_others(id);
      if (reason.empty() && attr_i64(*linear, RLX_ATTR_PARTS, 1) != 1) reason = "the linear has several parts";
      if (reason.empty() && attr_i64(*linear, RLX_ATTR_HAS_RESIDUAL, 0) != 0) reason = "the linear has a residual already";
      if (reason.empty() && is_act(node) && attr_i64(*linear, RLX_ATTR_ACT, RLX_ACT_NONE) != RLX_ACT_NONE) reason = "the linear has an activation already";
      if (reason.empty() && !(shape(node.results[0]) == shape(id))) reason = join("the linear gives ", to_string(shape(id).dims), " and it ", to_string(shape(node.results[0]).dims));
      if (reason.empty()) reason = "the other operand is neither a bias vector nor of the linear's shape";
      return add("linear epilogue", node, std::move(reason));
    }
  }

  void norm(const Node& node) {
    const Node* sum = maker(node.operands[0]);
    if (!sum || !is_add(*sum) || attr_i64(node, RLX_ATTR_HAS_RESIDUAL, 0) != 0) return;
    const Shape& wanted = shape(node.operands[0]);
    const auto last = static_cast<std::int64_t>(wanted.rank()) - 1;
    if (attr_i64(node, RLX_ATTR_AXIS, last) != last) return add("residual norm", node, "it is not over the last axis");
    for (const ValueId id : sum->operands)
      if (!(shape(id) == wanted)) return add("residual norm", node, join("the sum of ", to_string(wanted.dims), " has an operand of ", to_string(shape(id).dims)));
    add("residual norm", node, "somebody before it reads the sum");
  }

  void steps(const Node& node) {
    for (const ValueId id : node.operands) {
      const Node* before = maker(id);
      if (!before || !is_step(*before)) continue;
      std::string reason = seen_by_others(id);
      if (reason.empty() && !(shape(id).dims == shape(node.results[0]).dims))
        reason = join("of ", to_string(shape(id).dims), " and ", to_string(shape(node.results[0]).dims));
      if (reason.empty()) reason = "together they have too many inputs or steps";
      return add("elementwise", node, join("apart from ", describe(*before), " before it: ", reason));
    }
  }

  const Graph& graph_;
  std::vector<std::size_t> maker_, readers_;
  std::vector<bool> output_;
  std::vector<MissedFusion> missed_;
};

}  // namespace

std::vector<MissedFusion> missed_fusions(const Graph& graph) { return Search(graph).run(); }

}  // namespace rlx
