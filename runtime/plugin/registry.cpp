// SPDX-License-Identifier: Apache-2.0
// Discovery, loading on first use, and routing from a kind to the plugin that serves it.
#include "runtime/plugin/registry.h"

#include <algorithm>

#include "runtime/base/certificate.h"
#include "runtime/base/check.h"
#include "runtime/plugin/registry_entry.h"

namespace rlx {
namespace {

/// Whether `a` goes before `b` for a kind: given by path, then priority, then version.
int compare_rank(const CandidateReport& a, const CandidateReport& b) {
  const bool a_given = a.tier == SearchTier::kExplicit, b_given = b.tier == SearchTier::kExplicit;
  if (a_given != b_given) return a_given ? 1 : -1;
  if (a.priority != b.priority) return a.priority > b.priority ? 1 : -1;
  return compare_versions(a.version, b.version);
}

bool any_glob_matches(const std::vector<std::string>& globs, std::string_view text) {
  return std::any_of(globs.begin(), globs.end(),
                     [&](const std::string& glob) { return glob_matches(glob, text); });
}

bool is_path_of(std::string_view wanted, const PluginFile& file) {
  if (wanted.find('/') == wanted.npos) return false;
  std::error_code error;
  return std::filesystem::equivalent(wanted, file.path, error) && !error;
}

/// Errors: kPluginRejected with the level seen and the level wanted; who reports it names the file.
Status check_level(const std::filesystem::path& path, int wanted) {
  if (!wanted) return {};
  const Certified seen = certified(path);
  if (seen.level() >= wanted) return {};
  return fail(ErrorCode::kPluginRejected, seen.text(), "; wanted level ", wanted, " of conformance");
}

void copy_descriptor(const PluginFile& file, CandidateReport& report) {
  const Descriptor& descriptor = file.descriptor;
  report.id = descriptor.id;
  report.name = descriptor.name;
  report.vendor = descriptor.vendor;
  report.version = descriptor.version;
  report.kinds = descriptor.kinds;
  report.abi = join(descriptor.abi_major, ".", descriptor.abi_minor_min);
  if (descriptor.abi_minor_max != descriptor.abi_minor_min)
    report.abi += join(" to ", descriptor.abi_major, ".", descriptor.abi_minor_max);
  report.sonames = descriptor.sonames;
  report.priority = descriptor.priority;
  report.identity = file.identity;
}

}  // namespace

PluginRegistry::PluginRegistry(RegistryOptions options)
    : options_(std::move(options)),
      host_(std::make_shared<HostServices>(options_.log,
                                           options_.team ? options_.team : std::make_shared<ThreadTeam>())),
      prober_(options_.probe, options_.environment.core_folder, user_cache_folder(options_.environment)) {}

PluginRegistry::~PluginRegistry() = default;

std::unique_ptr<PluginRegistry> PluginRegistry::discover(RegistryOptions options) {
  std::unique_ptr<PluginRegistry> registry(new PluginRegistry(std::move(options)));
  SearchResult found = search_plugins(registry->options_.search, registry->options_.environment);
  registry->places_ = std::move(found.places);
  for (const FoundFile& file : found.files) registry->read_candidate(file);
  registry->mark_shadowed();
  return registry;
}

void PluginRegistry::read_candidate(const FoundFile& found) {
  auto entry = std::make_unique<Entry>();
  CandidateReport& report = entry->report;
  report.path = found.path.string();
  report.tier = found.tier;
  const auto settle = [&](LoadVerdict verdict, ErrorCode code, std::string reason) {
    report.verdict = verdict;
    report.reason = reason;
    entry->failure.emplace(code, std::move(reason));
    if (verdict == LoadVerdict::kRefused)
      host_->log(RLX_LOG_WARNING, join("plugin file `", report.path, "` refused: ", report.reason));
    entries_.push_back(std::move(entry));
  };
  if (!found.refusal.empty()) return settle(LoadVerdict::kRefused, ErrorCode::kPluginRejected, found.refusal);
  auto file = read_plugin_file(found.path, &report.step);
  if (!file) return settle(LoadVerdict::kRefused, file.error().code(), file.error().message());
  copy_descriptor(*file, report);
  const SearchOptions& search = options_.search;
  if (any_glob_matches(search.deny, report.id))
    return settle(LoadVerdict::kDenied, ErrorCode::kPluginRejected, "its id is on the deny list");
  if (!search.allow.empty() && !any_glob_matches(search.allow, report.id))
    return settle(LoadVerdict::kDenied, ErrorCode::kPluginRejected, "its id is not on the allow list");
  if (const Status fits = check_compatible(file->descriptor, options_.host); !fits)
    return settle(LoadVerdict::kRefused, fits.error().code(), fits.error().message());
  if (const Status enough = check_level(found.path, options_.require_level); !enough)
    return settle(LoadVerdict::kRefused, enough.error().code(), enough.error().message());
  entry->file = *std::move(file);
  entries_.push_back(std::move(entry));
}

/// The same build found twice, and a plugin whose id an earlier tier has, are not used.
void PluginRegistry::mark_shadowed() {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    CandidateReport& report = entries_[i]->report;
    for (std::size_t j = 0; j < i && report.verdict == LoadVerdict::kUsable; ++j) {
      const CandidateReport& earlier = entries_[j]->report;
      if (earlier.verdict != LoadVerdict::kUsable) continue;
      const bool same_build = earlier.identity == report.identity;
      if (!same_build && !(earlier.id == report.id && earlier.tier < report.tier)) continue;
      report.verdict = LoadVerdict::kShadowed;
      report.reason = join(same_build ? "the same build as `" : "an earlier place has the same plugin: `",
                           earlier.path, "`");
      entries_[i]->failure.emplace(ErrorCode::kPluginRejected, report.reason);
      entries_[i]->file.reset();
    }
  }
}

