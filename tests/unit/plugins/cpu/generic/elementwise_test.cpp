// SPDX-License-Identifier: Apache-2.0
// Step lists: equal to the kernels one after the other, several results, planning errors.
#include "tensor.h"

namespace rlx_cpu::test {
namespace {

StepOperand input(uint32_t i) { return {false, i}; }
StepOperand step(uint32_t i) { return {true, i}; }

ElementwiseStep make(StepKind kind, uint32_t fn, uint32_t dtype, StepOperand a, StepOperand b = {},
                     StepOperand c = {}) {
  ElementwiseStep s;
  s.kind = kind;
  s.fn = fn;
  s.dtype = dtype;
  s.a = a;
  s.b = b;
  s.c = c;
  return s;
}

TEST(GenericElementwise, EqualsTheSingleKernelsBitForBit) {
  for (uint32_t dtype : kFloats) {
    for (const Dims& dims : shapes()) {
      for (Layout layout : kInputLayouts) {
        const Tensor a = Tensor(dtype, dims, layout).fractions(1);
        const Tensor b = Tensor(dtype, dims, Layout::kBroadcast).fractions(2);
        std::vector<ElementwiseStep> steps = {
            make(StepKind::kBinary, RLX_BINARY_MUL, dtype, input(0), input(1)),
            make(StepKind::kUnary, RLX_UNARY_EXP, dtype, step(0)),
            make(StepKind::kCompare, RLX_COMPARE_LT, RLX_DTYPE_BOOL, input(0), input(1)),
            make(StepKind::kSelect, 0, dtype, step(2), step(1), input(1)),
            make(StepKind::kCast, 0, RLX_DTYPE_I32, step(3)),
            make(StepKind::kAct, RLX_ACT_SILU, dtype, step(3)),
        };
        ElementwisePlan plan;
        ASSERT_TRUE(
            plan_elementwise({dtype, dtype}, steps, {step(5), step(4), step(2), input(0)}, &plan).ok());
        Tensor y(dtype, dims, Layout::kGaps), n(RLX_DTYPE_I32, dims),
            flag(RLX_DTYPE_BOOL, dims, Layout::kReversed), same(dtype, dims);
        run_split({&y, &n, &flag, &same}, y.size(), [&](std::vector<Tensor*>& out, Range r) {
          const View in[] = {a, b};
          const View outs[] = {*out[0], *out[1], *out[2], *out[3]};
          return elementwise(plan, in, outs, r);
        });
        Tensor product(dtype, dims), exp(dtype, dims), less(RLX_DTYPE_BOOL, dims), chosen(dtype, dims),
            whole_number(RLX_DTYPE_I32, dims), silu(dtype, dims);
        const Range all = whole(y);
        ASSERT_TRUE(binary(RLX_BINARY_MUL, a, b, product, all).ok());
        ASSERT_TRUE(unary(RLX_UNARY_EXP, product, exp, all).ok());
        ASSERT_TRUE(compare(RLX_COMPARE_LT, a, b, less, all).ok());
        ASSERT_TRUE(select(less, exp, b, chosen, all).ok());
        ASSERT_TRUE(cast(chosen, whole_number, 0, 0, all).ok());
        ASSERT_TRUE(act(RLX_ACT_SILU, 0, 0, chosen, silu, all).ok());
        EXPECT_EQ(y.contents(), silu.contents());
        EXPECT_EQ(n.contents(), whole_number.contents());
        EXPECT_EQ(flag.contents(), less.contents());
        EXPECT_EQ(same.contents(), a.contents());
      }
    }
  }
}

TEST(GenericElementwise, ReusesSlotsAfterTheLastUse) {
  std::vector<ElementwiseStep> steps;
  for (uint32_t i = 0; i < 200; ++i) {
    steps.push_back(
        make(StepKind::kBinary, RLX_BINARY_ADD, RLX_DTYPE_I32, i == 0 ? input(0) : step(i - 1), input(0)));
  }
  ElementwisePlan plan;
  ASSERT_TRUE(plan_elementwise({RLX_DTYPE_I32}, steps, {step(199)}, &plan).ok());
  EXPECT_LE(plan.slot_count, 3u);
  const Tensor x = Tensor(RLX_DTYPE_I32, {1000}).pattern(1);
  Tensor y(RLX_DTYPE_I32, {1000});
  const View in = x, out = y;
  ASSERT_TRUE(elementwise(plan, &in, &out, whole(y)).ok());
  for (int64_t i = 0; i < 1000; ++i) ASSERT_EQ(y.n(i), 201 * x.n(i));
}

TEST(GenericElementwise, WorksInPlace) {
  ElementwisePlan plan;
  ASSERT_TRUE(plan_elementwise({RLX_DTYPE_F32, RLX_DTYPE_F32},
                               {make(StepKind::kBinary, RLX_BINARY_SUB, RLX_DTYPE_F32, input(0), input(1))},
                               {step(0)}, &plan)
                  .ok());
  Tensor x = Tensor(RLX_DTYPE_F32, {1500}).pattern(1);
  const Tensor before = x, b = Tensor(RLX_DTYPE_F32, {1500}).pattern(2);
  const View in[] = {x, b}, out = x;
  ASSERT_TRUE(elementwise(plan, in, &out, whole(x)).ok());
  for (int64_t i = 0; i < 1500; ++i) ASSERT_EQ(x.f(i), before.f(i) - b.f(i));
}

TEST(GenericElementwise, UsesTheFasterFunctionWhereOneIsGiven) {
  ElementwiseStep triple = make(StepKind::kUnary, RLX_UNARY_EXP, RLX_DTYPE_F32, input(0));
  const float factor = 3;
  triple.fast_context = &factor;
  triple.fast = [](const void* context, const float* x, float* y, int64_t n) {
    for (int64_t i = 0; i < n; ++i) y[i] = *static_cast<const float*>(context) * x[i];
  };
  ElementwisePlan plan;
  ASSERT_TRUE(plan_elementwise({RLX_DTYPE_F32}, {triple}, {step(0)}, &plan).ok());
  const Tensor x = Tensor(RLX_DTYPE_F32, {700}).pattern(1);
  Tensor y(RLX_DTYPE_F32, {700});
  const View in = x, out = y;
  ASSERT_TRUE(elementwise(plan, &in, &out, whole(y)).ok());
  for (int64_t i = 0; i < 700; ++i) ASSERT_EQ(y.f(i), 3 * x.f(i));
  triple.dtype = RLX_DTYPE_F64;
  EXPECT_EQ(plan_elementwise({RLX_DTYPE_F64}, {triple}, {step(0)}, &plan).status,
            RLX_STATUS_INVALID_ARGUMENT);
}

TEST(GenericElementwise, RefusesWrongLists) {
  const uint32_t f = RLX_DTYPE_F32, n = RLX_DTYPE_I32, b = RLX_DTYPE_BOOL;
  struct Case {
    ElementwiseStep step;
    int32_t status;
  };
  const Case cases[] = {
      {make(StepKind::kUnary, RLX_UNARY_EXP, f, step(0)), RLX_STATUS_INVALID_ARGUMENT},   // reads itself
      {make(StepKind::kUnary, RLX_UNARY_EXP, f, input(9)), RLX_STATUS_INVALID_ARGUMENT},  // no such input
      {make(StepKind::kBinary, RLX_BINARY_ADD, f, input(0), input(1)),
       RLX_STATUS_INVALID_ARGUMENT},  // f32 and i32
      {make(StepKind::kBinary, RLX_BINARY_ADD, n, input(0), input(0)),
       RLX_STATUS_INVALID_ARGUMENT},  // result dtype
      {make(StepKind::kCompare, RLX_COMPARE_EQ, f, input(0), input(0)), RLX_STATUS_INVALID_ARGUMENT},
      {make(StepKind::kUnary, RLX_UNARY_ISNAN, f, input(0)), RLX_STATUS_INVALID_ARGUMENT},
      {make(StepKind::kSelect, 0, f, input(0), input(0), input(0)),
       RLX_STATUS_INVALID_ARGUMENT},  // cond not bool
      {make(StepKind::kSelect, 0, f, input(2), input(0), input(1)), RLX_STATUS_INVALID_ARGUMENT},
      {make(StepKind::kUnary, RLX_UNARY_EXP, n, input(1)), RLX_STATUS_UNSUPPORTED},
      {make(StepKind::kCast, 0, RLX_DTYPE_C64, input(0)), RLX_STATUS_UNSUPPORTED},
      {make(StepKind::kAct, 77, f, input(0)), RLX_STATUS_UNSUPPORTED},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    ElementwisePlan plan;
    EXPECT_EQ(plan_elementwise({f, n, b}, {cases[i].step}, {step(0)}, &plan).status, cases[i].status) << i;
  }
  ElementwisePlan plan;
  EXPECT_EQ(plan_elementwise({f}, {}, {}, &plan).status, RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(plan_elementwise({f}, {}, {step(0)}, &plan).status, RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(
      plan_elementwise(std::vector<uint32_t>(kElementwiseMaxSlots + 1, f), {}, {input(0)}, &plan).status,
      RLX_STATUS_RESOURCE_EXHAUSTED);
  ASSERT_TRUE(plan_elementwise({f}, {}, {input(0)}, &plan).ok());
  const Tensor x(f, {1});
  Tensor wrong(RLX_DTYPE_F64, {1});
  const View in = x, out = wrong;
  EXPECT_EQ(elementwise(plan, &in, &out, {0, 1}).status, RLX_STATUS_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace rlx_cpu::test
