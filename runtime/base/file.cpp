// SPDX-License-Identifier: Apache-2.0
// POSIX mapping and atomic writing.
#include "runtime/base/file.h"

#include <fcntl.h>
#include <signal.h>
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

namespace {

/// While it lives, a write beyond RLIMIT_FSIZE is EFBIG for this thread and no signal, which would end the host.
class NoSizeSignal {
 public:
  NoSizeSignal() {
    ::sigemptyset(&signal_);
    ::sigaddset(&signal_, SIGXFSZ);
    sigset_t pending;
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGXFSZ) == 1;
    ::pthread_sigmask(SIG_BLOCK, &signal_, &before_);
  }
  ~NoSizeSignal() {
    const timespec now{};
    if (!was_pending_) ::sigtimedwait(&signal_, nullptr, &now);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoSizeSignal(const NoSizeSignal&) = delete;
  NoSizeSignal& operator=(const NoSizeSignal&) = delete;

 private:
  sigset_t signal_, before_;
  bool was_pending_ = false;
};

/// Returns 0 or errno.
int write_all(int fd, Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace

Status write_atomically(const std::filesystem::path& path, std::span<const Bytes> pieces) {
  std::string temporary = path.string() + ".XXXXXX";
  const auto unwritable = [&](int number) {
    return fail(ErrorCode::kFileUnwritable, "`", path.string(), "`: ", std::strerror(number));
  };
  const NoSizeSignal quiet;
  const Descriptor file{::mkostemp(temporary.data(), O_CLOEXEC)};
  if (file.fd < 0) return unwritable(errno);
  int number = 0;
  for (const Bytes piece : pieces)
    if (!number) number = write_all(file.fd, piece);
  if (!number && ::fchmod(file.fd, 0644) != 0) number = errno;
  if (!number && ::fsync(file.fd) != 0) number = errno;
  if (!number && ::rename(temporary.c_str(), path.c_str()) != 0) number = errno;
  if (!number) return {};
  ::unlink(temporary.c_str());
  return unwritable(number);
}

Status write_atomically(const std::filesystem::path& path, Bytes bytes) { return write_atomically(path, std::span(&bytes, 1)); }

}  // namespace rlx
