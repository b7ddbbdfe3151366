// SPDX-License-Identifier: Apache-2.0
// Deadlines and tokens: before and during compiling, packing and running. After a stop everything stays usable and the next
// call gives the same bits.
#include <atomic>
#include <cmath>
#include <cstring>
#include <functional>
#include <thread>

#include "support.h"

namespace {

using namespace rlx_test;
using rlx::CallOptions;
using rlx::CancelToken;
using rlx::DType;
using rlx::ErrorCode;
using rlx::Tensor;
using Clock = std::chrono::steady_clock;

/// x[n, n] to a high power: long enough to be stopped half-way.
rlx::Model power(int times) {
  rlx::ModelBuilder builder("power");
  const auto x = builder.input("x", DType::kF32, {"n", "n"});
  auto y = x;
  for (int i = 0; i < times; ++i) y = builder.matmul(y, x);
  builder.set_output("y", y);
  auto model = builder.finish();
  EXPECT_TRUE(model) << model.error().to_string();
  return *model;
}

CallOptions past_deadline() {
  CallOptions options;
  options.deadline = Clock::now() - std::chrono::seconds(1);
  return options;
}
CallOptions cancelled() {
  CallOptions options;
  options.cancel = CancelToken::make();
  options.cancel.cancel();
  return options;
}
rlx::GetOptions as_get(const CallOptions& call) {
  rlx::GetOptions options;
  options.call = call;
  return options;
}

Tensor square(std::int64_t n) {
  Tensor tensor(DType::kF32, {n, n});
  float at = 0;
  for (float& value : tensor.f32()) value = std::sin(at += 0.37f) / std::sqrt(static_cast<float>(n));
  return tensor;
}

class Cancel : public testing::Test {
 protected:
  void SetUp() override {
    pipeline_ = rlx::ModelCompilePipeline::create(open_device());
    template_ = *pipeline_->build_template("power", power(16));
  }
  rlx::Result<rlx::ModelCompilePipeline> pipeline_;
  rlx::Template template_;
};

TEST_F(Cancel, BeforeARunNothingIsDone) {
  const auto graph = pipeline_->get_or_compile(template_, {{"n", 8}});
  const Tensor x = square(8);
  const std::vector<rlx::NamedView> inputs = {{"x", x.view()}};
  Tensor y(DType::kF32, {8, 8}), untouched(DType::kF32, {8, 8});
  const std::vector<rlx::NamedMutableView> outputs = {{"y", y.mutable_view()}};
  expect_error(graph->run_into(inputs, outputs, cancelled()), ErrorCode::kCancelled, {"run", "stopped"});
  expect_error(graph->run_into(inputs, outputs, past_deadline()), ErrorCode::kDeadline, {"run", "deadline"});
  const auto bound = graph->bind(inputs, outputs);
  expect_error(bound->call(cancelled()), ErrorCode::kCancelled, {});
  expect_error(bound->call(past_deadline()), ErrorCode::kDeadline, {});
  EXPECT_EQ(std::memcmp(y.data(), untouched.data(), y.bytes()), 0);
  EXPECT_TRUE(graph->run_into(inputs, outputs));
}

TEST_F(Cancel, BeforeACompileNothingIsKept) {
  expect_error(pipeline_->get_or_compile(template_, {{"n", 8}}, as_get(cancelled())), ErrorCode::kCancelled, {"compile"});
  expect_error(pipeline_->get_or_compile(template_, {{"n", 8}}, as_get(past_deadline())), ErrorCode::kDeadline, {"compile"});
  EXPECT_FALSE(pipeline_->contains(template_, {{"n", 8}}));
  const auto specialized = pipeline_->specialize_template(template_, {{"n", 8}});
  expect_error(pipeline_->compile_lir(template_, *specialized, cancelled()), ErrorCode::kCancelled, {"compile"});
  const Tensor x = square(8);
  const auto graph = pipeline_->get_or_compile(template_, {{"n", 8}});
  ASSERT_TRUE(graph) << graph.error().to_string();
  EXPECT_TRUE(graph->run({{{"x", x.view()}}}));
}

/// A run that would take seconds returns when told to, and the next one has the bits of a pipeline that was never stopped.
TEST_F(Cancel, StopsALongRunAndTheNextOneIsTheSame) {
  constexpr std::int64_t kLong = 1536, kShort = 96;
  const auto graph = pipeline_->get_or_compile(template_, {{"n", kLong}});
  ASSERT_TRUE(graph) << graph.error().to_string();
  const Tensor x = square(kLong), small = square(kShort);
  CallOptions options;
  options.cancel = CancelToken::make();
  std::atomic<bool> started = false;
  std::thread stopper([&] {
    while (!started) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    options.cancel.cancel();
  });
  started = true;
  expect_error(graph->run({{{"x", x.view()}}}, options), ErrorCode::kCancelled, {"stopped"});
  stopper.join();
  CallOptions soon;
  soon.deadline = Clock::now() + std::chrono::milliseconds(10);
  expect_error(graph->run({{{"x", x.view()}}}, soon), ErrorCode::kDeadline, {"deadline"});

  const auto after = pipeline_->get_or_compile(template_, {{"n", kShort}})->run({{{"x", small.view()}}});
  auto fresh = rlx::ModelCompilePipeline::create(open_device());
  const auto other = fresh->build_template("power", power(16));
  const auto wanted = fresh->get_or_compile(*other, {{"n", kShort}})->run({{{"x", small.view()}}});
  ASSERT_TRUE(after && wanted);
  EXPECT_EQ(std::memcmp(after->front().tensor.data(), wanted->front().tensor.data(), wanted->front().tensor.bytes()), 0);
}

TEST_F(Cancel, AfterAStopTheSameVariantGivesTheSameBits) {
  constexpr std::int64_t kSize = 512;
  const auto graph = pipeline_->get_or_compile(template_, {{"n", kSize}});
  const Tensor x = square(kSize);
  const auto before = graph->run({{{"x", x.view()}}});
  ASSERT_TRUE(before);
  int stopped = 0;
  for (int i = 0; i < 8; ++i) {
    CallOptions options;
    options.deadline = Clock::now() + std::chrono::milliseconds(i);
    const auto seen = graph->run({{{"x", x.view()}}}, options);
    stopped += !seen && seen.error().code() == ErrorCode::kDeadline;
  }
  EXPECT_GT(stopped, 0);
  const auto after = graph->run({{{"x", x.view()}}});
  ASSERT_TRUE(after);
  EXPECT_EQ(std::memcmp(after->front().tensor.data(), before->front().tensor.data(), before->front().tensor.bytes()), 0);
}

/// Half of the callers have no time; the others get the variant whoever was making it.
TEST_F(Cancel, WhoWaitsForAVariantIsNotStoppedWithItsMaker) {
  for (std::int64_t n = 8; n < 24; ++n) {
    std::atomic<int> good = 0, other = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 6; ++i)
      threads.emplace_back([&, i] {
        CallOptions call;
        if (i % 2 == 0) call.deadline = Clock::now() + std::chrono::microseconds(50 * i);
        const auto graph = pipeline_->get_or_compile(template_, {{"n", n}}, as_get(call));
        if (i % 2 == 1) good += graph.has_value();
        else other += !graph && graph.error().code() != ErrorCode::kDeadline;
      });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(good, 3);
    EXPECT_EQ(other, 0);
    EXPECT_TRUE(pipeline_->contains(template_, {{"n", n}}));
  }
}

