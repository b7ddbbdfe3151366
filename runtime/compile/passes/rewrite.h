// SPDX-License-Identifier: Apache-2.0
// The sweep that every rewriting pass is made of: nodes are visited once in order, patterns look backwards, uses are
// counted exactly (an output is a use), and the graph is built anew in topological order.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/ir/build.h"
#include "runtime/ir/graph.h"

namespace rlx {

class Rewriter {
 public:
  /// Sees one node, whose operands are up to date and which is not in the graph yet. It may write nodes with build() and
  /// replace values; a node whose results have all been replaced, or are never read, is dropped.
  using Visit = std::function<void(Rewriter& rewriter, const Node& node)>;

  explicit Rewriter(Graph& graph);

  /// Sweeps the graph. Afterwards nodes that nobody reads are gone and values are numbered anew, by first appearance.
  void run(const Visit& visit);

  Graph& graph() { return graph_; }
  const Graph& graph() const { return graph_; }
  const Shape& shape(ValueId id) const;
  /// The visited node that made a value; null for inputs, params, constants, absent ones. Valid until nodes are written.
  const Node* maker(ValueId id) const;
  /// maker(id) where it is the core op `op`, else null.
  const Node* maker(ValueId id, Opcode op) const;
  /// maker(id) where it is `op` with FN `fn`, else null.
  const Node* maker(ValueId id, Opcode op, std::uint32_t fn) const;
  /// Operand slots of live nodes that hold the value, plus one for each output.
  std::size_t uses(ValueId id) const { return uses_[id]; }
  bool is_output(ValueId id) const { return output_[id]; }
  /// Read once, by an operation: what a fusion may swallow.
  bool read_once(ValueId id) const { return uses_[id] == 1 && !output_[id]; }

  /// The one number of all elements of a constant, seen through views; none otherwise.
  std::optional<double> number(ValueId id) const;
  /// The value behind reshapes that only add or remove axes of size 1, and behind broadcasts.
  ValueId behind_views(ValueId id) const;

  /// All uses of `old` become uses of `now` (same shape). Refused (false) where two outputs would become one value, or
  /// an output would become an input, param or constant. `old`: a result of the visited node, or any value that no
  /// visited node but a dropped one has read.
  bool replace(ValueId old, ValueId now);
  bool may_replace(ValueId old, ValueId now) const;
  /// What a value of the old graph has become.
  ValueId current(ValueId id) const;

  /// Writes a composite before the visited node and replaces its only result; nothing happens where that cannot be.
  bool replace_with_composite(const Node& node, Opcode op, std::vector<ValueId> operands, Attributes attributes);

 private:
  void learn();
  void drop(std::size_t node);
  void unread(ValueId id);
  bool is_read(const Node& node) const;
  void settle(Node node, std::size_t first_written);
  void renumber();

  Graph& graph_;
  std::vector<Node> source_;          // the old list
  std::vector<std::size_t> uses_;
  std::vector<bool> output_;
  std::vector<ValueId> now_;
  std::vector<std::size_t> made_by_;  // value -> node of the new list
  std::vector<bool> dropped_;         // by node of the new list
  std::size_t learned_ = 0;           // nodes of the new list that are in the tables
};

/// Both are core ops (no namespace) with that opcode.
inline bool is_core(const Node& node, Opcode op) { return node.ns.empty() && node.op == op; }
/// Operand i, or kAbsent.
inline ValueId operand(const Node& node, std::size_t i) { return i < node.operands.size() ? node.operands[i] : kAbsent; }
inline bool is_one(const Dim& dim) { return dim.is_number() && dim.number() == 1; }

}  // namespace rlx
