// SPDX-License-Identifier: Apache-2.0
// First contact with an unknown file happens in a child process, so that a plugin that crashes or hangs while
// it loads takes nobody with it. Verdicts are remembered in the user's cache folder.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "runtime/plugin/descriptor.h"

namespace rlx {

struct ProbeOptions {
  bool enabled = true;
  std::filesystem::path program;       ///< rlx-probe; empty: looked for beside the core library
  std::filesystem::path cache_folder;  ///< empty: the user's
  bool use_cache = true;               ///< false: nothing is remembered
  std::chrono::milliseconds timeout{10'000};
};

enum class ProbeOutcome {
  kGood,       ///< loads and answers
  kRefused,    ///< loads not, or answers wrongly: an orderly no, not remembered
  kCrashed,    ///< remembered until the file changes
  kHung,       ///< remembered until the file changes
  kNotProbed,  ///< there is no probe program, or it could not be started
};

struct ProbeVerdict {
  ProbeOutcome outcome = ProbeOutcome::kNotProbed;
  ErrorCode code = ErrorCode::kPluginRejected;  ///< of an orderly no
  std::string reason;
  bool remembered = false;
};

/// Probes files. Thread-safe.
class Prober {
 public:
  /// cache_folder: used where the options name none; empty: nothing is remembered.
  Prober(ProbeOptions options, std::filesystem::path core_folder, std::filesystem::path cache_folder);

  ProbeVerdict probe(const PluginFile& file, const HostVersions& host) const;

  /// Where verdicts are kept; empty where nothing is remembered.
  const std::filesystem::path& cache_folder() const { return cache_folder_; }

 private:
  ProbeOptions options_;
  std::filesystem::path program_;
  std::filesystem::path cache_folder_;
};

/// The child's side: loads the file, shakes hands, writes the verdict to `verdict_fd`. Returns the exit
/// status.
int run_probe(const std::filesystem::path& path, const HostVersions& host, int verdict_fd);

}  // namespace rlx
