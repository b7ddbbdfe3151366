// SPDX-License-Identifier: Apache-2.0
// After fork: a child works, or says why not; it never hangs. Children are watched by an alarm and leave by _exit.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <functional>
#include <rlx/host/async.hpp>
#include <rlx/host/buckets.hpp>
#include <rlx/host/trace.hpp>
#include <rlx/host/warm.hpp>
#include <thread>

#include "support.h"

#if defined(__SANITIZE_THREAD__)
#define RLX_UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RLX_UNDER_TSAN 1
#endif
#endif

namespace {

using namespace rlx_test;
using rlx::DType;
using rlx::ErrorCode;
using rlx::Tensor;

constexpr int kSame = 0, kRefused = 10, kOtherError = 11, kOtherBits = 12, kBlind = 13;

bool says_forked(const rlx::Error& error) { return error.message().find("forked") != std::string::npos; }

/// The exit status of a child that runs `body`; -1 where a signal ended it, the alarm of a hang among them.
int in_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    ::_exit(body());
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

class Fork : public testing::Test {
 protected:
  void SetUp() override {
#ifdef RLX_UNDER_TSAN
    GTEST_SKIP() << "ThreadSanitizer has no threads after fork";
#endif
    rlx::ModelBuilder builder("layers");
    auto y = builder.input("x", DType::kF32, {"rows", 128});
    for (const char* name : {"w0", "w1", "w2"}) y = builder.linear(y, builder.param(name, DType::kF32, {128, 128}), {}, rlx::Activation::kTanh);
    builder.set_output("y", y);
    rlx::RuntimeOptions options;
    options.threads = 2;
    options.trace = trace_ = rlx::Trace::record({.most_slices = 500});
    runtime_ = rlx::Runtime::discover(options);
    const auto device = runtime_->device();
    ASSERT_TRUE(device) << device.error().to_string();
    pipeline_ = rlx::ModelCompilePipeline::create(*device);
    template_ = *pipeline_->build_template("layers", *builder.finish());
    for (const char* name : {"w0", "w1", "w2"}) ASSERT_TRUE(template_.params().set(name, wave({128, 128}).view()));
    graph_ = *pipeline_->get_or_compile(template_, {{"rows", 256}});
    wanted_ = graph_.run(inputs())->front().tensor;  // enough work to start the team
  }
  static Tensor wave(std::vector<std::int64_t> dims) {
    Tensor tensor(DType::kF32, std::move(dims));
    float at = 0;
    for (float& value : tensor.f32()) value = 0.1f * std::sin(at += 0.7f);
    return tensor;
  }
  std::vector<rlx::NamedView> inputs() const { return {{"x", x_.view()}}; }
  int outcome(const rlx::Result<std::vector<rlx::NamedTensor>>& seen) const {
    if (!seen) return says_forked(seen.error()) ? kRefused : kOtherError;
    return std::memcmp(seen->front().tensor.data(), wanted_.data(), wanted_.bytes()) == 0 ? kSame : kOtherBits;
  }
  rlx::Trace trace_;
  rlx::Result<rlx::Runtime> runtime_;
  rlx::Result<rlx::ModelCompilePipeline> pipeline_;
  rlx::Template template_;
  rlx::CompiledGraph graph_;
  Tensor x_ = wave({256, 128}), wanted_;
};

TEST_F(Fork, AChildRunsCompilesAndSetsWeights) {
  EXPECT_EQ(in_child([&] {
    if (const int seen = outcome(graph_.run(inputs())); seen != kSame) return seen;
    const auto other = pipeline_->get_or_compile(template_, {{"rows", 3}});
    if (!other || !template_.params().set("w0", wave({128, 128}).view())) return kOtherError;
    return outcome(graph_.run(inputs()));
  }), kSame);
  EXPECT_EQ(outcome(graph_.run(inputs())), kSame);
}

TEST_F(Fork, AChildOpensDevicesOfItsParentsRuntimeAndOfItsOwn) {
  auto runtime = rlx::Runtime::discover();
  ASSERT_TRUE(runtime);
  ASSERT_TRUE(runtime->device());
  EXPECT_EQ(in_child([&] {
    auto own = rlx::Runtime::discover();
    for (auto* each : {&runtime, &own}) {
      const auto device = each->value().device("cpu:0");
      if (!device || each->value().devices().empty()) return kOtherError;
      auto pipeline = rlx::ModelCompilePipeline::create(*device);
      const auto made = pipeline->build_template("linear", linear_model());
      if (!made || !pipeline->get_or_compile(*made, {{"seq", 3}})) return kOtherError;
    }
    return kSame;
  }), kSame);
}

TEST_F(Fork, AChildSubmitsOnAThreadOfItsOwn) {
  ASSERT_TRUE(rlx::submit(graph_, inputs())->wait());
  EXPECT_EQ(in_child([&] {
    const auto pending = rlx::submit(graph_, inputs());
    return pending ? outcome(pending->take()) : kOtherError;
  }), kSame);
}

TEST_F(Fork, AChildThatWaitsForItsParentsRunIsRefused) {
  const auto pending = rlx::submit(graph_, inputs());
  ASSERT_TRUE(pending->wait());
  EXPECT_EQ(in_child([&] {
    const auto seen = pending->wait();
    return !seen && says_forked(seen.error()) ? kRefused : kOtherError;
  }), kRefused);
}

TEST_F(Fork, AChildMayEndOrdinarilyWithEverythingStarted) {
  ASSERT_TRUE(rlx::submit(graph_, inputs())->wait());
  auto warmed = rlx::warm(*pipeline_, template_, {{{"rows", 5}}}, {});
  ASSERT_TRUE(warmed->wait());
  EXPECT_EQ(in_child([&] {
    warmed = rlx::Error(ErrorCode::kInvalidArgument, "gone");
    graph_ = {};
    template_ = {};
    pipeline_ = rlx::Error(ErrorCode::kInvalidArgument, "gone");
    return kSame;
  }), kSame);
}

/// Whatever the other threads do at the moment of the fork.
TEST_F(Fork, AChildOfABusyProcessWorksOrSaysWhyNot) {
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    while (!stop) EXPECT_TRUE(graph_.run(inputs()));
  });
  threads.emplace_back([&] {
    for (std::int64_t rows = 1; !stop; rows = rows % 300 + 1) EXPECT_TRUE(pipeline_->get_or_compile(template_, {{"rows", rows}}));
  });
  threads.emplace_back([&] {
    while (!stop) {
      EXPECT_TRUE(template_.params().set("w1", wave({128, 128}).view()));
      EXPECT_TRUE(rlx::submit(graph_, inputs())->wait());
    }
  });
  int refused = 0;
  for (int i = 0; i < 12; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    const int seen = in_child([&] {
      const int outcome_of_run = outcome(graph_.run(inputs()));
      const std::size_t variants = pipeline_->memory().variants + pipeline_->size();
      const bool looks = pipeline_->contains(template_, {{"rows", 256}}) && variants > 0;
      return looks || outcome_of_run == kRefused ? outcome_of_run : kBlind;
    });
    EXPECT_TRUE(seen == kSame || seen == kRefused) << seen;
    refused += seen == kRefused;
  }
  EXPECT_GT(refused, 0) << "three threads were never inside";
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(in_child([&] { return outcome(graph_.run(inputs())); }), kSame) << "the process is quiet again";
}

