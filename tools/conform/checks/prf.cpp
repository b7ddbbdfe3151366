// SPDX-License-Identifier: Apache-2.0
// PRF: time. These cases run alone and last. What is compared is this device with itself, with a loop of the simplest kind
// on this machine, and with what no device can do.
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "tools/conform/checks/busy.h"
#include "tools/conform/checks/groups.h"

namespace rlx::conform {
namespace {

/// Times are judged thrice before they are believed to be bad.
constexpr int kAttempts = 3;
/// How many times slower than the simplest loop a run may be.
constexpr double kSlowest = 150;
/// How many times the time per term of its neighbours a size may take.
constexpr double kCliff = 8;

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// Milliseconds of one run of the model; negative where it fails.
double time_run(Model& model) {
  const double begin = fair_ms();
  const bool good = model.run(0);
  return good ? fair_ms() - begin : -1;
}

/// The quickest of some runs: what the work takes where nothing disturbs.
double best_run(Model& model, int runs) {
  double best = 1e30;
  for (int i = 0; i < runs; ++i) {
    const double took = time_run(model);
    if (took < 0) return -1;
    best = std::min(best, took);
  }
  return best;
}

/// The simplest loop over a . b, on this machine; milliseconds for `terms` products.
double scalar_loop_ms(double terms) {
  [[maybe_unused]] static volatile float sink = 0;  // keeps the loop
  constexpr int kSide = 96;
  static float a[kSide][kSide], b[kSide][kSide];
  for (auto& row : a)
    for (float& value : row) value = 1.5f;
  memcpy(b, a, sizeof b);
  double best = 1e30;
  for (int attempt = 0; attempt < 3; ++attempt) {
    const double begin = fair_ms();
    for (int i = 0; i < kSide; ++i)
      for (int j = 0; j < kSide; ++j) {
        float sum = 0;
        for (int k = 0; k < kSide; ++k) sum += a[i][k] * b[k][j];
        sink = sum;
      }
    best = std::min(best, fair_ms() - begin);
  }
  return best / (static_cast<double>(kSide) * kSide * kSide) * terms;
}

std::vector<std::string> kind_cases(const Facts& facts, Profile) {
  return facts.usable() ? std::vector<std::string>{"dot", "linear", "adds", "compile"} : std::vector<std::string>{};
}

// ---- PRF-01

struct Point {
  std::int64_t size;
  double ms;
};

constexpr std::int64_t kSweep[] = {62, 63, 64, 65, 66, 67, 95, 96, 97, 112, 113, 127, 128, 129};

/// Times of each size, the quickest of a few; empty where the plugin lacks the images or fails.
std::vector<Point> sweep(Session& session, const std::string& kind, int runs) {
  std::vector<Point> points;
  Run& run = session.run();
  for (const std::int64_t size : kSweep) {
    Model model(session, run.image("busy/sweep_" + kind + "_" + std::to_string(size)));
    if (!model.native()) return {};
    if (!model.all(2)) return {};
    points.push_back({size, best_run(model, runs)});
    if (points.back().ms < 0) return {};
  }
  return points;
}

/// Where a size takes many times what those beside it take for a term; empty where none does.
std::string cliff_of(const std::vector<Point>& points) {
  for (std::size_t i = 0; i < points.size(); ++i) {
    std::vector<double> others;
    for (std::size_t k = i < 2 ? 0 : i - 2; k < points.size() && k <= i + 2; ++k)
      if (k != i) others.push_back(points[k].ms / static_cast<double>(points[k].size));
    const double own = points[i].ms / static_cast<double>(points[i].size), beside = median(others);
    if (own > kCliff * beside && points[i].ms > 0.05)
      return "K = " + std::to_string(points[i].size) + text(" takes %.3f ms, %.0f times what its neighbours take for a term", points[i].ms, own / beside);
  }
  return {};
}

void no_cliffs(Run& run, Session& session, const std::string& kind) {
  std::string cliff, slow;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const std::vector<Point> points = sweep(session, kind, attempt ? 6 : 4);
    if (points.empty()) return run.failed() ? void() : run.unsupported("the plugin does not answer NATIVE for these images");
    cliff = cliff_of(points);
    slow.clear();
    for (const Point& point : points) {
      const double loop = scalar_loop_ms(32.0 * 32.0 * static_cast<double>(point.size));
      if (point.ms > kSlowest * loop && point.ms > 1) slow = "K = " + std::to_string(point.size) + text(" takes %.2f ms, a simple loop %.3f ms", point.ms, loop);
    }
    if (cliff.empty() && slow.empty()) break;
  }
  run.expect(cliff.empty(), "no size of a sweep falls off a cliff beside its neighbours", cliff);
  run.expect(slow.empty(), text("no size takes %.0f times what the simplest loop takes", kSlowest), slow);
}

/// Pointwise sums: bytes per second of large and of small ones.
void adds_scale(Run& run, Session& session) {
  Model small(session, run.image("busy/busy_add_256")), large(session, run.image("busy/busy_add_4096"));
  if (!small.native() || !large.native()) return run.failed() ? void() : run.unsupported("the plugin does not answer NATIVE for these images");
  if (!small.all(2) || !large.all(2)) return;
  double ratio = 0;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const double few = best_run(small, 3), many = best_run(large, 2);
    if (few < 0 || many < 0) return;
    ratio = many / few / 16;  // sixteen times the elements
    if (ratio < kCliff) break;
  }
  run.expect(ratio < kCliff, "sixteen times the elements take about sixteen times as long", text("%.1f times that", ratio));
}

