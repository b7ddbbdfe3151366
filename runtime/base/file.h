// SPDX-License-Identifier: Apache-2.0
// Files: mapped for reading, or read and written whole.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "runtime/base/result.h"
#include "runtime/base/span.h"

namespace rlx {

/// A file mapped read-only. Movable; unmapped when the last owner goes.
/// Lifetime: bytes() stays valid as long as the object. A file that is cut while mapped faults the reader, as every
/// mapping does: write beside it and rename.
class MappedFile {
 public:
  /// Errors: kFileNotFound, kFileUnreadable (also for folders and devices).
  static Result<std::shared_ptr<const MappedFile>> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  /// What was read of it leaves the resident memory of this process, and comes back where it is read again.
  void leave_memory() const;
  Bytes bytes() const { return {static_cast<const std::byte*>(data_), size_}; }
  const std::filesystem::path& path() const { return path_; }

 private:
  MappedFile() = default;
  void* data_ = nullptr;
  std::size_t size_ = 0;
  std::filesystem::path path_;
};

/// Errors: kFileNotFound, kFileUnreadable.
Result<std::string> read_text(const std::filesystem::path& path);
/// Writes to a temporary file beside `path` and renames it, so that no reader sees a torn file.
/// A limit on file sizes (RLIMIT_FSIZE) is an error like a full disk, not a signal.
/// With kWritten the bytes are on their way to the disk and no more: for files whose reader sees every damage.
/// Errors: kFileUnwritable.
enum class Durable { kSynced, kWritten };
Status write_atomically(const std::filesystem::path& path, Bytes bytes);
/// The same for bytes in pieces, one after the other.
Status write_atomically(const std::filesystem::path& path, std::span<const Bytes> pieces, Durable durable = Durable::kSynced);

}  // namespace rlx
