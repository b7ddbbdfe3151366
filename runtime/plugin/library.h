// SPDX-License-Identifier: Apache-2.0
// One loaded plugin file. The only place that opens a library.
#pragma once

#include <rlx/plugin.h>

#include <filesystem>
#include <memory>

#include "runtime/base/result.h"

namespace rlx {

/// A shared library in this process. Everything that holds a pointer into it holds it by shared_ptr.
class Library {
 public:
  /// Loads the file at a full path, all symbols at once and privately. `unload_safe`: the last owner closes
  /// it; otherwise it stays for the life of the process. Errors: kPluginRejected with the dynamic linker's
  /// words.
  static Result<std::shared_ptr<const Library>> load(const std::filesystem::path& path, bool unload_safe);
  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  rlx_plugin_query_fn query() const { return query_; }

 private:
  Library();
  struct Handle;
  std::unique_ptr<Handle> handle_;
  rlx_plugin_query_fn query_ = nullptr;
};

}  // namespace rlx
