// SPDX-License-Identifier: Apache-2.0
// Remembered probe verdicts: one small text file per plugin path. Only "good" and "it crashed or hung" are
// kept; an orderly no may have causes outside the file. Private to the room.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "runtime/plugin/probe.h"

namespace rlx {

class ProbeCache {
 public:
  /// folder: empty or not writable: nothing is remembered.
  ProbeCache(const std::filesystem::path& folder, const PluginFile& file, const HostVersions& host);
  std::optional<ProbeVerdict> find() const;
  void remember(const ProbeVerdict& verdict) const;

 private:
  std::filesystem::path entry_;
  std::string key_;  ///< every line that must be the same for the verdict to hold
};

}  // namespace rlx
