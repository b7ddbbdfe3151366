// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/controller/bundle.h"

#include <algorithm>
#include <cstdio>
#include <sstream>

#include "tools/conform/controller/certify.h"
#include "tools/conform/controller/conform.h"
#include "tools/conform/controller/report_html.h"
#include "tools/conform/controller/report_read.h"

namespace rlx::conform {
namespace {

constexpr char kFirstLine[] = "rlx-bundle 1\n";
constexpr char kLastKey[] = "check: ";
constexpr std::size_t kLinesMost = 8;

std::string hash_of(const std::string& text) { return certificate_hash(std::as_bytes(std::span(text.data(), text.size()))); }

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> out;
  for (std::string line; std::getline(stream, line);) out.push_back(line);
  return out;
}

/// Lines that one text has and the other has not, as problems of entry `name`.
void compare_lines(const std::string& name, const std::string& held, const std::string& made, std::vector<std::string>& problems) {
  if (held == made) return;
  std::vector<std::string> have = lines_of(held), want = lines_of(made);
  std::sort(have.begin(), have.end());
  std::sort(want.begin(), want.end());
  std::vector<std::string> extra, missing;
  std::set_difference(have.begin(), have.end(), want.begin(), want.end(), std::back_inserter(extra));
  std::set_difference(want.begin(), want.end(), have.begin(), have.end(), std::back_inserter(missing));
  if (extra.empty() && missing.empty()) problems.push_back(name + " has its lines in another order or with other ends");
  for (std::size_t i = 0; i < extra.size() && i < kLinesMost; ++i) problems.push_back(name + " says `" + clean(extra[i], 160) + "`, and the report does not");
  for (std::size_t i = 0; i < missing.size() && i < kLinesMost; ++i) problems.push_back(name + " does not say `" + clean(missing[i], 160) + "`, as the report does");
}

void check_manifest(const BundleEntries& entries, std::vector<std::string>& problems) {
  const auto manifest = entries.find(kManifest);
  if (manifest == entries.end()) return problems.push_back(std::string(kManifest) + " is missing");
  BundleEntries others = entries;
  others.erase(kManifest);
  const std::string made = manifest_text(others);
  if (manifest->second == made) return;
  const std::vector<std::string> held = lines_of(manifest->second), real = lines_of(made);
  std::size_t named = 0;
  for (const std::string& line : real)
    if (!line.starts_with(kLastKey) && std::find(held.begin(), held.end(), line) == held.end())
      problems.push_back(clean(line.substr(line.rfind(' ') + 1), 60) + " is not what " + kManifest + " says of it"), ++named;
  for (const std::string& line : held) {
    const std::string name = line.substr(line.rfind(' ') + 1);
    if (!line.starts_with(kLastKey) && line + "\n" != kFirstLine && !name.empty() && !entries.count(name) && ++named)
      problems.push_back("`" + clean(name, 60) + "` is missing, and " + kManifest + " names it");
  }
  if (!named) problems.push_back(std::string(kManifest) + " is damaged: its last line does not fit the others");
}

/// Excuses every case anew, from the file of waivers alone.
void judge_waivers(const BundleEntries& entries, ReadRun& run, std::vector<std::string>& problems) {
  const auto file = entries.find(kWaiversEntry);
  const WaiverFile parsed = file == entries.end() ? WaiverFile() : parse_waivers(file->second, run.info.date);
  if (!parsed.problem.empty()) return problems.push_back(std::string(kWaiversEntry) + ": " + clean(parsed.problem));
  run.info.waivers = Waivers(parsed.waivers, run.info.facts, run.info.date, true);
  std::vector<std::string> known = run.left_out;
  std::size_t unexcused = 0;
  for (Outcome& outcome : run.outcomes) {
    known.push_back(outcome.id());
    if (outcome.status != CaseStatus::kWaived) continue;
    const std::string claimed = outcome.waiver;
    outcome.status = outcome.waived;
    run.info.waivers.take(outcome);
    if ((outcome.status != CaseStatus::kWaived || outcome.waiver != claimed) && ++unexcused <= kLinesMost)
      problems.push_back(clean(outcome.id(), 100) + " is waived by `" + clean(claimed, 60) + "`, which does not excuse it");
  }
  run.info.waivers.finish(known, run.info.options.profile != "quick", run.outcomes);
}

/// The certificate that the report comes to.
Certificate recomputed(const ReadRun& run, const Verdict& verdict) {
  Certificate out = certificate_of(run.info, verdict, run.info.tool_hash, run.info.date);
  out.tool = clean(run.tool);
  out.strength = clean(run.strength);
  return out;
}

void check_verdict(const ReadRun& run, const Verdict& verdict, std::vector<std::string>& problems) {
  if (run.planned != run.outcomes.size())
    problems.push_back(std::string(kReportEntry) + " has " + std::to_string(run.outcomes.size()) + " cases, its first line speaks of " + std::to_string(run.planned));
  if (run.code != static_cast<int>(verdict.code) || run.level != verdict.level)
    problems.push_back(std::string(kReportEntry) + " ends in code " + std::to_string(run.code) + ", level " + std::to_string(run.level) + "; its cases come to " +
                       exit_word(verdict.code) + ", level " + std::to_string(verdict.level));
  if (verdict.code != ExitCode::kConformant) problems.push_back(std::string("the report comes to no certificate: ") + exit_word(verdict.code));
  if (!run.info.options.filters.empty()) problems.emplace_back("the report is of a part of a run");
  if (!run.own_worker) problems.emplace_back("the report is of another worker than the tool's own");
}

void check_report(const BundleEntries& entries, BundleFindings& out) {
  ReadRun run = read_report(entries.at(kReportEntry));
  if (!run.problem.empty()) return out.problems.push_back(std::string(kReportEntry) + ": " + clean(run.problem));
  compare_lines(kEnvironmentEntry, entries.at(kEnvironmentEntry), run.environment, out.problems);
  compare_lines(kChecksEntry, entries.at(kChecksEntry), checks_text(run.info.plan, run.outcomes), out.problems);
  judge_waivers(entries, run, out.problems);
  const Verdict verdict = verdict_of(run.info, run.outcomes);
  check_verdict(run, verdict, out.problems);
  compare_lines(kCertificateEntry, entries.at(kCertificateEntry), certificate_text(recomputed(run, verdict)), out.problems);
  if (entries.at(kPageEntry).find(html_text(counts_text(verdict.summary))) == std::string::npos)
    out.problems.push_back(std::string(kPageEntry) + " shows other counts than the report");
}

/// The tool's own checks, in the words of checks.txt without what a run adds.
std::vector<std::string> own_checks(const Programs& programs) {
  Options options;
  options.plugin = "/dev/null";
  Runner runner(options, programs, options.plugin, false);
  std::vector<std::string> out;
  if (!runner.problem().empty()) return out;
  for (const CheckInfo& check : full_plan(runner.list("quick"), {}, "quick").checks)
    out.push_back(check.id + " " + std::to_string(check.level) + " " + std::to_string(check.floor) + " " + check.sentence);
  std::sort(out.begin(), out.end());
  return out;
}

void compare_with_own_checks(const BundleEntries& entries, const Certificate& certificate, const Programs& programs, BundleFindings& out) {
  if (certificate.tool_hash != tool_hash(programs)) return out.notes.push_back("another build of the tool made it: whether its list of checks is whole was not looked at");
  std::vector<std::string> theirs;
  for (const CheckInfo& check : read_report(entries.at(kReportEntry)).info.plan.checks)
    theirs.push_back(check.id + " " + std::to_string(check.level) + " " + std::to_string(check.floor) + " " + check.sentence);
  std::sort(theirs.begin(), theirs.end());
  const std::vector<std::string> own = own_checks(programs);
  std::vector<std::string> missing;
  std::set_symmetric_difference(own.begin(), own.end(), theirs.begin(), theirs.end(), std::back_inserter(missing));
  if (own.empty()) out.notes.emplace_back("the tool's own checks could not be listed");
  for (std::size_t i = 0; !own.empty() && i < missing.size() && i < kLinesMost; ++i)
    out.problems.push_back("the report's checks are not those of the tool: " + clean(missing[i].substr(0, missing[i].find(' ')), 40));
}

std::string summary_of(const Certificate& certificate) {
  std::string out = "level " + std::to_string(certificate.level) + ", " + clean(certificate.plugin) + " " + clean(certificate.version) + " on " + clean(certificate.device) +
                    ", profile " + clean(certificate.profile) + ", " + std::to_string(certificate.seeds.size()) + " seeds, " + clean(certificate.date);
  if (!certificate.waivers.empty()) out += ", " + std::to_string(certificate.waivers.size()) + " waivers";
  return out;
}

}  // namespace

