// SPDX-License-Identifier: Apache-2.0
// Every expansion is made of primitives, has one input per operand, and its results have the composite's
// shapes, dim for dim, with symbols and in every float dtype.
#include "runtime/ir/build.h"
#include "runtime/ir/verify.h"
#include "support.h"

namespace rlx::test {
namespace {

struct Composite {
  Opcode op;
  std::vector<std::string> operands;  ///< "F" stands for a float dtype
  Attributes attributes = {};
};

std::vector<Composite> composites() {
  const auto one = [](std::uint32_t key, std::uint32_t value) { return Attributes{{key, Dim(value)}}; };
  std::vector<Composite> list{
      {RLX_OP_LINEAR, {"F[b, s, 8]", "F[8, 4]"}},
      {RLX_OP_LINEAR,
       {"F[b, k]", "F[4, 8]", "F[2, 8]", "F[4]", "F[2]"},
       {{RLX_ATTR_PARTS, Dim(2)},
        {RLX_ATTR_W_LAYOUT, Dim(RLX_W_LAYOUT_NK)},
        {RLX_ATTR_HAS_BIAS, Dim(1)},
        {RLX_ATTR_ALPHAS, std::vector<double>{0.5, 1}},
        {RLX_ATTR_ACT, Dim(RLX_ACT_GELU_ERF)},
        {RLX_ATTR_ACC, DType::kF32}}},
      {RLX_OP_LINEAR, {"F[8]", "F[8, 4]", "F[4]"}, one(RLX_ATTR_HAS_RESIDUAL, 1)},
      {RLX_OP_SOFTMAX, {"F[b, s, t]"}, one(RLX_ATTR_AXIS, 1)},
      {RLX_OP_SOFTMAX, {"F[b, s]"}, one(RLX_ATTR_LOG, 1)},
      {RLX_OP_LAYER_NORM, {"F[b, s, h]", "F[h]", "F[h]"}},
      {RLX_OP_LAYER_NORM,
       {"F[b, s, 8]", "F[b, s, 8]", "F[s, 8]", "none"},
       {{RLX_ATTR_HAS_RESIDUAL, Dim(1)}, {RLX_ATTR_AXIS, Dim(1)}}},
      {RLX_OP_RMS_NORM,
       {"F[b, s, h]", "F[b, s, h]", "F[h]"},
       {{RLX_ATTR_HAS_RESIDUAL, Dim(1)}, {RLX_ATTR_GAMMA_OFFSET, 1.0}}},
      {RLX_OP_GROUP_NORM, {"F[n, 8, h, w]", "F[8]", "F[8]"}, one(RLX_ATTR_GROUPS, 4)},
      {RLX_OP_GROUP_NORM, {"F[n, c, h]", "F[c]", "F[c]"}, {{RLX_ATTR_GROUPS, d("c")}}},
      {RLX_OP_BATCH_NORM, {"F[n, c, h, w]", "F[c]", "F[c]", "F[c]", "F[c]"}},
      {RLX_OP_BATCH_NORM, {"F[n, h, 3]", "F[3]", "F[3]", "F[3]", "F[3]"}, one(RLX_ATTR_AXIS, 2)},
      {RLX_OP_ATTENTION,
       {"F[b, h, s, d]", "F[b, h, t, d]", "F[b, h, t, v]"},
       one(RLX_ATTR_CAUSAL, RLX_CAUSAL_TOP_LEFT)},
      {RLX_OP_ATTENTION,
       {"F[b, 8, s, 32]", "F[c, 2, t, 32]", "F[c, 2, t, 16]"},
       one(RLX_ATTR_CAUSAL, RLX_CAUSAL_BOTTOM_RIGHT)},
      {RLX_OP_ATTENTION,
       {"F[b, 8, s, 32]", "F[b, 8, t, 32]", "F[b, 8, t, 32]", "bool[s, t]"},
       one(RLX_ATTR_MASK_KIND, RLX_MASK_BOOL)},
      {RLX_OP_ATTENTION,
       {"F[b, 8, s, 32]", "F[b, 8, t, 32]", "F[b, 8, t, 32]", "F[b, 1, 1, t]"},
       one(RLX_ATTR_MASK_KIND, RLX_MASK_BIAS)},
      {RLX_OP_ATTENTION,
       {"F[b, 8, s, 32]", "F[b, 8, t, 32]", "F[b, 8, t, 32]", "bool[b, t]"},
       one(RLX_ATTR_MASK_KIND, RLX_MASK_KEY_BOOL)},
      {RLX_OP_ATTENTION,
       {"F[b, 8, s, 32]", "F[b, 8, t, 32]", "F[b, 8, t, 32]", "i64[b]"},
       {{RLX_ATTR_MASK_KIND, Dim(RLX_MASK_LENGTHS)},
        {RLX_ATTR_WINDOW_LEFT, Dim(3)},
        {RLX_ATTR_WINDOW_RIGHT, Dim(0)},
        {RLX_ATTR_SOFTCAP, 5.0}}},
      {RLX_OP_ATTENTION,
       {"F[b, 8, s, 32]", "F[b, 2, t, 32]", "F[b, 2, t, 32]", "i64[b]"},
       {{RLX_ATTR_MASK_KIND, Dim(RLX_MASK_LENGTHS)}, {RLX_ATTR_CAUSAL, Dim(RLX_CAUSAL_LENGTH)}, {RLX_ATTR_WINDOW_LEFT, Dim(3)}}},
      {RLX_OP_ATTENTION,
       {"F[b, 8, s, 32]", "F[b, 2, s, 32]", "F[b, 2, s, 16]", "i32[n]"},
       {{RLX_ATTR_MASK_KIND, Dim(RLX_MASK_SEQ_OFFSETS)}, {RLX_ATTR_CAUSAL, Dim(RLX_CAUSAL_TOP_LEFT)}}},
      {RLX_OP_ROPE, {"F[b, h, s, d]", "F[s, floordiv(d, 2)]", "F[s, floordiv(d, 2)]"}},
      {RLX_OP_ROPE,
       {"F[b, h, s, 64]", "F[p, 16]", "F[p, 16]", "i64[b, s]"},
       {{RLX_ATTR_ROTARY_DIMS, Dim(32)}, {RLX_ATTR_INTERLEAVED, Dim(1)}}},
      {RLX_OP_GATED_ACT, {"F[b, 8]", "F[b, 8]"}, one(RLX_ATTR_ACT, RLX_ACT_SILU)},
      {RLX_OP_EMBED_NORM,
       {"i64[b, s]", "i64[s]", "F[v, 8]", "F[p, 8]", "F[8]", "F[8]"},
       one(RLX_ATTR_PARTS, 2)},
      {RLX_OP_SEGMENT_REDUCE, {"F[rows, 8]", "i32[n]"}, one(RLX_ATTR_FN, RLX_REDUCE_MAX)},
      {RLX_OP_CONV_ACT,
       {"F[n, 3, h, w]", "F[4, 3, 3, 3]", "F[4]", "F[n, 4, h, w]"},
       {{RLX_ATTR_HAS_BIAS, Dim(1)},
        {RLX_ATTR_HAS_RESIDUAL, Dim(1)},
        {RLX_ATTR_LOW, Dims{1, 1}},
        {RLX_ATTR_HIGH, Dims{1, 1}},
        {RLX_ATTR_ACT, Dim(RLX_ACT_RELU)}}},
      {RLX_OP_AVG_POOL, {"F[n, c, h]"}, {{RLX_ATTR_WINDOW, Dims{3}}, {RLX_ATTR_LOW, Dims{1}}}},
      {RLX_OP_AVG_POOL, {"F[n, c, h]"}, {{RLX_ATTR_WINDOW, Dims{3}}, {RLX_ATTR_COUNT_INCLUDE_PAD, Dim(1)}}},
  };
  for (std::uint32_t act = RLX_ACT_NONE; act <= RLX_ACT_THRESHOLDED_RELU; ++act)
    list.push_back({RLX_OP_ACT, {"F[b, 8]"}, one(RLX_ATTR_FN, act)});
  return list;
}

void expect_fit(const Composite& c, const std::string& dtype) {
  std::vector<Shape> operands;
  for (std::string text : c.operands)
    operands.push_back(shape(text[0] == 'F' ? dtype + text.substr(1) : text));
  SCOPED_TRACE(std::string(op_name(c.op)) + " of " + to_string(operands[0]));
  std::vector<Constraint> constraints;
  const auto wanted = infer(node_of(c.op, c.attributes), operands, constraints);
  ASSERT_TRUE(wanted) << wanted.error().to_string();
  const auto region = expansion(c.op, operands, c.attributes);
  ASSERT_TRUE(region) << region.error().to_string();
  const Graph& graph = **region;
  ASSERT_EQ(graph.inputs.size(), operands.size());
  for (std::size_t i = 0; i < operands.size(); ++i)
    EXPECT_EQ(graph.values[graph.inputs[i]].shape, operands[i]);
  ASSERT_EQ(graph.outputs.size(), wanted->size());
  for (std::size_t i = 0; i < wanted->size(); ++i)
    EXPECT_EQ(graph.values[graph.outputs[i].value].shape, (*wanted)[i])
        << to_string(graph.values[graph.outputs[i].value].shape) << " for " << to_string((*wanted)[i]);
  for (const Node& node : graph.nodes) EXPECT_FALSE(op_info(node.op)->composite) << op_name(node.op);
  EXPECT_TRUE(graph.constraints.empty());
  EXPECT_TRUE(graph.symbols.empty());
  EXPECT_TRUE(graph.params.empty());
}

TEST(Expansion, FitsItsCompositeInEveryDtype) {
  for (const Composite& c : composites())
    for (const char* dtype : {"f32", "f16", "bf16", "f64"}) expect_fit(c, dtype);
}

/// A graph of its own that holds the composite.
Graph graph_with(const Composite& c) {
  Graph graph;
  std::vector<ValueId> operands;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < c.operands.size(); ++i) {
    const std::string& text = c.operands[i];
    const Shape operand = shape(text[0] == 'F' ? "f32" + text.substr(1) : text);
    for (const Dim& dim : operand.dims) dim.collect_symbols(names);
    operands.push_back(operand.dtype == DType::kNone ? kAbsent
                                                     : graph.add_input("x" + std::to_string(i), operand));
  }
  for (const std::string& name : names) graph.symbols[name] = {};
  MirBuilder b(graph);
  const ValueId y = add_composite(b, c.op, operands, c.attributes);
  EXPECT_TRUE(b.status()) << b.status().error().to_string();
  graph.outputs.push_back({"y", y});
  return graph;
}

TEST(Expansion, PassesTheVerifierInsideItsComposite) {
  for (const Composite& c : composites()) {
    SCOPED_TRACE(std::string(op_name(c.op)) + " of " + c.operands[0]);
    Graph graph = graph_with(c);
    const auto first = verify(graph);
    EXPECT_TRUE(first) << first.error().to_string();
    ASSERT_TRUE(infer_all(graph));
    EXPECT_TRUE(verify(graph));
  }
}

TEST(Expansion, InlinedGivesTheSameShapes) {
  for (const Composite& c : composites()) {
    SCOPED_TRACE(std::string(op_name(c.op)) + " of " + c.operands[0]);
    Graph graph = graph_with(c);
    const Node composite = graph.nodes.back();
    const auto results = inline_region(graph, *composite.regions[0], composite.operands);
    ASSERT_TRUE(results) << results.error().to_string();
    ASSERT_EQ(results->size(), composite.results.size());
    for (std::size_t i = 0; i < results->size(); ++i)
      EXPECT_EQ(graph.values[(*results)[i]].shape, graph.values[composite.results[i]].shape);
    const auto status = verify(graph);
    EXPECT_TRUE(status) << status.error().to_string();
  }
}

TEST(Expansion, NarrowFloatsSumInF32) {
  for (const Opcode op : {RLX_OP_SOFTMAX, RLX_OP_LAYER_NORM}) {
    std::vector<Shape> operands = shapes({"f16[b, 8]", "f16[8]", "f16[8]"});
    if (op == RLX_OP_SOFTMAX) operands.resize(1);
    const auto region = expansion(op, operands, {});
    ASSERT_TRUE(region);
    for (const Node& node : (*region)->nodes) {
      if (node.op != RLX_OP_REDUCE) continue;
      EXPECT_EQ((*region)->values[node.operands[0]].shape.dtype, DType::kF32);
    }
  }
}

TEST(Expansion, IsTheSameEachTime) {
  for (const Composite& c : composites()) {
    std::vector<Shape> operands;
    for (std::string text : c.operands)
      operands.push_back(shape(text[0] == 'F' ? "f32" + text.substr(1) : text));
    const auto first = expansion(c.op, operands, c.attributes);
    const auto second = expansion(c.op, operands, c.attributes);
    ASSERT_TRUE(first && second);
    ASSERT_EQ((*first)->nodes.size(), (*second)->nodes.size());
    for (std::size_t i = 0; i < (*first)->nodes.size(); ++i) {
      EXPECT_EQ((*first)->nodes[i].operands, (*second)->nodes[i].operands);
      EXPECT_EQ((*first)->nodes[i].attributes, (*second)->nodes[i].attributes);
    }
  }
}

TEST(Expansion, RefusesWhatHasNone) {
  const auto words = [](Opcode op) {
    const auto region = expansion(op, shapes({"f32[2]"}), {});
    return region ? std::string("none") : region.error().message();
  };
  EXPECT_NE(words(RLX_OP_COPY).find("copy: has no expansion"), std::string::npos);
  EXPECT_NE(words(RLX_OP_ELEMENTWISE).find("elementwise: has no expansion"), std::string::npos);
  EXPECT_NE(words(RLX_OP_LSTM).find("lstm is reserved"), std::string::npos);
  EXPECT_NE(words(4711).find("op 4711"), std::string::npos);
}

TEST(Expansion, KeepsToTheGreatestRank) {
  const auto fits = [](Opcode op, std::vector<std::string> operands, Attributes attributes) {
    const auto region = expansion(op, shapes(operands), attributes);
    return region ? std::string() : region.error().message();
  };
  EXPECT_EQ(fits(RLX_OP_GROUP_NORM, {"f32[n, 4, 1, 2, 1, 2, 1, 2]", "f32[4]", "f32[4]"},
                 {{RLX_ATTR_GROUPS, Dim(2)}}),
            "");
  EXPECT_EQ(fits(RLX_OP_SEGMENT_REDUCE, {"f32[n, 4, 1, 2, 1, 2, 1, 2]", "i64[3]"}, {{RLX_ATTR_FN, Dim(1)}}),
            "");
}

TEST(Expansion, FailsAsInferenceDoes) {
  const auto region = expansion(RLX_OP_LAYER_NORM, shapes({"f32[2, 8]", "f32[4]", "f32[8]"}), {});
  ASSERT_FALSE(region);
  EXPECT_EQ(region.error().code(), ErrorCode::kShapeMismatch);
  EXPECT_NE(region.error().message().find("layer_norm: axis 0 of operand 1 is 4, wanted 8"),
            std::string::npos)
      << region.error().message();
}

}  // namespace
}  // namespace rlx::test