/// Packing stops too: weights of some size, deadlines that end at every stage. What was begun is made again, whole.
TEST(CancelOfPacking, LeavesWholePacks) {
  rlx::ModelBuilder builder("wide");
  auto y = builder.input("x", DType::kF32, {"rows", 768});
  for (const char* name : {"w0", "w1", "w2", "w3"}) y = builder.linear(y, builder.param(name, DType::kF32, {768, 768}));
  builder.set_output("y", y);
  auto pipeline = rlx::ModelCompilePipeline::create(open_device());
  const auto made = pipeline->build_template("wide", *builder.finish());
  const Tensor weights = square(768), x = square(768);
  for (const char* name : {"w0", "w1", "w2", "w3"}) ASSERT_TRUE(made->params().set(name, weights.view()));
  int stopped = 0;
  for (int i = 0; i < 20; ++i) {
    CallOptions call;
    call.deadline = Clock::now() + std::chrono::microseconds(150 * i);
    const auto graph = pipeline->get_or_compile(*made, {{"rows", 768}}, as_get(call));
    stopped += !graph;
    if (!graph) {
      EXPECT_EQ(graph.error().code(), ErrorCode::kDeadline) << graph.error().message();
    }
  }
  EXPECT_GT(stopped, 0);
  const auto seen = pipeline->get_or_compile(*made, {{"rows", 768}})->run({{{"x", x.view()}}});
  auto fresh = rlx::ModelCompilePipeline::create(open_device());
  const auto other = fresh->build_template("wide", made ? *rlx::model_from_text(*made->dump("hir")) : rlx::Model());
  for (const char* name : {"w0", "w1", "w2", "w3"}) ASSERT_TRUE(other->params().set(name, weights.view()));
  const auto wanted = fresh->get_or_compile(*other, {{"rows", 768}})->run({{{"x", x.view()}}});
  ASSERT_TRUE(seen && wanted);
  EXPECT_EQ(std::memcmp(seen->front().tensor.data(), wanted->front().tensor.data(), wanted->front().tensor.bytes()), 0);
}

}  // namespace
