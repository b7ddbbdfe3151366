// SPDX-License-Identifier: Apache-2.0
// The decoder, top to bottom in the order in which the data goes.
#include "decoder.h"

#include <rlx/ops.h>

#include <cmath>
#include <memory>
#include <random>
#include <string>

namespace rlx_decoder {
namespace {

using rlx::DType;
using rlx::Handle;
using rlx::Tensor;

constexpr double kEps = 1e-5;

struct WeightShape {
  std::string name;
  std::vector<std::int64_t> dims;
};

std::vector<WeightShape> weight_shapes(const DecoderConfig& c) {
  std::vector<WeightShape> list = {{"embed", {c.vocab, c.hidden()}}, {"norm", {c.hidden()}}, {"head", {c.hidden(), c.vocab}}};
  for (std::int64_t i = 0; i < c.layers; ++i) {
    const std::string at = "layers." + std::to_string(i) + ".";
    const std::int64_t kv = c.kv_heads * c.head_size;
    for (const WeightShape& each : {WeightShape{"norm1", {c.hidden()}}, WeightShape{"q", {c.hidden(), c.hidden()}},
                                    WeightShape{"k", {c.hidden(), kv}}, WeightShape{"v", {c.hidden(), kv}},
                                    WeightShape{"o", {c.hidden(), c.hidden()}}, WeightShape{"norm2", {c.hidden()}},
                                    WeightShape{"gate", {c.hidden(), c.inner}}, WeightShape{"up", {c.hidden(), c.inner}},
                                    WeightShape{"down", {c.inner, c.hidden()}}})
      list.push_back({at + each.name, each.dims});
  }
  return list;
}

/// Builds one decoder; holds what every layer needs.
class Decoder {
 public:
  Decoder(const DecoderConfig& config, bool cached) : c_(config), cached_(cached), b_(cached ? "cached_decoder" : "plain_decoder") {
    for (WeightShape& weight : weight_shapes(config)) weights_.push_back(std::move(weight));
  }

  rlx::Result<rlx::Model> build(std::vector<rlx::ParamSource> weights) {
    const Handle ids = b_.input("ids", DType::kI64, {"batch", "seq"});
    place();
    Handle x = b_.gather(param("embed"), ids);
    for (std::int64_t i = 0; i < c_.layers; ++i) x = layer(x, std::to_string(i));
    b_.set_output("logits", b_.linear(b_.rms_norm(x, param("norm"), kEps), param("head")));
    return b_.finish(std::move(weights));
  }

 private:
  Handle param(const std::string& name) {
    for (const WeightShape& weight : weights_)
      if (weight.name == name) return b_.param(name, DType::kF32, weight.dims);
    return {};
  }

  /// cos or sin of every position and frequency, [positions, head_size / 2].
  Handle table(double (*curve)(double)) {
    Tensor tensor(DType::kF32, {c_.positions, c_.head_size / 2});
    for (std::int64_t at = 0; at < c_.positions * (c_.head_size / 2); ++at) {
      const auto row = static_cast<double>(at / (c_.head_size / 2)), pair = static_cast<double>(at % (c_.head_size / 2));
      const double frequency = std::pow(10000.0, -2 * pair / static_cast<double>(c_.head_size));
      tensor.f32()[static_cast<std::size_t>(at)] = static_cast<float>(curve(row * frequency));
    }
    return b_.constant(tensor.view());
  }

  /// Positions of the new rows, and with a cache how many keys there are once they are in it.
  void place() {
    const Handle cos = table(std::cos), sin = table(std::sin);
    if (!cached_) {
      cos_ = b_.slice(cos, 0, 0, "seq");
      sin_ = b_.slice(sin, 0, 0, "seq");
      return;
    }
    cos_ = cos;
    sin_ = sin;
    past_ = b_.length("past", "seq", "capacity");
    rlx::OpAttribute to, dims, axis;
    to.key = RLX_ATTR_TO, to.kind = rlx::OpAttribute::Kind::kDtype, to.dtype = DType::kI64;
    dims.key = RLX_ATTR_DIMS, dims.kind = rlx::OpAttribute::Kind::kSizes, dims.sizes = {"seq"};
    axis.key = RLX_ATTR_AXIS, axis.size = 0;
    const Handle row = b_.op(RLX_OP_IOTA, {}, {to, dims, axis}).at(0);
    positions_ = b_.expand(b_.reshape(b_.add(row, past_), {1, "seq"}), {"batch", "seq"});
    lengths_ = b_.expand(b_.reshape(b_.add(past_, b_.size_of("seq")), {1}), {"batch"});
  }

