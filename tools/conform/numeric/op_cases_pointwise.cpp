// SPDX-License-Identifier: Apache-2.0
// unary, binary, compare, select, cast, bitcast, iota, act, gated_act, elementwise.
#include "runtime/ir/build.h"
#include "tools/conform/numeric/op_cases.h"

namespace rlx::conform {
namespace {

constexpr PointwiseFunction kUnary[] = {
    {"neg", RLX_UNARY_NEG, true, true, false, -9, 9, true},
    {"abs", RLX_UNARY_ABS, true, true, false, -9, 9, true},
    {"sign", RLX_UNARY_SIGN, true, true, false, -9, 9, true},
    {"floor", RLX_UNARY_FLOOR, true, false, false, -9, 9, true},
    {"ceil", RLX_UNARY_CEIL, true, false, false, -9, 9, true},
    {"trunc", RLX_UNARY_TRUNC, true, false, false, -9, 9, true},
    {"round_even", RLX_UNARY_ROUND_EVEN, true, false, false, -9, 9, true},
    {"exp", RLX_UNARY_EXP, true, false, false, -4, 4, false},
    {"expm1", RLX_UNARY_EXPM1, true, false, false, -4, 4, false},
    {"log", RLX_UNARY_LOG, true, false, false, 0.1, 9, false},
    {"log1p", RLX_UNARY_LOG1P, true, false, false, -0.5, 9, false},
    {"sqrt", RLX_UNARY_SQRT, true, false, false, 0, 9, false},
    {"rsqrt", RLX_UNARY_RSQRT, true, false, false, 0.1, 9, false},
    {"recip", RLX_UNARY_RECIP, true, false, false, 0.1, 9, false},
    {"sin", RLX_UNARY_SIN, true, false, false, -4, 4, false},
    {"cos", RLX_UNARY_COS, true, false, false, -4, 4, false},
    {"tan", RLX_UNARY_TAN, true, false, false, -1, 1, false},
    {"asin", RLX_UNARY_ASIN, true, false, false, -0.9, 0.9, false},
    {"acos", RLX_UNARY_ACOS, true, false, false, -0.9, 0.9, false},
    {"atan", RLX_UNARY_ATAN, true, false, false, -4, 4, false},
    {"sinh", RLX_UNARY_SINH, true, false, false, -4, 4, false},
    {"cosh", RLX_UNARY_COSH, true, false, false, -4, 4, false},
    {"tanh", RLX_UNARY_TANH, true, false, false, -4, 4, false},
    {"asinh", RLX_UNARY_ASINH, true, false, false, -4, 4, false},
    {"acosh", RLX_UNARY_ACOSH, true, false, false, 1.1, 9, false},
    {"atanh", RLX_UNARY_ATANH, true, false, false, -0.9, 0.9, false},
    {"erf", RLX_UNARY_ERF, true, false, false, -4, 4, false},
    {"sigmoid", RLX_UNARY_SIGMOID, true, false, false, -4, 4, false},
    {"not", RLX_UNARY_NOT, false, true, true, 0, 2, true},
    {"isnan", RLX_UNARY_ISNAN, true, false, false, -9, 9, true},
    {"isinf_pos", RLX_UNARY_ISINF_POS, true, false, false, -9, 9, true},
    {"isinf_neg", RLX_UNARY_ISINF_NEG, true, false, false, -9, 9, true},
};

constexpr PointwiseFunction kBinary[] = {
    {"add", RLX_BINARY_ADD, true, true, false, -9, 9, true},
    {"sub", RLX_BINARY_SUB, true, true, false, -9, 9, true},
    {"mul", RLX_BINARY_MUL, true, true, false, -9, 9, true},
    {"div", RLX_BINARY_DIV, true, true, false, 0.1, 9, false},
    {"mod_floor", RLX_BINARY_MOD_FLOOR, true, true, false, 0.5, 9, false},
    {"mod_trunc", RLX_BINARY_MOD_TRUNC, true, true, false, 0.5, 9, false},
    {"pow", RLX_BINARY_POW, true, true, false, 0.1, 3, false},
    {"max", RLX_BINARY_MAX, true, true, false, -9, 9, true},
    {"min", RLX_BINARY_MIN, true, true, false, -9, 9, true},
    {"and", RLX_BINARY_AND, false, true, true, 0, 2, true},
    {"or", RLX_BINARY_OR, false, true, true, 0, 2, true},
    {"xor", RLX_BINARY_XOR, false, true, true, 0, 2, true},
    {"shl", RLX_BINARY_SHL, false, true, false, 0, 9, true},
    {"shr_logical", RLX_BINARY_SHR_LOGICAL, false, true, false, 0, 9, true},
};

constexpr PointwiseFunction kActs[] = {
    {"relu", RLX_ACT_RELU, true, false, false, -4, 4, true},
    {"leaky_relu", RLX_ACT_LEAKY_RELU, true, false, false, -4, 4, true},
    {"clip", RLX_ACT_CLIP, true, false, false, -4, 4, true},
    {"gelu_erf", RLX_ACT_GELU_ERF, true, false, false, -4, 4, false},
    {"gelu_tanh", RLX_ACT_GELU_TANH, true, false, false, -4, 4, false},
    {"silu", RLX_ACT_SILU, true, false, false, -4, 4, false},
    {"sigmoid", RLX_ACT_SIGMOID, true, false, false, -4, 4, false},
    {"tanh", RLX_ACT_TANH, true, false, false, -4, 4, false},
    {"hard_sigmoid", RLX_ACT_HARD_SIGMOID, true, false, false, -4, 4, false},
    {"hard_swish", RLX_ACT_HARD_SWISH, true, false, false, -4, 4, false},
    {"softplus", RLX_ACT_SOFTPLUS, true, false, false, -4, 4, false},
    {"mish", RLX_ACT_MISH, true, false, false, -4, 4, false},
    {"elu", RLX_ACT_ELU, true, false, false, -4, 4, false},
    {"selu", RLX_ACT_SELU, true, false, false, -4, 4, false},
    {"celu", RLX_ACT_CELU, true, false, false, -4, 4, false},
    {"softsign", RLX_ACT_SOFTSIGN, true, false, false, -4, 4, false},
    {"shrink", RLX_ACT_SHRINK, true, false, false, -4, 4, true},
    {"thresholded_relu", RLX_ACT_THRESHOLDED_RELU, true, false, false, -4, 4, true},
};

std::string key(const std::string& op, DType dtype) { return op + "/" + std::string(dtype_name(dtype)); }

Fill range(const PointwiseFunction& function, DType dtype) {
  Fill fill;
  fill.low = is_float(dtype) ? function.low : -9;
  fill.high = is_float(dtype) ? function.high : 9;
  return fill;
}

void compares(std::vector<OpCase>& out) {
  constexpr const char* kNames[] = {"", "eq", "ne", "lt", "le", "gt", "ge"};
  for (const DType dtype : all_dtypes())
    for (std::uint32_t fn = RLX_COMPARE_EQ; fn <= (dtype == DType::kBool ? RLX_COMPARE_NE : RLX_COMPARE_GE); ++fn)
      out.push_back({.name = key(std::string("compare.") + kNames[fn], dtype), .op = RLX_OP_COMPARE, .fn = fn,
                     .operands = {operand(dtype, {3, 67}), operand(dtype, {3, 67})},
                     .attributes = {{RLX_ATTR_FN, number(fn)}}, .exact = true, .effort = dtype == DType::kF32 ? 0 : 1});
}

void selects(std::vector<OpCase>& out) {
  for (const DType dtype : all_dtypes())
    out.push_back({.name = key("select", dtype), .op = RLX_OP_SELECT,
                   .operands = {operand(DType::kBool, {3, 67}), operand(dtype, {3, 67}), operand(dtype, {3, 67})},
                   .exact = true, .effort = 0});
}

void casts(std::vector<OpCase>& out) {
  for (const DType from : all_dtypes())
    for (const DType to : all_dtypes())
      out.push_back({.name = key("cast", from) + "/" + std::string(dtype_name(to)), .op = RLX_OP_CAST, .operands = {operand(from, {3, 67})},
                     .attributes = {{RLX_ATTR_TO, to}}, .exact = true, .effort = from == DType::kF32 || to == DType::kF32 ? 0 : 1});
}

void bitcasts(std::vector<OpCase>& out) {
  for (const DType from : number_dtypes())
    for (const DType to : number_dtypes())
      if (from != to && dtype_bytes(from) == dtype_bytes(to))
        out.push_back({.name = key("bitcast", from) + "/" + std::string(dtype_name(to)), .op = RLX_OP_BITCAST, .operands = {operand(from, {3, 67})},
                       .attributes = {{RLX_ATTR_TO, to}}, .exact = true, .effort = from == DType::kF32 ? 0 : 1});
}

void iotas(std::vector<OpCase>& out) {
  for (const DType dtype : number_dtypes())
    for (std::int64_t axis = 0; axis < 3; ++axis)
      out.push_back({.name = key("iota", dtype) + "/axis" + std::to_string(axis), .op = RLX_OP_IOTA, .attributes = {{RLX_ATTR_AXIS, number(axis)}, {RLX_ATTR_DIMS, integers({5, 7, 9})}, {RLX_ATTR_TO, dtype}},
                     .exact = true, .effort = dtype == DType::kF32 || axis == 1 ? 0 : 1});
}

void gated(std::vector<OpCase>& out) {
  for (const DType dtype : float_dtypes())
    for (const PointwiseFunction& function : kActs)
      if (function.fn != RLX_ACT_CLIP && function.fn != RLX_ACT_SHRINK)
        out.push_back({.name = key(std::string("gated_act.") + function.name, dtype), .op = RLX_OP_GATED_ACT,
                       .operands = {operand(dtype, {3, 67}), operand(dtype, {3, 67})}, .attributes = {{RLX_ATTR_ACT, number(function.fn)}},
                       .exact = function.fn == RLX_ACT_RELU, .effort = dtype == DType::kF32 && function.fn == RLX_ACT_SILU ? 0 : 1});
}

/// y = max(a * b + row, 0), z = a > b ? a : scalar: two results, operands that repeat along rows and everywhere.
std::shared_ptr<const Graph> steps(DType dtype) {
  auto graph = std::make_shared<Graph>();
  const ValueId a = graph->add_input("a", {dtype, {5, 33}}), b = graph->add_input("b", {dtype, {5, 33}});
  const ValueId row = graph->add_input("row", {dtype, {1, 33}}), one = graph->add_input("one", {dtype, {1, 1}});
  MirBuilder m(*graph);
  const ValueId sum = m.binary(RLX_BINARY_ADD, m.binary(RLX_BINARY_MUL, a, b), row);
  const ValueId y = m.binary(RLX_BINARY_MAX, sum, m.binary(RLX_BINARY_SUB, one, one));
  const ValueId greater = m.compare(RLX_COMPARE_GT, a, b);
  const ValueId z = m.select(greater, a, m.broadcast(one, {5, 33}));
  graph->outputs = {{"y", y}, {"z", z}};
  return graph;
}

void elementwise(std::vector<OpCase>& out) {
  for (const DType dtype : number_dtypes())
    out.push_back({.name = key("elementwise", dtype), .op = RLX_OP_ELEMENTWISE,
                   .operands = {operand(dtype, {5, 33}), operand(dtype, {5, 33}), operand(dtype, {1, 33}), operand(dtype, {1, 1})},
                   .regions = {steps(dtype)}, .exact = true, .effort = dtype == DType::kF32 ? 0 : 1});
}

}  // namespace

std::span<const PointwiseFunction> unary_functions() { return kUnary; }
std::span<const PointwiseFunction> binary_functions() { return kBinary; }
std::span<const PointwiseFunction> act_functions() { return kActs; }

bool takes(const PointwiseFunction& function, DType dtype) {
  return dtype == DType::kBool ? function.bools : is_float(dtype) ? function.reals : function.ints;
}

OpCase unary_case(const PointwiseFunction& function, DType dtype, Sizes dims) {
  const std::string name = key(std::string("unary.") + function.name, dtype) + "/" + dims_text(dims);
  return {.name = name, .op = RLX_OP_UNARY, .fn = function.fn, .operands = {operand(dtype, std::move(dims), range(function, dtype))},
          .attributes = {{RLX_ATTR_FN, number(function.fn)}}, .exact = function.exact};
}

OpCase binary_case(const PointwiseFunction& function, DType dtype, Sizes a, Sizes b) {
  const std::string name = key(std::string("binary.") + function.name, dtype) + "/" + dims_text(a) + "_" + dims_text(b);
  const Fill fill = range(function, dtype);
  return {.name = name, .op = RLX_OP_BINARY, .fn = function.fn, .operands = {operand(dtype, std::move(a), fill), operand(dtype, std::move(b), fill)},
          .attributes = {{RLX_ATTR_FN, number(function.fn)}}, .exact = function.exact || !is_float(dtype)};
}

OpCase act_case(const PointwiseFunction& function, DType dtype, Sizes dims) {
  const std::string name = key(std::string("act.") + function.name, dtype) + "/" + dims_text(dims);
  OpCase out = {.name = name, .op = RLX_OP_ACT, .fn = function.fn, .operands = {operand(dtype, std::move(dims), range(function, dtype))},
                .attributes = {{RLX_ATTR_FN, number(function.fn)}}, .exact = function.exact};
  const bool numbers = function.fn == RLX_ACT_CLIP || function.fn == RLX_ACT_SHRINK || function.fn == RLX_ACT_HARD_SIGMOID;
  if (numbers || function.fn == RLX_ACT_LEAKY_RELU || function.fn == RLX_ACT_ELU || function.fn == RLX_ACT_CELU || function.fn == RLX_ACT_THRESHOLDED_RELU)
    out.attributes[RLX_ATTR_ACT_ALPHA] = function.fn == RLX_ACT_CLIP ? -1.5 : function.fn == RLX_ACT_CELU ? 1.5 : 0.25;
  if (numbers) out.attributes[RLX_ATTR_ACT_BETA] = function.fn == RLX_ACT_CLIP ? 2.5 : 0.5;
  return out;
}

void pointwise_cases(std::vector<OpCase>& out) {
  const auto add = [&](OpCase op_case, bool quick) {
    op_case.effort = quick ? 0 : 1;
    out.push_back(std::move(op_case));
  };
  for (const DType dtype : all_dtypes()) {
    const bool quick = dtype == DType::kF32;
    for (const PointwiseFunction& function : kUnary)
      if (takes(function, dtype)) add(unary_case(function, dtype, {3, 67}), quick);
    for (const PointwiseFunction& function : kBinary)
      if (takes(function, dtype)) add(binary_case(function, dtype, {3, 67}, {3, 67}), quick || function.fn <= RLX_BINARY_SUB);
    for (const PointwiseFunction& function : kActs)
      if (takes(function, dtype)) add(act_case(function, dtype, {3, 67}), quick);
  }
  compares(out);
  selects(out);
  casts(out);
  bitcasts(out);
  iotas(out);
  gated(out);
  elementwise(out);
}

}  // namespace rlx::conform
