// SPDX-License-Identifier: Apache-2.0
// Programs that hang, crash, exit, print and fork, and what is left of them.
#include "tools/conform/controller/process.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <thread>

namespace rlx::conform {
namespace {

using std::chrono::milliseconds;

/// A shell that runs `script`; it can write frames with `frame KIND TEXT`.
ProcessRequest shell(const std::string& script) {
  ProcessRequest request;
  const std::string frame =
      "frame() { printf 'RLCF' >&3; printf \"\\\\x$(printf %02x $1)\\\\0\\\\0\\\\0\" >&3; "
      "printf \"\\\\x$(printf %02x ${#2})\\\\0\\\\0\\\\0\" >&3; printf %s \"$2\" >&3; }; ";
  request.arguments = {"/bin/bash", "-c", frame + script};
  request.environment = {"PATH=/usr/bin:/bin"};
  request.folder = "/tmp";
  request.phase_limit = milliseconds(5000);
  return request;
}

TEST(Process, HearsFramesAndTheExitStatus) {
  const ProcessResult result = run_process(shell("frame 2 load; frame 12 ''; exit 7"));
  ASSERT_TRUE(result.started) << result.problem;
  ASSERT_EQ(result.frames.size(), 2u);
  EXPECT_EQ(result.frames[0].kind, FrameKind::kPhase);
  EXPECT_EQ(result.phase, "load");
  EXPECT_EQ(result.frames[1].kind, FrameKind::kEnd);
  EXPECT_EQ(result.code, 7);
  EXPECT_EQ(result.signal, 0);
  EXPECT_FALSE(result.damaged);
}

TEST(Process, GivesItsInputAndNoMore) {
  ProcessRequest request = shell("frame 2 \"$(cat)\"; exit 0");
  request.input = "one two";
  EXPECT_EQ(run_process(request).phase, "one two");
  request.input = std::string(40'000, 'x');
  EXPECT_FALSE(run_process(request).started);
  EXPECT_EQ(run_process(shell("frame 2 \"($(cat))\"")).phase, "()");
}

TEST(Process, StopsWhatHangs) {
  ProcessRequest request = shell("frame 2 execute; sleep 60");
  request.phase_limit = milliseconds(200);
  const auto begin = std::chrono::steady_clock::now();
  const ProcessResult result = run_process(request);
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.phase, "execute");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST(Process, StopsWhatIgnoresTheRequestToEnd) {
  ProcessRequest request = shell("trap '' TERM; frame 2 execute; while :; do :; done");
  request.phase_limit = milliseconds(200);
  const ProcessResult result = run_process(request);
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.signal, SIGKILL);
}

TEST(Process, GivesEachPhaseItsOwnTime) {
  ProcessRequest request = shell("for i in 1 2 3 4 5 6; do frame 2 p$i; sleep 0.2; done; frame 12 ''");
  request.phase_limit = milliseconds(1000);
  EXPECT_FALSE(run_process(request).timed_out);
  request.total_limit = milliseconds(500);
  EXPECT_TRUE(run_process(request).timed_out);
}

TEST(Process, TellsSignals) {
  const ProcessResult result = run_process(shell("kill -SEGV $$"));
  EXPECT_EQ(result.signal, SIGSEGV);
  EXPECT_FALSE(result.timed_out);
}

TEST(Process, KeepsWhatIsPrinted) {
  const ProcessResult result = run_process(shell("echo out; echo error >&2"));
  EXPECT_EQ(result.printed, "out\nerror\n");
}

TEST(Process, NoticesAndStopsChildrenThatStay) {
  const ProcessResult result = run_process(shell("sleep 60 & frame 12 ''; exit 0"));
  EXPECT_TRUE(result.left_children);
  EXPECT_FALSE(run_process(shell("true & wait; exit 0")).left_children);
}

TEST(Process, PutsAnEndToFloods) {
  for (const char* flood : {"while :; do head -c 16777216 /dev/zero; done", "while :; do head -c 16777216 /dev/zero >&3; done"}) {
    ProcessRequest request = shell(flood);
    request.phase_limit = std::chrono::minutes(5);
    const ProcessResult result = run_process(request);
    EXPECT_FALSE(result.timed_out);
    EXPECT_FALSE(result.flooded.empty()) << flood;
  }
}

TEST(Process, NoticesADamagedStream) {
  const ProcessResult result = run_process(shell("frame 2 load; echo rubbish and more >&3"));
  EXPECT_TRUE(result.damaged);
  EXPECT_EQ(result.frames.size(), 1u);
}

TEST(Process, SaysWhyNothingStarts) {
  ProcessRequest request = shell("");
  request.arguments = {"/nonexistent/program"};
  const ProcessResult result = run_process(request);
  EXPECT_FALSE(result.started);
  EXPECT_NE(result.problem.find("/nonexistent/program"), std::string::npos);
}

TEST(Process, RunsFromManyThreads) {
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 6; ++i)
    threads.emplace_back([&, i] {
      const ProcessResult result = run_process(shell("frame 2 p" + std::to_string(i) + "; exit " + std::to_string(i)));
      if (result.code == i && result.phase == "p" + std::to_string(i)) ++good;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 6);
}

TEST(Process, GivesOnlyACleanEnvironment) {
  setenv("RLX_CONFORM_TEST_SECRET", "x", 1);
  setenv("RLX_CONFORM_TEST_PASSED", "y", 1);
  const auto environment = clean_environment("/tmp/x", {"RLX_CONFORM_TEST_PASSED"});
  EXPECT_EQ(std::count(environment.begin(), environment.end(), "RLX_CONFORM_TEST_PASSED=y"), 1);
  EXPECT_EQ(std::count(environment.begin(), environment.end(), "RLX_CONFORM_TEST_SECRET=x"), 0);
  EXPECT_EQ(std::count(environment.begin(), environment.end(), "HOME=/tmp/x"), 1);
}

}  // namespace
}  // namespace rlx::conform
