// SPDX-License-Identifier: Apache-2.0
// WGT-01, 03, 04 and 09: one set under many executables, many sets under one executable, and what that costs.
#include <algorithm>
#include <cstring>
#include <mutex>
#include <thread>

#include "tools/conform/checks/wgt.h"
#include "tools/conform/worker/watch.h"

namespace rlx::conform {
namespace {

constexpr int kRows[] = {1, 2, 3, 5, 8, 16, 33, 64};
constexpr std::uint64_t kBigBytes = 512 * 512 * sizeof(float);  ///< of w0 of a big chain
constexpr int kThreads = 8;

std::uint64_t growth(std::uint64_t before) {
  const std::uint64_t now = resident_bytes();
  return now > before ? now - before : 0;
}

std::uint64_t packed(Set& set) {
  const rlx_usage_out usage = set.usage();
  return usage.packed_bytes;
}

/// All variants of the big chain, or none where one is not NATIVE.
std::vector<std::unique_ptr<Weighted>> variants(Session& session) {
  std::vector<std::unique_ptr<Weighted>> out;
  for (const int rows : kRows) {
    out.push_back(Weighted::open(session, big_chains(rows)));
    if (!out.back()) return {};
  }
  return out;
}

// ---- WGT-01

/// What one variant alone needs, at most.
std::uint64_t most_of_one(Session& session, std::vector<std::unique_ptr<Weighted>>& models, const Weights& weights, std::uint64_t* used) {
  std::uint64_t most = 0;
  for (auto& model : models) {
    Version alone(session, model->info(), weights);
    const std::uint64_t before = used_bytes(session);
    if (!alone.fill() || !alone.set().prepare(model->executable())) return 0;
    most = std::max(most, packed(alone.set()));
    *used = std::max(*used, used_bytes(session) - before);
  }
  return most;
}

void one_after_the_other(Session& session) {
  Run& run = session.run();
  auto models = variants(session);
  if (models.empty()) return;
  const Weights weights = random_weights(models[0]->info(), run.seed());
  std::uint64_t used_by_one = 0;
  const std::uint64_t one = most_of_one(session, models, weights, &used_by_one);
  if (run.failed()) return;
  Version all(session, models[0]->info(), weights);
  const std::uint64_t before = used_bytes(session);
  if (!all.fill()) return;
  std::reverse(models.begin(), models.end());
  std::uint64_t resident = 0;
  for (std::size_t i = 0; i < models.size(); ++i) {
    if (!all.set().prepare(models[i]->executable()) || !models[i]->runs(all)) return;
    if (i == 0) resident = resident_bytes();
  }
  const std::uint64_t grown = growth(resident);
  for (std::size_t i = 0; i < models.size(); ++i)
    if (!models[i]->right(all, i + 9, "a run of variant " + number(i) + " after all were prepared")) return;
  const std::uint64_t eight = packed(all.set()), used = used_bytes(session) - before;
  run.expect(eight <= one + one / 100, "eight variants pack no more than " + number(one + one / 100) + " bytes", number(eight));
  run.expect(used <= used_by_one + used_by_one / 100, "the device uses no more than " + number(used_by_one + used_by_one / 100) + " bytes for eight variants", number(used));
  if (calls_are_watched())
    run.expect(grown <= 2 * kBigBytes, "seven more variants take less memory than two more copies of the weights", number(grown) + " bytes");
}

/// Eight threads prepare at once, each its own variant or all the same.
void all_at_once(Session& session, bool same) {
  Run& run = session.run();
  auto models = variants(session);
  if (models.empty()) return;
  const Weights weights = random_weights(models[0]->info(), run.seed());
  std::uint64_t used_by_one = 0;
  const std::uint64_t one = most_of_one(session, models, weights, &used_by_one);
  if (run.failed()) return;
  Version all(session, models[0]->info(), weights);
  if (!all.fill()) return;
  std::int32_t statuses[kThreads];
  run.phase("params.prepare in eight threads");
  {
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i)
      threads.emplace_back([&, i] { statuses[i] = all.set().quiet_prepare(models[same ? 7 : static_cast<std::size_t>(i)]->executable()); });
    for (std::thread& thread : threads) thread.join();
  }
  for (const std::int32_t status : statuses) run.status("prepare in one of eight threads", status, RLX_STATUS_OK);
  if (run.failed()) return;
  const std::uint64_t eight = packed(all.set());
  run.expect(eight <= one + one / 100, "eight threads pack no more than " + number(one + one / 100) + " bytes", number(eight));
  for (std::size_t i = same ? 7 : 0; i < models.size(); ++i)
    if (!models[i]->right(all, i + 1, "a run of variant " + number(i))) return;
}

/// An earlier variant stays right while later ones are prepared, run and released.
void later_variants(Session& session) {
  auto models = variants(session);
  if (models.empty()) return;
  Version all(session, models[0]->info(), random_weights(models[0]->info(), session.run().seed()));
  if (!all.fill() || !all.set().prepare(models[0]->executable()) || !models[0]->right(all, 1, "a run of the first variant")) return;
  for (std::size_t i = 1; i < models.size(); ++i) {
    if (!all.set().prepare(models[i]->executable())) return;
    if (!models[0]->right(all, i + 1, "a run of the first variant after another was prepared")) return;
    if (!models[i]->right(all, i + 1, "a run of variant " + number(i))) return;
    all.set().release(models[i]->executable());
    if (!models[0]->right(all, i + 1, "a run of the first variant after another was released")) return;
  }
}

}  // namespace

