// SPDX-License-Identifier: Apache-2.0
// What a runtime holds, giving it back, and a budget that is kept: measured by the account and by resident pages.
#include <gtest/gtest.h>
#include <rlx/host/pipeline.hpp>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#include "support.h"

namespace {

constexpr std::int64_t kWidth = 512;
constexpr double kMiB = 1 << 20;
#if defined(RLX_SANITIZED)  // whose memory comes and goes beside that of the test
constexpr bool kResidentIsOurs = false;
#else
constexpr bool kResidentIsOurs = true;
#endif

/// Resident bytes of this process.
std::uint64_t resident_bytes() {
  long pages = 0, resident = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (!file || std::fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
  if (file) std::fclose(file);
  return static_cast<std::uint64_t>(resident) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// softmax(softmax(x w) w): two weights' worth of packs and arenas that grow with n.
rlx::Model chain() {
  rlx::ModelBuilder builder("chain");
  const rlx::Handle x = builder.input("x", rlx::DType::kF32, {"n", kWidth});
  const rlx::Handle w = builder.param("w", rlx::DType::kF32, {kWidth, kWidth});
  rlx::Handle y = x;
  for (int i = 0; i < 3; ++i) y = builder.softmax(builder.linear(y, w));
  builder.set_output("y", y);
  return *builder.finish();
}

struct Host {
  explicit Host(std::uint64_t budget = 0) {
    rlx::RuntimeOptions options;
    options.memory_budget_bytes = budget;
    options.threads = 1;
    runtime = *rlx::Runtime::discover(options);
    pipeline = *rlx::ModelCompilePipeline::create(*runtime.device("cpu:0"));
    made = *pipeline.build_template("chain", chain());
  }
  /// Compiles and runs at n rows; every weight is 1/512. Returns the outputs.
  rlx::Result<std::vector<rlx::NamedTensor>> run(std::int64_t n) {
    auto graph = pipeline.get_or_compile(made, {{"n", n}});
    if (!graph) return graph.error();
    if (!graph->unset_params().empty()) {
      rlx::Tensor w(rlx::DType::kF32, {kWidth, kWidth});
      for (float& value : w.f32()) value = 1.0f / kWidth;
      if (auto status = graph->set_param("w", w.view()); !status) return status.error();
    }
    rlx::Tensor x(rlx::DType::kF32, {n, kWidth});
    for (std::size_t i = 0; i < x.f32().size(); ++i) x.f32()[i] = static_cast<float>(i % 11);
    return graph->run(std::vector<rlx::NamedView>{{"x", x.view()}});
  }
  rlx::Runtime runtime;
  rlx::ModelCompilePipeline pipeline;
  rlx::Template made;
};

TEST(Memory, AccountsForWeightsPacksAndArenasAndForgetsThemWithTheirOwners) {
  rlx::Runtime runtime;
  {
    Host host;
    runtime = host.runtime;
    EXPECT_EQ(runtime.memory().bytes(), 0u);
    ASSERT_TRUE(host.run(64));
    const rlx::MemoryReport held = runtime.memory();
    EXPECT_EQ(held.source_bytes + held.packed_bytes > 0, true);
    EXPECT_GE(held.source_bytes, kWidth * kWidth * 4u);
    EXPECT_GE(held.arena_bytes, 64u * kWidth * 4);
    EXPECT_EQ(held.idle_arena_bytes, held.arena_bytes) << "nothing runs now";
    std::uint64_t sum = 0;
    for (const rlx::MemoryItem& item : held.items) sum += item.bytes();
    EXPECT_EQ(sum, held.bytes());
    ASSERT_EQ(held.items.size(), 2u);
    EXPECT_NE(held.items[0].what.find("cpu:0"), std::string::npos) << held.items[0].what;
  }
  EXPECT_EQ(runtime.memory().bytes(), 0u);
}

// Adapters share all that they do not change.
TEST(Memory, AdaptersCountWhatTheyChangeAndNoMore) {
  rlx::ModelBuilder builder("biased");
  const rlx::Handle x = builder.input("x", rlx::DType::kF32, {"n", kWidth});
  const rlx::Handle w = builder.param("w", rlx::DType::kF32, {kWidth, kWidth}), b = builder.param("b", rlx::DType::kF32, {kWidth});
  builder.set_output("y", builder.linear(x, w, b));
  constexpr std::uint64_t kWeights = kWidth * kWidth * 4, kBias = kWidth * 4;
  Host host(5 * kWeights);
  const auto made = *host.pipeline.build_template("biased", *builder.finish());
  auto graph = *host.pipeline.get_or_compile(made, {{"n", 4}});
  const rlx::Tensor weights(rlx::DType::kF32, {kWidth, kWidth}), bias(rlx::DType::kF32, {kWidth}), input(rlx::DType::kF32, {4, kWidth});
  ASSERT_TRUE(graph.set_param("w", weights.view()) && graph.set_param("b", bias.view()));
  const std::vector<rlx::NamedView> inputs = {{"x", input.view()}};
  ASSERT_TRUE(graph.run(inputs));
  const rlx::MemoryReport alone = host.runtime.memory();
  EXPECT_EQ(alone.source_bytes, kWeights + kBias);
  EXPECT_GE(alone.packed_bytes, kWeights);
  std::vector<rlx::ParamSet> adapters;
  for (int i = 0; i < 8; ++i) {
    adapters.push_back(*made.derive_params());
    ASSERT_TRUE(adapters.back().set("b", bias.view()));
    const auto outputs = graph.run(inputs, {.params = adapters.back()});
    ASSERT_TRUE(outputs) << i << ": " << outputs.error().to_string();
  }
  const rlx::MemoryReport held = host.runtime.memory();
  EXPECT_EQ(held.source_bytes, alone.source_bytes + 8 * kBias);
  EXPECT_GE(held.packed_bytes + kBias, alone.packed_bytes) << "the base's bias alone is shared with nobody";
  EXPECT_LE(held.packed_bytes, alone.packed_bytes + kWeights / 2) << "one pack of w";
  adapters.clear();
  EXPECT_EQ(host.runtime.memory().source_bytes, alone.source_bytes);
  EXPECT_EQ(host.runtime.memory().packed_bytes, alone.packed_bytes);
}

TEST(Memory, TrimGivesPagesBackAndTheNextRunGivesTheSameBits) {
  Host host;
  const auto before = host.run(8192);  // arenas of 16 MiB and more
  ASSERT_TRUE(before) << before.error().to_string();
  const rlx::MemoryReport held = host.runtime.memory();
  ASSERT_GE(held.arena_bytes, 15 * kMiB);
  const std::uint64_t full = resident_bytes();
  EXPECT_EQ(host.runtime.trim(), held.arena_bytes);
  EXPECT_EQ(host.runtime.memory().arena_bytes, 0u);
  const std::uint64_t trimmed = resident_bytes();
  if (kResidentIsOurs) {
    EXPECT_LE(static_cast<double>(trimmed), static_cast<double>(full) - 0.8 * static_cast<double>(held.arena_bytes)) << full / kMiB << " to " << trimmed / kMiB << " MiB";
  }
  const auto after = host.run(8192);
  ASSERT_TRUE(after) << after.error().to_string();
  EXPECT_EQ(std::memcmp((*before)[0].tensor.data(), (*after)[0].tensor.data(), (*before)[0].tensor.bytes()), 0);
  EXPECT_EQ(host.runtime.trim(), held.arena_bytes) << "and again";
}

TEST(Memory, TrimIsSafeBesideRuns) {
  Host host;
  const auto expected = host.run(64);
  ASSERT_TRUE(expected);
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 60; ++i) {
        const auto seen = host.run(64);
        if (!seen || std::memcmp((*seen)[0].tensor.data(), (*expected)[0].tensor.data(), (*seen)[0].tensor.bytes()) != 0) ++wrong;
      }
    });
  std::thread trimmer([&] {
    while (!stop) {
      host.runtime.trim();
      std::this_thread::yield();
    }
  });
  for (std::thread& thread : threads) thread.join();
  stop = true;
  trimmer.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Memory, BudgetRefusesALargeShapeSaysWhatToDropAndRunsTheSmallOneOn) {
  Host host(16 * static_cast<std::uint64_t>(kMiB));
  const auto small = host.run(64);
  ASSERT_TRUE(small) << small.error().to_string();
  const auto large = host.run(8192);
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code(), rlx::ErrorCode::kOutOfMemory);
  for (const char* wanted : {"budget of 16.0 MiB", "the arenas of a run", "more", "held: weights", "drop", "memory_budget_bytes"})
    EXPECT_NE(large.error().message().find(wanted), std::string::npos) << wanted << " in: " << large.error().message();
  EXPECT_LE(host.runtime.memory().bytes(), host.runtime.memory().budget_bytes);
  const auto again = host.run(64);
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(std::memcmp((*small)[0].tensor.data(), (*again)[0].tensor.data(), (*small)[0].tensor.bytes()), 0);
}

