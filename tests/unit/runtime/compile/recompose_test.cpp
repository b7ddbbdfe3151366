// SPDX-License-Identifier: Apache-2.0
// What exporters spell out, in every spelling that they use, and what only looks like it.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support.h"

namespace rlx::test {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

// ---- Activations ----------------------------------------------------------------------------------------------------

ValueId gelu(Maker& m, ValueId x, int spelling, double constant = 1.4142135623730951) {
  const ValueId u = spelling % 2 ? m.div(x, m.number(constant)) : m.mul(x, m.number(1 / constant));
  const ValueId gate = m.add(m.b.unary(RLX_UNARY_ERF, u), m.number(1));
  if (spelling / 2 == 0) return m.mul(x, m.mul(m.number(0.5), gate));
  if (spelling / 2 == 1) return m.mul(m.mul(x, gate), m.number(0.5));
  return m.mul(m.mul(x, m.number(0.5)), gate);
}

TEST(RecomposeActivations, GeluInSixSpellings) {
  for (int spelling = 0; spelling < 6; ++spelling) {
    SCOPED_TRACE(spelling);
    Maker m;
    const Graph after = fused(m.finish({gelu(m, m.input("x", {m.B(), 5}), spelling)}));
    EXPECT_EQ(attr_i64(only(after, RLX_OP_ACT), RLX_ATTR_FN, 0), RLX_ACT_GELU_ERF);
    EXPECT_EQ(after.nodes.size(), 1u);
  }
}

TEST(RecomposeActivations, OtherConstantIsNoGelu) {
  Maker m;
  EXPECT_EQ(count(fused(m.finish({gelu(m, m.input("x", {m.B(), 5}), 0, 1.5)})), RLX_OP_ACT), 0u);
}

TEST(RecomposeActivations, ErfThatIsReadElsewhereStays) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), 5});
  const ValueId erf = m.b.unary(RLX_UNARY_ERF, m.mul(x, m.number(std::sqrt(0.5))));
  const ValueId y = m.mul(x, m.mul(m.number(0.5), m.add(erf, m.number(1))));
  EXPECT_EQ(count(after_pass(m.finish({y, erf}), "recompose_activations"), RLX_OP_ACT), 0u);
}

TEST(RecomposeActivations, GeluByTanhInTwoSpellings) {
  for (const bool factored : {false, true}) {
    Maker m;
    const ValueId x = m.input("x", {m.B(), 5});
    const ValueId square = m.mul(x, x);
    const ValueId inner = factored ? m.mul(m.mul(x, m.number(0.7978845608028654)), m.add(m.number(1), m.mul(m.number(0.044715), square)))
                                   : m.mul(m.number(0.7978845608028654),
                                           m.add(x, m.mul(m.number(0.044715), m.b.binary(RLX_BINARY_POW, x, m.number(3)))));
    const ValueId y = m.mul(m.mul(m.number(0.5), x), m.add(m.number(1), m.b.unary(RLX_UNARY_TANH, inner)));
    const Graph after = fused(m.finish({y}));
    EXPECT_EQ(attr_i64(only(after, RLX_OP_ACT), RLX_ATTR_FN, 0), RLX_ACT_GELU_TANH) << factored;
  }
}

TEST(RecomposeActivations, SiluAndItsGate) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), 5}), g = m.param("g", {5, 4}), u = m.param("u", {5, 4});
  const ValueId gate = m.b.matmul(x, g), up = m.b.matmul(x, u);
  const Graph after = fused(m.finish({m.mul(m.mul(gate, m.b.unary(RLX_UNARY_SIGMOID, gate)), up)}));
  EXPECT_EQ(attr_i64(only(after, RLX_OP_GATED_ACT), RLX_ATTR_ACT, 0), RLX_ACT_SILU);
  EXPECT_EQ(attr_i64(only(after, RLX_OP_LINEAR), RLX_ATTR_PARTS, 0), 2);
  EXPECT_EQ(after.nodes.size(), 2u);
}

TEST(RecomposeActivations, SiluAsAQuotient) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), 5});
  const ValueId tail = m.b.unary(RLX_UNARY_EXP, m.b.unary(RLX_UNARY_NEG, x));
  EXPECT_EQ(attr_i64(only(fused(m.finish({m.div(x, m.add(m.number(1), tail))})), RLX_OP_ACT), RLX_ATTR_FN, 0), RLX_ACT_SILU);
}

