// SPDX-License-Identifier: Apache-2.0
// The first test of the project, and what the pipeline promises: templates, variants, weights, counters.
#include <atomic>
#include <thread>

#include "support.h"

namespace {

using namespace rlx_test;
using rlx::DType;
using rlx::ErrorCode;
using rlx::Tensor;

TEST(Pipeline, RunsASymbolicLinearLayer) {
  auto pipeline = rlx::ModelCompilePipeline::create(open_device());
  const auto made = pipeline->build_template("linear", linear_model());
  ASSERT_TRUE(made) << made.error().to_string();
  const auto specialized = pipeline->specialize_template(*made, {{"seq", 8}});
  ASSERT_TRUE(specialized) << specialized.error().to_string();
  EXPECT_EQ(specialized->manifest.params.at(0).name, "w");
  auto graph = pipeline->compile_lir(*made, *specialized);
  ASSERT_TRUE(graph) << graph.error().to_string();
  EXPECT_EQ(graph->unset_params(), std::vector<std::string>{"w"});
  const auto w = Tensor::of({4, 2}, counting(8)), x = Tensor::of({1, 8, 4}, counting(32));
  ASSERT_TRUE(graph->set_param("w", w.view()));
  const auto outputs = graph->run({{{"x", x.view()}}});
  ASSERT_TRUE(outputs) << outputs.error().to_string();
  ASSERT_EQ(outputs->size(), 1u);
  ASSERT_EQ(outputs->front().tensor.dims(), (std::vector<std::int64_t>{1, 8, 2}));
  for (std::size_t row = 0; row < 8; ++row)
    for (std::size_t column = 0; column < 2; ++column) {
      float wanted = 0;
      for (std::size_t k = 0; k < 4; ++k) wanted += x.f32()[row * 4 + k] * w.f32()[k * 2 + column];
      EXPECT_EQ(outputs->front().tensor.f32()[row * 2 + column], wanted) << row << ", " << column;
    }
}

TEST(Pipeline, ServesEveryShapeFromOneTemplate) {
  auto pipeline = rlx::ModelCompilePipeline::create(open_device());
  const auto made = pipeline->build_template("linear", linear_model());
  const auto w = Tensor::of({4, 2}, counting(8));
  for (const std::int64_t seq : {1, 2, 3, 7, 31, 64, 129}) {
    auto graph = pipeline->get_or_compile(*made, {{"seq", seq}});
    ASSERT_TRUE(graph) << graph.error().to_string();
    if (seq == 1) {
      ASSERT_TRUE(graph->set_param("w", w.view()));
    }
    const auto x = Tensor::of({1, seq, 4}, counting(static_cast<std::size_t>(seq) * 4, 0.5f));
    const auto outputs = graph->run({{{"x", x.view()}}});
    ASSERT_TRUE(outputs) << outputs.error().to_string();
    EXPECT_EQ(outputs->front().tensor.dims(), (std::vector<std::int64_t>{1, seq, 2}));
    EXPECT_EQ(outputs->front().tensor.f32().back(),
              x.f32()[x.f32().size() - 4] * 1 + x.f32()[x.f32().size() - 3] * 3 + x.f32()[x.f32().size() - 2] * 5 + x.f32().back() * 7);
  }
  EXPECT_EQ(pipeline->counters().misses, 7u);
}

TEST(Pipeline, CountsHitsAndEvictsTheLeastRecentlyUsed) {
  auto pipeline = rlx::ModelCompilePipeline::create(open_device(), 2);
  const auto made = pipeline->build_template("linear", linear_model());
  for (const std::int64_t seq : {1, 2, 1, 3}) ASSERT_TRUE(pipeline->get_or_compile(*made, {{"seq", seq}}));
  EXPECT_TRUE(pipeline->contains(*made, {{"seq", 1}}));   // used again before 3 came
  EXPECT_FALSE(pipeline->contains(*made, {{"seq", 2}}));
  EXPECT_EQ(pipeline->size(), 2u);
  EXPECT_EQ(pipeline->counters().hits, 1u);
  EXPECT_EQ(pipeline->counters().evictions, 1u);
}

TEST(Pipeline, RefusesCapacityZero) {
  expect_error(rlx::ModelCompilePipeline::create(open_device(), 0), ErrorCode::kInvalidArgument, {"capacity", "0"});
}

TEST(Pipeline, EvictedAndRecompiledVariantsKeepTheirWeights) {
  auto pipeline = rlx::ModelCompilePipeline::create(open_device(), 1);
  const auto made = pipeline->build_template("linear", linear_model());
  const auto w = Tensor::of({4, 2}, counting(8)), x = Tensor::of({1, 1, 4}, counting(4));
  auto first = pipeline->get_or_compile(*made, {{"seq", 1}});
  ASSERT_TRUE(first->set_param("w", w.view()));
  const auto before = first->run({{{"x", x.view()}}});
  ASSERT_TRUE(pipeline->get_or_compile(*made, {{"seq", 2}}));  // evicts seq = 1
  const auto again = pipeline->get_or_compile(*made, {{"seq", 1}})->run({{{"x", x.view()}}});
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->front().tensor.f32()[1], before->front().tensor.f32()[1]);
  EXPECT_EQ(pipeline->counters().compiles, 3u);
}

