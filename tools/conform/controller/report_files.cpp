// SPDX-License-Identifier: Apache-2.0
// JSON Lines, one object a line with the version of the format, and JUnit XML.
#include <nlohmann/json.hpp>

#include "tools/conform/controller/certify.h"
#include "tools/conform/controller/coverage.h"
#include "tools/conform/controller/report.h"
#include "tools/conform/controller/report_html.h"

namespace rlx::conform {
namespace {

using Json = nlohmann::json;
constexpr int kFormat = 1;
constexpr std::size_t kTextMost = 4096;

/// What HTML escapes, XML does.
std::string xml(const std::string& text) { return html_text(text, kTextMost); }

Json covers_of(const Outcome& outcome) {
  Json out = Json::array();
  for (const Cover& cover : outcome.covers) out.push_back({{"opcode", cover.opcode}, {"dtype", dtype_text(cover.dtype)}});
  return out;
}

Json machine_json() {
  Json out = Json::object();
  for (const auto& [name, value] : machine_facts())
    if (name != "date") out[name] = clean(value);
  return out;
}

std::string junit_body(const Outcome& outcome) {
  std::string message = outcome.reason;
  if (!outcome.failures.empty()) message += (message.empty() ? "" : "; ") + ("wanted " + outcome.failures[0].wanted + "; seen " + outcome.failures[0].seen);
  const std::string attributes = " message=\"" + xml(message) + "\" type=\"" + status_word(outcome.status) + "\"";
  switch (outcome.status) {
    case CaseStatus::kPass:
    case CaseStatus::kWaived:
      return {};
    case CaseStatus::kFail:
    case CaseStatus::kXpass:
      return "<failure" + attributes + "/>";
    case CaseStatus::kCrash:
    case CaseStatus::kHang:
    case CaseStatus::kHarnessError:
      return "<error" + attributes + ">" + xml(outcome.stack) + "</error>";
    default:
      return "<skipped" + attributes + "/>";
  }
}

}  // namespace

JsonReport::JsonReport(const std::string& path, bool keep) : keep_(keep) {
  if (path.empty()) return;
  file_ = path == "-" ? stdout : std::fopen(path.c_str(), "w");
  good_ = file_ != nullptr;
}
JsonReport::~JsonReport() {
  if (file_ && file_ != stdout) std::fclose(file_);
}
void JsonReport::line(const std::string& text) {
  if (keep_) text_ += text + "\n";
  if (!file_) return;
  std::fputs((text + "\n").c_str(), file_);
  std::fflush(file_);
}

void JsonReport::begin(const RunInfo& info) {
  if (!listened()) return;
  const Facts& facts = info.facts;
  const Json json = {{"type", "run"},
                     {"format", kFormat},
                     {"tool", kToolName},
                     {"file", clean(info.target.path, kTextMost)},
                     {"file_hash", info.target.hash},
                     {"file_digest", info.target.digest},
                     {"build_id", info.target.build_id},
                     {"plugin", clean(facts.plugin_id)},
                     {"version", clean(facts.plugin_version)},
                     {"kind", clean(facts.kind)},
                     {"device", clean(facts.device_name)},
                     {"fingerprint", clean(facts.fingerprint)},
                     {"profile", info.options.profile},
                     {"seed", info.options.seed},
                     {"seeds", info.options.seeds()},
                     {"passed", info.options.pass},
                     {"strength", strength_text(info.options.profile)},
                     {"tool_hash", info.tool_hash},
                     {"date", date_text(info.date)},
                     {"device_opened", facts.device_opened},
                     {"part", !info.options.filters.empty() || !info.options.replays.empty()},
                     {"own_worker", info.options.wrap.empty() && info.options.worker.empty()},
                     {"machine", machine_json()},
                     {"cases", info.plan.cases.size()}};
  line(json.dump());
  for (const CheckInfo& check : info.plan.checks)
    line(Json({{"type", "check"}, {"id", check.id}, {"level", check.level}, {"floor", check.floor}, {"numeric", check.numeric}, {"sentence", check.sentence}}).dump());
}

void JsonReport::outcome(const RunInfo&, const Outcome& outcome) {
  if (!listened()) return;
  Json failures = Json::array();
  for (const Failure& failure : outcome.failures)
    failures.push_back({{"wanted", clean(failure.wanted, kTextMost)}, {"seen", clean(failure.seen, kTextMost)}, {"phase", clean(failure.phase)}});
  const Json json = {{"type", "case"},
                     {"check", outcome.check},
                     {"key", outcome.key},
                     {"seed", outcome.seed},
                     {"status", status_word(outcome.status)},
                     {"waiver", clean(outcome.waiver, 80)},
                     {"waived", outcome.status == CaseStatus::kWaived ? status_word(outcome.waived) : ""},
                     {"reason", clean(outcome.reason, kTextMost)},
                     {"refused", outcome.refused},
                     {"failures", failures},
                     {"stack", clean(outcome.stack, kTextMost)},
                     {"printed", clean(outcome.printed, kTextMost)},
                     {"covers", covers_of(outcome)},
                     {"worst", outcome.worst},
                     {"assertions", outcome.assertions},
                     {"elements", outcome.elements},
                     {"ms", outcome.milliseconds}};
  line(json.dump());
}

void JsonReport::waivers(const RunInfo& info) {
  if (!listened()) return;
  for (const WaiverUse& use : info.waivers.uses()) {
    const Waiver& waiver = use.waiver;
    const Json json = {{"type", "waiver"},
                       {"id", clean(waiver.id, 80)},
                       {"check", clean(waiver.check)},
                       {"expect", waiver.expect},
                       {"state", waiver_state_word(use.state)},
                       {"stale", use.stale()},
                       {"cases", use.cases},
                       {"excused", use.excused},
                       {"expires", waiver.expires_text},
                       {"days_left", use.days_left},
                       {"reason", clean(waiver.reason, kTextMost)},
                       {"issue", clean(waiver.issue)},
                       {"owner", clean(waiver.owner)}};
    line(json.dump());
  }
}

void JsonReport::coverage(const RunInfo& info, const std::vector<Outcome>& outcomes) {
  for (const auto& [op, row] : coverage_of(info.facts, outcomes).ops)
    for (const auto& [dtype, cell] : row)
      line(Json({{"type", "coverage"}, {"op", op}, {"dtype", dtype_text(dtype)}, {"claimed", cell.claimed}, {"passed", cell.passed},
                 {"failed", cell.failed}, {"refused", cell.refused}, {"elements", cell.elements}, {"worst", cell.worst}}).dump());
}

void JsonReport::end(const RunInfo& info, const std::vector<Outcome>& outcomes, const Verdict& verdict) {
  if (!listened()) return;
  waivers(info);
  coverage(info, outcomes);
  Json counts = Json::object();
  for (std::size_t i = 0; i < 12; ++i)
    if (verdict.summary.of[i]) counts[status_word(static_cast<CaseStatus>(i))] = verdict.summary.of[i];
  const Json json = {{"type", "verdict"},         {"code", static_cast<int>(verdict.code)},   {"word", exit_word(verdict.code)},
                     {"level", verdict.level},    {"waivers", verdict.waivers},               {"checked_to", verdict.checked_to},         {"cases", verdict.cases},
                     {"counts", counts},          {"assertions", verdict.assertions},         {"elements", verdict.elements},
                     {"seconds", verdict.seconds}, {"vacuous", verdict.summary.vacuous}, {"refused", verdict.summary.refused}};
  line(json.dump());
}

std::string junit(const RunInfo& info, const std::vector<Outcome>& outcomes, const Verdict& verdict) {
  std::uint64_t errors = verdict.summary.count(CaseStatus::kCrash) + verdict.summary.count(CaseStatus::kHang) + verdict.summary.count(CaseStatus::kHarnessError);
  const std::uint64_t failures = verdict.summary.count(CaseStatus::kFail) + verdict.summary.count(CaseStatus::kXpass);
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"rlx conform " + xml(info.facts.plugin_id) + "\" tests=\"" +
                    std::to_string(outcomes.size()) + "\" failures=\"" + std::to_string(failures) + "\" errors=\"" + std::to_string(errors) + "\">\n";
  for (const Outcome& outcome : outcomes)
    out += "<testcase classname=\"" + xml(outcome.check) + "\" name=\"" + xml(outcome.key) + "\" time=\"" +
           std::to_string(outcome.milliseconds / 1000) + "\">" + junit_body(outcome) + "</testcase>\n";
  return out + "</testsuite>\n";
}

}  // namespace rlx::conform
