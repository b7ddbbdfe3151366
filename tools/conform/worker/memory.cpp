// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/worker/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "tools/conform/worker/frames.h"
#include "tools/conform/worker/watch.h"

namespace rlx::conform {
namespace {
constexpr std::size_t kMargin = 512;  // of kMiddle

std::size_t page() {
  static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

/// The tool cannot make what it would lend, which is no fault of the plugin: says so and ends.
[[noreturn]] void no_memory(std::size_t bytes) {
  char text[128];
  std::snprintf(text, sizeof text, "no memory for a tensor of %zu bytes: %s", bytes, std::strerror(errno));
  write_frame(FrameKind::kFault, text);
  leave(3);
}
}  // namespace

Guarded::Guarded(std::size_t bytes, std::size_t alignment, Flush flush, unsigned char slack) : bytes_(bytes), slack_(slack) {
  const std::size_t margin = flush == Flush::kMiddle ? 2 * kMargin + alignment : flush == Flush::kExact ? 2 * alignment : 0;
  page_bytes_ = (bytes + margin + page() - 1) / page() * page();
  if (!page_bytes_) page_bytes_ = page();
  void* map = mmap(nullptr, page_bytes_ + 2 * page(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED || mprotect(static_cast<unsigned char*>(map) + page(), page_bytes_, PROT_READ | PROT_WRITE)) no_memory(bytes);
  map_ = static_cast<unsigned char*>(map);
  pages_ = map_ + page();
  const std::size_t room = page_bytes_ - bytes;
  std::size_t at = room / alignment * alignment;
  if (flush == Flush::kBegin) at = 0;
  if (flush == Flush::kMiddle) at = (kMargin + alignment - 1) / alignment * alignment;
  if (flush == Flush::kExact && (reinterpret_cast<std::uintptr_t>(pages_ + at) & alignment) == 0 && at >= alignment) at -= alignment;
  data_ = pages_ + at;
  if (bytes < kLargeBytes)
    std::memset(pages_, slack_, page_bytes_);
  else
    set_slack(slack_);  // the rest is zeros that take no memory until they are written
}

Guarded::Guarded(Guarded&& other) noexcept
    : map_(std::exchange(other.map_, nullptr)),
      pages_(other.pages_),
      data_(other.data_),
      bytes_(other.bytes_),
      page_bytes_(other.page_bytes_),
      slack_(other.slack_) {}

Guarded::~Guarded() {
  if (map_) munmap(map_, page_bytes_ + 2 * page());
}

void Guarded::fill(unsigned char byte) { std::memset(data_, byte, bytes_); }

void Guarded::set_slack(unsigned char byte) {
  slack_ = byte;
  std::memset(pages_, byte, static_cast<std::size_t>(data_ - pages_));
  std::memset(data_ + bytes_, byte, static_cast<std::size_t>(pages_ + page_bytes_ - data_) - bytes_);
}

void Guarded::read_only(bool on) { mprotect(pages_, page_bytes_, on ? PROT_READ : PROT_READ | PROT_WRITE); }

void Guarded::forbid() { mprotect(pages_, page_bytes_, PROT_NONE); }

bool Guarded::intact() const {
  for (const unsigned char* at = pages_; at < pages_ + page_bytes_; ++at) {
    if (at == data_) at += bytes_;
    if (at < pages_ + page_bytes_ && *at != slack_) return false;
  }
  return true;
}

}  // namespace rlx::conform
