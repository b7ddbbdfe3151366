// SPDX-License-Identifier: Apache-2.0
// Sees to it that the user's file outlives a run of it: a plugin may do anything, and is loaded from where it lies, as what it
// needs may lie beside it.
#pragma once

#include <sys/stat.h>

#include <mutex>
#include <string>

namespace rlx::conform {

class FileGuard {
 public:
  /// Keeps the bytes of the file in a file without a name below the temporary folder; where that fails nothing is put back.
  explicit FileGuard(std::string path);
  ~FileGuard();
  FileGuard(const FileGuard&) = delete;
  FileGuard& operator=(const FileGuard&) = delete;

  enum class State { kAsBefore, kWasGone, kChanged };
  /// What has become of the file since the guard was made or looked last. What is gone is put back; what is changed is left, as
  /// somebody may have built it anew. [any-thread]
  State look();

 private:
  bool put_back();

  std::string path_;
  std::mutex mutex_;
  struct stat before_ {};
  bool guarded_ = false;
  int copy_ = -1;
};

}  // namespace rlx::conform
