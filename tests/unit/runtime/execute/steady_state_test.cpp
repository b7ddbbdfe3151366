// SPDX-License-Identifier: Apache-2.0
// A run in the steady state allocates nothing: every malloc of the process is counted, the backend's included. A program of
// its own, because it replaces malloc.
#include <rlx/host/buckets.hpp>
#include <rlx/host/context.hpp>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "support.h"

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);
}

namespace {

std::atomic<bool> counting_now = false;
std::atomic<int> allocations = 0;
void count() {
  if (counting_now.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

extern "C" {
void* malloc(std::size_t bytes) { return count(), __libc_malloc(bytes); }
void* calloc(std::size_t count_of, std::size_t bytes) { return count(), __libc_calloc(count_of, bytes); }
void* realloc(void* old, std::size_t bytes) { return count(), __libc_realloc(old, bytes); }
void* memalign(std::size_t alignment, std::size_t bytes) { return count(), __libc_memalign(alignment, bytes); }
void* aligned_alloc(std::size_t alignment, std::size_t bytes) { return count(), __libc_memalign(alignment, bytes); }
int posix_memalign(void** out, std::size_t alignment, std::size_t bytes) {
  count();
  *out = __libc_memalign(alignment, bytes);
  return *out ? 0 : ENOMEM;
}
void free(void* memory) { __libc_free(memory); }
}

namespace {

using namespace rlx_test;
using rlx::DType;
using rlx::Tensor;

int allocations_of(const std::function<void()>& body) {
  allocations = 0;
  counting_now = true;
  body();
  counting_now = false;
  return allocations;
}

/// Zero-filled inputs of a manifest, and room for its outputs.
struct Tensors {
  explicit Tensors(const rlx::BindingManifest& manifest) {
    for (const auto& entry : manifest.inputs) keep.emplace_back(entry.dtype, dims_of(entry));
    for (const auto& entry : manifest.outputs) keep.emplace_back(entry.dtype, dims_of(entry));
    std::size_t at = 0;
    for (const auto& entry : manifest.inputs) inputs.push_back({entry.name, keep[at++].view()});
    for (const auto& entry : manifest.outputs) outputs.push_back({entry.name, keep[at++].mutable_view()});
  }
  static std::vector<std::int64_t> dims_of(const rlx::ManifestEntry& entry) {
    std::vector<std::int64_t> dims;
    for (const auto& size : entry.dims) dims.push_back(size.number());
    return dims;
  }
  std::vector<Tensor> keep;
  std::vector<rlx::NamedView> inputs;
  std::vector<rlx::NamedMutableView> outputs;
};

/// 1,000 runs by name, and some in every other way.
void expect_no_allocation(const rlx::CompiledGraph& graph) {
  Tensors tensors(graph.manifest());
  const auto bound = graph.bind(tensors.inputs, tensors.outputs);
  ASSERT_TRUE(bound) << bound.error().to_string();
  std::vector<rlx::NamedView> backwards(tensors.inputs.rbegin(), tensors.inputs.rend());
  rlx::CallOptions watched;
  watched.deadline = std::chrono::steady_clock::now() + std::chrono::hours(1);
  watched.cancel = rlx::CancelToken::make();
  int failed = 0;
  struct Way {
    const char* name;
    int runs;
    std::function<rlx::Status()> run;
  };
  const std::vector<Way> ways = {
      {"run_into", 1000, [&] { return graph.run_into(tensors.inputs, tensors.outputs); }},
      {"other order", 20, [&] { return graph.run_into(backwards, tensors.outputs); }},
      {"watched", 20, [&] { return graph.run_into(tensors.inputs, tensors.outputs, watched); }},
      {"bound", 20, [&] { return bound->call(); }},
  };
  for (const auto& [name, runs, run] : ways) {
    SCOPED_TRACE(name);
    const auto first = run();
    ASSERT_TRUE(first) << first.error().to_string();
    ASSERT_TRUE(run());
    const int times = runs;  // clang 14: a lambda cannot capture a binding
    const auto& once = run;
    const int seen = allocations_of([&] {
      for (int i = 0; i < times; ++i) failed += !once();
    });
    EXPECT_EQ(seen, 0);
    EXPECT_EQ(failed, 0);
  }
}

TEST(SteadyState, TheCounterSeesAllocations) {
  EXPECT_GE(allocations_of([] { std::vector<int>(1000).at(7) = 1; }), 1);
}

TEST(SteadyState, AGraphOfOneOpAllocatesNothing) {
  rlx::ModelBuilder builder("one");
  const auto x = builder.input("x", DType::kF32, {16}), y = builder.input("y", DType::kF32, {16});
  builder.set_output("sum", builder.add(x, y));
  auto pipeline = rlx::ModelCompilePipeline::create(open_device());
  const auto made = pipeline->build_template("one", *builder.finish());
  expect_no_allocation(*pipeline->get_or_compile(*made, {}));
}

TEST(SteadyState, AStepOnAContextAllocatesNothing) {
  rlx::ModelBuilder builder("step");
  const auto x = builder.input("x", DType::kF32, {1, 1, 1, 8});
  const auto keys = builder.state("keys", DType::kF32, {1, 1, 4096, 8});
  const auto past = builder.length("past", 1, 4096);
  const auto next = builder.update_slice(keys, x, 2, past);
  rlx::AttentionOptions options;
  options.mask_kind = rlx::MaskKind::kLengths;
  options.causal = RLX_CAUSAL_LENGTH;
  const auto lengths = builder.reshape(builder.add(past, builder.size_of(1)), {1});
  builder.set_output("y", builder.attention(x, next, next, lengths, options));
  builder.set_state("keys", next);
  const auto model = builder.finish();
  ASSERT_TRUE(model) << model.error().to_string();
  auto pipeline = rlx::ModelCompilePipeline::create(open_device());
  const auto made = pipeline->build_template("step", *model);
  const auto graph = pipeline->get_or_compile(*made, {});
  ASSERT_TRUE(graph) << graph.error().to_string();
  Tensors tensors(graph->manifest());
  auto context = graph->create_context();
  ASSERT_TRUE(context) << context.error().to_string();
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(context->run_into(*graph, tensors.inputs, tensors.outputs));
  int failed = 0;
  const int seen = allocations_of([&] {
    for (int i = 0; i < 1000; ++i) failed += !context->run_into(*graph, tensors.inputs, tensors.outputs);
  });
  EXPECT_EQ(seen, 0);
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(context->length(), 1002);
  const auto bound = context->bind_run(*graph, tensors.inputs, tensors.outputs);
  ASSERT_TRUE(bound) << bound.error().to_string();
  EXPECT_EQ(allocations_of([&] {
    for (int i = 0; i < 100; ++i) failed += !bound->call();
  }), 0);
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(context->length(), 1102);
}

/// Shapes that take turns, padded on the way in and cut back on the way out.
TEST(SteadyState, BucketsAllocateNothing) {
  for (const bool serve_larger : {false, true}) {
    auto pipeline = rlx::ModelCompilePipeline::create(open_device());
    const auto made = pipeline->build_template("tokens", token_model());
    ASSERT_TRUE(made);
    rlx::CompiledGraph any = *pipeline->get_or_compile(*made, {{"batch", 1}, {"seq", 1}});
    const Tensor table(DType::kF32, {10, 4});
    ASSERT_TRUE(any.set_param("table", table.view()));
    const auto buckets = rlx::Buckets::create(*pipeline, *made, {{{"batch", {2, 4}}, {"seq", {8, 16}}}, serve_larger});
    ASSERT_TRUE(buckets) << buckets.error().to_string();
    std::vector<std::unique_ptr<Tensors>> shapes;
    for (const auto& [batch, seq] : {std::pair<std::int64_t, std::int64_t>{1, 5}, {3, 9}, {4, 16}, {2, 3}})
      shapes.push_back(std::make_unique<Tensors>(*pipeline->binding_manifest_for_binding(*made, {{"batch", batch}, {"seq", seq}})));
    int failed = 0;
    const auto all = [&] {
      for (const auto& shape : shapes) failed += !buckets->run_into(shape->inputs, shape->outputs);
    };
    for (int i = 0; i < 3; ++i) {
      all();
      buckets->wait();
    }
    ASSERT_EQ(failed, 0);
    EXPECT_EQ(allocations_of([&] {
      for (int i = 0; i < 200; ++i) all();
    }), 0) << serve_larger;
    EXPECT_EQ(failed, 0);
    EXPECT_EQ(buckets->counters().runs, 4u * 203);
  }
}

TEST(SteadyState, MiniLmAllocatesNothing) {
  const char* home = std::getenv("HOME");
  const auto file = std::filesystem::path(home ? home : "") / ".cache/rlx/models/all-MiniLM-L6-v2/model.onnx";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "MiniLM is not here: " << file;
  const auto model = rlx::load_model(file.string());
  ASSERT_TRUE(model) << model.error().to_string();
  auto pipeline = rlx::ModelCompilePipeline::create(open_device());
  const auto made = pipeline->build_template("minilm", *model);
  ASSERT_TRUE(made) << made.error().to_string();
  rlx::Binding binding;
  for (const auto& symbol : made->manifest().symbols) binding[symbol.name] = binding.empty() ? 1 : 4;
  const auto graph = pipeline->get_or_compile(*made, binding);
  ASSERT_TRUE(graph) << graph.error().to_string();
  expect_no_allocation(*graph);
}

TEST(SteadyState, AHitOfTheVariantCacheAllocatesNothing) {
  auto pipeline = rlx::ModelCompilePipeline::create(open_device());
  ASSERT_TRUE(pipeline);
  const auto made = pipeline->build_template("linear", linear_model());
  ASSERT_TRUE(made);
  const std::vector<rlx::Binding> bindings = {{{"seq", 1}}, {{"seq", 2}}, {{"seq", 3}}};
  const auto all = [&] {
    int failed = 0;
    for (const rlx::Binding& binding : bindings) failed += !pipeline->get_or_compile(*made, binding, {.user_key = 40 + binding.at("seq"), .call = {}});
    for (const rlx::Binding& binding : bindings) failed += !pipeline->get_or_compile(*made, binding);
    return failed;
  };
  ASSERT_EQ(all(), 0);
  ASSERT_EQ(all(), 0);
  int failed = 0;
  EXPECT_EQ(allocations_of([&] { failed = all(); }), 0);
  EXPECT_EQ(failed, 0);
}

}  // namespace
