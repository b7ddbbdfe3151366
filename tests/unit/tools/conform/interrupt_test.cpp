// SPDX-License-Identifier: Apache-2.0
// A signal in the middle: what was started ends with its group, and nothing more is started. The line on a terminal.
#include "tools/conform/controller/interrupt.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tools/conform/controller/process.h"
#include "tools/conform/controller/progress.h"

namespace rlx::conform {
namespace {

using std::chrono::seconds;

ProcessRequest shell(const std::string& script) {
  ProcessRequest request;
  request.arguments = {"/bin/bash", "-c", script};
  request.environment = {"PATH=/usr/bin:/bin"};
  request.folder = "/tmp";
  request.phase_limit = request.total_limit = seconds(300);
  return request;
}

bool alive(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string number, name, state;
  return static_cast<bool>(file >> number >> name >> state) && state != "Z";
}

TEST(Interrupt, StopsWhatRunsWithItsChildrenAndStartsNothingMore) {
  const std::string path = (std::filesystem::temp_directory_path() / ("rlx-child-" + std::to_string(::getpid()))).string();
  std::thread later([&] {
    for (int i = 0; i < 1000 && !std::filesystem::exists(path); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    set_interrupted(SIGINT);
  });
  const auto begin = std::chrono::steady_clock::now();
  const ProcessResult result = run_process(shell("sleep 200 & echo $! > " + path + ".made; mv " + path + ".made " + path + "; wait"));
  later.join();
  EXPECT_TRUE(result.started);
  EXPECT_EQ(result.signal, SIGTERM);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(60));
  EXPECT_FALSE(run_process(shell("exit 0")).started);
  set_interrupted(0);
  EXPECT_TRUE(run_process(shell("exit 0")).started);
  pid_t child = 0;
  std::ifstream(path) >> child;
  ASSERT_GT(child, 1);
  for (int i = 0; i < 500 && alive(child); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_FALSE(alive(child));
  std::filesystem::remove(path);
}

TEST(Progress, SaysHowFarTheRunIsInOneLineOfTheTerminal) {
  EXPECT_EQ(progress_text("OPS", 1204, 2728, 2, 65, 79), "OPS   1204 of 2728 cases, 2 failed, 1:05");
  EXPECT_EQ(progress_text("OPS", 1204, 2728, 2, 65, 10), "OPS   1204");
}

/// What a run of one failed case writes to `fd`, read from `from`.
std::string written(int fd, int from) {
  {
    Progress progress(2, fd);
    Outcome outcome;
    outcome.check = "OPS-01";
    outcome.status = CaseStatus::kFail;
    progress.take(outcome);
    std::this_thread::sleep_for(std::chrono::milliseconds(600));
  }
  std::string text;
  char bytes[256];
  for (pollfd wait{from, POLLIN, 0}; ::poll(&wait, 1, 300) == 1;) {
    const ssize_t count = ::read(from, bytes, sizeof bytes);
    if (count <= 0) break;
    text.append(bytes, static_cast<std::size_t>(count));
  }
  return text;
}

TEST(Progress, IsSeenOnATerminalAloneAndGoesAtTheEnd) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  EXPECT_EQ(written(ends[1], ends[0]), "");
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_TRUE(master >= 0 && ::grantpt(master) == 0 && ::unlockpt(master) == 0);
  const int terminal = ::open(::ptsname(master), O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  const std::string text = written(terminal, master);
  EXPECT_NE(text.find("OPS   1 of 2 cases, 1 failed, 0:0"), std::string::npos) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_EQ(text.substr(text.size() - 4), "\r\x1b[K");
  for (const int fd : {ends[0], ends[1], terminal, master}) ::close(fd);
}

}  // namespace
}  // namespace rlx::conform
