// SPDX-License-Identifier: Apache-2.0
// CAN: long calls that are told to stop, or that have a deadline, end soon, say so, and leave everything usable.
#include <atomic>
#include <mutex>
#include <thread>

#include "tools/conform/checks/busy.h"
#include "tools/conform/checks/groups.h"
#include "tools/conform/shared/registry_table.h"
#include "tools/conform/worker/watch.h"

namespace rlx::conform {
namespace {

/// The contract's 100 ms and what a busy machine adds.
constexpr double kLimitMs = 200;
/// A run shorter than this shows nothing of what happens during it.
constexpr double kLongMs = 330;

/// What one call is told, and when it asked.
class Poller {
 public:
  Poller() : call_(sized<rlx_call>()) {
    call_.poll = poll;
    call_.user = this;
  }
  void stop_after(double milliseconds) { stop_ms_ = milliseconds; }
  void stop_at(std::uint64_t poll) { stop_at_ = poll; }
  void deadline(double milliseconds) { deadline_ms_ = milliseconds, has_deadline_ = true; }

  const rlx_call* begin() {
    caller_ = std::this_thread::get_id();
    begin_ = last_ = fair();
    wall_ = now_ms();
    if (has_deadline_) call_.deadline_ns = static_cast<std::uint64_t>((wall_ + deadline_ms_) * 1e6);
    return &call_;
  }
  void end() {
    const std::lock_guard lock(mutex_);
    over_ = true;
    end_ = fair();
    wall_ = now_ms() - wall_;
    gap_ = std::max(gap_, end_ - last_);
  }

  double took() const { return end_ - begin_; }
  double wall() const { return wall_; }
  double gap() const { return gap_; }
  std::uint64_t polls() const { return polls_; }
  bool heard() const { return heard_; }
  double after_heard() const { return end_ - heard_at_; }
  std::uint64_t late() const { return late_; }
  bool good_progress() const { return good_progress_; }

 private:
  static std::int32_t poll(void* user, std::int32_t permille) { return static_cast<Poller*>(user)->ask(permille); }
  std::int32_t ask(std::int32_t permille) {
    const std::lock_guard lock(mutex_);
    if (over_) return ++late_, 1;
    const double now = fair();
    gap_ = std::max(gap_, now - last_);
    last_ = now;
    good_progress_ = good_progress_ && permille >= -1 && permille <= 1000;
    ++polls_;
    const bool stop = (stop_at_ && polls_ >= stop_at_) || (stop_ms_ >= 0 && now - begin_ >= stop_ms_);
    if (stop && !heard_) heard_at_ = now;
    heard_ |= stop;
    return stop;
  }
  /// Time in which the caller did not wait for a core, on one clock for whoever asks; it never runs back.
  double fair() {
    if (std::this_thread::get_id() == caller_) waited_ = waited_ms();
    return std::max(last_, now_ms() - waited_);
  }