Status PluginRegistry::load(Entry& entry) {
  const auto begin = [&](LoadStep step) {
    const std::lock_guard lock(report_mutex_);
    entry.report.step = step;
  };
  begin(LoadStep::kProbe);
  const ProbeVerdict probed = prober_.probe(*entry.file, options_.host);
  if (probed.outcome == ProbeOutcome::kNotProbed) {
    const std::lock_guard lock(report_mutex_);
    entry.report.note = "not probed: " + probed.reason;
  } else if (probed.outcome != ProbeOutcome::kGood) {
    return Error(probed.code, probed.reason);
  }
  begin(LoadStep::kLoad);
  RLX_ASSIGN(auto library, Library::load(entry.file->path, entry.file->descriptor.unload_safe));
  begin(LoadStep::kHandshake);
  RLX_ASSIGN(auto plugin, shake_hands(*entry.file, std::move(library), options_.host));
  begin(LoadStep::kOpen);
  const auto configured = options_.plugin_options.find(entry.report.id);
  RLX_ASSIGN(PluginInstance opened,
             PluginInstance::open(
                 std::move(plugin), host_,
                 configured == options_.plugin_options.end() ? PluginOptions() : configured->second));
  begin(LoadStep::kDevices);
  RLX_ASSIGN(const DeviceCount count, opened.device_count());
  entry.instance = std::make_shared<const PluginInstance>(std::move(opened));
  const std::lock_guard lock(report_mutex_);
  entry.report.device_count = count.count;
  entry.report.no_device_reason = count.count ? std::string() : count.reason;
  entry.report.verdict = count.count ? LoadVerdict::kReady : LoadVerdict::kNoDevice;
  if (!count.count)
    entry.report.reason = count.reason.empty() ? "no device, and the plugin gives no reason" : count.reason;
  return {};
}

Result<std::shared_ptr<const PluginInstance>> PluginRegistry::instance_of(Entry& entry) {
  const std::lock_guard loading(entry.load_mutex);
  if (entry.instance) return entry.instance;
  if (entry.failure) return *entry.failure;
  const Status loaded = guard([&] { return load(entry); });
  if (loaded) return entry.instance;
  LoadStep step;
  {
    const std::lock_guard lock(report_mutex_);
    entry.failure = loaded.error();
    step = entry.report.step;
    entry.report.verdict = LoadVerdict::kRefused;
    entry.report.reason = loaded.error().message();
  }
  host_->log(RLX_LOG_WARNING, join("plugin file `", entry.report.path, "` refused at step ", step_name(step),
                                   ": ", loaded.error().message()));
  return loaded.error();
}

std::vector<PluginRegistry::Entry*> PluginRegistry::ranked(std::string_view kind,
                                                           const DeviceRequest& request) const {
  std::string_view wanted = request.plugin;
  if (const auto configured = options_.plugin_for_kind.find(kind);
      wanted.empty() && configured != options_.plugin_for_kind.end())
    wanted = configured->second;
  std::vector<Entry*> list;
  for (const auto& entry : entries_) {
    if (!entry->file) continue;
    const auto& kinds = entry->file->descriptor.kinds;
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) continue;
    if (wanted.empty() || entry->file->descriptor.id == wanted || is_path_of(wanted, *entry->file))
      list.push_back(entry.get());
  }
  std::stable_sort(list.begin(), list.end(),
                   [](const Entry* a, const Entry* b) { return compare_rank(a->report, b->report) > 0; });
  return list;
}

