// SPDX-License-Identifier: Apache-2.0
// Everything that threads share, at once: two pipelines on one device and one folder of variants, budgets that force eviction, pairs of weights
// replaced, adapters, buckets that compile behind, warm-ups, submissions, calls that are stopped, contexts that fork, memory given back.
// Every result must belong to one pair of weights. RLX_STRESS_SECONDS says for how long; made for ThreadSanitizer.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <random>
#include <rlx/host/async.hpp>
#include <rlx/host/buckets.hpp>
#include <rlx/host/context.hpp>
#include <rlx/host/trace.hpp>
#include <rlx/host/warm.hpp>
#include <thread>

#include "support.h"

namespace {

using namespace rlx_test;
using rlx::DType;
using rlx::ErrorCode;
using rlx::ModelCompilePipeline;
using rlx::Tensor;
using Random = std::mt19937;

constexpr unsigned kThreads = 16;
constexpr std::int64_t kVariants = 20, kRowsEach = 8, kWidth = 64;
constexpr std::array<float, 3> kLevels = {1, 3, 5};  // products of two differ from the squares of others
constexpr float kAdapter = 7;
constexpr float kSums = kWidth * kWidth;

std::chrono::milliseconds duration() {
  const char* seconds = std::getenv("RLX_STRESS_SECONDS");
  return std::chrono::milliseconds(seconds ? std::atoll(seconds) * 1000 : 2500);
}

/// y = (x w0) w1: of ones, kSums times the product of what both weights are full of.
rlx::Model pair_model() {
  rlx::ModelBuilder builder("pair");
  builder.symbol("rows", 1, kVariants * kRowsEach);
  auto y = builder.input("x", DType::kF32, {"rows", kWidth});
  for (const char* name : {"w0", "w1"}) y = builder.linear(y, builder.param(name, DType::kF32, {kWidth, kWidth}));
  builder.set_output("y", y);
  return *builder.finish();
}

/// total' = total + x.
rlx::Model counter_model() {
  rlx::ModelBuilder builder("counter");
  const auto total = builder.state("total", DType::kF32, {"n"});
  const auto next = builder.add(total, builder.input("x", DType::kF32, {"n"}));
  builder.set_output("before", builder.mul(total, builder.scalar(DType::kF32, 1)));
  builder.set_output("after", builder.mul(next, builder.scalar(DType::kF32, 1)));
  builder.set_state("total", next);
  return *builder.finish();
}

Tensor full(std::vector<std::int64_t> dims, float value) {
  Tensor tensor(DType::kF32, std::move(dims));
  for (float& each : tensor.f32()) each = value;
  return tensor;
}

bool was_stopped(const rlx::Error& error) { return error.code() == ErrorCode::kCancelled || error.code() == ErrorCode::kDeadline; }

class Storm : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "rlx-storm-" + std::to_string(::getpid());
    rlx::RuntimeOptions options;
    options.threads = 2;
    options.trace = trace_ = rlx::Trace::record({.most_slices = 2000});
    runtime_ = *rlx::Runtime::discover(options);
    device_ = *runtime_.device();
    auto probe = *ModelCompilePipeline::create(device_);
    ASSERT_TRUE(probe.get_or_compile(*probe.build_template("probe", pair_model()), {{"rows", kVariants * kRowsEach}}));
    budget_ = 6 * probe.counters().resident_bytes;
    rlx::AotOptions aot;
    aot.folder = folder_;
    aot.budget_bytes = 8 * probe.counters().resident_bytes;
    for (auto& pipeline : pipelines_) pipeline = *ModelCompilePipeline::create(device_, rlx::PipelineOptions{64, budget_, aot});
    from_ = *pipelines_[0].build_template("pair", pair_model());
    for (const float level : kLevels) levels_.push_back(full({kWidth, kWidth}, level));
    adapter_ = full({kWidth, kWidth}, kAdapter);
    set_weights(0);
    check(pipelines_[0].get_or_compile(from_, {{"rows", kRowsEach}})->run({{{"x", full({kRowsEach, kWidth}, 1).view()}}}), "the first run");
    counter_ = *pipelines_[1].build_template("counter", counter_model());
    shared_ = *pipelines_[1].get_or_compile(counter_, {{"n", 8}})->create_context();
    buckets_ = *rlx::Buckets::create(pipelines_[1], from_, {{{"rows", {40, 100, kVariants * kRowsEach}}}, true});
  }
  void TearDown() override {
    std::error_code error;
    std::filesystem::remove_all(folder_, error);
  }

  void fault(const std::string& what) {
    const std::lock_guard lock(mutex_);
    if (faults_++ < 10) ADD_FAILURE() << what;
  }
  template <class T>
  bool good(const rlx::Result<T>& result, const char* what) {
    if (!result) fault(std::string(what) + ": " + result.error().to_string());
    return result.has_value();
  }

  static std::int64_t rows(Random& random) { return kRowsEach * (1 + static_cast<std::int64_t>(random() % kVariants)); }
  ModelCompilePipeline& pipeline(Random& random) { return pipelines_[random() % 2]; }

  void check(std::span<const float> y, const char* what, bool adapted = false) {
    bool level = false;
    for (const float each : kLevels) level = level || y[0] == kSums * each * (adapted ? kAdapter : each);
    for (const float value : y) level = level && value == y[0];
    if (!level) fault(std::string(what) + ": " + std::to_string(y[0] / kSums) + " belongs to no pair of weights");
    ++results_;
  }
  void check(const rlx::Result<std::vector<rlx::NamedTensor>>& outputs, const char* what, bool adapted = false) {
    if (good(outputs, what)) check(outputs->front().tensor.f32(), what, adapted);
  }

  void set_weights(std::size_t level) {
    const std::vector<rlx::ParamSource> both = {{"w0", levels_[level].view(), nullptr}, {"w1", levels_[level].view(), nullptr}};
    good(from_.params().set_all(both), "set_all");
  }

  // ---- What a thread does, chosen at random ----
  void run(Random& random) {
    const std::int64_t n = rows(random);
    rlx::GetOptions options;
    if (random() % 4 == 0) options.user_key = static_cast<std::uint64_t>(n);
    const auto graph = pipeline(random).get_or_compile(from_, {{"rows", n}}, options);
    if (good(graph, "get_or_compile")) check(graph->run({{{"x", full({n, kWidth}, 1).view()}}}), "run");
  }
  void set(Random& random) { set_weights(random() % levels_.size()); }
  void run_in_bucket(Random& random) {
    const Tensor x = full({1 + static_cast<std::int64_t>(random() % (kVariants * kRowsEach)), kWidth}, 1);
    Tensor y = full(x.dims(), 0);
    if (random() % 2) return check(buckets_.run({{{"x", x.view()}}}), "buckets");
    if (good(buckets_.run_into({{{"x", x.view()}}}, {{{"y", y.mutable_view()}}}), "buckets, run_into")) check(y.f32(), "buckets, run_into");
  }
  void warm(Random& random) {
    rlx::WarmOptions options;
    options.threads = static_cast<unsigned>(random() % 3);
    options.progress = [this](const rlx::WarmProgress&) { ++warmed_; };
    const auto work = rlx::warm(pipeline(random), from_, {{{"rows", rows(random)}}, {{"rows", rows(random)}}}, options);
    if (!good(work, "warm")) return;
    if (random() % 3 == 0) work->cancel();
    if (random() % 2 == 0) return;
    if (const auto end = work->wait(); !end && !was_stopped(end.error())) fault("warm: " + end.error().to_string());
  }
  void run_in_a_hurry(Random& random) {
    const std::int64_t n = rows(random);
    const Tensor x = full({n, kWidth}, 1);
    rlx::GetOptions options;
    if (random() % 2) options.call.deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 3000);
    {
      const std::lock_guard lock(mutex_);
      options.call.cancel = token_;
    }
    const auto graph = pipeline(random).get_or_compile(from_, {{"rows", n}}, options);
    if (!graph) return was_stopped(graph.error()) ? void(++stopped_) : fault("in a hurry: " + graph.error().to_string());
    const auto outputs = graph->run({{{"x", x.view()}}}, options.call);
    if (!outputs && was_stopped(outputs.error())) return void(++stopped_);
    check(outputs, "in a hurry");
  }
  void cancel(Random&) {
    const std::lock_guard lock(mutex_);
    token_.cancel();
    token_ = rlx::CancelToken::make();
  }
  void submit(Random& random) {
    const std::int64_t n = rows(random);
    const Tensor x = full({n, kWidth}, 1);
    const auto graph = pipeline(random).get_or_compile(from_, {{"rows", n}});
    if (!good(graph, "get_or_compile")) return;
    const std::vector<std::vector<rlx::NamedView>> inputs(3, {{"x", x.view()}});
    if (random() % 2) {
      const auto pending = rlx::submit(*graph, inputs[0]);
      if (good(pending, "submit")) check(pending->take(), "submit");
      return;
    }
    const auto many = rlx::run_many(*graph, inputs);
    if (good(many, "run_many"))
      for (const auto& outputs : *many) check(outputs.front().tensor.f32(), "run_many");
  }
  void adapt(Random& random) {
    auto own = from_.derive_params();
    if (!good(own, "derive_params") || !good(own->set("w1", adapter_.view()), "set")) return;
    const std::int64_t n = rows(random);
    const auto graph = pipeline(random).get_or_compile(from_, {{"rows", n}});
    if (!good(graph, "get_or_compile")) return;
    for (int i = 0; i < 2; ++i) check(graph->run({{{"x", full({n, kWidth}, 1).view()}}}, {{}, {}, *own}), "adapter", true);
  }
  void count(rlx::ExecutionContext& context, bool shared) {
    const auto graph = pipelines_[1].get_or_compile(counter_, {{"n", 8}});
    if (!good(graph, "get_or_compile")) return;
    const auto outputs = context.run(*graph, {{{"x", full({8}, 1).view()}}});
    if (!outputs && shared && outputs.error().code() == ErrorCode::kContextBusy) return;
    if (!good(outputs, "context")) return;
    for (int i = 0; i < 8; ++i)
      if (outputs->at(1).tensor.f32()[i] != outputs->at(0).tensor.f32()[0] + 1) fault("a context mixed two runs");
  }
  void run_on_contexts(Random& random) {
    count(shared_, true);
    auto own = shared_.fork();
    if (!own && own.error().code() == ErrorCode::kContextBusy) return;
    if (!good(own, "fork")) return;
    for (int i = 0; i < 3; ++i) count(*own, false);
    if (random() % 8 == 0)
      if (const auto reset = shared_.reset(); !reset && reset.error().code() != ErrorCode::kContextBusy) fault("reset: " + reset.error().to_string());
  }
  void give_back(Random& random) {
    runtime_.trim();
    if (random() % 4 == 0) pipeline(random).clear();
    if (random() % 16 == 0) good(rlx::sweep_aot(folder_, 0), "sweep_aot");
  }
  void look(Random& random) {
    if (pipeline(random).counters().resident_bytes > budget_) fault("over the byte budget");
    if (runtime_.memory().source_bytes == 0) fault("no weights are held");
    static_cast<void>(pipeline(random).memory().variants + pipeline(random).size() + buckets_.counters().runs + from_.params().bytes().pack_count);
    good(pipelines_[0].ensure_template("again " + std::to_string(random() % 3), [] { return rlx::Result<rlx::Model>(pair_model()); }), "ensure_template");
    good(pipelines_[0].template_result("pair"), "template_result");
    if (runtime_.devices().empty() || runtime_.plugins().empty() || !runtime_.device()) fault("the device is gone");
    if (random() % 8 == 0) static_cast<void>(trace_.to_json());
  }

  void act(Random& random) {
    constexpr std::array<void (Storm::*)(Random&), 16> kActs = {&Storm::run,    &Storm::run,           &Storm::run,    &Storm::run_in_bucket,
                                                                &Storm::run_in_bucket, &Storm::set,    &Storm::set,    &Storm::warm,
                                                                &Storm::run_in_a_hurry, &Storm::cancel, &Storm::submit, &Storm::adapt,
                                                                &Storm::run_on_contexts, &Storm::give_back, &Storm::look, &Storm::run_in_a_hurry};
    (this->*kActs[random() % kActs.size()])(random);
  }

  std::string folder_;
  rlx::Trace trace_;
  rlx::Runtime runtime_;
  rlx::Device device_;
  std::array<ModelCompilePipeline, 2> pipelines_;
  rlx::Template from_, counter_;
  rlx::Buckets buckets_;
  rlx::ExecutionContext shared_;
  std::vector<Tensor> levels_;
  Tensor adapter_;
  std::uint64_t budget_ = 0;
  std::atomic<std::uint64_t> results_ = 0, stopped_ = 0, warmed_ = 0;
  std::mutex mutex_;  // guards the two below
  rlx::CancelToken token_ = rlx::CancelToken::make();
  unsigned faults_ = 0;
};

TEST_F(Storm, EveryResultBelongsToOnePairOfWeights) {
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      Random random(i);
      while (!stop) act(random);
    });
  std::this_thread::sleep_for(duration());
  stop = true;
  for (std::thread& thread : threads) thread.join();
  buckets_.wait();
  EXPECT_EQ(faults_, 0u);
  EXPECT_GT(results_, 50u);
  EXPECT_GT(warmed_, 0u);
  EXPECT_GT(buckets_.counters().runs, 0u);
  EXPECT_EQ(buckets_.counters().failed_behind, 0u);
  std::uint64_t evictions = 0, hits = 0;
  for (const ModelCompilePipeline& pipeline : pipelines_) {
    evictions += pipeline.counters().evictions;
    hits += pipeline.counters().hits;
    EXPECT_EQ(pipeline.counters().failures, 0u);
    for (const auto& [reason, times] : pipeline.aot_counters().reasons) EXPECT_EQ(reason, "absent") << times << " files were not whole";
  }
  EXPECT_GT(evictions, 0u);
  EXPECT_GT(hits, 0u);
  RecordProperty("results", static_cast<int>(results_));
  RecordProperty("stopped", static_cast<int>(stopped_));
}

}  // namespace
