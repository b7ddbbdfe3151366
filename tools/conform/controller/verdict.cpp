// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include "tools/conform/controller/conform.h"
#include "tools/conform/controller/coverage.h"

namespace rlx::conform {
namespace {

/// Below which a check proves too little. A longer profile has more cases, and who runs many of them compares more.
std::uint64_t floor_of(const CheckInfo& check, const std::string& profile, std::uint64_t ran) {
  constexpr std::uint64_t kCases = 16;
  const std::uint64_t times = profile == "full" ? 8 : profile == "ci" ? 4 : 2;
  return check.numeric ? check.floor * std::min(times, 1 + ran / kCases) : check.floor;
}

/// "gather f16, gather bf16 and 3 more".
std::string few(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 6;
  std::string out;
  for (std::size_t i = 0; i < names.size() && i < kShown; ++i) out += (i ? ", " : "") + names[i];
  return names.size() > kShown ? out + " and " + std::to_string(names.size() - kShown) + " more" : out;
}

/// What is claimed and refused whenever it is asked for, no case having compared a thing.
void judge_refusals(const RunInfo& info, const std::vector<Outcome>& outcomes, std::vector<std::string>& reasons) {
  if (std::none_of(outcomes.begin(), outcomes.end(), [](const Outcome& outcome) { return outcome.refused; })) return;
  const std::vector<std::string> refused = coverage_of(info.facts, outcomes).refused;
  if (!refused.empty()) reasons.push_back("claimed and refused in every case: " + few(refused));
}

struct Tally {
  std::uint64_t ran = 0, failed = 0, waived = 0, weak = 0, checked = 0;
};

void take(Tally& tally, const CheckInfo& check, const Outcome& outcome) {
  switch (outcome.status) {
    case CaseStatus::kPass:
    case CaseStatus::kWaived:
    case CaseStatus::kXpass:
      ++tally.ran;
      tally.waived += outcome.status == CaseStatus::kWaived;
      tally.checked += check.numeric ? outcome.elements : outcome.assertions;
      break;
    case CaseStatus::kWeak:
    case CaseStatus::kFlaky:
      ++tally.ran;
      ++tally.weak;
      break;
    case CaseStatus::kFail:
    case CaseStatus::kCrash:
    case CaseStatus::kHang:
      ++tally.ran;
      ++tally.failed;
      break;
    default:
      break;
  }
}

/// The highest level all of whose checks, and those of every lower one, hold.
int level_of(const RunInfo& info, const std::map<std::string, Tally>& tallies, int& checked_to) {
  std::map<int, Tally> levels;
  for (const CheckInfo& check : info.plan.checks) {
    const auto found = tallies.find(check.id);
    if (found == tallies.end() || !found->second.ran || !check.level) continue;
    levels[check.level].ran += found->second.ran;
    levels[check.level].failed += found->second.failed;
    levels[check.level].weak += found->second.weak;
  }
  int earned = 0;
  checked_to = levels.empty() ? 0 : levels.rbegin()->first;
  for (const auto& [level, tally] : levels) {
    if (tally.failed || static_cast<double>(tally.weak) > kWeakShare * static_cast<double>(tally.ran)) break;
    earned = level;
  }
  return info.facts.device_opened ? earned : std::min(earned, 1);
}

/// `why`: what stands with the first case that was not run.
void judge_vacuity(const RunInfo& info, const std::map<std::string, Tally>& tallies, const std::string& why, Verdict& verdict) {
  auto& reasons = verdict.summary.vacuous;
  for (const std::string& pattern : info.plan.unmatched) reasons.push_back("`" + pattern + "` matches no case");
  if (!info.survey_problem.empty()) reasons.push_back("the survey, which says what there is to check, ended in " + info.survey_problem);
  if (!info.facts.device_opened) reasons.push_back("no device");
  const std::uint64_t ran = verdict.summary.count(CaseStatus::kPass) + verdict.summary.count(CaseStatus::kXpass) + verdict.summary.count(CaseStatus::kWaived) +
                            verdict.summary.failed();
  if (!ran) reasons.push_back("nothing was checked");
  const std::uint64_t left = verdict.summary.count(CaseStatus::kNotRun) + verdict.hardened.count(CaseStatus::kNotRun);
  if (left) reasons.push_back(std::to_string(left) + (left == 1 ? " case was not run" : " cases were not run") + (why.empty() ? "" : ": " + why));
  if (!info.options.filters.empty() || !info.options.replays.empty()) return;
  for (const CheckInfo& check : info.plan.checks) {
    const auto found = tallies.find(check.id);
    if (found == tallies.end() || !found->second.ran || found->second.failed || found->second.waived) continue;
    const std::uint64_t floor = floor_of(check, info.options.profile, found->second.ran);
    if (check.level && found->second.checked < floor)
      reasons.push_back(check.id + (check.numeric ? " compared " : " made ") + std::to_string(found->second.checked) + (check.numeric ? " elements" : " assertions") +
                        ", its floor is " + std::to_string(floor));
  }
}

}  // namespace

Verdict verdict_of(const RunInfo& info, const std::vector<Outcome>& outcomes) {
  Verdict verdict;
  std::map<std::string, Tally> tallies;
  std::map<std::string, const CheckInfo*> checks;
  for (const CheckInfo& check : info.plan.checks) checks[check.id] = &check;
  const bool part = !info.options.filters.empty() || !info.options.replays.empty();
  std::string not_run;
  for (const Outcome& outcome : outcomes) {
    if (outcome.status == CaseStatus::kNotRun && not_run.empty()) not_run = outcome.reason;
    const auto check = checks.find(outcome.check);
    // Who asks for the badge's checks by name wants to hear of them.
    const bool badge = !part && check != checks.end() && !check->second->level;
    add(badge ? verdict.hardened : verdict.summary, outcome);
    verdict.assertions += outcome.assertions;
    verdict.elements += outcome.elements;
    if (check != checks.end()) take(tallies[outcome.check], *check->second, outcome);
  }
  verdict.cases = outcomes.size();
  verdict.waivers = info.waivers.used();
  verdict.summary.waivers_invalid = info.options.profile != "quick" && info.waivers.stale();
  judge_vacuity(info, tallies, not_run, verdict);
  if (!part) judge_refusals(info, outcomes, verdict.summary.vacuous);
  verdict.level = level_of(info, tallies, verdict.checked_to);
  if (part) verdict.level = -1;
  verdict.code = exit_code(verdict.summary);
  return verdict;
}

}  // namespace rlx::conform
