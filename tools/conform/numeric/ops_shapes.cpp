// SPDX-License-Identifier: Apache-2.0
// OPS-05 broadcasting, OPS-06 extents, OPS-07 axes and permutations.
#include <algorithm>
#include <numeric>

#include "tools/conform/numeric/ops.h"

namespace rlx::conform {
namespace {

const PointwiseFunction& function_of(std::span<const PointwiseFunction> functions, std::uint32_t fn) {
  return *std::find_if(functions.begin(), functions.end(), [&](const PointwiseFunction& each) { return each.fn == fn; });
}

OpCase binary(std::uint32_t fn, DType dtype, Sizes a, Sizes b) { return binary_case(function_of(binary_functions(), fn), dtype, std::move(a), std::move(b)); }

/// The first of the standing list with that name.
OpCase standing(const std::string& name) {
  for (const OpCase& each : all_op_cases())
    if (each.name == name) return each;
  return {};
}

/// A standing case with other dims of its operands.
void resized(std::vector<OpCase>& out, const std::string& name, std::vector<Sizes> dims, int effort, Attributes changed = {}) {
  OpCase op_case = standing(name);
  if (op_case.op == 0) return;
  for (std::size_t i = 0; i < dims.size(); ++i) op_case.operands[i].dims = dims[i];
  for (const auto& [key, value] : changed) op_case.attributes[key] = value;
  for (const Sizes& each : dims) op_case.name += "/" + dims_text(each);
  op_case.effort = effort;
  out.push_back(std::move(op_case));
}

// ---- OPS-05 ----

const std::pair<Sizes, Sizes> kPairs[] = {
    {{}, {}},           {{1}, {1}},         {{7}, {1}},         {{1}, {7}},          {{5, 7}, {1, 7}},       {{5, 7}, {5, 1}},       {{5, 7}, {1, 1}},     {{1, 7}, {5, 7}},
    {{5, 1}, {5, 7}},   {{1, 1}, {5, 7}},   {{5, 1}, {1, 7}},   {{1, 7}, {5, 1}},    {{8, 8}, {1, 8}},       {{8, 8}, {8, 1}},       {{1, 8}, {8, 8}},     {{8, 1}, {8, 8}},
    {{3, 1, 4}, {1, 5, 1}}, {{1, 5, 1}, {3, 1, 4}}, {{3, 5, 4}, {1, 5, 1}}, {{3, 5, 4}, {3, 1, 1}}, {{3, 5, 4}, {1, 1, 4}}, {{2, 1, 3, 1}, {1, 4, 1, 5}}, {{16, 33}, {1, 33}}, {{16, 33}, {16, 1}},
    {{0, 1}, {1, 7}},   {{5, 1}, {1, 0}},
};

void broadcasts(std::vector<OpCase>& out) {
  for (const DType dtype : number_dtypes())
    for (const auto& [a, b] : kPairs) {
      OpCase op_case = binary(RLX_BINARY_SUB, dtype, a, b);
      op_case.effort = dtype == DType::kF32 ? 0 : 1;
      out.push_back(op_case);
      if (dtype != DType::kF32 && dtype != DType::kI64) continue;
      OpCase compare = standing("compare.lt/" + std::string(dtype_name(dtype)));
      compare.name += "/" + dims_text(a) + "_" + dims_text(b);
      compare.operands[0].dims = a;
      compare.operands[1].dims = b;
      compare.effort = 1;
      out.push_back(compare);
      OpCase select = standing("select/" + std::string(dtype_name(dtype)));
      select.name += "/" + dims_text(a) + "_" + dims_text(b);
      select.operands[0].dims = a;
      select.operands[1].dims = b;
      select.operands[2].dims = Sizes(a.size(), 1);
      select.effort = 1;
      out.push_back(select);
    }
}

}  // namespace

const CaseList& broadcasting() {
  static const CaseList list([] {
    std::vector<OpCase> out;
    broadcasts(out);
    resized(out, "linear/f32/square", {{8, 8}, {8, 8}}, 0);
    resized(out, "linear/f32/nk_bias", {{8, 8}, {8, 8}, {8}}, 0);
    resized(out, "dot/f32/square", {{8, 8}, {8, 8}}, 0);
    resized(out, "dot/f32/nk", {{8, 8}, {8, 8}}, 0);
    return out;
  }());
  return list;
}

// ---- OPS-06 ----

namespace {

void empties(std::vector<OpCase>& out) {
  for (const Sizes& dims : {Sizes{0}, Sizes{0, 4}, Sizes{4, 0}, Sizes{3, 0, 2}}) {
    out.push_back(binary(RLX_BINARY_ADD, DType::kF32, dims, dims));
    out.push_back(unary_case(function_of(unary_functions(), RLX_UNARY_EXP), DType::kF32, dims));
    out.push_back(act_case(function_of(act_functions(), RLX_ACT_SILU), DType::kF32, dims));
    resized(out, "compare.lt/f32", {dims, dims}, 0);
    resized(out, "select/f32", {dims, dims, dims}, 0);
    resized(out, "cast/f32/i32", {dims}, 0);
  }
  for (const char* fn : {"sum", "prod", "max", "min"}) {
    resized(out, std::string("reduce.") + fn + "/f32/axis1", {{3, 0, 5}}, 0);
    resized(out, std::string("reduce.") + fn + "/i32/all", {{0, 4, 5}}, 0);
    resized(out, std::string("reduce.") + fn + "/f32/axis1", {{0, 4, 5}}, 0);
    resized(out, std::string("segment_reduce.") + fn + "/f32/i64", {{11, 0}, {5}}, 0);
    resized(out, std::string("cumulate.") + fn + "/f32/axis2", {{3, 4, 0}}, 0);
  }
  for (const char* fn : {"all", "any"}) resized(out, std::string("reduce.") + fn + "/bool/axis1", {{3, 0, 5}}, 0);
  resized(out, "copy/f32/5x7x3", {{5, 0, 3}}, 0);
  resized(out, "iota/f32/axis1", {}, 0, {{RLX_ATTR_DIMS, integers({4, 0})}});
  resized(out, "concat/f32/axis1_of3", {{3, 0, 2}, {3, 0, 2}, {3, 0, 2}}, 0);
  resized(out, "pad/f32/const", {{0, 5, 6}, {}}, 0);
  resized(out, "gather/f32/axis0", {{9, 5}, {0, 3}}, 0);
  resized(out, "gather/f32/axis0", {{9, 0}, {2, 3}}, 0);
  resized(out, "gather_nd/f32/k1", {{5, 6}, {0, 1}}, 0);
  resized(out, "gather_elements/f32/axis0", {{4, 4, 5}, {0, 4, 5}}, 0);
  resized(out, "scatter_elements/f32/add_axis0", {{5, 5}, {0, 5}, {0, 5}}, 0);
  resized(out, "scatter_nd/f32/set_rows", {{4, 6}, {0, 1}, {0, 6}}, 0);
  resized(out, "top_k/f32/axis2_largest", {{5, 6, 19}}, 0, {{RLX_ATTR_K, number(0)}});
  resized(out, "arg_reduce.max/f32/axis2_first", {{0, 5, 19}}, 0);
  resized(out, "nonzero/f32/4x5", {{0, 5}}, 0, {{RLX_ATTR_CAP, number(0)}});
  for (const DType dtype : {DType::kF32, DType::kI32, DType::kF16}) {
    const std::string type(dtype_name(dtype));
    resized(out, "dot/" + type + "/5x17x19", {{5, 0}, {0, 19}}, dtype == DType::kF32 ? 0 : 1);
    resized(out, "dot/" + type + "/5x17x19", {{0, 17}, {17, 19}}, dtype == DType::kF32 ? 0 : 1);
    resized(out, "dot/" + type + "/5x17x19", {{5, 17}, {17, 0}}, dtype == DType::kF32 ? 0 : 1);
  }
  resized(out, "linear/f32/kn", {{5, 0}, {0, 19}}, 0);
  resized(out, "linear/f32/nk_bias", {{7, 0}, {35, 0}, {35}}, 0);
  resized(out, "linear/f32/nk_bias", {{0, 33}, {35, 33}, {35}}, 0);
  resized(out, "conv/f32/1d", {{0, 3, 17}, {4, 3, 3}}, 0);
  resized(out, "conv/f32/1d", {{2, 0, 17}, {4, 0, 3}}, 0);
  resized(out, "softmax/f32/5x33_axis1", {{0, 33}}, 0);
  resized(out, "softmax/f32/5x33_axis1", {{5, 0}}, 0);
  resized(out, "layer_norm/f32/rows", {{0, 33}, {33}, {33}}, 0);
  resized(out, "rms_norm/f32/rows", {{0, 33}, {33}}, 0);
  resized(out, "attention/f32/plain", {{2, 2, 0, 16}, {2, 2, 7, 16}, {2, 2, 7, 16}}, 0);
  resized(out, "attention/f32/plain", {{2, 2, 5, 16}, {2, 2, 0, 16}, {2, 2, 0, 16}}, 0);
  resized(out, "gated_act.silu/f32", {{0, 9}, {0, 9}}, 0);
  resized(out, "embed_norm/f32/1_tables", {{0, 5}}, 0);
}

void tails(std::vector<OpCase>& out) {
  for (std::int64_t n = 1; n <= 67; ++n) {
    const int effort = n <= 9 || n % 16 == 1 || n % 16 == 15 ? 0 : 1;
    const int rare = n == 7 ? 0 : 1;  // one each at once, for devices that claim nothing else
    const auto add = [&](OpCase op_case) {
      op_case.effort = effort;
      out.push_back(std::move(op_case));
    };
    add(binary(RLX_BINARY_ADD, DType::kF32, {n}, {n}));
    resized(out, "reduce.sum/f32/axis2", {{1, 2, n}}, effort);
    resized(out, "linear/f32/nk_bias", {{2, n}, {n + 1, n}, {n + 1}}, effort);
    resized(out, "softmax/f32/5x33_axis1", {{2, n}}, rare);
    resized(out, "layer_norm/f32/rows", {{2, n + 1}, {n + 1}, {n + 1}}, rare);
    resized(out, "dot/f32/5x17x19", {{n, 3}, {3, n}}, rare);
    resized(out, "attention/f32/plain", {{1, 1, 2, n}, {1, 1, n, n}, {1, 1, n, n}}, rare);
    resized(out, "copy/f32/5x7x3", {{3, n, 2}}, effort);
    resized(out, "copy/i8/5x7x3", {{3, n, 2}}, rare);
    resized(out, "cast/f32/bf16", {{3, n}}, rare);
  }
}

/// More rows than 16 bits count.
void many_rows(std::vector<OpCase>& out) {
  constexpr std::int64_t kRows = 65539;
  const auto add = [&](OpCase op_case, int effort) {
    op_case.effort = effort;
    out.push_back(std::move(op_case));
  };
  add(binary(RLX_BINARY_SUB, DType::kF32, {kRows, 2}, {kRows, 2}), 0);
  add(unary_case(function_of(unary_functions(), RLX_UNARY_NEG), DType::kF32, {kRows}), 1);
  resized(out, "copy/f32/5x7x3", {{kRows, 1, 2}}, 1);
  resized(out, "reduce.sum/f32/axis2", {{1, kRows, 3}}, 1);
  resized(out, "reduce.max/f32/axis0_keep", {{kRows, 1, 3}}, 1);
  resized(out, "softmax/f32/5x33_axis1", {{kRows, 3}}, 1);
  resized(out, "layer_norm/f32/rows", {{kRows, 3}, {3}, {3}}, 1);
  resized(out, "dot/f32/5x17x19", {{kRows, 2}, {2, 3}}, 1);
  resized(out, "linear/f32/nk_bias", {{kRows, 2}, {3, 2}, {3}}, 1);
  resized(out, "gather/f32/axis0", {{9, 2}, {kRows, 1}}, 1);
  resized(out, "concat/f32/axis0", {{kRows, 2}, {3, 2}}, 1);
  resized(out, "select/f32", {{kRows, 2}, {kRows, 2}, {kRows, 2}}, 1);
  resized(out, "conv/f32/1d", {{kRows, 3, 3}, {4, 3, 3}}, 2);
  resized(out, "attention/f32/plain", {{kRows, 1, 1, 2}, {kRows, 1, 2, 2}, {kRows, 1, 2, 2}}, 2);
}

}  // namespace

const CaseList& extents() {
  static const CaseList list([] {
    std::vector<OpCase> out;
    empties(out);
    for (OpCase& each : out)
      if (each.effort == 1 && each.dtype() == DType::kF32) each.effort = 0;
    tails(out);
    many_rows(out);
    return out;
  }());
  return list;
}

// ---- OPS-07 ----

namespace {

const Sizes kRanks[] = {{7}, {3, 5}, {2, 3, 5}, {2, 3, 4, 5}, {2, 3, 2, 3, 4}, {2, 1, 3, 2, 2, 3}, {2, 1, 2, 2, 1, 2, 3}, {2, 1, 2, 1, 2, 2, 1, 3}};

void axes(std::vector<OpCase>& out) {
  for (const Sizes& dims : kRanks)
    for (std::size_t axis = 0; axis < dims.size(); ++axis) {
      const auto n = static_cast<std::int64_t>(axis);
      const int effort = dims.size() <= 4 ? 0 : 1;
      const std::string where = "axis" + std::to_string(n) + "_";
      const auto along = [&](const char* name, std::vector<Sizes> operands) {
        resized(out, name, std::move(operands), effort, {{RLX_ATTR_AXIS, number(n)}});
        if (!out.empty()) out.back().name += "/" + where;
      };
      along("softmax/f32/5x33_axis1", {dims});
      along("cumulate.sum/f32/axis2", {dims});
      along("concat/f32/axis0", {dims, dims});
      along("arg_reduce.max/f32/axis2_first", {dims});
      resized(out, "reduce.sum/f32/axis2", {dims}, effort, {{RLX_ATTR_AXES, integers({n})}});
      out.back().name += "/" + where;
      resized(out, "gather/f32/axis0", {dims, {3}}, effort, {{RLX_ATTR_AXIS, number(n)}});
      out.back().name += "/" + where;
      out.back().operands[1] = index_operand(DType::kI64, {3}, dims[axis]);
      along("top_k/f32/axis2_largest", {dims});
      out.back().attributes[RLX_ATTR_K] = number(1);
    }
}

/// Operand 0 of a copy with its axes in another order.
void permuted(std::vector<OpCase>& out, const Sizes& dims, int effort) {
  std::vector<std::size_t> order(dims.size());
  std::iota(order.begin(), order.end(), 0);
  const Sizes strides = reference::dense_strides(dims);
  do {
    OpCase op_case = standing("copy/f32/5x7x3");
    op_case.name = "copy/f32/perm";
    Window window{dims, {}, 0};
    op_case.operands[0].dims.clear();
    for (const std::size_t axis : order) {
      op_case.name += "_" + std::to_string(axis);
      op_case.operands[0].dims.push_back(dims[axis]);
      window.strides.push_back(strides[axis]);
    }
    op_case.operands[0].window = window;
    op_case.effort = effort;
    out.push_back(std::move(op_case));
  } while (std::next_permutation(order.begin(), order.end()));
}

}  // namespace

const CaseList& axes_and_permutations() {
  static const CaseList list([] {
    std::vector<OpCase> out;
    axes(out);
    permuted(out, {3, 5}, 0);
    permuted(out, {3, 4, 5}, 0);
    permuted(out, {2, 3, 4, 5}, 1);
    permuted(out, {2, 3, 4, 2, 3}, 2);
    return out;
  }());
  return list;
}

}  // namespace rlx::conform
