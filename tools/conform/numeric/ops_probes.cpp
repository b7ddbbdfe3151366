// SPDX-License-Identifier: Apache-2.0
// OPS-15: linear of one to four parts in every form. OPS-16: sums whose answer stands in the low bits of the operands, or is
// lost by an accumulator that is too narrow.
#include <cmath>

#include "tools/conform/numeric/ops.h"

namespace rlx::conform {
namespace {

struct Form {
  std::int64_t layout;
  bool bias, alphas, residual;
  std::uint32_t act;
};

OpCase linear(DType dtype, const Sizes& widths, const Form& form, std::int64_t rows, std::int64_t k) {
  const Fill fill = product_fill(dtype, k + 3);
  std::string name = "linear/" + std::string(dtype_name(dtype)) + "/" + dims_text(widths) + (form.layout == RLX_W_LAYOUT_NK ? "_nk" : "_kn") + (form.bias ? "_bias" : "") +
                     (form.alphas ? "_alpha" : "") + (form.residual ? "_residual" : "") + "_act" + std::to_string(form.act) + "_" + std::to_string(rows) + "x" + std::to_string(k);
  const auto parts = widths.size();
  OpCase out = {.name = std::move(name), .op = RLX_OP_LINEAR, .operands = {operand(dtype, {rows, k}, fill)},
                .attributes = {{RLX_ATTR_PARTS, number(static_cast<std::int64_t>(parts))}, {RLX_ATTR_W_LAYOUT, number(form.layout)}, {RLX_ATTR_HAS_BIAS, number(form.bias)},
                               {RLX_ATTR_HAS_RESIDUAL, number(form.residual)}, {RLX_ATTR_ACT, number(form.act)}},
                .exact = form.act == RLX_ACT_NONE || form.act == RLX_ACT_RELU, .product = true};
  if (form.alphas) {
    std::vector<double> alphas;
    for (std::size_t i = 0; i < parts; ++i) alphas.push_back(std::ldexp(i % 2 ? -1.0 : 1.0, static_cast<int>(i) - 1));
    out.attributes[RLX_ATTR_ALPHAS] = alphas;
  }
  for (const std::int64_t n : widths) out.operands.push_back(operand(dtype, form.layout == RLX_W_LAYOUT_NK ? Sizes{n, k} : Sizes{k, n}, fill));
  for (std::size_t i = 0; form.bias && i < parts; ++i) out.operands.push_back(operand(dtype, {widths[i]}, fill));
  for (std::size_t i = 1; i < out.operands.size(); ++i) out.operands[i].param = true;
  if (form.residual) out.operands.push_back(operand(dtype, {rows, widths[0]}, fill));
  return out;
}

void linears(std::vector<OpCase>& out, DType dtype) {
  const Form forms[] = {{RLX_W_LAYOUT_KN, true, false, false, RLX_ACT_NONE}, {RLX_W_LAYOUT_NK, true, true, false, RLX_ACT_NONE}, {RLX_W_LAYOUT_KN, false, true, false, RLX_ACT_NONE},
                        {RLX_W_LAYOUT_NK, false, false, false, RLX_ACT_RELU}, {RLX_W_LAYOUT_KN, true, true, false, RLX_ACT_RELU}, {RLX_W_LAYOUT_NK, true, false, false, RLX_ACT_GELU_ERF},
                        {RLX_W_LAYOUT_KN, true, false, false, RLX_ACT_SILU}, {RLX_W_LAYOUT_NK, false, false, false, RLX_ACT_NONE}};
  const Sizes widths[] = {{19}, {16}, {8, 8}, {33, 5}, {1, 40, 16}, {12, 12, 12}, {7, 16, 3, 20}, {8, 8, 8, 8}};
  int turn = 0;
  for (const Sizes& each : widths)
    for (const Form& form : forms) {
      OpCase op_case = linear(dtype, each, form, 1 + turn % 6, 5 + turn * 7 % 40);
      op_case.effort = dtype == DType::kF32 && (turn % 3 == 0 || form.layout == RLX_W_LAYOUT_KN) ? 0 : 1;
      out.push_back(std::move(op_case));
      ++turn;
    }
  for (const std::uint32_t act : {RLX_ACT_NONE, RLX_ACT_RELU, RLX_ACT_GELU_TANH})
    for (const bool bias : {false, true}) {
      OpCase op_case = linear(dtype, {21}, {bias ? RLX_W_LAYOUT_NK : RLX_W_LAYOUT_KN, bias, false, true, act}, 5, 13);
      op_case.effort = dtype == DType::kF32 ? 0 : 1;
      out.push_back(std::move(op_case));
    }
}

// ---- OPS-16 ----

/// One term of K is not zero: a number with bits down to the last of an f32.
std::vector<double> low_bits(std::int64_t k, std::int64_t rows) {
  std::vector<double> out(static_cast<std::size_t>(rows * k), 0.0);
  for (std::int64_t row = 0; row < rows; ++row) out[static_cast<std::size_t>(row * k + row * 7 % k)] = 1 + (1 + 2 * static_cast<double>(row)) * 0x1.111p-10;
  return out;
}

/// All terms alike, each with a part that bf16 and tf32 drop: what is dropped adds up.
std::vector<double> residue() { return {1 + 0x1p-12, 1 + 0x1p-12 + 0x1p-14}; }

/// Just below the middle between two neighbours of the format with that many digits, which rounds both factors down: the
/// format misses each product by 2^(1-digits), and finer ones by little.
std::vector<double> low_neighbour(int digits) { return {1 + std::ldexp(1.0, -digits) - std::ldexp(1.0, -digits - 4)}; }

OpCase sized_dot(DType dtype, std::int64_t k, const char* what, std::vector<double> a, std::vector<double> b) {
  OpCase out = {.name = "dot/" + std::string(dtype_name(dtype)) + "/" + what + "_" + std::to_string(k), .op = RLX_OP_DOT, .operands = {operand(dtype, {6, k}), operand(dtype, {k, 20})},
                .attributes = {{RLX_ATTR_CONTRACT_A, integers({1})}, {RLX_ATTR_CONTRACT_B, integers({0})}}, .product = true, .effort = 0};
  out.operands[0].fill.reals = std::move(a);
  out.operands[1].fill.reals = std::move(b);
  return out;
}

OpCase sized_linear(DType dtype, std::int64_t k, const char* what, std::vector<double> a, std::vector<double> b) {
  OpCase out = linear(dtype, {20}, {RLX_W_LAYOUT_NK, false, false, false, RLX_ACT_NONE}, 6, k);
  out.name = "linear/" + std::string(dtype_name(dtype)) + "/" + what + "_" + std::to_string(k);
  out.exact = false;
  out.operands[0].fill.reals = std::move(a);
  out.operands[1].fill.reals = std::move(b);
  out.effort = 0;
  return out;
}

OpCase sized_conv(DType dtype, std::int64_t k, const char* what, std::vector<double> a, std::vector<double> b) {
  OpCase out = {.name = "conv/" + std::string(dtype_name(dtype)) + "/" + what + "_" + std::to_string(k), .op = RLX_OP_CONV, .operands = {operand(dtype, {1, k, 6}), operand(dtype, {4, k, 1})}, .product = true, .effort = 0};
  out.operands[0].fill.reals = std::move(a);
  out.operands[1].fill.reals = std::move(b);
  return out;
}

/// `head`, then ones: an accumulator as narrow as the dtype stays at the head.
std::vector<double> head_and_ones(std::int64_t k, std::int64_t rows, double head) {
  std::vector<double> out(static_cast<std::size_t>(rows * k), 1.0);
  for (std::int64_t row = 0; row < rows; ++row) out[static_cast<std::size_t>(row * k)] = head;
  return out;
}

OpCase sum_probe(const char* op, DType dtype, std::int64_t k, double head) {
  OpCase out = {.name = std::string(op) + "/" + std::string(dtype_name(dtype)) + "/head_and_ones_" + std::to_string(k), .op = RLX_OP_REDUCE, .fn = RLX_REDUCE_SUM, .operands = {operand(dtype, {3, k})},
                .attributes = {{RLX_ATTR_FN, number(RLX_REDUCE_SUM)}, {RLX_ATTR_AXES, integers({1})}, {RLX_ATTR_KEEP, number(0)}}, .effort = 0};
  out.operands[0].fill.reals = head_and_ones(k, 3, head);
  return out;
}

}  // namespace

const CaseList& linear_forms() {
  static const CaseList list([] {
    std::vector<OpCase> out;
    for (const DType dtype : float_dtypes()) linears(out, dtype);
    return out;
  }());
  return list;
}

const CaseList& class_probes() {
  static const CaseList list([] {
    std::vector<OpCase> out;
    for (const std::int64_t k : {1, 16, 300, 1024}) {
      for (const auto make : {sized_dot, sized_linear}) {
        out.push_back(make(DType::kF32, k, "low_bits", low_bits(k, 6), {1}));
        out.push_back(make(DType::kF32, k, "low_bits_b", {1}, low_bits(k, 20)));
        out.push_back(make(DType::kF32, k, "residue", residue(), {1}));
        out.push_back(make(DType::kF32, k, "past_bf16", low_neighbour(8), low_neighbour(8)));
        out.push_back(make(DType::kF32, k, "past_f8", low_neighbour(4), low_neighbour(4)));
      }
      out.push_back(sized_conv(DType::kF32, k, "residue", residue(), {1}));
      out.push_back(sized_conv(DType::kF32, k, "residue_w", {1}, residue()));
      out.push_back(sized_conv(DType::kF32, k, "past_bf16", low_neighbour(8), low_neighbour(8)));
    }
    for (const std::int64_t k : {129, 1025}) {
      for (const auto& [dtype, head] : {std::pair(DType::kF16, 2048.0), std::pair(DType::kBF16, 256.0), std::pair(DType::kF32, 2048.0)}) {
        out.push_back(sized_dot(dtype, k, "head_and_ones", head_and_ones(k, 6, head), {1}));
        out.push_back(sized_linear(dtype, k, "head_and_ones", head_and_ones(k, 6, head), {1}));
        out.push_back(sized_conv(dtype, k, "head_and_ones", {1}, head_and_ones(k, 4, head)));
        if (dtype != DType::kF32) out.push_back(sum_probe("reduce.sum", dtype, k, head));
      }
    }
    return out;
  }());
  return list;
}

/// A bound of the class's own where K is long: dense bounds of a thousand terms would let a coarser class pass.
Result<NumericCase> probe_case(const std::string& key, std::uint64_t seed, const Facts& facts) {
  RLX_ASSIGN(NumericCase made, (class_case_of<class_probes, Data::kTame>(key, seed, facts)));
  const bool coarse = made.compare.loose_is_fine;
  if (!coarse && key.find("low_bits") != std::string::npos) made.compare.most = 0x1p-21;  // two roundings of f32 and some, near 1
  return made;
}

}  // namespace rlx::conform
