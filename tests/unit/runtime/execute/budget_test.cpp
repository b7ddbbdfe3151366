// SPDX-License-Identifier: Apache-2.0
// A memory budget between threads: what is refused takes nothing from whoever was let in.
#include <gtest/gtest.h>
#include <rlx/host/pipeline.hpp>

#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "runtime/execute/executable.h"
#include "runtime/execute/memory.h"
#include "runtime/execute/template_body.h"
#include "runtime/execute/variant.h"
#include "tests/unit/runtime/execute/support.h"

namespace rlx {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kWidth = 256;
constexpr std::uint64_t kMiB = 1 << 20;

/// y = softmax(x[n, 256] w)
Model narrow() {
  ModelBuilder builder("narrow");
  const Handle x = builder.input("x", DType::kF32, {"n", kWidth});
  builder.set_output("y", builder.softmax(builder.linear(x, builder.param("w", DType::kF32, {kWidth, kWidth}))));
  return *builder.finish();
}

/// Something else that fills the budget while it is told to.
struct Hog final : MemoryHolder {
  MemoryItem held() const override {
    MemoryItem item;
    item.what = "the hog";
    item.arena_bytes = bytes;
    return item;
  }
  std::atomic<std::uint64_t> bytes = 0;
};

struct Host {
  explicit Host(std::uint64_t budget) {
    RuntimeOptions options;
    options.plugin_paths = {RLX_CPU_PLUGIN};
    options.only_plugin_paths = true;
    options.threads = 1;
    options.memory_budget_bytes = budget;
    runtime = *Runtime::discover(options);
    device = *runtime.device("cpu:0");
    pipeline = *ModelCompilePipeline::create(device);
    made = *pipeline.build_template("narrow", narrow());
  }
  Status set_weights() {
    Tensor w(DType::kF32, {kWidth, kWidth});
    for (float& value : w.f32()) value = 1.0f / kWidth;
    return made.params().set("w", w.view());
  }
  Result<std::vector<NamedTensor>> run(std::int64_t n) {
    RLX_ASSIGN(const CompiledGraph graph, pipeline.get_or_compile(made, {{"n", n}}));
    Tensor x(DType::kF32, {n, kWidth});
    for (std::size_t i = 0; i < x.f32().size(); ++i) x.f32()[i] = static_cast<float>(i % 11);
    return graph.run(std::vector<NamedView>{{"x", x.view()}});
  }
  MemoryAccount& account() { return *device.body()->memory(); }

  Runtime runtime;
  Device device;
  ModelCompilePipeline pipeline;
  Template made;
};

/// One caller is about to prepare what a second one prepares meanwhile; then there is no room, and the first is refused.
TEST(Budget, WhoIsRefusedReleasesNothingThatAnotherRunHasPrepared) {
  Host host(16 * kMiB);
  const auto graph = host.pipeline.get_or_compile(host.made, {{"n", 4}});
  ASSERT_TRUE(graph) << graph.error().to_string();
  ASSERT_TRUE(host.set_weights());
  const auto acquired = host.made.body()->params->acquire();
  ASSERT_TRUE(acquired) << acquired.error().to_string();
  Executable& executable = *graph->body()->executable();
  Hog hog;
  host.account().add(hog);

  struct Between {
    std::atomic<bool> begun = false, second_ended = false;
    Hog* hog;
    int polls = 0;
  } between;
  between.hog = &hog;
  rlx_call call{};
  call.struct_size = sizeof call;
  call.user = &between;
  call.poll = [](void* user, std::int32_t) {
    auto& now = *static_cast<Between*>(user);
    now.begun = true;
    if (now.polls++) return 0;
    for (int i = 0; i < 300 && !now.second_ended; ++i) std::this_thread::sleep_for(1ms);  // the second may have to wait for the first
    now.hog->bytes = 64 * kMiB;
    return 0;
  };
  Status first, second;
  std::thread preparing([&] { first = executable.prepare(acquired->set, &call, &host.account()); });
  while (!between.begun) std::this_thread::sleep_for(1ms);
  std::thread other([&] {
    second = executable.prepare(acquired->set, nullptr, &host.account());
    between.second_ended = true;
  });
  preparing.join();
  other.join();
  rlx_test::expect_error(Result<int>(first ? Result<int>(0) : Result<int>(first.error())), ErrorCode::kOutOfMemory, {"packed weights"});
  if (second) {
    EXPECT_TRUE(acquired->set->handle.prepare(executable.handle()));
  }
  hog.bytes = 0;
  const auto seen = host.run(4);
  EXPECT_TRUE(seen) << seen.error().to_string();
  host.account().remove(hog);
}

}  // namespace
}  // namespace rlx
