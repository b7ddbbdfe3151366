// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/controller/waivers.h"

#include <algorithm>

namespace rlx::conform {
namespace {

/// Whether the waiver names the case, whatever became of it.
bool names(const Waiver& waiver, const std::string& id) { return glob_match(waiver.check, id); }

/// Memory, the border itself and what a process survives: nobody should trust a plugin that is excused from these.
bool forbidden_in_certificates(const std::string& check) {
  return check.starts_with("LIF-") || check.starts_with("ABI-") || check.starts_with("MEM-") || check.starts_with("ERR-06");
}

const char* expected_word(CaseStatus status) {
  switch (status) {
    case CaseStatus::kFail:
      return "fail";
    case CaseStatus::kCrash:
      return "crash";
    case CaseStatus::kHang:
      return "hang";
    case CaseStatus::kFlaky:
      return "flaky";
    default:
      return "";
  }
}

bool of_device(const Waiver& waiver, const Facts& facts) {
  // A pattern without a star would stand for a group of cases: here it is the whole text.
  return waiver.device == "*" || waiver.device == facts.kind || waiver.device == facts.device_name ||
         (waiver.device.find_first_of("*?") != std::string::npos && (glob_match(waiver.device, facts.kind) || glob_match(waiver.device, facts.device_name)));
}

WaiverState first_state(const Waiver& waiver, const Facts& facts, std::int64_t today, bool certify) {
  if (waiver.plugin != facts.plugin_id || !of_device(waiver, facts)) return WaiverState::kElsewhere;
  if (waiver.expires < today) return WaiverState::kExpired;
  if (!in_versions(waiver.versions, facts.plugin_version)) return WaiverState::kUnmatched;
  if (certify && forbidden_in_certificates(waiver.check)) return WaiverState::kForbidden;
  return WaiverState::kNotRun;
}

bool holds(const WaiverUse& use) { return use.state == WaiverState::kNotRun || use.state == WaiverState::kUsed; }

}  // namespace

const char* waiver_state_word(WaiverState state) {
  constexpr const char* kWords[] = {"used",    "no longer needed",              "matches nothing",    "expired",
                                    "is not excused in a certified run", "not in this run", "of another plugin or device"};
  return kWords[static_cast<std::size_t>(state)];
}

Waivers::Waivers(const std::vector<Waiver>& waivers, const Facts& facts, std::int64_t today, bool certify) {
  for (const Waiver& waiver : waivers) uses_.push_back({waiver, first_state(waiver, facts, today, certify), 0, 0, waiver.expires - today});
}

void Waivers::take(Outcome& outcome) {
  const std::string id = outcome.id(), seen = expected_word(outcome.status);
  if (seen.empty()) return;
  for (WaiverUse& use : uses_) {
    if (!holds(use) || use.waiver.expect != seen || !names(use.waiver, id)) continue;
    use.state = WaiverState::kUsed;
    ++use.excused;
    outcome.waiver = use.waiver.id;
    outcome.waived = outcome.status;
    outcome.status = CaseStatus::kWaived;
    return;
  }
}

bool Waivers::flaky(const std::string& id) const {
  return std::any_of(uses_.begin(), uses_.end(), [&](const WaiverUse& use) {
    return holds(use) && use.waiver.expect == "flaky" && names(use.waiver, id);
  });
}

void Waivers::finish(const std::vector<std::string>& known, bool strict, std::vector<Outcome>& outcomes) {
  for (WaiverUse& use : uses_) {
    if (!holds(use)) continue;
    bool all_passed = true;
    for (const Outcome& outcome : outcomes) {
      if (!names(use.waiver, outcome.id())) continue;
      ++use.cases;
      all_passed &= outcome.status == CaseStatus::kPass;
    }
    if (use.state == WaiverState::kUsed) continue;
    if (!use.cases) {
      const bool exists = std::any_of(known.begin(), known.end(), [&](const std::string& id) { return names(use.waiver, id); });
      use.state = exists ? WaiverState::kNotRun : WaiverState::kUnmatched;
    } else if (all_passed && use.waiver.expect != "flaky") {
      use.state = WaiverState::kUnneeded;
    }
    if (use.state != WaiverState::kUnneeded || !strict) continue;
    for (Outcome& outcome : outcomes) {
      if (outcome.status != CaseStatus::kPass || !names(use.waiver, outcome.id())) continue;
      outcome.status = CaseStatus::kXpass;
      outcome.waiver = use.waiver.id;
      outcome.reason = "it passes, and waiver `" + use.waiver.id + "` expects " + use.waiver.expect;
    }
  }
}

std::uint64_t Waivers::used() const {
  return static_cast<std::uint64_t>(std::count_if(uses_.begin(), uses_.end(), [](const WaiverUse& use) { return use.state == WaiverState::kUsed; }));
}

std::uint64_t Waivers::stale() const {
  return static_cast<std::uint64_t>(std::count_if(uses_.begin(), uses_.end(), [](const WaiverUse& use) { return use.stale(); }));
}

}  // namespace rlx::conform
