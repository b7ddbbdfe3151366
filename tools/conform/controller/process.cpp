// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/controller/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "tools/conform/controller/interrupt.h"

extern char** environ;

namespace rlx::conform {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
constexpr milliseconds kTick{10};
/// For the stack to be told and for what the plugin left to be ended; who asks needs a part of a second.
constexpr milliseconds kGrace{3000};
constexpr std::size_t kPrintedMax = 4096;
constexpr std::uint64_t kFloodBytes = std::uint64_t{64} << 20;  ///< of a stream; more is a flood
constexpr std::size_t kInputMax = 32 << 10;

struct Fd {
  int number = -1;
  Fd() = default;
  explicit Fd(int fd) : number(fd) {}
  ~Fd() { close(); }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  void close() {
    if (number >= 0) ::close(number);
    number = -1;
  }
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

/// `input`, or null where it is negative, `printed` as output and error, `report` as kReportFd, nothing else open; default
/// signals; own group.
int spawn(const ProcessRequest& request, int input, int report, int printed, pid_t& child) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  if (input < 0)
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  else
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, printed, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, printed, STDERR_FILENO);
  posix_spawn_file_actions_adddup2(&actions, report, kReportFd);
  posix_spawn_file_actions_addclosefrom_np(&actions, kReportFd + 1);
  if (!request.folder.empty()) posix_spawn_file_actions_addchdir_np(&actions, request.folder.c_str());
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  std::vector<char*> argv = pointers(request.arguments), environment = pointers(request.environment);
  const int error = posix_spawnp(&child, argv[0], &actions, &attributes, argv.data(), environment.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

/// One run: reads frames, watches clocks, waits for the end.
class Watch {
 public:
  Watch(const ProcessRequest& request, pid_t child, int pipe_end, int printed, ProcessResult& result)
      : request_(request), child_(child), pipe_(pipe_end), printed_(printed), result_(result) {
    fcntl(pipe_, F_SETFL, O_NONBLOCK);
  }

  void run() {
    begin_ = phase_begin_ = Clock::now();
    while (!ended_) {
      pollfd wait{pipe_, POLLIN, 0};
      // Once the stream has ended, so has the process, nearly always.
      if (pipe_open_)
        ::poll(&wait, 1, static_cast<int>(kTick.count()));
      else
        std::this_thread::sleep_for(std::chrono::microseconds(200));
      read_frames();
      see_end(WNOHANG);
      if (!ended_ && interrupted()) stop();
      if (!ended_ && floods()) stop();
      if (!ended_ && late()) stop(), result_.timed_out = true;
    }
    read_frames();
    result_.damaged = reader_.damaged();
    result_.milliseconds = std::chrono::duration<double, std::milli>(Clock::now() - begin_).count();
    result_.left_children = ::kill(-child_, SIGKILL) == 0;
  }

 private:
  bool late() const {
    const auto now = Clock::now();
    return now - phase_begin_ > request_.phase_limit || now - begin_ > request_.total_limit;
  }

  /// The stream goes to memory, so that an end is put to it.
  bool floods() {
    struct stat info {};
    if (::fstat(printed_, &info) == 0 && static_cast<std::uint64_t>(info.st_size) > kFloodBytes) result_.flooded = "its standard streams";
    if (report_bytes_ > kFloodBytes) result_.flooded = "its report";
    return !result_.flooded.empty();
  }

  void read_frames() {
    char bytes[16384];
    while (pipe_open_) {
      const ssize_t count = ::read(pipe_, bytes, sizeof bytes);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return;
      if (count == 0) pipe_open_ = false;
      report_bytes_ += static_cast<std::uint64_t>(count);
      if (report_bytes_ > kFloodBytes) return;
      const std::size_t before = result_.frames.size();
      reader_.feed(bytes, static_cast<std::size_t>(count), result_.frames);
      for (std::size_t i = before; i < result_.frames.size(); ++i) {
        if (result_.frames[i].kind != FrameKind::kPhase) continue;
        result_.phase = result_.frames[i].payload;
        phase_begin_ = Clock::now();
      }
    }
  }

  void see_end(int options) {
    int status = 0;
    const pid_t seen = ::waitpid(child_, &status, options);
    if (seen == 0 || (seen < 0 && errno == EINTR)) return;
    ended_ = true;
    if (seen < 0) return;
    if (WIFSIGNALED(status)) result_.signal = WTERMSIG(status);
    if (WIFEXITED(status)) result_.code = WEXITSTATUS(status);
  }

  /// Asks, listens for the stack, then insists.
  void stop() {
    const std::string phase = result_.phase;
    ::kill(child_, SIGTERM);
    const auto end = Clock::now() + kGrace;
    while (!ended_ && Clock::now() < end) {
      std::this_thread::sleep_for(kTick / 5);
      read_frames();
      see_end(WNOHANG);
    }
    result_.phase = phase;
    kill_all();
  }

  void kill_all() {
    ::kill(-child_, SIGKILL);
    if (!ended_) ::kill(child_, SIGKILL);
    while (!ended_) see_end(0);
  }

  const ProcessRequest& request_;
  pid_t child_;
  int pipe_, printed_;
  ProcessResult& result_;
  FrameReader reader_;
  Clock::time_point begin_, phase_begin_;
  std::uint64_t report_bytes_ = 0;
  bool pipe_open_ = true, ended_ = false;
};

std::string printed_text(int fd) {
  std::string text(kPrintedMax, '\0');
  const ssize_t count = ::pread(fd, text.data(), text.size(), 0);
  text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return text;
}

/// The end from which `text` is read, above the numbers that the child gets. It fits the pipe, so that nobody waits.
int input_of(const std::string& text) {
  int ends[2];
  if (text.size() > kInputMax || ::pipe2(ends, O_CLOEXEC) != 0) return -1;
  const Fd read_end(ends[0]), write_end(ends[1]);
  if (::write(ends[1], text.data(), text.size()) != static_cast<ssize_t>(text.size())) return -1;
  return ::fcntl(ends[0], F_DUPFD_CLOEXEC, 16);
}

}  // namespace

ProcessResult run_process(const ProcessRequest& request) {
  ProcessResult result;
  if (interrupted()) {
    result.problem = "stopped by " + signal_text(interrupted());
    return result;
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    result.problem = std::string("no pipe: ") + std::strerror(errno);
    return result;
  }
  Fd read_end(ends[0]), low_end(ends[1]);
  // Above the numbers that the child gets, so that no dup2 lands on its own source.
  const Fd write_end(::fcntl(low_end.number, F_DUPFD_CLOEXEC, 16));
  low_end.close();
  const Fd made(::memfd_create("printed", MFD_CLOEXEC));
  const Fd printed(made.number < 0 ? -1 : ::fcntl(made.number, F_DUPFD_CLOEXEC, 16));
  const Fd input(request.input.empty() ? -1 : input_of(request.input));
  const bool ready = write_end.number >= 0 && printed.number >= 0 && (request.input.empty() || input.number >= 0);
  pid_t child = -1;
  const int error = ready ? spawn(request, input.number, write_end.number, printed.number, child) : errno ? errno : E2BIG;
  if (error) {
    result.problem = "`" + request.arguments[0] + "` cannot be started: " + std::strerror(error);
    return result;
  }
  result.started = true;
  const_cast<Fd&>(write_end).close();
  Watch(request, child, read_end.number, printed.number, result).run();
  result.printed = printed_text(printed.number);
  return result;
}

std::vector<std::string> clean_environment(const std::string& folder, const std::vector<std::string>& pass) {
  std::vector<std::string> out = {"HOME=" + folder, "TMPDIR=" + folder, "LC_ALL=C", "TZ=UTC", "PATH=/usr/bin:/bin"};
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text(*entry);
    const std::string_view name = text.substr(0, text.find('='));
    const auto begins = [&](const char* prefix) { return name.starts_with(prefix); };
    const bool driver = name == "LD_LIBRARY_PATH" || begins("CUDA_") || begins("NVIDIA_") || begins("OCL_") || begins("POCL_");
    if (driver || std::find(pass.begin(), pass.end(), name) != pass.end()) out.emplace_back(text);
  }
  return out;
}

}  // namespace rlx::conform
