// SPDX-License-Identifier: Apache-2.0
// The decoder with a cache beside the decoder without one: the same logits at every step, whatever was rolled back or
// forked before, and one executable for every past length.
#include "examples/decoder/decoder.h"

#include <gtest/gtest.h>
#include <rlx/host/context.hpp>
#include <rlx/host/package.hpp>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <random>

namespace {

using rlx::ErrorCode;
using rlx::Tensor;
using rlx_decoder::DecoderConfig;
using Ids = std::vector<std::int64_t>;

rlx::Device open_device(const char* plugin = nullptr) {
  rlx::RuntimeOptions options;
  if (plugin) options.plugin_paths = {plugin}, options.only_plugin_paths = true;
  auto runtime = rlx::Runtime::discover(options);
  auto device = runtime->device();
  EXPECT_TRUE(device) << device.error().to_string();
  return device ? *device : rlx::Device();
}

Ids random_ids(std::size_t count, std::int64_t vocab, std::uint32_t seed) {
  std::mt19937 random(seed);
  Ids ids(count);
  for (std::int64_t& id : ids) id = static_cast<std::int64_t>(random() % static_cast<std::uint32_t>(vocab));
  return ids;
}

rlx::Model cached_model(const DecoderConfig& config) {
  const auto model = rlx_decoder::cached_decoder(config, rlx_decoder::random_weights(config, 3));
  EXPECT_TRUE(model) << model.error().to_string();
  return model ? *model : rlx::Model();
}

/// A decoder with a cache on one device.
class Cached {
 public:
  explicit Cached(const DecoderConfig& config, std::int64_t capacity, const rlx::Device& device = open_device())
      : Cached(cached_model(config), capacity, device) {}
  Cached(const rlx::Model& model, std::int64_t capacity, const rlx::Device& device)
      : capacity_(capacity), pipeline_(*rlx::ModelCompilePipeline::create(device)) {
    auto made = pipeline_.build_template("decoder", model);
    EXPECT_TRUE(made) << made.error().to_string();
    template_ = *made;
  }

  rlx::CompiledGraph graph(std::int64_t seq) {
    auto graph = pipeline_.get_or_compile(template_, {{"batch", 1}, {"seq", seq}, {"capacity", capacity_}});
    EXPECT_TRUE(graph) << graph.error().to_string();
    return *graph;
  }

  rlx::ExecutionContext context() { return *graph(1).create_context(); }

  rlx::Result<std::vector<rlx::NamedTensor>> feed(rlx::ExecutionContext& context, std::span<const std::int64_t> ids) {
    const auto count = static_cast<std::int64_t>(ids.size());
    const auto tensor = Tensor::of({1, count}, ids);
    return context.run(graph(count), {{{"ids", tensor.view()}}});
  }

  /// Logits of the ids, one row each, appended.
  void expect_fed(rlx::ExecutionContext& context, std::span<const std::int64_t> ids, std::vector<float>& logits) {
    const auto outputs = feed(context, ids);
    ASSERT_TRUE(outputs) << outputs.error().to_string();
    const auto rows = outputs->front().tensor.f32();
    logits.insert(logits.end(), rows.begin(), rows.end());
  }

  std::uint64_t compiles() const { return pipeline_.counters().compiles; }

