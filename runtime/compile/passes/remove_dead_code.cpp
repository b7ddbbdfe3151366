// SPDX-License-Identifier: Apache-2.0
// A sweep that changes nothing: what nobody reads is dropped on the way.
#include "runtime/compile/passes/remove_dead_code.h"

#include "runtime/compile/passes/rewrite.h"

namespace rlx {

Status remove_dead_code(Graph& graph) {
  Rewriter(graph).run([](Rewriter&, const Node&) {});
  return {};
}

}  // namespace rlx
