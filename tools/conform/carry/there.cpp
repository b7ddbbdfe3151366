// SPDX-License-Identifier: Apache-2.0
// The end on the other machine.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "tools/conform/carry/ends.h"
#include "tools/conform/carry/stream.h"
#include "tools/conform/carry/tree.h"
#include "tools/conform/shared/protocol.h"

extern char** environ;

namespace rlx::conform {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kPlugin = 1, kFolder = 5, kParent = 6, kTexts = 7;

/// Folders that go at the end: "plugin", "run", and in that the working folder "run/case".
class Place {
 public:
  Place() {
    std::string made = (fs::temp_directory_path() / "rlx-carried.XXXXXX").string();
    if (::mkdtemp(made.data())) path_ = made;
    std::error_code ignored;
    for (const char* name : {"plugin", "run/case"}) fs::create_directories(path_ / name, ignored);
  }
  ~Place() { remove(); }
  void remove() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
    path_.clear();
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  bool made() const { return !path_.empty(); }
  std::string plugin() const { return (path_ / "plugin").string(); }
  std::string run() const { return (path_ / "run").string(); }
  std::string work() const { return (path_ / "run/case").string(); }

 private:
  fs::path path_;
};

struct Case {
  std::vector<std::string> texts, variables;
  Tree sent;  // of the working folder
};

/// False where the stream ends, or is none, before the case is whole.
bool receive(CarriedReader& reader, const Place& place, Case& made) {
  char part[65536];
  for (;;) {
    while (const auto record = reader.next()) {
      const auto [name, bytes] = named_bytes(record->bytes);
      bool good = true;
      switch (record->kind) {
        case Carried::kRequest: made.texts = split_texts(record->bytes); break;
        case Carried::kVariable: made.variables.push_back(record->bytes); break;
        case Carried::kPlugin:
          good = made.texts.size() == kTexts && write_below(place.plugin(), name, bytes);
          if (good) made.texts[kPlugin] = place.plugin() + "/" + name;
          break;
        case Carried::kRunFile: good = write_below(place.run(), name, bytes); break;
        case Carried::kCaseFile: good = write_below(place.work(), name, bytes), made.sent[name] = bytes; break;
        case Carried::kGo: return made.texts.size() == kTexts;
        default: return false;
      }
      if (!good) return false;
    }
    const ssize_t count = ::read(STDIN_FILENO, part, sizeof part);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0 || reader.damaged()) return false;
    reader.feed(part, static_cast<std::size_t>(count));
  }
}