std::vector<std::string> wgt_variant_cases(const Facts& facts, Profile) { return usable_keys(facts, {"in-turn", "later", "threads", "threads-same"}); }

void wgt_variants(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  if (run.key() == "in-turn") return one_after_the_other(*session);
  if (run.key() == "later") return later_variants(*session);
  all_at_once(*session, run.key() == "threads-same");
}

// ---- WGT-03

namespace {

/// The same weights with entries of another seed.
Weights changed(const ImageInfo& info, const Weights& weights, const std::vector<std::size_t>& indices, std::uint64_t seed) {
  Weights out = weights;
  const Weights other = random_weights(info, seed);
  for (const std::size_t index : indices) out[index] = other[index];
  return out;
}

/// `early`: the heir is filled before the base is prepared.
void base_and_heir(Session& session, bool early) {
  Run& run = session.run();
  const auto model = Weighted::open(session, small_chains());
  if (!model) return;
  const ImageInfo& info = model->info();
  const Weights weights = random_weights(info, run.seed());
  for (const std::vector<std::size_t>& indices : {std::vector<std::size_t>{0}, {1}, {2}, {0, 2}, {0, 1, 2}}) {
    Version base(session, info, weights), heir(session, info, changed(info, weights, indices, run.seed() + 1));
    if (!base.fill()) return;
    if (!early && (!base.set().prepare(model->executable()) || !model->right(base, 1, "a run on the base before there is an heir"))) return;
    if (!heir.fill(indices, &base)) return;
    if (early && (!base.set().prepare(model->executable()) || !model->right(base, 2, "a run on the base that was prepared after its heir was filled"))) return;
    if (!heir.set().prepare(model->executable()) || !model->right(heir, 3, "a run on the heir")) return;
    if (!model->right(base, 4, "a run on the base after one on its heir") || !model->right(heir, 5, "a run on the heir after one on its base")) return;
    Version third(session, info, changed(info, heir.weights(), {1}, run.seed() + 2));
    if (!third.fill({1}, &heir) || !third.set().prepare(model->executable()) || !model->right(third, 6, "a run on the heir of an heir")) return;
    base.set().destroy();
    if (!model->right(heir, 7, "a run on the heir of a base that is gone")) return;
    heir.set().destroy();
    if (!model->right(third, 8, "a run on the heir of an heir, both bases gone")) return;
    third.set().destroy();
  }
}

/// An heir that replaces the small entries packs and holds those alone.
void cost_of_an_heir(Session& session) {
  Run& run = session.run();
  const auto model = Weighted::open(session, big_chains(5));
  if (!model) return;
  const ImageInfo& info = model->info();
  const Weights weights = random_weights(info, run.seed());
  const std::uint64_t put = weights[1].size() + weights[2].size(), most = 4 * put;
  Version base(session, info, weights), heir(session, info, changed(info, weights, {1, 2}, run.seed() + 1));
  if (!base.fill() || !base.set().prepare(model->executable()) || !model->runs(base)) return;
  const std::uint64_t used = used_bytes(session), resident = resident_bytes();
  if (!heir.fill({1, 2}, &base) || !heir.set().prepare(model->executable()) || !model->runs(heir)) return;
  const std::uint64_t grown = growth(resident), more = used_bytes(session) - used;
  model->right(heir, 1, "a run on the heir");
  model->right(base, 2, "a run on the base");
  run.expect(packed(heir.set()) <= most, "the heir packs no more than four times what was put, " + number(most) + " bytes", number(packed(heir.set())));
  run.expect(more <= most, "the device uses no more than four times what was put, " + number(most) + " bytes", number(more));
  if (calls_are_watched()) run.expect(grown < kBigBytes / 2, "the process grows by less than half of the entry that is shared", number(grown) + " bytes");
}

/// Threads run on whatever set is the current one while it is replaced again and again.
void swapped(Session& session, int swaps) {
  Run& run = session.run();
  const auto model = Weighted::open(session, small_chains());
  if (!model) return;
  const ImageInfo& info = model->info();
  const auto first = std::make_shared<Version>(session, info, random_weights(info, run.seed()));  // outlives its heirs
  if (!first->fill() || !first->set().prepare(model->executable())) return;
  auto current = first;
  std::vector<std::unique_ptr<WeightLane>> lanes;
  for (int i = 0; i < kThreads; ++i) {
    lanes.push_back(std::make_unique<WeightLane>(session, *model, run.seed() + static_cast<std::uint64_t>(i)));
    if (!lanes.back()->made()) return;
  }
  std::mutex mutex;
  std::atomic<bool> stop{false};
  std::string problems[kThreads];
  std::uint64_t runs[kThreads] = {};
  std::vector<std::shared_ptr<Version>> old;  // destroyed by this thread, which alone reports
  run.phase("execute in eight threads while sets change");
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      while (!stop && problems[i].empty()) {
        std::unique_lock lock(mutex);
        const auto version = current;
        lock.unlock();
        problems[i] = lanes[static_cast<std::size_t>(i)]->run(version->set().get(), version->weights());
        ++runs[i];
      }
    });
  for (int n = 1; n <= swaps && !run.failed(); ++n) {
    const std::vector<std::size_t> indices = n % 3 ? std::vector<std::size_t>{0, 2} : std::vector<std::size_t>{0, 1, 2};
    auto next = std::make_shared<Version>(session, info, changed(info, first->weights(), indices, run.seed() + 100 + static_cast<std::uint64_t>(n)));
    if (!next->fill(indices, first.get()) || !next->set().prepare(model->executable())) break;
    std::unique_lock lock(mutex);
    old.push_back(std::exchange(current, std::move(next)));
    lock.unlock();
    std::erase_if(old, [](const auto& version) { return version.use_count() == 1; });
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < kThreads; ++i) run.expect(problems[i].empty(), "each of " + number(runs[i]) + " runs of a thread is right for its set", problems[i]);
  lanes.clear();
}

}  // namespace

