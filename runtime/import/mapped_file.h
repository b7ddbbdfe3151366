// SPDX-License-Identifier: Apache-2.0
// Read-only mapping of a file, for both importers (they may not include the core's).
#pragma once

#include <rlx/host/result.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace rlx::import_detail {

/// Unmapped when the last owner goes. A file that is cut while it is mapped faults the reader, as every
/// mapping does.
class MappedFile {
 public:
  /// Errors: kFileNotFound, kFileUnreadable (also for folders and devices).
  static Result<std::shared_ptr<const MappedFile>> open(const std::string& path);
  /// Takes `fd` over; `path` is for messages. Errors: kFileUnreadable.
  static Result<std::shared_ptr<const MappedFile>> from_fd(int fd, const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }

 private:
  MappedFile() = default;
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace rlx::import_detail
