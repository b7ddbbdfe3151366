// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/worker/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <utility>

namespace rlx::conform {
namespace {
constexpr unsigned char kSlack = 0xC5;

std::size_t page() {
  static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size;
}
}  // namespace

Guarded::Guarded(std::size_t bytes, std::size_t alignment, Flush flush) : bytes_(bytes) {
  page_bytes_ = (bytes + page() - 1) / page() * page();
  if (!page_bytes_) page_bytes_ = page();
  void* map = mmap(nullptr, page_bytes_ + 2 * page(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED || mprotect(static_cast<unsigned char*>(map) + page(), page_bytes_, PROT_READ | PROT_WRITE)) std::abort();
  map_ = static_cast<unsigned char*>(map);
  pages_ = map_ + page();
  std::memset(pages_, kSlack, page_bytes_);
  const std::size_t room = page_bytes_ - bytes;
  data_ = flush == Flush::kBegin ? pages_ : pages_ + room / alignment * alignment;
}

Guarded::Guarded(Guarded&& other) noexcept
    : map_(std::exchange(other.map_, nullptr)),
      pages_(other.pages_),
      data_(other.data_),
      bytes_(other.bytes_),
      page_bytes_(other.page_bytes_) {}

Guarded::~Guarded() {
  if (map_) munmap(map_, page_bytes_ + 2 * page());
}

void Guarded::fill(unsigned char byte) { std::memset(data_, byte, bytes_); }

void Guarded::read_only(bool on) { mprotect(pages_, page_bytes_, on ? PROT_READ : PROT_READ | PROT_WRITE); }

void Guarded::forbid() { mprotect(pages_, page_bytes_, PROT_NONE); }

bool Guarded::intact() const {
  for (const unsigned char* at = pages_; at < pages_ + page_bytes_; ++at) {
    if (at == data_) at += bytes_;
    if (at < pages_ + page_bytes_ && *at != kSlack) return false;
  }
  return true;
}

}  // namespace rlx::conform
