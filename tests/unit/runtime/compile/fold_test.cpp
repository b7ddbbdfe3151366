// SPDX-License-Identifier: Apache-2.0
// Constants folded as the registry says: once rounded, half to even, never guessed; and large ones lifted.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "runtime/compile/passes/constant_data.h"
#include "support.h"

namespace rlx::test {
namespace {

/// The one number that a graph without inputs computes after folding; -1234 where it was not folded.
double folded(Maker& m, ValueId value) {
  const DType dtype = m.b.shape(value).dtype;
  const ValueId x = m.input("x", {1}, dtype);
  const Graph after = after_pass(m.finish({dtype == DType::kBool ? m.b.binary(RLX_BINARY_AND, x, value) : m.b.binary(RLX_BINARY_MAX, x, value)}),
                                 "fold_constants");
  if (after.nodes.size() != 1) return -1234;
  const Value& constant = after.values[after.nodes[0].operands[1]];
  return constant.kind == ValueKind::kConstant ? *one_number(after.constants[constant.index]) : -1234;
}

TEST(FoldConstants, GeluOfOneIsRight) {
  Maker m;
  const ValueId erf = m.b.unary(RLX_UNARY_ERF, m.mul(m.number(1), m.number(std::sqrt(0.5))));
  EXPECT_NEAR(folded(m, m.mul(m.number(0.5), m.add(erf, m.number(1)))), 0.8413447460685429, 1e-7);
}

TEST(FoldConstants, RoundsHalfToEven) {
  for (const auto& [x, y] : {std::pair{0.5, 0.0}, std::pair{1.5, 2.0}, std::pair{2.5, 2.0}, std::pair{-0.5, -0.0}}) {
    Maker m;
    EXPECT_EQ(folded(m, m.b.unary(RLX_UNARY_ROUND_EVEN, m.number(x))), y) << x;
  }
}

TEST(FoldConstants, DoublesStayDoubles) {
  Maker m;
  EXPECT_EQ(folded(m, m.b.unary(RLX_UNARY_EXP, m.b.scalar(DType::kF64, 0.1))), std::exp(0.1));
}

TEST(FoldConstants, NarrowFloatsAreRoundedAtEachOp) {
  Maker m;
  const ValueId one = m.b.scalar(DType::kBF16, 1), tiny = m.b.scalar(DType::kBF16, 0.00390625);  // half a last digit of 1
  EXPECT_EQ(folded(m, m.add(m.add(one, tiny), tiny)), 1);
}

TEST(FoldConstants, IntegersAreExactBeyondDoubles) {
  Maker m;
  const ValueId big = m.graph.add_constant({DType::kI64, {}}, [] {
    std::vector<std::byte> bytes(8);
    const std::int64_t value = (std::int64_t{1} << 53) + 1;
    std::memcpy(bytes.data(), &value, 8);
    return bytes;
  }());
  const ValueId least = m.b.binary(RLX_BINARY_SUB, big, m.graph.add_constant({DType::kI64, {}}, [] {
    std::vector<std::byte> bytes(8);
    const std::int64_t value = std::int64_t{1} << 53;
    std::memcpy(bytes.data(), &value, 8);
    return bytes;
  }()));
  EXPECT_EQ(folded(m, least), 1);
}

TEST(FoldConstants, IntegerDivisionTruncatesAndModuloFollowsTheDivisor) {
  const auto of = [](std::uint32_t fn) {
    Maker m;
    return folded(m, m.b.binary(fn, m.b.scalar(DType::kI32, -7), m.b.scalar(DType::kI32, 2)));
  };
  EXPECT_EQ(of(RLX_BINARY_DIV), -3);
  EXPECT_EQ(of(RLX_BINARY_MOD_TRUNC), -1);
  EXPECT_EQ(of(RLX_BINARY_MOD_FLOOR), 1);
}

TEST(FoldConstants, WrapsNarrowIntegers) {
  Maker m;
  EXPECT_EQ(folded(m, m.add(m.b.scalar(DType::kI8, 127), m.b.scalar(DType::kI8, 1))), -128);
}

TEST(FoldConstants, LeavesWhatDevicesDecide) {
  Maker divided, cast, large;
  EXPECT_EQ(folded(divided, divided.div(divided.b.scalar(DType::kI32, 1), divided.b.scalar(DType::kI32, 0))), -1234);
  EXPECT_EQ(folded(cast, cast.b.cast(cast.number(1e30), DType::kI32)), -1234);
}

TEST(FoldConstants, OutputsAreLeftToRun) {
  Maker m;
  const Graph after = after_pass(m.finish({m.add(m.number(1), m.number(2))}), "fold_constants");
  EXPECT_EQ(after.nodes.size(), 1u);
}

TEST(FoldConstants, NumbersOfEveryDtypeSurviveTheWayThere) {
  for (const DType dtype : {DType::kF16, DType::kBF16, DType::kF32, DType::kF64, DType::kI8, DType::kU8, DType::kI16, DType::kU16,
                            DType::kI32, DType::kU32, DType::kI64, DType::kBool}) {
    Graph graph;
    const ValueId id = add_scalar(graph, dtype, 1);
    const Constant& constant = graph.constants[graph.values[id].index];
    const auto numbers = read_numbers(constant);
    ASSERT_TRUE(numbers) << dtype_name(dtype);
    EXPECT_EQ(write_numbers(*numbers), *constant.bytes) << dtype_name(dtype);
    EXPECT_EQ(one_number(constant), 1.0) << dtype_name(dtype);
  }
}

TEST(LiftConstants, LargeOnesBecomeOwnedParams) {
  Maker m;
  const ValueId x = m.input("x", {1025});
  const ValueId large = m.graph.add_constant({DType::kF32, {1025}}, std::vector<std::byte>(4100));
  const Graph after = after_pass(m.finish({m.add(x, large)}), "lift_constants");
  ASSERT_EQ(after.params.size(), 1u);
  EXPECT_EQ(after.params[0].owned->size(), 4100u);
}

TEST(FoldViews, ViewsThatAreOutputsOfInputsStay) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), m.S()});
  const ValueId there = m.b.transpose(x, {1, 0});
  const Graph after = fused(m.finish({m.b.transpose(there, {1, 0})}));
  EXPECT_EQ(after.nodes.size(), 1u);
}

TEST(MergeCommonNodes, AttributesAndOrderOfOperandsCount) {
  Maker m;
  const ValueId x = m.input("x", {4}), y = m.input("y", {4});
  const Graph after = after_pass(m.finish({m.sub(x, y), m.sub(y, x), m.b.reduce(RLX_REDUCE_SUM, x, {0}, true), m.b.reduce(RLX_REDUCE_MAX, x, {0}, true)}),
                                 "merge_common_nodes");
  EXPECT_EQ(after.nodes.size(), 4u);
}

TEST(SinkBroadcasts, WorkIsDoneBeforeTheBroadcast) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), 1, 4});
  const Graph after = fused(m.finish({m.b.unary(RLX_UNARY_EXP, m.b.broadcast(x, {m.B(), m.S(), 4}))}));
  EXPECT_EQ(after.values[only(after, RLX_OP_UNARY).results[0]].shape.dims, (Dims{m.B(), 1, 4}));
}

TEST(SinkBroadcasts, AxisThatAnotherOperandHasStays) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), 1, 4}), y = m.input("y", {1, m.S(), 1});
  const Graph after = fused(m.finish({m.mul(m.b.broadcast(x, {m.B(), m.S(), 4}), y)}));
  EXPECT_EQ(count(after, RLX_OP_BROADCAST), 0u);
}

}  // namespace
}  // namespace rlx::test
