// SPDX-License-Identifier: Apache-2.0
// The walk behind pad_symbols: node by node into a new graph, with the layout of every value. One rule per operation says
// which operands are masked and where padding lies in the results; composites without a rule are walked through their
// regions. Private to the room.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/compile/padding_layout.h"
#include "runtime/ir/build.h"
#include "runtime/ir/graph.h"

namespace rlx::padding_detail {

/// One node on its way: a rule may replace operands and change attributes.
struct Visit {
  Node node;                    ///< operands are values of the new graph
  std::vector<PadLayout> layouts;  ///< of the results: what the rule gives
  bool expand = false;          ///< the rule wants the region walked instead
  bool recompose = false;       ///< operands or attributes changed the expansion
};

class Padder {
 public:
  Padder(const Graph& source, std::span<const std::string> symbols)
      : source_(source), order_(symbols.begin(), symbols.end()), symbols_(symbols.begin(), symbols.end()), b_(graph_) {}

  /// Inputs, params and lengths, then every node. Errors: kCannotPad.
  Status run();

  Graph graph_;
  std::vector<std::string> lengths_;
  PadLayout layout(ValueId id) const;
  ValueId output(std::size_t index) const { return outputs_[index]; }

  // ---- For the rules -----------------------------------------------------------------------------------------------------
  MirBuilder& b() { return b_; }
  const Shape& shape(ValueId id) const { return graph_.values[id].shape; }
  /// Depends on no padded symbol.
  bool is_free(const Dim& dim) const;
  bool is_padded_symbol(const Dim& dim) const { return dim.is_symbol() && symbols_.contains(dim.symbol_name()); }
  /// The least size that a padded axis' symbol may have.
  std::int64_t least(const Factor& factor) const { return source_.symbols.find(factor.size.symbol_name())->second.least; }
  /// An i64 scalar: the real size of a symbol; of an expression over symbols.
  ValueId length(const Dim& symbol) { return lengths_of_[symbol.symbol_name()]; }
  ValueId real_size(const Dim& dim);
  /// `x` with `fill` in the padding of these axes; x itself where they have none.
  ValueId masked(ValueId x, const std::vector<std::size_t>& axes, double fill);
  ValueId masked(ValueId x, double fill);  ///< of all axes
  /// Bool, of `rank` axes that are 1 but `place`, which is this axis: false in its padding.
  ValueId is_real(const PadAxis& axis, std::size_t place, std::size_t rank);
  /// The layout of operand `i`; none for an absent one.
  PadLayout of(const Visit& visit, std::size_t i) const;
  template <class... Pieces>
  Error refuse(const Visit& visit, const Pieces&... why) const {
    return refusal(visit.node, join(why...));
  }

 private:
  Status add_inputs();
  Status walk(const Graph& graph, std::map<ValueId, ValueId>& now);
  Status node(const Graph& graph, const Node& node, std::map<ValueId, ValueId>& now);
  Status emit(Visit& visit, const Node& node, std::map<ValueId, ValueId>& now);
  Status expand(const Node& node, const std::vector<ValueId>& operands, std::map<ValueId, ValueId>& now);
  bool is_touched(const Graph& graph, const Node& node, const std::vector<ValueId>& operands);
  bool mentions(const Graph& graph) const;
  bool mentions(const Node& node) const;
  Error refusal(const Node& node, const std::string& why) const;
  ValueId real_along(const PadAxis& axis);

  const Graph& source_;
  std::vector<std::string> order_;
  std::set<std::string> symbols_;
  MirBuilder b_;
  std::map<ValueId, PadLayout> layouts_;  // of the values of the new graph that have padding
  std::vector<ValueId> outputs_;
  std::map<std::string, ValueId> lengths_of_;
  std::map<std::string, ValueId> real_along_;
  std::map<std::tuple<ValueId, std::vector<std::size_t>, double>, ValueId> masked_;
};

/// Finds the rule of visit.node and applies it. Errors: kCannotPad.
Status apply_rule(Padder& p, Visit& visit);

// ---- Rules that have a file of their own -----------------------------------------------------------------------------------
Status pad_attention(Padder& p, Visit& v);
Status pad_segment_reduce(Padder& p, Visit& v);
Status pad_gather(Padder& p, Visit& v);
Status pad_gather_elements(Padder& p, Visit& v);
Status pad_rope(Padder& p, Visit& v);
Status pad_slice(Padder& p, Visit& v);
Status pad_dynamic_slice(Padder& p, Visit& v);
Status pad_dynamic_update_slice(Padder& p, Visit& v);
Status pad_reshape(Padder& p, Visit& v);
Status pad_transpose(Padder& p, Visit& v);
Status pad_broadcast(Padder& p, Visit& v);
Status pad_concat(Padder& p, Visit& v);
Status pad_pad(Padder& p, Visit& v);
Status pad_iota(Padder& p, Visit& v);

}  // namespace rlx::padding_detail