std::string manifest_text(const BundleEntries& entries) {
  std::string out = kFirstLine;
  for (const auto& [name, bytes] : entries) out += hash_of(bytes) + " " + std::to_string(bytes.size()) + " " + name + "\n";
  return out + kLastKey + hash_of(out) + "\n";
}

BundleEntries bundle_entries(const RunInfo& info, const std::vector<Outcome>& outcomes, const Verdict& verdict, const std::string& report) {
  BundleEntries entries;
  entries[kCertificateEntry] = certificate_text(certificate_of(info, verdict, info.tool_hash, info.date));
  entries[kReportEntry] = report;
  entries[kPageEntry] = html(info, outcomes, verdict);
  entries[kEnvironmentEntry] = read_report(report).environment;
  entries[kChecksEntry] = checks_text(info.plan, outcomes);
  if (!info.options.waivers.empty()) entries[kWaiversEntry] = info.waivers_text;
  entries[kManifest] = manifest_text(entries);
  return entries;
}

BundleFindings check_entries(const BundleEntries& entries) {
  BundleFindings out;
  check_manifest(entries, out.problems);
  bool whole = true;
  for (const char* name : {kCertificateEntry, kReportEntry, kPageEntry, kEnvironmentEntry, kChecksEntry})
    if (!entries.count(name)) whole = false, out.problems.push_back(std::string(name) + " is missing");
  if (!whole) return out;
  const auto certificate = parse_certificate(entries.at(kCertificateEntry));
  if (!certificate)
    out.problems.push_back(std::string(kCertificateEntry) + ": " + certificate.error().message());
  else
    out.summary = summary_of(*certificate);
  check_report(entries, out);
  return out;
}

