// SPDX-License-Identifier: Apache-2.0
// OPS-10: who sees whom in attention. Values tell their key, unseen keys carry large scores, NaN and infinities.
#include <cmath>
#include <limits>

#include "tools/conform/numeric/ops.h"

namespace rlx::conform {
namespace {

OpCase standing(const std::string& name) {
  for (const OpCase& each : all_op_cases())
    if (each.name == name) return each;
  return {};
}

std::vector<double> ramp(std::int64_t count, double start, double step) {
  std::vector<double> out;
  for (std::int64_t i = 0; i < count; ++i) out.push_back(start + step * static_cast<double>(i));
  return out;
}

/// q and k such that every score is `scale` times the key's number: a mask that lowers instead of leaving out shows.
void add_large(std::vector<OpCase>& out, const OpCase& base) {
  OpCase op_case = base;
  op_case.name += "/large";
  Sizes key = base.operands[1].dims;
  op_case.operands[0].fill.reals = {1};
  op_case.operands[1].fill.reals.clear();
  const auto groups = key[0] * key[1];
  for (std::int64_t g = 0; g < groups; ++g)
    for (std::int64_t j = 0; j < key[2]; ++j)
      op_case.operands[1].fill.reals.insert(op_case.operands[1].fill.reals.end(), static_cast<std::size_t>(key[3]), static_cast<double>((j * 5 + g) % key[2]) * 2);
  out.push_back(std::move(op_case));
}

/// Scores all equal, so that the result is the mean of the values seen, and values tell head and key.
void add_coded(std::vector<OpCase>& out, const OpCase& base) {
  OpCase op_case = base;
  op_case.name += "/coded";
  op_case.operands[0].fill.reals = {0};
  op_case.operands[2].fill.reals = ramp(std::min<std::int64_t>(reference::element_count(base.operands[2].dims), 200), 1, 1);
  out.push_back(std::move(op_case));
}

/// What no query sees is NaN or infinite, in keys and values.
void add_unseen(std::vector<OpCase>& out, const OpCase& base, std::int64_t first_unseen, std::int64_t end = INT64_MAX) {
  OpCase op_case = base;
  op_case.name += end == INT64_MAX ? "/unseen_nan" : "/partly_seen_nan";
  for (const std::size_t i : {1, 2}) {
    OperandCase& operand = op_case.operands[i];
    operand.fill.reals.clear();
    const std::int64_t width = operand.dims[3], keys = operand.dims[2];
    for (std::int64_t j = 0; j < keys; ++j)
      for (std::int64_t d = 0; d < width; ++d)
        operand.fill.reals.push_back(j >= first_unseen && j < end ? (d % 2 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN())
                                                       : 0.25 * static_cast<double>((j * 7 + d * 3) % 11) - 1);
  }
  out.push_back(std::move(op_case));
}

OpCase with_mask(OpCase op_case, const char* name, std::int64_t kind, OperandCase mask, std::int64_t causal = RLX_CAUSAL_NONE) {
  op_case.name = "attention/" + std::string(dtype_name(op_case.dtype())) + "/" + name;
  op_case.attributes[RLX_ATTR_MASK_KIND] = number(kind);
  op_case.attributes[RLX_ATTR_CAUSAL] = number(causal);
  op_case.operands.resize(3);
  op_case.operands.push_back(std::move(mask));
  return op_case;
}

void rows_of_none(std::vector<OpCase>& out, DType dtype) {
  const OpCase plain = standing("attention/" + std::string(dtype_name(dtype)) + "/plain");  // 2 2 5 7
  out.push_back(with_mask(plain, "all_masked_row", RLX_MASK_BOOL, given(DType::kBool, {5, 7}, {1, 0, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0})));
  out.push_back(with_mask(plain, "all_masked", RLX_MASK_BOOL, given(DType::kBool, {1, 1}, {0})));
  out.push_back(with_mask(plain, "no_length", RLX_MASK_LENGTHS, given(DType::kI64, {2}, {0, 7})));
  out.push_back(with_mask(plain, "length_1", RLX_MASK_LENGTHS, given(DType::kI64, {2}, {1, 3})));
  out.push_back(with_mask(plain, "length_causal_short", RLX_MASK_LENGTHS, given(DType::kI64, {2}, {2, 7}), RLX_CAUSAL_LENGTH));
  out.push_back(with_mask(plain, "keys_none", RLX_MASK_KEY_BOOL, given(DType::kBool, {2, 7}, {0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 1})));
  OpCase bias = with_mask(plain, "bias_minus_infinity", RLX_MASK_BIAS, operand(dtype, {5, 7}));
  bias.operands[3].fill.reals.assign(35, 0);
  for (const std::size_t i : {1, 3, 7, 8, 9, 10, 11, 12, 13, 20, 27}) bias.operands[3].fill.reals[i] = -std::numeric_limits<double>::infinity();
  out.push_back(bias);
  OpCase packed = standing("attention/" + std::string(dtype_name(dtype)) + "/seq_offsets");
  packed.name += "_gap_before";
  packed.operands[3] = given(DType::kI32, {4}, {2, 2, 7, 9});
  out.push_back(packed);
  packed.name = "attention/" + std::string(dtype_name(dtype)) + "/seq_offsets_one";
  packed.operands[3] = given(DType::kI64, {2}, {0, 12});
  out.push_back(packed);
}

}  // namespace

const CaseList& masks() {
  static const CaseList list([] {
    std::vector<OpCase> out;
    for (const DType dtype : float_dtypes()) {
      std::vector<OpCase> some;
      const std::string type(dtype_name(dtype));
      for (const OpCase& each : all_op_cases()) {
        if (each.op != RLX_OP_ATTENTION || each.dtype() != dtype || each.name.ends_with("/long")) continue;
        add_large(some, each);
        add_coded(some, each);
      }
      rows_of_none(some, dtype);
      add_unseen(some, with_mask(standing("attention/" + type + "/lengths_causal"), "lengths_short", RLX_MASK_LENGTHS, given(DType::kI64, {4}, {5, 4, 3, 5})), 5);
      add_unseen(some, with_mask(standing("attention/" + type + "/mask_bool"), "mask_bool_end", RLX_MASK_BOOL, given(DType::kBool, {1, 7}, {1, 1, 0, 1, 1, 0, 0})), 5);
      add_unseen(some, with_mask(standing("attention/" + type + "/key_bool"), "key_bool_end", RLX_MASK_KEY_BOOL, given(DType::kBool, {3, 9}, {1, 0, 1, 1, 1, 1, 0, 0, 0})), 6);
      add_unseen(some, standing("attention/" + type + "/causal_top_left"), 4);
      add_unseen(some, standing("attention/" + type + "/causal_top_left"), 2, 3);
      add_unseen(some, standing("attention/" + type + "/window"), 5, 6);
      add_unseen(some, standing("attention/" + type + "/seq_offsets_causal"), 7, 8);
      for (OpCase& each : some) {
        each.effort = dtype == DType::kF32 ? 0 : 1;
        out.push_back(std::move(each));
      }
    }
    return out;
  }());
  return list;
}

}  // namespace rlx::conform
