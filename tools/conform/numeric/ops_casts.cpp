// SPDX-License-Identifier: Apache-2.0
// OPS-11: casts of every pair, rounding, overflow, and integers that no float holds. OPS-12: products of bytes at their ends.
#include <cmath>
#include <limits>

#include "tools/conform/numeric/ops.h"

namespace rlx::conform {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Values at halves of the steps of bf16 and f16, at the ends of integers, and what is no number.
std::vector<double> hard_reals(DType from) {
  std::vector<double> out = {0.0, -0.0, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 0.99, -0.99, 1, -1, 127, 127.5, 128, -128, -128.5, -129, 255, 255.5, 256, 300, -300, 1000,
                             32767, 32768, -32768, -32769, 65504, 65519, 65520, 65535, 65536, kInf, -kInf, kNaN};
  for (const double base : {1.0, -3.0, 250.0}) {
    const double bf16 = std::ldexp(base, -8), f16 = std::ldexp(base, -11);  // half a step above each
    out.insert(out.end(), {base + bf16, base + bf16 * 1.25, base + bf16 * 0.75, base + 3 * bf16, base + f16, base + f16 * 1.25, base + 3 * f16});
  }
  if (from == DType::kF32 || from == DType::kF64) out.insert(out.end(), {2147483647.0, 2147483648.0, -2147483648.0, 4294967295.0, 4294967296.0, 1e10, -1e10, 1e19, -1e19, 1.8446744073709552e19, 9.223372036854775e18, 3e38, 1e-40, 6e-8, 2.9e-8});
  if (from == DType::kF64) out.insert(out.end(), {1e300, -1e300, 3.4028235677973366e38, 1e-46, -2147483649.0, 4503599627370497.0});
  return out;
}

std::vector<std::int64_t> hard_integers(DType from) {
  std::vector<std::int64_t> out = {0, 1, 2, 100, 127, 128, 255, 256, 257, 259, 2049, 2051, 32767, 32768, 65504, 65519, 65520, 65535, 65536, 16777217, 16777219, INT32_MAX, INT64_C(4294967295), INT64_C(4294967296),
                                   INT64_C(9007199254740993), INT64_C(9007199254740995), INT64_MAX, INT64_MAX - 1};
  if (is_unsigned_int(from)) out.insert(out.end(), {-1, -2, INT64_MIN});  // as bits: the greatest
  if (is_signed_int(from)) {
    const std::size_t count = out.size();
    for (std::size_t i = 1; i < count; ++i) out.push_back(-out[i]);
    out.push_back(INT64_MIN);
  }
  if (from == DType::kBool) return {0, 1};
  const auto bits = static_cast<int>(dtype_bytes(from) * 8);
  for (std::int64_t& value : out) {  // the low bits, as the dtype reads them
    if (bits == 64) break;
    const std::uint64_t low = static_cast<std::uint64_t>(value) & ((std::uint64_t{1} << bits) - 1);
    value = is_signed_int(from) && (low >> (bits - 1)) ? static_cast<std::int64_t>(low | ~((std::uint64_t{1} << bits) - 1)) : static_cast<std::int64_t>(low);
  }
  return out;
}

void casts(std::vector<OpCase>& out) {
  for (const DType from : all_dtypes())
    for (const DType to : all_dtypes())
      for (std::int64_t overflow = RLX_OVERFLOW_SATURATE; overflow <= RLX_OVERFLOW_INF; ++overflow)
        for (std::int64_t round = RLX_ROUND_EVEN; round <= RLX_ROUND_ZERO; ++round) {
          std::vector<double> reals = hard_reals(from);
          if (overflow == RLX_OVERFLOW_WRAP && !is_float(to)) std::erase_if(reals, [](double v) { return std::isinf(v); });  // has no low bits
          const std::vector<std::int64_t> wholes = hard_integers(from);
          OpCase op_case = {.name = "cast/" + std::string(dtype_name(from)) + "/" + std::string(dtype_name(to)) + (overflow == 0 ? "_saturate" : overflow == 1 ? "_wrap" : "_inf") + (round ? "_zero" : "_even"),
                            .op = RLX_OP_CAST, .operands = {operand(from, {static_cast<std::int64_t>(is_float(from) ? reals.size() : wholes.size())})},
                            .attributes = {{RLX_ATTR_TO, to}, {RLX_ATTR_OVERFLOW, number(overflow)}, {RLX_ATTR_ROUND, number(round)}}, .exact = true};
          op_case.operands[0].fill.reals = reals;
          op_case.operands[0].fill.integers = wholes;
          const bool narrow = to == DType::kBF16 || to == DType::kF16 || to == DType::kI8 || to == DType::kBool || to == DType::kF32;
          op_case.effort = overflow == 0 && round == 0 && narrow && (from == DType::kF32 || from == DType::kI64) ? 0 : 1;
          out.push_back(std::move(op_case));
        }
}

/// Integers that a float64 does not hold, through every op that takes them.
void wide_integers(std::vector<OpCase>& out) {
  const std::vector<std::int64_t> wide = {INT64_C(9007199254740993), 1, INT64_C(-9007199254740995), 2, INT64_C(4611686018427387905), -3, INT64_C(1152921504606846977), 5, -1};
  for (const OpCase& each : all_op_cases()) {
    if (each.dtype() != DType::kI64 && each.dtype() != DType::kU64) continue;
    const bool control = each.op == RLX_OP_IF || each.op == RLX_OP_WHILE;
    if (control || each.op == RLX_OP_EMBED_NORM || each.op == RLX_OP_CAST || each.op == RLX_OP_BITCAST || each.op == RLX_OP_NONZERO) continue;
    OpCase op_case = each;
    op_case.name += "/wide";
    std::size_t shift = 0;
    for (OperandCase& operand : op_case.operands) {
      if (operand.dtype != each.dtype() || !operand.fill.integers.empty() || operand.fill.least == 0) continue;  // not an index
      operand.fill.integers = wide;
      operand.fill.integers.erase(operand.fill.integers.begin(), operand.fill.integers.begin() + static_cast<std::ptrdiff_t>(shift++ % 5));
    }
    const bool quick = each.dtype() == DType::kI64 && (each.op == RLX_OP_BINARY || each.name.starts_with("reduce.sum") || each.name.starts_with("cumulate.sum"));
    op_case.effort = quick ? 0 : 1;
    out.push_back(std::move(op_case));
  }
}

/// Results that are narrow: each rounds to even once.
void narrow_results(std::vector<OpCase>& out) {
  for (const DType dtype : {DType::kBF16, DType::kF16})
    for (const PointwiseFunction& function : binary_functions()) {
      if (function.fn > RLX_BINARY_DIV) continue;
      OpCase op_case = binary_case(function, dtype, {8, 33}, {8, 33});
      op_case.name += "/rounds";
      op_case.operands[0].fill.low = op_case.operands[1].fill.low = 1;
      op_case.operands[0].fill.high = 128;
      op_case.operands[1].fill.high = 2;
      op_case.exact = false;  // the bound is that of one rounding
      op_case.effort = 0;
      out.push_back(std::move(op_case));
    }
}

}  // namespace

