// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/controller/report_html.h"

#include <algorithm>
#include <cstdarg>
#include <map>
#include <random>

#include "tools/conform/controller/certify.h"
#include "tools/conform/controller/coverage.h"
#include "tools/conform/controller/report_html_page.h"

namespace rlx::conform {
namespace {

/// What is shown in full; the rest is counted.
constexpr std::size_t kFailuresMost = 200;

std::string print(const char* format, ...) __attribute__((format(printf, 1, 2)));
std::string print(const char* format, ...) {
  char buffer[256];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(buffer, sizeof buffer, format, arguments);
  va_end(arguments);
  return buffer;
}

std::string number(std::uint64_t value) { return std::to_string(value); }

bool bad(CaseStatus status) {
  return status == CaseStatus::kFail || status == CaseStatus::kCrash || status == CaseStatus::kHang || status == CaseStatus::kHarnessError ||
         status == CaseStatus::kXpass;
}

bool doubtful(CaseStatus status) { return status == CaseStatus::kFlaky || status == CaseStatus::kWeak || status == CaseStatus::kWaived; }

const char* tag_class(CaseStatus status) { return bad(status) ? "tag bad" : doubtful(status) ? "tag warn" : status == CaseStatus::kPass ? "tag good" : "tag"; }

std::string tag(CaseStatus status) { return std::string("<span class=\"") + tag_class(status) + "\">" + status_word(status) + "</span>"; }

/// `next`: it begins one of several, which stand apart.
std::string row(const std::string& name, const std::string& value, bool next = false) {
  return value.empty() ? std::string() : (next ? "<dt class=\"next\">" : "<dt>") + html_text(name) + "</dt><dd>" + html_text(value, 1000) + "</dd>\n";
}

/// "1 loads", "2 safe", ...: earned, not earned, not checked.
std::string levels(const Verdict& verdict) {
  constexpr const char* kNames[] = {"loads", "safe", "correct", "composes", "robust", "fast"};
  std::string out = "<div class=\"levels\">";
  for (int level = 1; level <= 6; ++level) {
    const bool earned = level <= verdict.level, checked = level <= verdict.checked_to;
    out += std::string("<span class=\"") + (earned ? "good" : checked && verdict.level >= 0 ? "bad" : "") + "\">" + number(static_cast<std::uint64_t>(level)) + " " +
           kNames[level - 1] + (earned ? " ✓" : checked && verdict.level >= 0 ? " ✗" : " –") + "</span>";
  }
  return out + "</div>";
}

std::string head(const RunInfo& info, const Verdict& verdict) {
  const bool good = verdict.code == ExitCode::kConformant;
  const bool warn = verdict.code == ExitCode::kFlakyOrWeak || verdict.code == ExitCode::kPerformance || verdict.code == ExitCode::kVacuous;
  const std::string file = info.target.path.substr(info.target.path.rfind('/') + 1);
  std::string out = "<h1>" + html_text(info.facts.plugin_id) + " " + html_text(info.facts.plugin_version) + "</h1>\n<p class=\"soft\">" + html_text(file) +
                    " on " + html_text(info.facts.device_opened ? info.facts.kind + ": " + info.facts.device_name : std::string("no device")) + "</p>\n";
  out += std::string("<div class=\"verdict ") + (good ? "good" : warn ? "warn" : "bad") + "\"><div><b>" + exit_word(verdict.code) + "</b>";
  if (verdict.level >= 0) out += "<br>" + html_text(level_text(verdict)) + (verdict.badge() ? ", badge hardened" : "");
  out += "</div>" + levels(verdict) + "<div class=\"small soft\">" + html_text(counts_text(verdict.summary)) + "<br>" + number(verdict.assertions) +
         " assertions, " + number(verdict.elements) + " elements compared, " + print("%.1f s", verdict.seconds) + "</div></div>\n";
  for (const std::string& reason : verdict.summary.vacuous) out += "<p><span class=\"tag warn\">vacuous</span> " + html_text(reason) + "</p>\n";
  return out;
}

std::string failure(const RunInfo& info, const Outcome& outcome, bool open) {
  std::string out = std::string("<details class=\"fail\"") + (open ? " open" : "") + "><summary>" + tag(outcome.status) + " <code>" + html_text(outcome.id()) +
                    "</code>";
  for (const CheckInfo& check : info.plan.checks)
    if (check.id == outcome.check) out += " <span class=\"soft small\">" + html_text(check.sentence) + "</span>";
  out += "</summary><div class=\"in\"><dl>\n" + row("waiver", outcome.waiver) + row("what", outcome.reason);
  for (const Failure& each : outcome.failures) out += row("wanted", each.wanted, true) + row("seen", each.seen) + row("phase", each.phase);
  for (const std::string& note : outcome.notes) out += row("note", note);
  out += row("printed", outcome.printed) + "</dl>\n";
  std::string stack;
  for (std::size_t begin = 0, lines = 0; begin < outcome.stack.size() && lines < 24; ++lines) {
    const std::size_t end = std::min(outcome.stack.find('\n', begin), outcome.stack.size());
    stack += html_text(outcome.stack.substr(begin, end - begin)) + "\n";
    begin = end + 1;
  }
  if (!stack.empty()) out += "<pre>" + stack + "</pre>\n";
  return out + "<div class=\"replay\"><code>" + html_text(replay_command(info, outcome), 2000) + "</code><button type=\"button\" data-copy>Copy</button></div></div></details>\n";
}

std::string failures(const RunInfo& info, const std::vector<Outcome>& outcomes) {
  std::string out;
  std::size_t count = 0;
  for (const bool first : {true, false})
    for (const Outcome& outcome : outcomes) {
      if (!(first ? bad(outcome.status) : doubtful(outcome.status))) continue;
      if (++count <= kFailuresMost) out += failure(info, outcome, count <= 3);
    }
  if (!count) return "<h2>Failures</h2>\n<p class=\"soft\">None.</p>\n";
  if (count > kFailuresMost) out += "<p class=\"soft\">" + number(count - kFailuresMost) + " more are in the JSON report.</p>\n";
  return "<h2>Failures and doubts <span class=\"soft\">(" + number(count) + ")</span></h2>\n" + out;
}

std::string cell_html(const Cell& cell) {
  if (cell.failed) return "<td class=\"bad-cell\" title=\"" + number(cell.failed) + " of " + number(cell.failed + cell.passed) + " cases failed\">" + number(cell.failed) + " ✗</td>";
  if (cell.passed) return "<td class=\"good-cell\" title=\"" + number(cell.passed) + " cases passed\">" + number(cell.passed) + "</td>";
  if (cell.claimed) return "<td class=\"warn-cell\" title=\"claimed, and not compared in this run\">0</td>";
  return "<td class=\"none-cell\" title=\"not claimed\">·</td>";
}

std::string matrix(const Coverage& coverage, const std::string& title, const std::string& note, std::string (*show)(const Cell&), bool (*keep)(const Cell&)) {
  std::string out = "<h2>" + title + "</h2>\n<p class=\"soft small\">" + note + "</p>\n<div class=\"wide\"><table class=\"matrix\"><thead><tr><th></th>";
  for (const std::uint32_t dtype : coverage.dtypes) out += "<th>" + html_text(dtype_text(dtype)) + "</th>";
  out += "</tr></thead><tbody>\n";
  std::size_t rows = 0;
  for (const auto& [op, cells] : coverage.ops) {
    if (std::none_of(cells.begin(), cells.end(), [&](const auto& entry) { return keep(entry.second); })) continue;
    ++rows;
    out += "<tr><th>" + html_text(op) + "</th>";
    for (const std::uint32_t dtype : coverage.dtypes) {
      const auto found = cells.find(dtype);
      out += show(found == cells.end() ? Cell() : found->second);
    }
    out += "</tr>\n";
  }
  out += "</tbody></table></div>\n";
  return rows ? out : "<h2>" + title + "</h2>\n<p class=\"soft\">Nothing was compared.</p>\n";
}

std::string accuracy_cell(const Cell& cell) {
  if (!cell.elements) return "<td class=\"none-cell\">·</td>";
  const std::string title = " title=\"" + number(cell.elements) + " elements compared\">";
  if (cell.failed && cell.worst <= 1) return "<td class=\"bad-cell\"" + title + "failed</td>";
  if (!cell.measured || cell.worst == 0) return "<td class=\"good-cell\"" + title + "exact</td>";
  const char* kind = cell.worst > 1 ? "bad-cell" : "good-cell";
  return std::string("<td class=\"") + kind + "\"" + title + (cell.worst > 99 ? "&gt;99" : cell.worst < 0.005 ? "&lt;0.01" : print("%.2f", cell.worst)) + "</td>";
}

std::string tables(const RunInfo& info, const std::vector<Outcome>& outcomes) {
  const Coverage coverage = coverage_of(info.facts, outcomes);
  std::string out = matrix(coverage, "Coverage", number(coverage.tested) + " of " + number(coverage.claimed) +
                           " claimed pairs of op and dtype were compared with the reference. A number counts cases that met the pair; 0: claimed, but not compared; "
                           "·: not claimed.", cell_html, [](const Cell& cell) { return cell.claimed || cell.tested(); });
  if (!coverage.untested.empty()) {
    std::string list;
    for (std::size_t i = 0; i < coverage.untested.size() && i < 400; ++i) list += (i ? ", " : "") + html_text(coverage.untested[i]);
    out += "<details><summary class=\"small\">" + number(coverage.untested.size()) + " claimed pairs that were not compared</summary><p class=\"small soft\">" + list + "</p></details>\n";
  }
  return out + matrix(coverage, "Accuracy", "The worst element of all cases of the op alone: its distance from the float64 reference as a share of its own error bound. "
                      "Above 1 is wrong; a result that is rounded once reaches 1.", accuracy_cell, [](const Cell& cell) { return cell.elements != 0; });
}

std::string checks(const RunInfo& info, const std::vector<Outcome>& outcomes) {
  struct Line {
    Summary summary;
    double milliseconds = 0;
  };
  std::map<std::string, Line> lines;
  for (const Outcome& outcome : outcomes) {
    add(lines[outcome.check].summary, outcome);
    lines[outcome.check].milliseconds += outcome.milliseconds;
  }
  std::string out = "<h2>Checks</h2>\n<div class=\"wide\"><table><thead><tr><th>check</th><th class=\"n\">level</th><th>what holds</th><th>cases</th>"
                    "<th class=\"n\">seconds</th></tr></thead><tbody>\n";
  for (const CheckInfo& check : info.plan.checks) {
    const auto found = lines.find(check.id);
    if (found == lines.end()) continue;
    std::string counts;
    for (std::size_t i = 0; i < 12; ++i)
      if (const std::uint64_t count = found->second.summary.of[i]) {
        const auto status = static_cast<CaseStatus>(i);
        counts += std::string("<span class=\"") + tag_class(status) + "\">" + number(count) + " " + status_word(status) + "</span> ";
      }
    out += "<tr><td><code>" + html_text(check.id) + "</code></td><td class=\"n\">" + (check.level ? number(static_cast<std::uint64_t>(check.level)) : "badge") + "</td><td>" +
           html_text(check.sentence) + "</td><td>" + counts + "</td><td class=\"n\">" + print("%.1f", found->second.milliseconds / 1000) + "</td></tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string waivers(const RunInfo& info) {
  std::string out;
  for (const WaiverUse& use : info.waivers.uses()) {
    const Waiver& waiver = use.waiver;
    const bool fresh = !use.stale() && use.days_left >= 14;
    out += "<tr><td>" + html_text(waiver.id, 80) + "</td><td><code>" + html_text(waiver.check, 120) + "</code></td><td>" + html_text(waiver.expect) + "</td><td><span class=\"tag " +
           (use.stale() ? "bad" : "warn") + "\">" + waiver_state_word(use.state) + "</span>" + (use.excused ? " " + number(use.excused) + " of " + number(use.cases) + " cases" : std::string()) + "</td><td class=\"n\">" +
           (fresh ? "" : "<b>") + std::to_string(use.days_left) + (fresh ? "" : "</b>") + "</td><td>" + html_text(waiver.reason) + "<br><span class=\"soft small\">" +
           html_text(waiver.issue) + ", " + html_text(waiver.owner, 80) + "</span></td></tr>\n";
  }
  if (out.empty()) return {};
  return "<h2>Waivers</h2>\n<div class=\"wide\"><table><thead><tr><th>waiver</th><th>check</th><th>excuses</th><th>state</th><th class=\"n\">days left</th><th>reason</th></tr>"
         "</thead><tbody>\n" + out + "</tbody></table></div>\n";
}

std::string environment(const RunInfo& info) {
  std::string seeds, passed;
  for (const std::uint64_t seed : info.options.seeds()) seeds += (seeds.empty() ? "" : ", ") + number(seed);
  for (const std::string& name : info.options.pass) passed += (passed.empty() ? "" : ", ") + name;
  std::string out = "<h2>Environment</h2>\n<dl>" + row("tool", kToolName) + row("strength of the tool", strength_text(info.options.profile)) +
                    row("profile", info.options.profile) + row("seeds", seeds) + row("jobs", number(info.options.jobs)) + row("file", info.target.path) +
                    row("file hash", info.target.digest) + row("build id", info.target.build_id) + row("fingerprint", info.facts.fingerprint) +
                    row("environment let through", passed) + row("before the worker", info.options.wrap) + row("instead of the worker", info.options.worker);
  for (const auto& [name, value] : machine_facts()) out += row(name, value);
  return out + "</dl>\n";
}

}  // namespace

std::string html_text(const std::string& text, std::size_t most) {
  std::string out;
  for (const char c : clean(text, most)) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\'')
      out += "&#39;";
    else
      out += c;
  }
  return out;
}

std::string html(const RunInfo& info, const std::vector<Outcome>& outcomes, const Verdict& verdict) {
  // Should an escape ever be missed, only this script runs, and nothing is fetched.
  std::random_device device;
  const std::string nonce = print("%08x%08x%08x", device(), device(), device());
  return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-" + nonce + "'\">\n<title>" +
         html_text(info.facts.plugin_id) + ": rlx conform</title>\n<style>" + kPageStyle + "</style></head><body>\n" + head(info, verdict) + failures(info, outcomes) +
         waivers(info) + tables(info, outcomes) + checks(info, outcomes) + environment(info) + "<script nonce=\"" + nonce + "\">" + kPageScript +
         "</script>\n</body></html>\n";
}

}  // namespace rlx::conform
