// SPDX-License-Identifier: Apache-2.0
// posix_spawn, a pipe and a deadline. The host may ignore SIGCHLD or reap children itself; then the pipe
// alone tells.
#include "runtime/plugin/probe_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

extern char** environ;

namespace rlx {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kOutputMax = 4096;

struct Fd {
  int number = -1;
  ~Fd() { close(); }
  void close() {
    if (number >= 0) ::close(number);
    number = -1;
  }
};

/// The child gets null standard streams, the pipe as kVerdictFd, default signals and a process group of its
/// own.
int spawn(const std::vector<std::string>& arguments, int pipe_end, pid_t& child) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    posix_spawn_file_actions_addopen(&actions, stream, "/dev/null",
                                     stream == STDIN_FILENO ? O_RDONLY : O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, pipe_end, kVerdictFd);
  posix_spawn_file_actions_addclosefrom_np(&actions, kVerdictFd + 1);
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const int error = posix_spawn(&child, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

int milliseconds_left(Clock::time_point end) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, 1 << 30));
}

/// Reads to the end of the pipe, or to the deadline. False at the deadline.
bool read_all(int fd, Clock::time_point end, std::string& output) {
  for (;;) {
    pollfd wait{fd, POLLIN, 0};
    const int ready = ::poll(&wait, 1, milliseconds_left(end));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    char bytes[512];
    const ssize_t count = ::read(fd, bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return true;
    output.append(
        bytes, std::min(static_cast<std::size_t>(count), kOutputMax - std::min(kOutputMax, output.size())));
  }
}

/// Waits for the child's end. False at the deadline.
bool wait_for_end(pid_t child, Clock::time_point end, int& signal) {
  for (;;) {
    int status = 0;
    const pid_t seen = ::waitpid(child, &status, WNOHANG);
    if (seen == child) {
      signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
      return true;
    }
    if (seen < 0 && errno != EINTR) return true;  // somebody else has reaped it
    if (Clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace

ChildResult run_child(const std::vector<std::string>& arguments, std::chrono::milliseconds timeout) {
  ChildResult result;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    result.problem = std::string("no pipe: ") + std::strerror(errno);
    return result;
  }
  Fd read_end{ends[0]}, write_end{ends[1]};
  if (write_end.number == kVerdictFd) {  // dup2 onto itself would leave it close-on-exec
    const int other = ::fcntl(write_end.number, F_DUPFD_CLOEXEC, kVerdictFd + 1);
    write_end.close();
    write_end.number = other;
  }
  pid_t child = -1;
  const int error = write_end.number < 0 ? errno : spawn(arguments, write_end.number, child);
  if (error) {
    result.problem = "`" + arguments[0] + "` cannot be started: " + std::strerror(error);
    return result;
  }
  result.started = true;
  write_end.close();
  const auto end = Clock::now() + timeout;
  const bool ended = read_all(read_end.number, end, result.output) && wait_for_end(child, end, result.signal);
  if (ended) return result;
  result.timed_out = true;
  ::kill(-child, SIGKILL);
  ::kill(child, SIGKILL);
  int ignored = 0;
  wait_for_end(child, Clock::now() + std::chrono::seconds(1), ignored);
  return result;
}

}  // namespace rlx
