// SPDX-License-Identifier: Apache-2.0
// The property that templates rest on: inference with symbols followed by sizes is inference with the sizes,
// wherever the constraints hold; and where numbers are refused, a constraint is broken.
#include <random>

#include "runtime/ir/build.h"
#include "support.h"

namespace rlx::test {
namespace {

struct Case {
  Opcode op;
  std::vector<std::string> operands;
  Attributes attributes;
};

AttrValue bound(const AttrValue& value, const DimBinding& binding) {
  if (const Dim* dim = std::get_if<Dim>(&value)) return dim->substitute(binding);
  if (const Dims* dims = std::get_if<Dims>(&value)) {
    Dims result;
    for (const Dim& dim : *dims) result.push_back(dim.substitute(binding));
    return result;
  }
  return value;
}

Shape bound(const Shape& shape, const DimBinding& binding) {
  Shape result{shape.dtype, {}};
  for (const Dim& dim : shape.dims) result.dims.push_back(dim.substitute(binding));
  return result;
}

bool holds(const Constraint& constraint, const DimBinding& binding) {
  const auto left = constraint.left.evaluate(binding);
  const auto right = constraint.right.evaluate(binding);
  if (!left || !right) return false;
  return constraint.at_least ? *left >= *right : *left == *right;
}

const std::vector<Case>& cases() {
  const auto fn = [](std::uint32_t value) { return AttrValue(Dim(value)); };
  static const std::vector<Case> kCases{
      {RLX_OP_BINARY, {"f32[a, 1]", "f32[1, b]"}, {{RLX_ATTR_FN, fn(RLX_BINARY_ADD)}}},
      {RLX_OP_BINARY, {"f32[a + 1, 3]", "f32[b, 3]"}, {{RLX_ATTR_FN, fn(RLX_BINARY_ADD)}}},
      {RLX_OP_SELECT, {"bool[a]", "f32[b]", "f32[1]"}, {}},
      {RLX_OP_RESHAPE, {"f32[a, b, 6]"}, {{RLX_ATTR_DIMS, ds({"b*a", "2", "3"})}}},
      {RLX_OP_RESHAPE, {"f32[a, b]"}, {{RLX_ATTR_DIMS, ds({"c", "2"})}}},
      {RLX_OP_TRANSPOSE, {"f32[a, b, c]"}, {{RLX_ATTR_PERM, Dims{1, 2, 0}}}},
      {RLX_OP_BROADCAST, {"f32[a, 1]"}, {{RLX_ATTR_DIMS, ds({"c", "b", "a"})}}},
      {RLX_OP_SLICE,
       {"f32[a, b]"},
       {{RLX_ATTR_START, ds({"c", "b - 1"})},
        {RLX_ATTR_LIMIT, ds({"c + 2", "-1"})},
        {RLX_ATTR_STEP, Dims{1, -2}}}},
      {RLX_OP_SLICE,
       {"f32[a]"},
       {{RLX_ATTR_START, ds({"0"})}, {RLX_ATTR_LIMIT, ds({"a"})}, {RLX_ATTR_STEP, Dims{3}}}},
      {RLX_OP_DYNAMIC_SLICE, {"f32[a]", "i64[1]"}, {{RLX_ATTR_SIZES, ds({"b"})}}},
      {RLX_OP_DYNAMIC_UPDATE_SLICE, {"f32[a]", "f32[b]", "i64[1]"}, {}},
      {RLX_OP_CONCAT, {"f32[a, b]", "f32[a, 2]", "f32[c, b]"}, {{RLX_ATTR_AXIS, Dim(1)}}},
      {RLX_OP_PAD,
       {"f32[a, b]", "f32[]"},
       {{RLX_ATTR_LOW, ds({"c", "-2"})}, {RLX_ATTR_INTERIOR, Dims{1, 2}}}},
      {RLX_OP_PAD,
       {"f32[a]"},
       {{RLX_ATTR_MODE, Dim(RLX_PAD_REFLECT)}, {RLX_ATTR_LOW, Dims{2}}, {RLX_ATTR_HIGH, Dims{1}}}},
      {RLX_OP_GATHER,
       {"f32[a, b, c]", "i64[a, 5]"},
       {{RLX_ATTR_AXIS, Dim(1)}, {RLX_ATTR_BATCH_DIMS, Dim(1)}}},
      {RLX_OP_GATHER_ELEMENTS, {"f32[a, b]", "i64[c, 5]"}, {{RLX_ATTR_AXIS, Dim(1)}}},
      {RLX_OP_GATHER_ND, {"f32[a, b, c]", "i64[7, 2]"}, {}},
      {RLX_OP_SCATTER_ELEMENTS, {"f32[a, b]", "i64[a, c]", "f32[a, c]"}, {{RLX_ATTR_AXIS, Dim(1)}}},
      {RLX_OP_SCATTER_ND, {"f32[a, b]", "i64[c, 1]", "f32[c, b]"}, {}},
      {RLX_OP_REDUCE, {"f32[a, b, c]"}, {{RLX_ATTR_FN, fn(RLX_REDUCE_SUM)}, {RLX_ATTR_AXES, Dims{0, 2}}}},
      {RLX_OP_ARG_REDUCE, {"f32[a, b]"}, {{RLX_ATTR_FN, fn(RLX_REDUCE_MAX)}, {RLX_ATTR_AXIS, Dim(0)}}},
      {RLX_OP_TOP_K, {"f32[a]"}, {{RLX_ATTR_K, d("min(a, 5)")}, {RLX_ATTR_AXIS, Dim(0)}}},
      {RLX_OP_NONZERO, {"bool[a, b]"}, {}},
      {RLX_OP_DOT,
       {"f32[a, b, c]", "f32[a, c, 3]"},
       {{RLX_ATTR_CONTRACT_A, Dims{2}},
        {RLX_ATTR_CONTRACT_B, Dims{1}},
        {RLX_ATTR_BATCH_A, Dims{0}},
        {RLX_ATTR_BATCH_B, Dims{0}}}},
      {RLX_OP_DOT,
       {"f32[a, b]", "f32[7, c]"},
       {{RLX_ATTR_CONTRACT_A, Dims{1}}, {RLX_ATTR_CONTRACT_B, Dims{0}}}},
      {RLX_OP_CONV,
       {"f32[a, 4, b]", "f32[6, 2, 3]"},
       {{RLX_ATTR_GROUPS, Dim(2)},
        {RLX_ATTR_STRIDES, Dims{2}},
        {RLX_ATTR_LOW, ds({"c"})},
        {RLX_ATTR_INPUT_DILATION, Dims{2}}}},
      {RLX_OP_REDUCE_WINDOW,
       {"f32[1, a, b]"},
       {{RLX_ATTR_FN, fn(RLX_REDUCE_SUM)},
        {RLX_ATTR_WINDOW, Dims{3}},
        {RLX_ATTR_STRIDES, Dims{3}},
        {RLX_ATTR_HIGH, Dims{1}}}},
      {RLX_OP_LINEAR,
       {"f32[a, b, c]", "f32[c, 8]", "f32[8]", "f32[a, b, 8]"},
       {{RLX_ATTR_HAS_BIAS, Dim(1)}, {RLX_ATTR_HAS_RESIDUAL, Dim(1)}}},
      {RLX_OP_LAYER_NORM, {"f32[a, b]", "f32[b]", "f32[b]"}, {}},
      {RLX_OP_GROUP_NORM, {"f32[a, b, c]", "f32[b]", "f32[b]"}, {{RLX_ATTR_GROUPS, Dim(2)}}},
      {RLX_OP_ATTENTION,
       {"f32[a, 4, b, 8]", "f32[a, 2, c, 8]", "f32[a, 2, c, 8]", "bool[a, c]"},
       {{RLX_ATTR_MASK_KIND, Dim(RLX_MASK_KEY_BOOL)}}},
      {RLX_OP_ATTENTION, {"f32[2, a, b, 8]", "f32[2, c, b, 8]", "f32[2, c, b, 8]"}, {}},
      {RLX_OP_ROPE, {"f32[a, 2, b, c]", "f32[7, floordiv(c, 2)]", "f32[7, floordiv(c, 2)]", "i64[a, b]"}, {}},
      {RLX_OP_EMBED_NORM,
       {"i64[a, b]", "i64[1, b]", "f32[7, c]", "f32[9, c]", "f32[c]", "f32[c]"},
       {{RLX_ATTR_PARTS, Dim(2)}}},
      {RLX_OP_SEGMENT_REDUCE, {"f32[a, b]", "i64[c]"}, {{RLX_ATTR_FN, fn(RLX_REDUCE_SUM)}}},
      {RLX_OP_AVG_POOL, {"f32[a, b, c]"}, {{RLX_ATTR_WINDOW, Dims{2}}}},
  };
  return kCases;
}

DimBinding random_binding(std::mt19937& random) {
  static constexpr std::int64_t kSizes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 13, 64, 127};
  std::uniform_int_distribution<std::size_t> pick(0, std::size(kSizes) - 1);
  return {{"a", kSizes[pick(random)]}, {"b", kSizes[pick(random)]}, {"c", kSizes[pick(random)]}};
}

std::string text(const DimBinding& binding) {
  std::string result;
  for (const auto& [name, size] : binding) result += name + "=" + std::to_string(size) + " ";
  return result;
}

/// 1 where the sizes were accepted.
int check(const Case& c, const std::vector<Shape>& symbolic, const std::vector<Constraint>& constraints,
          const DimBinding& binding) {
  SCOPED_TRACE(std::string(op_name(c.op)) + " " + text(binding));
  Node node = node_of(c.op);
  for (const auto& [key, value] : c.attributes) node.attributes[key] = bound(value, binding);
  std::vector<Shape> operands;
  for (const Shape& operand : shapes(c.operands)) operands.push_back(bound(operand, binding));
  std::vector<Constraint> numeric;
  const auto result = infer(node, operands, numeric);
  const bool kept = std::all_of(constraints.begin(), constraints.end(),
                                [&](const Constraint& constraint) { return holds(constraint, binding); });
  if (!kept) return 0;  // refused at specialize; with literal dims it may still be right, as 1 broadcasts
  EXPECT_TRUE(result) << result.error().to_string();
  if (!result) return 0;
  EXPECT_TRUE(numeric.empty()) << texts(numeric).front();
  EXPECT_EQ(result->size(), symbolic.size());
  for (std::size_t i = 0; i < symbolic.size(); ++i)
    EXPECT_EQ(to_string((*result)[i]), to_string(bound(symbolic[i], binding)));
  return 1;
}

TEST(InferAgreement, SymbolsThenSizesIsSizes) {
  std::mt19937 random(20240917);
  for (const Case& c : cases()) {
    std::vector<Constraint> constraints;
    const auto symbolic = infer(node_of(c.op, c.attributes), shapes(c.operands), constraints);
    ASSERT_TRUE(symbolic) << op_name(c.op) << ": " << symbolic.error().to_string();
    int accepted = 0;
    for (int i = 0; i < 400; ++i) accepted += check(c, *symbolic, constraints, random_binding(random));
    EXPECT_GT(accepted, 0) << op_name(c.op) << ": no binding met the constraints "
                           << texts(constraints).size();
  }
}

TEST(InferAgreement, ExpansionsInferWithSizesToo) {
  std::mt19937 random(7);
  for (const Case& c : cases()) {
    if (!op_info(c.op)->composite) continue;
    SCOPED_TRACE(std::string(op_name(c.op)));
    const auto region = expansion(c.op, shapes(c.operands), c.attributes);
    ASSERT_TRUE(region) << region.error().to_string();
    std::vector<Constraint> constraints;
    const auto symbolic = infer(node_of(c.op, c.attributes), shapes(c.operands), constraints);
    ASSERT_TRUE(symbolic);
    int checked = 0;
    for (int i = 0; i < 300; ++i) {
      const DimBinding binding = random_binding(random);
      if (!std::all_of(constraints.begin(), constraints.end(),
                       [&](const Constraint& k) { return holds(k, binding); }))
        continue;
      SCOPED_TRACE(text(binding));
      Graph graph = **region;
      for (Value& value : graph.values) value.shape = bound(value.shape, binding);
      for (Node& node : graph.nodes)
        for (auto& [key, value] : node.attributes) value = bound(value, binding);
      const auto status = infer_all(graph);
      ASSERT_TRUE(status) << status.error().to_string();
      ASSERT_TRUE(graph.constraints.empty()) << texts(graph.constraints).front();
      for (std::size_t k = 0; k < symbolic->size(); ++k)
        EXPECT_EQ(to_string(graph.values[graph.outputs[k].value].shape),
                  to_string(bound((*symbolic)[k], binding)));
      ++checked;
    }
    EXPECT_GT(checked, 0);
  }
}

}  // namespace
}  // namespace rlx::test
