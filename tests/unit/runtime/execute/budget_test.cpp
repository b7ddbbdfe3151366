// SPDX-License-Identifier: Apache-2.0
// A memory budget between threads: what is refused takes nothing from whoever was let in.
#include <gtest/gtest.h>
#include <rlx/host/buckets.hpp>
#include <rlx/host/pipeline.hpp>

#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "runtime/execute/bucket_run.h"
#include "runtime/execute/executable.h"
#include "runtime/execute/lanes.h"
#include "runtime/execute/variant.h"
#include "tests/unit/runtime/execute/room.h"

namespace rlx {
namespace {

using namespace std::chrono_literals;
using namespace rlx_test;

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
  hog.bytes = 0;
  const auto seen = host.run(4);
  EXPECT_TRUE(seen) << seen.error().to_string();
  host.account().remove(hog);
}

TEST(Budget, IsNotPassedByCallsThatAskTogether) {
  constexpr int kCalls = 4;
  Host host(100 * kMiB);
  BucketRooms rooms(host.device.body(), "narrow", 1, 0, 0);
  std::atomic<int> arrived = 0, refused = 0;
  std::vector<std::thread> calls;
  for (int i = 0; i < kCalls; ++i)
    calls.emplace_back([&] {
      const BucketRooms::Lease room(rooms);
      ++arrived;
      while (arrived < kCalls) std::this_thread::yield();
      if (!rooms.buffer(*room, 0, 40 * kMiB)) ++refused;  // its pages are made between the question and the answer
      ++arrived;
      while (arrived < 2 * kCalls) std::this_thread::yield();
    });
  for (std::thread& call : calls) call.join();
  EXPECT_EQ(refused, kCalls - 2);
  EXPECT_EQ(host.runtime.memory().bytes(), 80 * kMiB);
}

/// What is let in counts until it is shown, and then once.
TEST(Budget, AReservationCountsUntilTheHolderShowsItsBytes) {
  MemoryAccount account(10);
  Hog hog;
  account.add(hog);
  {
    auto reserved = account.admit(6, "six");
    ASSERT_TRUE(reserved);
    rlx_test::expect_error(account.admit(5, "five"), ErrorCode::kOutOfMemory, {"five", "being made"});
    EXPECT_FALSE(account.admit_beside_all(5));
    reserved->commit([&] { hog.bytes = 6; });
    EXPECT_TRUE(account.admit(4, "four"));
    EXPECT_FALSE(account.admit(5, "five"));
  }
  hog.bytes = 0;
  EXPECT_TRUE(account.admit(10, "ten")) << "what ended without a commit counts no more";
  account.remove(hog);
}

/// A lane of 8 MiB that wants 10 grows to 12 where there is room, and to 10 where there is not.
TEST(Budget, ALaneGrowsByWhatItNeedsWhereThereIsNoRoomForMore) {
  for (const std::uint64_t budget : {11 * kMiB, 13 * kMiB}) {
    Host host(budget);
    LanePool pool(host.device.body());
    const LanePool::Lease lease = pool.lease();
    ArenaNeed need;
    need.bytes = 8 * kMiB;
    ASSERT_TRUE(pool.lend(lease.lane(), {&need, 1}));
    need.bytes = 10 * kMiB;
    const auto grown = pool.lend(lease.lane(), {&need, 1});
    ASSERT_TRUE(grown) << budget << ": " << grown.error().to_string();
    EXPECT_EQ(pool.bytes(), budget - kMiB);
    need.bytes = 14 * kMiB;
    EXPECT_FALSE(pool.lend(lease.lane(), {&need, 1}));
    EXPECT_EQ(pool.bytes(), budget - kMiB) << "a refusal takes nothing away";
  }
}

/// y = what was in the state, which becomes x. Both have `bytes` bytes.
Model keeper(std::int64_t bytes) {
  ModelBuilder builder("keeper");
  const Handle x = builder.input("x", DType::kF32, {bytes / 4});
  const Handle kept = builder.state("kept", DType::kF32, {bytes / 4});
  builder.set_output("y", builder.mul(kept, builder.scalar(DType::kF32, 1)));
  builder.set_state("kept", x);
  auto model = builder.finish();
  EXPECT_TRUE(model) << model.error().to_string();
  return *model;
}

TEST(Budget, CountsStatesOfContextsAndRefusesThoseThatDoNotFit) {
  constexpr std::uint64_t kState = 4 * kMiB;
  Host host(2 * kState + kMiB);
  const auto made = host.pipeline.build_template("keeper", keeper(kState));
  const auto graph = host.pipeline.get_or_compile(*made, {});
  ASSERT_TRUE(graph) << graph.error().to_string();
  const std::uint64_t before = host.runtime.memory().bytes();
  {
    const auto first = graph->create_context();
    ASSERT_TRUE(first) << first.error().to_string();
    const MemoryReport held = host.runtime.memory();
    EXPECT_EQ(held.state_bytes, kState);
    EXPECT_EQ(held.bytes(), before + kState);
    ASSERT_FALSE(held.items.empty());
    EXPECT_EQ(held.items[0].what, "states of `keeper` on cpu:0");
    const auto second = first->fork();
    ASSERT_TRUE(second) << second.error().to_string();
    EXPECT_EQ(host.runtime.memory().state_bytes, 2 * kState);
    expect_error(graph->create_context(), ErrorCode::kOutOfMemory, {"the states of a context", "4.0 MiB more", "states 8.0 MiB", "end contexts"});
    expect_error(second->fork(), ErrorCode::kOutOfMemory, {"the states of a context"});
    EXPECT_EQ(host.runtime.memory().state_bytes, 2 * kState);
  }
  EXPECT_EQ(host.runtime.memory().state_bytes, 0u);
  EXPECT_TRUE(graph->create_context());
}

/// With its variants, those of its buckets too; what a caller still holds runs on.
TEST(Budget, ARemovedTemplateGivesItsWeightsBack) {
  Host host(0);
  ASSERT_TRUE(host.set_weights());
  ASSERT_TRUE(host.run(8));
  const auto kept = host.run(8);
  const std::uint64_t one = host.runtime.memory().source_bytes + host.runtime.memory().packed_bytes;
  ASSERT_GT(one, 0u);
  {
    const auto other = host.pipeline.build_template("other", narrow());
    ASSERT_TRUE(other);
    Tensor w(DType::kF32, {kWidth, kWidth}), x(DType::kF32, {3, kWidth});
    for (float& value : w.f32()) value = 2.0f / kWidth;
    ASSERT_TRUE(other->params().set("w", w.view()));
    const auto buckets = Buckets::create(host.pipeline, *other, {{{"n", {4, 16}}}});
    ASSERT_TRUE(buckets) << buckets.error().to_string();
    ASSERT_TRUE(buckets->run(std::vector<NamedView>{{"x", x.view()}}));
    ASSERT_TRUE(host.pipeline.get_or_compile(*other, {{"n", 2}}));
    EXPECT_GT(host.runtime.memory().source_bytes + host.runtime.memory().packed_bytes, one);
    EXPECT_EQ(host.pipeline.remove_template("nobody"), 0u);
    EXPECT_EQ(host.pipeline.remove_template("other"), 1u);
    EXPECT_FALSE(host.pipeline.has_template("other"));
    EXPECT_EQ(host.pipeline.size(), 1u) << "the variant of the other template";
    EXPECT_TRUE(buckets->run(std::vector<NamedView>{{"x", x.view()}})) << "whoever holds it runs on";
    EXPECT_EQ(host.pipeline.remove_template("other"), 0u);
    EXPECT_EQ(host.pipeline.size(), 2u);
    host.pipeline.clear();
  }
  const auto again = host.run(8);
  ASSERT_TRUE(kept && again);
  EXPECT_EQ(host.runtime.memory().source_bytes + host.runtime.memory().packed_bytes, one);
  EXPECT_EQ(std::memcmp(again->front().tensor.data(), kept->front().tensor.data(), kept->front().tensor.bytes()), 0);
}

#ifdef RLX_SEPARATE_PLUGIN
/// On a device with memory of its own: what trim() says is given back is given back, whichever variants
/// have run, and a lane that grew holds one slab.
TEST(Budget, DeviceMemoryThatIsGivenBackIsHeldByNoVariant) {
  Host host(0, RLX_SEPARATE_PLUGIN);
  ASSERT_TRUE(host.set_weights());
  const auto slab_now = [&](const CompiledGraph& graph) {
    const LanePool::Lease lease = graph.body()->lanes()->lease();
    return std::weak_ptr(lease.lane().slab());
  };
  std::vector<std::weak_ptr<const Slab>> seen;
  for (const std::int64_t n : {64, 512, 2048}) {
    const auto result = host.run(n);
    ASSERT_TRUE(result) << result.error().to_string();
    const auto graph = host.pipeline.get_or_compile(host.made, {{"n", n}});
    ASSERT_TRUE(graph);
    ASSERT_TRUE(graph->body()->arena_bytes() > 0);
    seen.push_back(slab_now(*graph));
    EXPECT_FALSE(seen.back().expired());
  }
  EXPECT_TRUE(seen[0].expired() && seen[1].expired()) << "an old slab is kept by the variants that ran on it";
  const std::uint64_t held = host.runtime.memory().arena_bytes;
  EXPECT_GT(held, 0u);
  EXPECT_EQ(host.runtime.trim(), held);
  EXPECT_TRUE(seen[2].expired()) << "trim() counted memory that a variant keeps";
  const auto again = host.run(64);
  EXPECT_TRUE(again) << again.error().to_string();
}
#endif

}  // namespace
}  // namespace rlx
