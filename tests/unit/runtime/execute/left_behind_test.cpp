// SPDX-License-Identifier: Apache-2.0
// A fork while another thread is at a known place of the runtime, with its locks: the child is told, and neither looks nor
// destructors wait for what that thread had locked.
#include <gtest/gtest.h>
#include <rlx/host/buckets.hpp>
#include <rlx/host/warm.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <thread>

#include "tests/unit/runtime/execute/room.h"

#if defined(__SANITIZE_THREAD__)
#define RLX_UNDER_TSAN 1
#endif

namespace rlx {
namespace {

using namespace std::chrono_literals;
using namespace rlx_test;

/// The exit status of a child that runs `body`; -1 where a signal ended it, the alarm of a hang among them.
int in_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(10);
    ::_exit(body());
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

/// Stops the thread that asks it, under the account's lock, until it may go on.
struct Gate {
  explicit Gate(Host& host) : host_(host) {
    hog.asked = [this] {
      if (!closed) return;
      reached = true;
      while (closed) std::this_thread::sleep_for(1ms);
    };
    host_.account().add(hog);
  }
  ~Gate() { host_.account().remove(hog); }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  void wait() const {
    while (!reached) std::this_thread::sleep_for(1ms);
  }
  Host& host_;
  Hog hog;
  std::atomic<bool> closed = false, reached = false;
};

class LeftBehind : public testing::Test {
 protected:
  void SetUp() override {
#ifdef RLX_UNDER_TSAN
    GTEST_SKIP() << "ThreadSanitizer has no threads after fork";
#endif
  }
};

TEST_F(LeftBehind, AForkWhileAWarmUpLendsMemoryIsTold) {
  Host host(64 * kMiB);
  ASSERT_TRUE(host.set_weights());
  ASSERT_TRUE(host.run(64));
  host.runtime.trim();  // the variant is there and its lane is not: what remains is to lend memory
  Gate gate(host);
  gate.closed = true;
  const auto warmed = warm(host.pipeline, host.made, {{{"n", 64}}}, {});
  ASSERT_TRUE(warmed) << warmed.error().to_string();
  gate.wait();
  EXPECT_EQ(in_child([&] {
    const auto seen = host.run(64);
    return !seen && seen.error().message().find("forked") != std::string::npos ? 7 : 1;
  }), 7);
  gate.closed = false;
  EXPECT_TRUE(warmed->wait());
}

TEST_F(LeftBehind, DestructorsAndCountersWaitForNothing) {
  Host host(64 * kMiB);
  ASSERT_TRUE(host.set_weights());
  ASSERT_TRUE(host.run(64));
  auto buckets = Buckets::create(host.pipeline, host.made, {{{"n", {8, 16}}}});
  ASSERT_TRUE(buckets) << buckets.error().to_string();
  Tensor x(DType::kF32, {3, kWidth});
  ASSERT_TRUE(buckets->run(std::vector<NamedView>{{"x", x.view()}}));
  EXPECT_EQ(buckets->counters().runs, 1u);
  Gate gate(host);
  gate.closed = true;
  std::thread asking([&] { static_cast<void>(host.runtime.memory()); });
  gate.wait();
  EXPECT_EQ(in_child([&] {
    if (buckets->counters().runs != 0) return 1;  // nobody knows them here
    buckets = fail(ErrorCode::kInvalidArgument, "gone");
    host.made = {};
    host.pipeline = {};
    return 7;
  }), 7);
  gate.closed = false;
  asking.join();
  EXPECT_EQ(buckets->counters().runs, 1u);
}

}  // namespace
}  // namespace rlx
