// SPDX-License-Identifier: Apache-2.0
// Traps of fusion, each with the numbers before and after: outputs inside a pattern, biases of one element, residuals
// that broadcast, norms over other axes, further readers.
#include <gtest/gtest.h>

#include "support.h"

namespace rlx::test {
namespace {

TEST(FuseLinear, TakesBiasActAndResidual) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), m.S(), 4}), w = m.param("w", {4, 4}), bias = m.param("bias", {4});
  const ValueId y = m.add(m.act(m.add(m.b.matmul(x, w), bias), RLX_ACT_GELU_ERF), x);
  const Graph after = fused(m.finish({y}));
  EXPECT_EQ(after.nodes.size(), 1u);
  EXPECT_EQ(attr_i64(only(after, RLX_OP_LINEAR), RLX_ATTR_HAS_RESIDUAL, 0), 1);
}

TEST(FuseLinear, BiasOfOneElementIsNoBias) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), m.S(), 4}), w = m.param("w", {4, 6}), bias = m.param("bias", {1});
  const Graph after = fused(m.finish({m.add(m.b.matmul(x, w), bias)}));
  EXPECT_EQ(attr_i64(only(after, RLX_OP_LINEAR), RLX_ATTR_HAS_BIAS, 0), 0);
}

TEST(FuseLinear, BiasOfOneElementIsABiasForOneColumn) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), m.S(), 4}), w = m.param("w", {4, 1}), bias = m.param("bias", {1});
  const Graph after = fused(m.finish({m.add(m.b.matmul(x, w), bias)}));
  EXPECT_EQ(attr_i64(only(after, RLX_OP_LINEAR), RLX_ATTR_HAS_BIAS, 0), 1);
}

TEST(FuseLinear, BiasAfterTheActivationIsNoBias) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), m.S(), 4}), w = m.param("w", {4, 6}), bias = m.param("bias", {6});
  const Graph after = fused(m.finish({m.add(m.act(m.b.matmul(x, w), RLX_ACT_SILU), bias)}));
  EXPECT_EQ(attr_i64(only(after, RLX_OP_LINEAR), RLX_ATTR_HAS_BIAS, 0), 0);
}

TEST(FuseLinear, ProductThatIsAnOutputStays) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), m.S(), 4}), w = m.param("w", {4, 6}), bias = m.param("bias", {6});
  const ValueId product = m.b.matmul(x, w);
  const Graph after = fused(m.finish({product, m.act(m.add(product, bias), RLX_ACT_SILU)}));
  EXPECT_EQ(attr_i64(only(after, RLX_OP_LINEAR), RLX_ATTR_HAS_BIAS, 0), 0);
}

TEST(FuseLinear, ProductWithAnotherReaderStays) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), m.S(), 4}), w = m.param("w", {4, 6});
  const ValueId product = m.b.matmul(x, w);
  const Graph after = fused(m.finish({m.add(m.act(product, RLX_ACT_SILU), product)}));
  EXPECT_EQ(attr_i64(only(after, RLX_OP_LINEAR), RLX_ATTR_ACT, 0), RLX_ACT_NONE);
}

TEST(FuseLinear, ResidualThatBroadcastsStaysAnAdd) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), m.S(), 4}), w = m.param("w", {4, 6}), r = m.input("r", {m.S(), 6});
  const Graph after = fused(m.finish({m.add(m.b.matmul(x, w), r)}));
  EXPECT_EQ(attr_i64(only(after, RLX_OP_LINEAR), RLX_ATTR_HAS_RESIDUAL, 0), 0);
}

TEST(FuseLinear, ProductThatBroadcastsUpIsNoResidualPlace) {
  Maker m;
  const ValueId x = m.input("x", {1, m.S(), 4}), w = m.param("w", {4, 6}), r = m.input("r", {m.B(), m.S(), 6});
  const Graph after = fused(m.finish({m.add(m.b.matmul(x, w), r)}));
  EXPECT_EQ(attr_i64(only(after, RLX_OP_LINEAR), RLX_ATTR_HAS_RESIDUAL, 0), 0);
}

TEST(FuseLinear, ProductOfActivationsStaysADot) {
  Maker m;
  const ValueId x = m.input("x", {m.S(), 4}), w = m.input("w", {4, 6});
  EXPECT_EQ(count(fused(m.finish({m.b.matmul(x, w)})), RLX_OP_LINEAR), 0u);
}

