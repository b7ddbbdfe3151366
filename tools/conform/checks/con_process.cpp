// SPDX-License-Identifier: Apache-2.0
// CON-04 to 07: threads that are new, small, few or bound, and processes that are killed or forked.
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <set>
#include <thread>

#include "tools/conform/checks/busy.h"
#include "tools/conform/shared/protocol.h"
#include "tools/conform/worker/host.h"
#include "tools/conform/worker/watch.h"

namespace rlx::conform {
namespace {

constexpr std::size_t kSmallStack = 256 << 10;
constexpr std::size_t kUsualStack = 8 << 20;

/// Every call of a model's life, each on a thread of its own.
bool live_on_threads(Session& session, const std::string& name, std::size_t stack, std::string& result) {
  std::unique_ptr<Model> model;
  bool good = true;
  const auto call = [&](const std::function<bool()>& body) {
    if (good) on_thread(stack, [&] { good = body(); });
  };
  model = std::make_unique<Model>(session, session.run().image(name));
  call([&] { return model->native() || (session.run().failed() ? false : (result = "-", false)); });
  call([&] { return model->compile(); });
  call([&] { return model->prepare(); });
  call([&] { return model->make_context(); });
  for (std::uint64_t seed = 1; seed <= 4; ++seed) call([&] { return model->run(seed); });
  call([&] { return result = model->outputs(), true; });
  on_thread(stack, [&] { model.reset(); });
  return good;
}

}  // namespace

void con_fresh(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  std::vector<std::string> names = run.image_names();
  for (const char* mix : {"busy/mix_composite", "busy/mix_dot", "busy/mix_param_dot", "busy/mix_sums", "busy/mix_chain"}) names.emplace_back(mix);
  const std::size_t stack = run.key() == "stack" ? kSmallStack : kUsualStack;
  for (const std::string& name : names) {
    std::string seen;
    if (!live_on_threads(*session, name, stack, seen)) {
      if (seen == "-") continue;
      run.expect(false, name + ": every call works on a fresh thread", "one failed");
      return;
    }
    Model here(*session, run.image(name));
    if (!here.all(4)) return;
    const std::string right = here.outputs();
    run.same_bytes(name + " run on fresh threads", seen.data(), right.data(), right.size());
  }
}

// ---- CON-05

namespace {

/// Ends this process at once; nothing is said, and no handler runs.
[[noreturn]] void vanish(int code) {
  for (;;) ::syscall(SYS_exit_group, code);
}

/// What a child writes for the controller goes nowhere.
void be_silent() {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null >= 0) ::dup2(null, kReportFd);
}

struct Victim {
  pid_t pid = -1;
  int ready = -1, go = -1;
};

/// A child that, once told to, opens the plugin and runs until it is killed.
Victim make_victim(Run& run) {
  int ready[2], go[2];
  if (::pipe2(ready, O_CLOEXEC) || ::pipe2(go, O_CLOEXEC)) return {};
  const pid_t pid = ::fork();
  if (pid) {
    ::close(ready[1]);
    ::close(go[0]);
    return {pid, ready[0], go[1]};
  }
  be_silent();
  char byte = 0;
  if (::read(go[0], &byte, 1) != 1) vanish(0);
  const auto session = Session::open(run);
  const auto names = session ? native_mixes(*session) : std::vector<std::string>();
  if (names.empty()) vanish(1);
  Model model(*session, run.image(names.back()));
  if (!model.all(1)) vanish(1);
  if (::write(ready[1], "r", 1) != 1) vanish(1);
  while (model.run(0)) {
  }
  vanish(1);
}

/// True where the victim was running when it was killed.
bool kill_running(Run& run, Victim& victim, std::uint64_t wait_us) {
  bool ran = ::write(victim.go, "g", 1) == 1;
  pollfd wait{victim.ready, POLLIN, 0};
  run.phase("another process runs");
  ran = ran && ::poll(&wait, 1, 8000) == 1 && (wait.revents & POLLIN);
  std::this_thread::sleep_for(std::chrono::microseconds(wait_us));
  ::kill(victim.pid, SIGKILL);
  int status = 0;
  while (::waitpid(victim.pid, &status, 0) < 0 && errno == EINTR) {
  }
  ::close(victim.ready);
  ::close(victim.go);
  return ran && WIFSIGNALED(status);
}

}  // namespace

void con_killed(Run& run) {
  // Before anything of the plugin is here, so that nothing of it is forked.
  if (!run.facts().usable()) return run.skip("the survey could not open device 0");
  Victim victims[6];
  for (Victim& victim : victims) victim = make_victim(run);
  const auto session = Session::open(run);
  const auto names = session ? native_mixes(*session) : std::vector<std::string>();
  std::unique_ptr<Model> model;
  if (!names.empty()) model = std::make_unique<Model>(*session, run.image(names.back()));
  const bool good = model && model->all(5);
  const std::string right = good ? model->outputs() : "";
  Random random(run.seed());
  for (Victim& victim : victims) {
    const bool killed = kill_running(run, victim, random.below(3000));
    if (!good) continue;
    if (!run.expect(killed, "another process opens the device and runs beside this one", "it could not")) continue;
    if (!model->run(5)) continue;
    const std::string seen = model->outputs();
    run.same_bytes("a run after another process was killed", seen.data(), right.data(), right.size());
    const auto again = Session::open(run, session->shared_library(), nullptr);
    if (!again) continue;
    Model fresh(*again, run.image(names.back()));
    run.expect(fresh.all(5) && fresh.outputs() == right, "a new instance opens, compiles and runs after another process was killed", "it does not");
  }
}

