// SPDX-License-Identifier: Apache-2.0
// Walks a location part by part with O_NOFOLLOW, so that what was checked is what is opened.
#include "runtime/import/onnx/external_data.h"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <vector>

namespace rlx::onnx_import {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

Error unsafe(const std::string& location, const std::string& why) {
  return Error(ErrorCode::kUnsafePath, "external data at `" + printable(location) + "`: " + why +
                                           "; wanted a plain path inside the model's folder");
}

Result<std::vector<std::string>> parts_of(const std::string& location) {
  if (location.empty()) return malformed("external data without a location");
  if (location.front() == '/') return unsafe(location, "an absolute path");
  if (location.find('\0') != std::string::npos || location.find('\\') != std::string::npos)
    return unsafe(location, "a path with a backslash or NUL");
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= location.size();) {
    const std::size_t end = std::min(location.find('/', at), location.size());
    std::string part = location.substr(at, end - at);
    if (part == "..") return unsafe(location, "a path that leaves its folder");
    if (!part.empty() && part != ".") parts.push_back(std::move(part));
    at = end + 1;
  }
  if (parts.empty()) return unsafe(location, "no file");
  return parts;
}

struct Range {
  std::string location;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
};

Result<std::uint64_t> number(const std::string& key, const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size())
    return malformed("external data with " + key + " `" + printable(text) +
                     "`, wanted a number of 0 or more");
  return value;
}

Result<Range> range_of(const onnx::TensorProto& tensor) {
  Range range;
  for (const auto& entry : tensor.external_data()) {
    if (entry.key() == "location") range.location = entry.value();
    if (entry.key() != "offset" && entry.key() != "length") continue;
    const auto value = number(entry.key(), entry.value());
    if (!value) return value.error();
    if (entry.key() == "offset")
      range.offset = *value;
    else
      range.length = *value;
  }
  return range;
}

}  // namespace

Result<ExternalData::File> ExternalData::open_inside(const std::string& location) const {
  const auto parts = parts_of(location);
  if (!parts) return parts.error();
  if (folder_.empty()) return unsafe(location, "a model read from memory");
  Descriptor at(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (at.get() < 0)
    return Error(ErrorCode::kFileUnreadable,
                 "cannot open the folder `" + folder_ + "`: " + std::strerror(errno));
  for (std::size_t i = 0; i < parts->size(); ++i) {
    const bool last = i + 1 == parts->size();
    const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (last ? 0 : O_DIRECTORY);
    Descriptor next(::openat(at.get(), (*parts)[i].c_str(), flags));
    if (next.get() < 0 && (errno == ELOOP || (errno == ENOTDIR && !last)))
      return unsafe(location, "a link or no folder on the way");
    if (next.get() < 0 && errno == ENOENT)
      return Error(ErrorCode::kFileNotFound,
                   "no file `" + printable(location) + "` beside the model in `" + folder_ + "`");
    if (next.get() < 0)
      return Error(ErrorCode::kFileUnreadable,
                   "cannot open `" + printable(location) + "`: " + std::strerror(errno));
    at = std::move(next);
  }
  return import_detail::MappedFile::from_fd(at.release(), printable(location));
}

Result<ExternalData::File> ExternalData::file(const std::string& location) {
  if (const auto known = files_.find(location); known != files_.end()) return known->second;
  auto opened = open_inside(location);
  if (opened) files_.emplace(location, *opened);
  return opened;
}

Result<KeptBytes> ExternalData::bytes_of(const onnx::TensorProto& tensor) {
  const auto range = range_of(tensor);
  if (!range) return range.error();
  const auto opened = file(range->location);
  if (!opened) return opened.error();
  const auto bytes = (*opened)->bytes();
  const std::uint64_t room = range->offset <= bytes.size() ? bytes.size() - range->offset : 0;
  const std::uint64_t length = range->length.value_or(room);
  if (range->offset > bytes.size() || length > room)
    return malformed("external data of " + std::to_string(length) + " bytes at " +
                     std::to_string(range->offset) + " of `" + printable(range->location) + "`, which has " +
                     std::to_string(bytes.size()));
  return KeptBytes{bytes.subspan(range->offset, length), *opened};
}

}  // namespace rlx::onnx_import