 private:
  std::int64_t capacity_;
  rlx::ModelCompilePipeline pipeline_;
  rlx::Template template_;
};

/// What the decoder without a cache says of the whole text at once, by the reference backend.
struct Truth {
  std::vector<float> value, bound;
};

Truth truth_of(const DecoderConfig& config, const Ids& ids) {
  const rlx::Device device = open_device(RLX_REFERENCE_PLUGIN);
  const auto model = rlx_decoder::plain_decoder(config, rlx_decoder::random_weights(config, 3));
  EXPECT_TRUE(model) << model.error().to_string();
  Truth truth;
  for (const char* emit : {"value", "bound"}) {
    rlx::CompileOptions options;
    options.backend = {{"emit", emit}};
    auto pipeline = rlx::ModelCompilePipeline::create(device);
    const auto made = pipeline->build_template("plain", *model, options);
    const auto count = static_cast<std::int64_t>(ids.size());
    auto graph = pipeline->get_or_compile(*made, {{"batch", 1}, {"seq", count}});
    EXPECT_TRUE(graph) << graph.error().to_string();
    const auto tensor = Tensor::of({1, count}, std::span<const std::int64_t>(ids));
    const auto outputs = graph->run({{{"ids", tensor.view()}}});
    EXPECT_TRUE(outputs) << outputs.error().to_string();
    const auto rows = outputs->front().tensor.f32();
    (*emit == 'v' ? truth.value : truth.bound).assign(rows.begin(), rows.end());
  }
  return truth;
}

void expect_within(const std::vector<float>& seen, const Truth& truth) {
  ASSERT_EQ(seen.size(), truth.value.size());
  ASSERT_EQ(seen.size(), truth.bound.size());
  double largest = 0;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    ASSERT_LE(std::fabs(seen[i] - truth.value[i]), truth.bound[i]) << i << ": " << seen[i] << " for " << truth.value[i];
    largest = std::max(largest, static_cast<double>(truth.bound[i]));
  }
  EXPECT_LT(largest, 0.05) << "a bound that wide says nothing";
}

TEST(Decoder, WithACacheIsTheDecoderWithoutOne) {
  const DecoderConfig config;
  const Ids ids = random_ids(7 + 32, config.vocab, 1);
  Cached decoder(config, 64);
  auto context = decoder.context();
  std::vector<float> logits;
  decoder.expect_fed(context, std::span(ids).first(7), logits);
  for (std::size_t i = 7; i < ids.size(); ++i) decoder.expect_fed(context, std::span(ids).subspan(i, 1), logits);
  EXPECT_EQ(context.length(), 39);
  EXPECT_EQ(decoder.compiles(), 2u) << "one executable for the prompt, one for every step";
  expect_within(logits, truth_of(config, ids));
}

TEST(Decoder, ThePromptMayComeInPieces) {
  const DecoderConfig config;
  const Ids ids = random_ids(20, config.vocab, 2);
  Cached decoder(config, 20);
  auto context = decoder.context();
  std::vector<float> logits;
  std::size_t at = 0;
  for (const std::size_t piece : {1, 6, 11, 2}) {
    decoder.expect_fed(context, std::span(ids).subspan(at, piece), logits);
    at += piece;
  }
  expect_within(logits, truth_of(config, ids));
}

TEST(Decoder, RolledBackStepsLeaveNoTrace) {
  const DecoderConfig config;
  const Ids ids = random_ids(12, config.vocab, 4), other = random_ids(5, config.vocab, 5);
  Cached decoder(config, 32);
  auto straight = decoder.context(), back = decoder.context();
  std::vector<float> wanted, seen, dropped;
  decoder.expect_fed(straight, std::span(ids).first(7), wanted);
  decoder.expect_fed(back, std::span(ids).first(7), seen);
  for (const std::int64_t id : other) decoder.expect_fed(back, {&id, 1}, dropped);
  EXPECT_EQ(back.length(), 12);
  ASSERT_TRUE(back.truncate(7));
  for (std::size_t i = 7; i < ids.size(); ++i) {
    decoder.expect_fed(straight, std::span(ids).subspan(i, 1), wanted);
    decoder.expect_fed(back, std::span(ids).subspan(i, 1), seen);
  }
  EXPECT_EQ(seen, wanted);
}