TEST(Memory, BudgetThatDoesNotHoldTheWeightsRefusesToPackThem) {
  Host host(256 << 10);  // one weight has 1 MiB
  const auto refused = host.run(4);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), rlx::ErrorCode::kOutOfMemory);
  EXPECT_NE(refused.error().message().find("weights 1.0 MiB"), std::string::npos) << refused.error().message();
}

/// Old slabs of a lane that grew are given back: shapes that grow step by step take what the largest takes.
TEST(Memory, ShapesThatGrowStepByStepLeaveNoOldArenasBehind) {
  Host host;
  ASSERT_TRUE(host.run(64));
  const std::uint64_t begin = resident_bytes();
  for (std::int64_t n = 1024; n <= 8192; n += 512) ASSERT_TRUE(host.run(n));
  const auto grown = static_cast<double>(resident_bytes()) - static_cast<double>(begin);
  EXPECT_LE(grown, 3.0 * static_cast<double>(host.runtime.memory().arena_bytes) + 16 * kMiB)
      << grown / kMiB << " MiB for arenas of " << static_cast<double>(host.runtime.memory().arena_bytes) / kMiB;
}

TEST(Memory, ManyShapesStayFlat) {
  Host host;
  std::uint64_t after_first = 0;
  for (int i = 0; i < 400; ++i) {
    ASSERT_TRUE(host.run(1 + (i * 37) % 401));
    if (i == 100) after_first = resident_bytes();
  }
  const auto now = static_cast<double>(resident_bytes());
  EXPECT_LE(now, 1.02 * static_cast<double>(after_first) + 2 * kMiB) << now / kMiB << " after " << static_cast<double>(after_first) / kMiB << " MiB";
}

}  // namespace
