// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/worker/process_state.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cfenv>
#include <clocale>
#include <cstring>
#include <fstream>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

extern char** environ;

namespace rlx::conform {
namespace {

template <class Body>
void each_entry(const char* path, Body&& body) {
  DIR* folder = opendir(path);
  if (!folder) return;
  const std::string own = std::to_string(dirfd(folder));
  while (const dirent* entry = readdir(folder))
    if (entry->d_name[0] != '.' && entry->d_name != own) body(std::string(entry->d_name));
  closedir(folder);
}

std::string status_line(const std::string& key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key)) return line;
  return {};
}

std::vector<std::string> all_handlers() {
  std::vector<std::string> out;
  for (int number = 1; number < 65; ++number) {
    struct sigaction action {};
    if (sigaction(number, nullptr, &action)) continue;
    out.push_back(text("signal %d: %p, flags %x", number, reinterpret_cast<void*>(action.sa_sigaction), static_cast<unsigned>(action.sa_flags)));
  }
  return out;
}

std::string all_limits() {
  std::string out;
  for (int i = 0; i < 16; ++i) {
    rlimit limit{};
    if (!getrlimit(static_cast<__rlimit_resource_t>(i), &limit))
      out += number(limit.rlim_cur) + "/" + number(limit.rlim_max) + " ";
  }
  return out;
}

std::string float_state() {
  std::string out = "rounding " + std::to_string(fegetround());
#if defined(__x86_64__)
  out += ", control " + std::to_string(_mm_getcsr() & 0xFFC0u);
#endif
  return out;
}

}  // namespace

ProcessState ProcessState::now() {
  ProcessState state;
  each_entry("/proc/self/task", [&](const std::string&) { ++state.threads; });
  each_entry("/proc/self/fd", [&](const std::string& name) {
    char target[512];
    const ssize_t size = readlink(("/proc/self/fd/" + name).c_str(), target, sizeof target);
    state.files.insert(name + " -> " + std::string(target, size > 0 ? static_cast<std::size_t>(size) : 0));
  });
  state.handlers = all_handlers();
  state.locale = setlocale(LC_ALL, nullptr);
  char folder[4096];
  state.folder = getcwd(folder, sizeof folder) ? folder : "";
  state.mask = status_line("Umask");
  state.blocked = status_line("SigBlk");
  for (char** entry = environ; *entry; ++entry) state.environment += std::string(*entry) + "\n";
  state.limits = all_limits();
  state.rounding = float_state();
  struct stat info {};
  if (!fstat(STDOUT_FILENO, &info)) state.printed = static_cast<std::uint64_t>(info.st_size);
  return state;
}

ProcessState ProcessState::settled(const ProcessState& before) {
  constexpr int kTurns = 500;
  ProcessState state = now();
  for (int turn = 0; turn < kTurns && state.threads > before.threads; ++turn) {
    usleep(2000);
    state = now();
  }
  return state;
}

void expect_same_state(Run& run, const std::string& what, const ProcessState& before, const ProcessState& after) {
  run.equal(what + ": the number of threads", after.threads, before.threads);
  std::string more;
  for (const std::string& file : after.files)
    if (!before.files.count(file)) more += file + "; ";
  run.expect(more.empty(), what + ": no file is left open", more);
  std::string changed;
  for (std::size_t i = 0; i < before.handlers.size() && i < after.handlers.size(); ++i)
    if (before.handlers[i] != after.handlers[i]) changed += after.handlers[i] + "; ";
  run.expect(changed.empty(), what + ": no signal handler is changed", changed);
  run.expect(before.locale == after.locale, what + ": the locale stays " + before.locale, after.locale);
  run.expect(before.folder == after.folder, what + ": the working directory stays", after.folder);
  run.expect(before.mask == after.mask, what + ": the umask stays: " + before.mask, after.mask);
  run.expect(before.blocked == after.blocked, what + ": the signal mask stays: " + before.blocked, after.blocked);
  run.expect(before.environment == after.environment, what + ": the environment stays", "another one");
  run.expect(before.limits == after.limits, what + ": the resource limits stay", "others");
  run.expect(before.rounding == after.rounding, what + ": the floating-point environment stays " + before.rounding, after.rounding);
  run.equal(what + ": bytes on the standard streams", after.printed, before.printed);
}

}  // namespace rlx::conform