TEST(RecomposeActivations, GateThatBroadcastsStaysAProduct) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), 5}), y = m.input("y", {m.B(), 1});
  EXPECT_EQ(count(fused(m.finish({m.mul(m.act(y, RLX_ACT_SILU), x)})), RLX_OP_GATED_ACT), 0u);
}

// ---- Norms ----------------------------------------------------------------------------------------------------------

struct Norm {
  bool pow = false, reciprocal = false, scale_first = false, by_size = false;
  std::int64_t axis = 2;
  bool centered = true;
};

ValueId mean(Maker& m, ValueId x, const Norm& n) {
  const ValueId sum = m.b.reduce(RLX_REDUCE_SUM, x, {n.axis}, true);
  const Dim size = m.b.shape(x).dims[static_cast<std::size_t>(n.axis)];
  if (!size.is_number()) return m.div(sum, m.b.cast(m.b.dim(size), DType::kF32));
  const auto count = static_cast<double>(size.number());
  return n.by_size ? m.div(sum, m.number(count)) : m.mul(sum, m.number(1 / count));
}

ValueId spelled_norm(Maker& m, ValueId x, ValueId gamma, ValueId beta, const Norm& n) {
  const ValueId d = n.centered ? m.sub(x, mean(m, x, n)) : x;
  const ValueId square = n.pow ? m.b.binary(RLX_BINARY_POW, d, m.number(2)) : m.mul(d, d);
  const ValueId variance = m.add(mean(m, square, n), m.number(1e-5));
  const ValueId root = n.reciprocal ? m.b.unary(RLX_UNARY_RSQRT, variance) : m.b.unary(RLX_UNARY_SQRT, variance);
  ValueId y = kAbsent;
  if (n.scale_first)
    y = n.reciprocal ? m.mul(d, m.mul(root, gamma)) : m.mul(m.div(gamma, root), d);
  else
    y = m.mul(gamma, n.reciprocal ? m.mul(d, root) : m.div(d, root));
  return beta == kAbsent ? y : m.add(y, beta);
}

TEST(RecomposeNorms, LayerNormInSixteenSpellings) {
  for (int bits = 0; bits < 16; ++bits) {
    SCOPED_TRACE(bits);
    Maker m;
    const Norm spelling{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0};
    const ValueId x = m.input("x", {m.B(), m.S(), 6});
    const Graph after = fused(m.finish({spelled_norm(m, x, m.param("g", {6}), m.param("h", {6}), spelling)}));
    EXPECT_EQ(only(after, RLX_OP_LAYER_NORM).operands.size(), 3u);
    EXPECT_EQ(after.nodes.size(), 1u) << short_text(after);
  }
}

TEST(RecomposeNorms, RmsNormInEightSpellings) {
  for (int bits = 0; bits < 8; ++bits) {
    SCOPED_TRACE(bits);
    Maker m;
    Norm spelling{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, true};
    spelling.centered = false;
    const ValueId x = m.input("x", {m.B(), m.S(), 6});
    const Graph after = fused(m.finish({spelled_norm(m, x, m.param("g", {6}), kAbsent, spelling)}));
    EXPECT_EQ(count(after, RLX_OP_RMS_NORM), 1u);
    EXPECT_EQ(after.nodes.size(), 1u) << short_text(after);
  }
}

TEST(RecomposeNorms, OpenLastAxisIsDividedByItsSize) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), 4, m.S()}), g = m.input("g", {m.S()}), h = m.input("h", {m.S()});
  const Graph after = after_pass(m.finish({spelled_norm(m, x, g, h, {})}), "");
  EXPECT_EQ(count(after, RLX_OP_LAYER_NORM), 1u) << short_text(after);
}

TEST(RecomposeNorms, OtherAxisIsNoRowNorm) {
  Maker m;
  Norm spelling;
  spelling.axis = 1;
  const ValueId x = m.input("x", {m.B(), 6, 6});
  const Graph after = fused(m.finish({spelled_norm(m, x, m.param("g", {6}), m.param("h", {6}), spelling)}));
  EXPECT_EQ(count(after, RLX_OP_LAYER_NORM), 0u);
}

