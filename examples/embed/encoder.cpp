// SPDX-License-Identifier: Apache-2.0
// The encoder, top to bottom in the order in which the data goes.
#include "encoder.h"

#include <rlx/ops.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace rlx_embed {
namespace {

using rlx::Activation;
using rlx::DType;
using rlx::Handle;

/// Builds one encoder; holds what every layer needs.
class Encoder {
 public:
  explicit Encoder(const EncoderConfig& config) : c_(config) {}

  rlx::Result<rlx::Model> build(std::vector<rlx::ParamSource> weights) {
    b_.symbol("seq", 1, c_.positions);
    const Handle ids = b_.input("ids", DType::kI64, {"batch", "seq"});
    const Handle mask = b_.input("mask", DType::kI64, {"batch", "seq"});
    const Handle keep = b_.compare(RLX_COMPARE_NE, mask, b_.scalar(DType::kI64, 0));
    Handle x = embeddings(ids);
    for (std::int64_t i = 0; i < c_.layers; ++i) x = layer(x, keep, "encoder.layer." + std::to_string(i));
    b_.set_output("embedding", pooled(x, mask));
    return b_.finish(std::move(weights));
  }

 private:
  Handle vector(const std::string& name, std::int64_t size) { return b_.param(name, DType::kF32, {size}); }
  Handle matrix(const std::string& name, std::int64_t rows, std::int64_t columns) {
    return b_.param(name, DType::kF32, {rows, columns});
  }
  Handle norm(Handle x, const std::string& name) {
    return b_.layer_norm(x, vector(name + ".weight", c_.hidden), vector(name + ".bias", c_.hidden), c_.eps);
  }
  Handle dense(Handle x, const std::string& name, std::int64_t out, std::int64_t in, Activation act = Activation::kNone) {
    return b_.linear(x, matrix(name + ".weight", out, in), vector(name + ".bias", out), act, true);
  }

  Handle embeddings(Handle ids) {
    const Handle words = b_.gather(matrix("embeddings.word_embeddings.weight", c_.vocab, c_.hidden), ids);
    const Handle places = b_.slice(matrix("embeddings.position_embeddings.weight", c_.positions, c_.hidden), 0, 0, "seq");
    const Handle kind = b_.slice(matrix("embeddings.token_type_embeddings.weight", 2, c_.hidden), 0, 0, 1);
    return norm(b_.add(b_.add(words, kind), places), "embeddings.LayerNorm");
  }

  /// [batch, seq, hidden] -> [batch, heads, seq, hidden / heads]
  Handle heads(Handle x) {
    return b_.transpose(b_.reshape(x, {"batch", "seq", c_.heads, c_.hidden / c_.heads}), {0, 2, 1, 3});
  }

  Handle layer(Handle x, Handle keep, const std::string& name) {
    const std::string self = name + ".attention.self.";
    const Handle q = heads(dense(x, self + "query", c_.hidden, c_.hidden));
    const Handle k = heads(dense(x, self + "key", c_.hidden, c_.hidden));
    const Handle v = heads(dense(x, self + "value", c_.hidden, c_.hidden));
    rlx::AttentionOptions options;
    options.mask_kind = rlx::MaskKind::kKeyBool;
    const Handle seen = b_.transpose(b_.attention(q, k, v, keep, options), {0, 2, 1, 3});
    const Handle mixed = dense(b_.reshape(seen, {"batch", "seq", c_.hidden}), name + ".attention.output.dense", c_.hidden, c_.hidden);
    x = norm(b_.add(mixed, x), name + ".attention.output.LayerNorm");
    const Handle wide = dense(x, name + ".intermediate.dense", c_.intermediate, c_.hidden, Activation::kGeluErf);
    const Handle narrow = dense(wide, name + ".output.dense", c_.hidden, c_.intermediate);
    return norm(b_.add(narrow, x), name + ".output.LayerNorm");
  }

  /// Mean over the tokens that are there, scaled to length 1.
  Handle pooled(Handle x, Handle mask) {
    const Handle weight = b_.reshape(b_.cast(mask, DType::kF32), {"batch", "seq", 1});
    const Handle sum = b_.reduce(RLX_REDUCE_SUM, b_.mul(x, weight), {1}, false);
    const Handle count = b_.binary(RLX_BINARY_MAX, b_.reduce(RLX_REDUCE_SUM, weight, {1}, false), b_.scalar(DType::kF32, 1e-9));
    const Handle mean = b_.div(sum, count);
    const Handle length = b_.unary(RLX_UNARY_SQRT, b_.reduce(RLX_REDUCE_SUM, b_.mul(mean, mean), {1}, true));
    return b_.div(mean, b_.binary(RLX_BINARY_MAX, length, b_.scalar(DType::kF32, 1e-12)));
  }

  EncoderConfig c_;
  rlx::ModelBuilder b_{"sentence_encoder"};
};

}  // namespace

rlx::Result<EncoderConfig> read_config(const std::string& path) {
  std::ifstream file(path);
  if (!file) return rlx::Error(rlx::ErrorCode::kFileNotFound, "`" + path + "` cannot be opened");
  const nlohmann::json json = nlohmann::json::parse(file, nullptr, false);
  std::string missing;
  const auto number = [&](const char* key) -> double {
    if (json.is_object() && json.contains(key) && json[key].is_number()) return json[key].get<double>();
    if (missing.empty()) missing = key;
    return 0;
  };
  const auto size = [&](const char* key) {
    const double value = number(key);
    if (!(value >= 1 && value <= 1e9) && missing.empty()) missing = key;
    return missing.empty() ? static_cast<std::int64_t>(value) : 0;
  };
  EncoderConfig config{size("hidden_size"), size("num_hidden_layers"), size("num_attention_heads"), size("intermediate_size"),
                       size("vocab_size"), size("max_position_embeddings"), number("layer_norm_eps")};
  if (!missing.empty())
    return rlx::Error(rlx::ErrorCode::kFileDamaged, "`" + path + "`: `" + missing + "` is not there or no number that can be used");
  return config;
}

rlx::Result<rlx::Model> build_encoder(const EncoderConfig& config, const std::string& weights_path) {
  auto weights = rlx::load_weights(weights_path);
  if (!weights) return std::move(weights).error();
  return Encoder(config).build(std::move(*weights));
}

}  // namespace rlx_embed
