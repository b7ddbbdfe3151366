// SPDX-License-Identifier: Apache-2.0
// Runtime: what backends this machine has, as data, and devices opened by name. An object that main makes; no singleton.
#pragma once

#include <rlx/host/result.hpp>
#include <rlx/host/trace.hpp>
#include <rlx/host/types.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rlx {

enum class LogLevel { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };
using LogSink = std::function<void(LogLevel, std::string_view)>;

/// What one part of a runtime holds: the arenas of a pipeline, the weights of a template, or the states of a context.
struct MemoryItem {
  std::string what;                      ///< "weights of `minilm` on cpu:0"
  std::uint64_t source_bytes = 0;        ///< weights as given: mapped or copied
  std::uint64_t packed_bytes = 0;        ///< the backend's own forms of them
  std::uint64_t arena_bytes = 0;         ///< pooled for runs
  std::uint64_t idle_arena_bytes = 0;    ///< of these, used by no run now
  std::uint64_t state_bytes = 0;         ///< of an ExecutionContext
  std::uint64_t bytes() const { return source_bytes + packed_bytes + arena_bytes + state_bytes; }
};

struct MemoryReport {
  std::uint64_t source_bytes = 0, packed_bytes = 0, arena_bytes = 0, idle_arena_bytes = 0, state_bytes = 0;
  std::uint64_t budget_bytes = 0;  ///< 0 = none
  std::vector<MemoryItem> items;   ///< the largest first
  std::uint64_t bytes() const { return source_bytes + packed_bytes + arena_bytes + state_bytes; }
};

struct RuntimeOptions {
  std::vector<std::string> plugin_paths;  ///< files or folders, searched first
  bool only_plugin_paths = false;         ///< search nothing else
  std::vector<std::string> allow;         ///< globs of plugin ids; empty = all
  std::vector<std::string> deny;
  std::vector<std::pair<std::string, std::string>> prefer;  ///< device kind -> plugin id or file path
  /// Plugins below this level of conformance are refused (kPluginRejected) before any of their code runs: 1 to 6, as the
  /// certificate beside the file says (`rlx conform --certify`); 0 = none is needed. No defence against who can write there.
  int require_level = 0;
  unsigned threads = 0;                   ///< 0 = from affinity and cgroup quota
  /// Most that weights, packed weights, arenas and states of all devices may take together; 0 = no limit. What would pass
  /// it is refused with kOutOfMemory, which says what to drop; everything that ran before runs on. Packed weights are measured
  /// when they are made, one variant at a time, and released at once where they do not fit.
  std::uint64_t memory_budget_bytes = 0;
  Trace trace;                            ///< Trace::record() turns recording on
  LogSink log;                            ///< silent where empty; called from any thread
};

/// One candidate file of the search, and how far it came.
struct PluginReport {
  std::string path;
  std::string tier;     ///< "explicit", "environment", "library", "user", "system"
  std::string step;     ///< last step reached: "found", "read", "descriptor", "probe", "load", "handshake", "open", "devices"
  std::string verdict;  ///< "ok", "refused", "failed", "shadowed", "no device", "not loaded"
  std::string reason;   ///< empty where ok
  std::string id, name, vendor, version, abi;
  std::vector<std::string> kinds;
  int level = 0;            ///< of conformance, certified for exactly this file; 0 = none
  std::string certificate;  ///< "level 4, 2 waivers", "uncertified", "certificate is for another file", "certificate is damaged: …"
  std::vector<std::string> devices;  ///< "cpu:0  AVX-512; 2 threads"; filled once opened
};

struct DeviceReport {
  std::string device;  ///< "cpu:0"
  std::string plugin_id, plugin_version, path;
  std::string description;
  std::uint64_t memory_bytes = 0;
  std::string fingerprint;
};

class DeviceBody;

/// A device that is open. Cheap to copy; keeps its library loaded; usable from any thread.
class RLX_API Device {
 public:
  Device() = default;
  explicit Device(std::shared_ptr<DeviceBody> body) : body_(std::move(body)) {}
  const std::string& name() const;  ///< "cpu:0"
  const DeviceReport& report() const;
  const std::shared_ptr<DeviceBody>& body() const { return body_; }

 private:
  std::shared_ptr<DeviceBody> body_;
};

/// Usable from any thread. Starts no thread and loads no plugin before one is asked for.
class RLX_API Runtime {
 public:
  /// Reads descriptors of every candidate; runs no plugin code. Never fails for a broken plugin: see plugins().
  static Result<Runtime> discover(RuntimeOptions options = {});

  /// Opens "cpu:0", "cpu" (= "cpu:0"), or for an empty name the kind of the highest priority that has a device.
  /// Errors: kPluginNotFound, kDeviceNotFound (with what there is and the one missing thing), kPluginRejected,
  /// kPluginAmbiguous, kPluginFault.
  Result<Device> device(std::string_view name = {});
  /// Every device of every plugin; opens plugins to ask them.
  std::vector<DeviceReport> devices();
  /// The load report as it stands; `open` asks every usable plugin for its devices first.
  std::vector<PluginReport> plugins(bool open = true);
  /// Folders that were searched, in order, with their tier and why one was passed over: "user: /home/…: does not exist".
  std::vector<std::string> places() const;

  /// Weights, packed weights, arenas and states that everything made from this runtime holds now. Not among them: weights
  /// that no run has taken over yet, compiled code and images (CacheCounters), the tensors of callers.
  MemoryReport memory() const;
  /// Gives back arenas that no run uses now; the next runs make new ones. Safe beside runs. Returns the bytes.
  std::uint64_t trim();

 private:
  struct Body;
  std::shared_ptr<Body> body_;
};

/// Version of this library, "0.1.0".
RLX_API std::string_view version();

/// Title and advice of an error code ("RLX-E0217", "E0217" or "217"); empty where there is none.
RLX_API std::string explain(std::string_view code);

}  // namespace rlx
