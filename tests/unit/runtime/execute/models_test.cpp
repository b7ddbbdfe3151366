// SPDX-License-Identifier: Apache-2.0
// Whole models beside the float64 reference: every element within its carried bound, at sizes nobody prepared. A Llama
// block, a small CNN, a wide BERT layer: the same kernels, chosen by nothing but shapes and dtypes.
#include <cmath>
#include <filesystem>
#include <random>

#include "support.h"

#ifndef RLX_REFERENCE_PLUGIN
#error "the build says where the reference is"
#endif

namespace {

using namespace rlx_test;
using rlx::Activation;
using rlx::DType;
using rlx::Handle;
using rlx::ModelBuilder;
using rlx::Tensor;

rlx::Device reference_device() {
  rlx::RuntimeOptions options;
  options.plugin_paths = {RLX_REFERENCE_PLUGIN};
  options.only_plugin_paths = true;
  auto runtime = rlx::Runtime::discover(options);
  auto device = runtime->device();
  if (!device) ADD_FAILURE() << device.error().to_string();
  return device ? *device : rlx::Device();
}

Tensor random_floats(std::vector<std::int64_t> dims, std::mt19937& random, float scale) {
  Tensor tensor(DType::kF32, std::move(dims));
  std::normal_distribution<float> normal(0, scale);
  for (float& value : tensor.f32()) value = normal(random);
  return tensor;
}

/// A model with random weights for every param.
struct Case {
  rlx::Model model;
  std::vector<std::shared_ptr<Tensor>> keep;
};

Case with_weights(ModelBuilder& builder, const std::vector<std::pair<std::string, std::vector<std::int64_t>>>& params) {
  std::mt19937 random(7);
  Case made;
  std::vector<rlx::ParamSource> sources;
  for (const auto& [name, dims] : params) {
    const std::int64_t fan_in = dims.size() == 4 ? dims[1] * dims[2] * dims[3] : dims.size() == 2 ? dims[0] : 4;
    const float scale = 1.0f / std::sqrt(static_cast<float>(fan_in));
    made.keep.push_back(std::make_shared<Tensor>(random_floats(dims, random, scale)));
    sources.push_back({name, made.keep.back()->view(), made.keep.back()});
  }
  auto model = builder.finish(std::move(sources));
  EXPECT_TRUE(model) << model.error().to_string();
  if (model) made.model = *model;
  return made;
}

/// Remembers params as they are declared, so that weights can be made for them.
struct Params {
  ModelBuilder& b;
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> list;
  Handle operator()(const std::string& name, std::vector<std::int64_t> dims) {
    list.emplace_back(name, dims);
    return b.param(name, DType::kF32, dims);
  }
};

Case llama_block(std::int64_t heads, std::int64_t kv_heads, std::int64_t width) {
  ModelBuilder b("llama_block");
  Params p{b, {}};
  const std::int64_t hidden = heads * width, kv = kv_heads * width;
  const Handle x = b.input("x", DType::kF32, {"batch", "seq", hidden});
  const Handle cos = b.input("cos", DType::kF32, {"seq", width / 2}), sin = b.input("sin", DType::kF32, {"seq", width / 2});
  const auto split = [&](Handle y, std::int64_t count) { return b.transpose(b.reshape(y, {"batch", "seq", count, width}), {0, 2, 1, 3}); };
  const Handle n = b.rms_norm(x, p("norm1", {hidden}), 1e-5);
  const Handle q = b.rope(split(b.linear(n, p("wq", {hidden, hidden})), heads), cos, sin);
  const Handle k = b.rope(split(b.linear(n, p("wk", {hidden, kv})), kv_heads), cos, sin);
  const Handle v = split(b.linear(n, p("wv", {hidden, kv})), kv_heads);
  rlx::AttentionOptions options;
  options.causal = 1;
  const Handle seen = b.reshape(b.transpose(b.attention(q, k, v, {}, options), {0, 2, 1, 3}), {"batch", "seq", hidden});
  const Handle y = b.add(x, b.linear(seen, p("wo", {hidden, hidden})));
  const Handle m = b.rms_norm(y, p("norm2", {hidden}), 1e-5);
  b.set_output("y", b.add(y, b.swiglu(m, p("gate", {hidden, 3 * hidden}), p("up", {hidden, 3 * hidden}), p("down", {3 * hidden, hidden}))));
  return with_weights(b, p.list);
}

Case bert_layer(std::int64_t heads, std::int64_t width) {
  ModelBuilder b("bert_layer");
  Params p{b, {}};
  const std::int64_t hidden = heads * width;
  const Handle x = b.input("x", DType::kF32, {"batch", "seq", hidden});
  const Handle mask = b.compare(RLX_COMPARE_GT, b.input("mask", DType::kF32, {"batch", "seq"}), b.scalar(DType::kF32, 0));
  const auto dense = [&](Handle y, const std::string& name, std::int64_t in, std::int64_t out, Activation act) {
    return b.linear(y, p(name, {in, out}), p(name + ".bias", {out}), act);
  };
  const auto split = [&](Handle y) { return b.transpose(b.reshape(y, {"batch", "seq", heads, width}), {0, 2, 1, 3}); };
  rlx::AttentionOptions options;
  options.mask_kind = rlx::MaskKind::kKeyBool;
  const Handle seen = b.attention(split(dense(x, "q", hidden, hidden, Activation::kNone)), split(dense(x, "k", hidden, hidden, Activation::kNone)),
                                  split(dense(x, "v", hidden, hidden, Activation::kNone)), mask, options);
  const Handle mixed = dense(b.reshape(b.transpose(seen, {0, 2, 1, 3}), {"batch", "seq", hidden}), "o", hidden, hidden, Activation::kNone);
  const Handle y = b.layer_norm(b.add(mixed, x), p("g1", {hidden}), p("b1", {hidden}), 1e-12);
  const Handle z = dense(dense(y, "up", hidden, 4 * hidden, Activation::kGeluErf), "down", 4 * hidden, hidden, Activation::kNone);
  b.set_output("y", b.layer_norm(b.add(z, y), p("g2", {hidden}), p("b2", {hidden}), 1e-12));
  return with_weights(b, p.list);
}

rlx::OpAttribute sizes(std::uint32_t key, rlx::Sizes values) {
  rlx::OpAttribute attribute;
  attribute.key = key;
  attribute.kind = rlx::OpAttribute::Kind::kSizes;
  attribute.sizes = std::move(values);
  return attribute;
}
rlx::OpAttribute size(std::uint32_t key, std::int64_t value) {
  rlx::OpAttribute attribute;
  attribute.key = key;
  attribute.size = value;
  return attribute;
}

Case small_cnn() {
  ModelBuilder b("small_cnn");
  Params p{b, {}};
  const auto conv = [&](Handle y, Handle w, Handle bias, std::int64_t stride, std::int64_t pad, std::int64_t groups) {
    return b.op(RLX_OP_CONV_ACT, {y, w, bias},
                {sizes(RLX_ATTR_STRIDES, {stride, stride}), sizes(RLX_ATTR_LOW, {pad, pad}), sizes(RLX_ATTR_HIGH, {pad, pad}),
                 sizes(RLX_ATTR_DILATION, {1, 1}), size(RLX_ATTR_GROUPS, groups), size(RLX_ATTR_HAS_BIAS, 1), size(RLX_ATTR_ACT, RLX_ACT_RELU)})
        .front();
  };
  const Handle x = b.input("x", DType::kF32, {"batch", 3, "height", "width"});
  const Handle y = conv(x, p("w1", {8, 3, 3, 3}), p("b1", {8}), 2, 1, 1);
  const Handle depthwise = conv(y, p("w2", {8, 1, 3, 3}), p("b2", {8}), 1, 1, 8);
  const Handle wide = conv(depthwise, p("w3", {19, 8, 1, 1}), p("b3", {19}), 1, 0, 1);
  const Handle pooled = b.mean(wide, {2, 3}, false);
  b.set_output("y", b.softmax(b.linear(pooled, p("w4", {19, 5}), p("b4", {5}))));
  return with_weights(b, p.list);
}

/// Runs `model` on the device under test and on the reference; every element must lie within its bound.
void expect_within_bounds(const rlx::Model& model, const rlx::Binding& binding, float input_scale) {
  std::string text;
  for (const auto& [name, n] : binding) text += name + "=" + std::to_string(n) + " ";
  SCOPED_TRACE(text);
  static const rlx::Device device = open_device(), reference = reference_device();
  std::vector<Tensor> inputs;
  std::vector<std::vector<rlx::NamedTensor>> results;
  for (const char* emit : {"", "value", "bound"}) {
    rlx::CompileOptions options;
    if (*emit) options.backend = {{"emit", emit}};
    auto pipeline = rlx::ModelCompilePipeline::create(*emit ? reference : device);
    const auto made = pipeline->build_template("model", model, options);
    ASSERT_TRUE(made) << made.error().to_string();
    const auto graph = pipeline->get_or_compile(*made, binding);
    ASSERT_TRUE(graph) << graph.error().to_string();
    std::mt19937 random(11);
    std::vector<rlx::NamedView> views;
    inputs.clear();
    for (const rlx::ManifestEntry& entry : graph->manifest().inputs) {
      std::vector<std::int64_t> dims;
      for (const rlx::Size& dim : entry.dims) dims.push_back(dim.number());
      inputs.push_back(random_floats(dims, random, input_scale));
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) views.push_back({graph->manifest().inputs[i].name, inputs[i].view()});
    auto outputs = graph->run(views);
    ASSERT_TRUE(outputs) << outputs.error().to_string();
    results.push_back(std::move(*outputs));
  }
  const auto seen = results[0].front().tensor.f32(), value = results[1].front().tensor.f32(), bound = results[2].front().tensor.f32();
  ASSERT_EQ(seen.size(), value.size());
  for (std::size_t i = 0; i < seen.size(); ++i) {
    ASSERT_TRUE(std::isfinite(value[i]) && bound[i] > 0 && bound[i] < 0.1f) << "the bound says nothing at " << i << ": " << value[i] << " +- " << bound[i] << ", seen " << seen[i];
    ASSERT_TRUE(std::fabs(double{seen[i]} - double{value[i]}) <= double{bound[i]})
        << "element " << i << ": " << seen[i] << ", wanted " << value[i] << " +- " << bound[i];
  }
}

TEST(Models, LlamaBlockWithGroupedHeadsIsWithinItsBounds) {
  const Case made = llama_block(6, 2, 16);
  for (const rlx::Binding& binding : {rlx::Binding{{"batch", 1}, {"seq", 1}}, {{"batch", 2}, {"seq", 7}}, {{"batch", 1}, {"seq", 33}}})
    expect_within_bounds(made.model, binding, 1);
}

TEST(Models, WideBertLayerIsWithinItsBounds) {
  const Case made = bert_layer(4, 64);
  for (const rlx::Binding& binding : {rlx::Binding{{"batch", 1}, {"seq", 5}}, {{"batch", 3}, {"seq", 17}}}) expect_within_bounds(made.model, binding, 1);
}

TEST(Models, SmallCnnIsWithinItsBounds) {
  const Case made = small_cnn();
  for (const rlx::Binding& binding : {rlx::Binding{{"batch", 1}, {"height", 8}, {"width", 8}}, {{"batch", 2}, {"height", 17}, {"width", 9}}})
    expect_within_bounds(made.model, binding, 1);
}

/// Options change how a model is computed, never what: expanded to primitives it keeps its bounds too.
TEST(Models, ForcedExpansionAgreesWithNativeComposites) {
  const Case made = bert_layer(2, 16);
  static const rlx::Device device = open_device();
  std::vector<Tensor> results;
  for (const bool expand : {false, true}) {
    rlx::CompileOptions options;
    options.dispatch = expand ? rlx::Dispatch::kForceCommon : rlx::Dispatch::kPreferNative;
    auto session = rlx::Session::compile(device, made.model, options);
    ASSERT_TRUE(session) << session.error().to_string();
    std::mt19937 random(3);
    const Tensor x = random_floats({2, 9, 32}, random, 1), mask = random_floats({2, 9}, random, 1);
    auto outputs = session->run({{{"x", x.view()}, {"mask", mask.view()}}});
    ASSERT_TRUE(outputs) << outputs.error().to_string();
    results.push_back(outputs->front().tensor);
  }
  for (std::size_t i = 0; i < results[0].f32().size(); ++i) EXPECT_NEAR(results[0].f32()[i], results[1].f32()[i], 2e-5f) << i;
}

}  // namespace
