// SPDX-License-Identifier: Apache-2.0
// Many threads over more variants than the byte budget keeps, weights replaced in between: every result belongs to one set,
// nothing fails, the budget holds. RLX_STRESS_SECONDS says for how long; made for ThreadSanitizer too.
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>

#include "support.h"

namespace {

using namespace rlx_test;
using rlx::ModelCompilePipeline;
using rlx::Tensor;

constexpr std::int64_t kVariants = 20;
constexpr unsigned kThreads = 16;

std::chrono::milliseconds duration() {
  const char* seconds = std::getenv("RLX_STRESS_SECONDS");
  return std::chrono::milliseconds(seconds ? std::atoll(seconds) * 1000 : 1500);
}

struct Stress {
  ModelCompilePipeline pipeline;
  std::vector<rlx::Template> templates;  // of one model: equal images
  Tensor ones = Tensor::of({4, 2}, std::vector<float>(8, 1)), twos = Tensor::of({4, 2}, std::vector<float>(8, 2));
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> runs = 0, failed = 0, torn = 0, over_budget = 0;
  std::uint64_t budget = 0;

  void one(std::mt19937& random) {
    const std::size_t which = random() % templates.size();
    const auto seq = 1 + static_cast<std::int64_t>(random() % kVariants);
    rlx::GetOptions options;
    if (random() % 4 == 0) options.user_key = which * 1000 + static_cast<std::uint64_t>(seq);
    auto graph = pipeline.get_or_compile(templates[which], {{"seq", seq}}, options);
    if (!graph) return void(++failed);
    if (random() % 16 == 0) failed += !graph->set_param("w", (random() % 2 ? ones : twos).view());
    const auto x = Tensor::of({1, seq, 4}, std::vector<float>(static_cast<std::size_t>(seq) * 4, 1));
    const auto outputs = graph->run({{{"x", x.view()}}});
    if (!outputs) return void(++failed);
    const auto y = outputs->front().tensor.f32();
    for (const float value : y) torn += value != y[0] || (value != 4 && value != 8);
    if (random() % 64 == 0) over_budget += pipeline.counters().resident_bytes > budget;
    if (random() % 256 == 0) pipeline.clear();
    ++runs;
  }
};

TEST(Stress, ManyThreadsOverMoreVariantsThanTheBudgetKeeps) {
  const rlx::Device device = open_device(2);
  auto probe = ModelCompilePipeline::create(device).value();
  ASSERT_TRUE(probe.get_or_compile(*probe.build_template("probe", linear_model()), {{"seq", kVariants}}));
  Stress stress{ModelCompilePipeline::create(device, rlx::PipelineOptions{64, 6 * probe.counters().resident_bytes}).value(), {}};
  stress.budget = 6 * probe.counters().resident_bytes;
  for (const char* name : {"a", "b"}) {
    stress.templates.push_back(stress.pipeline.build_template(name, linear_model()).value());
    auto first = stress.pipeline.get_or_compile(stress.templates.back(), {{"seq", 1}});
    ASSERT_TRUE(first && first->set_param("w", stress.ones.view()));
  }
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      std::mt19937 random(i);
      while (!stress.stop) stress.one(random);
    });
  std::this_thread::sleep_for(duration());
  stress.stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(stress.failed, 0u);
  EXPECT_EQ(stress.torn, 0u);
  EXPECT_EQ(stress.over_budget, 0u);
  EXPECT_GT(stress.runs, 100u);
  const auto counters = stress.pipeline.counters();
  EXPECT_GT(counters.evictions, 0u);
  EXPECT_GT(counters.hits, 0u);
  EXPECT_EQ(counters.failures, 0u);
  RecordProperty("runs", static_cast<int>(stress.runs));
}

}  // namespace
