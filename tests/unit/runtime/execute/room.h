// SPDX-License-Identifier: Apache-2.0
// What the tests of the room share: a runtime with a small model, and something else that takes memory.
#pragma once

#include <gtest/gtest.h>
#include <rlx/host/pipeline.hpp>

#include <atomic>
#include <functional>
#include <vector>

#include "runtime/execute/memory.h"
#include "runtime/execute/template_body.h"
#include "tests/unit/runtime/execute/support.h"

namespace rlx_test {

using namespace rlx;

inline constexpr std::int64_t kWidth = 256;
inline constexpr std::uint64_t kMiB = 1 << 20;

/// y = softmax(x[n, 256] w)
inline Model narrow() {
  ModelBuilder builder("narrow");
  const Handle x = builder.input("x", DType::kF32, {"n", kWidth});
  builder.set_output("y", builder.softmax(builder.linear(x, builder.param("w", DType::kF32, {kWidth, kWidth}))));
  return *builder.finish();
}

/// Something else that fills the budget while it is told to.
struct Hog final : MemoryHolder {
  MemoryItem held() const override {
    if (asked) asked();
    MemoryItem item;
    item.what = "the hog";
    item.arena_bytes = bytes;
    return item;
  }
  std::atomic<std::uint64_t> bytes = 0;
  std::function<void()> asked;  ///< called under the account's lock
};

struct Host {
  explicit Host(std::uint64_t budget, const char* plugin = RLX_CPU_PLUGIN) {
    RuntimeOptions options;
    options.plugin_paths = {plugin};
    options.only_plugin_paths = true;
    options.threads = 1;
    options.memory_budget_bytes = budget;
    runtime = *Runtime::discover(options);
    device = *runtime.device();
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

}  // namespace rlx_test
