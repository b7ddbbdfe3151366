// SPDX-License-Identifier: Apache-2.0
// States of contexts: they live from run to run, belong to one template, have a length and a capacity, and serve one
// call at a time.
#include <rlx/host/context.hpp>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "support.h"

namespace {

using namespace rlx_test;
using rlx::DType;
using rlx::ErrorCode;
using rlx::Tensor;

rlx::Model finished(rlx::ModelBuilder& builder) {
  auto model = builder.finish();
  EXPECT_TRUE(model) << model.error().to_string();
  return model ? *model : rlx::Model();
}

/// total' = total + x; the outputs are the new total and the old one.
rlx::Model counter_model() {
  rlx::ModelBuilder builder("counter");
  const auto x = builder.input("x", DType::kF32, {"n"});
  const auto total = builder.state("total", DType::kF32, {"n"});
  const auto next = builder.add(total, x);
  builder.set_output("before", builder.mul(total, builder.scalar(DType::kF32, 1)));
  builder.set_output("after", builder.mul(next, builder.scalar(DType::kF32, 1)));
  builder.set_state("total", next);
  return finished(builder);
}

/// Appends rows to a log; the output is the log's whole memory.
rlx::Model log_model() {
  rlx::ModelBuilder builder("log");
  builder.symbol("capacity", 0, 1 << 20);
  builder.symbol("rows", 0, 1 << 20);
  const auto x = builder.input("x", DType::kF32, {"rows", 2});
  const auto log = builder.state("log", DType::kF32, {"capacity", 2});
  const auto length = builder.length("length", "rows", "capacity");
  const auto next = builder.update_slice(log, x, 0, length);
  builder.set_output("log_now", builder.mul(next, builder.scalar(DType::kF32, 1)));
  builder.set_state("log", next);
  return finished(builder);
}

struct Fixture {
  rlx::ModelCompilePipeline pipeline;
  rlx::Template from;
  explicit Fixture(const rlx::Model& model, const rlx::Device& device = open_device())
      : pipeline(*rlx::ModelCompilePipeline::create(device)), from(*pipeline.build_template("model", model)) {}
  rlx::CompiledGraph at(const rlx::Binding& binding) {
    auto graph = pipeline.get_or_compile(from, binding);
    EXPECT_TRUE(graph) << graph.error().to_string();
    return graph ? *graph : rlx::CompiledGraph();
  }
};

rlx::ExecutionContext context_of(const rlx::CompiledGraph& graph) {
  auto context = graph.create_context();
  EXPECT_TRUE(context) << context.error().to_string();
  return context ? *context : rlx::ExecutionContext();
}

std::vector<float> numbers(const rlx::Result<std::vector<rlx::NamedTensor>>& outputs, std::size_t index = 0) {
  if (!outputs) {
    ADD_FAILURE() << outputs.error().to_string();
    return {};
  }
  const auto values = (*outputs)[index].tensor.f32();
  return {values.begin(), values.end()};
}

TEST(Context, StateLivesFromRunToRun) {
  Fixture f(counter_model());
  const auto graph = f.at({{"n", 3}});
  EXPECT_EQ(graph.manifest().inputs.size(), 1u);
  EXPECT_EQ(graph.manifest().outputs.size(), 2u);
  ASSERT_EQ(graph.manifest().states.size(), 1u);
  EXPECT_EQ(graph.manifest().states[0].bytes, 12u);
  auto context = context_of(graph);
  EXPECT_EQ(context.bytes(), 12u);
  const auto x = Tensor::of({3}, std::vector<float>{1, 2, 3});
  for (float round = 1; round < 4; ++round) {
    const auto outputs = context.run(graph, {{{"x", x.view()}}});
    EXPECT_EQ(numbers(outputs, 0), (std::vector<float>{round - 1, 2 * (round - 1), 3 * (round - 1)}));
    EXPECT_EQ(numbers(outputs, 1), (std::vector<float>{round, 2 * round, 3 * round}));
  }
  auto other = context_of(graph);
  EXPECT_EQ(numbers(other.run(graph, {{{"x", x.view()}}}), 1), (std::vector<float>{1, 2, 3}));
  ASSERT_TRUE(context.reset());
  EXPECT_EQ(numbers(context.run(graph, {{{"x", x.view()}}}), 1), (std::vector<float>{1, 2, 3}));
}

TEST(Context, TheReferenceBackendKeepsStatesToo) {
  rlx::RuntimeOptions options;
  options.plugin_paths = {RLX_REFERENCE_PLUGIN};
  auto runtime = rlx::Runtime::discover(options);
  const auto device = runtime->device("reference:0");
  ASSERT_TRUE(device) << device.error().to_string();
  Fixture f(counter_model(), *device);
  const auto graph = f.at({{"n", 2}});
  auto context = context_of(graph);
  const auto x = Tensor::of({2}, std::vector<float>{1, 5});
  ASSERT_TRUE(context.run(graph, {{{"x", x.view()}}}));
  EXPECT_EQ(numbers(context.run(graph, {{{"x", x.view()}}}), 1), (std::vector<float>{2, 10}));
}

TEST(Context, StatesMayChangePlacesAndStayAsTheyAre) {
  rlx::ModelBuilder builder("swap");
  const auto a = builder.state("a", DType::kF32, {2}), b = builder.state("b", DType::kF32, {2});
  const auto kept = builder.state("kept", DType::kF32, {2});
  builder.set_output("sum", builder.add(builder.add(a, b), kept));
  builder.set_state("a", b);
  builder.set_state("b", a);
  builder.set_state("kept", kept);
  Fixture f(finished(builder));
  const auto graph = f.at({});
  auto context = context_of(graph);
  const auto one = Tensor::of({2}, std::vector<float>{1, 1}), two = Tensor::of({2}, std::vector<float>{2, 2}),
             four = Tensor::of({2}, std::vector<float>{4, 4});
  ASSERT_TRUE(context.write_state("a", one.view()));
  ASSERT_TRUE(context.write_state("b", two.view()));
  ASSERT_TRUE(context.write_state("kept", four.view()));
  EXPECT_EQ(numbers(context.run(graph, {})), (std::vector<float>{7, 7}));
  EXPECT_EQ(context.read_state("a")->f32()[0], 2);
  EXPECT_EQ(context.read_state("b")->f32()[0], 1);
  EXPECT_EQ(context.read_state("kept")->f32()[0], 4);
  EXPECT_EQ(numbers(context.run(graph, {})), (std::vector<float>{7, 7}));
  EXPECT_EQ(context.read_state("a")->f32()[0], 1);
}

TEST(Context, VariantsOfOneTemplateShareStatesAndLength) {
  Fixture f(log_model());
  const auto two = f.at({{"rows", 2}, {"capacity", 4}}), one = f.at({{"rows", 1}, {"capacity", 4}});
  auto context = context_of(two);
  EXPECT_EQ(context.capacity(), 4);
  const auto x = Tensor::of({2, 2}, std::vector<float>{1, 2, 3, 4}), y = Tensor::of({1, 2}, std::vector<float>{5, 6});
  EXPECT_EQ(numbers(context.run(two, {{{"x", x.view()}}})), (std::vector<float>{1, 2, 3, 4, 0, 0, 0, 0}));
  EXPECT_EQ(context.length(), 2);
  EXPECT_EQ(numbers(context.run(one, {{{"x", y.view()}}})), (std::vector<float>{1, 2, 3, 4, 5, 6, 0, 0}));
  EXPECT_EQ(context.length(), 3);
  // One row is left; two are refused before anything is written.
  expect_error(context.run(two, {{{"x", x.view()}}}), ErrorCode::kStateFull, {"`length` is 3", "adds 2", "capacity is 4", "1 too many"});
  EXPECT_EQ(context.length(), 3);
  auto fork = context.fork();
  ASSERT_TRUE(fork) << fork.error().to_string();
  EXPECT_EQ(fork->length(), 3);
  ASSERT_TRUE(context.truncate(1));
  EXPECT_EQ(numbers(context.run(one, {{{"x", y.view()}}})), (std::vector<float>{1, 2, 5, 6, 5, 6, 0, 0}));
  EXPECT_EQ(context.length(), 2);
  EXPECT_EQ(numbers(fork->run(one, {{{"x", y.view()}}})), (std::vector<float>{1, 2, 3, 4, 5, 6, 5, 6}));
  EXPECT_EQ(fork->length(), 4);
  expect_error(context.truncate(3), ErrorCode::kInvalidArgument, {"length of 3", "0 to 2"});
  expect_error(context.truncate(-1), ErrorCode::kInvalidArgument, {"-1"});
}

TEST(Context, ServesAPipelineAtAnyShape) {
  Fixture f(log_model());
  auto context = context_of(f.at({{"rows", 1}, {"capacity", 5}}));
  for (const std::int64_t rows : {2, 0, 3}) {
    const Tensor x(DType::kF32, {rows, 2});
    const auto outputs = context.run(f.pipeline, f.from, {{{"x", x.view()}}});
    ASSERT_TRUE(outputs) << outputs.error().to_string();
    EXPECT_EQ(outputs->front().tensor.dims(), (std::vector<std::int64_t>{5, 2}));
  }
  EXPECT_EQ(context.length(), 5);
}

TEST(Context, CapacityZeroTakesNothing) {
  Fixture f(log_model());
  const auto none = f.at({{"rows", 0}, {"capacity", 0}});
  auto context = context_of(none);
  EXPECT_EQ(context.bytes(), 0u);
  const Tensor x(DType::kF32, {0, 2});
  EXPECT_EQ(numbers(context.run(none, {{{"x", x.view()}}})), std::vector<float>());
  EXPECT_EQ(context.length(), 0);
  const auto copy = context.fork();
  ASSERT_TRUE(copy);
  EXPECT_EQ(copy->read_state("log")->bytes(), 0u);
}

TEST(Context, WrittenStatesHaveTheLengthThatIsSet) {
  Fixture f(log_model());
  const auto graph = f.at({{"rows", 1}, {"capacity", 2}});
  auto context = context_of(graph);
  const auto log = Tensor::of({2, 2}, std::vector<float>{1, 2, 9, 9}), x = Tensor::of({1, 2}, std::vector<float>{3, 4});
  ASSERT_TRUE(context.write_state("log", log.view()));
  ASSERT_TRUE(context.set_length(1));
  EXPECT_EQ(numbers(context.run(graph, {{{"x", x.view()}}})), (std::vector<float>{1, 2, 3, 4}));
  expect_error(context.set_length(3), ErrorCode::kInvalidArgument, {"3", "0 to 2"});
  expect_error(context.write_state("lag", log.view()), ErrorCode::kUnknownName, {"lag", "log"});
  expect_error(context.write_state("log", x.view()), ErrorCode::kWrongShape, {"log", "[2, 2]", "[1, 2]"});
  const auto whole = Tensor::of({2, 2}, std::vector<std::int64_t>{1, 2, 3, 4});
  expect_error(context.write_state("log", whole.view()), ErrorCode::kWrongDtype, {"log", "f32", "i64"});
}

TEST(Context, IsNeededByModelsWithStatesAndByNoOthers) {
  Fixture f(counter_model());
  const auto graph = f.at({{"n", 1}});
  const Tensor x(DType::kF32, {1});
  expect_error(graph.run({{{"x", x.view()}}}), ErrorCode::kWrongContext, {"total", "create_context"});
  Fixture plain(linear_model());
  expect_error(plain.at({{"seq", 1}}).create_context(), ErrorCode::kInvalidArgument, {"no states"});
  rlx::ExecutionContext empty;
  expect_error(empty.run(graph, {{{"x", x.view()}}}), ErrorCode::kInvalidArgument, {"empty"});
  expect_error(empty.reset(), ErrorCode::kInvalidArgument, {"empty"});
  EXPECT_EQ(empty.bytes(), 0u);
}

TEST(Context, ABoundRunGivesAndLeavesWhatRunsByNameDo) {
  Fixture f(log_model());
  const auto graph = f.at({{"rows", 2}, {"capacity", 5}});
  auto context = context_of(graph), other = context_of(graph);
  auto x = Tensor::of({2, 2}, std::vector<float>{1, 2, 3, 4}), seen = Tensor(DType::kF32, {5, 2});
  const auto bound = context.bind_run(graph, {{{"x", x.view()}}}, {{{"log_now", seen.mutable_view()}}});
  ASSERT_TRUE(bound) << bound.error().to_string();
  for (int i = 0; i < 2; ++i) {
    x.f32()[0] = static_cast<float>(10 * i);
    const auto wanted = numbers(other.run(graph, {{{"x", x.view()}}}));
    ASSERT_TRUE(bound->call());
    EXPECT_EQ(std::vector<float>(seen.f32().begin(), seen.f32().end()), wanted);
    EXPECT_EQ(context.length(), other.length());
  }
  expect_error(bound->call(), ErrorCode::kStateFull, {"`length` is 4", "the run adds 2", "5"});
  ASSERT_TRUE(context.reset());
  EXPECT_TRUE(bound->call());
}

TEST(Context, ABoundRunIsCheckedWhenItIsMade) {
  Fixture f(counter_model()), plain(linear_model());
  const auto graph = f.at({{"n", 2}});
  auto context = context_of(graph);
  Tensor x(DType::kF32, {2}), three(DType::kF32, {3}), before(DType::kF32, {2}), after(DType::kF32, {2});
  const std::vector<rlx::NamedMutableView> out = {{"after", after.mutable_view()}, {"before", before.mutable_view()}};
  const auto bind = [&](const rlx::CompiledGraph& to, const Tensor& input) { return context.bind_run(to, {{{"x", input.view()}}}, out); };
  expect_error(graph.bind({{{"x", x.view()}}}, out), ErrorCode::kWrongContext, {"`total`", "bind_run"});
  expect_error(bind(graph, three), ErrorCode::kWrongShape, {"`x`", "[3]", "[2]"});
  expect_error(bind(f.at({{"n", 3}}), three), ErrorCode::kWrongContext, {"total", "f32[2]", "f32[3]"});
  expect_error(bind(plain.at({{"seq", 1}}), x), ErrorCode::kWrongContext, {"template"});
  expect_error(bind({}, x), ErrorCode::kInvalidArgument, {"the graph is empty"});
  expect_error(rlx::ExecutionContext().bind_run(graph, {}, {}), ErrorCode::kInvalidArgument, {"the context is empty"});
  EXPECT_TRUE(bind(graph, x));
}

TEST(Context, OfAnotherTemplateOrSizeIsRefused) {
  Fixture f(counter_model()), other(log_model());
  auto context = context_of(f.at({{"n", 3}}));
  const auto x = Tensor::of({2}, std::vector<float>{1, 2});
  expect_error(context.run(f.at({{"n", 2}}), {{{"x", x.view()}}}), ErrorCode::kWrongContext, {"total", "f32[3]", "f32[2]"});
  const Tensor row(DType::kF32, {1, 2});
  expect_error(context.run(other.at({{"rows", 1}, {"capacity", 2}}), {{{"x", row.view()}}}), ErrorCode::kWrongContext, {"template"});
  expect_error(context.bind(other.from, {{{"x", row.view()}}}), ErrorCode::kWrongContext, {"template"});
  expect_error(context.bind(f.from, {{{"x", x.view()}}}), ErrorCode::kSymbolConflict, {"`n` is 3 in the context", "2 in x"});
  expect_error(context.truncate(0), ErrorCode::kInvalidArgument, {"no length"});
  Fixture plain(linear_model());
  auto graph = plain.at({{"seq", 1}});
  const auto w = Tensor::of({4, 2}, counting(8));
  ASSERT_TRUE(graph.set_param("w", w.view()));
  const Tensor four(DType::kF32, {1, 1, 4});
  expect_error(context.run(graph, {{{"x", four.view()}}}), ErrorCode::kWrongContext, {"template"});
}

TEST(Context, RefusesTensorsOfStatesFromTheCaller) {
  Fixture f(counter_model());
  const auto graph = f.at({{"n", 1}});
  auto context = context_of(graph);
  const Tensor x(DType::kF32, {1});
  expect_error(context.run(graph, {{{"x", x.view()}, {"total", x.view()}}}), ErrorCode::kUnknownName, {"total"});
}

TEST(Context, AFailedRunLosesStatesWithoutLength) {
  rlx::ModelBuilder builder("lookup");
  const auto ids = builder.input("ids", DType::kI64, {1});
  const auto sum = builder.state("sum", DType::kF32, {1, 2});
  const auto next = builder.add(sum, builder.gather(builder.param("table", DType::kF32, {2, 2}), ids));
  builder.set_output("y", builder.mul(next, builder.scalar(DType::kF32, 1)));
  builder.set_state("sum", next);
  Fixture f(finished(builder));
  auto graph = f.at({});
  ASSERT_TRUE(graph.set_param("table", Tensor::of({2, 2}, counting(4)).view()));
  auto context = context_of(graph);
  const auto good = Tensor::of({1}, std::vector<std::int64_t>{1}), bad = Tensor::of({1}, std::vector<std::int64_t>{7});
  ASSERT_TRUE(context.run(graph, {{{"ids", good.view()}}}));
  expect_error(context.run(graph, {{{"ids", bad.view()}}}), ErrorCode::kDataError, {"7"});
  expect_error(context.run(graph, {{{"ids", good.view()}}}), ErrorCode::kStateLost, {"sum", "reset"});
  ASSERT_TRUE(context.reset());
  EXPECT_EQ(numbers(context.run(graph, {{{"ids", good.view()}}})), (std::vector<float>{2, 3}));
}

TEST(Context, AnInvalidCallChangesNothing) {
  Fixture f(counter_model());
  const auto graph = f.at({{"n", 1}});
  auto context = context_of(graph);
  const auto x = Tensor::of({1}, std::vector<float>{1});
  ASSERT_TRUE(context.run(graph, {{{"x", x.view()}}}));
  expect_error(context.run(graph, {}), ErrorCode::kMissingInput, {"x"});
  EXPECT_EQ(numbers(context.run(graph, {{{"x", x.view()}}}), 1), (std::vector<float>{2}));
}

TEST(Context, ServesOneCallAtATime) {
  Fixture f(counter_model());
  const auto graph = f.at({{"n", 4096}});
  auto context = context_of(graph);
  const Tensor zero(DType::kF32, {4096});
  std::vector<float> ones(4096, 1);
  const auto x = Tensor::of({4096}, ones);
  std::atomic<int> ran = 0, refused = 0, wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        const auto outputs = context.run(graph, {{{"x", x.view()}}});
        if (outputs) ++ran;
        else if (outputs.error().code() == ErrorCode::kContextBusy) ++refused;
        else ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(ran + refused, 800);
  const auto total = context.read_state("total");
  ASSERT_TRUE(total);
  for (const float each : total->f32()) ASSERT_EQ(each, static_cast<float>(ran));
}

TEST(Context, ManyContextsRunOneGraphAtOnce) {
  Fixture f(counter_model());
  const auto graph = f.at({{"n", 5}});
  std::vector<rlx::ExecutionContext> contexts;
  for (int i = 0; i < 4; ++i) contexts.push_back(context_of(graph));
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (std::size_t t = 0; t < contexts.size(); ++t)
    threads.emplace_back([&, t] {
      const auto x = Tensor::of({5}, std::vector<float>(5, static_cast<float>(t + 1)));
      for (int i = 0; i < 100; ++i) failures += !contexts[t].run(graph, {{{"x", x.view()}}}).has_value();
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  for (std::size_t t = 0; t < contexts.size(); ++t) {
    const auto total = contexts[t].read_state("total");
    for (const float each : total->f32()) EXPECT_EQ(each, 100 * static_cast<float>(t + 1));
  }
}

TEST(Context, AStoppedRunDoesNotCount) {
  Fixture f(log_model());
  const auto graph = f.at({{"rows", 1}, {"capacity", 2}});
  auto context = context_of(graph);
  const auto x = Tensor::of({1, 2}, std::vector<float>{1, 2});
  rlx::CallOptions stopped;
  stopped.cancel = rlx::CancelToken::make();
  stopped.cancel.cancel();
  expect_error(context.run(graph, {{{"x", x.view()}}}, stopped), ErrorCode::kCancelled, {"stopped"});
  EXPECT_EQ(context.length(), 0);
  EXPECT_EQ(numbers(context.run(graph, {{{"x", x.view()}}})), (std::vector<float>{1, 2, 0, 0}));
  EXPECT_EQ(context.length(), 1);
  expect_error(context.run(rlx::CompiledGraph(), {}), ErrorCode::kInvalidArgument, {"graph is empty"});
}

TEST(Context, ABlockThatLeavesTheStateIsAnErrorAndNeverMoved) {
  rlx::ModelBuilder builder("anywhere");
  const auto at = builder.input("at", DType::kI64, {}), x = builder.input("x", DType::kF32, {2});
  const auto state = builder.state("state", DType::kF32, {4});
  const auto length = builder.length("length", 1, 4);
  builder.set_output("y", builder.add(builder.dynamic_slice(state, 0, at, 2), builder.cast(length, DType::kF32)));
  builder.set_state("state", builder.update_slice(state, x, 0, at));
  Fixture f(finished(builder));
  const auto graph = f.at({});
  auto context = context_of(graph);
  const auto two = Tensor::of({2}, std::vector<float>{5, 6});
  for (const std::int64_t start : {-1, 3, 4}) {
    Tensor place(DType::kI64, {});
    place.i64()[0] = start;
    expect_error(context.run(graph, {{{"at", place.view()}, {"x", two.view()}}}), ErrorCode::kDataError, {std::to_string(start)});
    const auto now = context.read_state("state");
    for (const float value : now->f32()) EXPECT_EQ(value, 0);
    EXPECT_EQ(context.length(), 0);
  }
  Tensor place(DType::kI64, {});
  place.i64()[0] = 2;
  EXPECT_EQ(numbers(context.run(graph, {{{"at", place.view()}, {"x", two.view()}}})), (std::vector<float>{0, 0}));
  EXPECT_EQ(numbers(context.run(graph, {{{"at", place.view()}, {"x", two.view()}}})), (std::vector<float>{6, 7}));
}

TEST(Context, AStateWithoutRoomBesideALengthIsLostWhenARunFails) {
  rlx::ModelBuilder builder("hybrid");
  const auto at = builder.input("at", DType::kI64, {});
  const auto cache = builder.state("cache", DType::kF32, {4}), sum = builder.state("sum", DType::kF32, {2});
  const auto length = builder.length("length", 1, 4);
  const auto two = builder.dynamic_slice(cache, 0, at, 2);
  builder.set_output("y", builder.add(two, builder.cast(length, DType::kF32)));
  builder.set_state("cache", cache);
  builder.set_state("sum", builder.add(sum, two));
  Fixture f(finished(builder));
  const auto graph = f.at({});
  auto context = context_of(graph);
  Tensor place(DType::kI64, {});
  place.i64()[0] = 9;
  expect_error(context.run(graph, {{{"at", place.view()}}}), ErrorCode::kDataError, {"9"});
  place.i64()[0] = 0;
  expect_error(context.run(graph, {{{"at", place.view()}}}), ErrorCode::kStateLost, {"sum"});
  ASSERT_TRUE(context.reset());
  EXPECT_EQ(numbers(context.run(graph, {{{"at", place.view()}}})), (std::vector<float>{0, 0}));
}

TEST(Context, AnOutputsMemoryIsTheNextInput) {
  Fixture f(counter_model());
  const auto graph = f.at({{"n", 2}});
  auto context = context_of(graph);
  Tensor x = Tensor::of({2}, std::vector<float>{1, 1}), before(DType::kF32, {2}), after(DType::kF32, {2});
  ASSERT_TRUE(context.run_into(graph, {{{"x", x.view()}}}, {{{"before", before.mutable_view()}, {"after", after.mutable_view()}}}));
  ASSERT_TRUE(context.run_into(graph, {{{"x", after.view()}}}, {{{"before", before.mutable_view()}, {"after", x.mutable_view()}}}));
  EXPECT_EQ(x.f32()[0], 2);
}

TEST(ModelBuilderState, NamesWhatIsWrong) {
  const auto error_of = [](auto build) {
    rlx::ModelBuilder builder("m");
    const auto s = builder.state("s", DType::kF32, {2});
    build(builder, s);
    return builder.finish();
  };
  using B = rlx::ModelBuilder;
  using H = rlx::Handle;
  expect_error(error_of([](B& b, H s) { b.set_output("y", s); }), ErrorCode::kInvalidModel, {"`s`", "set_state"});
  expect_error(error_of([](B& b, H s) { b.set_state("t", s); }), ErrorCode::kUnknownName, {"`t`", "s"});
  expect_error(error_of([](B& b, H s) { b.set_state("s", b.cast(s, DType::kI64)); }), ErrorCode::kDtypeMismatch, {"f32[2]", "i64[2]"});
  expect_error(error_of([](B& b, H s) { b.set_state("s", b.reshape(s, {1, 2})); }), ErrorCode::kShapeMismatch, {"f32[2]", "f32[1, 2]"});
  expect_error(error_of([](B& b, H s) { b.set_state("s", s); b.set_state("s", s); }), ErrorCode::kDuplicateName, {"`s`"});
  expect_error(error_of([](B& b, H s) { b.length("n", 1, 2); b.length("m", 1, 2); b.set_state("s", s); }), ErrorCode::kInvalidModel, {"`m`", "already"});
  expect_error(error_of([](B& b, H s) { b.input("s", DType::kF32, {1}); b.set_state("s", s); }), ErrorCode::kDuplicateName, {"s"});
}

TEST(ModelText, KeepsStatesAndLength) {
  const auto model = log_model();
  const std::string text = model.to_text();
  EXPECT_NE(text.find("state \"log\" \"log\""), std::string::npos) << text;
  EXPECT_NE(text.find("length \"length\" step rows, capacity capacity"), std::string::npos) << text;
  const auto again = rlx::model_from_text(text);
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->to_text(), text);
}

}  // namespace