void compile_scales(Run& run, Session& session) {
  double ratio = 0, last = 0;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::vector<double> best = {1e30, 1e30};
    for (int turn = 0; turn < 3; ++turn)
      for (std::size_t which = 0; which < 2; ++which) {
        Model model(session, run.image(which ? "busy/nodes_2048" : "busy/nodes_512"));
        if (!turn && !attempt && !model.native()) return run.failed() ? void() : run.unsupported("the plugin does not answer NATIVE for these images");
        const double begin = fair_ms();
        if (!model.compile()) return;
        best[which] = std::min(best[which], fair_ms() - begin);
      }
    ratio = best[1] / best[0];
    last = best[1];
    if (ratio < 10 || last < 20) break;
  }
  run.expect(ratio < 10 || last < 20, "four times the nodes take about four times as long to compile", text("%.1f times, %.0f ms for 2048 nodes", ratio, last));
}

void prf_cliffs(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  if (run.key() == "compile") return compile_scales(run, *session);
  if (run.key() == "adds") return adds_scale(run, *session);
  no_cliffs(run, *session, run.key());
}

// ---- PRF-02

/// Products and sums a second that no device of this kind reaches.
double most_flops(const Run& run) {
  cpu_set_t set;
  CPU_ZERO(&set);
  const bool host = run.facts().device_flags & RLX_DEVICE_FLAG_HOST_MEMORY;
  if (!host || sched_getaffinity(0, sizeof set, &set)) return 2e17;
  // Two units of sixteen lanes, a product and a sum each, at 6 GHz; matrix units do sixteen times that.
  return CPU_COUNT(&set) * 6e9 * 64 * 16;
}

std::vector<std::string> honest_cases(const Facts& facts, Profile) {
  return facts.usable() ? std::vector<std::string>{"complete", "possible"} : std::vector<std::string>{};
}

/// Outputs are taken as soon as the run returns; what comes later comes too late.
void complete_on_return(Run& run, Session& session) {
  for (const std::string& name : native_mixes(session)) {
    Model model(session, run.image(name));
    if (!model.all(1)) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::vector<std::string> right;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      if (!model.run(seed)) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      right.push_back(model.outputs());
    }
    for (std::uint64_t i = 0; i < 30; ++i) {
      if (!model.run(1 + i % 3)) return;
      const std::string at_once = model.outputs();
      if (!run.expect(at_once == right[i % 3], name + ": outputs are complete when execute returns", "other bits than a little later")) return;
    }
  }
}

