// SPDX-License-Identifier: Apache-2.0
// Every plugin that was found, and the way from a device's name ("kind:ordinal") to an open device. Discovery
// reads descriptors; a plugin's code runs when a device of its kind is first asked for.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/plugin/handles.h"
#include "runtime/plugin/load_report.h"
#include "runtime/plugin/probe.h"
#include "runtime/plugin/search.h"

namespace rlx {

struct RegistryOptions {
  SearchOptions search;
  SearchEnvironment environment = SearchEnvironment::of_process();
  ProbeOptions probe;
  HostVersions host;
  HostLog log;                       ///< null: silent
  int require_level = 0;             ///< of conformance, by the certificate beside the file; 0: none is needed
  std::shared_ptr<ThreadTeam> team;  ///< lent to plugins; null: the registry makes one
  std::map<std::string, std::string, std::less<>>
      plugin_for_kind;  ///< configuration: kind -> plugin id or file path
  std::map<std::string, PluginOptions, std::less<>> plugin_options;  ///< plugin id -> options of its open
};

struct DeviceRequest {
  std::string plugin;  ///< id or file path of the one to use; empty: by configuration, priority and version
  PluginOptions options;
};

/// "kind:1" taken apart; "kind" alone is "kind:0".
struct DeviceName {
  std::string kind;
  std::uint32_t ordinal = 0;
  std::string text() const { return kind + ":" + std::to_string(ordinal); }
};

/// Errors: kInvalidArgument with what was seen and wanted.
Result<DeviceName> parse_device_name(std::string_view text);

/// Semantic order: -1, 0, 1. A pre-release is lower than its release; build metadata says nothing.
int compare_versions(std::string_view a, std::string_view b);

/// One device that exists.
struct DeviceListing {
  std::string device;  ///< "kind:ordinal", as open_device takes it
  std::string plugin_id, plugin_version, plugin_path;
  std::uint32_t ordinal = 0;
  DeviceInfo info;
};

/// Thread-safe. Devices opened from it live on without it.
class PluginRegistry {
 public:
  /// Searches and reads descriptors; runs no plugin code. Bad files are in the report, never an error.
  static std::unique_ptr<PluginRegistry> discover(RegistryOptions options);
  ~PluginRegistry();

  /// Opens a device, loading its plugin on first use. An empty name takes device 0 of the kind whose plugin
  /// has the highest priority and a device. Errors: kInvalidArgument, kPluginNotFound (what kinds there are,
  /// where it was looked, which files were refused and why), kPluginAmbiguous, kPluginRejected and others of
  /// loading, kDeviceNotFound with the devices that there are.
  Result<DeviceHandle> open_device(std::string_view device, const DeviceRequest& request = {});

  /// Loads every plugin that may be used and lists all devices.
  std::vector<DeviceListing> devices();

  /// The opened plugin that serves a kind. Errors: as open_device.
  Result<std::shared_ptr<const PluginInstance>> open_plugin(std::string_view kind,
                                                            const DeviceRequest& request = {});

  /// What is known now; later steps appear after the plugin was asked for.
  LoadReport report() const;
  /// Device kinds of usable plugins, each once.
  std::vector<std::string> kinds() const;
  ThreadTeam& team() const { return *host_->team(); }

 private:
  struct Entry;
  explicit PluginRegistry(RegistryOptions options);
  void read_candidate(const FoundFile& found);
  void mark_shadowed();
  std::vector<Entry*> ranked(std::string_view kind, const DeviceRequest& request) const;
  Result<std::shared_ptr<const PluginInstance>> instance_of(Entry& entry);
  Status load(Entry& entry);
  std::vector<std::string> kinds_by_priority() const;
  Result<DeviceHandle> open_default(const DeviceRequest& request);
  Result<Entry*> choose(std::string_view kind, const DeviceRequest& request);
  std::uint32_t device_count(const Entry& entry) const;
  void append_devices(Entry& entry, const PluginInstance& instance, std::vector<DeviceListing>& list) const;
  Error no_plugin(std::string_view kind, const DeviceRequest& request) const;
  Error no_device(const DeviceName& name, const Entry& entry, const PluginInstance& instance) const;
  std::string looked_in() const;
  std::string unused_files(std::string_view except_kind = {}) const;

  RegistryOptions options_;
  std::shared_ptr<const HostServices> host_;
  Prober prober_;
  std::vector<SearchPlace> places_;
  std::vector<std::unique_ptr<Entry>> entries_;  ///< fixed after discover
  mutable std::mutex report_mutex_;              ///< guards the entries' reports
};

}  // namespace rlx
