// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/carry/stream.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace rlx::conform {
namespace {

constexpr std::uint32_t kMagic = 0x59434c52;  // "RLCY"

struct Head {
  std::uint32_t magic, kind;
  std::uint64_t bytes;
};

bool write_all(int fd, const char* from, std::size_t count) {
  while (count > 0) {
    const ssize_t wrote = ::write(fd, from, count);
    if (wrote < 0 && errno != EINTR) return false;
    if (wrote > 0) from += wrote, count -= static_cast<std::size_t>(wrote);
  }
  return true;
}

}  // namespace

bool send(int fd, Carried kind, const std::string& bytes) {
  const Head head = {kMagic, static_cast<std::uint32_t>(kind), bytes.size()};
  return write_all(fd, reinterpret_cast<const char*>(&head), sizeof head) && write_all(fd, bytes.data(), bytes.size());
}

std::optional<CarriedRecord> CarriedReader::next() {
  Head head;
  if (damaged_ || buffer_.size() < sizeof head) return std::nullopt;
  std::memcpy(&head, buffer_.data(), sizeof head);
  damaged_ = head.magic != kMagic || head.kind < 1 || head.kind > static_cast<std::uint32_t>(Carried::kProblem) || head.bytes > kCarriedMost;
  if (damaged_ || buffer_.size() - sizeof head < head.bytes) return std::nullopt;
  CarriedRecord record{static_cast<Carried>(head.kind), buffer_.substr(sizeof head, head.bytes)};
  buffer_.erase(0, sizeof head + head.bytes);
  return record;
}

std::pair<std::string, std::string> named_bytes(const std::string& record) {
  const std::size_t end = record.find('\0');
  if (end == std::string::npos) return {record, {}};
  return {record.substr(0, end), record.substr(end + 1)};
}

}  // namespace rlx::conform
