// SPDX-License-Identifier: Apache-2.0
// Regions of pointwise steps: what may join, what may not, and that they form while sizes are open.
#include <gtest/gtest.h>

#include "support.h"

namespace rlx::test {
namespace {

TEST(FuseElementwise, FormsOnOpenSizes) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), m.S(), 4}), y = m.input("y", {m.S(), 1});
  const Graph after = fused(m.finish({m.b.unary(RLX_UNARY_TANH, m.mul(m.add(x, y), m.number(3)))}));
  const Node& node = only(after, RLX_OP_ELEMENTWISE);
  EXPECT_EQ(node.operands.size(), 2u);
  EXPECT_EQ(node.regions[0]->nodes.size(), 3u);
}

TEST(FuseElementwise, ValueThatIsAnOutputIsASeam) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), 4});
  const ValueId middle = m.b.unary(RLX_UNARY_EXP, m.add(x, x));
  const Graph after = fused(m.finish({m.b.unary(RLX_UNARY_TANH, m.mul(middle, middle)), middle}));
  EXPECT_EQ(count(after, RLX_OP_ELEMENTWISE), 2u);
}

TEST(FuseElementwise, ValueThatAnotherOpReadsIsASeam) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), 4});
  const ValueId middle = m.b.unary(RLX_UNARY_EXP, m.add(x, x));
  const Graph after = fused(m.finish({m.mul(m.b.unary(RLX_UNARY_TANH, middle), m.b.reduce(RLX_REDUCE_SUM, middle, {1}, true))}));
  EXPECT_EQ(count(after, RLX_OP_ELEMENTWISE), 2u);
}

TEST(FuseElementwise, ReadersWithinOneRegionAreNoSeam) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), 4});
  const ValueId e = m.b.unary(RLX_UNARY_EXP, x);
  const Graph after = fused(m.finish({m.mul(m.b.unary(RLX_UNARY_NEG, e), m.add(e, e))}));
  EXPECT_EQ(after.nodes.size(), 1u);
}

TEST(FuseElementwise, SmallerShapesAreComputedOutside) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), 4}), y = m.input("y", {m.B(), 1});
  const Graph after = fused(m.finish({m.b.unary(RLX_UNARY_NEG, m.mul(x, m.b.unary(RLX_UNARY_EXP, y)))}));
  EXPECT_EQ(count(after, RLX_OP_UNARY), 1u);
  EXPECT_EQ(count(after, RLX_OP_ELEMENTWISE), 1u);
}

TEST(FuseElementwise, CyclesCannotForm) {
  Maker m;
  const ValueId x = m.input("x", {4, 4}), w = m.input("w", {4, 4});
  const ValueId a = m.b.unary(RLX_UNARY_EXP, m.b.unary(RLX_UNARY_NEG, x));
  const ValueId product = m.b.matmul(a, w);
  const Graph after = fused(m.finish({m.b.unary(RLX_UNARY_TANH, m.add(a, product))}));
  EXPECT_EQ(count(after, RLX_OP_ELEMENTWISE), 2u);
}

TEST(FuseElementwise, DtypesMayChangeInside) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), 4}), n = m.input("n", {4}, DType::kI32);
  const ValueId mask = m.b.compare(RLX_COMPARE_GT, x, m.b.cast(n, DType::kF32));
  const Graph after = fused(m.finish({m.b.select(mask, m.add(x, x), m.number(-1))}));
  EXPECT_EQ(count(after, RLX_OP_ELEMENTWISE), 1u);
}

TEST(FuseElementwise, AtMostEightInputsAndSixtyFourSteps) {
  Maker m;
  ValueId sum = m.input("x", {m.B()});
  for (int i = 0; i < 20; ++i) sum = m.add(sum, m.input(join("x", i), {m.B()}));
  for (int i = 0; i < 150; ++i) sum = m.b.unary(i % 2 ? RLX_UNARY_SIN : RLX_UNARY_NEG, sum);
  const Graph after = fused(m.finish({sum}));
  for (const Node& node : after.nodes) {
    ASSERT_EQ(node.op, RLX_OP_ELEMENTWISE);
    EXPECT_LE(node.operands.size(), 8u);
    EXPECT_LE(node.regions[0]->nodes.size(), 64u);
  }
}

TEST(FuseElementwise, UniformConstantThatSpreadsKeepsItsShape) {
  Maker m;
  const ValueId x = m.input("x", {1});
  const std::vector<float> twos(4, 2.0F);
  const auto* from = reinterpret_cast<const std::byte*>(twos.data());
  const ValueId c = m.graph.add_constant({DType::kF32, {4}}, std::vector<std::byte>(from, from + 16));
  const Graph after = fused(m.finish({m.b.unary(RLX_UNARY_EXP, m.mul(x, c))}));
  EXPECT_EQ(after.values[after.outputs[0].value].shape.dims, (Dims{4}));
}

}  // namespace
}  // namespace rlx::test