BundleFindings check_bundle(const BundleEntries& entries, const std::string& plugin, const Programs& programs) {
  BundleFindings out = check_entries(entries);
  const auto found = entries.find(kCertificateEntry);
  if (found == entries.end() || !entries.count(kReportEntry)) return out;
  const auto certificate = parse_certificate(found->second);
  if (!certificate) return out;
  compare_with_own_checks(entries, *certificate, programs, out);
  if (plugin.empty()) {
    out.notes.emplace_back("no plugin was given to compare its hash with");
    return out;
  }
  const Target target = inspect_target(plugin);
  if (!target.problem.empty())
    out.problems.push_back("`" + clean(plugin) + "` " + clean(target.problem));
  else if (target.digest != certificate->file_hash)
    out.problems.push_back("`" + clean(plugin) + "` is another file: its hash is " + target.digest + ", the certificate is for " + clean(certificate->file_hash, 60));
  return out;
}

int show_bundle(const Options& options, const Programs& programs) {
  const auto entries = read_bundle(options.verify_bundle);
  if (!entries) {
    const bool unreadable = entries.error().code() == ErrorCode::kFileUnreadable;
    std::printf("rlx conform: `%s`: %s\nVERDICT: %s\n", clean(options.verify_bundle).c_str(), clean(entries.error().message()).c_str(), unreadable ? "usage" : "the bundle does not hold");
    return static_cast<int>(unreadable ? ExitCode::kUsage : ExitCode::kFailures);
  }
  const BundleFindings findings = check_bundle(*entries, options.plugin, programs);
  for (const std::string& problem : findings.problems) std::printf("differs  %s\n", problem.c_str());
  for (const std::string& note : findings.notes) std::printf("note     %s\n", note.c_str());
  if (findings.problems.empty())
    std::printf("VERDICT: the bundle holds: %s\n", findings.summary.c_str());
  else
    std::printf("VERDICT: the bundle does not hold: %zu things differ\n", findings.problems.size());
  return static_cast<int>(findings.problems.empty() ? ExitCode::kConformant : ExitCode::kFailures);
}

}  // namespace rlx::conform
