// SPDX-License-Identifier: Apache-2.0
// Runtime: the registry of plugins behind the public face, and devices made from it.
#include <rlx/host/runtime.hpp>

#include <algorithm>

#include "runtime/base/check.h"
#include "runtime/execute/device_body.h"
#include "runtime/plugin/registry.h"

namespace rlx {
namespace {

RegistryOptions registry_options(const RuntimeOptions& options) {
  RegistryOptions result;
  for (const std::string& path : options.plugin_paths) result.search.explicit_paths.emplace_back(path);
  if (options.only_plugin_paths) {
    result.search.use_environment = result.search.use_core_folder = false;
    result.search.use_user_folder = result.search.use_system_folders = false;
  }
  result.search.allow = options.allow;
  result.search.deny = options.deny;
  for (const auto& [kind, plugin] : options.prefer) result.plugin_for_kind[kind] = plugin;
  result.team = std::make_shared<ThreadTeam>(options.threads);
  if (options.log)
    result.log = [sink = options.log](std::uint32_t level, std::string_view text) {
      sink(static_cast<LogLevel>(std::min<std::uint32_t>(level, 3)), text);
    };
  return result;
}

std::string_view public_verdict(const CandidateReport& candidate) {
  switch (candidate.verdict) {
    case LoadVerdict::kReady: return "ok";
    case LoadVerdict::kUsable: return "not loaded";
    case LoadVerdict::kNoDevice: return "no device";
    case LoadVerdict::kShadowed: return "shadowed";
    case LoadVerdict::kDenied: return "denied";
    case LoadVerdict::kRefused: break;
  }
  return "refused";
}

}  // namespace

struct Runtime::Body {
  LogSink log;
  std::unique_ptr<PluginRegistry> registry;

  Result<Device> open(std::string_view name) {
    RLX_ASSIGN(DeviceHandle handle, registry->open_device(name));
    RLX_ASSIGN(const Fingerprint fingerprint, handle.fingerprint());
    RLX_ASSIGN(std::vector<Claim> claims, handle.claims());
    const PluginFile& file = handle.plugin().file;
    DeviceReport report;
    report.device = join(handle.info().kind, ":", handle.ordinal());
    report.plugin_id = file.descriptor.id;
    report.plugin_version = file.descriptor.version;
    report.path = file.path.string();
    report.description = handle.info().name;
    report.memory_bytes = handle.info().memory_bytes;
    report.fingerprint = fingerprint.text;
    return Device(std::make_shared<DeviceBody>(std::move(handle), std::move(report), std::move(claims), log));
  }

  /// Kinds of usable plugins, highest priority first.
  std::vector<std::string> kinds_by_priority() const {
    std::vector<CandidateReport> candidates = registry->report().candidates;
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const CandidateReport& a, const CandidateReport& b) { return a.priority > b.priority; });
    std::vector<std::string> kinds;
    for (const CandidateReport& candidate : candidates)
      if (candidate.verdict == LoadVerdict::kUsable || candidate.verdict == LoadVerdict::kReady)
        for (const std::string& kind : candidate.kinds)
          if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) kinds.push_back(kind);
    return kinds;
  }
};

Result<Runtime> Runtime::discover(RuntimeOptions options) {
  return guard([&]() -> Result<Runtime> {
    Runtime runtime;
    runtime.body_ = std::make_shared<Body>();
    runtime.body_->log = options.log;
    runtime.body_->registry = PluginRegistry::discover(registry_options(options));
    return runtime;
  });
}

Result<Device> Runtime::device(std::string_view name) {
  return guard([&]() -> Result<Device> {
    if (!name.empty()) return body_->open(name);
    std::string reasons;
    for (const std::string& kind : body_->kinds_by_priority()) {
      Result<Device> device = body_->open(kind);
      if (device) return device;
      reasons += join(reasons.empty() ? "" : "; ", kind, ": ", device.error().message());
    }
    if (!reasons.empty()) return fail(ErrorCode::kDeviceNotFound, "no plugin has a device: ", reasons);
    std::string searched;
    for (const std::string& place : places()) searched += join(searched.empty() ? "" : "; ", place);
    return fail(ErrorCode::kPluginNotFound, "no usable plugin was found. Searched: ", searched.empty() ? "nowhere" : searched);
  });
}

std::vector<DeviceReport> Runtime::devices() {
  std::vector<DeviceReport> reports;
  for (const DeviceListing& listing : body_->registry->devices()) {
    if (Result<Device> device = body_->open(listing.device)) {
      reports.push_back(device->report());
      continue;
    }
    DeviceReport report;
    report.device = listing.device;
    report.plugin_id = listing.plugin_id;
    report.plugin_version = listing.plugin_version;
    report.description = listing.info.name;
    reports.push_back(report);
  }
  return reports;
}

std::vector<PluginReport> Runtime::plugins(bool open) {
  std::vector<DeviceListing> devices;
  if (open) devices = body_->registry->devices();
  std::vector<PluginReport> reports;
  for (const CandidateReport& candidate : body_->registry->report().candidates) {
    PluginReport report;
    report.path = candidate.path;
    report.tier = tier_name(candidate.tier);
    report.step = step_name(candidate.step);
    report.verdict = public_verdict(candidate);
    report.reason = !candidate.reason.empty()            ? candidate.reason
                    : !candidate.no_device_reason.empty() ? candidate.no_device_reason
                                                          : candidate.note;
    report.id = candidate.id;
    report.name = candidate.name;
    report.vendor = candidate.vendor;
    report.version = candidate.version;
    report.abi = candidate.abi;
    report.kinds = candidate.kinds;
    for (const DeviceListing& device : devices)
      if (candidate.verdict == LoadVerdict::kReady && device.plugin_id == candidate.id)
        report.devices.push_back(join(device.device, "  ", device.info.name));
    reports.push_back(std::move(report));
  }
  return reports;
}

std::vector<std::string> Runtime::places() const {
  std::vector<std::string> places;
  for (const SearchPlace& place : body_->registry->report().places)
    places.push_back(join(tier_name(place.tier), ": ", place.path, place.searched ? "" : " (" + place.reason + ")"));
  return places;
}

std::string_view version() { return RLX_VERSION; }

std::string explain(std::string_view code) {
  std::string_view digits = code;
  for (const std::string_view prefix : {"RLX-", "rlx-"})
    if (digits.starts_with(prefix)) digits.remove_prefix(prefix.size());
  if (digits.starts_with('E') || digits.starts_with('e')) digits.remove_prefix(1);
  if (digits.empty() || digits.size() > 6 || digits.find_first_not_of("0123456789") != std::string_view::npos) return {};
  const auto number = static_cast<ErrorCode>(std::stoi(std::string(digits)));
  if (code_title(number).empty()) return {};
  return join(code_text(number), ": ", code_title(number), "\n", code_advice(number));
}

}  // namespace rlx
