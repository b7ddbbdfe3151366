// SPDX-License-Identifier: Apache-2.0
// Faults that earlier systems had in fusion, each as a test of its own; those with more traps are beside their pass.
#include <gtest/gtest.h>

#include "support.h"

namespace rlx::test {
namespace {

TEST(Lessons, OutputInTheMiddleOfEachPatternIsKept) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), m.S(), 4}), w = m.param("w", {4, 4});
  const ValueId product = m.b.matmul(x, w), biased = m.add(product, m.param("b", {4}));
  const ValueId active = m.act(biased, RLX_ACT_GELU_ERF), sum = m.add(active, x);
  const ValueId y = m.layer_norm(sum, m.param("g", {4}), m.param("h", {4}), 2);
  for (const std::vector<ValueId>& outputs : {std::vector{y, product}, {y, biased}, {y, active}, {y, sum}, {sum, active, biased, product, y}}) {
    Maker copy;
    copy.graph = m.graph;
    fused(copy.finish(outputs));
  }
}

TEST(Lessons, GateWhoseMembersHaveOtherReadersIsRight) {
  Maker m;
  const ValueId x = m.input("x", {m.S(), 4});
  const ValueId gate = m.b.matmul(x, m.param("gate", {4, 4})), up = m.b.matmul(x, m.param("up", {4, 4}));
  const ValueId silu = m.mul(gate, m.b.unary(RLX_UNARY_SIGMOID, gate));
  fused(m.finish({m.mul(silu, up), m.b.unary(RLX_UNARY_EXP, gate), m.add(up, silu)}));
}

TEST(Lessons, MergedWeightsAreNeitherCopiedNorJoined) {
  Maker m;
  const ValueId x = m.input("x", {m.S(), 4});
  const Graph before = m.finish({m.b.matmul(x, m.param("q", {4, 4})), m.b.matmul(x, m.param("k", {4, 4}))});
  const Graph after = fused(before);
  EXPECT_EQ(count(after, RLX_OP_CONCAT) + count(after, RLX_OP_COPY), 0u);
  ASSERT_EQ(after.params.size(), before.params.size());
  for (std::size_t i = 0; i < after.params.size(); ++i) EXPECT_EQ(after.params[i].name, before.params[i].name);
}

TEST(Lessons, ColumnAddedToAMatrixIsNoRepeatingRow) {
  Maker m;
  const ValueId x = m.input("x", {2, 3}), column = m.input("column", {2, 1});
  const Graph after = fused(m.finish({m.b.unary(RLX_UNARY_EXP, m.add(x, column))}));
  EXPECT_EQ(after.values[only(after, RLX_OP_ELEMENTWISE).operands[1]].shape.dims, (Dims{2, 1}));
}

TEST(Lessons, InputsAndParamsKeepTheirPlacesWhateverDies) {
  Maker m;
  m.input("unread", {m.B()});
  const ValueId x = m.input("x", {m.S(), 4});
  m.param("unread.weight", {3});
  const ValueId w = m.param("w", {4, 4});
  const Graph after = fused(m.finish({m.b.matmul(x, w)}));
  ASSERT_EQ(after.inputs.size(), 2u);
  EXPECT_EQ(after.values[after.inputs[0]].name, "unread");
  ASSERT_EQ(after.params.size(), 2u);
  EXPECT_EQ(after.params[0].name, "unread.weight");
}

}  // namespace
}  // namespace rlx::test
