// SPDX-License-Identifier: Apache-2.0
// What every primitive says to wrong uses: the op, its name, the operand or attribute, the value seen and wanted.
#include "support.h"

namespace rlx::test {
namespace {

constexpr auto kShape = ErrorCode::kShapeMismatch;
constexpr auto kType = ErrorCode::kDtypeMismatch;
constexpr auto kAttr = ErrorCode::kInvalidAttribute;
constexpr auto kModel = ErrorCode::kInvalidModel;

Attributes fn(std::uint32_t value) { return {{RLX_ATTR_FN, Dim(value)}}; }

TEST(InferFailures, ElementwiseOps) {
  const std::vector<WrongRow> rows{
      {"no operand", RLX_OP_COPY, {}, {}, kModel, {"0 operands", "wanted 1"}},
      {"absent operand", RLX_OP_COPY, {"none"}, {}, kModel, {"operand 0 is absent"}},
      {"exp of integers", RLX_OP_UNARY, {"i32[2]"}, fn(RLX_UNARY_EXP), kType, {"operand 0", "i32[2]", "wanted a float"}},
      {"not of floats", RLX_OP_UNARY, {"f32[2]"}, fn(RLX_UNARY_NOT), kType, {"operand 0", "bool"}},
      {"unknown FN", RLX_OP_UNARY, {"f32[2]"}, fn(99), kAttr, {"99", "wanted 1 to 32"}},
      {"no FN", RLX_OP_UNARY, {"f32[2]"}, {}, kAttr, {"absent"}},
      {"dims", RLX_OP_BINARY, {"f32[2, 3]", "f32[2, 4]"}, fn(RLX_BINARY_ADD), kShape, {"axis 1 of operand 1", "is 4", "wanted 3"}},
      {"zero is not 1", RLX_OP_BINARY, {"f32[0]", "f32[2]"}, fn(RLX_BINARY_ADD), kShape, {"is 2", "wanted 0"}},
      {"rank", RLX_OP_BINARY, {"f32[2, 3]", "f32[3]"}, fn(RLX_BINARY_ADD), kShape, {"rank 1", "wanted rank 2"}},
      {"dtype", RLX_OP_BINARY, {"f32[2]", "f16[2]"}, fn(RLX_BINARY_ADD), kType, {"operand 1 is f16[2]", "wanted dtype f32"}},
      {"and of floats", RLX_OP_BINARY, {"f32[2]", "f32[2]"}, fn(RLX_BINARY_AND), kType, {"operand 0"}},
      {"add of bools", RLX_OP_BINARY, {"bool[2]", "bool[2]"}, fn(RLX_BINARY_ADD), kType, {"operand 0"}},
      {"order of bools", RLX_OP_COMPARE, {"bool[2]", "bool[2]"}, fn(RLX_COMPARE_LT), kType, {"bool[2]"}},
      {"unknown FN", RLX_OP_COMPARE, {"f32[2]", "f32[2]"}, fn(7), kAttr, {"is 7", "wanted 1 to 6"}},
      {"condition", RLX_OP_SELECT, {"i8[2]", "f32[2]", "f32[2]"}, {}, kType, {"operand 0 is i8[2]", "wanted bool"}},
      {"two dtypes", RLX_OP_SELECT, {"bool[2]", "f32[2]", "f64[2]"}, {}, kType, {"operand 2", "wanted dtype f32"}},
      {"no target", RLX_OP_CAST, {"f32[2]"}, {}, kAttr, {"absent", "dtype"}},
      {"rounding", RLX_OP_CAST, {"f32[2]"}, {{RLX_ATTR_TO, DType::kI8}, {RLX_ATTR_ROUND, Dim(2)}}, kAttr, {"is 2", "wanted 0 to 1"}},
      {"width", RLX_OP_BITCAST, {"f32[2]"}, {{RLX_ATTR_TO, DType::kI16}}, kType, {"4 bytes", "wanted 2", "i16"}},
      {"axis", RLX_OP_IOTA, {}, {{RLX_ATTR_TO, DType::kI64}, {RLX_ATTR_DIMS, Dims{3}}, {RLX_ATTR_AXIS, Dim(1)}}, kAttr, {"is 1", "rank 1"}},
      {"negative", RLX_OP_IOTA, {}, {{RLX_ATTR_TO, DType::kI64}, {RLX_ATTR_DIMS, Dims{-3}}}, kAttr, {"[-3]", "negative"}},
      {"of bool", RLX_OP_IOTA, {}, {{RLX_ATTR_TO, DType::kBool}, {RLX_ATTR_DIMS, Dims{3}}}, kAttr, {"bool"}},
      {"no value", RLX_OP_DIM, {}, {}, kAttr, {"absent"}},
      {"key", RLX_OP_RNG_BITS, {"u32[3]", "u32[4]"}, {{RLX_ATTR_DIMS, Dims{1}}}, kShape, {"operand 0", "is 3", "wanted 2"}},
      {"unknown FN", RLX_OP_ACT, {"f32[2]"}, fn(19), kAttr, {"is 19"}},
      {"gelu of integers", RLX_OP_ACT, {"i32[2]"}, fn(RLX_ACT_GELU_ERF), kType, {"operand 0 is i32[2]"}},
  };
  for (const WrongRow& row : rows) expect_wrong(row);
}

TEST(InferFailures, Views) {
  const auto slice = [](int start, int limit, int step) {
    return Attributes{{RLX_ATTR_START, Dims{start}}, {RLX_ATTR_LIMIT, Dims{limit}}, {RLX_ATTR_STEP, Dims{step}}};
  };
  const std::vector<WrongRow> rows{
      {"count", RLX_OP_RESHAPE, {"f32[6]"}, {{RLX_ATTR_DIMS, Dims{5}}}, kShape, {"element count", "is 5", "wanted 6"}},
      {"minus one", RLX_OP_RESHAPE, {"f32[6]"}, {{RLX_ATTR_DIMS, Dims{2, -3}}}, kAttr, {"negative"}},
      {"twice", RLX_OP_TRANSPOSE, {"f32[2, 3]"}, {{RLX_ATTR_PERM, Dims{0, 0}}}, kAttr, {"axis 0 twice"}},
      {"too few", RLX_OP_TRANSPOSE, {"f32[2, 3]"}, {{RLX_ATTR_PERM, Dims{0}}}, kAttr, {"1 entries", "wanted 2"}},
      {"range", RLX_OP_TRANSPOSE, {"f32[2, 3]"}, {{RLX_ATTR_PERM, Dims{0, 2}}}, kAttr, {"axis 2", "rank 2"}},
      {"no list", RLX_OP_TRANSPOSE, {"f32[2, 3]"}, {{RLX_ATTR_PERM, Dim(1)}}, kAttr, {"another type"}},
      {"symbols", RLX_OP_TRANSPOSE, {"f32[2, 3]"}, {{RLX_ATTR_PERM, ds({"0", "s"})}}, kAttr, {"[0, s]", "wanted numbers"}},
      {"dims", RLX_OP_BROADCAST, {"f32[2]"}, {{RLX_ATTR_DIMS, Dims{4}}}, kShape, {"is 2", "wanted 4"}},
      {"fewer axes", RLX_OP_BROADCAST, {"f32[1, 2]"}, {{RLX_ATTR_DIMS, Dims{2}}}, kShape, {"rank 2", "rank 1"}},
      {"past the end", RLX_OP_SLICE, {"f32[6]"}, slice(0, 7, 1), kShape, {"limit 7", "is 6", "wanted 7"}},
      {"before the start", RLX_OP_SLICE, {"f32[6]"}, slice(-1, 3, 1), kShape, {"start", "is -1", "wanted 0"}},
      {"crossed", RLX_OP_SLICE, {"f32[6]"}, slice(4, 3, 1), kShape, {"is 3", "wanted 4"}},
      {"backwards past the end", RLX_OP_SLICE, {"f32[6]"}, slice(6, -1, -1), kShape, {"is 6", "wanted 7"}},
      {"backwards past the start", RLX_OP_SLICE, {"f32[6]"}, slice(3, -2, -1), kShape, {"is -2", "wanted -1"}},
      {"no step", RLX_OP_SLICE, {"f32[6]"}, slice(0, 6, 0), kAttr, {"0 for axis 0"}},
      {"too many", RLX_OP_SLICE, {"f32[6, 6]"}, slice(0, 6, 1), kAttr, {"1 entries", "wanted 2"}},
  };
  for (const WrongRow& row : rows) expect_wrong(row);
}

TEST(InferFailures, MovementOps) {
  const std::vector<WrongRow> rows{
      {"size", RLX_OP_DYNAMIC_SLICE, {"f32[6]", "i64[1]"}, {{RLX_ATTR_SIZES, Dims{9}}}, kShape, {"is 6", "wanted 9"}},
      {"start rank", RLX_OP_DYNAMIC_SLICE, {"f32[6]", "i64[2]"}, {{RLX_ATTR_SIZES, Dims{1}}}, kShape, {"operand 1", "is 2", "wanted 1"}},
      {"start dtype", RLX_OP_DYNAMIC_SLICE, {"f32[6]", "i32[1]"}, {{RLX_ATTR_SIZES, Dims{1}}}, kType, {"i32[1]", "i64"}},
      {"policy", RLX_OP_DYNAMIC_SLICE, {"f32[6]", "i64[1]"}, {{RLX_ATTR_SIZES, Dims{1}}, {RLX_ATTR_INDEX_POLICY, Dim(2)}}, kAttr, {"is 2"}},
      {"update", RLX_OP_DYNAMIC_UPDATE_SLICE, {"f32[6]", "f32[7]", "i64[1]"}, {}, kShape, {"is 6", "wanted 7"}},
      {"update dtype", RLX_OP_DYNAMIC_UPDATE_SLICE, {"f32[6]", "f16[1]", "i64[1]"}, {}, kType, {"operand 1"}},
      {"other axis", RLX_OP_CONCAT, {"f32[2, 3]", "f32[4, 3]"}, {{RLX_ATTR_AXIS, Dim(1)}}, kShape, {"axis 0 of operand 1", "is 4", "wanted 2"}},
      {"rank", RLX_OP_CONCAT, {"f32[2, 3]", "f32[3]"}, {{RLX_ATTR_AXIS, Dim(1)}}, kShape, {"operand 1", "wanted rank 2"}},
      {"dtype", RLX_OP_CONCAT, {"f32[3]", "i32[3]"}, {{RLX_ATTR_AXIS, Dim(0)}}, kType, {"operand 1"}},
      {"axis", RLX_OP_CONCAT, {"f32[3]", "f32[3]"}, {{RLX_ATTR_AXIS, Dim(-1)}}, kAttr, {"is -1", "rank 1"}},
      {"cropped away", RLX_OP_PAD, {"f32[3]", "f32[]"}, {{RLX_ATTR_LOW, Dims{-4}}}, kShape, {"is -1", "wanted 0"}},
      {"mirror too wide", RLX_OP_PAD, {"f32[3]", "none"}, {{RLX_ATTR_MODE, Dim(RLX_PAD_REFLECT)}, {RLX_ATTR_HIGH, Dims{3}}}, kShape, {"is 3", "wanted 4"}},
      {"edge of nothing", RLX_OP_PAD, {"f32[0]", "none"}, {{RLX_ATTR_MODE, Dim(RLX_PAD_EDGE)}, {RLX_ATTR_HIGH, Dims{1}}}, kShape, {"is 0", "wanted 1"}},
      {"value", RLX_OP_PAD, {"f32[3]", "f32[1]"}, {}, kShape, {"operand 1", "wanted rank 0"}},
      {"no value", RLX_OP_PAD, {"f32[3]"}, {}, kModel, {"operand 1 is absent"}},
  };
  for (const WrongRow& row : rows) expect_wrong(row);
}

TEST(InferFailures, IndexOps) {
  const Attributes axis0{{RLX_ATTR_AXIS, Dim(0)}};
  const std::vector<WrongRow> rows{
      {"index dtype", RLX_OP_GATHER, {"f32[5]", "f32[2]"}, axis0, kType, {"operand 1 is f32[2]", "i32 or i64"}},
      {"axis", RLX_OP_GATHER, {"f32[5]", "i64[2]"}, {{RLX_ATTR_AXIS, Dim(1)}}, kAttr, {"is 1", "rank 1"}},
      {"batch", RLX_OP_GATHER, {"f32[2, 5]", "i64[3, 1]"}, {{RLX_ATTR_AXIS, Dim(1)}, {RLX_ATTR_BATCH_DIMS, Dim(1)}}, kShape, {"batch axis 0", "is 3", "wanted 2"}},
      {"policy", RLX_OP_GATHER, {"f32[5]", "i64[2]"}, {{RLX_ATTR_AXIS, Dim(0)}, {RLX_ATTR_INDEX_POLICY, Dim(3)}}, kAttr, {"is 3"}},
      {"rank", RLX_OP_GATHER_ELEMENTS, {"f32[5, 2]", "i64[2]"}, axis0, kShape, {"operand 1", "wanted rank 2"}},
      {"outside", RLX_OP_GATHER_ELEMENTS, {"f32[5, 2]", "i64[9, 3]"}, axis0, kShape, {"axis 1", "is 2", "wanted 3"}},
      {"tuple too long", RLX_OP_GATHER_ND, {"f32[5, 2]", "i64[9, 3]"}, {}, kShape, {"is 3", "at most 2"}},
      {"open tuple", RLX_OP_GATHER_ND, {"f32[5, 2]", "i64[9, k]"}, {}, kShape, {"is k"}},
      {"batch", RLX_OP_GATHER_ND, {"f32[5, 2]", "i64[9]"}, {{RLX_ATTR_BATCH_DIMS, Dim(1)}}, kAttr, {"is 1", "wanted 0 to 0"}},
      {"updates", RLX_OP_SCATTER_ELEMENTS, {"f32[5]", "i64[2]", "f32[3]"}, axis0, kShape, {"operand 2", "is 3", "wanted 2"}},
      {"reduce", RLX_OP_SCATTER_ELEMENTS, {"f32[5]", "i64[2]", "f32[2]"}, {{RLX_ATTR_AXIS, Dim(0)}, {RLX_ATTR_REDUCE, Dim(5)}}, kAttr, {"is 5"}},
      {"add of bools", RLX_OP_SCATTER_ND, {"bool[5]", "i64[2, 1]", "bool[2]"}, {{RLX_ATTR_REDUCE, Dim(RLX_SCATTER_ADD)}}, kType, {"operand 0"}},
      {"updates", RLX_OP_SCATTER_ND, {"f32[5, 3]", "i64[2, 1]", "f32[2, 4]"}, {}, kShape, {"operand 2", "is 4", "wanted 3"}},
      {"cap", RLX_OP_NONZERO, {"bool[5]"}, {{RLX_ATTR_CAP, Dim(-1)}}, kAttr, {"-1"}},
  };
  for (const WrongRow& row : rows) expect_wrong(row);
}

TEST(InferFailures, FoldsAndWindows) {
  const Attributes plain{{RLX_ATTR_CONTRACT_A, Dims{1}}, {RLX_ATTR_CONTRACT_B, Dims{0}}};
  const Attributes pool{{RLX_ATTR_FN, Dim(RLX_REDUCE_MAX)}, {RLX_ATTR_WINDOW, Dims{3}}};
  const std::vector<WrongRow> rows{
      {"axis", RLX_OP_REDUCE, {"f32[5]"}, {{RLX_ATTR_FN, Dim(1)}, {RLX_ATTR_AXES, Dims{7}}}, kAttr, {"axis 7", "rank 1"}},
      {"axis twice", RLX_OP_REDUCE, {"f32[5]"}, {{RLX_ATTR_FN, Dim(1)}, {RLX_ATTR_AXES, Dims{0, 0}}}, kAttr, {"twice"}},
      {"all of floats", RLX_OP_REDUCE, {"f32[5]"}, {{RLX_ATTR_FN, Dim(RLX_REDUCE_ALL)}, {RLX_ATTR_AXES, Dims{0}}}, kType, {"f32[5]", "wanted bool"}},
      {"of nothing", RLX_OP_ARG_REDUCE, {"f32[0]"}, {{RLX_ATTR_FN, Dim(RLX_REDUCE_MAX)}, {RLX_ATTR_AXIS, Dim(0)}}, kShape, {"is 0", "wanted 1"}},
      {"sum", RLX_OP_ARG_REDUCE, {"f32[2]"}, {{RLX_ATTR_FN, Dim(RLX_REDUCE_SUM)}, {RLX_ATTR_AXIS, Dim(0)}}, kAttr, {"wanted max or min"}},
      {"axis", RLX_OP_CUMULATE, {"f32[2]"}, {{RLX_ATTR_FN, Dim(RLX_REDUCE_SUM)}, {RLX_ATTR_AXIS, Dim(1)}}, kAttr, {"is 1"}},
      {"any", RLX_OP_CUMULATE, {"f32[2]"}, {{RLX_ATTR_FN, Dim(RLX_REDUCE_ANY)}, {RLX_ATTR_AXIS, Dim(0)}}, kAttr, {"is 6"}},
      {"k", RLX_OP_TOP_K, {"f32[2]"}, {{RLX_ATTR_K, Dim(3)}, {RLX_ATTR_AXIS, Dim(0)}}, kShape, {"is 2", "wanted 3"}},
      {"K", RLX_OP_DOT, {"f32[2, 3]", "f32[4, 5]"}, plain, kShape, {"contracted axis 0 of operand 1", "is 4", "wanted 3"}},
      {"lists", RLX_OP_DOT, {"f32[2, 3]", "f32[3, 5]"}, {{RLX_ATTR_CONTRACT_A, Dims{1}}}, kAttr, {"0 entries", "wanted 1"}},
      {"batch", RLX_OP_DOT, {"f32[2, 3]", "f32[4, 3]"}, {{RLX_ATTR_BATCH_A, Dims{0}}, {RLX_ATTR_BATCH_B, Dims{0}}}, kShape, {"batch axis 0", "is 4", "wanted 2"}},
      {"one axis for both", RLX_OP_DOT, {"f32[2]", "f32[2]"}, {{RLX_ATTR_BATCH_A, Dims{0}}, {RLX_ATTR_CONTRACT_A, Dims{0}}}, kAttr, {"different axes"}},
      {"dtypes", RLX_OP_DOT, {"f32[2, 3]", "f16[3, 5]"}, plain, kType, {"operand 1"}},
      {"channels", RLX_OP_CONV, {"f32[1, 4, 9]", "f32[2, 3, 3]"}, {}, kShape, {"axis 1 of operand 1", "is 3", "wanted 4"}},
      {"groups", RLX_OP_CONV, {"f32[1, 4, 9]", "f32[3, 2, 3]"}, {{RLX_ATTR_GROUPS, Dim(2)}}, kShape, {"modulo 2", "is 1", "wanted 0"}},
      {"window", RLX_OP_CONV, {"f32[1, 3, 2]", "f32[2, 3, 3]"}, {}, kShape, {"is 2", "wanted 3"}},
      {"stride", RLX_OP_CONV, {"f32[1, 3, 9]", "f32[2, 3, 3]"}, {{RLX_ATTR_STRIDES, Dims{0}}}, kAttr, {"0", "wanted 1"}},
      {"rank", RLX_OP_CONV, {"f32[3, 9]", "f32[2, 3]"}, {}, kShape, {"rank 2", "3 to 5"}},
      {"window", RLX_OP_REDUCE_WINDOW, {"f32[1, 1, 2]"}, pool, kShape, {"is 2", "wanted 3"}},
      {"prod", RLX_OP_REDUCE_WINDOW, {"f32[1, 1, 4]"}, {{RLX_ATTR_FN, Dim(RLX_REDUCE_PROD)}, {RLX_ATTR_WINDOW, Dims{3}}}, kAttr, {"wanted max or sum"}},
      {"no window", RLX_OP_REDUCE_WINDOW, {"f32[1, 1, 4]"}, {{RLX_ATTR_FN, Dim(RLX_REDUCE_MAX)}}, kAttr, {"absent"}},
  };
  for (const WrongRow& row : rows) expect_wrong(row);
}

TEST(InferFailures, UnknownNumberIsNamed) {
  std::vector<Constraint> constraints;
  const auto result = infer(node_of(4711), {}, constraints);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message().find("op 4711"), std::string::npos) << result.error().message();
}

TEST(InferFailures, ReservedCompositesSaySo) {
  for (const Opcode op : {RLX_OP_LSTM, RLX_OP_NMS, RLX_OP_RESIZE, RLX_OP_CONV_TRANSPOSE, RLX_OP_QLINEAR}) {
    std::vector<Constraint> constraints;
    const auto result = infer(node_of(op), shapes({"f32[2]"}), constraints);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), kAttr);
    EXPECT_NE(result.error().message().find("is reserved: nothing computes with it yet"), std::string::npos);
  }
}

}  // namespace
}  // namespace rlx::test
