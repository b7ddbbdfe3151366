// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/controller/certify.h"

#include "runtime/base/file.h"

namespace rlx::conform {
namespace {

struct Strength {
  const char* profile;
  unsigned killed, tried, blamed, honest;
};

/// The last row ends the list, so that it may be empty.
constexpr Strength kStrength[] = {
#include "tools/conform/faulty/strength.inc"
    {nullptr, 0, 0, 0, 0}};

}  // namespace

std::string strength_text(const std::string& profile) {
  const Strength* found = nullptr;
  for (const Strength* row = kStrength; row->profile; ++row)
    if (!found || profile == row->profile) found = row;
  if (!found) return "not measured";
  const std::string honest = found->honest ? std::to_string(found->blamed) + " of " + std::to_string(found->honest) + " honest plugins blamed" : "honest plugins not measured";
  return std::to_string(found->killed) + " of " + std::to_string(found->tried) + " seeded defects found, " + honest + " (profile " + found->profile + ")";
}

std::string certificate_refusal(const RunInfo& info, const Verdict& verdict) {
  const Options& options = info.options;
  if (!options.filters.empty() || !options.replays.empty()) return "only a part was run";
  if (!options.wrap.empty() || !options.worker.empty()) return "the worker was not this tool's own";
  if (verdict.summary.count(CaseStatus::kNotRun) + verdict.hardened.count(CaseStatus::kNotRun)) return "not every case was run";
  for (const std::string& name : options.pass)
    if (name.starts_with("LD_") && name != "LD_LIBRARY_PATH") return "--env " + clean(name, 60) + " puts other code beside the plugin";
  if (verdict.code != ExitCode::kConformant) return std::string("the verdict is ") + exit_word(verdict.code);
  if (verdict.level < 1) return "no level is earned";
  const Target now = inspect_target(info.target.path);
  if (!now.problem.empty() || now.digest != info.target.digest) return "the file was changed during the run";
  return {};
}

Certificate certificate_of(const RunInfo& info, const Verdict& verdict, const std::string& tool_hash, std::int64_t date) {
  Certificate out;
  out.file_hash = info.target.digest;
  out.level = verdict.level;
  out.checked_to = verdict.checked_to;
  for (const WaiverUse& use : info.waivers.uses())
    if (use.state == WaiverState::kUsed) out.waivers.push_back(clean(use.waiver.id, 80));
  if (verdict.badge()) out.badges = "hardened";
  out.profile = info.options.profile;
  for (const std::uint64_t seed : info.options.seeds()) out.seeds.push_back(std::to_string(seed));
  out.plugin = clean(info.facts.plugin_id);
  out.version = clean(info.facts.plugin_version);
  out.device = clean(info.facts.kind) + ": " + clean(info.facts.device_name);
  out.fingerprint = clean(info.facts.fingerprint);
  out.tool = kToolName;
  for (const std::string& name : info.options.pass) out.environment += (out.environment.empty() ? "" : ",") + clean(name, 60);
  out.tool_hash = tool_hash;
  out.strength = strength_text(info.options.profile);
  out.cases = std::to_string(verdict.cases) + ": " + counts_text(verdict.summary);
  out.date = date_text(date);
  return out;
}

std::string tool_hash(const Programs& programs) {
  std::string hashes;
  for (const std::string& path : {std::string("/proc/self/exe"), programs.worker, programs.reference}) {
    const auto file = MappedFile::open(path);
    if (!file) return {};
    hashes += certificate_hash((*file)->bytes());
  }
  return certificate_hash(std::as_bytes(std::span(hashes.data(), hashes.size())));
}

std::string write_certificate(const RunInfo& info, const Verdict& verdict, bool& good) {
  if (const std::string refusal = certificate_refusal(info, verdict); !refusal.empty()) return "no certificate is written: " + refusal;
  const std::string path = info.options.certify == kBesidePlugin ? certificate_path(info.target.path).string() : info.options.certify;
  const std::string text = certificate_text(certificate_of(info, verdict, info.tool_hash, info.date));
  const auto written = write_atomically(path, std::as_bytes(std::span(text.data(), text.size())));
  good = written.has_value();
  return written ? "certificate written to " + clean(path) : "no certificate: " + written.error().message();
}

}  // namespace rlx::conform
