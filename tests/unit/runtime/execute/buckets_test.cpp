// SPDX-License-Identifier: Apache-2.0
// Buckets: a shape that is padded gives what it gives at its own size, on the backend beside the library.
#include <rlx/host/buckets.hpp>
#include <rlx/host/warm.hpp>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>
#include <thread>

#include "support.h"

namespace {

using namespace rlx_test;
using rlx::Activation;
using rlx::Binding;
using rlx::DType;
using rlx::ErrorCode;
using rlx::Handle;
using rlx::Ladder;
using rlx::Tensor;

constexpr std::int64_t kVocab = 40, kPositions = 64, kHeads = 3, kWidth = 8, kHidden = kHeads * kWidth;

/// Writes a small encoder; holds the weights.
struct Writer {
  rlx::ModelBuilder b{"encoder"};
  std::vector<rlx::ParamSource> weights;
  std::mt19937 random{5};

  Handle param(const std::string& name, std::vector<std::int64_t> dims) {
    auto tensor = std::make_shared<Tensor>(DType::kF32, dims);
    std::normal_distribution<float> normal(0, 1.0f / std::sqrt(static_cast<float>(dims.size() == 2 ? dims[0] : 9)));
    for (float& value : tensor->f32()) value = normal(random);
    weights.push_back({name, tensor->view(), tensor});
    return b.param(name, DType::kF32, std::move(dims));
  }
  Handle dense(Handle x, const std::string& name, std::int64_t in, std::int64_t out, Activation act = Activation::kNone) {
    return b.linear(x, param(name, {in, out}), param(name + ".bias", {out}), act);
  }
  Handle heads(Handle x) { return b.transpose(b.reshape(x, {"batch", "seq", kHeads, kWidth}), {0, 2, 1, 3}); }
  rlx::Model finish() {
    auto model = b.finish(weights);
    EXPECT_TRUE(model) << model.error().to_string();
    return model ? *model : rlx::Model();
  }
};

/// Embeddings, attention over the keys that the mask keeps, and the mean of the kept rows. `poisoned`: row 0 of the table,
/// which padding reads, is NaN.
rlx::Model encoder(rlx::MaskKind kind, bool poisoned = false) {
  Writer w;
  rlx::ModelBuilder& b = w.b;
  b.symbol("seq", 1, kPositions);
  const Handle ids = b.input("ids", DType::kI64, {"batch", "seq"}), mask = b.input("mask", DType::kI64, {"batch", "seq"});
  const Handle table = w.param("words", {kVocab, kHidden});
  if (poisoned) {
    auto words = std::make_shared<Tensor>(DType::kF32, std::vector<std::int64_t>{kVocab, kHidden});
    std::memcpy(words->data(), w.weights[0].view.data, words->bytes());
    for (std::int64_t i = 0; i < kHidden; ++i) words->f32()[static_cast<std::size_t>(i)] = std::nanf("");
    w.weights[0] = {"words", words->view(), words};
  }
  Handle x = b.add(b.gather(table, ids), b.slice(w.param("places", {kPositions, kHidden}), 0, 0, "seq"));
  x = b.layer_norm(x, w.param("g", {kHidden}), w.param("h", {kHidden}), 1e-12);
  const Handle kept = b.compare(RLX_COMPARE_NE, mask, b.scalar(DType::kI64, 0));
  rlx::AttentionOptions options;
  options.mask_kind = kind;
  Handle seen = kept;
  if (kind == rlx::MaskKind::kNone) seen = {};
  if (kind == rlx::MaskKind::kBool) seen = b.reshape(kept, {"batch", 1, 1, "seq"});
  if (kind == rlx::MaskKind::kBias)
    seen = b.select(b.reshape(kept, {"batch", 1, 1, "seq"}), b.scalar(DType::kF32, 0), b.scalar(DType::kF32, -3.4028234663852886e38));
  const Handle y = b.attention(w.heads(w.dense(x, "q", kHidden, kHidden)), w.heads(w.dense(x, "k", kHidden, kHidden)),
                               w.heads(w.dense(x, "v", kHidden, kHidden)), seen, options);
  x = b.add(w.dense(b.reshape(b.transpose(y, {0, 2, 1, 3}), {"batch", "seq", kHidden}), "o", kHidden, kHidden), x);
  x = b.add(w.dense(w.dense(x, "up", kHidden, 4 * kHidden, Activation::kGeluErf), "down", 4 * kHidden, kHidden), x);
  b.set_output("hidden", x);
  const Handle weight = b.reshape(b.cast(mask, DType::kF32), {"batch", "seq", 1});
  const Handle count = b.binary(RLX_BINARY_MAX, b.reduce(RLX_REDUCE_SUM, weight, {1}, false), b.scalar(DType::kF32, 1e-9));
  b.set_output("pooled", b.div(b.reduce(RLX_REDUCE_SUM, b.mul(x, weight), {1}, false), count));
  b.set_output("mean", b.mean(x, {1}, false));
  return w.finish();
}

/// Rows that meet nowhere.
rlx::Model row_wise() {
  Writer w;
  const Handle x = w.b.input("x", DType::kF32, {"rows", 8});
  w.b.set_output("y", w.b.softmax(w.dense(w.dense(x, "up", 8, 32, Activation::kGeluErf), "down", 32, 5)));
  return w.finish();
}

struct Text {
  Tensor ids, mask;
  Text(std::int64_t batch, std::int64_t seq, std::uint32_t seed) : ids(DType::kI64, {batch, seq}), mask(DType::kI64, {batch, seq}) {
    std::mt19937 random(seed);
    for (std::int64_t& id : ids.i64()) id = 1 + static_cast<std::int64_t>(random() % (kVocab - 1));
    for (std::int64_t i = 0; i < batch * seq; ++i) mask.i64()[static_cast<std::size_t>(i)] = i % seq == 0 || random() % 4 != 0;
  }
  std::vector<rlx::NamedView> views() const { return {{"mask", mask.view()}, {"ids", ids.view()}}; }
};

struct Fixture {
  rlx::ModelCompilePipeline pipeline;
  rlx::Template from;
  explicit Fixture(const rlx::Model& model) : pipeline(*rlx::ModelCompilePipeline::create(open_device())), from(*pipeline.build_template("model", model)) {}
  rlx::Buckets with(rlx::BucketOptions options) {
    auto buckets = rlx::Buckets::create(pipeline, from, options);
    EXPECT_TRUE(buckets) << buckets.error().to_string();
    return *buckets;
  }
  std::vector<rlx::NamedTensor> exactly(std::span<const rlx::NamedView> views) {
    const auto graph = pipeline.get_or_compile(from, *from.bind(views));
    EXPECT_TRUE(graph) << graph.error().to_string();
    return *graph->run(views);
  }
};

bool same_bits(const Tensor& a, const Tensor& b) { return a.dims() == b.dims() && std::memcmp(a.data(), b.data(), a.bytes()) == 0; }

void expect_near(const Tensor& seen, const Tensor& wanted) {
  ASSERT_EQ(seen.dims(), wanted.dims());
  for (std::size_t i = 0; i < seen.f32().size(); ++i) ASSERT_NEAR(seen.f32()[i], wanted.f32()[i], 2e-5f) << i;
}

TEST(Buckets, RowsThatMeetNowhereKeepTheirBits) {
  Fixture f(row_wise());
  const auto buckets = f.with({{Ladder::powers_of_two("rows", 4, 64)}, false});
  std::mt19937 random(1);
  for (int i = 0; i < 40; ++i) {
    Tensor x(DType::kF32, {1 + static_cast<std::int64_t>(random() % 64), 8});
    for (float& value : x.f32()) value = static_cast<float>(random() % 1000) / 300.0f - 1.5f;
    const std::vector<rlx::NamedView> views = {{"x", x.view()}};
    const auto seen = buckets.run(views);
    ASSERT_TRUE(seen) << seen.error().to_string();
    EXPECT_TRUE(same_bits((*seen)[0].tensor, f.exactly(views)[0].tensor)) << x.dims()[0] << " rows";
  }
  const rlx::BucketCounters counters = buckets.counters();
  EXPECT_EQ(counters.runs, 40u);
  EXPECT_LE(counters.by_bucket.size(), 5u);
  EXPECT_GT(counters.padded_elements, 0u);
}

TEST(Buckets, RandomShapesGiveWhatTheirOwnVariantsGive) {
  for (const auto kind : {rlx::MaskKind::kNone, rlx::MaskKind::kBool, rlx::MaskKind::kBias, rlx::MaskKind::kKeyBool}) {
    Fixture f(encoder(kind));
    const auto buckets = f.with({{Ladder::powers_of_two("seq", 8, 64), {"batch", {2, 5}}}, false});
    std::mt19937 random(static_cast<std::uint32_t>(kind));
    for (std::uint32_t i = 0; i < 15; ++i) {
      const Text text(1 + static_cast<std::int64_t>(random() % 5), 1 + static_cast<std::int64_t>(random() % 64), i);
      const auto seen = buckets.run(text.views());
      ASSERT_TRUE(seen) << seen.error().to_string();
      const auto wanted = f.exactly(text.views());
      for (std::size_t k = 0; k < 3; ++k) {
        SCOPED_TRACE(testing::Message() << wanted[k].name << " of " << text.ids.dims()[0] << " x " << text.ids.dims()[1] << ", mask " << static_cast<int>(kind));
        EXPECT_EQ((*seen)[k].name, wanted[k].name);
        expect_near((*seen)[k].tensor, wanted[k].tensor);
        if (testing::Test::HasFailure()) return;
      }
    }
  }
}

/// Room for the outputs of a shape, in the other order than the model's, filled with what no run gives.
struct Room {
  std::vector<rlx::NamedTensor> tensors;
  std::vector<rlx::NamedMutableView> views;
  explicit Room(std::vector<rlx::NamedTensor> like) : tensors(std::move(like)) {
    for (rlx::NamedTensor& each : tensors) {
      for (float& value : each.tensor.f32()) value = -77;
      views.insert(views.begin(), {each.name, each.tensor.mutable_view()});
    }
  }
};

TEST(Buckets, RunIntoGivesWhatTheShapesOwnVariantGivesWhateverRanBefore) {
  Fixture alone(encoder(rlx::MaskKind::kKeyBool));
  for (const bool serve_larger : {false, true}) {
    Fixture f(encoder(rlx::MaskKind::kKeyBool));
    const auto buckets = f.with({{{"seq", {8, 32}}, {"batch", {1, 4}}}, serve_larger});
    for (const auto& [batch, seq] : {std::pair<int, int>{4, 32}, {1, 3}, {3, 20}, {1, 8}, {2, 5}, {4, 31}, {1, 3}}) {
      const Text text(batch, seq, 3);
      const auto wanted = alone.exactly(text.views());
      Room room(alone.exactly(text.views()));
      const auto ran = buckets.run_into(text.views(), room.views);
      ASSERT_TRUE(ran) << ran.error().to_string();
      for (std::size_t i = 0; i < wanted.size(); ++i) expect_near(room.tensors[i].tensor, wanted[i].tensor);
      buckets.wait();
    }
    EXPECT_EQ(buckets.counters().runs, 7u);
  }
}

TEST(Buckets, RunIntoNamesWhatIsWrongWithAnOutput) {
  Fixture f(row_wise());
  const auto buckets = f.with({{{"rows", {8}}}, false});
  const Tensor x(DType::kF32, {3, 8});
  const std::vector<rlx::NamedView> in = {{"x", x.view()}};
  Tensor y(DType::kF32, {3, 5}), padded(DType::kF32, {8, 5}), whole(DType::kI64, {3, 5});
  expect_error(buckets.run_into(in, {}), ErrorCode::kMissingInput, {"output `y`"});
  const auto into = [&](std::string name, rlx::MutableTensorView view) {
    const std::vector<rlx::NamedMutableView> out = {{std::move(name), std::move(view)}};
    return buckets.run_into(in, out);
  };
  expect_error(into("z", y.mutable_view()), ErrorCode::kUnknownName, {"output `z`", "known: y"});
  expect_error(into("y", padded.mutable_view()), ErrorCode::kWrongShape, {"output `y`", "[8, 5]", "[3, 5]"});
  expect_error(into("y", whole.mutable_view()), ErrorCode::kWrongDtype, {"output `y`", "i64", "f32"});
  expect_error(into("y", {DType::kF32, {3, 5}, y.data(), 8}), ErrorCode::kWrongSize, {"output `y`", "8", "60"});
  EXPECT_TRUE(into("y", y.mutable_view()));
}

TEST(Buckets, RefuseStatesAndSayWhatToDo) {
  Fixture f([] {
    rlx::ModelBuilder b("step");
    const Handle x = b.input("x", DType::kF32, {"n", 4}), kept = b.state("kept", DType::kF32, {"n", 4});
    b.set_output("y", b.add(x, kept));
    b.set_state("kept", b.add(x, kept));
    return *b.finish();
  }());
  expect_error(rlx::Buckets::create(f.pipeline, f.from, {{{"n", {8}}}, false}), ErrorCode::kCannotPad, {"1 states", "`kept`", "without ladders", "warm()"});
}

TEST(Buckets, WhatPaddingReadsNeverLeaks) {
  for (const auto kind : {rlx::MaskKind::kNone, rlx::MaskKind::kBool, rlx::MaskKind::kBias, rlx::MaskKind::kKeyBool}) {
    Fixture f(encoder(kind, true));
    const auto buckets = f.with({{{"seq", {16, 64}}, {"batch", {4}}}, false});
    const Text text(3, 21, 9);
    SCOPED_TRACE(testing::Message() << "mask " << static_cast<int>(kind));
    const auto seen = buckets.run(text.views());
    ASSERT_TRUE(seen) << seen.error().to_string();
    const auto wanted = f.exactly(text.views());
    for (std::size_t k = 0; k < 3; ++k) expect_near((*seen)[k].tensor, wanted[k].tensor);
  }
}

/// A row whose mask keeps nothing is a mean over the real rows, not over padding.
TEST(Buckets, AMaskThatKeepsNothingDoesNotSeePadding) {
  Fixture f(encoder(rlx::MaskKind::kBias));
  const auto buckets = f.with({{{"seq", {32}}}, false});
  Text text(2, 5, 3);
  for (std::int64_t& kept : text.mask.i64()) kept = 0;
  const auto seen = buckets.run(text.views());
  ASSERT_TRUE(seen) << seen.error().to_string();
  const auto wanted = f.exactly(text.views());
  for (std::size_t k = 0; k < 3; ++k) expect_near((*seen)[k].tensor, wanted[k].tensor);
}

TEST(Buckets, SymbolsWithoutLadderKeepTheirSizes) {
  Fixture f(encoder(rlx::MaskKind::kKeyBool));
  const auto buckets = f.with({{{"seq", {8, 32, 64}}}, false});
  EXPECT_EQ(*buckets.bucket_of({{"batch", 3}, {"seq", 9}}), (Binding{{"batch", 3}, {"seq", 32}}));
  EXPECT_EQ(buckets.buckets({{"batch", 2}}).size(), 3u);
  for (const std::int64_t batch : {1, 3})
    for (const std::int64_t seq : {3, 8, 9, 30}) ASSERT_TRUE(buckets.run(Text(batch, seq, 1).views()));
  EXPECT_EQ(f.pipeline.counters().compiles, 4u);  // batch 1 and 3, seq 8 and 32
  EXPECT_EQ(buckets.counters().by_bucket, (std::map<std::string, std::uint64_t>{{"seq=32", 4}, {"seq=8", 4}}));
}

TEST(Buckets, CompilesOnlyWhatIsNeeded) {
  Fixture f(encoder(rlx::MaskKind::kKeyBool));
  const auto buckets = f.with({{Ladder::powers_of_two("seq", 1, 64)}, false});
  EXPECT_EQ(f.pipeline.counters().compiles, 0u);
  ASSERT_TRUE(buckets.run(Text(1, 20, 1).views()));
  EXPECT_EQ(f.pipeline.counters().compiles, 1u);
  auto warmed = rlx::warm(f.pipeline, buckets.padded(), buckets.buckets({{"batch", 1}}), {});
  ASSERT_TRUE(warmed) << warmed.error().to_string();
  ASSERT_TRUE(warmed->wait());
  EXPECT_EQ(f.pipeline.counters().compiles, 7u);
  ASSERT_TRUE(buckets.run(Text(1, 3, 1).views()));
  EXPECT_EQ(f.pipeline.counters().compiles, 7u);
}

TEST(Buckets, WeightsAreHeldOnce) {
  Fixture f(encoder(rlx::MaskKind::kKeyBool));
  const Text text(2, 9, 4);
  f.exactly(text.views());
  const auto before = f.pipeline.memory();
  const auto buckets = f.with({{{"seq", {16}}}, false});
  ASSERT_TRUE(buckets.run(text.views()));
  const auto after = f.pipeline.memory();
  EXPECT_EQ(after.source_bytes, before.source_bytes);
  EXPECT_EQ(after.packed_bytes, before.packed_bytes);
}

TEST(Buckets, ServesByALargerOneWhileTheShapesOwnCompilesBehind) {
  Fixture f(encoder(rlx::MaskKind::kKeyBool));
  const auto buckets = f.with({{{"seq", {8, 16, 64}}}, true});
  ASSERT_TRUE(buckets.run(Text(1, 40, 1).views()));  // nothing is compiled: the smallest that holds it
  buckets.wait();
  const Text text(1, 7, 2);
  const auto first = buckets.run(text.views());
  ASSERT_TRUE(first) << first.error().to_string();
  rlx::BucketCounters counters = buckets.counters();
  EXPECT_EQ(counters.by_bucket, (std::map<std::string, std::uint64_t>{{"seq=64", 2}}));
  EXPECT_EQ(counters.larger, 1u);
  EXPECT_EQ(counters.exact, 0u);
  buckets.wait();
  EXPECT_TRUE(rlx::ready(f.pipeline, f.from, {{"batch", 1}, {"seq", 7}}));
  const auto second = buckets.run(text.views());
  ASSERT_TRUE(second);
  counters = buckets.counters();
  EXPECT_EQ(counters.exact, 1u);
  EXPECT_EQ(counters.compiled_behind, 2u);
  EXPECT_EQ(counters.failed_behind, 0u);
  const auto wanted = f.exactly(text.views());
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_TRUE(same_bits((*second)[k].tensor, wanted[k].tensor));
    expect_near((*first)[k].tensor, wanted[k].tensor);
  }
}

