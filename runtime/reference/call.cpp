// SPDX-License-Identifier: Apache-2.0
#include "runtime/reference/call.h"

#include <variant>

namespace rlx::reference {
namespace {

template <class T>
const T* find(const lir::Op& op, std::uint32_t key) {
  const auto found = op.attributes.find(key);
  return found == op.attributes.end() ? nullptr : std::get_if<T>(&found->second);
}

}  // namespace

std::int64_t Call::integer(std::uint32_t key, std::int64_t otherwise) const {
  const Dim* value = find<Dim>(op, key);
  return value ? value->number() : otherwise;
}

double Call::real(std::uint32_t key, double otherwise) const {
  const double* value = find<double>(op, key);
  return value ? *value : otherwise;
}

DType Call::dtype(std::uint32_t key, DType otherwise) const {
  const DType* value = find<DType>(op, key);
  return value ? *value : otherwise;
}

Sizes Call::integers(std::uint32_t key) const {
  Sizes out;
  if (const Dims* list = find<Dims>(op, key))
    for (const Dim& dim : *list) out.push_back(dim.number());
  return out;
}

std::vector<double> Call::reals(std::uint32_t key) const {
  const auto* list = find<std::vector<double>>(op, key);
  return list ? *list : std::vector<double>();
}

Sizes Call::integers_or(std::uint32_t key, std::size_t size, std::int64_t otherwise) const {
  Sizes out = integers(key);
  if (out.empty()) out.assign(size, otherwise);
  return out;
}

void finish(const Call& call, Tensor& y) {
  if (!y.real()) return;
  const Unit unit = call.unit(y.dtype);
  bool exact = true;
  for (std::size_t n = 0; n < y.v.size(); ++n) {
    const Num x = stored(unit, {y.v[n], y.bound(n)});
    y.v[n] = x.v;
    if (x.e == 0 || !call.bounds) continue;
    y.need_bounds();
    y.e[n] = std::isnan(x.e) ? (std::isfinite(x.v) ? kInfinity : 0) : x.e;
    exact = false;
  }
  if (exact) y.e.clear();
}

OpFunction function_of(Opcode opcode) {
  switch (opcode) {
    case RLX_OP_COPY:
      return run_copy;
    case RLX_OP_UNARY:
      return run_unary;
    case RLX_OP_BINARY:
      return run_binary;
    case RLX_OP_COMPARE:
      return run_compare;
    case RLX_OP_SELECT:
      return run_select;
    case RLX_OP_CAST:
      return run_cast;
    case RLX_OP_BITCAST:
      return run_bitcast;
    case RLX_OP_IOTA:
      return run_iota;
    case RLX_OP_DYNAMIC_SLICE:
      return run_dynamic_slice;
    case RLX_OP_DYNAMIC_UPDATE_SLICE:
      return run_dynamic_update_slice;
    case RLX_OP_CONCAT:
      return run_concat;
    case RLX_OP_PAD:
      return run_pad;
    case RLX_OP_GATHER:
      return run_gather;
    case RLX_OP_GATHER_ELEMENTS:
      return run_gather_elements;
    case RLX_OP_GATHER_ND:
      return run_gather_nd;
    case RLX_OP_SCATTER_ELEMENTS:
      return run_scatter_elements;
    case RLX_OP_SCATTER_ND:
      return run_scatter_nd;
    case RLX_OP_REDUCE:
      return run_reduce;
    case RLX_OP_ARG_REDUCE:
      return run_arg_reduce;
    case RLX_OP_CUMULATE:
      return run_cumulate;
    case RLX_OP_TOP_K:
      return run_top_k;
    case RLX_OP_NONZERO:
      return run_nonzero;
    case RLX_OP_DOT:
      return run_dot;
    case RLX_OP_CONV:
      return run_conv;
    case RLX_OP_REDUCE_WINDOW:
      return run_reduce_window;
    case RLX_OP_RNG_BITS:
      return run_rng_bits;
    case RLX_OP_IF:
      return run_if;
    case RLX_OP_WHILE:
      return run_while;
    case RLX_OP_LINEAR:
      return run_linear;
    case RLX_OP_ELEMENTWISE:
      return run_region;
    case RLX_OP_SOFTMAX:
      return run_softmax;
    case RLX_OP_LAYER_NORM:
      return run_layer_norm;
    case RLX_OP_RMS_NORM:
      return run_rms_norm;
    case RLX_OP_GROUP_NORM:
      return run_group_norm;
    case RLX_OP_BATCH_NORM:
      return run_batch_norm;
    case RLX_OP_ATTENTION:
      return run_attention;
    case RLX_OP_ROPE:
      return run_rope;
    case RLX_OP_GATED_ACT:
      return run_gated_act;
    case RLX_OP_EMBED_NORM:
      return run_embed_norm;
    case RLX_OP_SEGMENT_REDUCE:
      return run_segment_reduce;
    case RLX_OP_CONV_ACT:
      return run_conv_act;
    case RLX_OP_AVG_POOL:
      return run_avg_pool;
    case RLX_OP_ACT:
      return run_act;
    default:
      return nullptr;
  }
}

}  // namespace rlx::reference
