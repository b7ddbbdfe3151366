// SPDX-License-Identifier: Apache-2.0
// rlx-conform-worker: one run of one case in a process of its own, told on descriptor 3. Started by rlx-conform; of no use
// by hand. Standard input holds MODE PLUGIN CHECK KEY SEED FOLDER PARENT, parted by NUL, so that the plugin does not find in
// its process's arguments what it is about to be asked. MODE: list, survey, check, ask, compute.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "tools/conform/checks/check.h"
#include "tools/conform/worker/frames.h"
#include "tools/conform/worker/supervise.h"
#include "tools/conform/worker/survey.h"
#include "tools/conform/worker/watch.h"

namespace {

using namespace rlx::conform;

void limit(__rlimit_resource_t what, rlim_t most) {
  rlimit now{};
  getrlimit(what, &now);
  now.rlim_cur = now.rlim_max < most ? now.rlim_max : most;
  now.rlim_max = now.rlim_cur;
  setrlimit(what, &now);
}

/// The number in a variable that the controller set, 0 = none. The plugin does not see it.
std::uint64_t taken_from_environment(const char* name) {
  const char* text = getenv(name);
  const std::uint64_t number = text ? std::strtoull(text, nullptr, 10) : 0;
  unsetenv(name);
  return number;
}

/// Dies with the controller, leaves no core, takes no more than its share. Where memory is short it goes before others.
bool settle(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (parent && getppid() != parent) return false;
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_NOFILE, 512);
  if (const std::uint64_t bytes = taken_from_environment("RLX_CONFORM_FILE")) limit(RLIMIT_FSIZE, bytes);
  if (const std::uint64_t bytes = taken_from_environment("RLX_CONFORM_MEMORY")) limit(RLIMIT_AS, bytes);
  if (const int file = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC); file >= 0) {
    [[maybe_unused]] const ssize_t written = ::write(file, "1000", 4);
    ::close(file);
  }
  const std::uint64_t resident = taken_from_environment("RLX_CONFORM_RESIDENT");
  if (parent) supervise(resident);
  return true;
}

Profile profile_of(const std::string& name) {
  return name == "full" ? Profile::kFull : name == "ci" ? Profile::kCi : Profile::kQuick;
}

/// "check ID LEVEL FLOOR SENTENCE" and "case ID KEY" for the whole catalogue.
void list(const Run& run) {
  for (const std::span<const Check> group : catalogue()) {
    for (const Check& check : group) {
      write_frame(FrameKind::kFact, join_texts({"check", check.id, number(static_cast<std::uint64_t>(check.level)),
                                                number(check.floor), check.sentence}));
      for (const std::string& key : check.cases(run.facts(), profile_of(run.key())))
        write_frame(FrameKind::kFact, join_texts({"case", check.id, key}));
    }
  }
}

/// Standard input to its end; then there is none any more.
std::vector<std::string> read_request() {
  std::string bytes;
  char part[4096];
  for (ssize_t count = 0; (count = ::read(STDIN_FILENO, part, sizeof part)) > 0;) bytes.append(part, static_cast<std::size_t>(count));
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null >= 0) ::dup2(null, STDIN_FILENO), ::close(null);
  return split_texts(bytes);
}

int run_mode(const std::string& mode, Run& run) {
  if (mode == "list") {
    list(run);
  } else if (mode == "survey") {
    survey(run);
  } else if (mode == "compute") {
    compute(run);
  } else if (mode == "ask") {
    ask(run);
  } else if (mode == "ask_each") {
    ask_each(run);
  } else if (mode == "steps") {
    compute_steps(run);
  } else {
    const Check* check = find_check(run.request().check);
    if (!check) return 2;
    check->run(run);
  }
  run.end();
  return 0;
}

}  // namespace

int main() {
  const std::vector<std::string> request = read_request();
  if (request.size() != 7) return 2;
  if (!settle(static_cast<pid_t>(std::strtol(request[6].c_str(), nullptr, 10)))) return 2;
  tell_signals();
  Run run({request[1], request[2], request[3], std::strtoull(request[4].c_str(), nullptr, 10), request[5]});
  const int code = run_mode(request[0], run);
  // Exit handlers of the plugin run too: what crashes there would crash a host at its end.
  run.phase("exit");
  leave(code);
}
