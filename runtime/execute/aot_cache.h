// SPDX-License-Identifier: Apache-2.0
// Variants on disk: load before specializing, store after compiling. A file is believed only after every byte of it was
// checked, and its image must take and give exactly what the template says.
#pragma once

#include <rlx/host/aot.hpp>
#include <rlx/host/pipeline.hpp>

#include <memory>
#include <mutex>
#include <optional>

#include "runtime/execute/aot_key.h"

namespace rlx {

/// Files of a cache folder are called KEY.rlxv.
inline constexpr std::string_view kAotSuffix = ".rlxv";

/// Sections of a cached variant's file.
enum class AotSection : std::uint32_t { kKey = 1, kImage = 2, kReport = 3, kCompat = 4, kArtifact = 5 };

/// Device code of an executable, and what its plugin wants to be asked about it.
struct Artifact {
  Bytes compat, code;
  bool empty() const { return code.empty(); }
};

/// A variant as it was stored. `from` holds the bytes of all.
struct AotVariant {
  Specialized specialized;
  Artifact artifact;
};

/// A file of a cache folder, read whole and checked except for what only a template can say.
struct AotFile {
  std::shared_ptr<const std::vector<std::uint64_t>> memory;
  AotKey key;
  Bytes image, report;
  Artifact artifact;
};

/// Reads `folder`/`name`. `most_bytes`: a larger file is not read. `touch`: the file counts as used now.
/// Words: those of AotCounters.
Checked<AotFile> read_aot_file(const std::string& folder, const std::string& name, std::uint64_t most_bytes, bool touch);

/// The bytes of a cache file, already in memory (8-byte aligned): what read_aot_file does after reading.
Checked<AotFile> parse_aot_file(Bytes bytes);

/// One folder as one pipeline uses it. Thread-safe; other processes may use the folder at the same time.
class AotCache {
 public:
  AotCache(AotOptions options, LogSink log) : options_(std::move(options)), log_(std::move(log)) {}

  /// Nothing on a miss, whose reason is counted, and logged where a file was there.
  std::optional<AotVariant> load(const TemplateBody& from, const Binding& binding);
  /// Keeps a variant, then evicts beyond the budget. What cannot be written is logged and counted.
  void store(const TemplateBody& from, const Specialized& specialized, const Artifact& artifact = {});
  /// Counts a hit whose device code the plugin did not take.
  void refused_artifact(const TemplateBody& from, const std::string& why);

  AotCounters counters() const;
  const AotOptions& options() const { return options_; }

 private:
  Checked<AotVariant> read(const TemplateBody& from, const Binding& binding, const AotKey& key) const;
  void say(LogLevel level, const std::string& text) const {
    if (log_) log_(level, text);
  }

  AotOptions options_;
  LogSink log_;
  mutable std::mutex mutex_;  // guards the counters
  AotCounters counters_;
};

/// Removes the least recently used files of `folder` until `budget_bytes` hold the rest; `keep` is not removed. With
/// `damaged_too`, also files that are not sound. Never fails for a file: another process may have been faster.
Result<AotSweep> sweep_folder(const std::string& folder, std::uint64_t budget_bytes, const std::string& keep, bool damaged_too);

}  // namespace rlx
