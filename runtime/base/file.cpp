// SPDX-License-Identifier: Apache-2.0
// POSIX mapping and atomic writing.
#include "runtime/base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace rlx {
namespace {

Error file_error(const std::filesystem::path& path, int number) {
  const ErrorCode code = number == ENOENT || number == ENOTDIR ? ErrorCode::kFileNotFound : ErrorCode::kFileUnreadable;
  return fail(code, "`", path.string(), "`: ", std::strerror(number));
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::filesystem::path& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) return file_error(path, errno);
  struct stat info {};
  if (::fstat(file.fd, &info) != 0) return file_error(path, errno);
  if (!S_ISREG(info.st_mode))
    return fail(ErrorCode::kFileUnreadable, "`", path.string(), "` is no regular file");
  std::shared_ptr<MappedFile> mapped(new MappedFile);
  mapped->path_ = path;
  mapped->size_ = static_cast<std::size_t>(info.st_size);
  if (mapped->size_ == 0) return std::shared_ptr<const MappedFile>(std::move(mapped));
  void* data = ::mmap(nullptr, mapped->size_, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (data == MAP_FAILED) return file_error(path, errno);
  mapped->data_ = data;
  return std::shared_ptr<const MappedFile>(std::move(mapped));
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(data_, size_);
}

Result<std::string> read_text(const std::filesystem::path& path) {
  RLX_ASSIGN(const auto file, MappedFile::open(path));
  return std::string(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
}

Status write_atomically(const std::filesystem::path& path, Bytes bytes) {
  std::string temporary = path.string() + ".XXXXXX";
  const auto unwritable = [&](int number) {
    return fail(ErrorCode::kFileUnwritable, "`", path.string(), "`: ", std::strerror(number));
  };
  const Descriptor file{::mkostemp(temporary.data(), O_CLOEXEC)};
  if (file.fd < 0) return unwritable(errno);
  int number = 0;
  for (std::size_t done = 0; done < bytes.size() && !number;) {
    const ssize_t written = ::write(file.fd, bytes.data() + done, bytes.size() - done);
    if (written < 0 && errno != EINTR) number = errno;
    if (written > 0) done += static_cast<std::size_t>(written);
  }
  if (!number && ::fchmod(file.fd, 0644) != 0) number = errno;
  if (!number && ::fsync(file.fd) != 0) number = errno;
  if (!number && ::rename(temporary.c_str(), path.c_str()) != 0) number = errno;
  if (!number) return {};
  ::unlink(temporary.c_str());
  return unwritable(number);
}

}  // namespace rlx