/// A thread of a warm-up is inside while it packs, not only while it compiles.
TEST_F(Fork, AChildOfAProcessWhoseWarmUpPacksIsRefused) {
  std::atomic<bool> armed = false, reached = false, go = false;
  const Tensor weights = wave({128, 128});
  std::shared_ptr<const void> held(&armed, [&](const void*) {  // let go of in the thread that seals the set after this one
    reached = armed.load();
    while (armed && !go) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
  ASSERT_TRUE(template_.params().set("w0", weights.view(), std::move(held)));
  ASSERT_TRUE(graph_.run(inputs()));
  ASSERT_TRUE(template_.params().set("w0", weights.view()));
  armed = true;
  const auto warmed = rlx::warm(*pipeline_, template_, {{{"rows", 256}}}, {});
  for (int i = 0; i < 10000 && !reached; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(reached) << "nothing was let go of while the warm-up packed";
  EXPECT_EQ(in_child([&] { return outcome(graph_.run(inputs())); }), kRefused);
  go = true;
  EXPECT_TRUE(warmed->wait());
}

/// The threads that wait for something are the parent's; letting go of it must not wait for them.
TEST_F(Fork, AChildMayLetGoOfWhatItsParentWaitsFor) {
  std::atomic<bool> go = false, waits = false;
  rlx::WarmOptions options;
  options.progress = [&](const rlx::WarmProgress&) {
    while (!go) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  auto warmed = rlx::warm(*pipeline_, template_, {{{"rows", 256}}}, options);
  ASSERT_TRUE(warmed) << warmed.error().to_string();
  std::thread waiter([&] {
    waits = true;
    EXPECT_TRUE(warmed->wait());
  });
  while (!waits) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // until it sleeps
  EXPECT_EQ(in_child([&] {
    warmed = rlx::Error(ErrorCode::kInvalidArgument, "gone");
    return kSame;
  }), kSame);
  go = true;
  waiter.join();
}

/// Everything that threads share, in use at once: whichever lock another thread holds at the fork, the child gets an answer from
/// every call, and may let go of all that it has.
TEST_F(Fork, AChildOfAStormWorksOrIsRefusedAndEndsOrdinarily) {
  auto buckets = rlx::Buckets::create(*pipeline_, template_, {{{"rows", {32, 64, 300}}}, true});
  ASSERT_TRUE(buckets) << buckets.error().to_string();
  auto lone = pipeline_->build_template("lone", linear_model());
  ASSERT_TRUE(lone->params().set("w", Tensor::of({4, 2}, counting(8)).view()));
  auto lone_graph = pipeline_->get_or_compile(*lone, {{"seq", 2}});
  ASSERT_TRUE(lone_graph->run({{{"x", Tensor::of({1, 2, 4}, counting(8)).view()}}}));
  auto derived = template_.derive_params();
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  const auto again = [&](std::function<void(std::int64_t)> body) {
    threads.emplace_back([&stop, body = std::move(body)] {
      for (std::int64_t i = 0; !stop; ++i) body(i % 300 + 1);
    });
  };
  again([&](std::int64_t) { EXPECT_TRUE(graph_.run(inputs())); });
  again([&](std::int64_t i) { EXPECT_TRUE(pipeline_->get_or_compile(template_, {{"rows", i}})); });
  again([&](std::int64_t i) { EXPECT_TRUE(rlx::warm(*pipeline_, template_, {{{"rows", i}}, {{"rows", 301 - i}}}, {})); });
  again([&](std::int64_t i) {
    const Tensor x = wave({i, 128});
    EXPECT_TRUE(buckets->run({{{"x", x.view()}}}));
    EXPECT_GT(buckets->counters().runs, 0u);
    if (i % 16 == 0) buckets->wait();
  });
  again([&](std::int64_t) {
    runtime_->trim();
    EXPECT_GT(runtime_->memory().source_bytes, 0u);
    const rlx::Trace::Slice slice(trace_, "looked", "test");
  });
  again([&](std::int64_t i) {
    auto own = pipeline_->build_template("own", linear_model());
    EXPECT_TRUE(own->params().set("w", Tensor::of({4, 2}, counting(8)).view()));
    EXPECT_TRUE(own->derive_params());
    EXPECT_TRUE(pipeline_->get_or_compile(*own, {{"seq", i}}));
    if (i % 64 == 0) pipeline_->clear();
  });
  again([&](std::int64_t) {
    EXPECT_TRUE(template_.params().set("w1", wave({128, 128}).view()));
    EXPECT_TRUE(rlx::submit(graph_, inputs())->wait());
  });
  int refused = 0, hung = 0;
  for (int i = 0; i < 100 && !hung; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(i % 5));
    const int seen = in_child([&] {
      const int outcome_of_run = outcome(graph_.run(inputs()));
      const Tensor x = wave({7, 128});
      const auto answer = buckets->run({{{"x", x.view()}}});
      const bool same = (outcome_of_run == kSame) == answer.has_value();
      static_cast<void>(buckets->counters());
      static_cast<void>(runtime_->memory());
      runtime_->trim();
      static_cast<void>(trace_.slices() + trace_.to_json().size());
      { const rlx::Trace::Slice slice(trace_, "looked", "test"); }
      const rlx::Error gone(ErrorCode::kInvalidArgument, "gone");
      derived = gone, lone_graph = gone, lone = gone, buckets = gone;
      graph_ = {}, template_ = {}, pipeline_ = gone, runtime_ = gone, trace_ = {};
      return same ? outcome_of_run : kBlind;
    });
    EXPECT_TRUE(seen == kSame || seen == kRefused) << "fork " << i << ": " << seen;
    hung += seen == -1;
    refused += seen == kRefused;
  }
  EXPECT_GT(refused, 0) << "no thread was ever inside";
  stop = true;
  for (std::thread& thread : threads) thread.join();
  buckets->wait();
  EXPECT_EQ(in_child([&] { return outcome(graph_.run(inputs())); }), kSame) << "the process is quiet again";
}

}  // namespace
