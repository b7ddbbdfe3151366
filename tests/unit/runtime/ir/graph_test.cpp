// SPDX-License-Identifier: Apache-2.0
// Building blocks of graphs: ids, scalars of every dtype, access to attributes; dtypes and names of ops.
#include "runtime/ir/graph.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "runtime/base/check.h"

namespace rlx {
namespace {

template <class T>
T scalar(DType dtype, double value) {
  Graph graph;
  const ValueId id = add_scalar(graph, dtype, value);
  const auto& bytes = *graph.constants.at(graph.values.at(id).index).bytes;
  EXPECT_EQ(bytes.size(), sizeof(T));
  T out{};
  std::memcpy(&out, bytes.data(), std::min(sizeof out, bytes.size()));
  return out;
}

TEST(Graph, ListsAndValuesPointAtEachOther) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, {2}});
  const ValueId w = graph.add_param("w", {DType::kF32, {3}});
  const ValueId c = graph.add_constant({DType::kU8, {1}}, {std::byte{9}});
  Node node;
  node.op = RLX_OP_TOP_K;
  const ValueId first = graph.add_node(node, {{DType::kF32, {1}}, {DType::kI64, {1}}});
  EXPECT_EQ(graph.inputs, std::vector<ValueId>{x});
  EXPECT_EQ(graph.params[0].value, w);
  EXPECT_EQ(graph.values[w].name, "w");
  EXPECT_EQ(graph.values[c].kind, ValueKind::kConstant);
  EXPECT_EQ(graph.nodes[0].results, (std::vector<ValueId>{first, first + 1}));
  EXPECT_EQ(graph.values[first + 1].shape.dtype, DType::kI64);
}

TEST(AddScalar, RoundsToNearestEvenInSmallFloats) {
  EXPECT_EQ(scalar<std::uint16_t>(DType::kF16, 1.0), 0x3C00);
  EXPECT_EQ(scalar<std::uint16_t>(DType::kF16, -2.0), 0xC000);
  EXPECT_EQ(scalar<std::uint16_t>(DType::kF16, 65504.0), 0x7BFF);
  EXPECT_EQ(scalar<std::uint16_t>(DType::kF16, 65519.0), 0x7BFF);
  EXPECT_EQ(scalar<std::uint16_t>(DType::kF16, 65520.0), 0x7C00);
  EXPECT_EQ(scalar<std::uint16_t>(DType::kF16, 1.0 + 0x1p-11), 0x3C00);  // a tie goes to even
  EXPECT_EQ(scalar<std::uint16_t>(DType::kF16, 1.0 + 3 * 0x1p-11), 0x3C02);
  EXPECT_EQ(scalar<std::uint16_t>(DType::kF16, 1.0 + 0x1p-11 + 0x1p-40), 0x3C01);  // not by way of f32
  EXPECT_EQ(scalar<std::uint16_t>(DType::kF16, 0x1p-24), 0x0001);
  EXPECT_EQ(scalar<std::uint16_t>(DType::kF16, 0x1p-25), 0x0000);
  EXPECT_EQ(scalar<std::uint16_t>(DType::kF16, -0.0), 0x8000);
  EXPECT_EQ(scalar<std::uint16_t>(DType::kF16, 1.9999), 0x4000);
  EXPECT_EQ(scalar<std::uint16_t>(DType::kBF16, 1.0), 0x3F80);
  EXPECT_EQ(scalar<std::uint16_t>(DType::kBF16, std::numeric_limits<double>::infinity()), 0x7F80);
  EXPECT_EQ(scalar<std::uint16_t>(DType::kBF16, 3.4e38), 0x7F80);
  EXPECT_EQ(scalar<std::uint16_t>(DType::kBF16, std::nan("")) & 0x7FC0, 0x7FC0);
}

