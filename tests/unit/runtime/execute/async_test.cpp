// SPDX-License-Identifier: Apache-2.0
// Submitted runs: order, lifetime, errors, cancelling, and the same bits as runs that wait.
#include <dirent.h>

#include <cmath>
#include <cstring>
#include <rlx/host/async.hpp>
#include <thread>

#include "support.h"

namespace {

using namespace rlx_test;
using rlx::DType;
using rlx::ErrorCode;
using rlx::NamedView;
using rlx::Pending;
using rlx::Tensor;
using Clock = std::chrono::steady_clock;

/// y = tanh(x . w + b), and the weights inside.
rlx::Model model() {
  rlx::ModelBuilder builder("layer");
  const auto x = builder.input("x", DType::kF32, {"rows", 48});
  const auto w = builder.param("w", DType::kF32, {48, 32});
  builder.set_output("y", builder.linear(x, w, {}, rlx::Activation::kTanh));
  auto made = builder.finish();
  EXPECT_TRUE(made) << made.error().to_string();
  return *made;
}

Tensor wave(std::vector<std::int64_t> dims, float phase) {
  Tensor tensor(DType::kF32, std::move(dims));
  for (float& value : tensor.f32()) value = std::sin(phase += 0.7f);
  return tensor;
}

int threads_of_this_process() {
  int count = 0;
  DIR* folder = ::opendir("/proc/self/task");
  if (!folder) return -1;
  while (const dirent* entry = ::readdir(folder)) count += entry->d_name[0] != '.';
  ::closedir(folder);
  return count;
}

class Async : public testing::Test {
 protected:
  void SetUp() override {
    pipeline_ = rlx::ModelCompilePipeline::create(open_device());
    template_ = *pipeline_->build_template("layer", model());
    ASSERT_TRUE(template_.params().set("w", wave({48, 32}, 1).view()));
    graph_ = *pipeline_->get_or_compile(template_, {{"rows", 5}});
    for (int i = 0; i < 24; ++i) {
      keep_.push_back(wave({5, 48}, static_cast<float>(i)));
      inputs_.push_back({{"x", keep_.back().view()}});
    }
  }
  rlx::Result<rlx::ModelCompilePipeline> pipeline_;
  rlx::Template template_;
  rlx::CompiledGraph graph_;
  std::vector<Tensor> keep_;
  std::vector<std::vector<NamedView>> inputs_;
};

void expect_same(const std::vector<rlx::NamedTensor>& a, const std::vector<rlx::NamedTensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].name, b[i].name);
    ASSERT_EQ(a[i].tensor.bytes(), b[i].tensor.bytes());
    EXPECT_EQ(std::memcmp(a[i].tensor.data(), b[i].tensor.data(), a[i].tensor.bytes()), 0);
  }
}

TEST_F(Async, SubmittedRunsGiveTheBitsOfRunsThatWait) {
  std::vector<Pending> pending;
  for (const auto& inputs : inputs_) {
    auto next = rlx::submit(graph_, inputs);
    ASSERT_TRUE(next) << next.error().to_string();
    pending.push_back(*next);
  }
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    auto seen = pending[i].take();
    ASSERT_TRUE(seen) << seen.error().to_string();
    EXPECT_TRUE(pending[i].ready());
    expect_same(*seen, *graph_.run(inputs_[i]));
    expect_error(pending[i].take(), ErrorCode::kInvalidArgument, {"taken before"});
  }
}

TEST_F(Async, ManyRunsEqualSerialOnes) {
  const auto many = rlx::run_many(graph_, inputs_);
  ASSERT_TRUE(many) << many.error().to_string();
  ASSERT_EQ(many->size(), inputs_.size());
  for (std::size_t i = 0; i < inputs_.size(); ++i) expect_same((*many)[i], *graph_.run(inputs_[i]));
  const auto none = rlx::run_many(graph_, {});
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
}

TEST_F(Async, ManyRunsNameTheOneThatFailed) {
  inputs_[7] = {{"y", keep_[7].view()}};
  expect_error(rlx::run_many(graph_, inputs_), ErrorCode::kUnknownName, {"run 7", "`y`"});
  rlx::CallOptions late;
  late.deadline = Clock::now() - std::chrono::seconds(1);
  inputs_[7] = inputs_[6];
  expect_error(rlx::run_many(graph_, inputs_, late), ErrorCode::kDeadline, {"run 0"});
  EXPECT_TRUE(rlx::run_many(graph_, inputs_));
}

TEST_F(Async, RunsEndInTheOrderOfTheirSubmission) {
  std::vector<Pending> pending;
  for (const auto& inputs : inputs_) pending.push_back(*rlx::submit(graph_, inputs));
  ASSERT_TRUE(pending.back().wait());
  for (const Pending& run : pending) EXPECT_TRUE(run.ready());
}

TEST_F(Async, WritesIntoTheCallersMemory) {
  Tensor y(DType::kF32, {5, 32});
  const auto pending = rlx::submit_into(graph_, inputs_[0], {{{"y", y.mutable_view()}}});
  ASSERT_TRUE(pending) << pending.error().to_string();
  ASSERT_TRUE(pending->wait());
  EXPECT_EQ(std::memcmp(y.data(), graph_.run(inputs_[0])->front().tensor.data(), y.bytes()), 0);
  expect_error(pending->take(), ErrorCode::kInvalidArgument, {"caller's memory"});
}

