// SPDX-License-Identifier: Apache-2.0
// Checks, plans and runs pointwise step lists.
#include "elementwise.h"

#include <algorithm>

#include "block.h"
#include "rlx/ops.h"

namespace rlx_cpu {
namespace {

constexpr uint32_t kNever = 0xFFFFFFFFu;

uint32_t operand_count(StepKind kind) {
  if (kind == StepKind::kSelect) return 3;
  return kind == StepKind::kBinary || kind == StepKind::kCompare ? 2 : 1;
}

const StepOperand& operand(const ElementwiseStep& step, uint32_t i) {
  return i == 0 ? step.a : i == 1 ? step.b : step.c;
}

bool run_step(const ElementwiseStep& step, uint32_t from, const void* const* in, void* out, int64_t n) {
  if (step.fast != nullptr) {
    step.fast(step.fast_context, static_cast<const float*>(in[0]), static_cast<float*>(out), n);
    return true;
  }
  switch (step.kind) {
    case StepKind::kUnary:
      return block_unary(step.fn, from, in[0], out, n);
    case StepKind::kBinary:
      return block_binary(step.fn, from, in[0], in[1], out, n);
    case StepKind::kCompare:
      return block_compare(step.fn, from, in[0], in[1], out, n);
    case StepKind::kSelect:
      return block_select(step.dtype, in[0], in[1], in[2], out, n);
    case StepKind::kCast:
      return block_cast(from, step.dtype, step.round, step.overflow, in[0], out, n);
    case StepKind::kAct:
      return block_act(step.fn, step.alpha, step.beta, from, in[0], out, n);
  }
  return false;
}

class Planner {
 public:
  explicit Planner(ElementwisePlan* plan) : plan_(*plan) {}

  KernelStatus run() {
    plan_.slot_count = uint32_t(plan_.input_dtypes.size());
    if (plan_.slot_count > kElementwiseMaxSlots)
      return {RLX_STATUS_RESOURCE_EXHAUSTED, 0, 0, kElementwiseMaxSlots};
    for (uint32_t s = 0; s < plan_.steps.size(); ++s) {
      const KernelStatus status = check_step(s);
      if (!status.ok()) return status;
    }
    if (plan_.results.empty() || plan_.results.size() > kElementwiseMaxResults) {
      return invalid(0, int64_t(plan_.results.size()), kElementwiseMaxResults);
    }
    for (uint32_t r = 0; r < plan_.results.size(); ++r) {
      if (!exists(plan_.results[r], uint32_t(plan_.steps.size()))) return invalid(r, plan_.results[r].index);
    }
    return assign_slots();
  }

 private:
  bool exists(const StepOperand& op, uint32_t step) const {
    return op.index < (op.from_step ? step : uint32_t(plan_.input_dtypes.size()));
  }
  uint32_t dtype_of(const StepOperand& op) const {
    return op.from_step ? plan_.steps[op.index].dtype : plan_.input_dtypes[op.index];
  }

  KernelStatus check_step(uint32_t s) const {
    const ElementwiseStep& step = plan_.steps[s];
    const uint32_t count = operand_count(step.kind);
    for (uint32_t i = 0; i < count; ++i) {
      if (!exists(operand(step, i), s)) return invalid(s, operand(step, i).index);
      if (!is_known(dtype_of(operand(step, i))))
        return {RLX_STATUS_UNSUPPORTED, s, dtype_of(operand(step, i)), 0};
    }
    const uint32_t from = dtype_of(step.a);
    bool fits = true;
    if (step.kind == StepKind::kBinary || step.kind == StepKind::kCompare) fits = dtype_of(step.b) == from;
    uint32_t wanted = from;
    const bool test = step.kind == StepKind::kUnary && step.fn >= RLX_UNARY_ISNAN;
    if (step.kind == StepKind::kCompare || test) wanted = RLX_DTYPE_BOOL;
    if (step.kind == StepKind::kCast) wanted = step.dtype;
    if (step.kind == StepKind::kSelect) {
      wanted = dtype_of(step.b);
      fits = from == RLX_DTYPE_BOOL && dtype_of(step.c) == wanted;
    }
    if (step.fast != nullptr) {
      fits = fits && from == RLX_DTYPE_F32 && !test &&
             (step.kind == StepKind::kUnary || step.kind == StepKind::kAct);
    }
    if (!fits || step.dtype != wanted) return invalid(s, step.dtype, wanted);
    // One element of zeros shows whether the function is known.
    alignas(8) char zeros[3][8] = {};
    const void* in[3] = {zeros[0], zeros[1], zeros[2]};
    alignas(8) char out[8];
    if (!run_step(step, from, in, out, 1)) return {RLX_STATUS_UNSUPPORTED, s, step.fn, from};
    return {};
  }

