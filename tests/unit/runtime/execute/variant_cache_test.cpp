// SPDX-License-Identifier: Apache-2.0
// What the variant cache promises: recency, budgets, one compile per key, reasons of misses, the caller's keys, and
// executables that are shared under the true key.
#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "support.h"

namespace {

using namespace rlx_test;
using rlx::ErrorCode;
using rlx::ModelCompilePipeline;
using rlx::Tensor;

struct Fixture {
  ModelCompilePipeline pipeline;
  rlx::Template made;
};

Fixture with_linear(const rlx::PipelineOptions& options = {}) {
  auto pipeline = ModelCompilePipeline::create(open_device(), options);
  EXPECT_TRUE(pipeline);
  auto made = pipeline->build_template("linear", linear_model());
  EXPECT_TRUE(made);
  return {*pipeline, *made};
}

/// The last element of x . w for x = 0, 1, 2, ... of [1, seq, 4] and w = step * (0, 1, ... 7) of [4, 2].
float last_of(const rlx::CompiledGraph& graph, std::int64_t seq) {
  const auto x = Tensor::of({1, seq, 4}, counting(static_cast<std::size_t>(seq) * 4));
  const auto outputs = graph.run({{{"x", x.view()}}});
  EXPECT_TRUE(outputs) << outputs.error().to_string();
  return outputs ? outputs->front().tensor.f32().back() : -1;
}
float wanted_last(std::int64_t seq, float step) {
  float sum = 0;
  for (int k = 0; k < 4; ++k) sum += static_cast<float>(seq * 4 - 4 + k) * step * static_cast<float>(2 * k + 1);
  return sum;
}

TEST(VariantCache, KeepsTheMostRecentlyUsedOfARandomTrace) {
  constexpr std::size_t kCapacity = 5;
  auto [pipeline, made] = with_linear({kCapacity, 0});
  std::mt19937 random(7);
  std::vector<std::int64_t> recent;  // the newest last
  for (int i = 0; i < 400; ++i) {
    const std::int64_t seq = 1 + static_cast<std::int64_t>(random() % 9);
    ASSERT_TRUE(pipeline.get_or_compile(made, {{"seq", seq}}));
    std::erase(recent, seq);
    recent.push_back(seq);
    if (recent.size() > kCapacity) recent.erase(recent.begin());
    for (std::int64_t each = 1; each <= 9; ++each)
      ASSERT_EQ(pipeline.contains(made, {{"seq", each}}), std::find(recent.begin(), recent.end(), each) != recent.end()) << i << ", " << each;
  }
  EXPECT_EQ(pipeline.size(), kCapacity);
}

TEST(VariantCache, AHitMakesNothing) {
  rlx::RuntimeOptions options;
  options.trace = rlx::Trace::record();
  auto pipeline = ModelCompilePipeline::create(open_device(0, options)).value();
  const auto made = pipeline.build_template("linear", linear_model()).value();
  ASSERT_TRUE(pipeline.get_or_compile(made, {{"seq", 8}}));
  const auto before = pipeline.counters();
  const std::size_t slices = options.trace.slices();
  ASSERT_GT(slices, 0u);
  for (int i = 0; i < 100; ++i) {
    const auto graph = pipeline.get_or_compile(made, {{"seq", 8}});
    ASSERT_TRUE(graph);
    ASSERT_EQ(graph->manifest().inputs.at(0).dims.at(1).number(), 8);
  }
  EXPECT_EQ(pipeline.counters().compiles, before.compiles);
  EXPECT_EQ(pipeline.counters().compile_us, before.compile_us);
  EXPECT_EQ(pipeline.counters().hits, before.hits + 100);
  EXPECT_EQ(options.trace.slices(), slices) << "nothing was specialized, built or compiled, each of which is a slice";
}

TEST(VariantCache, StaysWithinItsByteBudget) {
  auto [probe, probed] = with_linear();
  ASSERT_TRUE(probe.get_or_compile(probed, {{"seq", 1}}));
  const std::uint64_t one = probe.counters().resident_bytes;
  ASSERT_GT(one, 0u);
  auto [pipeline, made] = with_linear({1000, 3 * one + one / 2});
  for (std::int64_t seq = 1; seq <= 20; ++seq) {
    ASSERT_TRUE(pipeline.get_or_compile(made, {{"seq", seq}}));
    EXPECT_LE(pipeline.counters().resident_bytes, 3 * one + one / 2);
  }
  EXPECT_EQ(pipeline.size(), 3u);
  EXPECT_EQ(pipeline.counters().evictions, 17u);
}

TEST(VariantCache, KeepsTheNewestEvenAboveTheBudget) {
  auto [pipeline, made] = with_linear({64, 1});
  for (const std::int64_t seq : {1, 2}) ASSERT_TRUE(pipeline.get_or_compile(made, {{"seq", seq}}));
  EXPECT_EQ(pipeline.size(), 1u);
  EXPECT_TRUE(pipeline.contains(made, {{"seq", 2}}));
}

TEST(VariantCache, VariantsInUseSurviveEviction) {
  auto [pipeline, made] = with_linear({1, 0});
  auto held = pipeline.get_or_compile(made, {{"seq", 3}});
  const auto w = Tensor::of({4, 2}, counting(8));
  ASSERT_TRUE(held->set_param("w", w.view()));
  for (const std::int64_t seq : {1, 2, 4}) ASSERT_TRUE(pipeline.get_or_compile(made, {{"seq", seq}}));
  EXPECT_FALSE(pipeline.contains(made, {{"seq", 3}}));
  EXPECT_EQ(last_of(*held, 3), wanted_last(3, 1));
  EXPECT_EQ(pipeline.clear(), 1u);
  EXPECT_EQ(pipeline.counters().resident_bytes, 0u);
  EXPECT_EQ(last_of(*held, 3), wanted_last(3, 1));
}

TEST(VariantCache, AFailedCompileIsNotKept) {
  auto pipeline = ModelCompilePipeline::create(open_device());
  const auto made = pipeline->build_template("tokens", token_model());
  for (int i = 0; i < 2; ++i)
    expect_error(pipeline->get_or_compile(*made, {{"batch", 1}, {"seq", 600}}), ErrorCode::kSymbolOutOfRange, {"`seq`", "600", "512"});
  EXPECT_TRUE(pipeline->empty());
  EXPECT_EQ(pipeline->counters().failures, 2u);
  EXPECT_EQ(pipeline->counters().miss_reasons.at("failed"), 1u);
  EXPECT_TRUE(pipeline->get_or_compile(*made, {{"batch", 1}, {"seq", 6}}));
}

TEST(VariantCache, WrongSymbolsAreNamedOnAHitPathToo) {
  auto pipeline = ModelCompilePipeline::create(open_device());
  const auto made = pipeline->build_template("tokens", token_model());
  ASSERT_TRUE(pipeline->get_or_compile(*made, {{"batch", 1}, {"seq", 6}}));
  expect_error(pipeline->get_or_compile(*made, {{"seq", 6}}), ErrorCode::kUnboundSymbol, {"`batch`"});
  expect_error(pipeline->get_or_compile(*made, {{"batch", 1}, {"sequence", 6}}), ErrorCode::kUnknownSymbol, {"`sequence`", "seq, batch"});
  expect_error(pipeline->get_or_compile(*made, {{"batch", 1}, {"seq", 6}, {"past", 1}}), ErrorCode::kUnknownSymbol, {"`past`"});
  EXPECT_FALSE(pipeline->contains(*made, {{"seq", 6}}));
}

TEST(VariantCache, SaysWhyAVariantWasNotThere) {
  auto [pipeline, made] = with_linear({2, 0});
  for (const std::int64_t seq : {1, 2, 3, 1}) ASSERT_TRUE(pipeline.get_or_compile(made, {{"seq", seq}}));
  rlx::CompileOptions other;
  other.thread_limit = 1;
  ASSERT_TRUE(pipeline.get_or_compile(*pipeline.build_template("linear", linear_model(), other), {{"seq", 1}}));
  ASSERT_TRUE(pipeline.get_or_compile(*pipeline.build_template("linear", token_model()), {{"batch", 1}, {"seq", 1}}));
  const std::map<std::string, std::uint64_t> wanted = {
      {"new-template", 1}, {"new-shape", 2}, {"evicted", 1}, {"options", 1}, {"new-graph", 1}};
  EXPECT_EQ(pipeline.counters().miss_reasons, wanted);
  EXPECT_EQ(pipeline.counters().misses, 6u);
}

TEST(VariantCache, AKeyOfTheCallerStandsForOnePair) {
  auto [pipeline, made] = with_linear();
  ASSERT_TRUE(pipeline.get_or_compile(made, {{"seq", 4}}, {7}));
  ASSERT_TRUE(pipeline.get_or_compile(made, {{"seq", 4}}, {7}));
  ASSERT_TRUE(pipeline.get_or_compile(made, {{"seq", 5}}));
  for (const std::int64_t seq : {5, 6})  // one that is there, one that is not
    expect_error(pipeline.get_or_compile(made, {{"seq", seq}}, {7}), ErrorCode::kInvalidArgument,
                 {"key 7", "seq=4", "seq=" + std::to_string(seq)});
  EXPECT_FALSE(pipeline.contains(made, {{"seq", 6}}));
  const auto other = pipeline.build_template("tokens", token_model());
  expect_error(pipeline.get_or_compile(*other, {{"batch", 1}, {"seq", 4}}, {7}), ErrorCode::kInvalidArgument, {"`linear`", "`tokens`"});
  ASSERT_TRUE(pipeline.get_or_compile(made, {{"seq", 5}}, {8}));  // a second name of what is there
  EXPECT_EQ(pipeline.counters().compiles, 2u);
}

TEST(VariantCache, AKeyOfTheCallerOutlivesEvictionAndARebuiltTemplate) {
  auto [pipeline, made] = with_linear({1, 0});
  ASSERT_TRUE(pipeline.get_or_compile(made, {{"seq", 4}}, {7}));
  ASSERT_TRUE(pipeline.get_or_compile(made, {{"seq", 5}}));
  expect_error(pipeline.get_or_compile(made, {{"seq", 5}}, {7}), ErrorCode::kInvalidArgument, {"key 7"});
  const auto again = pipeline.build_template("linear", linear_model());
  EXPECT_TRUE(pipeline.get_or_compile(*again, {{"seq", 4}}, {7}));
}

TEST(VariantCache, AFailureLeavesTheCallersKeyFree) {
  auto pipeline = ModelCompilePipeline::create(open_device());
  const auto made = pipeline->build_template("tokens", token_model());
  EXPECT_FALSE(pipeline->get_or_compile(*made, {{"batch", 1}, {"seq", 600}}, {3}));
  EXPECT_TRUE(pipeline->get_or_compile(*made, {{"batch", 1}, {"seq", 6}}, {3}));
}

TEST(VariantCache, EqualImagesOfTwoTemplatesShareTheExecutableAndNotTheWeights) {
  auto pipeline = ModelCompilePipeline::create(open_device());
  const auto first = pipeline->build_template("first", linear_model()), second = pipeline->build_template("second", linear_model());
  auto a = pipeline->get_or_compile(*first, {{"seq", 3}});
  const std::uint64_t one = pipeline->counters().resident_bytes;
  auto b = pipeline->get_or_compile(*second, {{"seq", 3}});
  EXPECT_EQ(pipeline->counters().shared, 1u);
  EXPECT_LT(pipeline->counters().resident_bytes, 2 * one);
  const auto w1 = Tensor::of({4, 2}, counting(8)), w3 = Tensor::of({4, 2}, counting(8, 3));
  ASSERT_TRUE(a->set_param("w", w1.view()) && b->set_param("w", w3.view()));
  EXPECT_EQ(last_of(*a, 3), wanted_last(3, 1));
  EXPECT_EQ(last_of(*b, 3), wanted_last(3, 3));
  *a = rlx::CompiledGraph();
  pipeline->clear();
  EXPECT_EQ(last_of(*b, 3), wanted_last(3, 3));
}

TEST(VariantCache, AVariantMadeAgainStaysPreparedWhenTheFirstGoes) {
  auto [pipeline, made] = with_linear();
  auto first = pipeline.get_or_compile(made, {{"seq", 3}});
  const auto w = Tensor::of({4, 2}, counting(8));
  ASSERT_TRUE(first->set_param("w", w.view()));
  EXPECT_EQ(last_of(*first, 3), wanted_last(3, 1));
  pipeline.clear();
  const auto second = pipeline.get_or_compile(made, {{"seq", 3}});
  EXPECT_EQ(pipeline.counters().shared, 1u);
  EXPECT_EQ(last_of(*second, 3), wanted_last(3, 1));
  *first = rlx::CompiledGraph();
  EXPECT_EQ(last_of(*second, 3), wanted_last(3, 1));
}

TEST(VariantCache, OptionsKeepExecutablesApart) {
  auto [pipeline, made] = with_linear();
  ASSERT_TRUE(pipeline.get_or_compile(made, {{"seq", 3}}));
  rlx::CompileOptions other;
  other.thread_limit = 1;
  ASSERT_TRUE(pipeline.get_or_compile(*pipeline.build_template("one thread", linear_model(), other), {{"seq", 3}}));
  EXPECT_EQ(pipeline.counters().shared, 0u);
}

TEST(VariantCache, ManyThreadsOverManyShapesMakeEachOnce) {
  auto [pipeline, made] = with_linear();
  constexpr std::int64_t kShapes = 12;
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i)
    threads.emplace_back([&, i] {
      for (std::int64_t k = 0; k < 20 * kShapes; ++k) failed += !pipeline.get_or_compile(made, {{"seq", 1 + (k + i) % kShapes}});
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
  const auto counters = pipeline.counters();
  EXPECT_EQ(counters.compiles, static_cast<std::uint64_t>(kShapes));
  EXPECT_EQ(counters.hits + counters.misses, 16u * 20 * kShapes);
  EXPECT_EQ(counters.misses, static_cast<std::uint64_t>(kShapes));
}

}  // namespace
