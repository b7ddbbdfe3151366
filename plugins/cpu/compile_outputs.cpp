// SPDX-License-Identifier: Apache-2.0
// Outputs and state pairs. An output of a pair is the memory of its input, so writing it too early destroys
// what later reads want; then the result goes to a temporary first.
#include "compile_outputs.h"

#include <rlx/ops.h>

namespace rlx_cpu {
namespace {

bool same_shape(const View& a, const View& b) {
  return a.dtype == b.dtype && a.rank == b.rank && std::equal(a.dims, a.dims + a.rank, b.dims);
}

/// Ops that read operand i of an element before, or never after, they write that element.
bool in_place(uint32_t opcode, uint32_t operand) {
  switch (opcode) {
    case RLX_OP_COPY:
    case RLX_OP_UNARY:
    case RLX_OP_BINARY:
    case RLX_OP_SELECT:
    case RLX_OP_ACT:
    case RLX_OP_GATED_ACT:
      return true;
    case RLX_OP_DYNAMIC_UPDATE_SLICE:
    case RLX_OP_SCATTER_ELEMENTS:
    case RLX_OP_SCATTER_ND:
      return operand == 0;
    default:
      return false;
  }
}

/// May the op write `result` while the state `input` lies in the same memory?
bool op_may_overwrite(const ImageGraph& graph, const GraphOp& op, uint32_t result, uint32_t input) {
  if (op.record->ns.offset != RLX_NO_INDEX || op.record->result_count != 1) return false;
  for (uint32_t i = 0; i < op.record->operand_count; ++i) {
    const uint32_t operand = op.operands[i];
    if (operand == RLX_NO_INDEX || graph.root(operand) != input) continue;
    const bool whole = operand == input && same_shape(graph.value(operand).view, graph.value(result).view);
    if (!whole || !in_place(op.record->opcode, i)) return false;
  }
  return true;
}

bool may_write_in_place(const ImageGraph& graph, uint32_t output, uint32_t input) {
  const uint32_t result = graph.output(output).value;
  const uint32_t state = graph.input(input).value;
  const rlx_lir_region& main = graph.region(0);
  bool written = false;
  for (uint32_t index = main.ops; index < main.ops + main.op_count; ++index) {
    const GraphOp& op = graph.op(index);
    for (uint32_t i = 0; written && i < op.record->operand_count; ++i) {
      if (op.operands[i] != RLX_NO_INDEX && graph.root(op.operands[i]) == state) return false;
    }
    for (uint32_t i = 0; i < op.record->result_count; ++i) {
      if (op.results[i] != result) continue;
      if (written || !op_may_overwrite(graph, op, result, state)) return false;
      written = true;
    }
  }
  for (uint32_t i = 0; i < graph.count(RLX_LIR_OUTPUTS); ++i) {
    if (graph.root(graph.output(i).value) == state) return false;
  }
  return written;
}

bool in_its_own_output(const ImageGraph& graph, uint32_t output) {
  const GraphValue& value = graph.value(graph.output(output).value);
  return value.storage == RLX_LIR_STORAGE_OUTPUT && value.index == output;
}

ViewId output_view(Builder& b, uint32_t output) {
  const View source = b.graph().value(b.graph().output(output).value).view;
  ViewRecord record;
  record.view = dense_view(nullptr, source.dtype, source.rank, source.dims);
  record.root = Root::kOutput;
  record.index = output;
  b.out().views.push_back(record);
  return static_cast<ViewId>(b.out().views.size() - 1);
}

}  // namespace

void redirect_unsafe_outputs(Builder& b) {
  const ImageGraph& graph = b.graph();
  for (uint32_t output = 0; output < graph.count(RLX_LIR_OUTPUTS); ++output) {
    const uint32_t input = b.out().outputs[output].state_pair;
    if (input == RLX_NO_INDEX || !in_its_own_output(graph, output) ||
        may_write_in_place(graph, output, input))
      continue;
    const View view = graph.value(graph.output(output).value).view;
    b.redirect(graph.output(output).value, b.temp(view.dtype, view.rank, view.dims));
  }
}

void copy_outputs(Builder& b) {
  const ImageGraph& graph = b.graph();
  std::vector<std::pair<ViewId, ViewId>> copies;
  for (uint32_t output = 0; output < graph.count(RLX_LIR_OUTPUTS); ++output) {
    ViewId from = b.of(graph.output(output).value);
    const ViewRecord source = b.record(from);
    if (source.root == Root::kOutput && source.index == output && source.offset == 0 && is_dense(source.view))
      continue;
    const uint32_t pair = b.out().outputs[output].state_pair;
    if (source.root == Root::kInput && pair == source.index && source.offset == 0 && is_dense(source.view))
      continue;
    // Old state that another output is about to overwrite is saved first.
    if (source.root == Root::kInput && b.out().inputs[source.index].state_pair != RLX_NO_INDEX) {
      const ViewId saved = b.temp(source.view.dtype, source.view.rank, source.view.dims);
      b.copy_step(from, saved, RLX_NO_INDEX);
      from = saved;
    }
    copies.emplace_back(from, output_view(b, output));
  }
  for (const auto& [from, to] : copies) b.copy_step(from, to, RLX_NO_INDEX);
}

}  // namespace rlx_cpu
