// SPDX-License-Identifier: Apache-2.0
// Near-linear: each node is visited once; each operand slot is counted once up and at most once down.
#include "runtime/compile/passes/rewrite.h"

#include <algorithm>

#include "runtime/base/check.h"
#include "runtime/compile/passes/constant_data.h"

namespace rlx {
namespace {

constexpr std::size_t kNoNode = SIZE_MAX;

Dims without_ones(const Dims& dims) {
  Dims kept;
  for (const Dim& dim : dims)
    if (!is_one(dim)) kept.push_back(dim);
  return kept;
}

/// Gives the values of a graph new numbers, in the order in which they are asked for.
class Renumbering {
 public:
  explicit Renumbering(Graph& graph) : graph_(graph), fresh_(graph.values.size(), kAbsent) { values_.reserve(graph.values.size()); }

  void take(ValueId& id) {
    if (id == kAbsent) return;
    if (fresh_[id] == kAbsent) {
      fresh_[id] = static_cast<ValueId>(values_.size());
      values_.push_back(std::move(graph_.values[id]));
      if (values_.back().kind == ValueKind::kConstant) keep_constant(values_.back());
    }
    id = fresh_[id];
  }

  void finish() {
    graph_.values = std::move(values_);
    graph_.constants = std::move(constants_);
  }

 private:
  void keep_constant(Value& value) {
    constants_.push_back(graph_.constants[value.index]);
    value.index = static_cast<std::uint32_t>(constants_.size() - 1);
  }