TEST(Pipeline, HoldsOneCopyOfTheWeightsForAllVariants) {
  auto pipeline = rlx::ModelCompilePipeline::create(open_device());
  const auto made = pipeline->build_template("linear", linear_model());
  const auto w = Tensor::of({4, 2}, counting(8));
  std::uint64_t packed = 0;
  for (const std::int64_t seq : {1, 2, 3, 4, 5, 6, 7, 8}) {
    auto graph = pipeline->get_or_compile(*made, {{"seq", seq}});
    if (seq == 1) {
      ASSERT_TRUE(graph->set_param("w", w.view()));
    }
    const auto x = Tensor::of({1, seq, 4}, counting(static_cast<std::size_t>(seq) * 4));
    ASSERT_TRUE(graph->run({{{"x", x.view()}}}));
    if (seq == 1) packed = pipeline->memory().packed_bytes;
  }
  EXPECT_EQ(pipeline->memory().packed_bytes, packed);
  EXPECT_EQ(pipeline->memory().source_bytes, w.bytes());
}

TEST(Pipeline, FindsATemplateByNameAndListsTheNamesOtherwise) {
  auto pipeline = rlx::ModelCompilePipeline::create(open_device());
  int built = 0;
  const auto build = [&]() -> rlx::Result<rlx::Model> { return ++built, linear_model(); };
  const auto first = pipeline->ensure_template("linear", build), second = pipeline->ensure_template("linear", build);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->hash(), second->hash());
  EXPECT_TRUE(pipeline->has_template("linear"));
  EXPECT_EQ(pipeline->template_binding_manifest("linear")->params.at(0).name, "w");
  expect_error(pipeline->template_result("liner"), ErrorCode::kUnknownName, {"`liner`", "did you mean `linear`"});
}

TEST(Pipeline, ANameThatStandsForAnotherModelIsNamed) {
  auto pipeline = rlx::ModelCompilePipeline::create(open_device());
  const auto linear = []() -> rlx::Result<rlx::Model> { return linear_model(); };
  const auto tokens = []() -> rlx::Result<rlx::Model> { return token_model(); };
  ASSERT_TRUE(pipeline->ensure_template("m", linear));
  expect_error(pipeline->ensure_template("m", tokens), ErrorCode::kDuplicateName, {"`m`", "`linear`", "`tokens`"});
  EXPECT_EQ(pipeline->template_result("m")->manifest().params.at(0).name, "w");
  ASSERT_TRUE(pipeline->build_template("n", token_model()));
  expect_error(pipeline->ensure_template("n", linear), ErrorCode::kDuplicateName, {"`n`"});
  EXPECT_TRUE(pipeline->ensure_template("n", tokens));
}