/// Goes down the ranks. Of one rank all are tried: those that load and have devices must be one. A plugin
/// that is refused leaves its place to the next; one without devices is the answer only where no other has
/// any.
Result<PluginRegistry::Entry*> PluginRegistry::choose(std::string_view kind, const DeviceRequest& request) {
  const std::vector<Entry*> list = ranked(kind, request);
  Entry* without_device = nullptr;
  Entry* best = nullptr;
  for (Entry* entry : list) {
    if (best && compare_rank(best->report, entry->report) != 0) break;
    const auto instance = instance_of(*entry);
    if (!instance) continue;
    if (device_count(*entry) == 0) {
      if (!without_device) without_device = entry;
      continue;
    }
    if (best)
      return fail(ErrorCode::kPluginAmbiguous, "two plugins are equally good for device kind `", kind,
                  "`: ", describe_file(best->report), " and ", describe_file(entry->report),
                  "; both have priority ", best->file->descriptor.priority, " and version ",
                  best->file->descriptor.version, ": name one of them, or remove one file");
    best = entry;
  }
  if (best) return best;
  if (without_device) return without_device;
  return no_plugin(kind, request);
}

std::uint32_t PluginRegistry::device_count(const Entry& entry) const {
  const std::lock_guard lock(report_mutex_);
  return entry.report.device_count;
}

/// Kinds of files that may be used, in the order of their plugins' priorities, each once.
std::vector<std::string> PluginRegistry::kinds_by_priority() const {
  std::vector<const Entry*> list;
  for (const auto& entry : entries_)
    if (entry->file) list.push_back(entry.get());
  std::stable_sort(list.begin(), list.end(), [](const Entry* a, const Entry* b) {
    return a->file->descriptor.priority > b->file->descriptor.priority;
  });
  std::vector<std::string> kinds;
  for (const Entry* entry : list)
    for (const std::string& kind : entry->file->descriptor.kinds)
      if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) kinds.push_back(kind);
  return kinds;
}

/// The first kind whose device 0 opens; else why each did not.
Result<DeviceHandle> PluginRegistry::open_default(const DeviceRequest& request) {
  std::string reasons;
  for (const std::string& kind : kinds_by_priority()) {
    Result<DeviceHandle> opened = open_device(kind, request);
    if (opened) return opened;
    reasons += join(reasons.empty() ? "" : "; ", kind, ": ", opened.error().message());
  }
  if (reasons.empty()) return fail(ErrorCode::kPluginNotFound, "no usable plugin was found; ", looked_in(), unused_files());
  return fail(ErrorCode::kDeviceNotFound, "no plugin has a device: ", reasons);
}

Result<std::shared_ptr<const PluginInstance>> PluginRegistry::open_plugin(std::string_view kind,
                                                                          const DeviceRequest& request) {
  RLX_ASSIGN(Entry* const entry, choose(kind, request));
  return instance_of(*entry);
}

Result<DeviceHandle> PluginRegistry::open_device(std::string_view device, const DeviceRequest& request) {
  if (device.empty()) return open_default(request);
  RLX_ASSIGN(const DeviceName name, parse_device_name(device));
  RLX_ASSIGN(Entry* const entry, choose(name.kind, request));
  RLX_ASSIGN(const auto instance, instance_of(*entry));
  if (name.ordinal >= device_count(*entry)) return no_device(name, *entry, *instance);
  auto opened = instance->open_device(name.ordinal, request.options);
  if (!opened) return std::move(opened).error().within(join("device `", name.text(), "` cannot be opened"));
  return opened;
}

std::vector<DeviceListing> PluginRegistry::devices() {
  std::vector<DeviceListing> list;
  for (const auto& entry : entries_) {
    if (!entry->file) continue;
    if (const auto instance = instance_of(*entry)) append_devices(*entry, **instance, list);
  }
  return list;
}

/// A device whose description fails is named in the plugin's report and left out.
void PluginRegistry::append_devices(Entry& entry, const PluginInstance& instance,
                                    std::vector<DeviceListing>& list) const {
  const Descriptor& descriptor = entry.file->descriptor;
  const std::uint32_t count = device_count(entry);
  for (std::uint32_t ordinal = 0; ordinal < count; ++ordinal) {
    auto info = instance.device_info(ordinal);
    if (info) {
      list.push_back({DeviceName{descriptor.kinds[0], ordinal}.text(), descriptor.id, descriptor.version,
                      entry.report.path, ordinal, *std::move(info)});
      continue;
    }
    const std::lock_guard lock(report_mutex_);
    entry.report.note = info.error().message();
    if (info.error().code() == ErrorCode::kPluginFault) return;
  }
}

LoadReport PluginRegistry::report() const {
  LoadReport report{places_, {}};
  const std::lock_guard lock(report_mutex_);
  for (const auto& entry : entries_) report.candidates.push_back(entry->report);
  return report;
}

std::vector<std::string> PluginRegistry::kinds() const {
  std::vector<std::string> kinds;
  const std::lock_guard lock(report_mutex_);
  for (const auto& entry : entries_) {
    if (!entry->file || entry->report.verdict == LoadVerdict::kRefused) continue;
    for (const std::string& kind : entry->file->descriptor.kinds)
      if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) kinds.push_back(kind);
  }
  return kinds;
}

}  // namespace rlx