std::vector<std::string> environment(const Place& place, const Case& made) {
  std::vector<std::string> all = {"HOME=" + place.work(), "TMPDIR=" + place.work(), "LC_ALL=C", "TZ=UTC", "PATH=/usr/bin:/bin"};
  all.insert(all.end(), made.variables.begin(), made.variables.end());
  for (char** entry = environ; *entry; ++entry) {  // where the drivers of this machine are
    const std::string text(*entry);
    for (const char* begin : {"LD_LIBRARY_PATH=", "CUDA_", "NVIDIA_", "OCL_", "POCL_"})
      if (text.starts_with(begin)) all.push_back(text);
  }
  return all;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

struct Worker {
  pid_t child = -1;
  int report = -1, printed = -1;
  std::string problem;
};

Worker start(const std::string& program, const Place& place, Case& made) {
  Worker worker;
  made.texts[kFolder] = place.run();
  made.texts[kParent] = std::to_string(::getpid());
  int input[2], report[2], printed[2];
  for (int* ends : {input, report, printed})
    if (::pipe2(ends, O_CLOEXEC) != 0) return worker.problem = std::strerror(errno), worker;
  const std::string text = join_texts(made.texts);  // fits a pipe
  if (::write(input[1], text.data(), text.size()) != static_cast<ssize_t>(text.size())) return worker.problem = std::strerror(errno), worker;
  ::close(input[1]);
  const int high = ::fcntl(report[1], F_DUPFD_CLOEXEC, 32);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, printed[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, printed[1], STDERR_FILENO);
  posix_spawn_file_actions_adddup2(&actions, high, kReportFd);
  posix_spawn_file_actions_addclosefrom_np(&actions, kReportFd + 1);
  posix_spawn_file_actions_addchdir_np(&actions, place.work().c_str());
  sigset_t all;
  sigfillset(&all);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  const std::vector<std::string> arguments = {program}, variables = environment(place, made);
  const int error = posix_spawn(&worker.child, program.c_str(), &actions, &attributes, pointers(arguments).data(), pointers(variables).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  for (const int fd : {input[0], report[1], printed[1], high}) ::close(fd);
  worker.report = report[0];
  worker.printed = printed[0];
  if (error) worker.problem = "`" + program + "` cannot be started: " + std::strerror(error);
  return worker;
}

/// What came on `fd`, sent on; false at its end.
bool forward(int fd, Carried kind) {
  char part[65536];
  const ssize_t count = ::read(fd, part, sizeof part);
  if (count < 0) return errno == EINTR || errno == EAGAIN;
  return count > 0 && send(STDOUT_FILENO, kind, std::string(part, static_cast<std::size_t>(count)));
}

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kGrace{2500};  // less than the controller's, more than the worker's own supervisor wants

/// Asks the worker to end where that is wanted, and says until when. False where the other end is gone.
bool obey(CarriedReader& reader, pid_t child, std::optional<Clock::time_point>& until) {
  char part[256];
  const ssize_t count = ::read(STDIN_FILENO, part, sizeof part);
  if (count < 0) return errno == EINTR;
  if (count == 0) return false;
  reader.feed(part, static_cast<std::size_t>(count));
  while (const auto record = reader.next())
    if (record->kind == Carried::kStop) ::kill(child, SIGTERM), until = Clock::now() + kGrace;
  return !reader.damaged();
}

/// Until the worker has ended and all that it said is sent. The status of wait(2); nothing where the other end went away.
std::optional<int> watch(CarriedReader& reader, const Worker& worker) {
  int status = 0;
  std::optional<Clock::time_point> until;
  bool ended = false, open[2] = {true, true};
  while (!ended || open[0]) {
    pollfd wait[3] = {{open[0] ? worker.report : -1, POLLIN, 0}, {open[1] ? worker.printed : -1, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    ::poll(wait, 3, 5);
    if (wait[0].revents) open[0] = forward(worker.report, Carried::kReport);
    if (wait[1].revents) open[1] = forward(worker.printed, Carried::kPrinted);
    if (wait[2].revents && !obey(reader, worker.child, until)) return std::nullopt;
    if (until && Clock::now() > *until) ::kill(-worker.child, SIGKILL);
    if (!ended) ended = ::waitpid(worker.child, &status, WNOHANG) == worker.child;
    if (ended && !wait[0].revents) break;  // a child of the plugin's may hold the pipe open
  }
  return status;
}

void send_back(const Place& place, const Case& made) {
  for (const auto& [path, bytes] : read_tree(place.work(), [](const std::string&) { return true; })) {
    const auto known = made.sent.find(path);
    if (known == made.sent.end() || known->second != bytes) send(STDOUT_FILENO, Carried::kCaseFile, path + '\0' + bytes);
  }
}

}  // namespace

int carry_there(const std::string& program) {
  ::signal(SIGPIPE, SIG_IGN);
  const auto failed = [](const std::string& why) { return send(STDOUT_FILENO, Carried::kProblem, why), kCarryFailed; };
  Place place;
  if (!place.made()) return failed(std::string("no temporary folder: ") + std::strerror(errno));
  CarriedReader reader;
  Case made;
  if (!receive(reader, place, made)) return failed("the case did not come whole, or cannot be written to " + place.run());
  const Worker worker = start(program, place, made);
  if (!worker.problem.empty()) return failed(worker.problem);
  const std::optional<int> status = watch(reader, worker);
  // Who asks leaves nobody behind: the worker has a supervisor, which ends at once.
  if (!status) return ::kill(worker.child, SIGTERM), ::waitpid(worker.child, nullptr, 0), kCarryFailed;
  const bool left = ::kill(-worker.child, SIGKILL) == 0;
  send_back(place, made);
  place.remove();  // the other end, and this one with it, may be gone once it has heard of the end
  send(STDOUT_FILENO, Carried::kEnded, join_texts({std::to_string(WIFEXITED(*status) ? WEXITSTATUS(*status) : 0),
                                                   std::to_string(WIFSIGNALED(*status) ? WTERMSIG(*status) : 0), left ? "1" : "0"}));
  return 0;
}

}  // namespace rlx::conform
