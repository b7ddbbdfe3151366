// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/controller/plan.h"

#include <algorithm>
#include <cstdlib>

#include "tools/conform/numeric/numeric.h"
#include "tools/conform/shared/random.h"

namespace rlx::conform {
namespace {

void take_listed(const Frame& frame, Plan& plan) {
  const auto texts = split_texts(frame.payload);
  if (texts.size() == 5 && texts[0] == "check")
    plan.checks.push_back({texts[1], texts[4], std::atoi(texts[2].c_str()), std::strtoull(texts[3].c_str(), nullptr, 10), false});
  if (texts.size() == 3 && texts[0] == "case" && !plan.checks.empty() && plan.checks.back().id == texts[1])
    plan.cases.push_back({plan.checks.size() - 1, texts[2], 0});
}

void take_numeric(const NumericCheck& check, const Facts& facts, int effort, Plan& plan) {
  plan.checks.push_back({check.id, check.sentence, check.level, check.floor, true});
  if (!facts.usable()) return;
  for (const std::string& key : check.cases(facts, effort)) plan.cases.push_back({plan.checks.size() - 1, key, 0});
}

}  // namespace

Plan full_plan(const std::vector<Frame>& listed, const Facts& facts, const std::string& profile) {
  Plan plan;
  for (const Frame& frame : listed)
    if (frame.kind == FrameKind::kFact) take_listed(frame, plan);
  const int effort = profile == "full" ? 2 : profile == "ci" ? 1 : 0;
  for (const std::span<const NumericCheck> group : numeric_catalogue())
    for (const NumericCheck& check : group) take_numeric(check, facts, effort, plan);
  return plan;
}

Plan chosen_plan(Plan plan, const Options& options) {
  std::vector<PlannedCase> all = std::move(plan.cases);
  plan.cases.clear();
  std::vector<bool> used(options.filters.size() + options.replays.size());
  for (PlannedCase& planned : all) {
    const CheckInfo& check = plan.checks[planned.check];
    const std::string id = plan.id_of(planned);
    planned.seed = hash_text(id, options.seed);
    bool wanted = check.level <= options.level;
    bool matched = options.filters.empty() && options.replays.empty();
    for (std::size_t i = 0; i < options.filters.size(); ++i)
      if (wanted && glob_match(options.filters[i], id)) used[i] = matched = true;
    for (std::size_t i = 0; i < options.replays.size(); ++i) {
      const Replay replay = parse_replay(options.replays[i]);
      if (replay.id != id) continue;
      used[options.filters.size() + i] = matched = wanted = true;
      if (replay.has_seed) planned.seed = replay.seed;
    }
    if (!wanted || !matched) continue;
    plan.cases.push_back(planned);
    // Times are not measured again, and a replay is of one seed.
    if (!check.numeric || check.group() == "PRF" || !options.replays.empty()) continue;
    for (const std::uint64_t seed : options.fresh) plan.cases.push_back({planned.check, planned.key, hash_text(id, seed)});
  }
  for (std::size_t i = 0; i < used.size(); ++i)
    if (!used[i]) plan.unmatched.push_back(i < options.filters.size() ? options.filters[i] : options.replays[i - options.filters.size()]);
  return plan;
}

}  // namespace rlx::conform