TEST(FuseLinear, WeightContractedOnEitherAxis) {
  Maker m;
  const ValueId x = m.input("x", {m.S(), 4}), w = m.param("w", {6, 4});
  const ValueId y = m.b.dot(x, w, {1}, {1}, {}, {});
  const ValueId z = m.b.matmul(y, m.b.transpose(m.param("v", {3, 6}), {1, 0}));
  const Graph after = fused(m.finish({z}));
  EXPECT_EQ(count(after, RLX_OP_LINEAR), 2u);
  EXPECT_EQ(after.nodes.size(), 2u);
}

TEST(FuseLinear, OneResidualPerLinear) {
  Maker m;
  const ValueId x = m.input("x", {m.S(), 4}), w = m.param("w", {4, 4});
  const ValueId y = m.add(m.add(m.b.matmul(x, w), x), x);
  const Graph after = fused(m.finish({y}));
  EXPECT_EQ(count(after, RLX_OP_BINARY), 1u);
}

TEST(FuseLinear, SumOfTwoProductsKeepsBoth) {
  Maker m;
  const ValueId x = m.input("x", {m.S(), 4}), w = m.param("w", {4, 4}), v = m.param("v", {4, 4});
  const Graph after = fused(m.finish({m.add(m.b.matmul(x, w), m.b.matmul(x, v))}));
  EXPECT_EQ(count(after, RLX_OP_LINEAR), 2u);
}

TEST(MergeLinears, KeepsScalesAndOutputsApart) {
  Maker m;
  const ValueId x = m.input("x", {m.S(), 4});
  const ValueId q = m.linear(x, m.param("q", {4, 4}), {{RLX_ATTR_ALPHAS, std::vector<double>{0.25}}});
  const ValueId k = m.linear(x, m.param("k", {4, 2})), v = m.linear(x, m.param("v", {4, 2}));
  const Graph after = fused(m.finish({v, q, m.b.binary(RLX_BINARY_MUL, k, v)}));
  EXPECT_EQ(attr_f64s(only(after, RLX_OP_LINEAR), RLX_ATTR_ALPHAS), (std::vector<double>{0.25, 1, 1}));
}

TEST(MergeLinears, LayoutsDoNotMix) {
  Maker m;
  const ValueId x = m.input("x", {m.S(), 4});
  const ValueId a = m.linear(x, m.param("a", {4, 4}));
  const ValueId c = m.linear(x, m.param("c", {4, 4}), {{RLX_ATTR_W_LAYOUT, Dim(RLX_W_LAYOUT_NK)}});
  EXPECT_EQ(count(fused(m.finish({a, c})), RLX_OP_LINEAR), 2u);
}

TEST(MergeLinears, ChainIsNotMerged) {
  Maker m;
  const ValueId x = m.input("x", {m.S(), 4}), w = m.param("w", {4, 4});
  const ValueId a = m.linear(x, w);
  EXPECT_EQ(count(fused(m.finish({m.linear(a, w)})), RLX_OP_LINEAR), 2u);
}

TEST(MergeLinears, SeventeenOfThemMakeGroupsOfAtMostFour) {
  Maker m;
  const ValueId x = m.input("x", {m.S(), 4});
  std::vector<ValueId> outputs;
  for (int i = 0; i < 17; ++i) outputs.push_back(m.linear(x, m.param(join("w", i).c_str(), {4, 2})));
  EXPECT_EQ(count(fused(m.finish(outputs)), RLX_OP_LINEAR), 5u);
}

struct Convolution {
  Maker m;
  ValueId x, w;
  Convolution() {
    x = m.input("x", {m.B(), 4, 5, 5});
    w = m.param("w", {4, 4, 3, 3});
  }
  ValueId conv() {
    return m.b.add(RLX_OP_CONV, {x, w}, {{RLX_ATTR_LOW, Dims{1, 1}}, {RLX_ATTR_HIGH, Dims{1, 1}}, {RLX_ATTR_STRIDES, Dims{1, 1}}, {RLX_ATTR_DILATION, Dims{1, 1}}});
  }
};

TEST(FuseConv, TakesBiasResidualAndActInThisOrder) {
  Convolution c;
  const ValueId bias = c.m.b.reshape(c.m.param("b", {4}), {1, 4, 1, 1});
  const Graph after = fused(c.m.finish({c.m.act(c.m.add(c.m.add(c.conv(), bias), c.x), RLX_ACT_RELU)}));
  EXPECT_EQ(after.nodes.size(), 1u) << short_text(after);
}