// ---- CON-06

namespace {

std::set<pid_t> all_threads() {
  std::set<pid_t> out;
  DIR* folder = opendir("/proc/self/task");
  while (const dirent* entry = folder ? readdir(folder) : nullptr)
    if (entry->d_name[0] != '.') out.insert(static_cast<pid_t>(std::atoi(entry->d_name)));
  if (folder) closedir(folder);
  return out;
}

void one_thread(Run& run, const rlx_host* host, const Host* counts) {
  const auto session = Session::open(run, host);
  if (!session) return;
  Busy sizes = busy_model(*session, 2);
  if (!sizes.model) return;
  Model model(*session, sizes.model->image());
  const std::uint64_t teams = counts ? counts->grown_teams.load() : 0;
  const Calls before = calls_so_far();
  const std::size_t threads = all_threads().size();
  if (!model.compile(1) || !model.prepare() || !model.make_context(1)) return;
  fill_busy(model, 3);
  for (int i = 0; i < 3; ++i)
    if (!model.run(0)) return;
  run.equal("threads beside the caller's with a thread limit of 1", all_threads().size(), threads);
  if (calls_are_watched()) run.equal("threads started with a thread limit of 1", calls_so_far().threads - before.threads, 0);
  if (counts) run.equal("teams of more than the caller asked for with a thread limit of 1", counts->grown_teams - teams, 0);
  run.same_bytes("a run with a thread limit of 1", model.outputs().data(), sizes.right.data(), sizes.right.size());
}

/// The CPUs that thread `id` may run on.
std::set<unsigned> cpus_of(pid_t id) {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::set<unsigned> out;
  if (::sched_getaffinity(id, sizeof set, &set)) return out;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) out.insert(cpu);
  return out;
}

void cpu_set_holds(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  const std::set<unsigned> mine = cpus_of(0);
  if (mine.size() < 2) return run.skip("there is one CPU, and no thread can leave it");
  Busy sizes = busy_model(*session, 20);
  if (!sizes.model) return;
  const unsigned chosen = *std::next(mine.begin(), static_cast<int>(run.seed() % mine.size()));
  Model model(*session, sizes.model->image());
  std::set<pid_t> ours = all_threads();
  std::atomic<bool> stop{false};
  std::string strayed;
  std::thread watch([&] {
    ours.insert(static_cast<pid_t>(::syscall(SYS_gettid)));
    do {
      for (const pid_t id : all_threads()) {
        if (ours.count(id)) continue;
        const std::set<unsigned> cpus = cpus_of(id);
        // A thread is on its creator's CPUs for a moment, until it has bound itself.
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        const std::set<unsigned> later = cpus_of(id);
        if (!cpus.empty() && !later.empty() && later != std::set<unsigned>{chosen}) strayed = "thread " + number(static_cast<std::uint64_t>(id)) + " may run on " + number(later.size()) + " CPUs";
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    } while (!stop);
  });
  bool good = model.compile(0, {chosen}) && model.prepare() && model.make_context();
  if (good) fill_busy(model, 3);
  for (int i = 0; good && i < 5; ++i) good = model.run(0);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  stop = true;
  watch.join();
  if (!good) return;
  run.expect(strayed.empty(), "every thread that the plugin starts for an executable with a CPU set stays on it", strayed);
  run.expect(cpus_of(0) == mine, "the caller's own CPUs are as before", "others");
  run.same_bytes("a run on one CPU", model.outputs().data(), sizes.right.data(), sizes.right.size());
}

}  // namespace

void con_limits(Run& run) {
  if (run.key() == "cpu_set") return cpu_set_holds(run);
  if (run.key() == "one_thread") return one_thread(run, nullptr, nullptr);
  const Host host(HostOptions::all());
  one_thread(run, host.get(), &host);
}

// ---- CON-07

void con_fork(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  auto model = runnable(*session);
  if (!model || !model->all(4)) return;
  const std::string right = model->outputs();
  const bool safe = run.facts().device_flags & RLX_DEVICE_FLAG_FORK_SAFE;
  run.phase("fork");
  const pid_t child = ::fork();
  if (!child) {
    be_silent();
    // 0: all went well; 1: an error was answered; 2: a wrong result.
    if (!model->run(4)) vanish(1);
    if (model->outputs() != right) vanish(2);
    const auto again = Session::open(run, session->shared_library(), nullptr);
    auto fresh = again ? runnable(*again) : nullptr;
    if (!fresh || !fresh->all(4)) vanish(1);
    vanish(fresh->outputs() == right ? 0 : 2);
  }
  run.phase("wait for the forked child");
  int status = 0;
  pid_t ended = 0;
  for (const double end = now_ms() + 2500; !(ended = ::waitpid(child, &status, WNOHANG)) && now_ms() < end;) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  if (!ended) {
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    run.expect(false, "calls in a forked child end", "none had ended after 2.5 s");
    return;
  }
  if (!run.expect(WIFEXITED(status), "calls in a forked child end without a crash", text("signal %d", WIFSIGNALED(status) ? WTERMSIG(status) : 0))) return;
  run.expect(WEXITSTATUS(status) != 2, "results in a forked child are right", "others");
  if (safe) run.expect(WEXITSTATUS(status) == 0, "a device that says FORK_SAFE works in a forked child", "an error");
  if (!model->run(4)) return;
  run.same_bytes("a run of the parent afterwards", model->outputs().data(), right.data(), right.size());
}

}  // namespace rlx::conform
