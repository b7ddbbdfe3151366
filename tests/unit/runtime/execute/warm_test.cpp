// SPDX-License-Identifier: Apache-2.0
// Warming up: what is asked for is there, in the background or at once; deadlines leave the rest out; errors are told.
#include <cstring>
#include <mutex>
#include <rlx/host/warm.hpp>

#include "support.h"

namespace {

using namespace rlx_test;
using rlx::ErrorCode;
using rlx::Tensor;
using rlx::WarmOptions;
using Clock = std::chrono::steady_clock;

class Warm : public testing::Test {
 protected:
  void SetUp() override {
    pipeline_ = rlx::ModelCompilePipeline::create(open_device());
    template_ = *pipeline_->build_template("linear", linear_model());
    ASSERT_TRUE(template_.params().set("w", Tensor::of({4, 2}, counting(8)).view()));
    for (std::int64_t seq = 1; seq <= 12; ++seq) bindings_.push_back({{"seq", seq}});
  }
  rlx::Result<rlx::ModelCompilePipeline> pipeline_;
  rlx::Template template_;
  std::vector<rlx::Binding> bindings_;
};

TEST_F(Warm, InTheBackgroundWithProgress) {
  std::mutex mutex;
  std::vector<rlx::WarmProgress> seen;
  WarmOptions options;
  options.threads = 2;
  options.progress = [&](const rlx::WarmProgress& now) {
    const std::lock_guard lock(mutex);
    seen.push_back(now);
  };
  const auto warmed = rlx::warm(*pipeline_, template_, bindings_, options);
  ASSERT_TRUE(warmed) << warmed.error().to_string();
  const auto end = warmed->wait();
  ASSERT_TRUE(end) << end.error().to_string();
  EXPECT_TRUE(warmed->finished());
  for (const auto& binding : bindings_) EXPECT_TRUE(rlx::ready(*pipeline_, template_, binding));
  EXPECT_FALSE(rlx::ready(*pipeline_, template_, {{"seq", 99}}));
  EXPECT_EQ(warmed->progress().done, bindings_.size());
  ASSERT_EQ(seen.size(), bindings_.size());
  for (std::size_t i = 0; i < seen.size(); ++i) {
    EXPECT_EQ(seen[i].done, i + 1);
    EXPECT_EQ(seen[i].total, bindings_.size());
  }
  const std::uint64_t compiles = pipeline_->counters().compiles;
  const Tensor x = Tensor::of({1, 12, 4}, counting(48));
  ASSERT_TRUE(pipeline_->get_or_compile(template_, bindings_.back())->run({{{"x", x.view()}}}));
  EXPECT_EQ(pipeline_->counters().compiles, compiles);
}

TEST_F(Warm, WithoutThreadsItIsDoneOnReturn) {
  WarmOptions options;
  options.threads = 0;
  const auto warmed = rlx::warm(*pipeline_, template_, bindings_, options);
  ASSERT_TRUE(warmed) << warmed.error().to_string();
  EXPECT_TRUE(warmed->finished());
  for (const auto& binding : bindings_) EXPECT_TRUE(rlx::ready(*pipeline_, template_, binding));
}

TEST_F(Warm, AFailureIsToldAndTheOthersAreMade) {
  bindings_.insert(bindings_.begin() + 3, rlx::Binding{{"sq", 4}});
  const auto warmed = rlx::warm(*pipeline_, template_, bindings_, {});
  ASSERT_TRUE(warmed);
  expect_error(warmed->wait(), ErrorCode::kUnknownSymbol, {"`sq`", "`seq`"});
  EXPECT_EQ(warmed->progress().failed, 1u);
  EXPECT_EQ(warmed->progress().done, bindings_.size() - 1);
}

TEST_F(Warm, WhatADeadlineLeavesOutIsCompiledLater) {
  WarmOptions options;
  options.deadline = Clock::now() - std::chrono::seconds(1);
  const auto warmed = rlx::warm(*pipeline_, template_, bindings_, options);
  expect_error(warmed->wait(), ErrorCode::kDeadline, {});
  EXPECT_EQ(warmed->progress().done, 0u);
  EXPECT_EQ(warmed->progress().failed, 0u);
  EXPECT_TRUE(pipeline_->get_or_compile(template_, bindings_[0]));
}

TEST_F(Warm, StopsWhenItIsCancelledOrDropped) {
  WarmOptions options;
  options.cancel = rlx::CancelToken::make();
  options.progress = [cancel = options.cancel](const rlx::WarmProgress& now) {
    if (now.done == 3) cancel.cancel();
  };
  const auto warmed = rlx::warm(*pipeline_, template_, bindings_, options);
  expect_error(warmed->wait(), ErrorCode::kCancelled, {});
  EXPECT_EQ(warmed->progress().done, 3u);
  { const auto dropped = rlx::warm(*pipeline_, template_, bindings_, {}); }
  EXPECT_TRUE(pipeline_->get_or_compile(template_, bindings_.back()));
}

TEST_F(Warm, RunsGoOnMeanwhile) {
  const Tensor x = Tensor::of({1, 1, 4}, counting(4));
  const auto wanted = pipeline_->get_or_compile(template_, {{"seq", 1}})->run({{{"x", x.view()}}});
  const auto warmed = rlx::warm(*pipeline_, template_, bindings_, {});
  int runs = 0;
  do {
    const auto seen = pipeline_->get_or_compile(template_, {{"seq", 1}})->run({{{"x", x.view()}}});
    ASSERT_TRUE(seen);
    ASSERT_EQ(std::memcmp(seen->front().tensor.data(), wanted->front().tensor.data(), seen->front().tensor.bytes()), 0);
    ++runs;
  } while (!warmed->finished());
  EXPECT_GE(runs, 1);
  EXPECT_TRUE(warmed->wait());
}

TEST_F(Warm, AnEmptyListAndAnEmptyTemplate) {
  const auto nothing = rlx::warm(*pipeline_, template_, {}, {});
  ASSERT_TRUE(nothing);
  EXPECT_TRUE(nothing->wait());
  expect_error(rlx::warm(*pipeline_, rlx::Template(), bindings_, {}), ErrorCode::kInvalidArgument, {"empty"});
}

}  // namespace
