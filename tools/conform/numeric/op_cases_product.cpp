// SPDX-License-Identifier: Apache-2.0
// Sums of products: dot, conv, linear, conv_act.
#include "tools/conform/numeric/op_cases.h"

namespace rlx::conform {
namespace {

std::string key(const char* op, DType dtype, const std::string& variant) {
  return std::string(op) + "/" + std::string(dtype_name(dtype)) + "/" + variant;
}

struct DotCase {
  const char* name;
  Sizes a, b, contract_a, contract_b, batch_a, batch_b;
  std::int64_t terms;
};
const DotCase kDots[] = {
    {"5x17x19", {5, 17}, {17, 19}, {1}, {0}, {}, {}, 17},
    {"square", {16, 16}, {16, 16}, {1}, {0}, {}, {}, 16},
    {"nk", {7, 33}, {9, 33}, {1}, {1}, {}, {}, 33},
    {"kn_first", {13, 4}, {13, 6}, {0}, {0}, {}, {}, 13},
    {"batch", {3, 5, 8}, {3, 8, 7}, {2}, {1}, {0}, {0}, 8},
    {"batch_last", {5, 8, 3}, {3, 7, 8}, {1}, {2}, {2}, {0}, 8},
    {"heads", {2, 3, 5, 8}, {2, 3, 7, 8}, {3}, {3}, {0, 1}, {0, 1}, 8},
    {"two_axes", {4, 3, 5}, {5, 3, 6}, {1, 2}, {1, 0}, {}, {}, 15},
    {"vectors", {65}, {65}, {0}, {0}, {}, {}, 65},
    {"outer", {5}, {7}, {}, {}, {}, {}, 1},
    {"row", {1, 67}, {67, 35}, {1}, {0}, {}, {}, 67},
    {"column", {67, 35}, {35, 1}, {1}, {0}, {}, {}, 35},
    {"large", {70, 24}, {24, 68}, {1}, {0}, {}, {}, 24},
};

void dots(std::vector<OpCase>& out, DType a, DType b) {
  const bool quick = a == DType::kF32;
  const bool bytes = dtype_bytes(a) == 1;
  for (const DotCase& dot : kDots) {
    const Fill fill = product_fill(a, dot.terms);
    OpCase op_case = {.name = key("dot", a, (a == b ? "" : std::string(dtype_name(b)) + "_") + std::string(dot.name)), .op = RLX_OP_DOT,
                      .operands = {operand(a, dot.a, fill), operand(b, dot.b, fill)},
                      .attributes = {{RLX_ATTR_CONTRACT_A, integers(dot.contract_a)}, {RLX_ATTR_CONTRACT_B, integers(dot.contract_b)},
                                     {RLX_ATTR_BATCH_A, integers(dot.batch_a)}, {RLX_ATTR_BATCH_B, integers(dot.batch_b)}},
                      .exact = true, .product = is_float(a), .effort = quick || dot.name == kDots[0].name ? 0 : 1};
    if (bytes) op_case.attributes[RLX_ATTR_ACC] = DType::kI32;
    out.push_back(op_case);
  }
}

struct ConvCase {
  const char* name;
  Sizes x, w, strides, dilation, input_dilation, low, high;
  std::int64_t groups;
  bool composite;  ///< of conv_act, too
};
const ConvCase kConvs[] = {
    {"1d", {2, 3, 17}, {4, 3, 3}, {1}, {1}, {1}, {1}, {1}, 1, true},
    {"1d_stride", {2, 3, 18}, {5, 3, 4}, {3}, {1}, {1}, {2}, {0}, 1, false},
    {"2d", {2, 3, 7, 9}, {4, 3, 3, 2}, {1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, 1, true},
    {"2d_pad", {1, 3, 8, 8}, {4, 3, 3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, 1, true},
    {"2d_pad_uneven", {1, 2, 5, 6}, {3, 2, 3, 3}, {1, 2}, {1, 1}, {1, 1}, {2, 0}, {0, 2}, 1, true},
    {"2d_dilated", {1, 2, 9, 11}, {3, 2, 3, 2}, {1, 1}, {2, 3}, {1, 1}, {1, 0}, {1, 2}, 1, true},
    {"2d_spread", {1, 2, 4, 5}, {3, 2, 3, 3}, {1, 1}, {1, 1}, {2, 3}, {1, 2}, {2, 1}, 1, false},
    {"2d_groups", {2, 6, 6, 5}, {4, 3, 3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, 2, true},
    {"2d_depthwise", {1, 5, 7, 7}, {5, 1, 3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, 5, true},
    {"2d_multiplier", {1, 4, 5, 5}, {8, 1, 2, 2}, {1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, 4, true},
    {"2d_point", {2, 17, 5, 5}, {19, 17, 1, 1}, {1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, 1, true},
    {"3d", {1, 2, 4, 5, 6}, {3, 2, 2, 3, 2}, {1, 2, 1}, {1, 1, 2}, {1, 1, 1}, {0, 1, 0}, {1, 1, 0}, 1, true},
};

Attributes conv_attributes(const ConvCase& conv) {
  return {{RLX_ATTR_STRIDES, integers(conv.strides)}, {RLX_ATTR_DILATION, integers(conv.dilation)}, {RLX_ATTR_INPUT_DILATION, integers(conv.input_dilation)},
          {RLX_ATTR_LOW, integers(conv.low)}, {RLX_ATTR_HIGH, integers(conv.high)}, {RLX_ATTR_GROUPS, number(conv.groups)}};
}

std::int64_t terms_of(const ConvCase& conv) { return reference::element_count(conv.w) / conv.w[0]; }

void convs(std::vector<OpCase>& out, DType dtype, DType weight) {
  for (const ConvCase& conv : kConvs) {
    const Fill fill = product_fill(dtype, terms_of(conv));
    OpCase op_case = {.name = key("conv", dtype, (dtype == weight ? "" : std::string(dtype_name(weight)) + "_") + std::string(conv.name)), .op = RLX_OP_CONV,
                      .operands = {operand(dtype, conv.x, fill), operand(weight, conv.w, fill)},
                      .attributes = conv_attributes(conv), .exact = true, .product = is_float(dtype),
                      .effort = dtype == DType::kF32 || conv.name == kConvs[0].name ? 0 : 1};
    if (!is_float(dtype)) op_case.attributes[RLX_ATTR_ACC] = DType::kI32;
    out.push_back(op_case);
  }
}

/// Activations with numbers of their own.
struct ActNumbers {
  const char* name;
  std::uint32_t act;
  double alpha, beta;
};
constexpr ActNumbers kActNumbers[] = {{"leaky_relu", RLX_ACT_LEAKY_RELU, 0.25, 0}, {"clip", RLX_ACT_CLIP, -1.5, 2.5}, {"shrink", RLX_ACT_SHRINK, 0.25, 0.5}};

/// bf16 has so few digits that results of these prove little.
std::span<const ActNumbers> numbers_for(DType dtype) { return std::span(kActNumbers).first(dtype == DType::kBF16 ? 0 : std::size(kActNumbers)); }

/// And with the accumulator named: f32, or what is wider.
void with_numbers(OpCase& op_case, const ActNumbers& act, DType dtype) {
  op_case.attributes[RLX_ATTR_ACT] = number(act.act);
  op_case.attributes[RLX_ATTR_ACT_ALPHA] = act.alpha;
  op_case.attributes[RLX_ATTR_ACT_BETA] = act.beta;
  op_case.attributes[RLX_ATTR_ACC] = dtype == DType::kF64 ? DType::kF64 : DType::kF32;
}

void conv_acts(std::vector<OpCase>& out, DType dtype) {
  int turn = 0;
  for (const ConvCase& conv : kConvs) {
    if (!conv.composite) continue;
    const Fill fill = product_fill(dtype, terms_of(conv) + 2);
    OpCase op_case = {.name = key("conv_act", dtype, conv.name), .op = RLX_OP_CONV_ACT, .operands = {operand(dtype, conv.x, fill), operand(dtype, conv.w, fill)},
                      .attributes = conv_attributes(conv), .exact = true, .product = true, .effort = dtype == DType::kF32 ? 0 : 1};
    op_case.attributes[RLX_ATTR_ACT] = number(turn % 3 == 0 ? RLX_ACT_RELU : turn % 3 == 1 ? RLX_ACT_NONE : RLX_ACT_SILU);
    op_case.exact = turn % 3 != 2;
    const auto shapes = result_shapes(op_case);
    if (turn % 2 == 0) {
      op_case.attributes[RLX_ATTR_HAS_BIAS] = number(1);
      op_case.operands.push_back(operand(dtype, {conv.w[0]}, fill));
    }
    if (turn % 4 < 2 && shapes) {
      Sizes dims;
      for (const Dim& dim : (*shapes)[0].dims) dims.push_back(dim.number());
      op_case.attributes[RLX_ATTR_HAS_RESIDUAL] = number(1);
      op_case.operands.push_back(operand(dtype, dims, fill));
    }
    out.push_back(op_case);
    ++turn;
  }
  for (const ActNumbers& act : numbers_for(dtype)) {
    const ConvCase& conv = kConvs[0];
    OpCase op_case = {.name = key("conv_act", dtype, std::string("act_") + act.name), .op = RLX_OP_CONV_ACT, .operands = {operand(dtype, conv.x), operand(dtype, conv.w)},
                      .attributes = conv_attributes(conv), .product = true, .effort = 1};
    with_numbers(op_case, act, dtype);
    out.push_back(op_case);
  }
}

struct LinearCase {
  const char* name;
  Sizes x;
  Sizes widths;  ///< one per part
  std::int64_t layout;
  bool bias, residual, params;
  std::uint32_t act;
};
const LinearCase kLinears[] = {
    {"kn", {5, 17}, {19}, RLX_W_LAYOUT_KN, false, false, false, RLX_ACT_NONE},
    {"nk_bias", {7, 33}, {35}, RLX_W_LAYOUT_NK, true, false, true, RLX_ACT_NONE},
    {"square", {16, 16}, {16}, RLX_W_LAYOUT_KN, false, false, true, RLX_ACT_NONE},
    {"rank3_bias_relu", {2, 3, 20}, {67}, RLX_W_LAYOUT_KN, true, false, true, RLX_ACT_RELU},
    {"residual", {6, 24}, {24}, RLX_W_LAYOUT_NK, true, true, true, RLX_ACT_RELU},
    {"two_parts", {5, 16}, {16, 33}, RLX_W_LAYOUT_KN, true, false, true, RLX_ACT_NONE},
    {"three_parts", {9, 12}, {12, 12, 20}, RLX_W_LAYOUT_NK, true, false, true, RLX_ACT_NONE},
    {"four_parts", {3, 10}, {1, 17, 8, 5}, RLX_W_LAYOUT_KN, true, false, false, RLX_ACT_RELU},
    {"gelu", {4, 30}, {31}, RLX_W_LAYOUT_NK, true, false, true, RLX_ACT_GELU_ERF},
    {"row", {1, 65}, {40}, RLX_W_LAYOUT_KN, true, false, true, RLX_ACT_NONE},
    {"vector", {21}, {18}, RLX_W_LAYOUT_KN, false, false, true, RLX_ACT_NONE},
    {"large", {35, 20}, {67}, RLX_W_LAYOUT_NK, true, false, true, RLX_ACT_NONE},
};

void linears(std::vector<OpCase>& out, DType dtype) {
  for (const LinearCase& linear : kLinears) {
    const std::int64_t k = linear.x.back();
    const Fill fill = product_fill(dtype, k + 2);
    OpCase op_case = {.name = key("linear", dtype, linear.name), .op = RLX_OP_LINEAR, .operands = {operand(dtype, linear.x, fill)},
                      .attributes = {{RLX_ATTR_PARTS, number(static_cast<std::int64_t>(linear.widths.size()))}, {RLX_ATTR_W_LAYOUT, number(linear.layout)},
                                     {RLX_ATTR_HAS_BIAS, number(linear.bias)}, {RLX_ATTR_HAS_RESIDUAL, number(linear.residual)}, {RLX_ATTR_ACT, number(linear.act)}},
                      .exact = linear.act != RLX_ACT_GELU_ERF, .product = true, .effort = dtype == DType::kF32 ? 0 : 1};
    for (const std::int64_t n : linear.widths) op_case.operands.push_back(operand(dtype, linear.layout == RLX_W_LAYOUT_NK ? Sizes{n, k} : Sizes{k, n}, fill));
    for (std::size_t i = 0; linear.bias && i < linear.widths.size(); ++i) op_case.operands.push_back(operand(dtype, {linear.widths[i]}, fill));
    for (std::size_t i = 1; i < op_case.operands.size(); ++i) op_case.operands[i].param = linear.params;
    if (linear.residual) op_case.operands.push_back(operand(dtype, linear.x, fill));
    out.push_back(op_case);
  }
  for (const ActNumbers& act : numbers_for(dtype)) {
    OpCase op_case = {.name = key("linear", dtype, std::string("act_") + act.name), .op = RLX_OP_LINEAR,
                      .operands = {operand(dtype, {5, 17}), operand(dtype, {17, 19}), operand(dtype, {19})},
                      .attributes = {{RLX_ATTR_PARTS, number(1)}, {RLX_ATTR_HAS_BIAS, number(1)}}, .product = true, .effort = 1};
    with_numbers(op_case, act, dtype);
    out.push_back(op_case);
  }
}

}  // namespace

void product_cases(std::vector<OpCase>& out) {
  for (const DType dtype : float_dtypes()) {
    dots(out, dtype, dtype);
    convs(out, dtype, dtype);
    conv_acts(out, dtype);
    linears(out, dtype);
  }
  for (const DType dtype : {DType::kI32, DType::kI64}) dots(out, dtype, dtype);
  for (const DType a : {DType::kI8, DType::kU8})
    for (const DType b : {DType::kI8, DType::kU8}) {
      dots(out, a, b);
      convs(out, a, b);
    }
}

}  // namespace rlx::conform
