// SPDX-License-Identifier: Apache-2.0
// A BERT sentence encoder written with the model builder: token ids in, one unit vector a sentence out.
#pragma once

#include <rlx/host/model.hpp>

#include <string>

namespace rlx_embed {

/// The sizes of a BERT encoder, as its config.json names them.
struct EncoderConfig {
  std::int64_t hidden = 0, layers = 0, heads = 0, intermediate = 0, vocab = 0, positions = 0;
  double eps = 0;
};

/// Errors: kFileNotFound, kFileDamaged naming the key that is missing or no number.
rlx::Result<EncoderConfig> read_config(const std::string& path);

/// Inputs `ids` i64[batch, seq] and `mask` i64[batch, seq] (1 = a token, 0 = padding); output `embedding`
/// f32[batch, hidden]: mean over the tokens, of length 1. Weights are those of `weights_path` (safetensors), mapped.
/// seq is at most config.positions; batch and seq are at least 1.
rlx::Result<rlx::Model> build_encoder(const EncoderConfig& config, const std::string& weights_path);

}  // namespace rlx_embed