TEST(Buckets, ManyThreadsMayRunAndLeaveWhileItCompiles) {
  Fixture f(encoder(rlx::MaskKind::kBias));
  std::atomic<int> failures = 0;
  {
    const auto buckets = f.with({{{"seq", {16, 64}}, {"batch", {3}}}, true});
    std::vector<std::thread> threads;
    for (std::uint32_t t = 0; t < 4; ++t)
      threads.emplace_back([&, t, copy = buckets] {
        std::mt19937 random(t);
        for (int i = 0; i < 12; ++i)
          if (!copy.run(Text(1 + static_cast<std::int64_t>(random() % 3), 1 + static_cast<std::int64_t>(random() % 64), t).views())) ++failures;
      });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(buckets.counters().runs, 48u);
  }
  EXPECT_EQ(failures, 0);
}

TEST(Buckets, NamesWhatIsWrong) {
  Fixture f(encoder(rlx::MaskKind::kKeyBool));
  const auto with = [&](std::vector<Ladder> ladders) { return rlx::Buckets::create(f.pipeline, f.from, {std::move(ladders), false}); };
  expect_error(with({}), ErrorCode::kInvalidArgument, {"ladder"});
  expect_error(with({{"seq", {}}}), ErrorCode::kInvalidArgument, {"`seq`", "empty"});
  expect_error(with({{"seq", {16, 16}}}), ErrorCode::kInvalidArgument, {"`seq`", "16", "ascending"});
  expect_error(with({{"seq", {16, 8}}}), ErrorCode::kInvalidArgument, {"`seq`", "8 behind 16"});
  expect_error(with({{"seq", {8}}, {"seq", {16}}}), ErrorCode::kDuplicateName, {"`seq`"});
  expect_error(with({Ladder::powers_of_two("seq", 64, 4)}), ErrorCode::kInvalidArgument, {"`seq`", "4 behind 64", "ascending"});
  expect_error(with({Ladder::powers_of_two("seq", 512, 16)}), ErrorCode::kInvalidArgument, {"`seq`", "16 behind 512", "ascending"});
  expect_error(with({{"sequence", {8}}}), ErrorCode::kUnknownSymbol, {"`sequence`", "seq"});
  expect_error(with({{"seq", {8, 65}}}), ErrorCode::kSymbolOutOfRange, {"`seq`", "65", "64"});
  expect_error(with({{"seq", {0, 8}}}), ErrorCode::kSymbolOutOfRange, {"`seq`", "0"});
  Fixture short_table([] {
    rlx::ModelBuilder b("short");
    b.set_output("y", b.add(b.input("x", DType::kF32, {"seq", 4}), b.slice(b.param("t", DType::kF32, {100, 4}), 0, 0, "seq")));
    return *b.finish();
  }());
  expect_error(rlx::Buckets::create(short_table.pipeline, short_table.from, {{{"seq", {64, 128}}}, false}), ErrorCode::kConstraintViolated, {"`seq`", "128", "100"});
  expect_error(rlx::Buckets::create(f.pipeline, {}, {}), ErrorCode::kInvalidArgument, {"empty"});
  const auto buckets = f.with({{{"seq", {8, 32}}}, false});
  expect_error(buckets.run(Text(1, 33, 1).views()), ErrorCode::kSymbolOutOfRange, {"`seq`", "33", "32"});
  const Text text(1, 5, 1);
  auto views = text.views();
  views[0].view.bytes = 8;
  expect_error(buckets.run(views), ErrorCode::kWrongSize, {"`mask`", "8", "40"});
  views.pop_back();
  expect_error(buckets.run(views), ErrorCode::kMissingInput, {"`ids`"});
  Fixture last([] {
    rlx::ModelBuilder b("last");
    b.symbol("seq", 1, 100);
    b.set_output("y", b.slice(b.input("x", DType::kF32, {"seq", 4}), 0, "seq-1", "seq"));
    return *b.finish();
  }());
  expect_error(rlx::Buckets::create(last.pipeline, last.from, {{{"seq", {8}}}, false}), ErrorCode::kCannotPad, {"`slice`", "`seq`"});
}

