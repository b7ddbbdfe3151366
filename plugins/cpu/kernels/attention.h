// SPDX-License-Identifier: Apache-2.0
// Arguments of f32 attention: any head sizes and strides, masks of every kind in ops.h, no S x S buffer.
#ifndef RLX_CPU_KERNELS_ATTENTION_H_
#define RLX_CPU_KERNELS_ATTENTION_H_

#include <cstdint>

namespace rlx_cpu {

/// Strides of a [batch, heads, sequence, inner] operand; the inner stride is 1.
struct HeadStrides {
  int64_t batch;
  int64_t head;
  int64_t seq;
};

/// y = softmax(cap(scale * q k^T) + bias, masked) v per batch and query head; head h reads key head h /
/// (heads / kv_heads). Shapes: q [B, H, Sq, D], k [B, Hkv, Sk, D], v [B, Hkv, Sk, Dv], y [B, H, Sq, Dv]; y
/// overlaps no operand. softcap: cap(s) = softcap * tanh(s / softcap); 0 = none. causal: RLX_CAUSAL_*.
/// Windows: query i (moved by Sk - Sq for RLX_CAUSAL_BOTTOM_RIGHT, by its length - Sq for RLX_CAUSAL_LENGTH) sees
/// keys i - window_left .. i + window_right; -1 = unlimited. mask_kind: RLX_MASK_* but SEQ_OFFSETS, whose sequences
/// are calls of their own; `mask` is const uint8_t* (bool), const float* (bias)
/// or const int64_t* (lengths) with mask_strides for batch, head, query, key (0 = broadcast; key_bool uses
/// batch and key, lengths batch). A query that sees no key gives zeros. Keys that no query of the call may
/// see are not read.
///
/// `attention(args, batch, head, query_begin, query_end, scratch)` computes those rows. K and V are packed
/// per call, so long row ranges are cheaper; any cut gives the same bits.
struct AttentionArgs {
  const float* q;
  const float* k;
  const float* v;
  float* y;
  HeadStrides q_strides, k_strides, v_strides, y_strides;
  int64_t heads, kv_heads;
  int64_t query_count, key_count;
  int64_t head_size, value_size;
  float scale;
  float softcap;
  uint32_t causal;
  int64_t window_left, window_right;
  uint32_t mask_kind;
  const void* mask;
  int64_t mask_strides[4];
};

/// Keys that are packed and softmaxed at a time; part of the result's definition, as sums follow it.
constexpr int64_t kKeyBlock = 512;

/// Floats of scratch for a call of `rows` queries.
constexpr int64_t attention_scratch_floats(const AttentionArgs& args, int64_t rows) {
  const int64_t keys = args.key_count < kKeyBlock ? (args.key_count + 15) / 16 * 16 : kKeyBlock;
  const int64_t values = (args.value_size + 15) / 16 * 16;
  return keys * (args.head_size + values) + 8 * keys + 8 * values + 2 * rows + 64;
}

}  // namespace rlx_cpu

#endif  // RLX_CPU_KERNELS_ATTENTION_H_