const CaseList& cast_table() {
  static const CaseList list([] {
    std::vector<OpCase> out;
    casts(out);
    wide_integers(out);
    narrow_results(out);
    return out;
  }());
  return list;
}

const CaseList& byte_products() {
  static const CaseList list([] {
    std::vector<OpCase> out;
    for (const OpCase& each : all_op_cases()) {
      if ((each.op != RLX_OP_DOT && each.op != RLX_OP_CONV) || dtype_bytes(each.dtype()) != 1 || is_float(each.dtype())) continue;
      const auto ends = [](DType dtype) { return dtype == DType::kI8 ? std::vector<std::int64_t>{-128} : std::vector<std::int64_t>{255}; };
      const auto mixed = [](DType dtype) { return dtype == DType::kI8 ? std::vector<std::int64_t>{-128, 127, -1, 127, -128, 0, 127} : std::vector<std::int64_t>{255, 0, 254, 128, 255, 127, 1}; };
      OpCase op_case = each;
      op_case.name += "/ends";  // all of one sign: the sum is as great as it gets
      for (OperandCase& operand : op_case.operands) operand.fill.integers = ends(operand.dtype);
      op_case.effort = each.name.ends_with("5x17x19") || each.name.ends_with("/1d") || each.name.ends_with("2d_pad") ? 0 : 1;
      out.push_back(op_case);
      op_case.name = each.name + "/mixed";
      for (OperandCase& operand : op_case.operands) operand.fill.integers = mixed(operand.dtype);
      out.push_back(op_case);
      if (!each.name.ends_with("5x17x19")) continue;
      op_case.name = each.name + "/long";  // past what 16 or 24 bits hold
      op_case.operands[0].dims = {3, 1031};
      op_case.operands[1].dims = {1031, 5};
      for (OperandCase& operand : op_case.operands) operand.fill.integers = ends(operand.dtype);
      out.push_back(op_case);
    }
    return out;
  }());
  return list;
}

}  // namespace rlx::conform