TEST(Buckets, ASessionMayHaveThem) {
  const rlx::Model model = encoder(rlx::MaskKind::kKeyBool);
  auto session = rlx::Session::compile(open_device(), model, {}, rlx::BucketOptions{{{"seq", {16, 64}}}, false});
  ASSERT_TRUE(session) << session.error().to_string();
  for (std::int64_t seq = 3; seq < 60; seq += 7) ASSERT_TRUE(session->run(Text(2, seq, 1).views()));
  EXPECT_EQ(session->pipeline().counters().compiles, 2u);
  expect_error(rlx::Session::compile(open_device(), model, {}, rlx::BucketOptions{}), ErrorCode::kInvalidArgument, {"ladder"});
}

/// The real model: random shapes, and one at the top, beside their own variants. Attention masks add zeros alone, so that
/// even what is summed along the padded axis keeps its bits here.
TEST(Buckets, MiniLmGivesTheSameInBuckets) {
  const char* home = std::getenv("HOME");
  const auto file = std::filesystem::path(home ? home : "") / ".cache/rlx/models/all-MiniLM-L6-v2/model.onnx";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "MiniLM is not here: " << file;
  const auto model = rlx::load_model(file.string());
  ASSERT_TRUE(model) << model.error().to_string();
  Fixture f(*model);
  const auto buckets = f.with({{Ladder::powers_of_two("seq", 16, 128), {"batch", {1, 4}}}, false});
  std::mt19937 random(7);
  for (int i = 0; i < 8; ++i) {
    const std::vector<std::int64_t> dims = {1 + static_cast<std::int64_t>(random() % 4), i == 0 ? 128 : 1 + static_cast<std::int64_t>(random() % 128)};
    Tensor ids(DType::kI64, dims), mask(DType::kI64, dims), kinds(DType::kI64, dims);
    for (std::int64_t& id : ids.i64()) id = static_cast<std::int64_t>(random() % 30522);
    for (std::size_t k = 0; k < mask.i64().size(); ++k) mask.i64()[k] = i % 3 == 2 && random() % 5 == 0 ? 0 : 1;
    const std::vector<rlx::NamedView> views = {{"input_ids", ids.view()}, {"attention_mask", mask.view()}, {"token_type_ids", kinds.view()}};
    const auto seen = buckets.run(views);
    ASSERT_TRUE(seen) << seen.error().to_string();
    const auto wanted = f.exactly(views);
    EXPECT_TRUE(same_bits((*seen)[0].tensor, wanted[0].tensor)) << dims[0] << " x " << dims[1];
  }
}

TEST(Buckets, PowersOfTwoEndAtTheTop) {
  EXPECT_EQ(Ladder::powers_of_two("s", 16, 128).extents, (std::vector<std::int64_t>{16, 32, 64, 128}));
  EXPECT_EQ(Ladder::powers_of_two("s", 10, 100).extents, (std::vector<std::int64_t>{16, 32, 64, 100}));
  EXPECT_EQ(Ladder::powers_of_two("s", 1, 1).extents, (std::vector<std::int64_t>{1}));
  EXPECT_EQ(Ladder::powers_of_two("s", 0, INT64_MAX).extents.size(), 64u);
}

}  // namespace
