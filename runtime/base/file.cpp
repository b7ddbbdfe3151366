// SPDX-License-Identifier: Apache-2.0
// POSIX mapping and atomic writing.
#include "runtime/base/file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
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

void MappedFile::leave_memory() const {
  if (data_ != nullptr && size_ != 0) ::madvise(data_, size_, MADV_DONTNEED);
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

namespace {

/// A file in the folder of `path` that has no name, so that nothing of a killed process stays; -1 where that cannot be.
int open_unnamed(const std::filesystem::path& path) {
  if (::access("/proc/self/fd", F_OK) != 0) return -1;
  const std::string folder = path.parent_path().string();
  return ::open(folder.empty() ? "." : folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
}

/// Gives it a name that ends as mkostemp's do. Returns 0 or errno.
int give_name(int fd, std::string& name) {
  const std::string own = "/proc/self/fd/" + std::to_string(fd);
  const std::string stem = name.substr(0, name.size() - 6);
  for (unsigned i = 0; i < 1000; ++i) {
    char end[7];
    std::snprintf(end, sizeof end, "%06x", (static_cast<unsigned>(::getpid()) * 1000 + i) & 0xFFFFFF);
    name = stem + end;
    if (::linkat(AT_FDCWD, own.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0) return 0;
    if (errno != EEXIST) return errno;
  }
  return EEXIST;
}

}  // namespace

Status write_atomically(const std::filesystem::path& path, std::span<const Bytes> pieces, Durable durable) {
  std::string temporary = path.string() + ".XXXXXX";
  const auto unwritable = [&](int number) {
    return fail(ErrorCode::kFileUnwritable, "`", path.string(), "`: ", std::strerror(number));
  };
  const NoSizeSignal quiet;
  const int unnamed = open_unnamed(path);
  const Descriptor file{unnamed >= 0 ? unnamed : ::mkostemp(temporary.data(), O_CLOEXEC)};
  if (file.fd < 0) return unwritable(errno);
  int number = 0;
  for (const Bytes piece : pieces)
    if (!number) number = write_all(file.fd, piece);
  if (!number && ::fchmod(file.fd, 0644) != 0) number = errno;
  if (!number && durable == Durable::kSynced && ::fsync(file.fd) != 0) number = errno;
  if (!number && unnamed >= 0)
    if (const int failed = give_name(unnamed, temporary)) return unwritable(failed);
  if (!number && ::rename(temporary.c_str(), path.c_str()) != 0) number = errno;
  if (!number) return {};
  if (unnamed < 0 || !temporary.ends_with(".XXXXXX")) ::unlink(temporary.c_str());
  return unwritable(number);
}

Status write_atomically(const std::filesystem::path& path, Bytes bytes) { return write_atomically(path, std::span(&bytes, 1)); }

}  // namespace rlx
