// SPDX-License-Identifier: Apache-2.0
// Growth of structs between a caller and a callee of different ages: the three helpers of rlx/types.h.
#include <gtest/gtest.h>
#include <rlx/types.h>

#include <cstddef>
#include <cstring>
#include <vector>

namespace {

/// Three ages of one struct; every field is as if it had come with its own minor.
struct Grown {
  uint32_t struct_size;
  uint32_t first;   // minor 1
  uint64_t second;  // minor 2, hint
  uint32_t third;   // minor 3, must
  uint32_t fourth;  // minor 3, hint
  uint64_t fifth;   // minor 4, must
};
constexpr uint32_t kFirstSize = 8;
constexpr uint32_t kEnds[] = {8, 16, 20, 24, 32};  // where each field ends
const rlx_field kFields[] = {{offsetof(Grown, second), 8, 2, RLX_FIELD_HINT},
                             {offsetof(Grown, third), 4, 3, RLX_FIELD_MUST},
                             {offsetof(Grown, fourth), 4, 3, RLX_FIELD_HINT},
                             {offsetof(Grown, fifth), 8, 4, RLX_FIELD_MUST}};

Grown full() { return {sizeof(Grown), 1, 2, 3, 4, 5}; }

TEST(ReadIn, NullIsAllZeroOfTheCalleesSize) {
  Grown own = full();
  EXPECT_EQ(rlx_read_in(&own, sizeof own, nullptr, kFirstSize, nullptr), RLX_STATUS_OK);
  EXPECT_EQ(own.struct_size, sizeof own);
  EXPECT_EQ(own.first + own.second + own.third + own.fourth + own.fifth, 0u);
}

TEST(ReadIn, FieldsPastAnOlderCallersSizeAreZero) {
  for (const uint32_t size : kEnds) {
    std::vector<unsigned char> memory(size);  // exactly the caller's bytes: a sanitizer sees a read past them
    Grown caller = full();
    caller.struct_size = size;
    std::memcpy(memory.data(), &caller, size);
    Grown own;
    std::memset(&own, 0xEE, sizeof own);
    ASSERT_EQ(rlx_read_in(&own, sizeof own, memory.data(), kFirstSize, nullptr), RLX_STATUS_OK);
    EXPECT_EQ(own.struct_size, sizeof own);
    EXPECT_EQ(own.first, 1u);
    EXPECT_EQ(own.second, size >= 16 ? 2u : 0u);
    EXPECT_EQ(own.third, size >= 20 ? 3u : 0u);
    EXPECT_EQ(own.fourth, size >= 24 ? 4u : 0u);
    EXPECT_EQ(own.fifth, size >= 32 ? 5u : 0u);
  }
}

TEST(ReadIn, ANewerCallersZeroTailIsTaken) {
  unsigned char memory[64] = {};
  const Grown caller = full();
  std::memcpy(memory, &caller, sizeof caller);
  const uint32_t size = sizeof memory;
  std::memcpy(memory, &size, sizeof size);
  Grown own;
  EXPECT_EQ(rlx_read_in(&own, sizeof own, memory, kFirstSize, nullptr), RLX_STATUS_OK);
  EXPECT_EQ(own.fifth, 5u);
  EXPECT_EQ(own.struct_size, sizeof own);
}

TEST(ReadIn, ANewerCallersSetTailIsRefusedWithItsOffset) {
  for (uint32_t at = sizeof(Grown); at < 64; ++at) {
    unsigned char memory[64] = {};
    const uint32_t size = sizeof memory;
    std::memcpy(memory, &size, sizeof size);
    memory[at] = 1;
    Grown own;
    uint64_t detail = 0;
    EXPECT_EQ(rlx_read_in(&own, sizeof own, memory, kFirstSize, &detail), RLX_STATUS_UNKNOWN_FIELD);
    EXPECT_EQ(detail, at);
    EXPECT_EQ(rlx_read_in(&own, sizeof own, memory, kFirstSize, nullptr), RLX_STATUS_UNKNOWN_FIELD);
  }
}

TEST(ReadIn, SizesOutsideTheBoundsAreRefusedAndNotReadFurther) {
  for (const uint32_t size : {0u, 1u, kFirstSize - 1, RLX_STRUCT_BYTES_MAX + 1, 0xFFFFFFFFu}) {
    volatile std::size_t bytes = sizeof size;  // so that the compiler does not see a small array
    std::vector<unsigned char> memory(bytes);
    std::memcpy(memory.data(), &size, sizeof size);
    Grown own;
    uint64_t detail = 0;
    EXPECT_EQ(rlx_read_in(&own, sizeof own, memory.data(), kFirstSize, &detail), RLX_STATUS_INVALID_ARGUMENT);
    EXPECT_EQ(detail, size);
  }
}

TEST(ReadIn, TheGreatestSizeIsStillTaken) {
  std::vector<unsigned char> memory(RLX_STRUCT_BYTES_MAX);
  const uint32_t size = RLX_STRUCT_BYTES_MAX;
  std::memcpy(memory.data(), &size, sizeof size);
  Grown own;
  EXPECT_EQ(rlx_read_in(&own, sizeof own, memory.data(), kFirstSize, nullptr), RLX_STATUS_OK);
}

TEST(WriteOut, WritesTheLesserSizeAndStoresIt) {
  constexpr unsigned char kGuard = 0x5A;
  for (uint32_t size = kFirstSize; size <= 48; ++size) {
    std::vector<unsigned char> memory(64, kGuard);
    std::memcpy(memory.data(), &size, sizeof size);
    const Grown own = full();
    const uint32_t common = size < sizeof own ? size : static_cast<uint32_t>(sizeof own);
    // The second use must not write more than the first.
    for (int use = 0; use < 2; ++use) {
      ASSERT_EQ(rlx_write_out(memory.data(), &own, sizeof own, kFirstSize, nullptr), RLX_STATUS_OK);
      uint32_t stored = 0;
      std::memcpy(&stored, memory.data(), sizeof stored);
      EXPECT_EQ(stored, common);
      EXPECT_EQ(std::memcmp(memory.data() + 4, reinterpret_cast<const unsigned char*>(&own) + 4, common - 4),
                0);
      for (std::size_t i = common; i < memory.size(); ++i)
        ASSERT_EQ(memory[i], kGuard) << "size " << size << " byte " << i;
    }
  }
}

TEST(WriteOut, SizesOutsideTheBoundsAreRefusedAndNothingIsWritten) {
  const Grown own = full();
  for (const uint32_t size : {0u, kFirstSize - 1, RLX_STRUCT_BYTES_MAX + 1}) {
    std::vector<unsigned char> memory(64, 0x5A);
    std::memcpy(memory.data(), &size, sizeof size);
    const std::vector<unsigned char> before = memory;
    uint64_t detail = 0;
    EXPECT_EQ(rlx_write_out(memory.data(), &own, sizeof own, kFirstSize, &detail),
              RLX_STATUS_INVALID_ARGUMENT);
    EXPECT_EQ(detail, size);
    EXPECT_EQ(memory, before);
  }
  EXPECT_EQ(rlx_write_out(nullptr, &own, sizeof own, kFirstSize, nullptr), RLX_STATUS_INVALID_ARGUMENT);
}

TEST(ClipIn, KeepsWhatTheMinorKnows) {
  Grown in = full();
  EXPECT_EQ(rlx_clip_in(&in, kFields, 4, 4, nullptr), RLX_STATUS_OK);
  EXPECT_EQ(in.struct_size, sizeof in);
  EXPECT_EQ(in.fifth, 5u);
}

TEST(ClipIn, ClearsHintsAboveTheMinorAndCutsTheSize) {
  Grown in = full();
  in.third = 0;
  in.fifth = 0;
  EXPECT_EQ(rlx_clip_in(&in, kFields, 4, 2, nullptr), RLX_STATUS_OK);
  EXPECT_EQ(in.second, 2u);
  EXPECT_EQ(in.fourth, 0u);
  EXPECT_EQ(in.struct_size, offsetof(Grown, third));
  in.struct_size = sizeof in;
  EXPECT_EQ(rlx_clip_in(&in, kFields, 4, 1, nullptr), RLX_STATUS_OK);
  EXPECT_EQ(in.second, 0u);
  EXPECT_EQ(in.struct_size, offsetof(Grown, second));
  EXPECT_EQ(in.first, 1u);
}

TEST(ClipIn, AMustAboveTheMinorIsRefusedWithItsOffset) {
  Grown in = full();
  in.third = 0;
  uint64_t detail = 0;
  EXPECT_EQ(rlx_clip_in(&in, kFields, 4, 3, &detail), RLX_STATUS_UNKNOWN_FIELD);
  EXPECT_EQ(detail, offsetof(Grown, fifth));
  in.third = 0x01000000;  // any byte of it counts
  EXPECT_EQ(rlx_clip_in(&in, kFields, 4, 2, &detail), RLX_STATUS_UNKNOWN_FIELD);
  EXPECT_EQ(detail, offsetof(Grown, third));
}

TEST(ClipIn, WhatIsClippedIsReadByAnOlderCallee) {
  struct Old {
    uint32_t struct_size;
    uint32_t first;
    uint64_t second;
  };
  Grown in = full();
  in.third = 0;
  in.fifth = 0;
  ASSERT_EQ(rlx_clip_in(&in, kFields, 4, 2, nullptr), RLX_STATUS_OK);
  Old own;
  EXPECT_EQ(rlx_read_in(&own, sizeof own, &in, kFirstSize, nullptr), RLX_STATUS_OK);
  EXPECT_EQ(own.second, 2u);
}

}  // namespace
