// SPDX-License-Identifier: Apache-2.0
// Pages outside of the heap: zero, aligned, writable to the last byte, and gone when given back.
#include "runtime/base/pages.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

namespace rlx {
namespace {

TEST(Pages, AreZeroAlignedAndWritable) {
  for (const std::size_t alignment : {std::size_t{1}, std::size_t{64}, std::size_t{4096}, std::size_t{1} << 16, std::size_t{2} << 20}) {
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{4096}, std::size_t{4097}, std::size_t{3} << 20}) {
      for (const auto take : {take_pages, reserve_pages}) {
        auto* const memory = static_cast<unsigned char*>(take(bytes, alignment));
        ASSERT_NE(memory, nullptr) << bytes << ", " << alignment;
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % alignment, 0u);
        std::size_t set = 0;
        for (std::size_t i = 0; i < bytes; ++i) set += memory[i] != 0;
        EXPECT_EQ(set, 0u);
        if (bytes) std::memset(memory, 7, bytes);
        give_pages(memory, bytes);
      }
    }
  }
  give_pages(nullptr, 0);
}

TEST(Pages, NoSuchMemoryIsNull) {
  EXPECT_EQ(take_pages(SIZE_MAX, 64), nullptr);
  EXPECT_EQ(take_pages(SIZE_MAX - 4096, 4096), nullptr);
  EXPECT_EQ(reserve_pages(std::size_t{1} << 60, std::size_t{2} << 20), nullptr);
}

#if !defined(RLX_SANITIZED)  // which keeps what was freed for a while
long mapped_pages() {
  long pages = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (!file || std::fscanf(file, "%ld", &pages) != 1) pages = 0;
  if (file) std::fclose(file);
  return pages;
}

TEST(Pages, LeaveNothingBehind) {
  const auto once = [] { give_pages(reserve_pages(std::size_t{5} << 20, std::size_t{2} << 20), std::size_t{5} << 20); };
  once();
  const long before = mapped_pages();
  for (int i = 0; i < 1000; ++i) once();
  EXPECT_LT(mapped_pages() - before, 1000);
}
#endif

}  // namespace
}  // namespace rlx
