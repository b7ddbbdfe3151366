// SPDX-License-Identifier: Apache-2.0
// softmax, the norms, rope, embed_norm.
#include "tools/conform/numeric/op_cases.h"

namespace rlx::conform {
namespace {

std::string key(const char* op, DType dtype, const std::string& variant) {
  return std::string(op) + "/" + std::string(dtype_name(dtype)) + "/" + variant;
}

int effort_of(DType dtype) { return dtype == DType::kF32 ? 0 : 1; }

Fill between(double low, double high) {
  Fill fill;
  fill.low = low;
  fill.high = high;
  return fill;
}

void softmaxes(std::vector<OpCase>& out, DType dtype) {
  for (const Sizes& dims : {Sizes{67}, Sizes{5, 33}, Sizes{3, 4, 17}, Sizes{2, 3, 4, 5}})
    for (std::int64_t axis = 0; axis < static_cast<std::int64_t>(dims.size()); ++axis)
      for (const std::int64_t log : {0, 1})
        out.push_back({.name = key("softmax", dtype, dims_text(dims) + "_axis" + std::to_string(axis) + (log ? "_log" : "")), .op = RLX_OP_SOFTMAX,
                       .operands = {operand(dtype, dims, between(-4, 4))}, .attributes = {{RLX_ATTR_AXIS, number(axis)}, {RLX_ATTR_LOG, number(log)}},
                       .effort = dtype == DType::kF32 && (!log || axis == 0) ? 0 : 1});
}

void row_norms(std::vector<OpCase>& out, DType dtype) {
  struct Variant {
    const char* name;
    Sizes dims;
    std::int64_t axis;
    bool residual, beta;
    std::size_t results;
    double eps;
  };
  static const Variant kVariants[] = {
      {"rows", {5, 33}, 1, false, true, 0, 1e-5},         {"rows_no_beta", {5, 33}, 1, false, false, 0, 1e-3},
      {"two_axes", {3, 4, 17}, 1, false, true, 0, 1e-12}, {"residual", {2, 3, 40}, 2, true, true, 2, 1e-5},
      {"residual_alone", {4, 64}, 1, true, true, 1, 1e-5}, {"whole", {6, 7}, 0, false, true, 0, 1e-5}};
  for (const Variant& variant : kVariants) {
    const Sizes scale(variant.dims.begin() + variant.axis, variant.dims.end());
    OpCase norm = {.name = key("layer_norm", dtype, variant.name), .op = RLX_OP_LAYER_NORM, .operands = {operand(dtype, variant.dims)},
                   .attributes = {{RLX_ATTR_AXIS, number(variant.axis)}, {RLX_ATTR_EPS, variant.eps}, {RLX_ATTR_HAS_RESIDUAL, number(variant.residual)}},
                   .results = variant.results, .effort = effort_of(dtype)};
    if (variant.residual) norm.operands.push_back(operand(dtype, variant.dims));
    norm.operands.push_back(operand(dtype, scale, between(0.5, 2)));
    OpCase rms = norm;
    rms.name = key("rms_norm", dtype, variant.name);
    rms.op = RLX_OP_RMS_NORM;
    if (!variant.beta) rms.attributes[RLX_ATTR_GAMMA_OFFSET] = 1.0;
    if (variant.beta) norm.operands.push_back(operand(dtype, scale));
    out.push_back(std::move(norm));
    out.push_back(std::move(rms));
  }
}

void channel_norms(std::vector<OpCase>& out, DType dtype) {
  for (const std::int64_t groups : {1, 2, 6})
    out.push_back({.name = key("group_norm", dtype, "groups" + std::to_string(groups)), .op = RLX_OP_GROUP_NORM,
                   .operands = {operand(dtype, {2, 6, 5, 7}), operand(dtype, {6}, between(0.5, 2)), operand(dtype, {6})},
                   .attributes = {{RLX_ATTR_GROUPS, number(groups)}, {RLX_ATTR_EPS, 1e-5}}, .effort = effort_of(dtype)});
  for (std::int64_t axis = 0; axis < 3; ++axis) {
    const Sizes dims = {4, 6, 9}, channels = {dims[static_cast<std::size_t>(axis)]};
    out.push_back({.name = key("batch_norm", dtype, "axis" + std::to_string(axis)), .op = RLX_OP_BATCH_NORM,
                   .operands = {operand(dtype, dims), operand(dtype, channels, between(0.5, 2)), operand(dtype, channels), operand(dtype, channels), operand(dtype, channels, between(0.25, 2))},
                   .attributes = {{RLX_ATTR_AXIS, number(axis)}, {RLX_ATTR_EPS, 1e-3}}, .effort = effort_of(dtype)});
  }
}

void ropes(std::vector<OpCase>& out, DType dtype) {
  const auto add = [&](const char* variant, Sizes table, std::int64_t rotary, std::int64_t interleaved, bool positions) {
    OpCase rope = {.name = key("rope", dtype, variant), .op = RLX_OP_ROPE,
                   .operands = {operand(dtype, {2, 3, 5, 16}), operand(dtype, table, between(-1, 1)), operand(dtype, table, between(-1, 1))},
                   .attributes = {{RLX_ATTR_ROTARY_DIMS, number(rotary)}, {RLX_ATTR_INTERLEAVED, number(interleaved)}}, .effort = effort_of(dtype)};
    if (positions) rope.operands.push_back(index_operand(DType::kI64, {2, 5}, table[0]));
    out.push_back(std::move(rope));
  };
  add("halves", {5, 8}, 16, 0, false);
  add("interleaved", {5, 8}, 16, 1, false);
  add("partial", {5, 3}, 6, 0, false);
  add("per_batch", {2, 5, 8}, 16, 0, false);
  add("positions", {9, 8}, 16, 0, true);
  add("positions_interleaved", {9, 5}, 10, 1, true);
}

void embeds(std::vector<OpCase>& out, DType dtype) {
  for (std::int64_t parts = 1; parts <= 3; ++parts) {
    OpCase embed = {.name = key("embed_norm", dtype, std::to_string(parts) + "_tables"), .op = RLX_OP_EMBED_NORM,
                    .attributes = {{RLX_ATTR_PARTS, number(parts)}, {RLX_ATTR_EPS, 1e-12}, {RLX_ATTR_INDEX_POLICY, number(RLX_INDEX_ERROR)}, {RLX_ATTR_NEGATIVE_INDICES, number(0)}},
                    .effort = effort_of(dtype)};
    for (std::int64_t i = 0; i < parts; ++i) embed.operands.push_back(index_operand(parts == 2 ? DType::kI32 : DType::kI64, i == 1 ? Sizes{1, 5} : Sizes{3, 5}, 7 - i));
    for (std::int64_t i = 0; i < parts; ++i) {
      embed.operands.push_back(operand(dtype, {7 - i, 33}));
      embed.operands.back().param = true;
    }
    embed.operands.push_back(operand(dtype, {33}, between(0.5, 2)));
    embed.operands.push_back(operand(dtype, {33}));
    out.push_back(std::move(embed));
  }
}

}  // namespace

void norm_cases(std::vector<OpCase>& out) {
  for (const DType dtype : float_dtypes()) {
    softmaxes(out, dtype);
    row_norms(out, dtype);
    channel_norms(out, dtype);
    ropes(out, dtype);
    embeds(out, dtype);
  }
}

}  // namespace rlx::conform
