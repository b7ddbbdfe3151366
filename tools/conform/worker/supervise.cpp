// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/worker/supervise.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

#include "tools/conform/worker/frames.h"
#include "tools/conform/worker/watch.h"

namespace rlx::conform {
namespace {

constexpr std::int64_t kLookMs = 20;      ///< from one look at the memory to the next
constexpr std::int64_t kTellMs = 300;     ///< for the worker to tell its stack once it is asked to end
constexpr std::int64_t kLeaveMs = 100;    ///< for children of a worker that ended well to end, too
constexpr std::int64_t kReapMs = 3'000;   ///< for what was killed to be gone

std::int64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

std::string small_file(const std::string& path) {
  char bytes[1024];
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  const ssize_t count = read(file, bytes, sizeof bytes);
  close(file);
  return std::string(bytes, count > 0 ? static_cast<std::size_t>(count) : 0);
}

std::uint64_t resident_bytes(pid_t process) {
  const std::string text = small_file("/proc/" + std::to_string(process) + "/statm");
  unsigned long long all = 0, resident = 0;
  if (std::sscanf(text.c_str(), "%llu %llu", &all, &resident) != 2) return 0;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

/// Kills the children that are alive; adds "process 12 (name)" of each to `names`.
void kill_children(std::string& names) {
  DIR* folder = opendir("/proc");
  for (const dirent* entry = folder ? readdir(folder) : nullptr; entry; entry = readdir(folder)) {
    const pid_t process = static_cast<pid_t>(std::strtol(entry->d_name, nullptr, 10));
    if (process <= 0) continue;
    const std::string line = small_file("/proc/" + std::to_string(process) + "/stat");
    const std::size_t begin = line.find('('), end = line.rfind(')');
    char state = 0;
    long parent = 0;
    if (begin == std::string::npos || end == std::string::npos || std::sscanf(line.c_str() + end + 1, " %c %ld", &state, &parent) != 2) continue;
    if (parent != getpid() || state == 'Z') continue;
    if (kill(process, SIGKILL) == 0 && names.size() < 150)
      names += (names.empty() ? "process " : ", process ") + std::to_string(process) + " " + line.substr(begin, end + 1 - begin);
  }
  if (folder) closedir(folder);
}

/// Ends all that is below this process, which has no child but what the worker left. Those that do not end by themselves in
/// `patience_ms` are named.
std::string clear(std::int64_t patience_ms) {
  std::string names;
  const std::int64_t begin = now_ms();
  while (true) {
    const pid_t ended = waitpid(-1, nullptr, WNOHANG | __WALL);
    if (ended > 0) continue;
    if (ended < 0 && errno != EINTR) return names;
    const std::int64_t passed = now_ms() - begin;
    if (passed >= patience_ms + kReapMs) return names;
    if (passed >= patience_ms) kill_children(names);
    const timespec moment{0, 1'000'000};
    nanosleep(&moment, nullptr);
  }
}

/// Waits for the worker's end and sees to it that it comes. Returns its wait status.
int watch_worker(pid_t worker, std::uint64_t memory_most, const sigset_t& signals) {
  int status = 0;
  std::int64_t last = 0;  // when the worker is killed, once it is asked to end
  bool over = false;
  while (true) {
    const timespec look{0, kLookMs * 1'000'000};
    const int signal = sigtimedwait(&signals, nullptr, &look);
    if (signal == SIGTERM && !last) {
      last = now_ms() + kTellMs;
      kill(worker, SIGTERM);
    }
    const pid_t ended = waitpid(worker, &status, WNOHANG);
    if (ended == worker || (ended < 0 && errno != EINTR)) return status;
    if (last && now_ms() >= last) kill(worker, SIGKILL);
    if (!memory_most || over || resident_bytes(worker) <= memory_most) continue;
    over = true;
    write_frame(FrameKind::kEnded, "it took more than " + std::to_string(memory_most >> 20) + " MiB of memory");
    kill(worker, SIGKILL);
  }
}

[[noreturn]] void stand_by(pid_t worker, std::uint64_t memory_most, const sigset_t& signals) {
  const int status = watch_worker(worker, memory_most, signals);
  const bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  const std::string left = clear(well ? kLeaveMs : 0);
  if (well && !left.empty()) write_frame(FrameKind::kFail, join_texts({"no process is left behind", "outlived the worker, and stopped: " + left, "exit"}));
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    signal(number, SIG_DFL);
    kill(getpid(), number);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
  }
  leave(WIFEXITED(status) ? WEXITSTATUS(status) : 128);
}

}  // namespace

void supervise(std::uint64_t memory_most) {
  sigset_t signals, before;
  sigemptyset(&signals);
  for (const int signal : {SIGCHLD, SIGTERM, SIGHUP, SIGINT}) sigaddset(&signals, signal);
  sigprocmask(SIG_BLOCK, &signals, &before);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  const pid_t own = getpid(), worker = fork();
  if (worker < 0) return;
  if (worker > 0) stand_by(worker, memory_most, signals);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != own) leave(2);
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace rlx::conform
