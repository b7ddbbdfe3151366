// SPDX-License-Identifier: Apache-2.0
// PRF-04: the plugin beside an earlier build of it, both loaded in one process, pair by pair in an order drawn by lot. What
// counts is the interval of the median of the pairs' ratios; a machine that slows down slows both.
#include <algorithm>
#include <cmath>
#include <fstream>

#include "tools/conform/checks/busy.h"
#include "tools/conform/checks/groups.h"
#include "tools/conform/shared/baseline.h"

namespace rlx::conform {
namespace {

/// Times are judged thrice, in new memory, before they are believed to be bad.
constexpr int kAttempts = 3;
constexpr std::size_t kPairs = 41;
/// What the median ratio may be, where even the lower end of its interval says so.
constexpr double kSlower = 1.10;
/// What one sample takes at least, in milliseconds: shorter runs are repeated.
constexpr double kSample = 0.5;

struct Kind {
  const char* name;
  const char* image;
  bool compile;
};
constexpr Kind kKinds[] = {{"dot", "busy/sweep_dot_128", false}, {"linear", "busy/sweep_linear_128", false}, {"adds", "busy/busy_add_256", false}, {"compile", "busy/nodes_512", true}};

/// Milliseconds of `times` runs, or compiles; negative where one fails.
double sample(Model& model, bool compile, int times) {
  const double begin = fair_ms();
  for (int i = 0; i < times; ++i) {
    if (compile) model.drop();
    if (!(compile ? model.compile() : model.run(0))) return -1;
  }
  return fair_ms() - begin;
}

struct Interval {
  double low, median, high;
};

/// The 99 % interval of the median, by the ranks of a binomial.
Interval median_interval(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const double n = static_cast<double>(values.size());
  const auto rank = static_cast<std::size_t>(std::max(0.0, std::floor((n - 2.576 * std::sqrt(n)) / 2)));
  return {values[rank], values[values.size() / 2], values[values.size() - 1 - rank]};
}

/// New time over old time of pairs; an empty list where the case has failed, or neither runs the image.
std::vector<double> ratios(Session& now, Session& before, const Kind& kind, std::uint64_t seed) {
  Run& run = now.run();
  Model models[] = {Model(now, run.image(kind.image)), Model(before, run.image(kind.image))};
  for (Model& model : models) {
    if (!model.native()) {
      if (!run.failed()) run.unsupported("one of the two does not answer NATIVE for this image");
      return {};
    }
    if (!(kind.compile ? model.compile() : model.all(2))) return {};
  }
  const double once = std::min(sample(models[0], kind.compile, 1), sample(models[1], kind.compile, 1));
  if (once < 0) return {};
  const int times = static_cast<int>(std::clamp(std::ceil(kSample / std::max(once, 1e-6)), 1.0, 2000.0));
  Random random(seed);
  std::vector<double> out;
  while (out.size() < kPairs) {
    double took[2] = {};
    const std::size_t first = random.below(2);
    for (const std::size_t which : {first, 1 - first})
      if ((took[which] = sample(models[which], kind.compile, times)) < 0) return {};
    out.push_back(took[0] / std::max(took[1], 1e-9));
  }
  return out;
}

}  // namespace

std::vector<std::string> baseline_cases(const Facts& facts, Profile) {
  std::vector<std::string> keys;
  if (!facts.usable()) return keys;
  for (const Kind& kind : kKinds) keys.emplace_back(kind.name);
  return keys;
}

void prf_baseline(Run& run) {
  std::string path;
  std::ifstream file(run.request().run_folder + "/" + kBaselineFile);
  if (!std::getline(file, path)) return run.skip("no baseline was given (--baseline)");
  const auto kind = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const Kind& each) { return run.key() == each.name; });
  if (kind == std::end(kKinds)) return;
  std::shared_ptr<Library> library = Library::load(run, path);
  if (!library) return;
  const auto before = Session::open(run, std::move(library), nullptr), now = Session::open(run);
  if (!before || !now) return;
  Interval interval{};
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const std::vector<double> all = ratios(*now, *before, *kind, mix(run.seed() + static_cast<std::uint64_t>(attempt)));
    if (all.empty()) return;
    interval = median_interval(all);
    if (interval.low <= kSlower) break;
  }
  run.phase(kBaselinePhase);
  const std::string seen = text("%.3f of its time (99 %% interval %.3f to %.3f)", interval.median, interval.low, interval.high);
  run.note(std::string(kind->name) + " takes " + seen);
  run.expect(interval.low <= kSlower, text("no more than %.2f of the baseline's time", kSlower), seen);
}

}  // namespace rlx::conform
