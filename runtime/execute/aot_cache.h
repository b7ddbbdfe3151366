// SPDX-License-Identifier: Apache-2.0
// Variants on disk: load before specializing, store after compiling. They lie in a folder, or in the package that a model
// came from. A file is believed only after every byte of it was checked, and its image must take and give exactly what the
// template says.
#pragma once

#include <rlx/host/aot.hpp>
#include <rlx/host/pipeline.hpp>

#include <memory>
#include <mutex>
#include <optional>

#include "runtime/execute/aot_key.h"
#include "runtime/execute/executable.h"

namespace rlx {

/// Files of a cache folder are called KEY.rlxv.
inline constexpr std::string_view kAotSuffix = ".rlxv";

/// Sections of a cached variant's file.
enum class AotSection : std::uint32_t { kKey = 1, kImage = 2, kReport = 3, kCompat = 4, kArtifact = 5 };

/// A variant on its way through a folder; what was stored is held by specialized.keepalive.
struct AotVariant {
  Specialized specialized;
  Artifact artifact;    ///< as it was stored; the plugin has not seen it yet
  bool stored = false;  ///< in the folder, with that artifact; those of packages are not
};

/// A file of a cache folder, read whole and checked except for what only a template can say.
struct AotFile {
  std::shared_ptr<const std::byte> memory;  ///< 64-byte aligned, as artifacts want it
  AotKey key;
  Bytes image, report;
  Artifact artifact;
};

/// Reads `folder`/`name`. `most_bytes`: a larger file is not read. `touch`: the file counts as used now.
/// Words: those of AotCounters.
Checked<AotFile> read_aot_file(const std::string& folder, const std::string& name, std::uint64_t most_bytes, bool touch);

/// The bytes of a cache file, already in memory (8-byte aligned, 64-byte where the artifact is to be imported): what read_aot_file does after reading.
Checked<AotFile> parse_aot_file(Bytes bytes);

/// The same on a copy of the bytes, which the result holds.
Checked<AotFile> copy_aot_file(Bytes bytes);

/// The key alone; only the bytes on the way to it are checked. `bytes`: 8-byte aligned. Words: those of AotCounters.
Checked<AotKey> key_of_aot_file(Bytes bytes);

/// A variant as one file, for packages.
std::vector<std::byte> aot_file(const TemplateBody& from, const Specialized& specialized, const Artifact& artifact);

/// What one pipeline finds on disk: in its folder, where it has one, then in the package of the template. Thread-safe; other
/// processes may use the folder at the same time.
class AotCache {
 public:
  AotCache(AotOptions options, LogSink log) : options_(std::move(options)), log_(std::move(log)) {}

  /// Nothing on a miss, whose reason is counted, and logged where a file was there. A package without the variant is none.
  std::optional<AotVariant> load(const TemplateBody& from, const Binding& binding);
  /// Keeps a variant, then evicts beyond the budget. What cannot be written is logged and counted. Nothing without a folder.
  void store(const TemplateBody& from, const Specialized& specialized, const Artifact& artifact = {});
  /// The executable of `variant` on a device with artifacts: imported, or else compiled, exported and stored. Code that the
  /// plugin does not take is logged and counted. Errors: those of compiling; kCancelled, kDeadline.
  Result<std::shared_ptr<Executable>> executable(const TemplateBody& from, const AotVariant& variant, const CompileRequest& request);

  AotCounters counters() const;
  const AotOptions& options() const { return options_; }

 private:
  std::optional<AotVariant> load_kept(const TemplateBody& from, const Binding& binding, const AotKey& key);
  std::optional<AotVariant> load_packaged(const TemplateBody& from, const Binding& binding, const AotKey& key);
  /// Makes room after a file was written; returns how many files went.
  std::uint64_t evict(std::uint64_t bytes, const std::string& just_written);
  void keep(const TemplateBody& from, const AotVariant& variant, const Executable& made, const rlx_call* call);
  void say(LogLevel level, const std::string& text) const {
    if (log_) log_(level, text);
  }

  AotOptions options_;
  LogSink log_;
  mutable std::mutex mutex_;  // guards what follows
  AotCounters counters_;
  std::uint64_t unswept_bytes_ = 0;  // may still be written before the folder is looked through again
};

/// Removes the least recently used files of `folder` until `budget_bytes` hold the rest; `keep` is not removed. With
/// `damaged_too`, also files that are not sound. Never fails for a file: another process may have been faster.
Result<AotSweep> sweep_folder(const std::string& folder, std::uint64_t budget_bytes, const std::string& keep, bool damaged_too);

}  // namespace rlx
