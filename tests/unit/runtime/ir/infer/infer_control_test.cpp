// SPDX-License-Identifier: Apache-2.0
// Inference of ops that carry regions: if, while, elementwise, third parties' ops; infer_all on them.
#include "runtime/ir/build.h"
#include "support.h"

namespace rlx::test {
namespace {

using RegionPtr = std::shared_ptr<const Graph>;

/// A region with inputs of the given shapes that gives what `body` returns.
template <class Body>
RegionPtr region(const std::vector<std::string>& inputs, Body body) {
  auto graph = std::make_shared<Graph>();
  std::vector<ValueId> ids;
  for (const std::string& text : inputs) ids.push_back(graph->add_input("x", shape(text)));
  MirBuilder b(*graph);
  for (const ValueId output : body(b, ids)) graph->outputs.push_back({"y", output});
  EXPECT_TRUE(b.status());
  return graph;
}

using Ids = std::vector<ValueId>;

RegionPtr negate(const std::string& text) {
  return region({text}, [](MirBuilder& b, const Ids& x) { return Ids{b.unary(RLX_UNARY_NEG, x[0])}; });
}

RegionPtr pick(std::size_t i, const std::vector<std::string>& inputs) {
  return region(inputs, [i](MirBuilder&, const Ids& x) { return Ids{x[i]}; });
}

Result<std::vector<Shape>> run(Opcode op, std::vector<RegionPtr> regions,
                               const std::vector<std::string>& operands, std::vector<Constraint>& constraints,
                               std::string ns = {}) {
  Node node = node_of(op);
  node.ns = std::move(ns);
  node.regions = std::move(regions);
  return infer(node, shapes(operands), constraints);
}

TEST(InferControl, IfUnifiesBothWays) {
  const std::vector<std::string> operands{"bool[]", "f32[s, 4]", "f32[t, 4]"};
  std::vector<Constraint> constraints;
  const auto result = run(RLX_OP_IF, {pick(1, operands), pick(2, operands)}, operands, constraints);
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(texts(*result), std::vector<std::string>{"f32[s, 4]"});
  EXPECT_EQ(texts(constraints), std::vector<std::string>{"t == s"});
}

TEST(InferControl, IfRefusesTwoShapes) {
  const std::vector<std::string> operands{"bool[]", "f32[3]", "f32[4]", "f32[1, 1]", "i32[3]"};
  std::vector<Constraint> constraints;
  for (const auto& [i, words] : std::vector<std::pair<std::size_t, std::string>>{
           {2, "axis 0 is 4, wanted 3"}, {3, "rank is 2, wanted 1"}, {4, "dtype is i32, wanted f32"}}) {
    const auto result = run(RLX_OP_IF, {pick(1, operands), pick(i, operands)}, operands, constraints);
    ASSERT_FALSE(result) << i;
    EXPECT_NE(result.error().message().find(words), std::string::npos) << result.error().message();
    EXPECT_EQ(result.error().message().find("if: "), 0u) << result.error().message();
  }
}

TEST(InferControl, IfWantsABoolScalarAndTwoRegions) {
  std::vector<Constraint> constraints;
  EXPECT_EQ(run(RLX_OP_IF, {negate("f32[2]"), negate("f32[2]")}, {"f32[2]"}, constraints).error().code(),
            ErrorCode::kDtypeMismatch);
  const auto one = run(RLX_OP_IF, {pick(0, {"bool[]"})}, {"bool[]"}, constraints);
  ASSERT_FALSE(one);
  EXPECT_NE(one.error().message().find("1 regions, wanted 2"), std::string::npos);
}

TEST(InferControl, WhileKeepsWhatItCarries) {
  const std::vector<std::string> operands{"i64[]", "f32[s]"};
  const RegionPtr condition = region(operands, [](MirBuilder& b, const Ids& x) {
    return Ids{b.compare(RLX_COMPARE_LT, x[0], b.scalar(DType::kI64, 3))};
  });
  const RegionPtr body = region(operands, [](MirBuilder& b, const Ids& x) {
    return Ids{b.binary(RLX_BINARY_ADD, x[0], b.scalar(DType::kI64, 1)), b.unary(RLX_UNARY_NEG, x[1])};
  });
  std::vector<Constraint> constraints;
  const auto result = run(RLX_OP_WHILE, {condition, body}, operands, constraints);
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(texts(*result), (std::vector<std::string>{"i64[]", "f32[s]"}));
  EXPECT_TRUE(constraints.empty());
  const auto grown = run(RLX_OP_WHILE,
                         {condition, region(operands,
                                            [](MirBuilder& b, const Ids& x) {
                                              return Ids{x[0], b.concat({x[1], x[1]}, 0)};
                                            })},
                         {"i64[]", "f32[3]"}, constraints);
  ASSERT_FALSE(grown);
  EXPECT_NE(grown.error().message().find("axis 0 is 6, wanted 3"), std::string::npos)
      << grown.error().message();
  EXPECT_FALSE(run(RLX_OP_WHILE, {body, body}, operands, constraints));
}

TEST(InferControl, ElementwiseAndThirdPartiesFollowTheirRegion) {
  std::vector<Constraint> constraints;
  for (const char* ns : {"", "acme"}) {
    const auto result =
        run(ns[0] ? Opcode{7} : RLX_OP_ELEMENTWISE, {negate("f32[2]")}, {"f32[b, 5]"}, constraints, ns);
    ASSERT_TRUE(result) << result.error().to_string();
    EXPECT_EQ(texts(*result), std::vector<std::string>{"f32[b, 5]"});
  }
  const auto bare = run(7, {}, {"f32[2]"}, constraints, "acme");
  ASSERT_FALSE(bare);
  EXPECT_NE(bare.error().message().find("acme.7"), std::string::npos) << bare.error().message();
  const auto inside = run(RLX_OP_ELEMENTWISE, {negate("f32[2]")}, {"bool[2]"}, constraints);
  ASSERT_FALSE(inside);
  EXPECT_NE(inside.error().message().find("elementwise: region 0: unary.neg"), std::string::npos)
      << inside.error().message();
}

TEST(InferControl, RegionWantsOneInputPerOperand) {
  std::vector<Constraint> constraints;
  const auto result = run(RLX_OP_ELEMENTWISE, {negate("f32[2]")}, {"f32[2]", "f32[2]"}, constraints);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message().find("1 inputs, wanted 2"), std::string::npos)
      << result.error().message();
}

TEST(InferControl, InferAllReachesIntoRegions) {
  Graph graph;
  const ValueId x = graph.add_input("x", shape("f32[b, 3]"));
  const RegionPtr shared = negate("f32[b, 3]");
  MirBuilder b(graph);
  b.add(RLX_OP_ELEMENTWISE, {x}, {}, {shared});
  ASSERT_TRUE(b.status());
  ASSERT_TRUE(infer_all(graph));
  EXPECT_EQ(graph.nodes[0].regions[0], shared) << "nothing changed, so nothing is copied";
  graph.values[x].shape = shape("f32[4, 7]");
  ASSERT_TRUE(infer_all(graph));
  EXPECT_EQ(to_string(graph.values[graph.nodes[0].results[0]].shape), "f32[4, 7]");
  const Graph& inside = *graph.nodes[0].regions[0];
  EXPECT_EQ(to_string(inside.values[inside.inputs[0]].shape), "f32[4, 7]");
  EXPECT_EQ(to_string(inside.values[inside.outputs[0].value].shape), "f32[4, 7]");
  EXPECT_EQ(to_string(shared->values[shared->inputs[0]].shape), "f32[b, 3]");
}

TEST(InferControl, DeepNestingCostsNoMoreThanItsDepthSquared) {
  RegionPtr inner = negate("f32[2]");
  for (int depth = 0; depth < 40; ++depth)
    inner = region({"f32[2]"}, [&](MirBuilder& b, const Ids& x) {
      return Ids{b.add(RLX_OP_ELEMENTWISE, {x[0]}, {}, {inner})};
    });
  Graph graph;
  const ValueId x = graph.add_input("x", shape("f32[2]"));
  MirBuilder b(graph);
  b.add(RLX_OP_ELEMENTWISE, {x}, {}, {inner});
  graph.values[x].shape = shape("f32[7]");
  ASSERT_TRUE(infer_all(graph));  // doubling at each level would not come back
  EXPECT_EQ(to_string(graph.values[graph.nodes[0].results[0]].shape), "f32[7]");
}

TEST(InferControl, InferAllNamesTheFirstNodeThatNoLongerFits) {
  Graph graph;
  const ValueId x = graph.add_input("x", shape("f32[2]"));
  const ValueId y = graph.add_input("y", shape("f32[2]"));
  MirBuilder b(graph);
  b.add(RLX_OP_BINARY, {x, y}, {{RLX_ATTR_FN, Dim(RLX_BINARY_ADD)}}, {}, "sum");
  graph.values[y].shape = shape("f32[3]");
  const auto status = infer_all(graph);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message().find("binary.add `sum`"), std::string::npos) << status.error().message();
}

}  // namespace
}  // namespace rlx::test
