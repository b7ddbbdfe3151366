// SPDX-License-Identifier: Apache-2.0
// Handles that nobody made, and values that were moved from: every public method answers with an error or with nothing.
#include <rlx/host/async.hpp>
#include <rlx/host/buckets.hpp>
#include <rlx/host/context.hpp>
#include <rlx/host/package.hpp>
#include <rlx/host/packed.hpp>
#include <rlx/host/report.hpp>
#include <rlx/host/warm.hpp>

#include <functional>

#include "support.h"

namespace {

using namespace rlx_test;
using rlx::DType;
using rlx::ErrorCode;
using rlx::Tensor;

TEST(MisuseOfHandles, EmptyRuntimesAndDevicesSayNothingOrAnError) {
  rlx::Runtime runtime;
  expect_error(runtime.device(), ErrorCode::kInvalidArgument, {"the runtime is empty", "Runtime::discover"});
  EXPECT_TRUE(runtime.devices().empty());
  EXPECT_TRUE(runtime.plugins().empty());
  EXPECT_TRUE(runtime.places().empty());
  EXPECT_EQ(runtime.memory().bytes() + runtime.trim(), 0u);
  const rlx::Device device;
  EXPECT_EQ(device.name() + device.report().plugin_id, "");
  expect_error(rlx::ModelCompilePipeline::create(device), ErrorCode::kInvalidArgument, {"no device"});
  expect_error(rlx::Session::compile(device, token_model()), ErrorCode::kInvalidArgument, {"no device"});
}

TEST(MisuseOfHandles, EmptyTemplatesAndGraphsSayNothingOrAnError) {
  const rlx::Template none;
  EXPECT_TRUE(none.manifest().inputs.empty());
  EXPECT_EQ(none.fusion_report().nodes_before + none.op_counts().size(), 0u);
  EXPECT_FALSE(none.params());
  expect_error(none.derive_params(), ErrorCode::kInvalidArgument, {"the template is empty"});
  EXPECT_TRUE(rlx::unread_inputs(none).empty());
  rlx::CompiledGraph graph;
  EXPECT_TRUE(graph.manifest().inputs.empty());
  EXPECT_EQ(graph.binding().size() + graph.report().native + graph.arena_bytes() + graph.image().size(), 0u);
  EXPECT_EQ(graph.times().compile_us, 0);
  expect_error(graph.set_param("w", {}), ErrorCode::kInvalidArgument, {"the graph is empty"});
  EXPECT_TRUE(graph.unset_params().empty());
  EXPECT_FALSE(graph.params());
  expect_error(graph.run({}), ErrorCode::kInvalidArgument, {"the graph is empty"});
  expect_error(graph.run_into({}, {}), ErrorCode::kInvalidArgument, {"the graph is empty"});
  expect_error(graph.bind({}, {}), ErrorCode::kInvalidArgument, {"the graph is empty"});
  expect_error(graph.create_context(), ErrorCode::kInvalidArgument, {"the graph is empty"});
  expect_error(rlx::submit(graph, {}), ErrorCode::kInvalidArgument, {"the graph is empty"});
  expect_error(rlx::submit_into(graph, {}, {}), ErrorCode::kInvalidArgument, {"the graph is empty"});
  expect_error(rlx::BoundRun().call(), ErrorCode::kInvalidArgument, {"the bound run is empty"});
  expect_error(rlx::Pending().wait(), ErrorCode::kInvalidArgument, {"no run was submitted"});
  expect_error(rlx::ParamSet().set("w", {}), ErrorCode::kInvalidArgument, {"empty"});
  expect_error(rlx::estimate_memory(none, {}, false), ErrorCode::kInvalidArgument, {"not of this template"});
}

TEST(MisuseOfHandles, EmptySessionsBucketsContextsAndPackagesSayNothingOrAnError) {
  rlx::Session session;
  expect_error(session.pipeline().build_template("t", token_model()), ErrorCode::kInvalidArgument, {"the pipeline is empty"});
  expect_error(session.run({}), ErrorCode::kInvalidArgument, {"the session is empty"});
  EXPECT_EQ(session.model_template().name(), "");
  rlx::Session full = *rlx::Session::compile(open_device(), token_model());
  const rlx::Session taken = std::move(full);
  expect_error(full.run({}), ErrorCode::kInvalidArgument, {"the session is empty"});
  EXPECT_EQ(full.pipeline().size(), 0u);

  const rlx::Buckets buckets;
  expect_error(buckets.run({}), ErrorCode::kInvalidArgument, {"the buckets are empty", "Buckets::create"});
  expect_error(buckets.bucket_of({}), ErrorCode::kInvalidArgument, {"the buckets are empty"});
  EXPECT_EQ(buckets.buckets().size() + buckets.counters().runs, 0u);
  EXPECT_EQ(buckets.padded().name(), "");
  buckets.wait();
  rlx::ModelCompilePipeline pipeline;
  expect_error(rlx::Buckets::create(pipeline, rlx::Template(), {}), ErrorCode::kInvalidArgument, {"the template is empty"});
  expect_error(rlx::Buckets::create(pipeline, taken.model_template(), {{rlx::Ladder{"batch", {4}}}}), ErrorCode::kInvalidArgument, {"the pipeline is empty"});
  expect_error(rlx::run_packed(pipeline, rlx::Template(), {}), ErrorCode::kInvalidArgument, {"the template is empty"});

  rlx::ExecutionContext context;
  expect_error(context.run({}, {}), ErrorCode::kInvalidArgument, {"the context is empty"});
  expect_error(context.reset(), ErrorCode::kInvalidArgument, {"the context is empty"});
  EXPECT_EQ(context.bytes() + static_cast<std::uint64_t>(context.length() + context.capacity()), 0u);

  const rlx::Package package;
  EXPECT_EQ(package.info().path + package.model().to_text(), "");
  expect_error(package.verify(), ErrorCode::kInvalidArgument, {"the package is empty"});
  expect_error(rlx::write_package("nowhere.rlx", rlx::Model()), ErrorCode::kInvalidArgument, {"the model is empty"});
  const rlx::WarmUp warm_up;
  EXPECT_TRUE(warm_up.finished());
  EXPECT_EQ(warm_up.progress().total, 0u);
}

TEST(MisuseOfHandles, AFunctionThatIsNotThereMakesNoModel) {
  auto pipeline = rlx::ModelCompilePipeline::create(open_device());
  expect_error(pipeline->ensure_template("t", nullptr), ErrorCode::kInvalidArgument, {"template `t`", "no function"});
}

TEST(MisuseOfHandles, ATensorThatWasMovedFromHasNoElements) {
  Tensor tensor = Tensor::of({2, 2}, std::vector<std::int64_t>{1, 2, 3, 4});
  const Tensor taken = std::move(tensor);
  EXPECT_EQ(taken.i64().size(), 4u);
  EXPECT_EQ(tensor.i64().size(), 0u);
  EXPECT_EQ(tensor.data(), nullptr);
  auto session = rlx::Session::compile(open_device(), token_model());
  const std::vector<rlx::NamedView> views = {{"input_ids", {DType::kI64, {2, 2}, tensor.data(), 32}}, {"attention_mask", taken.view()}};
  ASSERT_TRUE(session->pipeline().get_or_compile(session->model_template(), {{"batch", 2}, {"seq", 2}}));
  expect_error(session->run(views), ErrorCode::kWrongSize, {"`input_ids`", "null"});
}

TEST(MisuseOfHandles, ABuilderThatWasMovedFromFailsInEveryCall) {
  using B = rlx::ModelBuilder;
  const rlx::Handle x;
  const std::vector<std::function<void(B&)>> calls = {
      [](B& b) { b.symbol("n", 1, 2); },
      [](B& b) { b.input("x", DType::kF32, {"n"}); },
      [](B& b) { b.state("s", DType::kF32, {1}); },
      [&](B& b) { b.set_state("s", x); },
      [](B& b) { b.length("l", 1, 2); },
      [](B& b) { b.param("p", DType::kF32, {1}); },
      [](B& b) { b.constant({}); },
      [](B& b) { b.scalar(DType::kF32, 1); },
      [&](B& b) { b.linear(x, x); },
      [&](B& b) { b.layer_norm(x, x, x, 1e-5); },
      [&](B& b) { b.softmax(x); },
      [&](B& b) { b.attention(x, x, x, x, {}); },
      [&](B& b) { b.swiglu(x, x, x, x); },
      [&](B& b) { b.reshape(x, {-1}); },
      [&](B& b) { b.slice(x, 0, 0, 1); },
      [&](B& b) { b.update_slice(x, x, 0, x); },
      [](B& b) { b.concat({}, 0); },
      [&](B& b) { b.mean(x, {0}, true); },
      [&](B& b) { b.segment_mean(x, x); },
      [](B& b) { b.size_of("n"); },
      [&](B& b) { b.op(RLX_OP_SOFTMAX, {x, x}); },
      [&](B& b) { b.set_output("y", x); },
      [&](B& b) { EXPECT_EQ(b.describe(x), "nothing"); },
      [&](B& b) { EXPECT_EQ(b.dtype(x), DType::kNone); },
      [&](B& b) { EXPECT_TRUE(b.dims(x).empty()); },
      [](B& b) { EXPECT_TRUE(b.failed()); },
      [](B&) {},
  };
  for (const auto& call : calls) {
    B builder("moved");
    const B taken = std::move(builder);
    call(builder);
    expect_error(builder.finish(), ErrorCode::kInvalidArgument, {"the builder was moved from"});
  }
}

TEST(MisuseOfHandles, AConstantWithoutDataIsRefused) {
  rlx::ModelBuilder builder("null");
  builder.constant({DType::kF32, {2}, nullptr, 8});
  expect_error(builder.finish(), ErrorCode::kWrongSize, {"constant", "f32[2]"});
}

}  // namespace
