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

TEST(MisuseOfHandles, AModelWithoutAGraphIsEmptyWhateverItCarries) {
  Tensor weight(DType::kF32, {2});
  const rlx::Model bare(nullptr, {{"w", weight.view(), nullptr}});
  rlx::Model full = token_model();
  const rlx::Model taken = std::move(full);
  auto pipeline = *rlx::ModelCompilePipeline::create(open_device());
  ASSERT_TRUE(pipeline.ensure_template("known", [&] { return rlx::Result<rlx::Model>(taken); }));
  for (const rlx::Model& model : {bare, full, rlx::Model()}) {
    EXPECT_EQ(model.to_text(), "");
    expect_error(pipeline.build_template("t", model), ErrorCode::kInvalidArgument, {"template `t`", "the model is empty"});
    expect_error(pipeline.ensure_template("known", [&] { return rlx::Result<rlx::Model>(model); }), ErrorCode::kInvalidArgument,
                 {"template `known`", "the model is empty"});
    expect_error(rlx::Session::compile(open_device(), model), ErrorCode::kInvalidArgument, {"the model is empty"});
    expect_error(rlx::write_package("nowhere.rlx", model), ErrorCode::kInvalidArgument, {"the model is empty"});
  }
  EXPECT_EQ(&bare.graph(), &rlx::Model().graph()) << "one empty graph, which is there";
}

TEST(MisuseOfHandles, EmptyPipelinesAnswerEveryCall) {
  rlx::ModelCompilePipeline pipeline;
  const rlx::Template none;
  const rlx::Specialized nothing;
  const std::vector<std::string> words = {"the pipeline is empty"};
  expect_error(pipeline.ensure_template("t", [] { return rlx::Result<rlx::Model>(token_model()); }), ErrorCode::kInvalidArgument, words);
  expect_error(pipeline.template_result("t"), ErrorCode::kInvalidArgument, words);
  expect_error(pipeline.template_binding_manifest("t"), ErrorCode::kInvalidArgument, words);
  expect_error(pipeline.specialize_template(none, {}), ErrorCode::kInvalidArgument, words);
  expect_error(pipeline.get_or_specialize_aot(none, {}), ErrorCode::kInvalidArgument, words);
  expect_error(pipeline.use_aot({}), ErrorCode::kInvalidArgument, words);
  expect_error(pipeline.compile_lir(none, nothing), ErrorCode::kInvalidArgument, words);
  expect_error(pipeline.get_or_compile(none, {}), ErrorCode::kInvalidArgument, words);
  expect_error(pipeline.binding_manifest_for_binding(none, {}), ErrorCode::kInvalidArgument, {"the template is empty"});
  EXPECT_FALSE(pipeline.has_template("t") || pipeline.contains(none, {}));
  EXPECT_EQ(pipeline.aot_counters().hits + pipeline.counters().hits + pipeline.size() + pipeline.clear() + pipeline.memory().source_bytes, 0u);
  EXPECT_EQ(pipeline.device().name(), "");
  EXPECT_FALSE(rlx::ready(pipeline, none, {}));
  expect_error(rlx::warm(pipeline, none, {{}}), ErrorCode::kInvalidArgument, {"empty"});
}

TEST(MisuseOfHandles, AnImageThatIsNoneIsRefused) {
  auto pipeline = *rlx::ModelCompilePipeline::create(open_device());
  const auto from = *pipeline.build_template("t", token_model());
  rlx::Specialized nothing;
  nothing.template_hash = from.hash();
  EXPECT_FALSE(pipeline.compile_lir(from, nothing));
  EXPECT_FALSE(rlx::estimate_memory(from, nothing, true));
  EXPECT_FALSE(rlx::plan_report(nothing.image) || rlx::op_uses(nothing.image));
  auto specialized = *pipeline.specialize_template(from, {{"batch", 2}, {"seq", 3}});
  std::vector<std::byte> bytes(specialized.image.begin(), specialized.image.end());
  for (const std::size_t size : {std::size_t{1}, std::size_t{63}, bytes.size() / 2, bytes.size() - 1}) {
    specialized.image = std::span<const std::byte>(bytes).first(size);
    EXPECT_FALSE(pipeline.compile_lir(from, specialized)) << size;
    EXPECT_FALSE(rlx::estimate_memory(from, specialized, true)) << size;
  }
}

TEST(MisuseOfHandles, TheRestOfEmptyHandlesAnswersToo) {
  const rlx::Template none;
  expect_error(none.dump("hir"), ErrorCode::kInvalidArgument, {"the template is empty"});
  expect_error(none.bind({}), ErrorCode::kInvalidArgument, {"the template is empty"});
  EXPECT_EQ(none.hash(), "");
  EXPECT_EQ(none.options().alignment, rlx::CompileOptions().alignment);
  rlx::ParamSet set;
  EXPECT_TRUE(set.unset().empty());
  EXPECT_EQ(set.bytes().source_bytes, 0u);
  expect_error(set.derive(), ErrorCode::kInvalidArgument, {"empty"});
  expect_error(set.set_all({}), ErrorCode::kInvalidArgument, {"empty"});
  expect_error(set.replace_all({}), ErrorCode::kInvalidArgument, {"empty"});
  const rlx::Pending pending;
  pending.cancel();
  EXPECT_TRUE(pending.ready());
  EXPECT_TRUE(pending.wait_until(std::chrono::steady_clock::now()));
  expect_error(pending.take(), ErrorCode::kInvalidArgument, {"no run was submitted"});
  const rlx::WarmUp warm_up;
  warm_up.cancel();
  (void)warm_up.wait();
  rlx::ExecutionContext context;
  const std::vector<std::string> words = {"the context is empty"};
  expect_error(context.run_into({}, {}, {}), ErrorCode::kInvalidArgument, words);
  expect_error(context.bind_run({}, {}, {}), ErrorCode::kInvalidArgument, words);
  expect_error(context.bind(none, {}), ErrorCode::kInvalidArgument, words);
  rlx::ModelCompilePipeline pipeline;
  expect_error(context.run(pipeline, none, {}), ErrorCode::kInvalidArgument, words);
  expect_error(context.truncate(0), ErrorCode::kInvalidArgument, words);
  expect_error(context.set_length(0), ErrorCode::kInvalidArgument, words);
  expect_error(context.fork(), ErrorCode::kInvalidArgument, words);
  expect_error(context.read_state("s"), ErrorCode::kInvalidArgument, words);
  expect_error(context.write_state("s", {}), ErrorCode::kInvalidArgument, words);
  const rlx::Buckets buckets;
  expect_error(buckets.run_into({}, {}), ErrorCode::kInvalidArgument, {"the buckets are empty"});
  expect_error(rlx::run_many({}, std::vector<std::vector<rlx::NamedView>>(2)), ErrorCode::kInvalidArgument, {"the graph is empty"});
  const rlx::Trace trace;
  EXPECT_EQ(trace.slices() + trace.dropped(), 0u);
  { const rlx::Trace::Slice slice(trace, "nothing"); }
  EXPECT_EQ(rlx::PlanReport().to_svg("").find("<?xml"), 0u);
  EXPECT_TRUE(rlx::BindingManifest().diff(none.manifest()).empty() && rlx::BindingManifest().weight_blocks().empty());
  EXPECT_EQ(rlx::CancelToken().linked().cancelled(), false);
  EXPECT_EQ(rlx::code_title(static_cast<rlx::ErrorCode>(9999)), "");
  EXPECT_EQ(rlx::explain("no code"), "");
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