TEST(RecomposeNorms, OtherDivisorIsNoMean) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), 6}), g = m.param("g", {6});
  const ValueId sum = m.b.reduce(RLX_REDUCE_SUM, m.mul(x, x), {1}, true);
  const ValueId root = m.b.unary(RLX_UNARY_RSQRT, m.add(m.div(sum, m.number(5)), m.number(1e-5)));
  EXPECT_EQ(count(fused(m.finish({m.mul(m.mul(x, root), g)})), RLX_OP_RMS_NORM), 0u);
}

TEST(RecomposeNorms, GammaOfOneElementIsNoGamma) {
  Maker m;
  Norm spelling;
  const ValueId x = m.input("x", {m.B(), m.S(), 6});
  const Graph after = fused(m.finish({spelled_norm(m, x, m.param("g", {1}), m.param("h", {6}), spelling)}));
  EXPECT_EQ(count(after, RLX_OP_LAYER_NORM), 0u);
}

// ---- Rotary positions -----------------------------------------------------------------------------------------------

/// x * cos(f, g) + rotate_half(x) * sin(f, g), the angles shaped as `lead`, the angles' own axes.
ValueId rotated(Maker& m, ValueId x, ValueId f, ValueId g, bool negate_first) {
  const Dims dims = m.b.shape(x).dims;
  const std::size_t axis = m.b.shape(f).rank() - 1;
  const ValueId angles = m.b.concat({f, g}, static_cast<std::int64_t>(axis));
  const auto shaped = [&](std::uint32_t fn) {
    const Dims seen = m.b.shape(angles).dims;
    return m.b.reshape(m.mul(m.b.unary(fn, angles), m.number(1)), {axis == 2 ? seen[0] : Dim(1), 1, dims[2], dims[3]});
  };
  Dims first = dims, second = dims;
  first[3] = 2;
  const ValueId low = m.b.slice(x, {0, 0, 0, 0}, first, {1, 1, 1, 1}), high = m.b.slice(x, {0, 0, 0, 2}, second, {1, 1, 1, 1});
  const ValueId half = negate_first ? m.b.concat({m.b.unary(RLX_UNARY_NEG, low), high}, 3) : m.b.concat({m.b.unary(RLX_UNARY_NEG, high), low}, 3);
  return m.add(m.mul(x, shaped(RLX_UNARY_COS)), m.mul(half, shaped(RLX_UNARY_SIN)));
}

TEST(RecomposeRope, AnglesPerPositionAndPerBatch) {
  for (const Dims& dims : {Dims{Maker::S(), 2}, Dims{1, Maker::S(), 2}, Dims{Maker::B(), Maker::S(), 2}}) {
    Maker m;
    const ValueId f = m.input("f", dims);
    const ValueId q = rotated(m, m.input("q", {m.B(), 3, m.S(), 4}), f, f, false);
    const ValueId k = rotated(m, m.input("k", {m.B(), 2, m.S(), 4}), f, f, false);
    const Graph after = fused(m.finish({q, k}), 1e-6, false);
    EXPECT_EQ(count(after, RLX_OP_ROPE), 2u) << short_text(after);
    EXPECT_EQ(count(after, RLX_OP_UNARY), 2u);
    EXPECT_EQ(count(after, RLX_OP_CONCAT), 0u);
  }
}

TEST(RecomposeRope, OtherAnglesOrOtherSignsAreNone) {
  for (const bool sign : {false, true}) {
    Maker m;
    const ValueId f = m.input("f", {m.S(), 2}), g = sign ? f : m.input("g", {m.S(), 2});
    EXPECT_EQ(count(fused(m.finish({rotated(m, m.input("q", {m.B(), 3, m.S(), 4}), f, g, sign)}), 1e-6, false), RLX_OP_ROPE), 0u);
  }
}

// ---- Softmax and attention --------------------------------------------------------------------------------------------

ValueId spelled_softmax(Maker& m, ValueId x, std::int64_t axis) {
  const ValueId exps = m.b.unary(RLX_UNARY_EXP, m.sub(x, m.b.reduce(RLX_REDUCE_MAX, x, {axis}, true)));
  return m.div(exps, m.b.reduce(RLX_REDUCE_SUM, exps, {axis}, true));
}

TEST(RecomposeSoftmax, KeepsItsAxis) {
  Maker m;
  const Graph after = fused(m.finish({spelled_softmax(m, m.input("x", {m.B(), 5, 4}), 1)}));
  EXPECT_EQ(attr_i64(only(after, RLX_OP_SOFTMAX), RLX_ATTR_AXIS, 9), 1);
}

