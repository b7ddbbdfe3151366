// SPDX-License-Identifier: Apache-2.0
// The cache of compiled variants on disk: what another process has specialized and compiled is read instead. Off unless a
// pipeline is given a folder. One file per variant, named by a hash of everything that decides its bytes; whatever is
// wrong with a file makes it a miss, never an error of the run. Several processes may use one folder at once.
#pragma once

#include <rlx/host/result.hpp>
#include <rlx/host/types.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rlx {

struct AotOptions {
  std::string folder;                               ///< made when first written to; empty = no cache on disk
  std::uint64_t budget_bytes = std::uint64_t{1} << 30;  ///< of all files; the least recently used ones go first
  /// Device code that packages carry is handed to the backend. It may run with your rights, like a plugin: say so only where
  /// packages come from whom you would take a plugin from.
  bool package_code = false;
};

/// What one pipeline saw of its folder and of packages.
struct AotCounters {
  std::uint64_t hits = 0, misses = 0, stores = 0, failed_stores = 0, evictions = 0;
  std::string store_error;  ///< a sentence: why the last store that failed did; empty where none did
  /// Misses by reason: absent, unreadable, unsafe, short, magic, version, kind, size, header, directory, padding, missing,
  /// content, key, image, tables, report; "artifact" counts hits whose device code was not taken.
  std::map<std::string, std::uint64_t> reasons;
  std::uint64_t packaged = 0;  ///< variants that came with the package of their model
  /// Device code, of backends that offer `rlx.artifact/1`: executables made from code that lay there, and entries
  /// stored with code. What was imported was not compiled.
  std::uint64_t imports = 0, exports = 0;
};

/// One file of a cache folder.
struct AotEntry {
  std::string key;             ///< 32 hex digits
  std::uint64_t bytes = 0;
  std::int64_t used_s = 0;     ///< when it was written or last read, seconds since 1970
  std::string reason;          ///< empty where it is sound, else one word of those above
  std::string sentence;        ///< what is wrong
  /// What the key is made of: format, lir, template, binding, options, plugin, device. Empty where it is not sound.
  std::vector<std::pair<std::string, std::string>> fields;
  std::uint64_t image_bytes = 0, artifact_bytes = 0;
};

/// Every entry of `folder`, most recently used first; each is read and checked. A folder that is not there is empty.
/// Errors: kFileUnreadable.
RLX_API Result<std::vector<AotEntry>> list_aot(const std::string& folder);

/// One entry. A key that has no file is an entry with reason "absent". Errors: kInvalidArgument for what is no key.
RLX_API Result<AotEntry> explain_aot(const std::string& folder, std::string_view key);

struct AotSweep {
  std::uint64_t files = 0, bytes = 0;                  ///< that stay
  std::uint64_t removed_files = 0, removed_bytes = 0;
};

/// Removes what a writer that died has left, files that are not sound, and the least recently used ones beyond
/// `budget_bytes`. Errors: kFileUnreadable.
RLX_API Result<AotSweep> sweep_aot(const std::string& folder, std::uint64_t budget_bytes);

}  // namespace rlx