/// The results of every timed run are looked at; and the rate is one that a device can have.
void possible_rate(Run& run, Session& session) {
  const Busy busy = busy_model(session, 30);
  if (!busy.model) return;
  const TensorInfo& x = busy.model->info().inputs[0];
  const bool dot = busy.model->info().inputs.size() == 2 && busy.model->info().inputs[1].name == "w";
  const double elements = static_cast<double>(x.bytes) / 4, steps = static_cast<double>(busy.model->info().ops);
  const double work = dot ? elements * 256 * 2 * steps : elements * steps;
  double best = 1e30;
  for (int i = 0; i < 4; ++i) {
    fill_busy(*busy.model, 3);
    const double took = time_run(*busy.model);
    if (took < 0) return;
    best = std::min(best, took);
    run.expect(busy.model->outputs() == busy.right, "every run that is timed is right", "other bits");
  }
  const double rate = work / (best * 1e-3);
  run.expect(rate < most_flops(run), text("no more than %.0e operations a second", most_flops(run)), text("%.3e", rate));
  run.note(text("%.2f billion operations a second", rate * 1e-9));
}

void prf_honest(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  run.key() == "complete" ? complete_on_return(run, *session) : possible_rate(run, *session);
}

// ---- PRF-03

/// Runs on what was there before and on what is new, by turns. Inputs are written anew for both, so that caches are alike.
double repeat_ratio(Model& model, std::uint64_t& seed, int pairs) {
  std::vector<double> again, fresh;
  fill_busy(model, 3);
  if (time_run(model) < 0) return -1;
  for (int i = 0; i < pairs; ++i) {
    fill_busy(model, 3);
    again.push_back(time_run(model));
    fill_busy(model, ++seed);
    fresh.push_back(time_run(model));
    if (again.back() < 0 || fresh.back() < 0) return -1;
  }
  return median(again) / std::max(1e-9, median(fresh));
}

std::vector<std::string> one_case_of_device(const Facts& facts, Profile) {
  return facts.usable() ? std::vector<std::string>{"all"} : std::vector<std::string>{};
}

void prf_repeats(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  const Busy busy = busy_model(*session, 12);
  if (!busy.model) return;
  std::uint64_t seed = 1000;
  double ratio = 0;
  for (int attempt = 0; attempt < kAttempts + 1; ++attempt) {
    ratio = repeat_ratio(*busy.model, seed, 9 << attempt);
    if (ratio < 0) return;
    if (ratio >= 0.9) break;
  }
  run.expect(ratio >= 0.9, "inputs that were seen before are at most a tenth faster than new ones", text("%.2f of the time", ratio));
}

// ---- PRF-05

/// For a person: numbers, and nothing that fails but a run that does.
void prf_report(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  const auto names = native_mixes(*session);
  if (names.empty()) return;
  for (const std::string& name : names) {
    Model model(*session, run.image(name));
    const double begin = fair_ms();
    if (!model.compile() || !model.prepare() || !model.make_context()) return;
    const double compiled = fair_ms();
    if (!run.expect(model.run(2), name + " runs", "it does not")) return;
    const double first = fair_ms() - compiled, best = best_run(model, 20);
    run.note(name + text(": compiled in %.3f ms, first run %.3f ms, best run %.4f ms", compiled - begin, first, best));
  }
  Busy busy = busy_model(*session, 20);
  if (!busy.model) return;
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  const double begin = now_ms();
  if (!busy.model->run(0)) return;
  const double wall = now_ms() - begin;
  getrusage(RUSAGE_SELF, &after);
  const auto cpu = [](const rusage& use) { return static_cast<double>(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e3 + static_cast<double>(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e-3; };
  run.note(text("a run of %.1f ms takes %.1f ms of the host's CPUs; %ld KiB at most were resident", wall, cpu(after) - cpu(before), after.ru_maxrss));
}

constexpr Check kChecks[] = {
    {"PRF-01", 6, "No size falls off a cliff beside its neighbours or far behind a simple loop, and compile time grows with the nodes.", 3, kind_cases, prf_cliffs},
    {"PRF-02", 6, "Outputs are complete when execute returns, timed runs are right, and no rate is beyond what a device can reach.", 20, honest_cases, prf_honest},
    {"PRF-03", 6, "Inputs that were seen before are no faster than new ones.", 1, one_case_of_device, prf_repeats},
    {"PRF-04", 6, "Beside an earlier build (--baseline), run by turns in one process, nothing is clearly slower.", 4, baseline_cases, prf_baseline},
    {"PRF-05", 6, "A report of times and memory, for a person.", 1, one_case_of_device, prf_report},
};

}  // namespace

std::span<const Check> prf_checks() { return kChecks; }

}  // namespace rlx::conform
