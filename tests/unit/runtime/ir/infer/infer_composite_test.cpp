// SPDX-License-Identifier: Apache-2.0
// Composites are inferred from operands and attributes: right uses, constraints, and what wrong uses are told.
#include "support.h"

namespace rlx::test {
namespace {

constexpr auto kShape = ErrorCode::kShapeMismatch;
constexpr auto kType = ErrorCode::kDtypeMismatch;
constexpr auto kAttr = ErrorCode::kInvalidAttribute;
constexpr auto kModel = ErrorCode::kInvalidModel;

TEST(InferComposites, LinearAndNorms) {
  const Attributes residual{{RLX_ATTR_HAS_RESIDUAL, Dim(1)}};
  const std::vector<Row> rows{
      {"three parts", RLX_OP_LINEAR, {"f32[b, s, 8]", "f32[16, 8]", "f32[4, 8]", "f32[4, 8]", "f32[16]", "f32[4]", "f32[4]"},
       {{RLX_ATTR_PARTS, Dim(3)}, {RLX_ATTR_W_LAYOUT, Dim(RLX_W_LAYOUT_NK)}, {RLX_ATTR_HAS_BIAS, Dim(1)},
        {RLX_ATTR_ALPHAS, std::vector<double>{0.5, 1, 1}}},
       {"f32[b, s, 16]", "f32[b, s, 4]", "f32[b, s, 4]"}},
      {"residual", RLX_OP_LINEAR, {"f32[b, 8]", "f32[8, 4]", "f32[b, 4]"}, residual, {"f32[b, 4]"}},
      {"open K", RLX_OP_LINEAR, {"f32[b, k]", "f32[8, 4]"}, {}, {"f32[b, 4]"}, {"8 == k"}},
      {"any axis", RLX_OP_SOFTMAX, {"f32[b, s]"}, {{RLX_ATTR_AXIS, Dim(0)}}, {"f32[b, s]"}},
      {"beta may be absent", RLX_OP_LAYER_NORM, {"f32[b, 8]", "f32[8]", "none"}, {}, {"f32[b, 8]"}},
      {"two axes", RLX_OP_LAYER_NORM, {"f32[b, 4, 8]", "f32[4, 8]", "f32[4, 8]"}, {{RLX_ATTR_AXIS, Dim(1)}}, {"f32[b, 4, 8]"}},
      {"the sum too", RLX_OP_LAYER_NORM, {"f32[b, 8]", "f32[b, 8]", "f32[8]", "f32[8]"}, residual, {"f32[b, 8]", "f32[b, 8]"}},
      {"the sum too", RLX_OP_RMS_NORM, {"bf16[b, 8]", "bf16[b, 8]", "bf16[8]"}, residual, {"bf16[b, 8]", "bf16[b, 8]"}},
      {"groups", RLX_OP_GROUP_NORM, {"f32[n, 8, h, w]", "f32[8]", "f32[8]"}, {{RLX_ATTR_GROUPS, Dim(4)}}, {"f32[n, 8, h, w]"}},
      {"open channels", RLX_OP_GROUP_NORM, {"f32[n, c, 3]", "f32[c]", "f32[c]"}, {{RLX_ATTR_GROUPS, Dim(4)}}, {"f32[n, c, 3]"},
       {"mod(c, 4) == 0"}},
      {"channel axis", RLX_OP_BATCH_NORM, {"f32[n, h, 3]", "f32[3]", "f32[3]", "f32[3]", "f32[3]"}, {{RLX_ATTR_AXIS, Dim(2)}},
       {"f32[n, h, 3]"}},
      {"same shape", RLX_OP_GATED_ACT, {"f32[b, 8]", "f32[b, 8]"}, {{RLX_ATTR_ACT, Dim(RLX_ACT_SILU)}}, {"f32[b, 8]"}},
      {"ids broadcast", RLX_OP_EMBED_NORM,
       {"i64[b, s]", "i64[1, s]", "i64[b, s]", "f32[v, 8]", "f32[512, 8]", "f32[2, 8]", "f32[8]", "f32[8]"},
       {{RLX_ATTR_PARTS, Dim(3)}}, {"f32[b, s, 8]"}},
      {"offsets", RLX_OP_SEGMENT_REDUCE, {"f32[rows, 8]", "i64[b + 1]"}, {{RLX_ATTR_FN, Dim(RLX_REDUCE_SUM)}}, {"f32[b, 8]"}},
  };
  for (const Row& row : rows) expect_row(row);
}

TEST(InferComposites, AttentionRopeAndWindows) {
  const std::vector<Row> rows{
      {"plain", RLX_OP_ATTENTION, {"f32[b, 12, s, 32]", "f32[b, 12, t, 32]", "f32[b, 12, t, 16]"}, {}, {"f32[b, 12, s, 16]"}},
      {"shared keys, lengths", RLX_OP_ATTENTION, {"f32[b, 8, s, 32]", "f32[b, 2, t, 32]", "f32[b, 2, t, 32]", "i64[b]"},
       {{RLX_ATTR_MASK_KIND, Dim(RLX_MASK_LENGTHS)}}, {"f32[b, 8, s, 32]"}},
      {"key mask", RLX_OP_ATTENTION, {"f32[b, 8, s, 32]", "f32[b, 8, t, 32]", "f32[b, 8, t, 32]", "bool[b, t]"},
       {{RLX_ATTR_MASK_KIND, Dim(RLX_MASK_KEY_BOOL)}}, {"f32[b, 8, s, 32]"}},
      {"bias of lower rank", RLX_OP_ATTENTION, {"f32[b, 8, s, 32]", "f32[b, 8, t, 32]", "f32[b, 8, t, 32]", "f32[8, 1, t]"},
       {{RLX_ATTR_MASK_KIND, Dim(RLX_MASK_BIAS)}}, {"f32[b, 8, s, 32]"}},
      {"open heads", RLX_OP_ATTENTION, {"f32[b, h, s, 32]", "f32[b, g, s, 32]", "f32[b, g, s, 32]"}, {}, {"f32[b, h, s, 32]"},
       {"g >= 1", "mod(h, g) == 0"}},
      {"table of positions", RLX_OP_ROPE, {"f32[b, h, s, 64]", "f32[p, 16]", "f32[p, 16]", "i64[b, s]"},
       {{RLX_ATTR_ROTARY_DIMS, Dim(32)}}, {"f32[b, h, s, 64]"}},
      {"by row", RLX_OP_ROPE, {"f32[b, h, s, 64]", "f32[s, 32]", "f32[b, s, 32]"}, {}, {"f32[b, h, s, 64]"}},
      {"all operands", RLX_OP_CONV_ACT, {"f32[n, 3, 8, 8]", "f32[4, 3, 3, 3]", "f32[4]", "f32[n, 4, 6, 6]"},
       {{RLX_ATTR_HAS_BIAS, Dim(1)}, {RLX_ATTR_HAS_RESIDUAL, Dim(1)}}, {"f32[n, 4, 6, 6]"}},
      {"pool", RLX_OP_AVG_POOL, {"f32[n, c, 9]"}, {{RLX_ATTR_WINDOW, Dims{3}}, {RLX_ATTR_STRIDES, Dims{3}}}, {"f32[n, c, 3]"}},
  };
  for (const Row& row : rows) expect_row(row);
}

TEST(InferComposites, WrongLinears) {
  const Attributes bias{{RLX_ATTR_HAS_BIAS, Dim(1)}};
  const Attributes residual{{RLX_ATTR_HAS_RESIDUAL, Dim(1)}};
  const std::vector<WrongRow> rows{
      {"K", RLX_OP_LINEAR, {"f32[2, 8]", "f32[9, 4]"}, {}, kShape, {"operand 1", "is 9", "wanted 8"}},
      {"count", RLX_OP_LINEAR, {"f32[2, 8]", "f32[8, 4]"}, bias, kModel, {"2 operands", "wanted 3"}},
      {"bias of one", RLX_OP_LINEAR, {"f32[2, 8]", "f32[8, 4]", "f32[1]"}, bias, kShape, {"operand 2", "is 1", "wanted 4"}},
      {"residual of lower rank", RLX_OP_LINEAR, {"f32[2, 3, 8]", "f32[8, 4]", "f32[3, 4]"}, residual, kShape, {"rank 2", "wanted rank 3"}},
      {"residual of parts", RLX_OP_LINEAR, {"f32[2, 8]", "f32[8, 4]", "f32[8, 4]", "f32[2, 4]"},
       {{RLX_ATTR_PARTS, Dim(2)}, {RLX_ATTR_HAS_RESIDUAL, Dim(1)}}, kAttr, {"2 parts"}},
      {"alphas", RLX_OP_LINEAR, {"f32[2, 8]", "f32[8, 4]"}, {{RLX_ATTR_ALPHAS, std::vector<double>{1, 2}}}, kAttr, {"2 reals", "wanted 1"}},
      {"dtypes", RLX_OP_LINEAR, {"f32[2, 8]", "f16[8, 4]"}, {}, kType, {"operand 1", "wanted dtype f32"}},
      {"layout", RLX_OP_LINEAR, {"f32[2, 8]", "f32[8, 4]"}, {{RLX_ATTR_W_LAYOUT, Dim(2)}}, kAttr, {"is 2"}},
  };
  for (const WrongRow& row : rows) expect_wrong(row);
}

TEST(InferComposites, WrongNorms) {
  const std::vector<WrongRow> rows{
      {"axis", RLX_OP_SOFTMAX, {"f32[2, 8]"}, {{RLX_ATTR_AXIS, Dim(2)}}, kAttr, {"is 2", "rank 2"}},
      {"integers", RLX_OP_SOFTMAX, {"i32[2, 8]"}, {}, kType, {"i32[2, 8]", "float"}},
      {"gamma", RLX_OP_LAYER_NORM, {"f32[2, 8]", "f32[4]", "f32[8]"}, {}, kShape, {"operand 1", "is 4", "wanted 8"}},
      {"gamma of one axis", RLX_OP_LAYER_NORM, {"f32[2, 4, 8]", "f32[8]", "f32[8]"}, {{RLX_ATTR_AXIS, Dim(1)}}, kShape, {"wanted rank 2"}},
      {"residual", RLX_OP_RMS_NORM, {"f32[2, 8]", "f32[1, 8]", "f32[8]"}, {{RLX_ATTR_HAS_RESIDUAL, Dim(1)}}, kShape, {"is 1", "wanted 2"}},
      {"eps", RLX_OP_RMS_NORM, {"f32[2, 8]", "f32[8]"}, {{RLX_ATTR_EPS, -1.0}}, kAttr, {"-1", "0 or more"}},
      {"groups", RLX_OP_GROUP_NORM, {"f32[2, 8, 3]", "f32[8]", "f32[8]"}, {{RLX_ATTR_GROUPS, Dim(3)}}, kShape, {"modulo 3", "is 2", "wanted 0"}},
      {"channels", RLX_OP_BATCH_NORM, {"f32[2, 8]", "f32[8]", "f32[8]", "f32[7]", "f32[8]"}, {}, kShape, {"operand 3", "is 7"}},
      {"shapes", RLX_OP_GATED_ACT, {"f32[2, 8]", "f32[2, 1]"}, {}, kShape, {"operand 1", "is 1", "wanted 8"}},
      {"widths", RLX_OP_EMBED_NORM, {"i64[2]", "i64[2]", "f32[9, 8]", "f32[9, 7]", "f32[8]", "f32[8]"}, {{RLX_ATTR_PARTS, Dim(2)}}, kShape, {"operand 3", "is 7", "wanted 8"}},
      {"ids", RLX_OP_EMBED_NORM, {"i64[2]", "i64[3]", "f32[9, 8]", "f32[9, 8]", "f32[8]", "f32[8]"}, {{RLX_ATTR_PARTS, Dim(2)}}, kShape, {"operand 1", "3", "2"}},
      {"offsets", RLX_OP_SEGMENT_REDUCE, {"f32[2, 8]", "i64[0]"}, {{RLX_ATTR_FN, Dim(1)}}, kShape, {"operand 1", "is 0", "wanted 1"}},
  };
  for (const WrongRow& row : rows) expect_wrong(row);
}

TEST(InferComposites, WrongAttentions) {
  const auto mask = [](std::uint32_t kind) { return Attributes{{RLX_ATTR_MASK_KIND, Dim(kind)}}; };
  const std::string q = "f32[2, 8, 5, 32]", k = "f32[2, 8, 7, 32]";
  const std::vector<WrongRow> rows{
      {"rank", RLX_OP_ATTENTION, {"f32[8, 5, 32]", k, k}, {}, kShape, {"operand 0", "wanted rank 4"}},
      {"head size", RLX_OP_ATTENTION, {q, "f32[2, 8, 7, 16]", k}, {}, kShape, {"axis 3 of operand 1", "is 16", "wanted 32"}},
      {"keys", RLX_OP_ATTENTION, {q, k, "f32[2, 8, 6, 32]"}, {}, kShape, {"axis 2 of operand 2", "is 6", "wanted 7"}},
      {"heads", RLX_OP_ATTENTION, {q, "f32[2, 3, 7, 32]", "f32[2, 3, 7, 32]"}, {}, kShape, {"modulo", "is 2", "wanted 0"}},
      {"no mask", RLX_OP_ATTENTION, {q, k, k}, mask(RLX_MASK_BOOL), kModel, {"3 operands", "wanted 4"}},
      {"mask dtype", RLX_OP_ATTENTION, {q, k, k, "f32[5, 7]"}, mask(RLX_MASK_BOOL), kType, {"operand 3", "bool"}},
      {"mask dims", RLX_OP_ATTENTION, {q, k, k, "bool[5, 5]"}, mask(RLX_MASK_BOOL), kShape, {"axis 1 of the mask", "is 5", "wanted 7"}},
      {"bias dtype", RLX_OP_ATTENTION, {q, k, k, "bool[5, 7]"}, mask(RLX_MASK_BIAS), kType, {"operand 3"}},
      {"key mask", RLX_OP_ATTENTION, {q, k, k, "bool[2, 5]"}, mask(RLX_MASK_KEY_BOOL), kShape, {"operand 3", "is 5", "wanted 7"}},
      {"lengths", RLX_OP_ATTENTION, {q, k, k, "i32[2]"}, mask(RLX_MASK_LENGTHS), kType, {"i64"}},
      {"kind", RLX_OP_ATTENTION, {q, k, k, "i64[2]"}, mask(5), kAttr, {"is 5", "wanted 0 to 4"}},
      {"window", RLX_OP_ATTENTION, {q, k, k}, {{RLX_ATTR_WINDOW_LEFT, Dim(-2)}}, kAttr, {"is -2"}},
      {"odd", RLX_OP_ROPE, {"f32[1, 1, 5, 8]", "f32[5, 1]", "f32[5, 1]"}, {{RLX_ATTR_ROTARY_DIMS, Dim(3)}}, kShape, {"modulo 2"}},
      {"too wide", RLX_OP_ROPE, {"f32[1, 1, 5, 8]", "f32[5, 5]", "f32[5, 5]"}, {{RLX_ATTR_ROTARY_DIMS, Dim(10)}}, kShape, {"is 8", "wanted 10"}},
      {"table", RLX_OP_ROPE, {"f32[1, 1, 5, 8]", "f32[6, 4]", "f32[5, 4]"}, {}, kShape, {"operand 1", "is 6", "wanted 5"}},
      {"positions", RLX_OP_ROPE, {"f32[1, 1, 5, 8]", "f32[6, 4]", "f32[6, 4]", "i64[1, 6]"}, {}, kShape, {"operand 3", "is 6", "wanted 5"}},
      {"bias", RLX_OP_CONV_ACT, {"f32[1, 3, 8]", "f32[4, 3, 3]", "f32[3]"}, {{RLX_ATTR_HAS_BIAS, Dim(1)}}, kShape, {"operand 2", "is 3", "wanted 4"}},
      {"residual", RLX_OP_CONV_ACT, {"f32[1, 3, 8]", "f32[4, 3, 3]", "f32[1, 4, 8]"}, {{RLX_ATTR_HAS_RESIDUAL, Dim(1)}}, kShape, {"operand 2", "is 8", "wanted 6"}},
      {"integers", RLX_OP_AVG_POOL, {"i32[1, 3, 8]"}, {{RLX_ATTR_WINDOW, Dims{2}}}, kType, {"i32[1, 3, 8]"}},
  };
  for (const WrongRow& row : rows) expect_wrong(row);
}

}  // namespace
}  // namespace rlx::test