TEST(FuseConv, ResidualAfterTheActivationStays) {
  Convolution c;
  const Graph after = fused(c.m.finish({c.m.add(c.m.act(c.conv(), RLX_ACT_RELU), c.x)}));
  EXPECT_EQ(attr_i64(only(after, RLX_OP_CONV_ACT), RLX_ATTR_HAS_RESIDUAL, 0), 0);
}

TEST(FuseConv, BiasOverAnotherAxisOrOfOneElementStays) {
  for (const auto& dims : {Dims{1, 1, 1, 5}, Dims{1, 1, 1, 1}}) {
    Convolution c;
    const ValueId bias = c.m.b.reshape(c.m.param("b", {dims[3]}), dims);
    EXPECT_EQ(count(fused(c.m.finish({c.m.add(c.conv(), bias)})), RLX_OP_CONV_ACT), 0u);
  }
}

TEST(FuseConv, ConvolutionThatIsAnOutputStays) {
  Convolution c;
  const ValueId y = c.conv();
  EXPECT_EQ(count(fused(c.m.finish({y, c.m.act(y, RLX_ACT_RELU)})), RLX_OP_CONV_ACT), 0u);
}

TEST(FuseResidualNorm, SumOnlyForTheNorm) {
  Maker m;
  const ValueId x = m.input("x", {m.S(), 4}), r = m.input("r", {m.S(), 4});
  const Graph after = fused(m.finish({m.layer_norm(m.add(x, r), m.param("g", {4}), m.param("h", {4}), 1)}));
  EXPECT_EQ(after.nodes.size(), 1u);
  EXPECT_EQ(after.nodes[0].results.size(), 1u);
}

TEST(FuseResidualNorm, SumThatIsAnOutputIsTheSecondResult) {
  Maker m;
  const ValueId x = m.input("x", {m.S(), 4}), r = m.input("r", {m.S(), 4});
  const ValueId sum = m.add(x, r);
  const Graph after = fused(m.finish({sum, m.layer_norm(sum, m.param("g", {4}), m.param("h", {4}), 1)}));
  EXPECT_EQ(only(after, RLX_OP_LAYER_NORM).results.size(), 2u);
  EXPECT_EQ(count(after, RLX_OP_BINARY), 0u);
}

TEST(FuseResidualNorm, SumReadBeforeTheNormStays) {
  Maker m;
  const ValueId x = m.input("x", {m.S(), 4}), r = m.input("r", {m.S(), 4});
  const ValueId sum = m.add(x, r);
  const ValueId early = m.b.unary(RLX_UNARY_EXP, sum);
  const Graph after = after_pass(m.finish({early, m.layer_norm(sum, m.param("g", {4}), m.param("h", {4}), 1)}), "fuse_residual_norm");
  EXPECT_EQ(count(after, RLX_OP_BINARY), 1u);
  EXPECT_EQ(attr_i64(only(after, RLX_OP_LAYER_NORM), RLX_ATTR_HAS_RESIDUAL, 0), 0);
}

TEST(FuseResidualNorm, ResidualThatBroadcastsStaysAnAdd) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), m.S(), 4}), r = m.input("r", {m.S(), 4});
  const Graph after = fused(m.finish({m.layer_norm(m.add(x, r), m.param("g", {4}), m.param("h", {4}), 2)}));
  EXPECT_EQ(attr_i64(only(after, RLX_OP_LAYER_NORM), RLX_ATTR_HAS_RESIDUAL, 0), 0);
}

TEST(FuseResidualNorm, NormOverSeveralAxesKeepsThem) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), 3, 4}), r = m.input("r", {m.B(), 3, 4});
  const Graph after = fused(m.finish({m.layer_norm(m.add(x, r), m.param("g", {3, 4}), m.param("h", {3, 4}), 1)}));
  EXPECT_EQ(attr_i64(only(after, RLX_OP_LAYER_NORM), RLX_ATTR_AXIS, 9), 1);
  EXPECT_EQ(attr_i64(only(after, RLX_OP_LAYER_NORM), RLX_ATTR_HAS_RESIDUAL, 0), 0);
}

}  // namespace
}  // namespace rlx::test