std::vector<std::string> wgt_base_cases(const Facts& facts, Profile) { return usable_keys(facts, {"results", "heir-first", "cost", "swapped"}); }

void wgt_bases(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  if (run.key() == "cost") return cost_of_an_heir(*session);
  if (run.key() == "swapped") return swapped(*session, 40);
  base_and_heir(*session, run.key() == "heir-first");
}

// ---- WGT-04

std::vector<std::string> wgt_run_cases(const Facts& facts, Profile) { return usable_keys(facts, {"small", "big", "read-only"}); }

void wgt_runs(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  const auto model = Weighted::open(*session, run.key() == "big" ? big_chains(3) : small_chains());
  if (!model) return;
  Version version(*session, model->info(), random_weights(model->info(), run.seed()), run.key() == "read-only" ? Place::kReadOnly : Place::kHost);
  if (!version.fill() || !version.set().prepare(model->executable())) return;
  if (!model->right(version, 1, "the first run") || !model->right(version, 2, "the second run")) return;
  const std::uint64_t used = used_bytes(*session);
  const rlx_usage_out before = version.set().usage();
  model->model().fill(3);
  rlx_execute_in in = model->model().execute_in();
  in.params = version.set().get();
  std::int32_t status = RLX_STATUS_OK;
  run.phase("execute");
  const Calls calls = calls_so_far();
  for (int i = 0; i < 20 && status == RLX_STATUS_OK; ++i)
    status = session->tables().execute->execute(model->model().context(), &in, nullptr, nullptr);
  const std::uint64_t allocations = calls_so_far().allocations - calls.allocations;
  run.status("20 more runs", status, RLX_STATUS_OK);
  const rlx_usage_out after = version.set().usage();
  if (calls_are_watched()) run.equal("allocations of the 20 runs", allocations, 0);
  run.equal("pack_count after 20 runs", after.pack_count, before.pack_count);
  run.equal("packed_bytes after 20 runs", after.packed_bytes, before.packed_bytes);
  run.equal("source_bytes after 20 runs", after.source_bytes, before.source_bytes);
  run.equal("the device's used_bytes after 20 runs", used_bytes(*session), used);
  model->right(version, 4, "the last run");
}

