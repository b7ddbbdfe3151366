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

JsonReport::JsonReport(const std::string& path) {
  if (path.empty()) return;
  file_ = path == "-" ? stdout : std::fopen(path.c_str(), "w");
  good_ = file_ != nullptr;
}
JsonReport::~JsonReport() {
  if (file_ && file_ != stdout) std::fclose(file_);
}
void JsonReport::line(const std::string& text) {
  if (!file_) return;
  std::fputs((text + "\n").c_str(), file_);
  std::fflush(file_);
}

void JsonReport::begin(const RunInfo& info) {
  if (!file_) return;
  const Facts& facts = info.facts;
  const Json json = {{"type", "run"},
                     {"format", kFormat},
                     {"tool", kToolName},
                     {"file", clean(info.target.path, kTextMost)},
                     {"file_hash", info.target.hash},
                     {"build_id", info.target.build_id},
                     {"plugin", clean(facts.plugin_id)},
                     {"version", clean(facts.plugin_version)},
                     {"kind", clean(facts.kind)},
                     {"device", clean(facts.device_name)},
                     {"fingerprint", clean(facts.fingerprint)},
                     {"profile", info.options.profile},
                     {"seed", info.options.seed},
                     {"seeds", info.options.seeds()},
                     {"strength", strength_text(info.options.profile)},
                     {"cases", info.plan.cases.size()}};
  line(json.dump());
}

void JsonReport::outcome(const RunInfo&, const Outcome& outcome) {
  if (!file_) return;
  Json failures = Json::array();
  for (const Failure& failure : outcome.failures)
    failures.push_back({{"wanted", clean(failure.wanted, kTextMost)}, {"seen", clean(failure.seen, kTextMost)}, {"phase", clean(failure.phase)}});
  const Json json = {{"type", "case"},
                     {"check", outcome.check},
                     {"key", outcome.key},
                     {"seed", outcome.seed},
                     {"status", status_word(outcome.status)},
                     {"waiver", clean(outcome.waiver, 80)},
                     {"reason", clean(outcome.reason, kTextMost)},
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
  if (!file_) return;
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

void JsonReport::end(const RunInfo& info, const Verdict& verdict) {
  if (!file_) return;
  waivers(info);
  Json counts = Json::object();
  for (std::size_t i = 0; i < 12; ++i)
    if (verdict.summary.of[i]) counts[status_word(static_cast<CaseStatus>(i))] = verdict.summary.of[i];
  const Json json = {{"type", "verdict"},         {"code", static_cast<int>(verdict.code)},   {"word", exit_word(verdict.code)},
                     {"level", verdict.level},    {"waivers", verdict.waivers},               {"checked_to", verdict.checked_to},         {"cases", verdict.cases},
                     {"counts", counts},          {"assertions", verdict.assertions},         {"elements", verdict.elements},
                     {"seconds", verdict.seconds}, {"vacuous", verdict.summary.vacuous}};
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
