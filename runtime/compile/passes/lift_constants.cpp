// SPDX-License-Identifier: Apache-2.0
// Large constants leave the graph for the param set, where every variant shares them.
#include "runtime/compile/passes/lift_constants.h"

namespace rlx {

Status lift_constants(Graph& graph) {
  constexpr std::size_t kLargestInImage = 4096;
  for (ValueId id = 0; id < graph.values.size(); ++id) {
    Value& value = graph.values[id];
    if (value.kind != ValueKind::kConstant || graph.constants[value.index].bytes->size() <= kLargestInImage) continue;
    value.kind = ValueKind::kParam;
    value.name = join("constant.", graph.params.size());
    graph.params.push_back({value.name, id, graph.constants[value.index].bytes});
    value.index = static_cast<std::uint32_t>(graph.params.size() - 1);
  }
  return {};
}

}  // namespace rlx
