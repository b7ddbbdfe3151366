// SPDX-License-Identifier: Apache-2.0
// What a person is told when a device is not there: the one missing thing first, then what exists, where it
// was looked, and which files were not used and why.
#include <algorithm>

#include "runtime/base/names.h"
#include "runtime/plugin/registry.h"
#include "runtime/plugin/registry_entry.h"

namespace rlx {
namespace {

constexpr std::size_t kListMax = 16;

bool has_kind(const CandidateReport& report, std::string_view kind) {
  return std::find(report.kinds.begin(), report.kinds.end(), kind) != report.kinds.end();
}

bool is_unused(const CandidateReport& report) {
  return report.verdict == LoadVerdict::kRefused || report.verdict == LoadVerdict::kDenied;
}

}  // namespace

std::string PluginRegistry::looked_in() const {
  std::string text;
  for (const SearchPlace& place : places_) {
    text += (text.empty() ? "looked in: " : ", ") + join("`", place.path, "`");
    if (!place.searched) text += " (" + place.reason + ")";
  }
  return text.empty() ? "there was nowhere to look" : text;
}

std::string PluginRegistry::unused_files(std::string_view except_kind) const {
  std::string text;
  std::size_t listed = 0;
  const std::lock_guard lock(report_mutex_);
  for (const auto& entry : entries_) {
    const CandidateReport& report = entry->report;
    if (!is_unused(report) || has_kind(report, except_kind)) continue;
    if (++listed <= kListMax) text += join("; not used: `", report.path, "`: ", report.reason);
  }
  if (listed > kListMax) text += join("; and ", listed - kListMax, " more files");
  return text;
}

/// No usable plugin for the kind. Where a file would have served it, its reason comes first and gives the
/// code.
Error PluginRegistry::no_plugin(std::string_view kind, const DeviceRequest& request) const {
  ErrorCode code = ErrorCode::kPluginNotFound;
  std::string reasons;
  {
    const std::lock_guard lock(report_mutex_);
    for (const auto& entry : entries_) {
      const CandidateReport& report = entry->report;
      if (!is_unused(report) || !has_kind(report, kind)) continue;
      if (reasons.empty() && entry->failure) code = entry->failure->code();
      reasons += join(reasons.empty() ? "" : "; ", "`", report.path, "`: ", report.reason);
    }
  }
  std::string who = "no plugin";
  const auto configured = options_.plugin_for_kind.find(kind);
  if (!request.plugin.empty())
    who += " `" + request.plugin + "`";
  else if (configured != options_.plugin_for_kind.end())
    who += " `" + configured->second + "` (configured)";
  const std::vector<std::string> known = kinds();
  std::string text = join(who, " offers device kind `", kind, "`; ");
  if (!reasons.empty()) text += "the file that would is not usable: " + reasons + "; other kinds: ";
  text += did_you_mean(kind, known);
  return Error(code, text + "; " + looked_in() + unused_files(kind));
}

Error PluginRegistry::no_device(const DeviceName& name, const Entry& entry,
                                const PluginInstance& instance) const {
  std::string text = join("device `", name.text(), "` does not exist: ", describe_file(entry.report));
  const std::uint32_t count = device_count(entry);
  if (count == 0) {
    const std::lock_guard lock(report_mutex_);
    text += " finds no device: " + entry.report.reason;
  } else {
    text += join(" has ", count, count == 1 ? " device: " : " devices: ");
  }
  for (std::uint32_t ordinal = 0; ordinal < count && ordinal < kListMax; ++ordinal) {
    const auto info = instance.device_info(ordinal);
    text += join(ordinal ? ", `" : "`", name.kind, ":", ordinal, "` (",
                 info ? info->name : info.error().message(), ")");
  }
  std::vector<std::string> others = kinds();
  others.erase(std::remove(others.begin(), others.end(), name.kind), others.end());
  text += "; other kinds:";
  if (others.empty()) text += " none";
  for (std::size_t i = 0; i < others.size(); ++i) text += (i ? ", `" : " `") + others[i] + "`";
  return Error(ErrorCode::kDeviceNotFound, std::move(text));
}

}  // namespace rlx
