// SPDX-License-Identifier: Apache-2.0
// MIR -> LIR with open sizes: views become strided values, copies are inserted where a claim refuses the strides, sizes
// as data become constants, outputs are written in place where they can be.
#pragma once

#include <vector>

#include "runtime/compile/target.h"
#include "runtime/ir/lir/module.h"

namespace rlx {

struct Legalized {
  lir::Module module;
  std::vector<std::size_t> node_of_op;  ///< per op of the main graph: node of the graph; SIZE_MAX for inserted copies
  std::size_t copies = 0;               ///< inserted because a claim refused strides
};

/// `graph` is verified. Errors: kUnsupportedOps for an op that an image cannot hold.
Result<Legalized> legalize(const Graph& graph, const Target& target);

/// A copy of `graph` in which the nodes with a true flag are replaced by their region's nodes (one level).
Result<Graph> inline_nodes(const Graph& graph, const std::vector<bool>& chosen);

}  // namespace rlx
