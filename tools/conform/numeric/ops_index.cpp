// SPDX-License-Identifier: Apache-2.0
// OPS-08: indices in and out of range under every policy. OPS-09: answers that jump: rounding, ties, choices of computed values.
#include <cmath>
#include <limits>

#include "tools/conform/numeric/ops.h"

namespace rlx::conform {
namespace {

constexpr std::int64_t kPast32 = (std::int64_t{1} << 32) + 1;  // 1, to who looks at 32 bits

struct IndexCase {
  const char* name;
  std::vector<std::int64_t> indices;
  bool wide;       ///< needs i64
  bool negatives;  ///< some are negative and in range from the end
  bool outside;    ///< some are out of range without NEGATIVE_INDICES
  bool beyond;     ///< some are out of range in any case
};
const IndexCase kIndices[] = {
    {"inside", {4, 0, 2, 2, 3, 1, 4}, false, false, false, false},
    {"negative", {-1, 0, -5, 2, -3, 1, 4}, false, true, true, false},
    {"outside", {5, 0, 2, 1, 3, 9, 4}, false, false, true, true},
    {"below", {-6, 0, 2, 1, -100, 3, 4}, false, true, true, true},
    {"past_32_bits", {kPast32, 0, 2, 1, 3, 1, 4}, true, false, true, true},
    {"past_32_bits_below", {-kPast32, 0, 2, 1, 3, 1, 4}, true, true, true, true},
    {"extreme", {INT64_MAX, 0, 2, 1, INT64_MIN, 3, 4}, true, true, true, true},
    {"extreme_32", {INT32_MAX, 0, 2, 1, INT32_MIN, 3, 4}, false, true, true, true},
};

constexpr const char* kPolicies[] = {"error", "clamp", "zero"};

/// A standing case whose axis under the indices has 5 elements, with these indices.
void with_indices(std::vector<OpCase>& out, const OpCase& base, std::size_t operand, bool zero_allowed) {
  for (const IndexCase& indices : kIndices)
    for (const DType type : {DType::kI64, DType::kI32})
      for (std::int64_t policy = RLX_INDEX_ERROR; policy <= (zero_allowed ? RLX_INDEX_ZERO : RLX_INDEX_CLAMP); ++policy)
        for (const std::int64_t negatives : {0, 1}) {
          if (indices.wide && type == DType::kI32) continue;
          OpCase op_case = base;
          op_case.name = base.name + "/" + indices.name + "_" + std::string(dtype_name(type)) + "_" + kPolicies[policy] + (negatives ? "_negatives" : "");
          op_case.operands[operand].dtype = type;
          op_case.operands[operand].fill.integers = indices.indices;
          op_case.attributes[RLX_ATTR_INDEX_POLICY] = number(policy);
          op_case.attributes[RLX_ATTR_NEGATIVE_INDICES] = number(negatives);
          const bool bad = negatives ? indices.beyond : indices.outside;
          op_case.refused = policy == RLX_INDEX_ERROR && bad;
          op_case.effort = base.op == RLX_OP_GATHER && (type == DType::kI64 || indices.outside) ? 0 : 1;
          out.push_back(std::move(op_case));
        }
}

OpCase standing(const std::string& name) {
  for (const OpCase& each : all_op_cases())
    if (each.name == name) return each;
  return {};
}

OpCase resized(const std::string& name, std::vector<Sizes> dims) {
  OpCase op_case = standing(name);
  for (std::size_t i = 0; i < dims.size(); ++i) op_case.operands[i].dims = dims[i];
  return op_case;
}

/// Starts of dynamic slices; a block of 3x4 of 5x6.
void slices(std::vector<OpCase>& out) {
  const std::pair<const char*, std::vector<std::int64_t>> starts[] = {{"inside", {2, 2}}, {"past", {3, 1}}, {"below", {0, -1}}, {"far", {INT64_MAX, 0}}, {"low", {INT64_MIN, 2}}, {"past_32_bits", {kPast32, 0}}};
  for (const auto& [name, start] : starts)
    for (const std::int64_t policy : {RLX_INDEX_ERROR, RLX_INDEX_CLAMP}) {
      const std::string text = std::string(name) + "_" + kPolicies[policy];
      const bool bad = policy == RLX_INDEX_ERROR && text.rfind("inside", 0) != 0;
      out.push_back({.name = "dynamic_slice/f32/" + text, .op = RLX_OP_DYNAMIC_SLICE, .operands = {operand(DType::kF32, {5, 6}), given(DType::kI64, {2}, start)},
                     .attributes = {{RLX_ATTR_SIZES, integers({3, 4})}, {RLX_ATTR_INDEX_POLICY, number(policy)}}, .exact = true, .refused = bad, .effort = 0});
      out.push_back({.name = "dynamic_update_slice/f32/" + text, .op = RLX_OP_DYNAMIC_UPDATE_SLICE,
                     .operands = {operand(DType::kF32, {5, 6}), operand(DType::kF32, {3, 4}), given(DType::kI64, {2}, start)},
                     .attributes = {{RLX_ATTR_INDEX_POLICY, number(policy)}}, .exact = true, .refused = bad, .effort = 0});
    }
}

void refusals(std::vector<OpCase>& out) {
  OpCase rope = standing("rope/f32/positions");
  rope.name += "/past";
  rope.operands[3] = given(DType::kI64, {2, 5}, {0, 1, 2, 3, 9, 0, 1, 2, 3, 4});
  OpCase segments = standing("segment_reduce.sum/f32/i64");
  segments.name += "/past";
  segments.operands[1] = given(DType::kI64, {5}, {0, 3, 3, 10, 12});
  OpCase descending = segments;
  descending.name = "segment_reduce.sum/f32/i64/descending";
  descending.operands[1] = given(DType::kI64, {5}, {0, 4, 3, 10, 11});
  OpCase offsets = standing("attention/f32/seq_offsets");
  offsets.name += "/past";
  offsets.operands[3] = given(DType::kI64, {4}, {0, 5, 6, 13});
  OpCase back = offsets;
  back.name = "attention/f32/seq_offsets/descending";
  back.operands[3] = given(DType::kI64, {4}, {0, 7, 6, 12});
  for (OpCase* each : {&rope, &segments, &descending, &offsets, &back}) {
    each->refused = true;
    each->effort = 0;
    out.push_back(std::move(*each));
  }
}

// ---- OPS-09 ----

void halves(std::vector<OpCase>& out) {
  for (const DType dtype : float_dtypes())
    for (const PointwiseFunction& function : unary_functions()) {
      if (function.fn != RLX_UNARY_ROUND_EVEN && function.fn != RLX_UNARY_FLOOR && function.fn != RLX_UNARY_CEIL && function.fn != RLX_UNARY_TRUNC) continue;
      OpCase op_case = unary_case(function, dtype, {4, 8});
      op_case.name += "/halves";
      op_case.operands[0].fill.reals = {0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 3.5, -3.5, 0.49, -0.49, 0.51, -0.51, 1, -1, 2, -2, 1.01, 0.99, 100.5, 101.5, -100.5, 126.5, 127.5, -127.5, 1023.5, 2.25, 2.75, 0, -0.0, 7.5, 8.5, 1e4};
      op_case.effort = dtype == DType::kF32 ? 0 : 1;
      out.push_back(op_case);
    }
}

void ties(std::vector<OpCase>& out) {
  for (const OpCase& each : all_op_cases()) {
    if (each.op != RLX_OP_ARG_REDUCE && each.op != RLX_OP_TOP_K) continue;
    OpCase op_case = each;
    op_case.name += "/ties";
    op_case.operands[0].fill.reals = {1, 3, 2, 3, 3, 0, 1};
    op_case.operands[0].fill.integers = {1, 3, 2, 3, 3, 0, 1};
    op_case.effort = each.dtype() == DType::kF32 ? 0 : 1;
    out.push_back(op_case);
    op_case.name = each.name + "/all_equal";
    op_case.operands[0].fill.reals = {2};
    op_case.operands[0].fill.integers = {2};
    out.push_back(op_case);
    if (!is_float(each.dtype())) continue;
    op_case.name = each.name + "/zeros";  // -0 equals 0
    op_case.operands[0].fill.reals = {0.0, -0.0, -1, 0.0, -0.0};
    out.push_back(op_case);
  }
}

}  // namespace

const CaseList& index_policies() {
  static const CaseList list([] {
    std::vector<OpCase> out;
    with_indices(out, resized("gather/f32/axis0", {{5, 3}, {7}}), 1, true);
    with_indices(out, resized("gather/i64/axis1", {{2, 5, 3}, {7}}), 1, true);
    with_indices(out, resized("gather_elements/f32/axis0", {{5, 1}, {7, 1}}), 1, true);
    with_indices(out, resized("gather_nd/f32/k1", {{5, 3}, {7, 1}}), 1, true);
    for (const char* reduce : {"set", "add"}) {
      with_indices(out, resized(std::string("scatter_elements/f32/") + reduce + "_axis0", {{5, 1}, {7, 1}, {7, 1}}), 1, false);
      with_indices(out, resized(std::string("scatter_nd/f32/") + reduce + "_rows", {{5, 3}, {7, 1}, {7, 3}}), 1, false);
    }
    OpCase embed = resized("embed_norm/f32/1_tables", {{7}, {5, 33}});
    embed.operands[1].dims = {5, 33};
    with_indices(out, embed, 0, true);
    slices(out);
    refusals(out);
    return out;
  }());
  return list;
}

const CaseList& jumps() {
  static const CaseList list([] {
    std::vector<OpCase> out;
    halves(out);
    ties(out);
    return out;
  }());
  return list;
}

// ---- OPS-09: what jumps, after what is computed -------------------------------------------------------------------------

namespace {

struct Chain {
  const char* name;
  std::uint32_t curve;  ///< of unary
  Opcode then;
  Attributes attributes;
  bool tied = false;  ///< in half of the rows the second half repeats the first
};
const Chain kChains[] = {
    {"exp_round", RLX_UNARY_EXP, RLX_OP_UNARY, {{RLX_ATTR_FN, number(RLX_UNARY_ROUND_EVEN)}}},
    {"exp_floor", RLX_UNARY_EXP, RLX_OP_UNARY, {{RLX_ATTR_FN, number(RLX_UNARY_FLOOR)}}},
    {"exp_cast", RLX_UNARY_EXP, RLX_OP_CAST, {{RLX_ATTR_TO, DType::kI32}}},
    {"sigmoid_argmax", RLX_UNARY_SIGMOID, RLX_OP_ARG_REDUCE, {{RLX_ATTR_FN, number(RLX_REDUCE_MAX)}, {RLX_ATTR_AXIS, number(1)}, {RLX_ATTR_KEEP, number(0)}, {RLX_ATTR_TIE, number(0)}}},
    {"tanh_top_k", RLX_UNARY_TANH, RLX_OP_TOP_K, {{RLX_ATTR_K, number(4)}, {RLX_ATTR_AXIS, number(1)}, {RLX_ATTR_LARGEST, number(1)}, {RLX_ATTR_SORTED, number(1)}}},
    {"sigmoid_argmax_tied", RLX_UNARY_SIGMOID, RLX_OP_ARG_REDUCE, {{RLX_ATTR_FN, number(RLX_REDUCE_MAX)}, {RLX_ATTR_AXIS, number(1)}, {RLX_ATTR_KEEP, number(0)}, {RLX_ATTR_TIE, number(0)}}, true},
    {"tanh_top_k_tied", RLX_UNARY_TANH, RLX_OP_TOP_K, {{RLX_ATTR_K, number(4)}, {RLX_ATTR_AXIS, number(1)}, {RLX_ATTR_LARGEST, number(1)}, {RLX_ATTR_SORTED, number(1)}}, true},
};

OpCase first_of(const Chain& chain, DType dtype) {
  return {.name = chain.name, .op = RLX_OP_UNARY, .fn = chain.curve, .operands = {operand(dtype, {6, 35})}, .attributes = {{RLX_ATTR_FN, number(chain.curve)}}};
}
OpCase second_of(const Chain& chain, DType dtype) {
  const auto fn = chain.attributes.find(RLX_ATTR_FN);
  return {.name = chain.name, .op = chain.then, .fn = fn == chain.attributes.end() ? 0 : static_cast<std::uint32_t>(std::get<Dim>(fn->second).number()),
          .operands = {operand(dtype, {6, 35})}, .attributes = chain.attributes};
}

/// Of 6 rows of 35 the first 3 hold their first 17 elements twice.
void tie(std::string& bytes) {
  const std::size_t width = bytes.size() / (6 * 35);
  for (std::size_t row = 0; row < 3; ++row) bytes.replace((row * 35 + 17) * width, 17 * width, bytes, row * 35 * width, 17 * width);
}

}  // namespace

std::vector<std::string> jump_keys(const Facts& facts, int effort) {
  std::vector<std::string> keys = jumps().keys(facts, effort);
  for (const DType dtype : float_dtypes())
    for (const Chain& chain : kChains)
      if ((effort > 0 || dtype == DType::kF32) && covers(facts, first_of(chain, dtype)) && covers(facts, second_of(chain, dtype)))
        keys.push_back("chain/" + std::string(dtype_name(dtype)) + "/" + chain.name);
  return keys;
}

Result<NumericCase> jump_case(const std::string& key, std::uint64_t seed, const Facts& facts) {
  if (key.rfind("chain/", 0) != 0) return case_of<jumps>(key, seed, facts);
  const std::size_t slash = key.rfind('/');
  const DType dtype = dtype_from_name(key.substr(6, slash - 6));
  for (const Chain& chain : kChains) {
    if (key.substr(slash + 1) != chain.name) continue;
    ImageBuilder builder;
    const OpCase first = first_of(chain, dtype), second = second_of(chain, dtype);
    const auto operands = add_operands(builder, first);
    RLX_ASSIGN(const auto between, append_op(builder, first, operands, ""));
    RLX_TRY(append_op(builder, second, between));
    NumericCase made;
    RLX_ASSIGN(const lir::Image image, builder.image());
    made.image = bytes_of(image);
    Random random(seed);
    made.inputs = {fill_operand(first.operands[0], Data::kTame, random)};
    if (chain.tied) tie(made.inputs[0]);
    return made;
  }
  return fail(ErrorCode::kInvalidArgument, "no case `", key, "`");
}

}  // namespace rlx::conform
