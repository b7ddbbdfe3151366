// SPDX-License-Identifier: Apache-2.0
// Anonymous mappings, cut to their alignment.
#include "runtime/base/pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RLX_PAGES_OF_HEAP
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define RLX_PAGES_OF_HEAP
#endif

namespace rlx {
namespace {

std::size_t rounded_up(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

std::size_t page_bytes() {
  static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

}  // namespace

#if defined(RLX_PAGES_OF_HEAP)

void* reserve_pages(std::size_t bytes, std::size_t alignment) noexcept {
  const std::size_t unit = std::max(alignment, page_bytes());
  if (bytes > SIZE_MAX - unit) return nullptr;
  void* const memory = std::aligned_alloc(unit, rounded_up(std::max<std::size_t>(bytes, 1), unit));
  if (memory) std::memset(memory, 0, bytes);
  return memory;
}
void* take_pages(std::size_t bytes, std::size_t alignment) noexcept { return reserve_pages(bytes, alignment); }
void give_pages(void* memory, std::size_t) noexcept { std::free(memory); }

#else

namespace {

void* map(std::size_t bytes, std::size_t alignment, int flags) {
  const std::size_t page = page_bytes(), spare = alignment > page ? alignment - page : 0;
  if (bytes > SIZE_MAX / 2 || spare > SIZE_MAX / 4) return nullptr;
  const std::size_t wanted = rounded_up(std::max<std::size_t>(bytes, 1), page);
  void* const mapped = ::mmap(nullptr, wanted + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  auto* const begin = static_cast<std::byte*>(mapped);
  const std::size_t head = rounded_up(reinterpret_cast<std::uintptr_t>(begin), std::max(alignment, page)) - reinterpret_cast<std::uintptr_t>(begin);
  if (head) ::munmap(begin, head);
  if (spare - head) ::munmap(begin + head + wanted, spare - head);
  return begin + head;
}

}  // namespace

void* reserve_pages(std::size_t bytes, std::size_t alignment) noexcept { return map(bytes, alignment, 0); }

void* take_pages(std::size_t bytes, std::size_t alignment) noexcept {
  return map(bytes, alignment, alignment <= page_bytes() ? MAP_POPULATE : 0);  // what is cut off is not to be touched
}

void give_pages(void* memory, std::size_t bytes) noexcept {
  if (memory) ::munmap(memory, rounded_up(std::max<std::size_t>(bytes, 1), page_bytes()));
}

#endif

}  // namespace rlx
