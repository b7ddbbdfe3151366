// SPDX-License-Identifier: Apache-2.0
// Opcode -> compiler, and opcode -> name.
#include "compile_ops.h"

#include <limits>

namespace rlx_cpu {
namespace {

struct Entry {
  uint32_t opcode;
  const char* name;
  OpCompiler compiler;
};

constexpr Entry kEntries[] = {
    {RLX_OP_COPY, "copy", compile_copy},
    {RLX_OP_UNARY, "unary", compile_unary},
    {RLX_OP_BINARY, "binary", compile_binary},
    {RLX_OP_COMPARE, "compare", compile_compare},
    {RLX_OP_SELECT, "select", compile_select},
    {RLX_OP_CAST, "cast", compile_cast},
    {RLX_OP_BITCAST, "bitcast", compile_bitcast},
    {RLX_OP_IOTA, "iota", compile_iota},
    {RLX_OP_DYNAMIC_SLICE, "dynamic_slice", compile_dynamic_slice},
    {RLX_OP_DYNAMIC_UPDATE_SLICE, "dynamic_update_slice", compile_dynamic_update_slice},
    {RLX_OP_CONCAT, "concat", compile_concat},
    {RLX_OP_PAD, "pad", compile_pad},
    {RLX_OP_GATHER, "gather", compile_gather},
    {RLX_OP_GATHER_ELEMENTS, "gather_elements", compile_gather_elements},
    {RLX_OP_GATHER_ND, "gather_nd", compile_gather_nd},
    {RLX_OP_SCATTER_ELEMENTS, "scatter_elements", compile_scatter_elements},
    {RLX_OP_SCATTER_ND, "scatter_nd", compile_scatter_nd},
    {RLX_OP_REDUCE, "reduce", compile_reduce},
    {RLX_OP_ARG_REDUCE, "arg_reduce", compile_arg_reduce},
    {RLX_OP_CUMULATE, "cumulate", compile_cumulate},
    {RLX_OP_TOP_K, "top_k", compile_top_k},
    {RLX_OP_NONZERO, "nonzero", compile_nonzero},
    {RLX_OP_DOT, "dot", compile_dot},
    {RLX_OP_CONV, "conv", compile_conv},
    {RLX_OP_REDUCE_WINDOW, "reduce_window", compile_reduce_window},
    {RLX_OP_RNG_BITS, "rng_bits", compile_rng_bits},
    {RLX_OP_IF, "if", compile_if},
    {RLX_OP_WHILE, "while", compile_while},
    {RLX_OP_LINEAR, "linear", compile_linear},
    {RLX_OP_ELEMENTWISE, "elementwise", compile_elementwise},
    {RLX_OP_SOFTMAX, "softmax", compile_softmax},
    {RLX_OP_LAYER_NORM, "layer_norm", compile_layer_norm},
    {RLX_OP_RMS_NORM, "rms_norm", compile_rms_norm},
    {RLX_OP_GROUP_NORM, "group_norm", compile_group_norm},
    {RLX_OP_BATCH_NORM, "batch_norm", compile_batch_norm},
    {RLX_OP_ATTENTION, "attention", compile_attention},
    {RLX_OP_ROPE, "rope", compile_rope},
    {RLX_OP_GATED_ACT, "gated_act", compile_gated_act},
    {RLX_OP_CONV_ACT, "conv_act", compile_conv_act},
    {RLX_OP_AVG_POOL, "avg_pool", compile_avg_pool},
    {RLX_OP_ACT, "act", compile_act},
    // Names only: these run as their expansion.
    {RLX_OP_DIM, "dim", nullptr},
    {RLX_OP_RESHAPE, "reshape", nullptr},
    {RLX_OP_TRANSPOSE, "transpose", nullptr},
    {RLX_OP_BROADCAST, "broadcast", nullptr},
    {RLX_OP_SLICE, "slice", nullptr},
    {RLX_OP_EMBED_NORM, "embed_norm", compile_embed_norm},
    {RLX_OP_SEGMENT_REDUCE, "segment_reduce", compile_segment_reduce},
    {RLX_OP_CONV_TRANSPOSE, "conv_transpose", nullptr},
    {RLX_OP_RESIZE, "resize", nullptr},
    {RLX_OP_QUANTIZE, "quantize", nullptr},
    {RLX_OP_DEQUANTIZE, "dequantize", nullptr},
    {RLX_OP_DYNAMIC_QUANTIZE, "dynamic_quantize", nullptr},
    {RLX_OP_QLINEAR, "qlinear", nullptr},
    {RLX_OP_LSTM, "lstm", nullptr},
    {RLX_OP_GRU, "gru", nullptr},
    {RLX_OP_KV_APPEND, "kv_append", nullptr},
    {RLX_OP_LINEAR_ATTENTION, "linear_attention", nullptr},
    {RLX_OP_CAUSAL_CONV, "causal_conv", nullptr},
    {RLX_OP_GROUPED_LINEAR, "grouped_linear", nullptr},
    {RLX_OP_DFT, "dft", nullptr},
    {RLX_OP_NMS, "nms", nullptr},
    {RLX_OP_ROW_CHAIN, "row_chain", nullptr},
};

const Entry* entry_of(uint32_t opcode) {
  for (const Entry& entry : kEntries) {
    if (entry.opcode == opcode) return &entry;
  }
  return nullptr;
}

}  // namespace

OpCompiler compiler_of(uint32_t opcode) {
  const Entry* entry = entry_of(opcode);
  return entry == nullptr ? nullptr : entry->compiler;
}

const char* opcode_name(uint32_t opcode) {
  const Entry* entry = entry_of(opcode);
  return entry == nullptr ? "unknown op" : entry->name;
}

ActParams act_params(const OpContext& c, uint32_t act) {
  const auto params = [&](double alpha, double beta) {
    return ActParams{c.f64(RLX_ATTR_ACT_ALPHA, alpha), c.f64(RLX_ATTR_ACT_BETA, beta)};
  };
  switch (act) {
    case RLX_ACT_LEAKY_RELU:
      return params(0.01, 0);
    case RLX_ACT_CLIP:
      return params(-std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity());
    case RLX_ACT_HARD_SIGMOID:
      return params(0.2, 0.5);
    case RLX_ACT_ELU:
    case RLX_ACT_CELU:
    case RLX_ACT_THRESHOLDED_RELU:
      return params(1, 0);
    case RLX_ACT_SELU:
      return params(1.67326319217681884765625, 1.05070102214813232421875);
    case RLX_ACT_SHRINK:
      return params(0.5, 0);
    default:
      return params(0, 0);
  }
}

std::optional<Rows> rows_of(const View& view, uint32_t axis) {
  Rows rows;
  int64_t inner = 1;
  for (uint32_t i = view.rank; i-- > axis;) {
    if (view.dims[i] != 1 && view.strides[i] != inner) return std::nullopt;
    inner *= view.dims[i];
  }
  rows.columns = inner;
  rows.stride = inner;
  bool first = true;
  for (uint32_t i = axis; i-- > 0;) {
    if (view.dims[i] == 1) continue;
    if (first)
      rows.stride = view.strides[i];
    else if (view.strides[i] != rows.stride * rows.count)
      return std::nullopt;
    first = false;
    rows.count *= view.dims[i];
    if (rows.count == 0) return rows;
  }
  return rows;
}

}  // namespace rlx_cpu
