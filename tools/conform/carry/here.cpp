// SPDX-License-Identifier: Apache-2.0
// The end beside the controller, in the place of a worker.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tools/conform/carry/ends.h"
#include "tools/conform/carry/stream.h"
#include "tools/conform/carry/tree.h"
#include "tools/conform/shared/protocol.h"

extern char** environ;

namespace rlx::conform {
namespace {

constexpr std::size_t kMode = 0, kPlugin = 1, kFolder = 5, kTexts = 7;
constexpr int kExit = 125;  // of this end, where the other one could not be reached

volatile sig_atomic_t stop_asked = 0;

/// Said to the controller too, in the words of a worker that ends.
int problem(const std::string& what) {
  const std::string text = "rlx-conform-carry: " + what;
  std::fprintf(stderr, "%s\n", text.c_str());
  const FrameHead head = {kFrameMagic, static_cast<std::uint32_t>(FrameKind::kEnded), static_cast<std::uint32_t>(text.size())};
  if (::write(kReportFd, &head, sizeof head) < 0 || ::write(kReportFd, text.data(), text.size()) < 0) return kExit;
  return kExit;
}

std::string standard_input() {
  std::string bytes;
  char part[4096];
  for (ssize_t count = 0; (count = ::read(STDIN_FILENO, part, sizeof part)) > 0;) bytes.append(part, static_cast<std::size_t>(count));
  return bytes;
}

/// Every run has these of its own there.
bool is_own(const std::string& variable) {
  for (const char* name : {"HOME=", "TMPDIR=", "PATH=", "LC_ALL=", "TZ=", "PWD=", "LD_LIBRARY_PATH="})
    if (variable.starts_with(name)) return true;
  return false;
}

/// The way there: a started command and the ends of its pipes.
struct Way {
  pid_t child = -1;
  int to = -1, from = -1;
};

bool start(const std::vector<std::string>& command, Way& way) {
  int to[2], from[2];
  if (::pipe2(to, O_CLOEXEC) != 0 || ::pipe2(from, O_CLOEXEC) != 0) return false;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, kReportFd);
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const int error = posix_spawnp(&way.child, words[0], &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(to[0]);
  ::close(from[1]);
  way.to = to[1];
  way.from = from[0];
  if (error) problem("`" + command[0] + "` cannot be started: " + std::strerror(error));
  return error == 0;
}

bool images(const std::string& name) { return name == "images"; }
bool nothing(const std::string&) { return false; }

bool send_case(int to, std::vector<std::string> texts, const std::string& plugin_there, const Tree& own) {
  const std::string plugin = texts[kPlugin], run_folder = texts[kFolder];
  texts[kPlugin] = plugin_there;
  bool sent = send(to, Carried::kRequest, join_texts(texts));
  for (char** entry = environ; sent && *entry; ++entry)
    if (!is_own(*entry)) sent = send(to, Carried::kVariable, *entry);
  if (plugin_there.empty()) sent = sent && send(to, Carried::kPlugin, plugin.substr(plugin.rfind('/') + 1) + '\0' + bytes_of_file(plugin));
  // Numeric cases have their image in the working folder.
  const bool computes = texts[kMode] == "compute" || texts[kMode] == "steps";
  for (const auto& [path, bytes] : read_tree(run_folder, computes ? nothing : images))
    sent = sent && send(to, Carried::kRunFile, path + '\0' + bytes);
  for (const auto& [path, bytes] : own) sent = sent && send(to, Carried::kCaseFile, path + '\0' + bytes);
  return sent && send(to, Carried::kGo, "");
}

/// Waits for the command, which has nothing more to do, so that nobody takes it for something that the plugin left.
void see_end(const Way& way) {
  ::close(way.to);
  for (int waited = 0; ::waitpid(way.child, nullptr, WNOHANG) == 0; ++waited) {
    if (waited == 2000) ::kill(way.child, SIGKILL);
    ::usleep(1000);
  }
}

/// As the worker ended there. What it left running there is left here too, for the controller to see.
[[noreturn]] void end_like(const std::vector<std::string>& how, const Way& way) {
  see_end(way);
  if (how.size() > 2 && how[2] == "1" && ::fork() == 0)
    for (;;) ::pause();
  const int signal = how.size() > 1 ? std::atoi(how[1].c_str()) : 0;
  if (signal > 0) {
    const rlimit none{};
    ::setrlimit(RLIMIT_CORE, &none);
    ::signal(signal, SIG_DFL);
    ::raise(signal);
  }
  ::_exit(how.empty() ? kExit : std::atoi(how[0].c_str()));
}

/// False at the end of what comes from there.
bool take(const CarriedRecord& record, const Way& way) {
  switch (record.kind) {
    case Carried::kReport:
      for (std::size_t at = 0; at < record.bytes.size();) {
        const ssize_t wrote = ::write(kReportFd, record.bytes.data() + at, record.bytes.size() - at);
        if (wrote < 0 && errno != EINTR) return false;
        if (wrote > 0) at += static_cast<std::size_t>(wrote);
      }
      return true;
    case Carried::kPrinted: return ::write(STDOUT_FILENO, record.bytes.data(), record.bytes.size()) >= 0;
    case Carried::kCaseFile: {
      const auto [path, bytes] = named_bytes(record.bytes);
      return write_below(".", path, bytes);
    }
    case Carried::kProblem: problem("there: " + record.bytes); return false;
    case Carried::kEnded: end_like(split_texts(record.bytes), way);
    default: return false;
  }
}

}  // namespace

int carry_here(const std::vector<std::string>& command, const std::string& plugin) {
  const std::vector<std::string> texts = split_texts(standard_input());
  if (texts.size() != kTexts) return problem("wanted the request of rlx-conform on standard input; start it with rlx conform --worker"), kCarryFailed;
  ::signal(SIGPIPE, SIG_IGN);
  struct sigaction action {};
  action.sa_handler = [](int) { stop_asked = 1; };
  ::sigaction(SIGTERM, &action, nullptr);
  Way way;
  const Tree own = read_tree(".", [](const std::string&) { return true; });
  if (!start(command, way)) return kExit;
  if (!send_case(way.to, texts, plugin, own)) return problem("`" + command[0] + "` does not take the case");
  CarriedReader reader;
  char part[65536];
  for (;;) {
    if (stop_asked) stop_asked = 0, send(way.to, Carried::kStop, "");
    pollfd wait{way.from, POLLIN, 0};
    if (::poll(&wait, 1, 10) <= 0) continue;
    const ssize_t count = ::read(way.from, part, sizeof part);
    if (count < 0 && errno == EINTR) continue;
    if (count > 0) reader.feed(part, static_cast<std::size_t>(count));
    while (const auto record = reader.next())
      if (!take(*record, way)) return kExit;
    if (reader.damaged()) return problem("not the other end answers but: " + reader.rest().substr(0, 200));
    if (count <= 0) return problem("`" + command[0] + "` ended before the case did");
  }
}

}  // namespace rlx::conform