  /// [batch, seq, heads * head_size] -> [batch, heads, seq, head_size]
  Handle split(Handle x, std::int64_t heads) {
    return b_.transpose(b_.reshape(x, {"batch", "seq", heads, c_.head_size}), {0, 2, 1, 3});
  }

  /// Every key or value up to the new ones: from the cache, which takes them in, or just themselves.
  Handle with_past(const std::string& name, Handle fresh) {
    if (!cached_) return fresh;
    const Handle cache = b_.state(name, DType::kF32, {"batch", c_.kv_heads, "capacity", c_.head_size});
    const Handle next = b_.update_slice(cache, fresh, 2, past_);
    b_.set_state(name, next);
    return next;
  }

  Handle attention(Handle x, const std::string& layer) {
    const std::string at = "layers." + layer + ".";
    const Handle q = b_.rope(split(b_.linear(x, param(at + "q")), c_.heads), cos_, sin_, positions_);
    const Handle k = b_.rope(split(b_.linear(x, param(at + "k")), c_.kv_heads), cos_, sin_, positions_);
    const Handle v = split(b_.linear(x, param(at + "v")), c_.kv_heads);
    const Handle keys = with_past("keys." + layer, k), values = with_past("values." + layer, v);
    rlx::AttentionOptions options;
    options.causal = cached_ ? RLX_CAUSAL_LENGTH : RLX_CAUSAL_TOP_LEFT;
    options.mask_kind = cached_ ? rlx::MaskKind::kLengths : rlx::MaskKind::kNone;
    const Handle seen = b_.attention(q, keys, values, lengths_, options);
    return b_.linear(b_.reshape(b_.transpose(seen, {0, 2, 1, 3}), {"batch", "seq", c_.hidden()}), param(at + "o"));
  }

  Handle layer(Handle x, const std::string& layer) {
    const std::string at = "layers." + layer + ".";
    const Handle y = b_.add(x, attention(b_.rms_norm(x, param(at + "norm1"), kEps), layer));
    return b_.add(y, b_.swiglu(b_.rms_norm(y, param(at + "norm2"), kEps), param(at + "gate"), param(at + "up"), param(at + "down")));
  }

  DecoderConfig c_;
  bool cached_;
  rlx::ModelBuilder b_;
  std::vector<WeightShape> weights_;
  Handle cos_, sin_, past_, positions_, lengths_;
};

}  // namespace

rlx::Result<rlx::Model> cached_decoder(const DecoderConfig& config, std::vector<rlx::ParamSource> weights) {
  return Decoder(config, true).build(std::move(weights));
}

rlx::Result<rlx::Model> plain_decoder(const DecoderConfig& config, std::vector<rlx::ParamSource> weights) {
  return Decoder(config, false).build(std::move(weights));
}

std::vector<rlx::ParamSource> random_weights(const DecoderConfig& config, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<rlx::ParamSource> sources;
  for (const WeightShape& weight : weight_shapes(config)) {
    auto tensor = std::make_shared<Tensor>(DType::kF32, weight.dims);
    std::normal_distribution<float> normal(0, 1.0f / std::sqrt(static_cast<float>(weight.dims[0])));
    for (float& value : tensor->f32()) value = weight.dims.size() == 1 ? 1 + 0.1f * normal(random) : normal(random);
    sources.push_back({weight.name, tensor->view(), tensor});
  }
  return sources;
}

}  // namespace rlx_decoder
