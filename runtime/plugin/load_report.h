// SPDX-License-Identifier: Apache-2.0
// What happened to every plugin file that was looked at, as plain data: where it lay, how far it came, and
// why it is not used. `rlx plugins` prints it; every "no such device" error quotes it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rlx {

/// Where a file was found; a smaller number is looked at first.
enum class SearchTier { kExplicit, kEnvironment, kBesideCore, kUser, kSystem };

/// The steps of a candidate, in order. A report names the last one that was begun.
enum class LoadStep { kFound, kRead, kDescriptor, kProbe, kLoad, kHandshake, kOpen, kDevices };

enum class LoadVerdict {
  kUsable,    ///< nothing wrong so far; not loaded before it is needed
  kReady,     ///< loaded, opened, and has devices
  kNoDevice,  ///< loaded and opened; the plugin says why it has no device
  kShadowed,  ///< another file of the same plugin is used instead
  kDenied,    ///< left out by an allow or deny list
  kRefused,   ///< never usable; `reason` says what is wrong
};

/// One folder or file where plugins were looked for.
struct SearchPlace {
  std::string path;
  SearchTier tier = SearchTier::kExplicit;
  bool searched = false;
  std::string reason;  ///< why it was not searched
};

/// One file.
struct CandidateReport {
  std::string path;
  SearchTier tier = SearchTier::kExplicit;
  LoadStep step = LoadStep::kFound;
  LoadVerdict verdict = LoadVerdict::kUsable;
  std::string reason;  ///< for a person; empty where nothing is wrong
  std::string note;    ///< what is worth knowing although nothing is wrong

  // Of the descriptor; empty before step kDescriptor is done.
  std::string id, name, vendor, version;
  std::string abi;  ///< "0.1" or "0.1 to 0.3"
  std::vector<std::string> kinds;
  std::vector<std::string> sonames;  ///< driver libraries without which there is no device
  std::int32_t priority = 0;
  std::string identity;  ///< build id, or hash of the file

  std::uint32_t device_count = 0;  ///< once step kDevices is done
  std::string no_device_reason;    ///< the plugin's own words
};

struct LoadReport {
  std::vector<SearchPlace> places;
  std::vector<CandidateReport> candidates;
};

inline std::string_view tier_name(SearchTier tier) {
  constexpr std::string_view names[] = {"explicit", "RLX_PLUGIN_PATH", "beside the core library", "user",
                                        "system"};
  return names[static_cast<int>(tier)];
}

inline std::string_view step_name(LoadStep step) {
  constexpr std::string_view names[] = {"found", "read",      "descriptor", "probe",
                                        "load",  "handshake", "open",       "devices"};
  return names[static_cast<int>(step)];
}

inline std::string_view verdict_name(LoadVerdict verdict) {
  constexpr std::string_view names[] = {"usable", "ready", "no device", "shadowed", "denied", "refused"};
  return names[static_cast<int>(verdict)];
}

}  // namespace rlx
