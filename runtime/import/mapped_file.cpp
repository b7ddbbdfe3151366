// SPDX-License-Identifier: Apache-2.0
// POSIX side of MappedFile.
#include "runtime/import/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

namespace rlx::import_detail {

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path) {
  // O_NONBLOCK: a FIFO must be refused by from_fd, not waited for.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd >= 0) return from_fd(fd, path);
  if (errno == ENOENT || errno == ENOTDIR) return Error(ErrorCode::kFileNotFound, "no file `" + path + "`");
  return Error(ErrorCode::kFileUnreadable, "cannot open `" + path + "`: " + std::strerror(errno));
}

Result<std::shared_ptr<const MappedFile>> MappedFile::from_fd(int fd, const std::string& path) {
  struct Closer {
    int fd;
    ~Closer() { ::close(fd); }
  } closer{fd};
  struct stat info {};
  if (::fstat(fd, &info) != 0)
    return Error(ErrorCode::kFileUnreadable, "cannot look at `" + path + "`: " + std::strerror(errno));
  if (!S_ISREG(info.st_mode)) return Error(ErrorCode::kFileUnreadable, "`" + path + "` is no regular file");
  std::shared_ptr<MappedFile> file(new MappedFile());
  if (info.st_size > 0) {
    const auto size = static_cast<std::size_t>(info.st_size);
    void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
      return Error(ErrorCode::kFileUnreadable, "cannot map `" + path + "`: " + std::strerror(errno));
    file->data_ = data;
    file->size_ = size;
  }
  return std::shared_ptr<const MappedFile>(std::move(file));
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(data_, size_);
}

}  // namespace rlx::import_detail
