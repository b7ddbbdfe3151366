// SPDX-License-Identifier: Apache-2.0
// A small Llama-style decoder: grouped heads, rotary positions, RMS norms, gated feed-forward blocks. Once with a cache
// of keys and values as states, and once without, which says what the first must compute.
#pragma once

#include <rlx/host/model.hpp>

#include <cstdint>
#include <vector>

namespace rlx_decoder {

struct DecoderConfig {
  std::int64_t layers = 2, heads = 4, kv_heads = 2, head_size = 16, inner = 96, vocab = 97;
  std::int64_t positions = 2048;  ///< rows of the rotary tables
  std::int64_t hidden() const { return heads * head_size; }
};

/// ids i64[batch, seq] -> logits f32[batch, seq, vocab]. States keys.N and values.N [batch, kv_heads, capacity, head_size];
/// their length is `past`. One variant with seq 1 serves every past length.
rlx::Result<rlx::Model> cached_decoder(const DecoderConfig& config, std::vector<rlx::ParamSource> weights);
/// The same without a past.
rlx::Result<rlx::Model> plain_decoder(const DecoderConfig& config, std::vector<rlx::ParamSource> weights);
/// Weights for both, the same for the same seed.
std::vector<rlx::ParamSource> random_weights(const DecoderConfig& config, std::uint32_t seed);

}  // namespace rlx_decoder
