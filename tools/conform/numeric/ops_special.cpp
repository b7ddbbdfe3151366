// SPDX-License-Identifier: Apache-2.0
// OPS-03: what functions make of zeros, infinities, NaN, subnormals and the ends of integers.
#include <cmath>
#include <limits>

#include "tools/conform/numeric/ops.h"

namespace rlx::conform {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double greatest(DType dtype) {
  return dtype == DType::kF16 ? 65504 : dtype == DType::kBF16 ? 3.3895313892515355e38 : dtype == DType::kF32 ? 3.4028234663852886e38 : 1.7976931348623157e308;
}
double least_normal(DType dtype) { return dtype == DType::kF16 ? 0x1p-14 : dtype == DType::kF64 ? 0x1p-1022 : 0x1p-126; }
double least_subnormal(DType dtype) {
  return dtype == DType::kF16 ? 0x1p-24 : dtype == DType::kBF16 ? 0x1p-133 : dtype == DType::kF32 ? 0x1p-149 : 0x1p-1074;
}

/// Numbers that functions treat apart. Subnormals only where `tiny`.
std::vector<double> specials(DType dtype, bool tiny) {
  std::vector<double> out = {0.0, -0.0, kInf, -kInf, kNaN, 1, -1, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 0.25, -0.75, 2, -2, 3, 10, -10, 100, -100};
  for (const double v : {greatest(dtype), least_normal(dtype)}) out.insert(out.end(), {v, -v});
  if (tiny) out.insert(out.end(), {least_subnormal(dtype), -least_subnormal(dtype), 0.75 * least_normal(dtype)});
  return out;
}

std::vector<std::int64_t> ends(DType dtype) {
  const auto bits = static_cast<int>(dtype_bytes(dtype) * 8);
  std::vector<std::int64_t> out = {0, 1, 2, 3, 7, 8, bits - 1, bits, bits + 1};
  if (dtype == DType::kBool) return {0, 1};
  if (is_unsigned_int(dtype)) {
    const std::uint64_t most = bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
    out.insert(out.end(), {static_cast<std::int64_t>(most), static_cast<std::int64_t>(most - 1), static_cast<std::int64_t>(most / 2), static_cast<std::int64_t>(most / 2 + 1)});
    return out;
  }
  const std::int64_t most = bits == 64 ? INT64_MAX : (std::int64_t{1} << (bits - 1)) - 1;
  out.insert(out.end(), {most, -most - 1, most - 1, -most, -1, -2, -3});
  return out;
}

bool keeps_sign_of_zero(const std::string& name) {
  for (const char* each : {"neg", "abs", "sqrt", "floor", "ceil", "trunc", "round_even"})
    if (name == each) return true;
  return false;
}

bool far_range_is_hard(std::uint32_t fn) { return fn == RLX_UNARY_SIN || fn == RLX_UNARY_COS || fn == RLX_UNARY_TAN; }

void unaries(std::vector<OpCase>& out) {
  for (const DType dtype : all_dtypes())
    for (const PointwiseFunction& function : unary_functions()) {
      if (!takes(function, dtype)) continue;
      Fill fill;
      // Whether a device that flushes results reads subnormals is its own affair: they go where they stay what they are.
      fill.reals = specials(dtype, keeps_sign_of_zero(function.name));
      if (far_range_is_hard(function.fn)) std::erase_if(fill.reals, [](double v) { return std::isfinite(v) && std::fabs(v) > 1000; });
      fill.integers = ends(dtype);
      const auto count = static_cast<std::int64_t>(is_float(dtype) ? fill.reals.size() : fill.integers.size());
      OpCase op_case = unary_case(function, dtype, {count});
      op_case.operands[0].fill = fill;
      op_case.sign_of_zero = keeps_sign_of_zero(function.name);
      op_case.effort = dtype == DType::kF32 ? 0 : 1;
      out.push_back(op_case);
    }
}

void acts(std::vector<OpCase>& out) {
  for (const DType dtype : float_dtypes())
    for (const PointwiseFunction& function : act_functions()) {
      const std::vector<double> values = {0.0, -0.0, kInf, -kInf, kNaN, 1, -1, 0.25, -0.25, 0.5, 0.75, -0.75, 5, -5, 20, -20, 50, -50, least_normal(dtype)};
      OpCase op_case = act_case(function, dtype, {static_cast<std::int64_t>(values.size())});
      op_case.operands[0].fill.reals = values;
      op_case.effort = dtype == DType::kF32 ? 0 : 1;
      out.push_back(op_case);
    }
}

/// Every value beside every other.
void pairs(OpCase& op_case, const std::vector<double>& reals, const std::vector<std::int64_t>& wholes) {
  const std::size_t count = is_float(op_case.operands[0].dtype) ? reals.size() : wholes.size();
  for (OperandCase& operand : op_case.operands) operand.dims = {static_cast<std::int64_t>(count), static_cast<std::int64_t>(count)};
  Fill &a = op_case.operands[0].fill, &b = op_case.operands[1].fill;
  for (const double x : reals) a.reals.insert(a.reals.end(), reals.size(), x);
  for (const std::int64_t x : wholes) a.integers.insert(a.integers.end(), wholes.size(), x);
  b.reals = reals;
  b.integers = wholes;
}

void binaries(std::vector<OpCase>& out) {
  for (const DType dtype : all_dtypes())
    for (const PointwiseFunction& function : binary_functions()) {
      if (!takes(function, dtype)) continue;
      OpCase op_case = binary_case(function, dtype, {1}, {1});
      std::vector<double> values = {0.0, -0.0, kInf, -kInf, kNaN, 1, -1, 0.5, 2, -2, 3, -3.5, greatest(dtype), -greatest(dtype), least_normal(dtype)};
      if (function.fn == RLX_BINARY_MOD_FLOOR || function.fn == RLX_BINARY_MOD_TRUNC)
        std::erase_if(values, [&](double v) { return std::isfinite(v) && (std::fabs(v) > 100 || (v != 0 && std::fabs(v) < 0.1)); });
      pairs(op_case, values, ends(dtype));
      op_case.effort = dtype == DType::kF32 || dtype == DType::kI64 ? 0 : 1;
      out.push_back(op_case);
    }
}

void compares(std::vector<OpCase>& out) {
  for (const OpCase& each : all_op_cases()) {
    if (each.op != RLX_OP_COMPARE) continue;
    OpCase op_case = each;
    pairs(op_case, specials(each.dtype(), false), ends(each.dtype()));
    op_case.effort = each.dtype() == DType::kF32 || each.dtype() == DType::kU64 ? 0 : 1;
    out.push_back(op_case);
  }
}

/// Rows with a NaN, an infinity, both, or nothing special.
void rows(std::vector<OpCase>& out) {
  const std::vector<double> table = {1,    2,   kNaN, 4,    5,  1,   kInf, 3,   -kInf, 2,     3,    kInf, 4,  1, -2, -kInf, -1,   2,
                                     kNaN, kInf, 1,   -kInf, 0, 0.5, 1,    0.25, 2,    -0.5, -kInf, -kInf, -kInf, -kInf, -kInf, -kInf};
  for (const OpCase& each : all_op_cases()) {
    const std::string& name = each.name;
    const bool last = name.ends_with("/axis2") || name.find("/axis2_f") != std::string::npos || name.ends_with("/axis2_l") || name.ends_with("/axis2_largest") ||
                      name.ends_with("/axis2_least") || name.ends_with("5x33_axis1") || name.ends_with("5x33_axis1_log") || name.ends_with("/1d") || name.ends_with("/1d_index");
    const bool op = each.op == RLX_OP_REDUCE || each.op == RLX_OP_ARG_REDUCE || each.op == RLX_OP_CUMULATE || each.op == RLX_OP_TOP_K || each.op == RLX_OP_SOFTMAX ||
                    each.op == RLX_OP_REDUCE_WINDOW;
    if (!op || !last || !is_float(each.dtype())) continue;
    OpCase op_case = each;
    op_case.operands[0].dims = each.op == RLX_OP_SOFTMAX ? Sizes{6, 6} : each.op == RLX_OP_REDUCE_WINDOW ? Sizes{1, 2, 17} : Sizes{1, 6, 6};
    op_case.operands[0].fill.reals = table;
    op_case.effort = each.dtype() == DType::kF32 ? 0 : 1;
    out.push_back(op_case);
  }
}

}  // namespace

const CaseList& special_values() {
  static const CaseList list([] {
    std::vector<OpCase> out;
    unaries(out);
    acts(out);
    binaries(out);
    compares(out);
    rows(out);
    return out;
  }());
  return list;
}

}  // namespace rlx::conform
