// SPDX-License-Identifier: Apache-2.0
// After fork: a child works, or says why not; it never hangs. Children are watched by an alarm and leave by _exit.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <functional>
#include <rlx/host/async.hpp>
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
    pipeline_ = rlx::ModelCompilePipeline::create(open_device(2));
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

}  // namespace
