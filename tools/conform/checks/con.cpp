// SPDX-License-Identifier: Apache-2.0
// CON: everything that the contract calls [any-thread] or one per context, from several threads at once. What is right is
// what the same calls give one after the other.
#include <atomic>
#include <chrono>
#include <map>
#include <thread>

#include "tools/conform/checks/busy.h"
#include "tools/conform/checks/groups.h"

namespace rlx::conform {
namespace {

constexpr std::uint64_t kSeeds = 8;
constexpr unsigned kThreads = 6;
using Clock = std::chrono::steady_clock;

/// Runs with the seed and compares; says nothing but whether it was right. For threads of their own.
bool runs_rightly(Model& model, const rlx_execute_1* execute, std::uint64_t seed, const std::string& right) {
  model.fill(seed);
  const rlx_execute_in in = model.execute_in();
  return execute->execute(model.context(), &in, nullptr, nullptr) == RLX_STATUS_OK && model.outputs() == right;
}

/// What each image answers for each seed, found one after the other.
bool serial_results(Session& session, const std::vector<std::string>& names, std::map<std::string, std::vector<std::string>>& out) {
  for (const std::string& name : names) {
    Model model(session, session.run().image(name));
    if (!model.compile() || !model.prepare() || !model.make_context()) return false;
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      if (!model.run(seed)) return false;
      out[name].push_back(model.outputs());
    }
  }
  return true;
}

/// Every lane runs until the time is up; wrong answers are counted.
void race(Run& run, std::vector<std::unique_ptr<Model>>& lanes, const std::vector<const std::vector<std::string>*>& right, const rlx_execute_1* execute,
          int milliseconds) {
  std::atomic<std::uint64_t> runs{0}, wrong{0};
  const auto end = Clock::now() + std::chrono::milliseconds(milliseconds);
  run.phase("execute on several threads");
  on_threads(static_cast<unsigned>(lanes.size()), [&](unsigned lane) {
    Random random(mix(run.seed()) + lane);
    do {
      const std::uint64_t seed = 1 + random.below(kSeeds);
      if (!runs_rightly(*lanes[lane], execute, seed, (*right[lane])[seed - 1])) ++wrong;
      ++runs;
    } while (Clock::now() < end);
  });
  run.expect(!wrong, "a run beside others gives the bits that it gives alone", number(wrong) + " of " + number(runs) + " runs differ or fail");
  for (const auto& lane : lanes) lane->intact();
}

// ---- CON-01, 02

std::vector<std::string> seeded_cases(const Facts& facts, Profile profile, unsigned quick, unsigned ci, unsigned full) {
  std::vector<std::string> keys;
  const unsigned count = profile == Profile::kFull ? full : profile == Profile::kCi ? ci : quick;
  for (unsigned i = 0; facts.usable() && i < count; ++i) keys.push_back(number(i));
  return keys;
}
std::vector<std::string> few_cases(const Facts& facts, Profile profile) { return seeded_cases(facts, profile, 2, 8, 40); }

void con_executables(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  const std::vector<std::string> names = native_mixes(*session);
  std::map<std::string, std::vector<std::string>> right;
  if (names.empty() || !serial_results(*session, names, right)) return;
  std::vector<std::unique_ptr<Model>> lanes;
  std::vector<const std::vector<std::string>*> wanted;
  for (unsigned i = 0; i < kThreads; ++i) {
    // Every other lane has the same image, so that executables of one kind meet too.
    const std::string& name = names[(i / 2 + static_cast<std::size_t>(run.seed())) % names.size()];
    lanes.push_back(std::make_unique<Model>(*session, run.image(name)));
    if (!lanes.back()->compile() || !lanes.back()->prepare() || !lanes.back()->make_context()) return;
    wanted.push_back(&right[name]);
  }
  race(run, lanes, wanted, session->tables().execute, 250);
}

std::vector<std::string> image_cases(const Facts& facts, Profile) {
  if (!facts.usable()) return {};
  return {"mix_composite", "mix_dot", "mix_param_dot", "mix_sums", "mix_chain"};
}

void con_contexts(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  const std::string name = "busy/" + run.key();
  Model owner(*session, run.image(name));
  if (!owner.native()) return run.unsupported("the plugin does not answer NATIVE for this image");
  std::map<std::string, std::vector<std::string>> right;
  if (!serial_results(*session, {name}, right) || !owner.compile() || !owner.prepare()) return;
  std::vector<std::unique_ptr<Model>> lanes;
  for (unsigned i = 0; i < kThreads; ++i) {
    lanes.push_back(std::make_unique<Model>(*session, run.image(name)));
    lanes.back()->share(owner);
    if (!lanes.back()->make_context()) return;
  }
  race(run, lanes, std::vector<const std::vector<std::string>*>(lanes.size(), &right[name]), session->tables().execute, 150);
  lanes.clear();
}

// ---- CON-03

std::vector<std::string> schedule_cases(const Facts& facts, Profile profile) { return seeded_cases(facts, profile, 3, 16, 100); }

void pause(Random& random) {
  const std::uint64_t what = random.below(8);
  if (what < 3) std::this_thread::yield();
  if (what == 3) std::this_thread::sleep_for(std::chrono::microseconds(random.below(300)));
}

/// One life of a model, with pauses between its calls.
bool live(Session& session, const std::string& name, const std::vector<std::string>& right, Random& random) {
  Model model(session, session.run().image(name));
  pause(random);
  if (!model.compile()) return false;
  pause(random);
  if (!model.prepare()) return false;
  for (std::uint64_t context = 1 + random.below(2); context-- > 0;) {
    pause(random);
    if (!model.make_context()) return false;
    for (std::uint64_t i = random.below(4); i-- > 0;) {
      const std::uint64_t seed = 1 + random.below(kSeeds);
      if (!session.run().expect(runs_rightly(model, session.tables().execute, seed, right[seed - 1]),
                                name + " runs as it does alone, while others compile, prepare, run and are destroyed", "other bits, or an error"))
        return false;
      pause(random);
    }
    model.drop_context();
  }
  return true;
}

void con_lives(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  const std::vector<std::string> names = native_mixes(*session);
  std::map<std::string, std::vector<std::string>> right;
  if (names.empty() || !serial_results(*session, names, right)) return;
  const auto end = Clock::now() + std::chrono::milliseconds(400);
  on_threads(kThreads, [&](unsigned thread) {
    Random random(mix(run.seed()) + thread);
    bool good = true;
    while (good && Clock::now() < end) {
      const std::string& name = names[random.below(names.size())];
      good = live(*session, name, right.at(name), random);
    }
  });
}

std::vector<std::string> fresh_cases(const Facts& facts, Profile) {
  return facts.usable() ? std::vector<std::string>{"threads", "stack"} : std::vector<std::string>{};
}
std::vector<std::string> device_case(const Facts& facts, Profile) {
  return facts.usable() ? std::vector<std::string>{"all"} : std::vector<std::string>{};
}
std::vector<std::string> limit_cases(const Facts& facts, Profile) {
  return facts.usable() ? std::vector<std::string>{"one_thread", "one_thread_of_a_team", "cpu_set"} : std::vector<std::string>{};
}

constexpr Check kChecks[] = {
    {"CON-01", 5, "Executables run side by side give the bits that they give alone.", 2, few_cases, con_executables},
    {"CON-02", 5, "One executable runs on many contexts at once, each with its own results.", 5, image_cases, con_contexts},
    {"CON-03", 5, "Compiling, preparing, running and destroying mix on several threads, and every result is the serial one.", 30, schedule_cases, con_lives},
    {"CON-04", 5, "Every call works on a thread that was never seen before, and on one with a stack of 256 KiB.", 50, fresh_cases, con_fresh},
    {"CON-05", 5, "A process that is killed in the middle of a run harms no other.", 6, device_case, con_killed},
    {"CON-06", 5, "With a thread limit of 1 no thread is started or asked for; with a CPU set every thread of the plugin stays on it.", 6, limit_cases, con_limits},
    {"CON-07", 5, "In a forked child the plugin works where it says so, and answers with an error where not; it never hangs.", 2, device_case, con_fork},
};

}  // namespace

std::span<const Check> con_checks() { return kChecks; }

}  // namespace rlx::conform
