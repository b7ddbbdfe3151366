// SPDX-License-Identifier: Apache-2.0
// MirBuilder writes views only where they are needed; composites carry regions that fit; regions can be
// inlined.
#include "runtime/ir/build.h"

#include "support.h"

namespace rlx::test {
namespace {

struct Built {
  Graph graph;
  MirBuilder b{graph};

  ValueId input(const std::string& text) { return graph.add_input("x", shape(text)); }
  std::string text(ValueId value) {
    return value == kAbsent ? "absent" : to_string(graph.values[value].shape);
  }
  std::vector<std::string> ops() {
    std::vector<std::string> names;
    for (const Node& node : graph.nodes) names.emplace_back(op_name(node.op));
    return names;
  }
};

using Names = std::vector<std::string>;

TEST(MirBuilder, BinaryOfOneRankAddsNoView) {
  Built g;
  const ValueId y = g.b.binary(RLX_BINARY_ADD, g.input("f32[b, 1]"), g.input("f32[1, s]"));
  EXPECT_EQ(g.text(y), "f32[b, s]");
  EXPECT_EQ(g.ops(), Names{"binary"});
}

TEST(MirBuilder, LowerRankIsReshapedToTheRight) {
  Built g;
  const ValueId y = g.b.binary(RLX_BINARY_ADD, g.input("f32[4]"), g.input("f32[b, s, 4]"));
  EXPECT_EQ(g.text(y), "f32[b, s, 4]");
  EXPECT_EQ(g.ops(), (Names{"reshape", "binary"}));
  EXPECT_TRUE(g.graph.constraints.empty());
}

TEST(MirBuilder, SelectAlignsAllThree) {
  Built g;
  const ValueId y = g.b.select(g.input("bool[s]"), g.input("f32[b, s]"), g.b.scalar(DType::kF32, 0));
  EXPECT_EQ(g.text(y), "f32[b, s]");
}

TEST(MirBuilder, ViewsThatChangeNothingAreNotWritten) {
  Built g;
  const ValueId x = g.input("f32[b, 4]");
  EXPECT_EQ(g.b.reshape(x, ds({"b", "4"})), x);
  EXPECT_EQ(g.b.broadcast(x, ds({"b", "4"})), x);
  EXPECT_EQ(g.b.cast(x, DType::kF32), x);
  EXPECT_TRUE(g.graph.nodes.empty());
}

TEST(MirBuilder, FirstErrorSticks) {
  Built g;
  const ValueId x = g.input("f32[3]");
  EXPECT_EQ(g.b.binary(RLX_BINARY_ADD, x, g.input("f32[4]")), kAbsent);
  const std::string message = g.b.status().error().message();
  EXPECT_EQ(g.b.unary(99, x), kAbsent);
  EXPECT_EQ(g.b.unary(RLX_UNARY_NEG, x), kAbsent);
  EXPECT_EQ(g.b.matmul(x, x), kAbsent);
  EXPECT_EQ(g.b.scalar(DType::kF32, 1), kAbsent);
  EXPECT_EQ(add_composite(g.b, RLX_OP_SOFTMAX, {x}, {}), kAbsent);
  EXPECT_EQ(g.b.status().error().message(), message);
  EXPECT_EQ(g.b.shape(kAbsent).dtype, DType::kNone);
  EXPECT_TRUE(g.graph.nodes.empty());
}

TEST(MirBuilder, OperandsMustBeOfTheGraph) {
  Built g;
  g.input("f32[3]");
  EXPECT_EQ(g.b.unary(RLX_UNARY_NEG, 17), kAbsent);
  EXPECT_EQ(g.b.status().error().code(), ErrorCode::kInvalidModel);
}

TEST(MirBuilder, EqualConstraintsAreKeptOnce) {
  Built g;
  const ValueId a = g.input("f32[a]"), b = g.input("f32[b]");
  g.b.binary(RLX_BINARY_ADD, a, b);
  g.b.binary(RLX_BINARY_MUL, a, b);
  EXPECT_EQ(texts(g.graph.constraints), std::vector<std::string>{"b == a"});
}

TEST(MirBuilder, MatmulFollowsNumpy) {
  const std::vector<std::vector<std::string>> rows{
      {"f32[k]", "f32[k]", "f32[]"},
      {"f32[m, k]", "f32[k]", "f32[m]"},
      {"f32[k]", "f32[k, n]", "f32[n]"},
      {"f32[k]", "f32[b, k, n]", "f32[b, n]"},
      {"f32[b, m, k]", "f32[k]", "f32[b, m]"},
      {"f32[b, h, m, k]", "f32[k, n]", "f32[b, h, m, n]"},
      {"f32[m, k]", "f32[b, k, n]", "f32[b, m, n]"},
      {"f32[b, 1, m, k]", "f32[h, k, n]", "f32[b, h, m, n]"},
      {"f32[b, h, m, k]", "f32[b, h, k, n]", "f32[b, h, m, n]"},
      {"f32[0, 3]", "f32[3, 2]", "f32[0, 2]"},
  };
  for (const auto& row : rows) {
    Built g;
    const ValueId y = g.b.matmul(g.input(row[0]), g.input(row[1]));
    EXPECT_EQ(g.text(y), row[2]) << row[0] << " x " << row[1];
    EXPECT_TRUE(g.graph.constraints.empty()) << row[0] << " x " << row[1];
  }
}

TEST(MirBuilder, MatmulRefusesScalarsAndWrongBatches) {
  Built g;
  EXPECT_EQ(g.b.matmul(g.input("f32[]"), g.input("f32[2, 2]")), kAbsent);
  EXPECT_NE(g.b.status().error().message().find("rank 1 or more"), std::string::npos);
  Built h;
  EXPECT_EQ(h.b.matmul(h.input("f32[2, 4, 4]"), h.input("f32[3, 4, 4]")), kAbsent);
  EXPECT_NE(h.b.status().error().message().find("f32[3, 4, 4]"), std::string::npos);
}

TEST(BroadcastDims, FollowsNumpy) {
  std::vector<Constraint> constraints;
  EXPECT_EQ(broadcast_dims(ds({"4", "1"}), ds({"b", "1", "3"}), constraints, "t").value(),
            ds({"b", "4", "3"}));
  EXPECT_EQ(broadcast_dims(ds({"0"}), ds({"1"}), constraints, "t").value(), ds({"0"}));
  EXPECT_TRUE(constraints.empty());
  EXPECT_EQ(broadcast_dims(ds({"s"}), ds({"7"}), constraints, "t").value(), ds({"7"}));
  EXPECT_EQ(texts(constraints), std::vector<std::string>{"s == 7"});
  const auto wrong = broadcast_dims(ds({"2", "3"}), ds({"2", "4"}), constraints, "who");
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message().find("who: [2, 3] against [2, 4] on axis 1"), std::string::npos)
      << wrong.error().message();
}

// ---- Composites and regions
// -------------------------------------------------------------------------------------------

TEST(AddComposite, CarriesARegionWithOneInputPerOperand) {
  Built g;
  const ValueId x = g.input("f32[b, 8]"), gamma = g.input("f32[8]");
  const ValueId y = add_composite(g.b, RLX_OP_LAYER_NORM, {x, gamma, kAbsent}, {}, "ln");
  ASSERT_TRUE(g.b.status()) << g.b.status().error().message();
  EXPECT_EQ(g.text(y), "f32[b, 8]");
  const Node& node = g.graph.nodes.back();
  EXPECT_EQ(node.name, "ln");
  ASSERT_EQ(node.regions.size(), 1u);
  EXPECT_EQ(node.regions[0]->inputs.size(), 3u);
  EXPECT_EQ(node.regions[0]->outputs.size(), 1u);
  EXPECT_TRUE(node.regions[0]->constraints.empty());
}

TEST(AddComposite, GivesFewerResultsWhereAsked) {
  for (const std::size_t wanted : {0u, 1u, 2u}) {
    Built g;
    const ValueId x = g.input("f32[b, 8]"), gamma = g.input("f32[8]");
    add_composite(g.b, RLX_OP_RMS_NORM, {x, x, gamma}, {{RLX_ATTR_HAS_RESIDUAL, Dim(1)}}, {}, wanted);
    ASSERT_TRUE(g.b.status()) << g.b.status().error().message();
    const std::size_t expected = wanted == 1 ? 1 : 2;
    EXPECT_EQ(g.graph.nodes.back().results.size(), expected);
    EXPECT_EQ(g.graph.nodes.back().regions[0]->outputs.size(), expected);
    EXPECT_TRUE(infer_all(g.graph));
  }
}

TEST(AddComposite, NamesItselfInErrors) {
  Built g;
  EXPECT_EQ(add_composite(g.b, RLX_OP_SOFTMAX, {g.input("i32[2]")}, {}, "probabilities"), kAbsent);
  EXPECT_NE(g.b.status().error().message().find("`probabilities`: softmax: operand 0 is i32[2]"),
            std::string::npos)
      << g.b.status().error().message();
}

TEST(InlineRegion, CopiesNodesConstantsAndInnerRegions) {
  Graph inner;
  MirBuilder in(inner);
  inner.add_input("x", shape("f32[2]"));
  inner.outputs.push_back({"y", in.binary(RLX_BINARY_ADD, inner.inputs[0], in.scalar(DType::kF32, 1))});
  Graph outer;
  outer.add_input("x", shape("f32[2]"));
  outer.add_input("unused", Shape{});
  MirBuilder out(outer);
  const ValueId wrapped =
      out.add(RLX_OP_ELEMENTWISE, {outer.inputs[0]}, {}, {std::make_shared<const Graph>(inner)});
  outer.outputs.push_back({"y", out.binary(RLX_BINARY_MUL, wrapped, out.scalar(DType::kF32, 2))});
  outer.outputs.push_back({"same", outer.inputs[0]});
  ASSERT_TRUE(out.status());

  Built g;
  const ValueId x = g.input("f32[b]");
  const std::vector<ValueId> operands{x, kAbsent};
  const auto results = inline_region(g.graph, outer, operands);
  ASSERT_TRUE(results) << results.error().message();
  ASSERT_EQ(results->size(), 2u);
  EXPECT_EQ(g.text((*results)[0]), "f32[b]");
  EXPECT_EQ((*results)[1], x);
  ASSERT_EQ(g.graph.constants.size(), 1u);
  EXPECT_EQ(g.graph.constants[0].bytes, outer.constants[0].bytes);
  const Node& elementwise = g.graph.nodes[0];
  ASSERT_EQ(elementwise.op, RLX_OP_ELEMENTWISE);
  const Graph& carried = *elementwise.regions[0];
  EXPECT_EQ(to_string(carried.values[carried.outputs[0].value].shape), "f32[b]");
  EXPECT_TRUE(infer_all(g.graph));
}

TEST(InlineRegion, WantsOneOperandPerInput) {
  Graph region;
  region.add_input("x", shape("f32[2]"));
  Graph graph;
  EXPECT_FALSE(inline_region(graph, region, {}));
}

}  // namespace
}  // namespace rlx::test
