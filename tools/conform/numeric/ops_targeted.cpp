// SPDX-License-Identifier: Apache-2.0
// OPS-04: data that hit the weak spot of an op: all negative under a maximum, large logits, tiny variance, edges of range.
#include "tools/conform/numeric/ops.h"

namespace rlx::conform {
namespace {

Fill between(double low, double high) {
  Fill fill;
  fill.low = low;
  fill.high = high;
  return fill;
}

void add(std::vector<OpCase>& out, const OpCase& from, const std::string& what, Fill fill) {
  OpCase op_case = from;
  op_case.name += "/" + what;
  op_case.operands[0].fill = std::move(fill);
  op_case.effort = from.dtype() == DType::kF32 ? 0 : 1;
  out.push_back(std::move(op_case));
}

bool named(const OpCase& op_case, std::initializer_list<const char*> ends) {
  for (const char* end : ends)
    if (op_case.name.ends_with(end)) return true;
  return false;
}

/// Folds whose beginning must be the identity.
void one_sided(std::vector<OpCase>& out, const OpCase& each) {
  const bool fold = each.op == RLX_OP_REDUCE || each.op == RLX_OP_ARG_REDUCE || each.op == RLX_OP_CUMULATE || each.op == RLX_OP_REDUCE_WINDOW || each.op == RLX_OP_SEGMENT_REDUCE;
  if (!fold || is_unsigned_int(each.dtype()) || !named(each, {"/axis2", "/axis2_first", "/axis0_exclusive", "/2d_pad", "/i64"})) return;
  if (each.fn == RLX_REDUCE_MAX) add(out, each, "negative", between(-60, -50));
  if (each.fn == RLX_REDUCE_MIN) add(out, each, "positive", between(50, 60));
}

void logits(std::vector<OpCase>& out, const OpCase& each) {
  if (each.op != RLX_OP_SOFTMAX || !named(each, {"/5x33_axis1", "/3x4x17_axis0", "/5x33_axis1_log", "/67_axis0"})) return;
  const bool wide = each.dtype() != DType::kF16;
  add(out, each, "large", between(wide ? 1000 : 500, wide ? 1004 : 504));
  add(out, each, "negative", between(wide ? -1004 : -504, wide ? -1000 : -500));
  add(out, each, "spread", between(-100, 100));
}

/// The variance is as small as EPS, or the mean is far from nought.
void norms(std::vector<OpCase>& out, const OpCase& each) {
  const bool norm = each.op == RLX_OP_LAYER_NORM || each.op == RLX_OP_RMS_NORM || each.op == RLX_OP_GROUP_NORM || each.op == RLX_OP_BATCH_NORM;
  if (!norm) return;
  add(out, each, "tiny", between(-0.004, 0.004));
  if (each.dtype() == DType::kF32 || each.dtype() == DType::kF64) add(out, each, "offset", between(30, 34));
  if (each.op != RLX_OP_BATCH_NORM) return;
  OpCase op_case = each;
  op_case.name += "/tiny_variance";
  op_case.operands[4].fill = between(1e-4, 1e-3);
  out.push_back(op_case);
}

struct Range {
  const char* what;
  std::uint32_t fn;
  double low, high;
};
constexpr Range kRanges[] = {
    {"low", RLX_UNARY_EXP, -80, -60},     {"high", RLX_UNARY_EXP, 60, 80},      {"tiny", RLX_UNARY_EXPM1, -1e-3, 1e-3}, {"near_1", RLX_UNARY_LOG, 0.9, 1.1},
    {"large", RLX_UNARY_LOG, 1e4, 6e4},   {"tiny", RLX_UNARY_LOG1P, -1e-3, 1e-3}, {"tail", RLX_UNARY_TANH, 5, 12},      {"tiny", RLX_UNARY_TANH, -1e-3, 1e-3},
    {"tail", RLX_UNARY_SIGMOID, -60, -20}, {"head", RLX_UNARY_SIGMOID, 8, 30},  {"tail", RLX_UNARY_ERF, 2, 6},          {"tiny", RLX_UNARY_ERF, -1e-3, 1e-3},
    {"turns", RLX_UNARY_SIN, -300, 300},  {"turns", RLX_UNARY_COS, -300, 300},  {"large", RLX_UNARY_SQRT, 1e4, 6e4},    {"tiny", RLX_UNARY_RSQRT, 1e-4, 1e-3},
    {"tiny", RLX_UNARY_SINH, -1e-3, 1e-3}, {"tiny", RLX_UNARY_ASINH, -1e-3, 1e-3}, {"tiny", RLX_UNARY_ATANH, -1e-3, 1e-3}, {"near_1", RLX_UNARY_ACOSH, 1.001, 1.1},
};

void ranges(std::vector<OpCase>& out, DType dtype) {
  for (const Range& range : kRanges)
    for (const PointwiseFunction& function : unary_functions()) {
      const bool leaves_f16 = dtype == DType::kF16 && (range.fn == RLX_UNARY_EXP || range.low == -60);  // to nothing, or past its end
      if (function.fn != range.fn || leaves_f16) continue;
      add(out, unary_case(function, dtype, {3, 67}), range.what, between(range.low, range.high));
    }
  for (const PointwiseFunction& function : act_functions()) {
    const bool fades = function.fn == RLX_ACT_GELU_ERF || function.fn == RLX_ACT_GELU_TANH || function.fn == RLX_ACT_HARD_SWISH || function.fn == RLX_ACT_HARD_SIGMOID;  // to nothing
    add(out, act_case(function, dtype, {3, 67}), "tail", fades ? between(-3, -1) : between(-30, -6));
    add(out, act_case(function, dtype, {3, 67}), "head", between(6, 30));
  }
}

}  // namespace

const CaseList& targeted_fills() {
  static const CaseList list([] {
    std::vector<OpCase> out;
    for (const OpCase& each : all_op_cases()) {
      one_sided(out, each);
      logits(out, each);
      norms(out, each);
    }
    for (const DType dtype : float_dtypes()) ranges(out, dtype);
    return out;
  }());
  return list;
}

}  // namespace rlx::conform
