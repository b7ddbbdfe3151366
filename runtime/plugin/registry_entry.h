// SPDX-License-Identifier: Apache-2.0
// One candidate of the registry: what is known of the file, and the opened plugin once there is one. Private
// to the room.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "runtime/plugin/registry.h"

namespace rlx {

struct PluginRegistry::Entry {
  CandidateReport report;  ///< after discovery: step, verdict, reason, note and devices under the registry's
                           ///< report_mutex_
  std::optional<PluginFile> file;  ///< fixed after discovery; empty where the file may not be loaded
  std::mutex load_mutex;  ///< held while loading; guards the two below (a failure is written under both)
  std::optional<Error> failure;
  std::shared_ptr<const PluginInstance> instance;
};

/// "org.example.x (`/path/x.so`)", of the parts of a report that never change.
inline std::string describe_file(const CandidateReport& report) {
  return report.id + " (`" + report.path + "`)";
}

}  // namespace rlx