TEST(RecomposeSoftmax, AxesThatDifferAreNone) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), 4, 4});
  const ValueId exps = m.b.unary(RLX_UNARY_EXP, m.sub(x, m.b.reduce(RLX_REDUCE_MAX, x, {1}, true)));
  EXPECT_EQ(count(fused(m.finish({m.div(exps, m.b.reduce(RLX_REDUCE_SUM, exps, {2}, true))})), RLX_OP_SOFTMAX), 0u);
}

/// Heads as exporters make them: [B, S, H*D] -> [B, H, S, D].
ValueId heads(Maker& m, ValueId x, std::int64_t count, std::int64_t size) {
  return m.b.transpose(m.b.reshape(x, {m.B(), m.S(), count, size}), {0, 2, 1, 3});
}

struct Attention {
  Maker m;
  ValueId q, k, v;
  ValueId scores = kAbsent;

  Attention() {
    q = heads(m, m.input("q", {m.B(), m.S(), 8}), 2, 4);
    k = heads(m, m.input("k", {m.B(), m.S(), 8}), 2, 4);
    v = heads(m, m.input("v", {m.B(), m.S(), 8}), 2, 4);
    scores = m.mul(m.b.matmul(q, m.b.transpose(k, {0, 1, 3, 2})), m.number(0.5));
  }
  ValueId weighed(ValueId masked) { return m.b.matmul(m.softmax(masked, 3), v); }
};

TEST(RecomposeAttention, PlainWithScale) {
  Attention a;
  const Graph after = fused(a.m.finish({a.weighed(a.scores)}));
  EXPECT_EQ(attr_f64(only(after, RLX_OP_ATTENTION), RLX_ATTR_SCALE, 0), 0.5);
  EXPECT_EQ(count(after, RLX_OP_DOT), 0u);
}

TEST(RecomposeAttention, ScaleOnBothSidesAndFlattenedKeys) {
  Maker m;
  const ValueId q = heads(m, m.input("q", {m.B(), m.S(), 8}), 2, 4), k = heads(m, m.input("k", {m.B(), m.S(), 8}), 2, 4);
  const ValueId v = heads(m, m.input("v", {m.B(), m.S(), 8}), 2, 4);
  const ValueId half = m.b.unary(RLX_UNARY_SQRT, m.div(m.number(1), m.b.unary(RLX_UNARY_SQRT, m.number(4))));
  const ValueId flat = m.b.transpose(m.b.reshape(k, {m.B() * Dim(2), m.S(), 4}), {0, 2, 1});
  const ValueId scores = m.b.matmul(m.mul(q, half), m.mul(m.b.reshape(flat, {m.B(), 2, 4, m.S()}), half));
  const Graph after = fused(m.finish({m.b.matmul(m.softmax(scores, 3), v)}));
  EXPECT_NEAR(attr_f64(only(after, RLX_OP_ATTENTION), RLX_ATTR_SCALE, 0), 0.5, 1e-7);
  EXPECT_EQ(count(after, RLX_OP_BINARY), 0u);
  EXPECT_EQ(after.nodes.size(), 7u) << short_text(after);  // three times reshape and transpose, and attention
}

TEST(RecomposeAttention, ScoresThatAreAnOutputStaySpelledOut) {
  Attention a;
  const Graph after = fused(a.m.finish({a.weighed(a.scores), a.scores}));
  EXPECT_EQ(count(after, RLX_OP_ATTENTION), 0u);
}

TEST(RecomposeAttention, WeightsThatAreAnOutputStaySpelledOut) {
  Attention a;
  const ValueId weights = a.m.softmax(a.scores, 3);
  EXPECT_EQ(count(fused(a.m.finish({a.m.b.matmul(weights, a.v), weights})), RLX_OP_ATTENTION), 0u);
}

TEST(RecomposeAttention, SoftmaxOverQueriesIsNone) {
  Attention a;
  EXPECT_EQ(count(fused(a.m.finish({a.m.b.matmul(a.m.softmax(a.scores, 2), a.v)})), RLX_OP_ATTENTION), 0u);
}

