// SPDX-License-Identifier: Apache-2.0
// Element-wise operators: one function of one value, of two, comparisons and named activations.
#include <array>
#include <cmath>
#include <limits>

#include "runtime/import/onnx/op_table.h"

namespace rlx::onnx_import {
namespace {

struct Named {
  std::string_view op_type;
  std::uint32_t number;
};

template <std::size_t N>
std::uint32_t number_of(const std::array<Named, N>& table, const std::string& op_type) {
  for (const Named& row : table)
    if (row.op_type == op_type) return row.number;
  return 0;
}

constexpr auto kUnary = std::to_array<Named>(
    {{"Neg", RLX_UNARY_NEG},          {"Abs", RLX_UNARY_ABS},        {"Sign", RLX_UNARY_SIGN},
     {"Floor", RLX_UNARY_FLOOR},      {"Ceil", RLX_UNARY_CEIL},      {"Round", RLX_UNARY_ROUND_EVEN},
     {"Exp", RLX_UNARY_EXP},          {"Log", RLX_UNARY_LOG},        {"Sqrt", RLX_UNARY_SQRT},
     {"Reciprocal", RLX_UNARY_RECIP}, {"Sin", RLX_UNARY_SIN},        {"Cos", RLX_UNARY_COS},
     {"Tan", RLX_UNARY_TAN},          {"Asin", RLX_UNARY_ASIN},      {"Acos", RLX_UNARY_ACOS},
     {"Atan", RLX_UNARY_ATAN},        {"Sinh", RLX_UNARY_SINH},      {"Cosh", RLX_UNARY_COSH},
     {"Tanh", RLX_UNARY_TANH},        {"Asinh", RLX_UNARY_ASINH},    {"Acosh", RLX_UNARY_ACOSH},
     {"Atanh", RLX_UNARY_ATANH},      {"Erf", RLX_UNARY_ERF},        {"Sigmoid", RLX_UNARY_SIGMOID},
     {"Not", RLX_UNARY_NOT},          {"BitwiseNot", RLX_UNARY_NOT}, {"IsNaN", RLX_UNARY_ISNAN}});

constexpr auto kBinary = std::to_array<Named>({{"Add", RLX_BINARY_ADD},
                                               {"Sub", RLX_BINARY_SUB},
                                               {"Mul", RLX_BINARY_MUL},
                                               {"Div", RLX_BINARY_DIV},
                                               {"And", RLX_BINARY_AND},
                                               {"Or", RLX_BINARY_OR},
                                               {"Xor", RLX_BINARY_XOR},
                                               {"BitwiseAnd", RLX_BINARY_AND},
                                               {"BitwiseOr", RLX_BINARY_OR},
                                               {"BitwiseXor", RLX_BINARY_XOR},
                                               {"Max", RLX_BINARY_MAX},
                                               {"Min", RLX_BINARY_MIN},
                                               {"Sum", RLX_BINARY_ADD}});

constexpr auto kCompare = std::to_array<Named>({{"Equal", RLX_COMPARE_EQ},
                                                {"Less", RLX_COMPARE_LT},
                                                {"LessOrEqual", RLX_COMPARE_LE},
                                                {"Greater", RLX_COMPARE_GT},
                                                {"GreaterOrEqual", RLX_COMPARE_GE}});

constexpr auto kActivations = std::to_array<Named>({{"Relu", RLX_ACT_RELU},
                                                    {"LeakyRelu", RLX_ACT_LEAKY_RELU},
                                                    {"HardSigmoid", RLX_ACT_HARD_SIGMOID},
                                                    {"HardSwish", RLX_ACT_HARD_SWISH},
                                                    {"Softplus", RLX_ACT_SOFTPLUS},
                                                    {"Mish", RLX_ACT_MISH},
                                                    {"Elu", RLX_ACT_ELU},
                                                    {"Selu", RLX_ACT_SELU},
                                                    {"Celu", RLX_ACT_CELU},
                                                    {"Softsign", RLX_ACT_SOFTSIGN},
                                                    {"Shrink", RLX_ACT_SHRINK},
                                                    {"ThresholdedRelu", RLX_ACT_THRESHOLDED_RELU}});

void unary(Node& node) { node.out(0, node.b.unary(number_of(kUnary, node.op_type()), node.in(0))); }

void is_inf(Node& node) {
  const Handle x = node.in(0);
  const bool up = node.integer("detect_positive", 1) != 0, down = node.integer("detect_negative", 1) != 0;
  const Handle above = node.b.unary(RLX_UNARY_ISINF_POS, x), below = node.b.unary(RLX_UNARY_ISINF_NEG, x);
  if (up && down) return node.out(0, node.b.binary(RLX_BINARY_OR, above, below));
  if (up || down) return node.out(0, up ? above : below);
  node.out(0, node.b.binary(RLX_BINARY_AND, above, below));  // never both
}

/// Before opset 7, operand 1 was lined up by the attribute `axis`.
bool old_broadcast(Node& node) {
  if (node.opset >= 7 || !node.has_attribute("axis")) return false;
  node.refuse("the attribute `axis` of an opset before 7");
  return true;
}

void binary(Node& node) {
  if (!old_broadcast(node))
    node.out(0, node.b.binary(number_of(kBinary, node.op_type()), node.in(0), node.in(1)));
}

void variadic(Node& node) {
  const std::uint32_t fn = node.op_type() == "Mean" ? RLX_BINARY_ADD : number_of(kBinary, node.op_type());
  Handle all = node.in(0);
  for (std::size_t i = 1; i < node.inputs(); ++i) all = node.b.binary(fn, all, node.in(i));
  if (node.op_type() == "Mean") all = node.b.div(all, node.like(static_cast<double>(node.inputs()), all));
  node.out(0, all);
}

void compare(Node& node) {
  node.out(0, node.b.compare(number_of(kCompare, node.op_type()), node.in(0), node.in(1)));
}

void mod(Node& node) {
  const bool truncated = node.integer("fmod", 0) != 0;
  if (!truncated && is_float(node.dtype(0))) return node.fault("floats with fmod = 0, wanted fmod = 1");
  node.out(0, node.b.binary(truncated ? RLX_BINARY_MOD_TRUNC : RLX_BINARY_MOD_FLOOR, node.in(0), node.in(1)));
}

/// Squares and square roots are said as such: they are exact and every backend has them.
void pow(Node& node) {
  const Handle x = node.in(0);
  const Known* exponent = node.known(1);
  if (exponent && exponent->plain() && exponent->elements.size() == 1 && exponent->rank() <= node.rank(0)) {
    const double value = exponent->elements[0].value();
    if (value == 1) return node.same(0, 0);
    if (value == 2) return node.out(0, node.b.mul(x, x));
    if (value == 3) return node.out(0, node.b.mul(node.b.mul(x, x), x));
  }
  node.out(0, node.b.binary(RLX_BINARY_POW, x, node.b.cast(node.in(1), node.b.dtype(x))));
}

void bit_shift(Node& node) {
  const std::string direction = node.text("direction", "");
  if (direction != "LEFT" && direction != "RIGHT")
    return node.fault("direction `" + printable(direction) + "`, wanted LEFT or RIGHT");
  node.out(0, node.b.binary(direction == "LEFT" ? RLX_BINARY_SHL : RLX_BINARY_SHR_LOGICAL, node.in(0),
                            node.in(1)));
}

void where(Node& node) { node.out(0, node.b.select(node.in(0), node.in(1), node.in(2))); }

struct Defaults {
  double alpha = 0, beta = 0;
  std::string_view beta_name = "beta";
  std::string_view alpha_name = "alpha";
};

Defaults defaults_of(std::uint32_t act) {
  switch (act) {
    case RLX_ACT_LEAKY_RELU:
      return {0.01f};
    case RLX_ACT_HARD_SIGMOID:
      return {0.2f, 0.5f};
    case RLX_ACT_ELU:
    case RLX_ACT_CELU:
    case RLX_ACT_THRESHOLDED_RELU:
      return {1};
    case RLX_ACT_SELU:
      return {1.67326319217681884765625, 1.05070102214813232421875, "gamma"};
    case RLX_ACT_SHRINK:
      return {0.5, 0, "bias", "lambd"};
    default:
      return {};
  }
}

void activation(Node& node) {
  const std::uint32_t act = number_of(kActivations, node.op_type());
  const Defaults defaults = defaults_of(act);
  const double alpha = node.real(defaults.alpha_name, defaults.alpha),
               beta = node.real(defaults.beta_name, defaults.beta);
  node.out(0, node.b.activation(node.in(0), static_cast<Activation>(act), alpha, beta));
}

void gelu(Node& node) {
  const std::string how = node.text("approximate", "none");
  if (how != "none" && how != "tanh")
    return node.fault("approximate `" + printable(how) + "`, wanted none or tanh");
  node.out(0, node.b.activation(node.in(0), how == "tanh" ? Activation::kGeluTanh : Activation::kGeluErf));
}

void swish(Node& node) {
  const double alpha = node.real("alpha", 1);
  const Handle x = node.in(0);
  if (alpha == 1) return node.out(0, node.b.activation(x, Activation::kSilu));
  node.out(0, node.b.mul(x, node.b.unary(RLX_UNARY_SIGMOID, node.b.mul(x, node.like(alpha, x)))));
}

void prelu(Node& node) {
  const Handle x = node.in(0);
  const Handle positive = node.b.compare(RLX_COMPARE_GE, x, node.like(0, x));
  node.out(0, node.b.select(positive, x, node.b.mul(x, node.in(1))));
}

/// A bound of Clip, an attribute before opset 11: its number where it is known.
std::optional<double> clip_number(Node& node, std::size_t i, std::string_view name, double open) {
  if (node.has_attribute(name)) return node.real(name, open);
  if (!node.has(i)) return open;
  const Known* bound = node.known(i);
  return bound && bound->plain() && bound->elements.size() == 1 ? std::optional(bound->elements[0].value())
                                                                : std::nullopt;
}

void clip(Node& node) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto low = clip_number(node, 1, "min", -kInfinity), high = clip_number(node, 2, "max", kInfinity);
  Handle x = node.in(0);
  const bool both = low && high && std::isfinite(*low) && std::isfinite(*high) && *low <= *high;
  if (both && is_float(node.dtype(0)))
    return node.out(0, node.b.activation(x, Activation::kClip, *low, *high));
  const auto bound = [&](std::size_t i, std::string_view name) {
    return node.has_attribute(name) ? node.like(node.real(name, 0), x) : node.b.reshape(node.in(i), {});
  };
  if (node.has_attribute("min") || node.has(1)) x = node.b.binary(RLX_BINARY_MAX, x, bound(1, "min"));
  if (node.has_attribute("max") || node.has(2)) x = node.b.binary(RLX_BINARY_MIN, x, bound(2, "max"));
  node.out(0, x);
}

constexpr OpRow unary_row(std::string_view name, bool folds = false) {
  return {name, 1, 1, 1, unary, folds ? fold_unary : nullptr};
}
constexpr OpRow act_row(std::string_view name) { return {name, 1, 1, 1, activation, nullptr}; }
constexpr OpRow compare_row(std::string_view name) { return {name, 2, 2, 1, compare, fold_compare}; }

constexpr std::array kPointwiseRows = {
    unary_row("Neg", true),
    unary_row("Abs", true),
    unary_row("Sign"),
    unary_row("Floor", true),
    unary_row("Ceil", true),
    unary_row("Round", true),
    unary_row("Exp"),
    unary_row("Log"),
    unary_row("Sqrt", true),
    unary_row("Reciprocal"),
    unary_row("Sin"),
    unary_row("Cos"),
    unary_row("Tan"),
    unary_row("Asin"),
    unary_row("Acos"),
    unary_row("Atan"),
    unary_row("Sinh"),
    unary_row("Cosh"),
    unary_row("Tanh"),
    unary_row("Asinh"),
    unary_row("Acosh"),
    unary_row("Atanh"),
    unary_row("Erf"),
    unary_row("Sigmoid"),
    unary_row("Not", true),
    unary_row("BitwiseNot"),
    unary_row("IsNaN"),
    OpRow{"IsInf", 1, 1, 1, is_inf, nullptr},
    OpRow{"Add", 2, 2, 1, binary, fold_arithmetic},
    OpRow{"Sub", 2, 2, 1, binary, fold_arithmetic},
    OpRow{"Mul", 2, 2, 1, binary, fold_arithmetic},
    OpRow{"Div", 2, 2, 1, binary, fold_arithmetic},
    OpRow{"And", 2, 2, 1, binary, fold_compare},
    OpRow{"Or", 2, 2, 1, binary, fold_compare},
    OpRow{"Xor", 2, 2, 1, binary, fold_compare},
    OpRow{"BitwiseAnd", 2, 2, 1, binary, nullptr},
    OpRow{"BitwiseOr", 2, 2, 1, binary, nullptr},
    OpRow{"BitwiseXor", 2, 2, 1, binary, nullptr},
    OpRow{"BitShift", 2, 2, 1, bit_shift, nullptr},
    OpRow{"Mod", 2, 2, 1, mod, fold_arithmetic},
    OpRow{"Pow", 2, 2, 1, pow, nullptr},
    OpRow{"Max", 1, kAny, 1, variadic, fold_arithmetic},
    OpRow{"Min", 1, kAny, 1, variadic, fold_arithmetic},
    OpRow{"Sum", 1, kAny, 1, variadic, fold_arithmetic},
    OpRow{"Mean", 1, kAny, 1, variadic, nullptr},
    compare_row("Equal"),
    compare_row("Less"),
    compare_row("LessOrEqual"),
    compare_row("Greater"),
    compare_row("GreaterOrEqual"),
    OpRow{"Where", 3, 3, 1, where, fold_where},
    act_row("Relu"),
    act_row("LeakyRelu"),
    act_row("HardSigmoid"),
    act_row("HardSwish"),
    act_row("Softplus"),
    act_row("Mish"),
    act_row("Elu"),
    act_row("Selu"),
    act_row("Celu"),
    act_row("Softsign"),
    act_row("Shrink"),
    act_row("ThresholdedRelu"),
    OpRow{"Gelu", 1, 1, 1, gelu, nullptr},
    OpRow{"Swish", 1, 1, 1, swish, nullptr},
    OpRow{"PRelu", 2, 2, 1, prelu, nullptr},
    OpRow{"Clip", 1, 3, 1, clip, nullptr},
};

}  // namespace

std::span<const OpRow> pointwise_ops() { return kPointwiseRows; }

}  // namespace rlx::onnx_import