TEST(Decoder, ForksGoTheirOwnWays) {
  const DecoderConfig config;
  const Ids prompt = random_ids(6, config.vocab, 6);
  Cached decoder(config, 16);
  auto trunk = decoder.context();
  std::vector<float> unused;
  decoder.expect_fed(trunk, prompt, unused);
  auto left = *trunk.fork(), right = *trunk.fork();
  for (auto* fork : {&left, &right}) {
    const Ids tail = random_ids(4, config.vocab, fork == &left ? 7 : 8);
    std::vector<float> seen, wanted;
    for (const std::int64_t id : tail) decoder.expect_fed(*fork, {&id, 1}, seen);
    auto fresh = decoder.context();
    decoder.expect_fed(fresh, prompt, unused);
    for (const std::int64_t id : tail) decoder.expect_fed(fresh, {&id, 1}, wanted);
    EXPECT_EQ(seen, wanted);
  }
  EXPECT_EQ(trunk.length(), 6);
}

TEST(Decoder, TheRoomForMoreChangesNoBit) {
  const DecoderConfig config;
  const Ids ids = random_ids(9, config.vocab, 9);
  std::vector<float> tight, wide;
  for (const auto& [capacity, logits] : {std::pair{9, &tight}, std::pair{1500, &wide}}) {
    Cached decoder(config, capacity);
    auto context = decoder.context();
    decoder.expect_fed(context, std::span(ids).first(4), *logits);
    for (std::size_t i = 4; i < ids.size(); ++i) decoder.expect_fed(context, std::span(ids).subspan(i, 1), *logits);
  }
  EXPECT_EQ(tight, wide);
}

TEST(Decoder, PastTheCapacityIsAnErrorThatNamesBoth) {
  const DecoderConfig config;
  const Ids ids = random_ids(4, config.vocab, 10);
  Cached decoder(config, 6);
  auto context = decoder.context();
  ASSERT_TRUE(decoder.feed(context, ids));
  const auto refused = decoder.feed(context, std::span(ids).first(3));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kStateFull);
  for (const char* words : {"`past` is 4", "adds 3", "capacity is 6"})
    EXPECT_NE(refused.error().message().find(words), std::string::npos) << refused.error().message();
  EXPECT_TRUE(decoder.feed(context, std::span(ids).first(2))) << "what fits still runs";
}

TEST(Decoder, ACapacityOfOneHoldsOneToken) {
  const DecoderConfig config;
  const Ids ids = random_ids(1, config.vocab, 11);
  Cached decoder(config, 1);
  auto context = decoder.context();
  std::vector<float> logits;
  decoder.expect_fed(context, ids, logits);
  expect_within(logits, truth_of(config, ids));
}

TEST(Decoder, ComesBackFromAPackage) {
  const DecoderConfig config;
  const std::string path = testing::TempDir() + "decoder_test_" + std::to_string(getpid()) + ".rlx";
  const auto written = rlx::write_package(path, cached_model(config));
  ASSERT_TRUE(written) << written.error().to_string();
  const auto package = rlx::open_package(path);
  ASSERT_TRUE(package) << package.error().to_string();
  const Ids ids = random_ids(9, config.vocab, 13);
  Cached built(config, 16), read(package->model(), 16, open_device());
  std::vector<float> wanted, seen;
  for (const auto& [decoder, logits] : {std::pair{&built, &wanted}, std::pair{&read, &seen}}) {
    auto context = decoder->context();
    decoder->expect_fed(context, std::span(ids).first(5), *logits);
    for (std::size_t i = 5; i < ids.size(); ++i) decoder->expect_fed(context, std::span(ids).subspan(i, 1), *logits);
    EXPECT_EQ(context.length(), 9);
  }
  EXPECT_EQ(seen, wanted);
  std::remove(path.c_str());
}

TEST(Decoder, RunsOnTheReferenceBackend) {
  const DecoderConfig config;
  const Ids ids = random_ids(5, config.vocab, 12);
  Cached decoder(config, 8, open_device(RLX_REFERENCE_PLUGIN));
  auto context = decoder.context();
  std::vector<float> logits;
  decoder.expect_fed(context, std::span(ids).first(3), logits);
  for (std::size_t i = 3; i < ids.size(); ++i) decoder.expect_fed(context, std::span(ids).subspan(i, 1), logits);
  expect_within(logits, truth_of(config, ids));
}

}  // namespace