TEST(RecomposeAttention, FiniteMaskOfKeysStaysASmallBias) {
  Attention a;
  const ValueId mask = a.m.b.reshape(a.m.input("mask", {a.m.B(), a.m.S()}, DType::kI64), {a.m.B(), 1, 1, a.m.S()});
  const ValueId wide = a.m.b.cast(a.m.b.broadcast(mask, {a.m.B(), 1, a.m.S(), a.m.S()}), DType::kF32);
  const ValueId hidden = a.m.sub(a.m.number(1), wide);
  const ValueId bias = a.m.b.select(a.m.b.cast(hidden, DType::kBool), a.m.number(-3.4028234663852886e38), hidden);
  const Graph after = fused(a.m.finish({a.weighed(a.m.add(a.scores, bias))}));
  const Node& node = only(after, RLX_OP_ATTENTION);
  EXPECT_EQ(attr_i64(node, RLX_ATTR_MASK_KIND, 9), RLX_MASK_BIAS);
  EXPECT_EQ(after.values[node.operands[3]].shape.dims, (Dims{a.m.B(), 1, 1, a.m.S()}));
}

TEST(RecomposeAttention, QueryWithoutKeysWeighsAllKeysAlike) {
  Attention a;
  const ValueId never = a.m.b.compare(RLX_COMPARE_LT, a.m.input("n", {1, 1, 1, 1}, DType::kI64), a.m.b.scalar(DType::kI64, -1));
  const ValueId masked = a.m.b.select(a.m.b.broadcast(never, {a.m.B(), 1, 1, a.m.S()}), a.scores, a.m.number(-3e38));
  const Graph after = fused(a.m.finish({a.weighed(masked)}));
  EXPECT_EQ(attr_i64(only(after, RLX_OP_ATTENTION), RLX_ATTR_MASK_KIND, 9), RLX_MASK_BIAS);
}

TEST(RecomposeAttention, InfiniteMaskOfKeysIsABoolPerKey) {
  Attention a;
  const ValueId key = a.m.b.iota(DType::kI64, {1, 1, 1, a.m.S()}, 3);
  const ValueId length = a.m.b.reshape(a.m.input("length", {a.m.B()}, DType::kI64), {a.m.B(), 1, 1, 1});
  const ValueId seen = a.m.b.compare(RLX_COMPARE_LE, key, length);
  const Graph after = fused(a.m.finish({a.weighed(a.m.b.select(seen, a.scores, a.m.number(-kInf)))}));
  EXPECT_EQ(attr_i64(only(after, RLX_OP_ATTENTION), RLX_ATTR_MASK_KIND, 9), RLX_MASK_KEY_BOOL);
}

TEST(RecomposeAttention, MaskOfSmallFillIsKeptAsItIs) {
  Attention a;
  const ValueId mask = a.m.input("mask", {a.m.B(), 1, 1, a.m.S()}, DType::kBool);
  const Graph after = fused(a.m.finish({a.weighed(a.m.b.select(mask, a.scores, a.m.number(-10000)))}));
  EXPECT_EQ(count(after, RLX_OP_ATTENTION), 0u);
}

ValueId causal(Maker& m, bool inverted) {
  const ValueId query = m.b.iota(DType::kI64, {m.S(), 1}, 0), key = m.b.iota(DType::kI64, {1, m.S()}, 1);
  return m.b.reshape(m.b.compare(inverted ? RLX_COMPARE_GT : RLX_COMPARE_LE, key, query), {1, 1, m.S(), m.S()});
}

/// The upper triangle above the diagonal that `shift` moves, as an exporter of triu writes it: -inf there, 0 elsewhere.
ValueId triangle(Maker& m, double shift) {
  const ValueId row = m.b.iota(DType::kI64, {m.S(), 1}, 0), column = m.b.iota(DType::kI64, {1, m.S()}, 1);
  const ValueId above = m.b.compare(RLX_COMPARE_GE, column, m.add(row, m.b.scalar(DType::kI64, shift)));
  const ValueId all = m.b.broadcast(m.b.reshape(m.number(-kInf), {1, 1}), {m.S(), m.S()});
  return m.b.select(above, all, m.number(0));
}

