// SPDX-License-Identifier: Apache-2.0
// One sweep from the outputs back.
#include "runtime/compile/passes/remove_dead_code.h"

#include <algorithm>

namespace rlx {

Status remove_dead_code(Graph& graph) {
  std::vector<bool> read(graph.values.size());
  for (const Output& output : graph.outputs) read[output.value] = true;
  std::vector<Node> kept;
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    if (std::none_of(node->results.begin(), node->results.end(), [&](ValueId id) { return read[id]; })) continue;
    for (const ValueId id : node->operands)
      if (id != kAbsent) read[id] = true;
    kept.push_back(std::move(*node));
  }
  std::reverse(kept.begin(), kept.end());
  graph.nodes = std::move(kept);
  return {};
}

}  // namespace rlx
