// SPDX-License-Identifier: Apache-2.0
// Specializing against devices that are plain data: the fast path gives the slow path's bytes, composites are expanded
// when they must be, and errors say all that is wrong.
#include "runtime/compile/specialize.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/compile/strided.h"
#include "runtime/ir/lir/image.h"
#include "support.h"

namespace rlx::test {
namespace {

using Kind = Verdict::Kind;

/// A device that answers by opcode.
Target device(std::function<Kind(const lir::Op&)> answer, int* asked = nullptr) {
  Target target;
  target.name = "fake:0";
  target.query = [answer = std::move(answer), asked](Bytes image) -> Result<TargetAnswer> {
    if (asked) ++*asked;
    RLX_ASSIGN(const lir::Module module, lir::read_image(image));
    TargetAnswer result;
    for (const lir::Op& op : module.ops) result.verdicts.push_back({answer(op), "it is a fake"});
    return result;
  };
  return target;
}

Target primitives_only() {
  return device([](const lir::Op& op) { return op.opcode >= RLX_OP_LINEAR ? Kind::kExpand : Kind::kNative; });
}

SpecializeOptions expand_everything() {
  SpecializeOptions options;
  options.expand_all = true;
  return options;
}

std::shared_ptr<const Graph> shared(Graph graph) { return std::make_shared<const Graph>(std::move(graph)); }

/// Two layers with norms, attention and views.
Graph block() {
  Maker m;
  const ValueId x = m.input("x", {m.B(), m.S(), 8}), keep = m.input("keep", {m.B(), m.S()}, DType::kBool);
  const auto heads = [&](ValueId y) { return m.b.transpose(m.b.reshape(y, {m.B(), m.S(), 2, 4}), {0, 2, 1, 3}); };
  const auto dense = [&](ValueId y, const char* name) { return m.linear(y, m.param(name, {8, 8})); };
  const ValueId mixed = add_composite(m.b, RLX_OP_ATTENTION, {heads(dense(x, "q")), heads(dense(x, "k")), heads(dense(x, "v")), keep},
                                      {{RLX_ATTR_MASK_KIND, Dim(RLX_MASK_KEY_BOOL)}});
  const ValueId flat = m.b.reshape(m.b.transpose(mixed, {0, 2, 1, 3}), {m.B(), m.S(), 8});
  const ValueId y = m.layer_norm(m.add(dense(flat, "o"), x), m.param("g", {8}), m.param("h", {8}), 2);
  return m.finish({m.act(y, RLX_ACT_GELU_ERF), m.b.reduce(RLX_REDUCE_SUM, y, {1}, false)});
}

void expect_both_ways_alike(const Graph& graph, const Target& target, const SpecializeOptions& options = {}) {
  Specializer specializer(shared(graph), target, options);
  for (const std::int64_t batch : {1, 0, 7, 13})
    for (const std::int64_t seq : {1, 5, 0, 31}) {
      const DimBinding binding{{"b", batch}, {"s", seq}};
      const auto fast = specializer.specialize(binding);
      const auto slow = specializer.specialize_slowly(binding);
      ASSERT_TRUE(fast) << fast.error().to_string();
      ASSERT_TRUE(slow) << slow.error().to_string();
      const Bytes a = fast->image->bytes(), b = slow->bytes();
      ASSERT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end())) << "b = " << batch << ", s = " << seq;
      EXPECT_TRUE(lir::verify_image(a)) << "b = " << batch << ", s = " << seq;
    }
}

TEST(Specialize, SlowAndFastGiveTheSameBytes) {
  expect_both_ways_alike(block(), takes_all());
  expect_both_ways_alike(after_pass(block(), ""), takes_all());
}

TEST(Specialize, SlowAndFastAgreeOnExpansions) {
  expect_both_ways_alike(block(), primitives_only());
  expect_both_ways_alike(after_pass(block(), ""), primitives_only());
  expect_both_ways_alike(after_pass(block(), ""), takes_all(), expand_everything());
}

TEST(Specialize, ForcedExpansionLeavesNoComposite) {
  const auto image = Specializer(shared(after_pass(block(), "")), takes_all(), expand_everything()).specialize({{"b", 2}, {"s", 3}});
  ASSERT_TRUE(image) << image.error().to_string();
  const auto module = lir::read_image(image->image->bytes());
  for (const lir::Op& op : module->ops) EXPECT_LT(op.opcode, RLX_OP_LINEAR) << op_name(op.opcode);
  EXPECT_GT(image->dispatch->expanded, 0u);
}

TEST(Specialize, ExpandsWhatTheDeviceWouldNotTakeAndSaysWhy) {
  const Target target = device([](const lir::Op& op) { return op.opcode == RLX_OP_LAYER_NORM ? Kind::kUnsupported : Kind::kNative; });
  const auto image = Specializer(shared(block()), target).specialize({{"b", 2}, {"s", 3}});
  ASSERT_TRUE(image) << image.error().to_string();
  EXPECT_EQ(image->dispatch->expanded, 1u);
  ASSERT_EQ(image->dispatch->notes.size(), 1u);
  EXPECT_NE(image->dispatch->notes[0].find("it is a fake"), std::string::npos);
}