  std::mutex mutex_;
  rlx_call call_;
  double begin_ = 0, wall_ = 0, end_ = 0, last_ = 0, waited_ = 0, gap_ = 0, heard_at_ = 0, stop_ms_ = -1, deadline_ms_ = 0;
  std::uint64_t polls_ = 0, stop_at_ = 0;
  bool has_deadline_ = false, over_ = false, heard_ = false, good_progress_ = true;
  std::thread::id caller_;
  std::atomic<std::uint64_t> late_{0};
};

/// A slot that takes rlx_call, as a call that answers a status.
using Long = std::function<std::int32_t(const rlx_call*)>;

std::int32_t told(Run& run, const char* what, const Long& call, Poller& poller) {
  run.phase(what);
  const rlx_call* words = poller.begin();
  const std::int32_t status = call(words);
  poller.end();
  return status;
}

void expect_polite(Run& run, const std::string& what, const Poller& poller) {
  run.expect(poller.good_progress(), what + ": progress is from 0 to 1000, or -1", "another number");
  run.equal(what + ": polls after the call has returned", poller.late(), 0);
}

/// The machine may be busy: what took too long is tried again, twice.
template <class Body>
void in_time(Run& run, const std::string& wanted, Body&& body) {
  double took = 0;
  for (int i = 0; i < 3; ++i) {
    took = body();
    if (took < 0) return;  // has failed otherwise
    if (took <= kLimitMs) break;
  }
  run.expect(took <= kLimitMs, wanted + text(" within %.0f ms", kLimitMs), text("%.0f ms", took));
}

void stop_by_poll(Run& run, const std::string& what, const Long& call, double after_ms) {
  in_time(run, what + ", told to stop " + text("after %.0f ms, returns", after_ms), [&] {
    Poller poller;
    poller.stop_after(after_ms);
    const std::int32_t status = told(run, what.c_str(), call, poller);
    expect_polite(run, what, poller);
    if (poller.heard()) return run.status(what + ", told to stop", status, RLX_STATUS_CANCELLED) ? poller.after_heard() : -1.0;
    // Nobody asked after that time: right only where the call was over soon.
    run.expect(status == RLX_STATUS_OK, what + ", never told to stop, answers OK", status_name(status));
    return std::max(0.0, poller.took() - after_ms);
  });
}

void stop_by_deadline(Run& run, const std::string& what, const Long& call, double after_ms) {
  in_time(run, what + text(", with a deadline after %.0f ms, returns", after_ms), [&] {
    Poller poller;
    poller.deadline(after_ms);
    const std::int32_t status = told(run, what.c_str(), call, poller);
    expect_polite(run, what, poller);
    run.expect(status == RLX_STATUS_DEADLINE || status == RLX_STATUS_OK, what + ", past its deadline, answers DEADLINE", status_name(status));
    run.expect(status != RLX_STATUS_DEADLINE || poller.wall() >= after_ms - 1, what + " answers DEADLINE only once it has passed", text("after %.1f ms", poller.wall()));
    return std::max(0.0, poller.took() - std::max(0.0, after_ms));
  });
}

void left_alone(Run& run, const std::string& what, const Long& call) {
  in_time(run, what + " asks whether to stop, from one time to the next", [&] {
    Poller poller;
    poller.deadline(1e7);
    const bool good = run.status(what + ", not told to stop", told(run, what.c_str(), call, poller), RLX_STATUS_OK);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    expect_polite(run, what, poller);
    return good ? poller.gap() : -1.0;
  });
}

// ---- The three long calls

Long execute_of(Session& session, Model& model) {
  return [&session, &model](const rlx_call* call) {
    const rlx_execute_in in = model.execute_in(call);
    return session.tables().execute->execute(model.context(), &in, nullptr, nullptr);
  };
}

Long compile_of(Session& session, const ImageBytes& image) {
  return [&session, image](const rlx_call* call) {
    rlx_compile_in in = sized<rlx_compile_in>();
    in.image = image.data();
    in.image_bytes = image.size();
    in.call = call;
    auto out = roomy<rlx_compile_out>();
    const std::int32_t status = session.tables().compile->compile_lir(session.device(), &in, &out, nullptr);
    session.run().expect((status == RLX_STATUS_OK) == (out.executable != nullptr), "compile_lir hands out an executable where it answers OK, and only there",
                         status_name(status));
    if (out.executable) session.tables().compile->executable_destroy(out.executable);
    return status;
  };
}

/// Prepares the model's own set anew: a set of its own each time, with its own executable, so that there is work.
struct Prepares {
  Session& session;
  Model model;
  Prepares(Session& s, const std::string& name) : session(s), model(s, s.run().image(name)) {}
  bool ready() { return model.native() && model.compile() && model.prepare(); }
  Long call() {
    return [this](const rlx_call* words) {
      rlx_prepare_in in = sized<rlx_prepare_in>();
      in.executable = model.executable();
      in.call = words;
      auto out = roomy<rlx_prepare_out>();
      return session.tables().params->prepare(model.set(), &in, &out, nullptr);
    };
  }
};

std::vector<std::string> call_cases(const Facts& facts, Profile) {
  return facts.usable() ? std::vector<std::string>{"execute", "compile", "prepare"} : std::vector<std::string>{};
}

void every_time(Run& run, const std::string& what, const Long& call, bool lasts) {
  stop_by_poll(run, what, call, 0);
  stop_by_deadline(run, what, call, -1);
  if (lasts) stop_by_poll(run, what, call, 60);
  if (lasts) stop_by_deadline(run, what, call, 60);
  left_alone(run, what, call);
}

void can_stop(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  if (run.key() == "execute") {
    const Busy busy = busy_model(*session, kLongMs);
    if (!busy.model) return;
    every_time(run, "execute", execute_of(*session, *busy.model), true);
    if (busy.milliseconds < 100 && !run.failed()) run.weak(text("the longest run takes %.0f ms: it may be over before it has to ask", busy.milliseconds));
  } else if (run.key() == "compile") {
    Model probe(*session, run.image("busy/nodes_2048"));
    if (!probe.native()) return run.failed() ? void() : run.unsupported("the plugin does not answer NATIVE for this image");
    every_time(run, "compile_lir", compile_of(*session, probe.image()), true);
  } else {
    Prepares prepares(*session, "busy/mix_param_dot");
    if (!prepares.ready()) return run.failed() ? void() : run.unsupported("the plugin does not answer NATIVE for this image");
    every_time(run, "prepare", prepares.call(), false);
  }
}

// ---- CAN-02

void after_execute(Run& run, Session& session) {
  Busy busy = busy_model(session, 60);
  if (!busy.model) return;
  Model beside(session, busy.model->image());
  beside.share(*busy.model);
  if (!beside.make_context()) return;
  std::uint64_t stopped = 0;
  for (std::uint64_t poll = 1; poll <= 6; ++poll) {
    fill_busy(*busy.model, 3);
    Poller poller;
    poll <= 4 ? poller.stop_at(poll) : poller.stop_after(busy.milliseconds * 0.1 * static_cast<double>(poll));
    const std::int32_t status = told(run, "execute", execute_of(session, *busy.model), poller);
    run.expect(status == (poller.heard() ? RLX_STATUS_CANCELLED : RLX_STATUS_OK), "execute answers CANCELLED where it was told to stop, and only there", status_name(status));
    stopped += status == RLX_STATUS_CANCELLED;
    fill_busy(*busy.model, 3);
    if (!busy.model->run(0)) return;
    run.same_bytes("the run after one that was told to stop", busy.model->outputs().data(), busy.right.data(), busy.right.size());
    if (poll > 2) continue;
    fill_busy(beside, 3);
    if (!beside.run(0)) return;
    run.same_bytes("a run on another context of the executable", beside.outputs().data(), busy.right.data(), busy.right.size());
  }
  busy.model->intact();
  if (!stopped && !run.failed() && busy.milliseconds < 100) run.weak("no run is long enough to be stopped");
}

void after_compile(Run& run, Session& session, const std::string& name) {
  Model right(session, run.image(name));
  if (!right.native()) return run.failed() ? void() : run.unsupported("the plugin does not answer NATIVE for this image");
  if (!right.all(4)) return;
  for (std::uint64_t poll = 1; poll <= 8; ++poll) {
    Poller poller;
    poller.stop_at(poll);
    const std::int32_t status = told(run, "compile_lir", compile_of(session, right.image()), poller);
    run.expect(status == (poller.heard() ? RLX_STATUS_CANCELLED : RLX_STATUS_OK), "compile_lir answers CANCELLED where it was told to stop, and only there", status_name(status));
    if (!right.run(4)) return;
    Model again(session, right.image());
    if (!again.all(4)) return;
    run.expect(again.outputs() == right.outputs(), "what is compiled after a compile that was told to stop gives the same bits", "others");
  }
}

void after_prepare(Run& run, Session& session) {
  Prepares prepares(session, "busy/mix_param_dot");
  if (!prepares.ready()) return run.failed() ? void() : run.unsupported("the plugin does not answer NATIVE for this image");
  if (!prepares.model.make_context() || !prepares.model.run(4)) return;
  const std::string right = prepares.model.outputs();
  for (std::uint64_t poll = 1; poll <= 4; ++poll) {
    Poller poller;
    poller.stop_at(poll);
    const std::int32_t status = told(run, "prepare", prepares.call(), poller);
    run.expect(status == (poller.heard() ? RLX_STATUS_CANCELLED : RLX_STATUS_OK), "prepare answers CANCELLED where it was told to stop, and only there", status_name(status));
    Poller alone;
    if (!run.status("prepare again", told(run, "prepare", prepares.call(), alone), RLX_STATUS_OK) || !prepares.model.run(4)) return;
    run.expect(prepares.model.outputs() == right, "a run after a prepare that was told to stop gives the same bits", "others");
  }
}

void can_usable(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  if (run.key() == "execute") return after_execute(run, *session);
  if (run.key() == "compile") return after_compile(run, *session, "busy/mix_chain");
  after_prepare(run, *session);
}

// ---- CAN-03

std::vector<std::string> storm_cases(const Facts& facts, Profile) {
  return facts.usable() ? std::vector<std::string>{"storm", "leak"} : std::vector<std::string>{};
}

void storm(Run& run, Session& session, const Busy& busy) {
  constexpr unsigned kLanes = 4;
  std::vector<std::unique_ptr<Model>> lanes;
  for (unsigned i = 0; i < kLanes; ++i) {
    lanes.push_back(std::make_unique<Model>(session, busy.model->image()));
    lanes.back()->share(*busy.model);
    if (!lanes.back()->make_context()) return;
  }
  std::mutex mutex;
  std::vector<std::unique_ptr<Poller>> pollers;
  std::atomic<std::uint64_t> wrong{0};
  const double end = now_ms() + 500;
  run.phase("stop runs on several threads");
  on_threads(kLanes, [&](unsigned lane) {
    Random random(mix(run.seed()) + lane);
    do {
      fill_busy(*lanes[lane], 3);
      auto poller = std::make_unique<Poller>();
      random.below(2) ? poller->stop_at(1 + random.below(6)) : poller->stop_after(busy.milliseconds * random.unit());
      const rlx_execute_in in = lanes[lane]->execute_in(poller->begin());
      const std::int32_t status = session.tables().execute->execute(lanes[lane]->context(), &in, nullptr, nullptr);
      poller->end();
      if (poller->heard() ? status != RLX_STATUS_CANCELLED : status != RLX_STATUS_OK || lanes[lane]->outputs() != busy.right) ++wrong;
      const std::lock_guard lock(mutex);
      pollers.push_back(std::move(poller));
    } while (now_ms() < end);
  });
  run.phase("after the storm");
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  std::uint64_t late = 0;
  for (const auto& poller : pollers) late += poller->late();
  run.equal("runs that were stopped and do not say so, or were not and are wrong", wrong, 0);
  run.equal("polls after a run has returned", late, 0);
  for (const auto& lane : lanes) {
    fill_busy(*lane, 3);
    if (!lane->run(0)) return;
    run.expect(lane->outputs() == busy.right, "a run after the storm gives the bits of one before", "others");
  }
  lanes.clear();
}

void stopped_runs_leak_nothing(Run& run, Session& session, const Busy& busy) {
  if (!calls_are_watched()) return run.skip("allocations are not counted under a sanitizer");
  const auto stop_some = [&](std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      Poller poller;
      poller.stop_at(1 + i % 3);
      const rlx_execute_in in = busy.model->execute_in(poller.begin());
      session.tables().execute->execute(busy.model->context(), &in, nullptr, nullptr);
      poller.end();
    }
  };
  run.phase("stop runs");
  stop_some(5);
  const Calls before = calls_so_far();
  stop_some(20);
  const Calls after = calls_so_far();
  const auto kept = static_cast<std::int64_t>(after.allocations - before.allocations) - static_cast<std::int64_t>(after.frees - before.frees);
  run.expect(kept <= 5, "20 stopped runs leave no memory behind", std::to_string(kept) + " allocations are kept");
}

void can_storm(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  const Busy busy = busy_model(*session, 15);
  if (!busy.model) return;
  run.key() == "storm" ? storm(run, *session, busy) : stopped_runs_leak_nothing(run, *session, busy);
}

constexpr Check kChecks[] = {
    {"CAN-01", 5, "A long call that is told to stop, or whose deadline has passed, says so within the contract's time, and asks from time to time.", 20, call_cases, can_stop},
    {"CAN-02", 5, "After a call that was stopped every object is usable, and the next call gives the same bits.", 20, call_cases, can_usable},
    {"CAN-03", 5, "Runs stopped at any time on several threads end, leak nothing, and never ask again after their return.", 6, storm_cases, can_storm},
};

}  // namespace

std::span<const Check> can_checks() { return kChecks; }

}  // namespace rlx::conform