TEST_F(Async, WhatIsWrongAtOnceIsSaidAtOnce) {
  expect_error(rlx::submit(graph_, {{{"z", keep_[0].view()}}}), ErrorCode::kUnknownName, {"`z`"});
  expect_error(rlx::submit(rlx::CompiledGraph(), inputs_[0]), ErrorCode::kInvalidArgument, {"empty"});
  const Pending none;
  EXPECT_TRUE(none.ready());
  expect_error(none.wait(), ErrorCode::kInvalidArgument, {"submit"});
}

TEST_F(Async, ErrorsOfARunComeFromWaitAndTheNextRunIsFine) {
  rlx::CallOptions late;
  late.deadline = Clock::now() - std::chrono::seconds(1);
  const auto stopped = rlx::submit(graph_, inputs_[0], late);
  ASSERT_TRUE(stopped);
  expect_error(stopped->wait(), ErrorCode::kDeadline, {"run"});
  auto fine = rlx::submit(graph_, inputs_[0]);
  expect_same(*fine->take(), *graph_.run(inputs_[0]));
}

/// The first run is long, the second waits behind it: both can be stopped, each for itself.
TEST(AsyncCancel, StopsARunThatWaitsAndOneThatRuns) {
  rlx::ModelBuilder builder("power");
  const auto x = builder.input("x", DType::kF32, {1024, 1024});
  auto y = x;
  for (int i = 0; i < 24; ++i) y = builder.matmul(y, x);
  builder.set_output("y", y);
  auto pipeline = rlx::ModelCompilePipeline::create(open_device());
  const auto made = pipeline->build_template("power", *builder.finish());
  const auto graph = pipeline->get_or_compile(*made, {});
  ASSERT_TRUE(graph) << graph.error().to_string();
  const Tensor ones = wave({1024, 1024}, 0);
  const std::vector<NamedView> inputs = {{"x", ones.view()}};
  const auto first = rlx::submit(*graph, inputs), second = rlx::submit(*graph, inputs);
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(first->wait_until(Clock::now() + std::chrono::milliseconds(5)));
  second->cancel();
  EXPECT_FALSE(second->ready());
  first->cancel();
  expect_error(first->wait(), ErrorCode::kCancelled, {});
  expect_error(second->wait(), ErrorCode::kCancelled, {});
  EXPECT_TRUE(second->wait_until(Clock::now()));
}

TEST_F(Async, DestroyingThePipelineWaits) {
  std::vector<Tensor> outputs;
  std::vector<Pending> pending;
  outputs.reserve(inputs_.size());
  for (const auto& inputs : inputs_) {
    outputs.emplace_back(DType::kF32, std::vector<std::int64_t>{5, 32});
    pending.push_back(*rlx::submit_into(graph_, inputs, {{{"y", outputs.back().mutable_view()}}}));
  }
  graph_ = {};
  template_ = {};
  pipeline_ = rlx::Error(ErrorCode::kInvalidArgument, "gone");
  for (const Pending& run : pending) EXPECT_TRUE(run.ready());
  for (const Pending& run : pending) EXPECT_TRUE(run.wait());
}

TEST_F(Async, EverythingMayBeDroppedWhileARunGoesOn) {
  for (int i = 0; i < 20; ++i) {
    rlx::Result<Pending> pending;
    {
      auto pipeline = rlx::ModelCompilePipeline::create(open_device());
      const auto made = pipeline->build_template("layer", model());
      ASSERT_TRUE(made->params().set("w", wave({48, 32}, 1).view()));
      pending = rlx::submit(*pipeline->get_or_compile(*made, {{"rows", 5}}), inputs_[0]);
    }
    EXPECT_TRUE(pending->wait());
  }
}

TEST_F(Async, ManyThreadsSubmitAtOnce) {
  const auto wanted = *graph_.run(inputs_[0]);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < 10; ++k) {
        auto seen = rlx::submit(graph_, inputs_[0])->take();
        wrong += !seen || std::memcmp(seen->front().tensor.data(), wanted.front().tensor.data(), wanted.front().tensor.bytes()) != 0;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(AsyncThreads, NoneStartsBeforeOneIsAskedFor) {
  const int before = threads_of_this_process();
  auto pipeline = rlx::ModelCompilePipeline::create(open_device());
  const auto made = pipeline->build_template("layer", model());
  ASSERT_TRUE(made->params().set("w", wave({48, 32}, 1).view()));
  const auto graph = pipeline->get_or_compile(*made, {{"rows", 1}});
  const Tensor x = wave({1, 48}, 0);
  ASSERT_TRUE(graph->run({{{"x", x.view()}}}));  // too little work for a team
  EXPECT_EQ(threads_of_this_process(), before);
  const auto pending = rlx::submit(*graph, {{{"x", x.view()}}});
  ASSERT_TRUE(pending->wait());
  EXPECT_EQ(threads_of_this_process(), before + 1);
}

}  // namespace