TEST(Specialize, NamesEveryOpThatCannotRun) {
  const Target target = device([](const lir::Op& op) {
    return op.opcode == RLX_OP_DOT || op.opcode == RLX_OP_REDUCE || op.opcode >= RLX_OP_LINEAR ? Kind::kUnsupported : Kind::kNative;
  });
  const auto image = Specializer(shared(block()), target).specialize({{"b", 2}, {"s", 3}});
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code(), ErrorCode::kUnsupportedOps);
  const std::string text = image.error().to_string();
  EXPECT_NE(text.find("`reduce`"), std::string::npos) << text;
  EXPECT_NE(text.find("it is a fake"), std::string::npos) << text;
  Maker m;
  const ValueId x = m.input("x", {m.B(), 4});
  const auto both = Specializer(shared(m.finish({m.b.reduce(RLX_REDUCE_SUM, m.b.matmul(x, m.input("w", {4, 4})), {1}, true)})), target)
                        .specialize({{"b", 2}, {"s", 1}});
  ASSERT_FALSE(both);
  EXPECT_NE(both.error().to_string().find("`dot`"), std::string::npos) << both.error().to_string();
  EXPECT_NE(both.error().to_string().find("`reduce`"), std::string::npos) << both.error().to_string();
}

TEST(Specialize, SaysAReasonOnceWithTheNodesItHolds) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), 4});
  std::vector<ValueId> sums;
  for (int i = 0; i < 6; ++i) sums.push_back(m.b.reduce(RLX_REDUCE_SUM, i == 0 ? x : sums.back(), {1}, true));
  const Target target = device([](const lir::Op& op) { return op.opcode == RLX_OP_REDUCE ? Kind::kUnsupported : Kind::kNative; });
  const auto image = Specializer(shared(m.finish({sums.back()})), target).specialize({{"b", 2}, {"s", 1}});
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().message(), "fake:0 cannot run: `reduce` (reads `x`; node 1 of 6; node 2 of 6; node 3 of 6; and 2 more): it is a fake");
}

TEST(Specialize, AsksOnceForAllSizesUnlessTheAnswerDependsOnThem) {
  int asked = 0;
  Specializer specializer(shared(block()), device([](const lir::Op&) { return Kind::kNative; }, &asked));
  for (const std::int64_t seq : {1, 2, 3}) ASSERT_TRUE(specializer.specialize({{"b", 2}, {"s", seq}}));
  EXPECT_EQ(asked, 1);
}

TEST(Specialize, CopiesWhatAClaimWantsDense) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), m.S()});
  const Graph graph = m.finish({m.b.unary(RLX_UNARY_NEG, m.b.transpose(x, {1, 0}))});
  Target dense = takes_all(), any = takes_all();
  ClaimRow row;
  row.opcode = RLX_OP_UNARY;
  row.operand_layouts = 0;
  dense.claims = {row};
  const DimBinding binding{{"b", 2}, {"s", 3}};
  EXPECT_EQ(Specializer(shared(graph), dense).specialize(binding)->dispatch->copies, 1u);
  EXPECT_EQ(Specializer(shared(graph), any).specialize(binding)->dispatch->copies, 0u);
  expect_both_ways_alike(graph, dense);
}

TEST(Specialize, SymbolsAreCheckedByName) {
  Specializer specializer(shared(block()), takes_all());
  const auto code = [&](const DimBinding& binding) { return specializer.specialize(binding).error().code(); };
  EXPECT_EQ(code({{"b", 2}}), ErrorCode::kUnboundSymbol);
  EXPECT_EQ(code({{"b", 2}, {"s", 3}, {"t", 1}}), ErrorCode::kUnknownSymbol);
  EXPECT_EQ(code({{"b", 2}, {"s", 1001}}), ErrorCode::kSymbolOutOfRange);
  EXPECT_EQ(code({{"b", -1}, {"s", 3}}), ErrorCode::kSymbolOutOfRange);
}

TEST(Specialize, AnswerForTooFewOpsIsTheDevicesFault) {
  Target target = takes_all();
  target.query = [](Bytes) -> Result<TargetAnswer> { return TargetAnswer{}; };
  const auto image = Specializer(shared(block()), target).specialize({{"b", 2}, {"s", 3}});
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code(), ErrorCode::kPluginFault);
}

// ---- Views ----------------------------------------------------------------------------------------------------------

const Dim b = Dim::symbol("b"), s = Dim::symbol("s");

TEST(Strided, ReshapeSplitsAndJoinsWithoutCopy) {
  const Strided x{{b, s, 8}, dense_strides(Dims{b, s, 8}), 0};
  const auto heads = reshaped(x, Dims{b, s, 2, 4});
  ASSERT_TRUE(heads);
  EXPECT_TRUE(is_dense(*heads));
  const auto joined = reshaped(*heads, Dims{b * s, 8});
  ASSERT_TRUE(joined);
  EXPECT_TRUE(is_dense(*joined));
}

TEST(Strided, ReshapeOfATransposeSplitsAnAxisOfItsOwn) {
  const Strided turned = transposed({{b, s, 8}, dense_strides(Dims{b, s, 8}), 0}, std::vector<std::int64_t>{0, 2, 1});
  const auto split = reshaped(turned, Dims{b, 2, 4, s});
  ASSERT_TRUE(split);
  EXPECT_EQ(split->strides, (Dims{s * Dim(8), 4, 1, 8}));
}

TEST(Strided, ReshapeThatJoinsTransposedAxesNeedsACopy) {
  const Strided turned = transposed({{b, s, 8}, dense_strides(Dims{b, s, 8}), 0}, std::vector<std::int64_t>{0, 2, 1});
  EXPECT_FALSE(reshaped(turned, Dims{b, s * Dim(8)}));
}

TEST(Strided, BroadcastAxesHaveStrideZeroAndSlicesAnOffset) {
  const Strided x{{b, 1, 8}, dense_strides(Dims{b, 1, 8}), 0};
  EXPECT_EQ(broadcasted(x, Dims{b, s, 8}).strides[1], Dim(0));
  const Strided back = sliced(x, Dims{0, 0, 7}, Dims{1, 1, -1}, Dims{b, 1, 8});
  EXPECT_EQ(back.strides[2], Dim(-1));
  EXPECT_EQ(back.offset, Dim(7));
}

}  // namespace
}  // namespace rlx::test
