// SPDX-License-Identifier: Apache-2.0
// What every primitive infers for right uses, with numbers and with symbols, and which constraints it leaves.
#include "support.h"

namespace rlx::test {
namespace {

TEST(InferPrimitives, ElementwiseOps) {
  const std::vector<Row> rows{
      {"keeps all", RLX_OP_COPY, {"u8[b, 3]"}, {}, {"u8[b, 3]"}},
      {"keeps dtype", RLX_OP_UNARY, {"f16[b, 3]"}, {{RLX_ATTR_FN, Dim(RLX_UNARY_EXP)}}, {"f16[b, 3]"}},
      {"not of bool", RLX_OP_UNARY, {"bool[]"}, {{RLX_ATTR_FN, Dim(RLX_UNARY_NOT)}}, {"bool[]"}},
      {"isnan gives bool", RLX_OP_UNARY, {"f64[2]"}, {{RLX_ATTR_FN, Dim(RLX_UNARY_ISNAN)}}, {"bool[2]"}},
      {"1 broadcasts",
       RLX_OP_BINARY,
       {"f32[b, 1]", "f32[1, 4]"},
       {{RLX_ATTR_FN, Dim(RLX_BINARY_ADD)}},
       {"f32[b, 4]"}},
      {"0 against 1", RLX_OP_BINARY, {"f32[0]", "f32[1]"}, {{RLX_ATTR_FN, Dim(RLX_BINARY_ADD)}}, {"f32[0]"}},
      {"symbol against number",
       RLX_OP_BINARY,
       {"f32[b]", "f32[4]"},
       {{RLX_ATTR_FN, Dim(RLX_BINARY_MUL)}},
       {"f32[4]"},
       {"4 == b"}},
      {"symbol against symbol",
       RLX_OP_BINARY,
       {"i32[a]", "i32[b]"},
       {{RLX_ATTR_FN, Dim(RLX_BINARY_SHL)}},
       {"i32[a]"},
       {"b == a"}},
      {"gives bool",
       RLX_OP_COMPARE,
       {"i64[b, 1]", "i64[1, s]"},
       {{RLX_ATTR_FN, Dim(RLX_COMPARE_LT)}},
       {"bool[b, s]"}},
      {"equality of bools",
       RLX_OP_COMPARE,
       {"bool[2]", "bool[2]"},
       {{RLX_ATTR_FN, Dim(RLX_COMPARE_EQ)}},
       {"bool[2]"}},
      {"all three broadcast",
       RLX_OP_SELECT,
       {"bool[a, 1, 1]", "i8[1, b, 1]", "i8[1, 1, c]"},
       {},
       {"i8[a, b, c]"}},
      {"to another", RLX_OP_CAST, {"f32[b]"}, {{RLX_ATTR_TO, DType::kI64}}, {"i64[b]"}},
      {"same width", RLX_OP_BITCAST, {"f32[b]"}, {{RLX_ATTR_TO, DType::kU32}}, {"u32[b]"}},
      {"makes its dims",
       RLX_OP_IOTA,
       {},
       {{RLX_ATTR_TO, DType::kI64}, {RLX_ATTR_AXIS, Dim(1)}, {RLX_ATTR_DIMS, ds({"s", "4"})}},
       {"i64[s, 4]"}},
      {"is a scalar", RLX_OP_DIM, {}, {{RLX_ATTR_VALUE, d("s + 1")}}, {"i64[]"}},
      {"makes its dims",
       RLX_OP_RNG_BITS,
       {"u32[2]", "u32[4]"},
       {{RLX_ATTR_DIMS, ds({"b", "8"})}},
       {"u32[b, 8]"}},
      {"keeps all", RLX_OP_ACT, {"bf16[b, 8]"}, {{RLX_ATTR_FN, Dim(RLX_ACT_GELU_ERF)}}, {"bf16[b, 8]"}},
      {"relu of integers", RLX_OP_ACT, {"i32[b]"}, {{RLX_ATTR_FN, Dim(RLX_ACT_RELU)}}, {"i32[b]"}},
  };
  for (const Row& row : rows) expect_row(row);
}

TEST(InferPrimitives, Views) {
  const auto slice = [](const char* start, const char* limit, int step) {
    return Attributes{
        {RLX_ATTR_START, ds({start})}, {RLX_ATTR_LIMIT, ds({limit})}, {RLX_ATTR_STEP, Dims{step}}};
  };
  const std::vector<Row> rows{
      {"proven by algebra",
       RLX_OP_RESHAPE,
       {"f32[b, s, 384]"},
       {{RLX_ATTR_DIMS, ds({"b", "s", "12", "32"})}},
       {"f32[b, s, 12, 32]"}},
      {"to one axis", RLX_OP_RESHAPE, {"f32[b, s]"}, {{RLX_ATTR_DIMS, ds({"s*b"})}}, {"f32[b*s]"}},
      {"left to a constraint",
       RLX_OP_RESHAPE,
       {"f32[b]"},
       {{RLX_ATTR_DIMS, ds({"2", "3"})}},
       {"f32[2, 3]"},
       {"6 == b"}},
      {"of nothing", RLX_OP_RESHAPE, {"f32[0, 3]"}, {{RLX_ATTR_DIMS, ds({"7", "0"})}}, {"f32[7, 0]"}},
      {"permutes", RLX_OP_TRANSPOSE, {"f32[a, b, 3]"}, {{RLX_ATTR_PERM, Dims{2, 0, 1}}}, {"f32[3, a, b]"}},
      {"adds axes",
       RLX_OP_BROADCAST,
       {"f32[1, 3]"},
       {{RLX_ATTR_DIMS, ds({"b", "s", "3"})}},
       {"f32[b, s, 3]"}},
      {"symbol to 1", RLX_OP_BROADCAST, {"f32[s]"}, {{RLX_ATTR_DIMS, ds({"1"})}}, {"f32[1]"}, {"s == 1"}},
      {"inside", RLX_OP_SLICE, {"f32[9]"}, slice("2", "9", 3), {"f32[3]"}},
      {"all of a symbol", RLX_OP_SLICE, {"f32[s]"}, slice("0", "s", 1), {"f32[s]"}},
      {"backwards", RLX_OP_SLICE, {"f32[s + 1]"}, slice("s", "-1", -1), {"f32[s + 1]"}},
      {"backwards by two", RLX_OP_SLICE, {"f32[6]"}, slice("5", "-1", -2), {"f32[3]"}},
      {"of nothing", RLX_OP_SLICE, {"f32[0]"}, slice("0", "0", 1), {"f32[0]"}},
      {"open bounds", RLX_OP_SLICE, {"f32[s]"}, slice("2", "5", 1), {"f32[3]"}, {"s >= 5"}},
  };
  for (const Row& row : rows) expect_row(row);
}

TEST(InferPrimitives, MovementOps) {
  const std::vector<Row> rows{
      {"sizes",
       RLX_OP_DYNAMIC_SLICE,
       {"f32[b, 8]", "i64[2]"},
       {{RLX_ATTR_SIZES, ds({"b", "3"})}},
       {"f32[b, 3]"}},
      {"open sizes",
       RLX_OP_DYNAMIC_SLICE,
       {"f32[s]", "i64[1]"},
       {{RLX_ATTR_SIZES, ds({"3"})}},
       {"f32[3]"},
       {"s >= 3"}},
      {"keeps x", RLX_OP_DYNAMIC_UPDATE_SLICE, {"f32[b, 8]", "f32[b, 1]", "i64[2]"}, {}, {"f32[b, 8]"}},
      {"sums the axis",
       RLX_OP_CONCAT,
       {"f32[b, 3]", "f32[b, s]", "f32[b, 1]"},
       {{RLX_ATTR_AXIS, Dim(1)}},
       {"f32[b, s + 4]"}},
      {"others agree",
       RLX_OP_CONCAT,
       {"f32[b, 3]", "f32[c, 3]"},
       {{RLX_ATTR_AXIS, Dim(1)}},
       {"f32[b, 6]"},
       {"c == b"}},
      {"grows and crops",
       RLX_OP_PAD,
       {"f32[4, 5]", "f32[]"},
       {{RLX_ATTR_LOW, Dims{1, -1}}, {RLX_ATTR_HIGH, Dims{2, 0}}, {RLX_ATTR_INTERIOR, Dims{0, 2}}},
       {"f32[7, 12]"}},
      {"interior of nothing", RLX_OP_PAD, {"f32[0]", "f32[]"}, {{RLX_ATTR_INTERIOR, Dims{2}}}, {"f32[0]"}},
      {"open", RLX_OP_PAD, {"f32[s]", "f32[]"}, {{RLX_ATTR_LOW, ds({"p"})}}, {"f32[s + p]"}},
      {"mirrored",
       RLX_OP_PAD,
       {"f32[s]", "none"},
       {{RLX_ATTR_MODE, Dim(RLX_PAD_REFLECT)}, {RLX_ATTR_LOW, Dims{2}}},
       {"f32[s + 2]"},
       {"s >= 3"}},
  };
  for (const Row& row : rows) expect_row(row);
}

TEST(InferPrimitives, IndexOps) {
  const std::vector<Row> rows{
      {"rows", RLX_OP_GATHER, {"f32[v, 384]", "i64[b, s]"}, {{RLX_ATTR_AXIS, Dim(0)}}, {"f32[b, s, 384]"}},
      {"a scalar index", RLX_OP_GATHER, {"f32[v, 384]", "i32[]"}, {{RLX_ATTR_AXIS, Dim(1)}}, {"f32[v]"}},
      {"batched",
       RLX_OP_GATHER,
       {"f32[b, v, 4]", "i64[b, s]"},
       {{RLX_ATTR_AXIS, Dim(1)}, {RLX_ATTR_BATCH_DIMS, Dim(1)}},
       {"f32[b, s, 4]"}},
      {"dims of indices",
       RLX_OP_GATHER_ELEMENTS,
       {"f32[b, 5]", "i64[b, s]"},
       {{RLX_ATTR_AXIS, Dim(1)}},
       {"f32[b, s]"}},
      {"tuples", RLX_OP_GATHER_ND, {"f32[a, b, c]", "i64[n, 2]"}, {}, {"f32[n, c]"}},
      {"batched tuples",
       RLX_OP_GATHER_ND,
       {"f32[a, b, c]", "i64[a, n, 1]"},
       {{RLX_ATTR_BATCH_DIMS, Dim(1)}},
       {"f32[a, n, c]"}},
      {"keeps x",
       RLX_OP_SCATTER_ELEMENTS,
       {"f32[b, 5]", "i64[b, s]", "f32[b, s]"},
       {{RLX_ATTR_AXIS, Dim(1)}},
       {"f32[b, 5]"}},
      {"keeps x",
       RLX_OP_SCATTER_ND,
       {"f32[a, b]", "i64[n, 1]", "f32[n, b]"},
       {{RLX_ATTR_REDUCE, Dim(RLX_SCATTER_ADD)}},
       {"f32[a, b]"}},
      {"bounded", RLX_OP_NONZERO, {"bool[b, s]"}, {{RLX_ATTR_CAP, d("b*s")}}, {"i64[2, b*s]", "i64[]"}},
  };
  for (const Row& row : rows) expect_row(row);
}

TEST(InferPrimitives, FoldsAndScans) {
  const std::vector<Row> rows{
      {"not adjacent axes",
       RLX_OP_REDUCE,
       {"f32[a, b, c]"},
       {{RLX_ATTR_FN, Dim(RLX_REDUCE_SUM)}, {RLX_ATTR_AXES, Dims{0, 2}}},
       {"f32[b]"}},
      {"kept",
       RLX_OP_REDUCE,
       {"f32[a, 3]"},
       {{RLX_ATTR_FN, Dim(RLX_REDUCE_MAX)}, {RLX_ATTR_AXES, Dims{1}}, {RLX_ATTR_KEEP, Dim(1)}},
       {"f32[a, 1]"}},
      {"of nothing",
       RLX_OP_REDUCE,
       {"bool[0]"},
       {{RLX_ATTR_FN, Dim(RLX_REDUCE_ALL)}, {RLX_ATTR_AXES, Dims{0}}},
       {"bool[]"}},
      {"i64",
       RLX_OP_ARG_REDUCE,
       {"f32[b, 5]"},
       {{RLX_ATTR_FN, Dim(RLX_REDUCE_MAX)}, {RLX_ATTR_AXIS, Dim(1)}},
       {"i64[b]"}},
      {"needs an element",
       RLX_OP_ARG_REDUCE,
       {"f32[b, 5]"},
       {{RLX_ATTR_FN, Dim(RLX_REDUCE_MIN)}, {RLX_ATTR_AXIS, Dim(0)}, {RLX_ATTR_KEEP, Dim(1)}},
       {"i64[1, 5]"},
       {"b >= 1"}},
      {"keeps all",
       RLX_OP_CUMULATE,
       {"i32[b, 5]"},
       {{RLX_ATTR_FN, Dim(RLX_REDUCE_SUM)}, {RLX_ATTR_AXIS, Dim(1)}},
       {"i32[b, 5]"}},
      {"k",
       RLX_OP_TOP_K,
       {"f32[b, 5]"},
       {{RLX_ATTR_K, Dim(2)}, {RLX_ATTR_AXIS, Dim(1)}},
       {"f32[b, 2]", "i64[b, 2]"}},
      {"open k",
       RLX_OP_TOP_K,
       {"f32[n]"},
       {{RLX_ATTR_K, d("k")}, {RLX_ATTR_AXIS, Dim(0)}},
       {"f32[k]", "i64[k]"},
       {"n >= k"}},
  };
  for (const Row& row : rows) expect_row(row);
}

TEST(InferPrimitives, DotAndWindows) {
  const Attributes attention{{RLX_ATTR_CONTRACT_A, Dims{3}},
                             {RLX_ATTR_CONTRACT_B, Dims{3}},
                             {RLX_ATTR_BATCH_A, Dims{0, 1}},
                             {RLX_ATTR_BATCH_B, Dims{0, 1}}};
  const Attributes plain{{RLX_ATTR_CONTRACT_A, Dims{1}}, {RLX_ATTR_CONTRACT_B, Dims{0}}};
  const std::vector<Row> rows{
      {"batch, free, free",
       RLX_OP_DOT,
       {"f32[b, 12, s, 32]", "f32[b, 12, t, 32]"},
       attention,
       {"f32[b, 12, s, t]"}},
      {"open K", RLX_OP_DOT, {"f32[m, k]", "f32[64, n]"}, plain, {"f32[m, n]"}, {"64 == k"}},
      {"bytes give i32", RLX_OP_DOT, {"u8[m, 4]", "i8[4, n]"}, plain, {"i32[m, n]"}},
      {"nothing to sum", RLX_OP_DOT, {"f32[3, 0]", "f32[0, 2]"}, plain, {"f32[3, 2]"}},
      {"outer product", RLX_OP_DOT, {"f32[m]", "f32[n]"}, {}, {"f32[m, n]"}},
      {"strided",
       RLX_OP_CONV,
       {"f32[n, 3, h, 224]", "f32[32, 3, 3, 3]"},
       {{RLX_ATTR_STRIDES, Dims{2, 2}}, {RLX_ATTR_LOW, Dims{1, 1}}, {RLX_ATTR_HIGH, Dims{1, 1}}},
       {"f32[n, 32, floordiv(h - 1, 2) + 1, 112]"},
       {"h + 2 >= 3"}},
      {"depthwise",
       RLX_OP_CONV,
       {"f32[1, 8, 10]", "f32[8, 1, 3]"},
       {{RLX_ATTR_GROUPS, Dim(8)}, {RLX_ATTR_DILATION, Dims{2}}},
       {"f32[1, 8, 6]"}},
      {"spread input",
       RLX_OP_CONV,
       {"f32[1, 1, 4, 1, 1]", "f32[1, 1, 2, 1, 1]"},
       {{RLX_ATTR_INPUT_DILATION, Dims{3, 1, 1}}},
       {"f32[1, 1, 9, 1, 1]"}},
      {"pool",
       RLX_OP_REDUCE_WINDOW,
       {"f32[n, c, 7, 7]"},
       {{RLX_ATTR_FN, Dim(RLX_REDUCE_MAX)}, {RLX_ATTR_WINDOW, Dims{3, 3}}, {RLX_ATTR_STRIDES, Dims{2, 2}}},
       {"f32[n, c, 3, 3]"}},
  };
  for (const Row& row : rows) expect_row(row);
}

TEST(InferPrimitives, ReduceWindowGivesIndicesWhereTheNodeNamesThem) {
  Node node = node_of(RLX_OP_REDUCE_WINDOW, {{RLX_ATTR_FN, Dim(RLX_REDUCE_MAX)}, {RLX_ATTR_WINDOW, Dims{2}}});
  node.results.resize(2);
  std::vector<Constraint> constraints;
  const auto result = infer(node, shapes({"f32[1, 1, 4]"}), constraints);
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(texts(*result), (std::vector<std::string>{"f32[1, 1, 3]", "i64[1, 1, 3]"}));
  node.attributes[RLX_ATTR_FN] = Dim(RLX_REDUCE_SUM);
  EXPECT_FALSE(infer(node, shapes({"f32[1, 1, 4]"}), constraints));
}

TEST(InferPrimitives, EveryNumberOfTheContractHasAnAnswer) {
  for (Opcode op = 1; op <= 285; op = op == 33 ? 256 : op + 1) {
    ASSERT_NE(op_info(op), nullptr) << op;
    std::vector<Constraint> constraints;
    const auto result = infer(node_of(op), std::vector<Shape>(9, Shape{DType::kF32, {2}}), constraints);
    ASSERT_FALSE(result) << op;  // nine operands and no attribute fit nothing
    EXPECT_NE(result.error().message().find(op_name(op)), std::string::npos) << result.error().message();
    EXPECT_EQ(result.error().message().find("no operation has this number"), std::string::npos) << op;
  }
}

}  // namespace
}  // namespace rlx::test
