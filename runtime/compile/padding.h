// SPDX-License-Identifier: Apache-2.0
// Padding: a graph that may run at a larger size of some symbols than its inputs have. The real sizes become inputs, and
// wherever elements along such a symbol meet (sums, products, softmax, attention, indices) those past the real size are
// masked, so that whatever lies in the padding has no influence.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/compile/padding_layout.h"
#include "runtime/ir/graph.h"

namespace rlx {

struct PaddedGraph {
  Graph graph;  ///< inputs, params and outputs as before, then one i64 scalar input per symbol: its real size
  std::vector<std::string> lengths;  ///< names of those inputs, in the order in which the symbols were named
  std::vector<PadLayout> inputs;        ///< by input that was there before
  std::vector<PadLayout> outputs;
};

/// `graph`: as the passes left it. Real elements are at the front of every padded axis, in inputs and in outputs; what
/// is behind them may have any value in inputs and is unspecified in outputs. Where real and padded sizes both keep the
/// graph's constraints the real elements are those of `graph` at the real sizes: within its error bound, since sums have
/// more terms, which are 0; in the same bits where nothing is summed along a padded axis.
/// Errors: kUnknownSymbol; kCannotPad naming the input, output or operation that has no form with padding, and why.
Result<PaddedGraph> pad_symbols(const Graph& graph, std::span<const std::string> symbols);

}  // namespace rlx
