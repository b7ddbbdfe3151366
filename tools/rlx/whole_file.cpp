// SPDX-License-Identifier: Apache-2.0
// A file that has no name until it is whole, where the file system can; else one beside the target.
#include "whole_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

namespace rlx_tool {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
constexpr int kMostLinks = 40;

struct Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

/// Returns 0 or errno.
int copy(const NextBytes& next, int fd) {
  std::vector<char> piece(kPieceBytes);
  for (;;) {
    errno = 0;
    const long count = next(piece.data(), piece.size());
    if (count == 0) return 0;
    if (count < 0) return errno ? errno : EIO;
    for (long at = 0; at < count;) {
      const ssize_t written = ::write(fd, piece.data() + at, static_cast<std::size_t>(count - at));
      if (written < 0 && errno != EINTR) return errno;
      if (written > 0) at += written;
    }
  }
}

/// The mode of a new file: what the shell's redirection gives.
mode_t new_mode() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666 & ~mask;
}

/// Names the unnamed file `fd` beside `temporary`, which becomes its path; false with errno.
bool name_it(int fd, std::string& temporary) {
  const std::string own = "/proc/self/fd/" + std::to_string(fd);
  const std::string pattern = temporary;
  for (int i = 0; i < 100; ++i) {
    temporary = pattern + "." + std::to_string(::getpid()) + "-" + std::to_string(i);
    if (::linkat(AT_FDCWD, own.c_str(), AT_FDCWD, temporary.c_str(), AT_SYMLINK_FOLLOW) == 0) return true;
    if (errno != EEXIST) return false;
  }
  return false;
}

/// Returns 0 or errno.
int replace(const std::string& path, const NextBytes& next, mode_t mode) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  std::string temporary = path;
  const bool can_name = ::access("/proc/self/fd", F_OK) == 0;
  Descriptor file{can_name ? ::open(folder.empty() ? "." : folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600) : -1};
  const bool unnamed = file.fd >= 0;
  if (!unnamed) {
    temporary += ".XXXXXX";
    file.fd = ::mkostemp(temporary.data(), O_CLOEXEC);
    if (file.fd < 0) return errno;
  }
  int number = copy(next, file.fd);
  if (!number && ::fchmod(file.fd, mode) != 0) number = errno;
  if (!number && unnamed && !name_it(file.fd, temporary)) return errno;
  if (!number && ::rename(temporary.c_str(), path.c_str()) != 0) number = errno;
  if (number && (!unnamed || temporary != path)) ::unlink(temporary.c_str());
  return number;
}

}  // namespace

std::string end_of_links(std::string path) {
  for (int i = 0; i < kMostLinks; ++i) {
    struct stat info;
    if (::lstat(path.c_str(), &info) != 0 || !S_ISLNK(info.st_mode)) return path;
    std::error_code error;
    const std::filesystem::path to = std::filesystem::read_symlink(path, error);
    if (error) return errno = error.value(), std::string();
    path = to.is_absolute() ? to.string() : (std::filesystem::path(path).parent_path() / to).string();
  }
  return errno = ELOOP, std::string();
}

rlx::Status write_whole(const std::string& path, const NextBytes& next) {
  const auto ended = [&](int number) -> rlx::Status {
    if (!number) return {};
    return rlx::Error(rlx::ErrorCode::kFileUnwritable, "`" + path + "`: " + std::strerror(number));
  };
  const std::string target = end_of_links(path);
  if (target.empty()) return ended(errno);
  struct stat info;
  const bool there = ::stat(target.c_str(), &info) == 0;
  if (there && S_ISDIR(info.st_mode)) return ended(EISDIR);
  if (!there || S_ISREG(info.st_mode)) return ended(replace(target, next, there ? info.st_mode & 07777 : new_mode()));
  Descriptor device{::open(target.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY)};
  if (device.fd < 0) return ended(errno);
  if (const int number = copy(next, device.fd)) return ended(number);
  const int fd = std::exchange(device.fd, -1);
  return ended(::close(fd) == 0 ? 0 : errno);
}

bool same_file(const std::string& left, const std::string& right) {
  struct stat a, b;
  return ::stat(left.c_str(), &a) == 0 && ::stat(right.c_str(), &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

rlx::Status write_whole(const std::string& path, std::string_view text) {
  return write_whole(path, [text](char* buffer, std::size_t size) mutable {
    const std::size_t some = text.copy(buffer, size);
    text.remove_prefix(some);
    return static_cast<long>(some);
  });
}

rlx::Status not_an_input(const std::string& option, const std::string& output, const std::vector<std::string>& inputs) {
  for (const std::string& input : inputs)
    if (!output.empty() && !input.empty() && same_file(input, output))
      return rlx::Error(rlx::ErrorCode::kUsage, option + " `" + output + "` would overwrite `" + input + "`, which is read");
  return {};
}

}  // namespace rlx_tool