  Graph& graph_;
  std::vector<ValueId> fresh_;
  std::vector<Value> values_;
  std::vector<Constant> constants_;
};

}  // namespace

Rewriter::Rewriter(Graph& graph) : graph_(graph) {
  std::vector<Node> all = std::move(graph_.nodes);
  graph_.nodes.clear();
  graph_.nodes.reserve(all.size());
  learn();
  for (const Output& output : graph.outputs) {
    ++uses_[output.value];
    output_[output.value] = true;
  }
  source_.reserve(all.size());
  // Dead nodes are no readers, and nothing may come to rely on what they alone read.
  for (auto node = all.rbegin(); node != all.rend(); ++node) {
    if (!is_read(*node)) continue;
    for (const ValueId id : node->operands)
      if (id != kAbsent) ++uses_[id];
    source_.push_back(std::move(*node));
  }
  std::reverse(source_.begin(), source_.end());
}

/// Brings the tables up to the graph's values and enters the nodes that a visit has written.
void Rewriter::learn() {
  for (std::size_t id = now_.size(); id < graph_.values.size(); ++id) now_.push_back(static_cast<ValueId>(id));
  uses_.resize(graph_.values.size());
  output_.resize(graph_.values.size());
  made_by_.resize(graph_.values.size(), kNoNode);
  dropped_.resize(graph_.nodes.size());
  for (; learned_ < graph_.nodes.size(); ++learned_) {
    for (const ValueId id : graph_.nodes[learned_].results) made_by_[id] = learned_;
    for (const ValueId id : graph_.nodes[learned_].operands)
      if (id != kAbsent) ++uses_[id];
  }
}

const Shape& Rewriter::shape(ValueId id) const {
  static const Shape kNothing;
  return id == kAbsent ? kNothing : graph_.values[id].shape;
}

const Node* Rewriter::maker(ValueId id) const {
  if (id == kAbsent || id >= made_by_.size() || made_by_[id] == kNoNode) return nullptr;
  return &graph_.nodes[made_by_[id]];
}

const Node* Rewriter::maker(ValueId id, Opcode op) const {
  const Node* node = maker(id);
  return node && is_core(*node, op) ? node : nullptr;
}

const Node* Rewriter::maker(ValueId id, Opcode op, std::uint32_t fn) const {
  const Node* node = maker(id, op);
  return node && attr_i64(*node, RLX_ATTR_FN, 0) == fn ? node : nullptr;
}

std::optional<double> Rewriter::number(ValueId id) const {
  while (const Node* node = maker(id)) {
    const bool view = node->ns.empty() && (node->op == RLX_OP_RESHAPE || node->op == RLX_OP_BROADCAST || node->op == RLX_OP_TRANSPOSE);
    if (!view) return std::nullopt;
    id = node->operands[0];
  }
  if (id == kAbsent || graph_.values[id].kind != ValueKind::kConstant) return std::nullopt;
  return one_number(graph_.constants[graph_.values[id].index]);
}

ValueId Rewriter::behind_views(ValueId id) const {
  while (const Node* node = maker(id)) {
    const bool spread = is_core(*node, RLX_OP_BROADCAST);
    const bool same = is_core(*node, RLX_OP_RESHAPE) && without_ones(shape(id).dims) == without_ones(shape(node->operands[0]).dims);
    if (!spread && !same) break;
    id = node->operands[0];
  }
  return id;
}

ValueId Rewriter::current(ValueId id) const {
  while (id != kAbsent && now_[id] != id) id = now_[id];
  return id;
}

void Rewriter::unread(ValueId id) {
  id = current(id);
  if (id == kAbsent) return;
  RLX_CHECK(uses_[id] > 0, "value %", id, " loses a use that it never had");
  if (--uses_[id] == 0 && made_by_[id] != kNoNode) drop(made_by_[id]);
}

/// Takes a node of the new list out, if nobody reads any of its results.
void Rewriter::drop(std::size_t first) {
  std::vector<std::size_t> todo{first};
  while (!todo.empty()) {
    const std::size_t index = todo.back();
    todo.pop_back();
    if (dropped_[index]) continue;
    if (is_read(graph_.nodes[index])) continue;
    dropped_[index] = true;
    for (const ValueId operand : graph_.nodes[index].operands) {
      const ValueId id = current(operand);
      if (id == kAbsent) continue;
      RLX_CHECK(uses_[id] > 0, "value %", id, " loses a use that it never had");
      if (--uses_[id] == 0 && made_by_[id] != kNoNode) todo.push_back(made_by_[id]);
    }
  }
}

bool Rewriter::may_replace(ValueId old, ValueId fresh) const {
  if (old == fresh || !(shape(old) == shape(fresh))) return false;
  if (fresh < made_by_.size() && made_by_[fresh] != kNoNode && dropped_[made_by_[fresh]]) return false;
  if (!output_[old]) return true;
  const bool output = fresh < output_.size() && output_[fresh];
  return graph_.values[fresh].kind == ValueKind::kResult && !output;
}

bool Rewriter::replace(ValueId old, ValueId fresh) {
  if (!may_replace(old, fresh)) return false;
  learn();
  if (graph_.values[fresh].name.empty() && graph_.values[fresh].kind == ValueKind::kResult)
    graph_.values[fresh].name = graph_.values[old].name;
  now_[old] = fresh;
  uses_[fresh] += uses_[old];
  uses_[old] = 0;
  output_[fresh] = output_[fresh] || output_[old];
  output_[old] = false;
  if (made_by_[old] != kNoNode) drop(made_by_[old]);
  return true;
}

bool Rewriter::replace_with_composite(const Node& node, Opcode op, std::vector<ValueId> operands, Attributes attributes) {
  MirBuilder builder(graph_);
  const ValueId made = add_composite(builder, op, std::move(operands), std::move(attributes), node.name);
  return builder.status() && replace(node.results[0], made);
}

/// Drops what the visit wrote for nobody; enters the visited node where somebody still reads it.
void Rewriter::settle(Node node, std::size_t first_written) {
  learn();
  for (std::size_t i = graph_.nodes.size(); i-- > first_written;) drop(i);
  if (!is_read(node)) {
    for (const ValueId id : node.operands) unread(id);
    return;
  }
  for (const ValueId id : node.results) made_by_[id] = graph_.nodes.size();
  graph_.nodes.push_back(std::move(node));  // its operands were counted from the start
  dropped_.push_back(false);
  ++learned_;
}

bool Rewriter::is_read(const Node& node) const {
  return std::any_of(node.results.begin(), node.results.end(), [&](ValueId id) { return uses_[id] > 0; });
}

void Rewriter::run(const Visit& visit) {
  for (Node& node : source_) {
    for (ValueId& id : node.operands) id = current(id);
    const std::size_t first_written = graph_.nodes.size();
    if (is_read(node)) visit(*this, node);
    settle(std::move(node), first_written);
  }
  for (Output& output : graph_.outputs) output.value = current(output.value);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    if (dropped_[i]) continue;
    if (kept != i) graph_.nodes[kept] = std::move(graph_.nodes[i]);
    ++kept;
  }
  graph_.nodes.resize(kept);
  renumber();
}

void Rewriter::renumber() {
  Renumbering numbers(graph_);
  for (ValueId& id : graph_.inputs) numbers.take(id);
  for (Param& param : graph_.params) numbers.take(param.value);
  for (Node& node : graph_.nodes) {
    for (ValueId& id : node.operands) numbers.take(id);
    for (ValueId& id : node.results) numbers.take(id);
  }
  for (Output& output : graph_.outputs) numbers.take(output.value);
  numbers.finish();
}

}  // namespace rlx
