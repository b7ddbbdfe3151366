// SPDX-License-Identifier: Apache-2.0
// Runtime: the registry of plugins behind the public face, and devices made from it.
#include <rlx/host/runtime.hpp>
#include <rlx/plugin.h>

#include <algorithm>

#include "runtime/base/certificate.h"
#include "runtime/base/check.h"
#include "runtime/execute/device_body.h"
#include "runtime/execute/entry.h"
#include "runtime/execute/memory.h"
#include "runtime/execute/trace.h"
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
  result.require_level = options.require_level;
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
  DeviceServices services;
  std::unique_ptr<PluginRegistry> registry;

  Result<Device> open(std::string_view name) {
    const TraceSpan span(services.trace.get(), name.empty() ? std::string("open the default device") : join("open device ", name), "load");
    RLX_ASSIGN(DeviceHandle handle, registry->open_device(name));
    if (handle.info().has(RLX_DEVICE_FLAG_WEIGHTS_AT_COMPILE))
      return fail(ErrorCode::kPluginRejected, "device ", handle.info().kind, ":", handle.ordinal(), " of ", handle.plugin().file.descriptor.id,
                  " wants weights when it compiles (RLX_DEVICE_FLAG_WEIGHTS_AT_COMPILE), which this runtime does not give: wanted a device that takes them as param sets");
    RLX_ASSIGN(const Fingerprint fingerprint, handle.fingerprint());
    RLX_ASSIGN(std::vector<Claim> claims, handle.claims());
    RLX_ASSIGN(const auto instance, registry->open_plugin(handle.info().kind));
    Result<std::vector<OptionInfo>> options = instance->describe_options();
    if (!options && log) log(LogLevel::kWarning, options.error().message());  // every option then counts as one of the code
    const PluginFile& file = handle.plugin().file;
    DeviceReport report;
    report.device = join(handle.info().kind, ":", handle.ordinal());
    report.plugin_id = file.descriptor.id;
    report.plugin_version = file.descriptor.version;
    report.path = file.path.string();
    report.description = handle.info().name;
    report.memory_bytes = handle.info().memory_bytes;
    report.fingerprint = fingerprint.text;
    return Device(std::make_shared<DeviceBody>(std::move(handle), std::move(report), std::move(claims), log,
                                               options ? *std::move(options) : std::vector<OptionInfo>{}, services));
  }

  void list_devices(std::vector<DeviceReport>& reports);
  void list_plugins(bool open_all, std::vector<PluginReport>& reports);
  void list_places(std::vector<std::string>& places) const;

  /// Lists cannot fail: what went wrong half-way is told to the log, and the list ends there.
  template <class Row, class Fill>
  std::vector<Row> listing(const Fill& fill) const {
    std::vector<Row> rows;
    const Status filled = entry([&]() -> Status {
      fill(rows);
      return {};
    });
    if (!filled && log) log(LogLevel::kError, join("a list is not complete: ", filled.error().message()));
    return rows;
  }
};

Result<Runtime> Runtime::discover(RuntimeOptions options) {
  return entry([&]() -> Result<Runtime> {
    if (options.require_level < 0 || options.require_level > kLevelMost)
      return fail(ErrorCode::kInvalidArgument, "RuntimeOptions::require_level is ", options.require_level, ", wanted 0 to ", kLevelMost);
    watch_forks();
    Runtime runtime;
    runtime.body_ = std::make_shared<Body>();
    const TraceSpan span(options.trace.recorder().get(), "discover plugins", "load");
    runtime.body_->log = options.log;
    runtime.body_->services.trace = options.trace.recorder();
    runtime.body_->services.memory = std::make_shared<MemoryAccount>(options.memory_budget_bytes);
    runtime.body_->registry = PluginRegistry::discover(registry_options(options));
    return runtime;
  });
}

Result<Device> Runtime::device(std::string_view name) {
  return entry([&]() -> Result<Device> {
    if (!body_) return fail(ErrorCode::kInvalidArgument, "the runtime is empty: make one with Runtime::discover");
    return body_->open(name);
  });
}

std::vector<DeviceReport> Runtime::devices() {
  if (!body_) return {};
  return body_->listing<DeviceReport>([&](std::vector<DeviceReport>& reports) { body_->list_devices(reports); });
}

std::vector<PluginReport> Runtime::plugins(bool open) {
  if (!body_) return {};
  return body_->listing<PluginReport>([&](std::vector<PluginReport>& reports) { body_->list_plugins(open, reports); });
}

MemoryReport Runtime::memory() const {
  MemoryReport report;
  if (!body_) return report;
  const Status filled = entry([&]() -> Status {
    report = body_->services.memory->report();
    return {};
  });
  if (!filled && body_->log) body_->log(LogLevel::kError, join("memory is not known: ", filled.error().message()));
  return report;
}

std::uint64_t Runtime::trim() {
  return look([&] { return body_ ? body_->services.memory->trim() : 0; });
}

std::vector<std::string> Runtime::places() const {
  if (!body_) return {};
  return body_->listing<std::string>([&](std::vector<std::string>& places) { body_->list_places(places); });
}

void Runtime::Body::list_devices(std::vector<DeviceReport>& reports) {
  for (const DeviceListing& listing : registry->devices()) {
    if (Result<Device> device = open(listing.device)) {
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
}

void Runtime::Body::list_plugins(bool open_all, std::vector<PluginReport>& reports) {
  std::vector<DeviceListing> devices;
  if (open_all) devices = registry->devices();
  for (const CandidateReport& candidate : registry->report().candidates) {
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
    const Certified certificate = certified(candidate.path);
    report.level = certificate.level();
    report.certificate = certificate.text();
    for (const DeviceListing& device : devices)
      if (candidate.verdict == LoadVerdict::kReady && device.plugin_path == candidate.path)
        report.devices.push_back(join(device.device, "  ", device.info.name));
    reports.push_back(std::move(report));
  }
}

void Runtime::Body::list_places(std::vector<std::string>& places) const {
  for (const SearchPlace& place : registry->report().places)
    places.push_back(join(tier_name(place.tier), ": ", place.path, place.searched ? "" : " (" + place.reason + ")"));
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