  // Slots below the input count belong to the inputs; a step never writes the slot of one of its own
  // operands.
  KernelStatus assign_slots() {
    const uint32_t count = uint32_t(plan_.steps.size());
    std::vector<uint32_t> last_use(count, 0);
    for (uint32_t s = 0; s < count; ++s) {
      last_use[s] = s;
      for (uint32_t i = 0; i < operand_count(plan_.steps[s].kind); ++i) {
        const StepOperand& op = operand(plan_.steps[s], i);
        if (op.from_step) last_use[op.index] = s;
      }
    }
    for (const StepOperand& op : plan_.results) {
      if (op.from_step) last_use[op.index] = kNever;
    }
    std::vector<uint32_t> free_slots;
    plan_.step_slots.assign(count, 0);
    for (uint32_t s = 0; s < count; ++s) {
      if (free_slots.empty()) free_slots.push_back(plan_.slot_count++);
      plan_.step_slots[s] = free_slots.back();
      free_slots.pop_back();
      for (uint32_t older = 0; older <= s; ++older) {
        if (last_use[older] == s) free_slots.push_back(plan_.step_slots[older]);
      }
    }
    if (plan_.slot_count > kElementwiseMaxSlots) {
      return {RLX_STATUS_RESOURCE_EXHAUSTED, 0, plan_.slot_count, kElementwiseMaxSlots};
    }
    return {};
  }

  ElementwisePlan& plan_;
};

uint32_t value_dtype(const ElementwisePlan& plan, const StepOperand& op) {
  return op.from_step ? plan.steps[op.index].dtype : plan.input_dtypes[op.index];
}

}  // namespace

KernelStatus plan_elementwise(const std::vector<uint32_t>& input_dtypes,
                              const std::vector<ElementwiseStep>& steps,
                              const std::vector<StepOperand>& results, ElementwisePlan* plan) {
  plan->input_dtypes = input_dtypes;
  plan->steps = steps;
  plan->results = results;
  return Planner(plan).run();
}

KernelStatus elementwise(const ElementwisePlan& plan, const View* inputs, const View* outputs, Range range) {
  const uint32_t input_count = uint32_t(plan.input_dtypes.size());
  const uint32_t result_count = uint32_t(plan.results.size());
  for (uint32_t r = 0; r < result_count; ++r) {
    const uint32_t wanted = value_dtype(plan, plan.results[r]);
    if (outputs[r].dtype != wanted) return invalid(r, outputs[r].dtype, wanted);
  }
  if (range.begin >= range.end) return {};
  alignas(64) char slots[kElementwiseMaxSlots][kBlockBytes];
  alignas(64) char spill[kBlockBytes];
  Cursor from[kElementwiseMaxSlots];
  Cursor to[kElementwiseMaxResults];
  const void* input_blocks[kElementwiseMaxSlots];
  for (uint32_t i = 0; i < input_count; ++i) from[i] = Cursor(inputs[i], range.begin);
  for (uint32_t r = 0; r < result_count; ++r) to[r] = Cursor(outputs[r], range.begin);
  const auto block_of = [&](const StepOperand& op) -> const void* {
    return op.from_step ? slots[plan.step_slots[op.index]] : input_blocks[op.index];
  };
  for (int64_t at = range.begin; at < range.end;) {
    const int64_t n = std::min(kBlock, range.end - at);
    for (uint32_t i = 0; i < input_count; ++i) input_blocks[i] = from[i].read(n, slots[i]);
    for (uint32_t s = 0; s < plan.steps.size(); ++s) {
      const ElementwiseStep& step = plan.steps[s];
      const void* in[3] = {};
      for (uint32_t i = 0; i < operand_count(step.kind); ++i) in[i] = block_of(operand(step, i));
      if (!run_step(step, value_dtype(plan, step.a), in, slots[plan.step_slots[s]], n)) {
        return unsupported(step.fn, step.dtype);
      }
    }
    for (uint32_t r = 0; r < result_count; ++r) {
      void* out = to[r].target(n, spill);
      std::copy_n(static_cast<const char*>(block_of(plan.results[r])), n * element_bytes(outputs[r].dtype),
                  static_cast<char*>(out));
      to[r].commit(n, spill);
    }
    at += n;
  }
  return {};
}

}  // namespace rlx_cpu
