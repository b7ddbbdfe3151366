// SPDX-License-Identifier: Apache-2.0
// The graph as names: who makes and who reads what, which nodes lead to an output, and an order to translate
// them in.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "runtime/import/onnx/proto.h"

namespace rlx::onnx_import {

struct GraphIndex {
  std::vector<const onnx::NodeProto*>
      order;                               ///< live nodes, makers before readers, the file's order otherwise
  std::unordered_set<std::string> read;    ///< names that a live node or the graph's outputs read
  std::vector<std::string> unread_inputs;  ///< inputs of the graph that are not among them
};

/// Errors: kMalformedModelFile: a name made twice, read but never made, a cycle; kUnsupportedModel: every
/// operator of a live node that is not known, with its count and first node.
Result<GraphIndex> index_graph(const onnx::GraphProto& graph);

}  // namespace rlx::onnx_import
