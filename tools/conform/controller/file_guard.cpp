// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/controller/file_guard.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace rlx::conform {
namespace {

bool copy_bytes(int from, int to, off_t bytes) {
  off_t at = 0;
  while (at < bytes)
    if (::sendfile(to, from, &at, static_cast<std::size_t>(bytes - at)) <= 0) return false;
  return true;
}

bool same(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

}  // namespace

FileGuard::FileGuard(std::string path) : path_(std::move(path)) {
  if (::stat(path_.c_str(), &before_) != 0 || !S_ISREG(before_.st_mode)) return;
  guarded_ = true;
  std::error_code error;
  std::string name = (std::filesystem::temp_directory_path(error) / "rlx-plugin-XXXXXX").string();
  const int from = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  copy_ = error || from < 0 ? -1 : ::mkostemp(name.data(), O_CLOEXEC);
  if (copy_ >= 0) {
    ::unlink(name.c_str());
    if (!copy_bytes(from, copy_, before_.st_size)) ::close(copy_), copy_ = -1;
  }
  if (from >= 0) ::close(from);
}

FileGuard::~FileGuard() {
  if (copy_ >= 0) ::close(copy_);
}

bool FileGuard::put_back() {
  if (copy_ < 0) return false;
  std::string name = path_ + ".XXXXXX";
  const int file = ::mkostemp(name.data(), O_CLOEXEC);
  if (file < 0) return false;
  const timespec times[2] = {before_.st_atim, before_.st_mtim};
  // link() leaves alone what somebody else has put there meanwhile.
  const bool good = copy_bytes(copy_, file, before_.st_size) && ::fchmod(file, before_.st_mode & 07777) == 0 && ::futimens(file, times) == 0 &&
                    ::link(name.c_str(), path_.c_str()) == 0 && ::fstat(file, &before_) == 0;
  ::close(file);
  ::unlink(name.c_str());
  return good;
}

FileGuard::State FileGuard::look() {
  const std::lock_guard lock(mutex_);
  struct stat now {};
  if (!guarded_) return State::kAsBefore;
  if (::stat(path_.c_str(), &now) == 0) {
    if (same(now, before_)) return State::kAsBefore;
    before_ = now;
    return State::kChanged;
  }
  if (errno != ENOENT && errno != ENOTDIR) return State::kChanged;
  if (!put_back()) guarded_ = false;  // nothing can be loaded any more, which every case says
  return State::kWasGone;
}

}  // namespace rlx::conform
