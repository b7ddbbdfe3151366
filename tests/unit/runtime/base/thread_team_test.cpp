// SPDX-License-Identifier: Apache-2.0
// The team: who runs what, leases, laziness, forks, exceptions, and the CPU quota.
#include "runtime/base/thread_team.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <vector>

namespace rlx {
namespace {

/// Calls a lambda through the team.
template <class F>
std::uint32_t run(ThreadTeam& team, std::uint32_t want, F&& body) {
  return team.team(
      want,
      [](void* context, std::uint32_t member, std::uint32_t size) {
        (*static_cast<std::remove_reference_t<F>*>(context))(member, size);
      },
      &body);
}

template <class F>
void each(ThreadTeam& team, std::uint64_t count, F&& body) {
  team.parallel_for(
      count,
      [](void* context, std::uint64_t piece) { (*static_cast<std::remove_reference_t<F>*>(context))(piece); },
      &body);
}

TEST(ThreadTeam, StartsNoThreadBeforeItIsNeeded) {
  ThreadTeam team(4);
  EXPECT_EQ(team.concurrency(), 4u);
  EXPECT_EQ(team.started(), 0u);
  run(team, 1, [](auto, auto) {});
  each(team, 1, [](auto) {});
  EXPECT_EQ(team.started(), 0u);
  run(team, 2, [](auto, auto) {});
  EXPECT_EQ(team.started(), 1u);
}

TEST(ThreadTeam, CallsEveryMemberOnceOnAThreadOfItsOwn) {
  ThreadTeam team(4);
  const std::thread::id caller = std::this_thread::get_id();
  for (std::uint32_t want : {1u, 2u, 3u, 4u, 9u}) {
    std::vector<std::thread::id> who(4);
    std::vector<int> calls(4);
    const std::uint32_t size = run(team, want, [&](std::uint32_t member, std::uint32_t size) {
      EXPECT_EQ(size, std::min(want, 4u));
      who[member] = std::this_thread::get_id();
      ++calls[member];
    });
    ASSERT_EQ(size, std::min(want, 4u));
    EXPECT_EQ(who[0], caller);
    for (std::uint32_t i = 0; i < size; ++i) {
      EXPECT_EQ(calls[i], 1);
      for (std::uint32_t j = 0; j < i; ++j) EXPECT_NE(who[i], who[j]);
    }
  }
}

TEST(ThreadTeam, MembersMayWaitForEachOther) {
  ThreadTeam team(3);
  for (int round = 0; round < 200; ++round) {
    std::atomic<std::uint32_t> arrived{0};
    run(team, 3, [&](std::uint32_t, std::uint32_t size) {
      ++arrived;
      while (arrived < size) std::this_thread::yield();
    });
    EXPECT_EQ(arrived, 3u);
  }
}

TEST(ThreadTeam, CallsEveryPieceOnce) {
  ThreadTeam team(3);
  for (std::uint64_t count : {0, 1, 2, 3, 100, 5000}) {
    std::vector<int> calls(count);
    each(team, count, [&](std::uint64_t piece) { ++calls[piece]; });
    EXPECT_EQ(calls, std::vector<int>(count, 1));
  }
}

TEST(ThreadTeam, ASecondCallerRunsAlone) {
  ThreadTeam team(2);
  const std::uint32_t outer = run(team, 2, [&](std::uint32_t member, std::uint32_t) {
    if (member != 0) return;
    std::uint32_t inner = 0;
    std::thread([&] { inner = run(team, 2, [](auto, auto) {}); }).join();
    EXPECT_EQ(inner, 1u);
    EXPECT_EQ(run(team, 2, [](auto, auto) {}), 1u) << "nested";
  });
  EXPECT_EQ(outer, 2u);
  EXPECT_EQ(run(team, 2, [](auto, auto) {}), 2u) << "given back";
}

TEST(ThreadTeam, ManyCallersGetTheirOwnResults) {
  ThreadTeam team(3);
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([&] {
      for (int round = 0; round < 300; ++round) {
        std::vector<std::uint64_t> squares(17);
        each(team, 17, [&](std::uint64_t piece) { squares[piece] = piece * piece; });
        for (std::uint64_t i = 0; i < 17; ++i)
          if (squares[i] != i * i) ++wrong;
      }
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
}

TEST(ThreadTeam, WakesAfterItSlept) {
  ThreadTeam team(2);
  for (int round = 0; round < 20; ++round) {
    int calls[2] = {};
    run(team, 2, [&](std::uint32_t member, std::uint32_t) { ++calls[member]; });
    EXPECT_EQ(calls[0] + calls[1], 2);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // ten times the spinning
  }
}

TEST(ThreadTeam, SleepsWhenThereIsNothingToDo) {
  ThreadTeam team(4);
  run(team, 4, [](auto, auto) {});
  const std::clock_t before = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_LT(static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC, 0.1);
}

TEST(ThreadTeam, RethrowsWhatAMemberThrows) {
  ThreadTeam team(2);
  EXPECT_THROW(run(team, 2,
                   [](std::uint32_t member, std::uint32_t) {
                     if (member == 1) throw std::runtime_error("x");
                   }),
               std::runtime_error);
  EXPECT_EQ(run(team, 2, [](auto, auto) {}), 2u);
}

TEST(ThreadTeam, AForkedChildRunsInline) {
  ThreadTeam team(3);
  run(team, 3, [](auto, auto) {});
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::uint64_t sum = 0;
    each(team, 10, [&](std::uint64_t piece) { sum += piece; });
    const bool inline_run = run(team, 3, [](auto, auto) {}) == 1 && team.concurrency() == 1;
    team.~ThreadTeam();
    _exit(sum == 45 && inline_run ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(run(team, 3, [](auto, auto) {}), 3u) << "the parent is as before";
}

class Quota : public ::testing::Test {
 protected:
  Quota() {
    std::string name = (std::filesystem::temp_directory_path() / "rlx-quota-XXXXXX").string();
    root_ = mkdtemp(name.data());
    std::filesystem::create_directories(root_ / "a/b");
  }
  ~Quota() override { std::filesystem::remove_all(root_); }
  void set(const char* group, const char* text) { std::ofstream(root_ / group / "cpu.max") << text; }
  std::filesystem::path root_;
};

TEST_F(Quota, IsTheLeastOfTheGroupAndThoseAboveRoundedUp) {
  EXPECT_EQ(cgroup_cpu_quota(root_, "0::/a/b\n"), 0u) << "nothing said";
  set("a/b", "max 100000\n");
  EXPECT_EQ(cgroup_cpu_quota(root_, "0::/a/b\n"), 0u);
  set("a", "350000 100000\n");
  EXPECT_EQ(cgroup_cpu_quota(root_, "5:cpu:/x\n0::/a/b\n"), 4u);
  set("a/b", "10000 100000\n");
  EXPECT_EQ(cgroup_cpu_quota(root_, "0::/a/b\n"), 1u);
  EXPECT_EQ(cgroup_cpu_quota(root_, "0::/\n"), 0u);
  EXPECT_EQ(cgroup_cpu_quota(root_, "1:cpu:/a\n"), 0u) << "another version of the hierarchy";
}

TEST_F(Quota, DamagedTextIsNoQuota) {
  for (const char* text : {"", "x y", "100000", "100000 0", "-5"}) {
    set("a", text);
    EXPECT_EQ(cgroup_cpu_quota(root_, "0::/a"), 0u) << text;
  }
}

TEST(UsableCpus, IsAtLeastOneAndAtMostTheMachines) {
  EXPECT_GE(usable_cpus(), 1u);
  EXPECT_LE(usable_cpus(), std::max(std::thread::hardware_concurrency(), 1u));
}

}  // namespace
}  // namespace rlx
