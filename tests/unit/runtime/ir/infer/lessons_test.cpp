// SPDX-License-Identifier: Apache-2.0
// Mistakes that runtimes have made with shapes, each refused or recorded here by name.
#include "runtime/ir/build.h"
#include "support.h"

namespace rlx::test {
namespace {

Result<std::vector<Shape>> run(Opcode op, const std::vector<std::string>& operands, Attributes attributes) {
  std::vector<Constraint> constraints;
  return infer(node_of(op, std::move(attributes)), shapes(operands), constraints);
}

TEST(InferLessons, ReshapeCountsElements) {
  EXPECT_FALSE(run(RLX_OP_RESHAPE, {"f32[6]"}, {{RLX_ATTR_DIMS, Dims{5}}}));
  EXPECT_FALSE(run(RLX_OP_RESHAPE, {"f32[6]"}, {{RLX_ATTR_DIMS, Dims{4, -1}}}));
  EXPECT_FALSE(run(RLX_OP_RESHAPE, {"f32[6]"}, {{RLX_ATTR_DIMS, Dims{4, 1}}}));
  EXPECT_TRUE(run(RLX_OP_RESHAPE, {"f32[6]"}, {{RLX_ATTR_DIMS, Dims{3, 2}}}));
}

TEST(InferLessons, ReduceRefusesAnAxisThatIsNotThere) {
  const auto result =
      run(RLX_OP_REDUCE, {"f32[6]"}, {{RLX_ATTR_FN, Dim(RLX_REDUCE_SUM)}, {RLX_ATTR_AXES, Dims{7}}});
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message().find("axis 7"), std::string::npos);
}

TEST(InferLessons, SliceRefusesNineOfSix) {
  EXPECT_FALSE(run(RLX_OP_SLICE, {"f32[6]"},
                   {{RLX_ATTR_START, Dims{0}}, {RLX_ATTR_LIMIT, Dims{9}}, {RLX_ATTR_STEP, Dims{1}}}));
}

TEST(InferLessons, GatherKeepsTheDimsBeforeItsAxis) {
  const auto result = run(RLX_OP_GATHER, {"f32[2, 3, 4]", "i64[5]"}, {{RLX_ATTR_AXIS, Dim(1)}});
  ASSERT_TRUE(result);
  EXPECT_EQ(to_string(result->front()), "f32[2, 5, 4]");
}

TEST(InferLessons, SliceIsNeverMovedToFit) {
  EXPECT_FALSE(run(RLX_OP_SLICE, {"f32[1]"},
                   {{RLX_ATTR_START, Dims{0}}, {RLX_ATTR_LIMIT, Dims{2}}, {RLX_ATTR_STEP, Dims{1}}}));
  std::vector<Constraint> constraints;
  const Node node =
      node_of(RLX_OP_SLICE,
              {{RLX_ATTR_START, ds({"past"})}, {RLX_ATTR_LIMIT, ds({"past + 2"})}, {RLX_ATTR_STEP, Dims{1}}});
  const auto result = infer(node, shapes({"f32[cache]"}), constraints);
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(to_string(result->front()), "f32[2]");
  ASSERT_EQ(constraints.size(), 1u);
  EXPECT_TRUE(constraints[0].at_least);
  EXPECT_EQ(constraints[0].left, d("cache"));
  EXPECT_EQ(constraints[0].right, d("past + 2"));
  EXPECT_NE(constraints[0].reason.find("slice"), std::string::npos);
}

TEST(InferLessons, ConcatOfNumberAndSymbolIsTheirSum) {
  const auto result = run(RLX_OP_CONCAT, {"f32[past]", "f32[1]", "f32[seq]"}, {{RLX_ATTR_AXIS, Dim(0)}});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->front().dims[0], d("past + seq + 1"));
}

TEST(InferLessons, MatmulOfNumberAndSymbolRecordsTheConstraint) {
  Graph graph;
  const ValueId a = graph.add_input("a", shape("f32[m, k]"));
  const ValueId b = graph.add_input("b", shape("f32[64, n]"));
  MirBuilder builder(graph);
  builder.matmul(a, b);
  ASSERT_TRUE(builder.status());
  ASSERT_EQ(graph.constraints.size(), 1u);
  EXPECT_EQ(texts(graph.constraints), std::vector<std::string>{"64 == k"});
  EXPECT_FALSE(graph.constraints[0].at_least);
  EXPECT_NE(graph.constraints[0].reason.find("dot"), std::string::npos);
}

TEST(InferLessons, WrongShapesAreRefusedInEveryBuild) {
  // The checks are of the library, not of an assertion that release builds drop.
  Graph graph;
  const ValueId a = graph.add_input("a", shape("f32[2, 3]"));
  MirBuilder builder(graph);
  EXPECT_EQ(builder.binary(RLX_BINARY_ADD, a, graph.add_input("b", shape("f32[4]"))), kAbsent);
  EXPECT_FALSE(builder.status());
}

TEST(InferLessons, BroadcastOfTwoByThreeAndTwoByOneIsNoModulus) {
  const auto result = run(RLX_OP_BINARY, {"f32[2, 3]", "f32[2, 1]"}, {{RLX_ATTR_FN, Dim(RLX_BINARY_ADD)}});
  ASSERT_TRUE(result);
  EXPECT_EQ(to_string(result->front()), "f32[2, 3]");
}

}  // namespace
}  // namespace rlx::test