TEST(Pipeline, CapturesThatChangedMakeAnotherModelUnderAKnownName) {
  auto pipeline = rlx::ModelCompilePipeline::create(open_device());
  const auto asked = [&](bool second) {
    return pipeline->ensure_template("m", [second]() -> rlx::Result<rlx::Model> { return second ? token_model() : linear_model(); });
  };
  ASSERT_TRUE(asked(false));
  expect_error(asked(true), ErrorCode::kDuplicateName, {"`m`", "`linear`", "`tokens`"});
  EXPECT_TRUE(asked(false));
}

TEST(Pipeline, OtherOptionsUnderANameAreAnotherTemplate) {
  auto pipeline = rlx::ModelCompilePipeline::create(open_device());
  const auto build = []() -> rlx::Result<rlx::Model> { return linear_model(); };
  rlx::CompileOptions apart;
  apart.dispatch = rlx::Dispatch::kForceCommon;
  const auto first = pipeline->ensure_template("m", build), second = pipeline->ensure_template("m", build, apart);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(pipeline->get_or_compile(*first, {{"seq", 2}})->report().expanded, 0u);
  EXPECT_GT(pipeline->get_or_compile(*second, {{"seq", 2}})->report().expanded, 0u);
  EXPECT_EQ(pipeline->template_result("m")->body(), second->body());
}

TEST(Pipeline, CompilesAKeyOnceHoweverManyThreadsAsk) {
  auto pipeline = rlx::ModelCompilePipeline::create(open_device());
  const auto made = pipeline->build_template("linear", linear_model());
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] { good += pipeline->get_or_compile(*made, {{"seq", 5}}).has_value(); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 8);
  EXPECT_EQ(pipeline->counters().compiles, 1u);
}

/// Weights are all ones or all twos; a torn mixture would give a result between.
TEST(Pipeline, SwapsWeightsWholeWhileOthersRun) {
  auto pipeline = rlx::ModelCompilePipeline::create(open_device());
  const auto made = pipeline->build_template("linear", linear_model());
  auto graph = pipeline->get_or_compile(*made, {{"seq", 3}});
  const std::vector<float> ones(8, 1), twos(8, 2), input(12, 1);
  const auto w1 = Tensor::of({4, 2}, ones), w2 = Tensor::of({4, 2}, twos), x = Tensor::of({1, 3, 4}, input);
  ASSERT_TRUE(graph->set_param("w", w1.view()));
  std::atomic<bool> stop = false;
  std::atomic<int> torn = 0, failed = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      while (!stop) {
        const auto outputs = graph->run({{{"x", x.view()}}});
        failed += !outputs;
        if (!outputs) continue;
        const float first = outputs->front().tensor.f32()[0];
        for (const float value : outputs->front().tensor.f32()) torn += value != first;
        torn += first != 4 && first != 8;
      }
    });
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(graph->set_param("w", (i % 2 ? w1 : w2).view()));
    EXPECT_EQ(pipeline->memory().variants, 1u);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(failed, 0);
}

TEST(Session, TakesTheBindingFromTheInputs) {
  rlx::ModelBuilder builder("double");
  const auto x = builder.input("x", DType::kF32, {"rows", "columns"});
  builder.set_output("y", builder.add(x, x));
  auto session = rlx::Session::compile(open_device(), *builder.finish());
  ASSERT_TRUE(session) << session.error().to_string();
  for (const std::int64_t rows : {1, 3}) {
    const auto input = Tensor::of({rows, 5}, counting(static_cast<std::size_t>(rows) * 5));
    const auto outputs = session->run({{{"x", input.view()}}});
    ASSERT_TRUE(outputs) << outputs.error().to_string();
    EXPECT_EQ(outputs->front().tensor.f32().back(), 2 * input.f32().back());
  }
}

}  // namespace