TEST(RecomposeAttention, TriangleIsCausalOnlyWhereTheDiagonalIsSeen) {
  for (const double shift : {0.0, 1.0, 2.0}) {
    SCOPED_TRACE(shift);
    Attention a;
    const Graph graph = a.m.finish({a.weighed(a.m.add(a.scores, triangle(a.m, shift)))});
    const Graph after = shift == 0 ? after_pass(graph, "") : fused(graph);  // with 0 the first query sees no key
    const Node& node = only(after, RLX_OP_ATTENTION);
    EXPECT_EQ(attr_i64(node, RLX_ATTR_CAUSAL, 9), shift == 1 ? RLX_CAUSAL_TOP_LEFT : RLX_CAUSAL_NONE);
    EXPECT_EQ(attr_i64(node, RLX_ATTR_MASK_KIND, 9), shift == 1 ? RLX_MASK_NONE : RLX_MASK_BOOL);
  }
}

TEST(RecomposeAttention, CausalMaskInFourSpellings) {
  for (int spelling = 0; spelling < 4; ++spelling) {
    SCOPED_TRACE(spelling);
    Attention a;
    const ValueId mask = causal(a.m, spelling == 1);
    ValueId masked = kAbsent;
    if (spelling == 0) masked = a.m.b.select(mask, a.scores, a.m.number(-3.4e38));
    if (spelling == 1) masked = a.m.b.select(mask, a.m.number(-kInf), a.scores);
    if (spelling == 2) masked = a.m.add(a.scores, a.m.b.select(mask, a.m.number(0), a.m.number(-kInf)));
    if (spelling == 3) masked = a.m.add(a.scores, a.m.b.select(mask, a.m.number(0), a.m.number(-1e9)));
    const Graph after = fused(a.m.finish({a.weighed(masked)}));
    EXPECT_EQ(attr_i64(only(after, RLX_OP_ATTENTION), RLX_ATTR_CAUSAL, 9), RLX_CAUSAL_TOP_LEFT);
    EXPECT_EQ(only(after, RLX_OP_ATTENTION).operands.size(), 3u);
  }
}

TEST(RecomposeAttention, StrictlyCausalMaskIsNotCausal) {
  Attention a;
  const ValueId query = a.m.b.iota(DType::kI64, {1, 1, a.m.S(), 1}, 2), key = a.m.b.iota(DType::kI64, {1, 1, 1, a.m.S()}, 3);
  const ValueId mask = a.m.b.compare(RLX_COMPARE_LT, key, query);
  const Graph after = fused(a.m.finish({a.weighed(a.m.b.select(mask, a.scores, a.m.number(-3.4e38)))}));
  EXPECT_EQ(attr_i64(only(after, RLX_OP_ATTENTION), RLX_ATTR_CAUSAL, 9), RLX_CAUSAL_NONE);
}

TEST(RecomposeAttention, BiasThatBroadcastsScoresUpIsNone) {
  Maker m;
  const ValueId q = m.input("q", {1, 2, m.S(), 4}), k = m.input("k", {1, 2, m.S(), 4}), v = m.input("v", {m.B(), 2, m.S(), 4});
  const ValueId scores = m.add(m.b.matmul(q, m.b.transpose(k, {0, 1, 3, 2})), m.input("bias", {m.B(), 1, 1, m.S()}));
  EXPECT_EQ(count(fused(m.finish({m.b.matmul(m.softmax(scores, 3), v)})), RLX_OP_ATTENTION), 0u);
}

TEST(RecomposeAttention, RepeatedHeadsAreSharedHeads) {
  Maker m;
  const auto repeated = [&](ValueId x) {
    const ValueId alone = m.b.reshape(x, {m.B(), 2, 1, m.S(), 4});
    return m.b.reshape(m.b.broadcast(alone, {m.B(), 2, 3, m.S(), 4}), {m.B(), 6, m.S(), 4});
  };
  const ValueId q = m.input("q", {m.B(), 6, m.S(), 4}), k = repeated(m.input("k", {m.B(), 2, m.S(), 4}));
  const ValueId v = repeated(m.input("v", {m.B(), 2, m.S(), 4}));
  const ValueId y = m.b.matmul(m.softmax(m.b.matmul(q, m.b.transpose(k, {0, 1, 3, 2})), 3), v);
  const Graph after = fused(m.finish({y}));
  EXPECT_EQ(after.nodes.size(), 1u) << short_text(after);
  EXPECT_EQ(after.values[only(after, RLX_OP_ATTENTION).operands[1]].shape.dims[1], Dim(2));
}

}  // namespace
}  // namespace rlx::test
