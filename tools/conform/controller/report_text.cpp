// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cinttypes>
#include <cstdarg>
#include <map>

#include "tools/conform/controller/certify.h"
#include "tools/conform/controller/coverage.h"
#include "tools/conform/controller/report.h"

namespace rlx::conform {
namespace {

std::string print(const char* format, ...) __attribute__((format(printf, 1, 2)));
std::string print(const char* format, ...) {
  char buffer[4096];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(buffer, sizeof buffer, format, arguments);
  va_end(arguments);
  return buffer;
}

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string seeds_text(const Options& options) {
  std::string out = options.fresh.empty() ? "seed" : "seeds";
  for (const std::uint64_t seed : options.seeds()) out += (out.size() > 5 ? ", " : " ") + std::to_string(seed);
  return out;
}

/// A command that a person can paste into a shell.
std::string quoted(const std::string& text) {
  if (text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@=+,") == std::string::npos) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace

std::string counts_text(const Summary& summary) {
  std::string out;
  for (std::size_t i = 0; i < 12; ++i)
    if (summary.of[i]) out += (out.empty() ? "" : ", ") + std::to_string(summary.of[i]) + " " + status_word(static_cast<CaseStatus>(i));
  return out.empty() ? "nothing run" : out;
}

std::string clean(const std::string& text, std::size_t most) {
  std::string out;
  for (const char c : text) {
    if (out.size() >= most) return out + "…";
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f)
      out += c;
    else if (c == '\n' || c == '\t')
      out += ' ';
    else
      out += print("\\x%02x", byte);
  }
  return out;
}

std::string text_header(const RunInfo& info) {
  const Facts& facts = info.facts;
  std::string out = std::string(kToolName) + ": " + clean(file_name(info.target.path)) + "\n";
  out += "  plugin   " + clean(facts.plugin_id) + " " + clean(facts.plugin_version) + ", file " + print("%016" PRIx64, info.target.hash) +
         (info.target.build_id.empty() ? "" : ", build " + info.target.build_id.substr(0, 12)) + "\n";
  if (facts.device_opened)
    out += "  device   " + clean(facts.kind) + ": " + clean(facts.device_name) + "\n";
  else
    out += "  device   none: " + clean(facts.device_count ? facts.device_problem : facts.no_device_reason) + "\n";
  out += print("  run      profile %s, %s, %zu cases\n", info.options.profile.c_str(), seeds_text(info.options).c_str(), info.plan.cases.size());
  out += "  tool     " + strength_text(info.options.profile) + "\n\n";
  return out;
}

namespace {

/// What the claims have and the plugin refused: how often, with its own reasons, the commonest first.
std::string text_refused(const std::vector<Outcome>& outcomes) {
  constexpr std::size_t kShown = 5;
  std::map<std::string, std::pair<std::uint64_t, std::string>> reasons;  // how often, and a case
  std::uint64_t count = 0;
  for (const Outcome& outcome : outcomes)
    if (outcome.refused) ++count, ++reasons.try_emplace(outcome.reason, 0, outcome.id()).first->second.first;
  if (!count) return {};
  std::vector<std::pair<std::string, std::pair<std::uint64_t, std::string>>> order(reasons.begin(), reasons.end());
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second.first > b.second.first; });
  std::string out = print("\n  REFUSED inside the claims: %" PRIu64 " cases\n", count);
  for (std::size_t i = 0; i < order.size() && i < kShown; ++i)
    out += print("    %5" PRIu64 " x %s  (%s)\n", order[i].second.first, clean(order[i].first, 160).c_str(), clean(order[i].second.second, 100).c_str());
  if (order.size() > kShown) out += print("    and %zu more reasons\n", order.size() - kShown);
  return out;
}

/// Pairs of op and dtype that are claimed and met no case that compared anything; of a whole run alone.
std::string text_untested(const RunInfo& info, const std::vector<Outcome>& outcomes) {
  constexpr std::size_t kShown = 12;
  if (!info.options.filters.empty() || !info.options.replays.empty()) return {};
  const Coverage coverage = coverage_of(info.facts, outcomes);
  if (coverage.untested.empty()) return {};
  std::string out = print("\n  UNTESTED claims: %zu of %" PRIu64 " pairs of op and dtype:", coverage.untested.size(), coverage.claimed);
  for (std::size_t i = 0; i < coverage.untested.size() && i < kShown; ++i) out += (i ? ", " : " ") + clean(coverage.untested[i], 60);
  return out + (coverage.untested.size() > kShown ? print(" and %zu more\n", coverage.untested.size() - kShown) : "\n");
}

}  // namespace

std::string text_groups(const RunInfo& info, const std::vector<Outcome>& outcomes) {
  std::vector<std::string> order;
  std::map<std::string, Summary> groups;
  std::map<std::string, double> times;
  for (const CheckInfo& check : info.plan.checks)
    if (std::find(order.begin(), order.end(), check.group()) == order.end()) order.push_back(check.group());
  for (const Outcome& outcome : outcomes) {
    const std::string group = outcome.check.substr(0, outcome.check.find('-'));
    add(groups[group], outcome);
    times[group] += outcome.milliseconds;
  }
  std::string out;
  for (const std::string& group : order)
    if (groups.count(group)) out += print("  %-5s%-50s %6.1f s\n", group.c_str(), counts_text(groups[group]).c_str(), times[group] / 1000);
  return out + text_refused(outcomes) + text_untested(info, outcomes);
}

std::string text_case(const Outcome& outcome) {
  return print("  %-12s %s%s%s\n", status_word(outcome.status), outcome.id().c_str(), outcome.reason.empty() ? "" : "  ",
               clean(outcome.reason).c_str());
}

std::string text_waivers(const RunInfo& info) {
  std::string out;
  for (const WaiverUse& use : info.waivers.uses()) {
    if (use.state == WaiverState::kElsewhere) continue;
    const Waiver& waiver = use.waiver;
    out += use.stale() ? "\nWAIVER " : "\nwaiver ";
    out += clean(waiver.id, 80) + ": " + waiver_state_word(use.state);
    if (use.excused) out += print(": %" PRIu64 " of %" PRIu64 " cases", use.excused, use.cases);
    out += print(", %s of %s, until %s (%lld days)\n", waiver.expect.c_str(), clean(waiver.check, 120).c_str(), waiver.expires_text.c_str(),
                 static_cast<long long>(use.days_left));
    out += "  reason  " + clean(waiver.reason) + "\n  issue   " + clean(waiver.issue) + ", owner " + clean(waiver.owner, 80) + "\n";
  }
  return out;
}

std::string replay_command(const RunInfo& info, const Outcome& outcome) {
  return "rlx conform " + quoted(info.target.path) + " --replay " + quoted(outcome.id() + ":" + std::to_string(outcome.seed));
}

std::string text_failure(const RunInfo& info, const Outcome& outcome) {
  std::string out = print("\n%s %s\n", status_word(outcome.status), outcome.id().c_str());
  for (const CheckInfo& check : info.plan.checks)
    if (check.id == outcome.check) out += "  rule    " + check.sentence + "\n";
  if (!outcome.waiver.empty()) out += "  waiver  " + clean(outcome.waiver, 80) + (outcome.status == CaseStatus::kWaived ? std::string(", excuses ") + status_word(outcome.waived) : "") + "\n";
  if (!outcome.reason.empty()) out += "  what    " + clean(outcome.reason) + "\n";
  for (const Failure& failure : outcome.failures) {
    out += "  wanted  " + clean(failure.wanted) + "\n";
    out += "  seen    " + clean(failure.seen) + "  (phase " + clean(failure.phase, 60) + ")\n";
  }
  for (const std::string& note : outcome.notes) out += "  note    " + clean(note) + "\n";
  if (!outcome.printed.empty()) out += "  printed " + clean(outcome.printed) + "\n";
  std::size_t begin = 0, lines = 0;
  while (begin < outcome.stack.size() && lines++ < 12) {
    const std::size_t end = std::min(outcome.stack.find('\n', begin), outcome.stack.size());
    out += "  stack   " + clean(outcome.stack.substr(begin, end - begin)) + "\n";
    begin = end + 1;
  }
  return out + "  replay  " + replay_command(info, outcome) + "\n";
}

std::string level_text(const Verdict& verdict) {
  if (!verdict.waivers) return print("level %d of the %d checked", verdict.level, verdict.checked_to);
  return print("level %d with %" PRIu64 " waiver%s, of the %d checked", verdict.level, verdict.waivers, verdict.waivers == 1 ? "" : "s", verdict.checked_to);
}

std::string verdict_line(const RunInfo& info, const Verdict& verdict) {
  std::string out = std::string("VERDICT: ") + exit_word(verdict.code);
  if (verdict.level >= 0) out += ", " + level_text(verdict);
  if (verdict.badge()) out += ", badge hardened";
  for (const std::string& reason : verdict.summary.vacuous) out += "; " + clean(reason);
  if (verdict.summary.refused) out += print("; %" PRIu64 " refused inside the claims", verdict.summary.refused);
  return out + print("; profile %s, %s; %" PRIu64 " cases: %s; %" PRIu64 " assertions, %" PRIu64 " elements; %.1f s\n",
                     info.options.profile.c_str(), seeds_text(info.options).c_str(), verdict.cases, counts_text(verdict.summary).c_str(),
                     verdict.assertions, verdict.elements, verdict.seconds);
}

std::string list_text(const Plan& plan, bool with_cases) {
  std::string out;
  for (std::size_t i = 0; i < plan.checks.size(); ++i) {
    const CheckInfo& check = plan.checks[i];
    out += print("%-8s %s  %s\n", check.id.c_str(), (check.level ? "level " + std::to_string(check.level) : std::string("badge  ")).c_str(), check.sentence.c_str());
    for (const PlannedCase& planned : plan.cases)
      if (with_cases && planned.check == i) out += "         " + plan.id_of(planned) + "\n";
  }
  return out;
}

std::string list_markdown(const Plan& plan) {
  std::string out = "| check | level | what holds |\n|---|---|---|\n";
  for (const CheckInfo& check : plan.checks) {
    std::string sentence = check.sentence;
    for (std::size_t at = 0; (at = sentence.find('|', at)) != std::string::npos; at += 2) sentence.insert(at, "\\");
    out += print("| %s | %s | %s |\n", check.id.c_str(), check.level ? std::to_string(check.level).c_str() : "hardened", sentence.c_str());
  }
  return out;
}

}  // namespace rlx::conform
