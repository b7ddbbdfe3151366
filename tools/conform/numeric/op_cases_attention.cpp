// SPDX-License-Identifier: Apache-2.0
// attention: heads, masks, lengths, offsets, windows.
#include "tools/conform/numeric/op_cases.h"

namespace rlx::conform {
namespace {

struct AttentionCase {
  const char* name;
  std::int64_t batch, heads, kv_heads, queries, keys, width, value_width;
  std::int64_t causal, left, right, mask;
  Sizes mask_dims;
  double softcap;
};

const AttentionCase kCases[] = {
    {"plain", 2, 2, 2, 5, 7, 16, 16, RLX_CAUSAL_NONE, -1, -1, RLX_MASK_NONE, {}, 0},
    {"value_width", 1, 3, 3, 9, 9, 8, 24, RLX_CAUSAL_NONE, -1, -1, RLX_MASK_NONE, {}, 0},
    {"grouped", 2, 6, 2, 4, 9, 8, 8, RLX_CAUSAL_NONE, -1, -1, RLX_MASK_NONE, {}, 0},
    {"one_kv_head", 1, 4, 1, 3, 17, 8, 8, RLX_CAUSAL_BOTTOM_RIGHT, -1, -1, RLX_MASK_NONE, {}, 0},
    {"causal", 1, 2, 2, 9, 9, 8, 8, RLX_CAUSAL_TOP_LEFT, -1, -1, RLX_MASK_NONE, {}, 0},
    {"causal_more_queries", 1, 2, 1, 9, 5, 8, 8, RLX_CAUSAL_BOTTOM_RIGHT, -1, -1, RLX_MASK_NONE, {}, 0},
    {"causal_more_keys", 2, 2, 2, 3, 11, 8, 8, RLX_CAUSAL_BOTTOM_RIGHT, -1, -1, RLX_MASK_NONE, {}, 0},
    {"causal_top_left", 1, 2, 2, 4, 9, 8, 8, RLX_CAUSAL_TOP_LEFT, -1, -1, RLX_MASK_NONE, {}, 0},
    {"window", 1, 2, 2, 13, 13, 8, 8, RLX_CAUSAL_NONE, 3, 1, RLX_MASK_NONE, {}, 0},
    {"window_causal", 1, 2, 2, 13, 13, 8, 8, RLX_CAUSAL_TOP_LEFT, 4, -1, RLX_MASK_NONE, {}, 0},
    {"window_left_0", 1, 1, 1, 6, 6, 8, 8, RLX_CAUSAL_NONE, 0, 0, RLX_MASK_NONE, {}, 0},
    {"mask_bool", 2, 2, 2, 5, 7, 8, 8, RLX_CAUSAL_NONE, -1, -1, RLX_MASK_BOOL, {2, 1, 5, 7}, 0},
    {"mask_bool_shared", 2, 2, 1, 5, 7, 8, 8, RLX_CAUSAL_NONE, -1, -1, RLX_MASK_BOOL, {5, 7}, 0},
    {"mask_bias", 2, 2, 2, 5, 7, 8, 8, RLX_CAUSAL_NONE, -1, -1, RLX_MASK_BIAS, {1, 2, 5, 7}, 0},
    {"mask_bias_causal", 1, 4, 2, 6, 6, 8, 8, RLX_CAUSAL_TOP_LEFT, -1, -1, RLX_MASK_BIAS, {1, 1, 1, 6}, 0},
    {"key_bool", 3, 2, 2, 4, 9, 8, 8, RLX_CAUSAL_NONE, -1, -1, RLX_MASK_KEY_BOOL, {3, 9}, 0},
    {"lengths", 4, 2, 2, 5, 9, 8, 8, RLX_CAUSAL_NONE, -1, -1, RLX_MASK_LENGTHS, {4}, 0},
    {"lengths_causal", 4, 2, 1, 3, 9, 8, 8, RLX_CAUSAL_LENGTH, -1, -1, RLX_MASK_LENGTHS, {4}, 0},
    {"seq_offsets", 1, 2, 2, 12, 12, 8, 8, RLX_CAUSAL_NONE, -1, -1, RLX_MASK_SEQ_OFFSETS, {4}, 0},
    {"seq_offsets_causal", 1, 4, 2, 12, 12, 8, 8, RLX_CAUSAL_TOP_LEFT, -1, -1, RLX_MASK_SEQ_OFFSETS, {4}, 0},
    {"softcap", 1, 2, 2, 5, 7, 8, 8, RLX_CAUSAL_NONE, -1, -1, RLX_MASK_NONE, {}, 3},
    {"long", 1, 2, 2, 33, 130, 40, 40, RLX_CAUSAL_BOTTOM_RIGHT, -1, -1, RLX_MASK_NONE, {}, 0},
};

OperandCase mask_operand(const AttentionCase& c, DType dtype) {
  if (c.mask == RLX_MASK_BOOL || c.mask == RLX_MASK_KEY_BOOL) return given(DType::kBool, c.mask_dims, {1, 0, 1, 1, 1, 0, 0, 1, 1, 0, 1});
  if (c.mask == RLX_MASK_BIAS) return operand(dtype, c.mask_dims);
  if (c.mask == RLX_MASK_LENGTHS) return given(DType::kI64, c.mask_dims, {c.keys, 3, 5, 4});
  return given(DType::kI64, c.mask_dims, {0, 5, 6, 11});
}

}  // namespace

void attention_cases(std::vector<OpCase>& out) {
  for (const DType dtype : float_dtypes())
    for (const AttentionCase& c : kCases) {
      OpCase attention = {.name = "attention/" + std::string(dtype_name(dtype)) + "/" + c.name, .op = RLX_OP_ATTENTION,
                          .operands = {operand(dtype, {c.batch, c.heads, c.queries, c.width}), operand(dtype, {c.batch, c.kv_heads, c.keys, c.width}),
                                       operand(dtype, {c.batch, c.kv_heads, c.keys, c.value_width})},
                          .attributes = {{RLX_ATTR_CAUSAL, number(c.causal)}, {RLX_ATTR_WINDOW_LEFT, number(c.left)}, {RLX_ATTR_WINDOW_RIGHT, number(c.right)}, {RLX_ATTR_MASK_KIND, number(c.mask)}},
                          .product = true, .effort = dtype == DType::kF32 ? 0 : 1};
      if (c.softcap > 0) attention.attributes[RLX_ATTR_SOFTCAP] = c.softcap;
      if (c.mask != RLX_MASK_NONE) attention.operands.push_back(mask_operand(c, dtype));
      if (&c == &kCases[0]) {
        OpCase scaled = attention;
        scaled.name += "_scale";
        scaled.attributes[RLX_ATTR_SCALE] = 0.7;
        out.push_back(std::move(scaled));
      }
      out.push_back(std::move(attention));
    }
}

}  // namespace rlx::conform
