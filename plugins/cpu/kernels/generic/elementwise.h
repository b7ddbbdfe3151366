// SPDX-License-Identifier: Apache-2.0
// Interpreter of pointwise step lists: blocks of elements stay in L1 while all steps run over them. Each step
// rounds to its dtype, so the result equals that of the single kernels one after the other, bit for bit.
#pragma once

#include <cstdint>
#include <vector>

#include "view.h"

namespace rlx_cpu {

enum class StepKind : uint32_t { kUnary, kBinary, kCompare, kSelect, kCast, kAct };

/// Names an input (from_step false) or the result of an earlier step.
struct StepOperand {
  bool from_step = false;
  uint32_t index = 0;
};

/// One step. Operand order: unary/cast/act a; binary/compare a, b; select a (bool), b (true), c (false).
struct ElementwiseStep {
  StepKind kind = StepKind::kUnary;
  uint32_t fn = 0;
  uint32_t dtype = RLX_DTYPE_NONE;  // of the result
  StepOperand a, b, c;
  double alpha = 0;  // act only
  double beta = 0;
  uint32_t round = 0;  // cast only
  uint32_t overflow = 0;
  /// If not null, computes this unary or act step instead when its dtype is f32; y may be x. Must not depend
  /// on how the elements are cut into calls.
  void (*fast)(const void* context, const float* x, float* y, int64_t n) = nullptr;
  const void* fast_context = nullptr;  // lives as long as the plan
};

/// A checked step list with a scratch slot per live value. Made once by plan_elementwise, then read-only.
struct ElementwisePlan {
  std::vector<uint32_t> input_dtypes;
  std::vector<ElementwiseStep> steps;
  std::vector<StepOperand> results;
  std::vector<uint32_t> step_slots;  // scratch slot of each step
  uint32_t slot_count = 0;
};

/// Largest number of inputs plus values live at once, and of results.
inline constexpr uint32_t kElementwiseMaxSlots = 48;
inline constexpr uint32_t kElementwiseMaxResults = 16;

/// Checks the list (operands exist, dtypes agree, every function is known for its dtype) and gives values
/// their slots. Errors: INVALID_ARGUMENT with `index` = step (or result) that is wrong, UNSUPPORTED likewise,
/// RESOURCE_EXHAUSTED if more than kElementwiseMaxSlots values are live.
KernelStatus plan_elementwise(const std::vector<uint32_t>& input_dtypes,
                              const std::vector<ElementwiseStep>& steps,
                              const std::vector<StepOperand>& results, ElementwisePlan* plan);

/// Runs the plan. All views have the same dims. Items: elements of outputs[0].
/// An output may be the memory of an input with equal strides, unless that input is itself a result.
KernelStatus elementwise(const ElementwisePlan& plan, const View* inputs, const View* outputs, Range range);

}  // namespace rlx_cpu
