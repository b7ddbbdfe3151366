// SPDX-License-Identifier: Apache-2.0
// The contents page of compiling: one named pass a line, a standing note wherever an invariant begins.
#include "runtime/compile/pipeline.h"

#include <algorithm>

#include "runtime/base/names.h"
#include "runtime/compile/passes/fold_constants.h"
#include "runtime/compile/passes/fold_views.h"
#include "runtime/compile/passes/fuse_conv.h"
#include "runtime/compile/passes/fuse_elementwise.h"
#include "runtime/compile/passes/fuse_linear.h"
#include "runtime/compile/passes/fuse_residual_norm.h"
#include "runtime/compile/passes/lift_constants.h"
#include "runtime/compile/passes/merge_common_nodes.h"
#include "runtime/compile/passes/merge_linears.h"
#include "runtime/compile/passes/recompose_activations.h"
#include "runtime/compile/passes/recompose_attention.h"
#include "runtime/compile/passes/recompose_norms.h"
#include "runtime/compile/passes/recompose_rope.h"
#include "runtime/compile/passes/recompose_softmax.h"
#include "runtime/compile/passes/remove_dead_code.h"
#include "runtime/compile/passes/sink_broadcasts.h"
#include "runtime/ir/verify.h"

namespace rlx {
namespace {

constexpr Pass kPasses[] = {
    // name, function, is it a fusion
    {"remove_dead_code", remove_dead_code, false},
    {"fold_constants", fold_constants, false},
    {"fold_views", fold_views, false},
    {"merge_common_nodes", merge_common_nodes, false},
    // From here on: equal values are one value, so a pattern may ask whether two operands are the same.
    {"sink_broadcasts", sink_broadcasts, false},
    // Recomposing: what exporters spelled out becomes composites again, the innermost first.
    {"recompose_activations", recompose_activations, true},
    {"recompose_norms", recompose_norms, true},
    {"recompose_softmax", recompose_softmax, true},
    {"recompose_rope", recompose_rope, true},
    {"recompose_attention", recompose_attention, true},
    // Fusing: gated_act stands before fuse_linear, so that gate and up stay alike and merge.
    {"fuse_linear", fuse_linear, true},
    {"merge_linears", merge_linears, true},
    {"fuse_conv", fuse_conv, true},
    {"fuse_residual_norm", fuse_residual_norm, true},
    // What no composite has taken by now is elementwise.
    {"fuse_elementwise", fuse_elementwise, true},
    {"lift_constants", lift_constants, false},
    // From here on: no constant above 4 KiB is left in the graph; it is an owned param.
};

#ifdef NDEBUG
constexpr bool kAlwaysVerify = false;
#else
constexpr bool kAlwaysVerify = true;
#endif

bool is_left_out(const Pass& pass, const OptimizeOptions& options) {
  return (pass.fusion && !options.fuse) || (pass.run == fold_constants && !options.fold_constants);
}

/// Outputs for results that nobody reads: as long as they are there, no pass drops a node.
void hold_unread(Graph& graph) {
  std::vector<bool> read(graph.values.size());
  for (const Output& output : graph.outputs) read[output.value] = true;
  for (const Node& node : graph.nodes)
    for (const ValueId id : node.operands)
      if (id != kAbsent) read[id] = true;
  for (const Node& node : graph.nodes)
    for (const ValueId id : node.results)
      if (!read[id]) graph.outputs.push_back({join("unread value ", id), id});
}

}  // namespace

std::span<const Pass> passes() { return kPasses; }

Status optimize(Graph& graph, const OptimizeOptions& options, std::string_view stop_after) {
  const auto named = [&](const Pass& pass) { return pass.name == stop_after; };
  if (!stop_after.empty() && std::none_of(std::begin(kPasses), std::end(kPasses), named)) {
    std::vector<std::string> names;
    for (const Pass& pass : kPasses) names.emplace_back(pass.name);
    return fail(ErrorCode::kUnknownName, "no pass `", stop_after, "`; ", did_you_mean(stop_after, names));
  }
  const std::size_t own_outputs = graph.outputs.size();
  if (!options.remove_dead_code) hold_unread(graph);
  for (const Pass& pass : kPasses) {
    if (!is_left_out(pass, options)) {
      if (options.observe) options.observe(pass.name, true);
      Status status = pass.run(graph);
      if (status && (options.verify || kAlwaysVerify)) status = verify(graph);
      if (!status) return std::move(status).error().within(join("pass ", pass.name));
      if (options.observe) options.observe(pass.name, false);
    }
    if (pass.name == stop_after) break;
  }
  graph.outputs.resize(own_outputs);
  return {};
}

}  // namespace rlx