TEST(AddScalar, RoundsAndSaturatesIntegers) {
  EXPECT_EQ(scalar<std::int8_t>(DType::kI8, 300.0), 127);
  EXPECT_EQ(scalar<std::int8_t>(DType::kI8, -300.0), -128);
  EXPECT_EQ(scalar<std::int32_t>(DType::kI32, 2.5), 2);
  EXPECT_EQ(scalar<std::uint8_t>(DType::kU8, -1.0), 0);
  EXPECT_EQ(scalar<std::int64_t>(DType::kI64, 1e30), INT64_MAX);
  EXPECT_EQ(scalar<std::uint64_t>(DType::kU64, 1e30), UINT64_MAX);
  EXPECT_EQ(scalar<std::int32_t>(DType::kI32, std::nan("")), 0);
  EXPECT_EQ(scalar<std::uint8_t>(DType::kBool, 0.5), 1);
  EXPECT_EQ(scalar<float>(DType::kF32, 0.1), 0.1f);
  Graph graph;
  const ValueId id = add_scalar_i64(graph, DType::kI64, INT64_MAX);
  std::int64_t seen = 0;
  std::memcpy(&seen, graph.constants[graph.values[id].index].bytes->data(), sizeof seen);
  EXPECT_EQ(seen, INT64_MAX);
}

TEST(Attributes, OtherTypesAndMissingKeysGiveTheDefault) {
  Node node;
  node.op = RLX_OP_SLICE;
  node.attributes[RLX_ATTR_AXIS] = Dim(2);
  node.attributes[RLX_ATTR_K] = Dim::symbol("k");
  node.attributes[RLX_ATTR_EPS] = 0.5;
  node.attributes[RLX_ATTR_TO] = DType::kF16;
  node.attributes[RLX_ATTR_START] = Dims{0, Dim::symbol("k")};
  EXPECT_EQ(attr_i64(node, RLX_ATTR_AXIS, -1), 2);
  EXPECT_EQ(attr_i64(node, RLX_ATTR_K, -1), -1);
  EXPECT_EQ(attr_dim(node, RLX_ATTR_K, 0), Dim::symbol("k"));
  EXPECT_EQ(attr_f64(node, RLX_ATTR_AXIS, 7.0), 7.0);
  EXPECT_EQ(attr_f64(node, RLX_ATTR_EPS, 7.0), 0.5);
  EXPECT_EQ(attr_dtype(node, RLX_ATTR_TO, DType::kNone), DType::kF16);
  EXPECT_TRUE(attr_dims(node, RLX_ATTR_AXES).empty());
  EXPECT_THROW(attr_i64s(node, RLX_ATTR_START), InternalError);
}

TEST(DTypes, NamesAndBytesGoBothWays) {
  for (std::uint32_t number = 1; number <= 13; ++number) {
    const auto dtype = static_cast<DType>(number);
    EXPECT_EQ(dtype_from_name(dtype_name(dtype)), dtype);
    EXPECT_GT(dtype_bytes(dtype), 0u);
    EXPECT_EQ(is_float(dtype) + is_signed_int(dtype) + is_unsigned_int(dtype), dtype == DType::kBool ? 0 : 1);
  }
  EXPECT_EQ(dtype_name(static_cast<DType>(99)), "none");
  EXPECT_EQ(dtype_from_name("none"), DType::kNone);
  EXPECT_EQ(dtype_bytes(DType::kNone), 0u);
}

TEST(Ops, NamesGoBothWays) {
  EXPECT_EQ(op_name(RLX_OP_LAYER_NORM), "layer_norm");
  EXPECT_EQ(op_by_name("while")->op, RLX_OP_WHILE);
  EXPECT_EQ(op_info(4711), nullptr);
  EXPECT_TRUE(op_info(RLX_OP_SOFTMAX)->composite);
  EXPECT_TRUE(op_info(RLX_OP_RESHAPE)->mir_only);
  EXPECT_FALSE(op_info(RLX_OP_COPY)->mir_only);
  EXPECT_EQ(fn_name(RLX_OP_ARG_REDUCE, RLX_REDUCE_MAX), "max");
  EXPECT_EQ(fn_name(RLX_OP_BINARY, RLX_BINARY_MAX), "max");
  EXPECT_EQ(fn_by_name(RLX_OP_UNARY, "not"), RLX_UNARY_NOT);
  EXPECT_EQ(fn_name(RLX_OP_ACT, RLX_ACT_MISH), "mish");
  EXPECT_EQ(fn_name(RLX_OP_COPY, 1), "");
  EXPECT_EQ(act_by_name("none"), 0);
  EXPECT_EQ(act_by_name("frob"), -1);
  EXPECT_EQ(attr_by_name("trip_count"), RLX_ATTR_TRIP_COUNT);
  EXPECT_EQ(attr_name(0), "");
}

}  // namespace
}  // namespace rlx