// ---- WGT-09

namespace {

void in_turns(Session& session) {
  Run& run = session.run();
  const auto model = Weighted::open(session, small_chains());
  if (!model) return;
  const ImageInfo& info = model->info();
  const Weights weights = random_weights(info, run.seed());
  Version base(session, info, weights), a(session, info, changed(info, weights, {2}, run.seed() + 1)), b(session, info, changed(info, weights, {0, 1}, run.seed() + 2));
  if (!base.fill() || !a.fill({2}, &base) || !b.fill({0, 1}, &base)) return;
  for (Version* version : {&a, &base, &b})
    if (!version->set().prepare(model->executable())) return;
  Random random(run.seed());
  for (std::uint64_t i = 0; i < 30; ++i) {
    const std::uint64_t which = random.below(3);
    if (!model->right(which == 0 ? base : which == 1 ? a : b, i, "run " + number(i) + ", on " + (which == 0 ? "the base" : which == 1 ? "the first heir" : "the second heir"))) return;
  }
  a.set().release(model->executable());
  model->right(b, 31, "a run on one heir after the other was released");
}

void in_parallel(Session& session, int rounds) {
  Run& run = session.run();
  const auto model = Weighted::open(session, small_chains());
  if (!model) return;
  const ImageInfo& info = model->info();
  const Weights weights = random_weights(info, run.seed());
  Version base(session, info, weights);
  if (!base.fill()) return;
  std::vector<std::unique_ptr<Version>> versions;
  for (std::uint64_t i = 0; i < 2; ++i) {
    versions.push_back(std::make_unique<Version>(session, info, changed(info, weights, {0, 2}, run.seed() + 1 + i)));
    if (!versions.back()->fill({0, 2}, &base) || !versions.back()->set().prepare(model->executable())) return;
  }
  std::vector<std::unique_ptr<WeightLane>> lanes;
  for (int i = 0; i < kThreads; ++i) {
    lanes.push_back(std::make_unique<WeightLane>(session, *model, run.seed() + static_cast<std::uint64_t>(i)));
    if (!lanes.back()->made()) return;
  }
  std::string problems[kThreads];
  run.phase("execute in eight threads");
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      for (int round = 0; round < rounds && problems[i].empty(); ++round) {
        Version& version = *versions[(i + (i < 4 ? 0 : static_cast<std::size_t>(round))) % 2];
        problems[i] = lanes[i]->run(version.set().get(), version.weights());
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& problem : problems) run.expect(problem.empty(), "every run of a thread is right for its set", problem);
}

}  // namespace

std::vector<std::string> wgt_adapter_cases(const Facts& facts, Profile) { return usable_keys(facts, {"in-turns", "in-parallel"}); }

void wgt_adapters(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  if (run.key() == "in-turns") return in_turns(*session);
  in_parallel(*session, 100);
}

}  // namespace rlx::conform
