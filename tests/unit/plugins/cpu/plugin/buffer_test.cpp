// SPDX-License-Identifier: Apache-2.0
// Buffers: ranges, copies, import.
#include "plugin_host.h"

namespace rlx_test {
namespace {

rlx_alloc_out alloc(const Device& device, uint64_t bytes, uint32_t alignment = 0) {
  rlx_alloc_in in = sized<rlx_alloc_in>();
  in.bytes = bytes;
  in.alignment = alignment;
  rlx_alloc_out out = sized<rlx_alloc_out>();
  EXPECT_EQ(library().buffer->alloc(device.get(), &in, &out, nullptr), RLX_STATUS_OK);
  return out;
}

TEST(Buffer, WritesReadsAndCopiesRanges) {
  Device device;
  const rlx_alloc_out a = alloc(device, 10), b = alloc(device, 7, 4096);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(b.host) % 4096, 0u);
  char text[] = "0123456789";
  rlx_transfer_in write = sized<rlx_transfer_in>();
  write.bytes = 10;
  write.host = text;
  ASSERT_EQ(library().buffer->write(a.buffer, &write, nullptr, nullptr), RLX_STATUS_OK);
  rlx_copy_in copy = sized<rlx_copy_in>();
  copy.source = a.buffer;
  copy.source_offset = 3;
  copy.offset = 1;
  copy.bytes = 5;
  ASSERT_EQ(library().buffer->copy(b.buffer, &copy, nullptr, nullptr), RLX_STATUS_OK);
  char back[8] = {};
  rlx_transfer_in read = sized<rlx_transfer_in>();
  read.offset = 1;
  read.bytes = 5;
  read.host = back;
  ASSERT_EQ(library().buffer->read(b.buffer, &read, nullptr, nullptr), RLX_STATUS_OK);
  EXPECT_STREQ(back, "34567");
  read.bytes = 7;
  EXPECT_EQ(library().buffer->read(b.buffer, &read, nullptr, nullptr), RLX_STATUS_INVALID_ARGUMENT);
  copy.bytes = UINT64_MAX;
  EXPECT_EQ(library().buffer->copy(b.buffer, &copy, nullptr, nullptr), RLX_STATUS_INVALID_ARGUMENT);
  library().buffer->free(a.buffer);
  library().buffer->free(b.buffer);
}

TEST(Buffer, CountsAndLimitsMemory) {
  Device device;
  rlx_memory_stats_out before = sized<rlx_memory_stats_out>(), during = before;
  ASSERT_EQ(library().device->memory_stats(device.get(), nullptr, &before, nullptr), RLX_STATUS_OK);
  const rlx_alloc_out a = alloc(device, 1000);
  ASSERT_EQ(library().device->memory_stats(device.get(), nullptr, &during, nullptr), RLX_STATUS_OK);
  EXPECT_EQ(during.used_bytes, before.used_bytes + 1000);
  library().buffer->free(a.buffer);
  rlx_alloc_in in = sized<rlx_alloc_in>();
  in.bytes = before.total_bytes + 1;
  rlx_alloc_out out = sized<rlx_alloc_out>();
  rlx_error error = sized<rlx_error>();
  EXPECT_EQ(library().buffer->alloc(device.get(), &in, &out, &error), RLX_STATUS_RESOURCE_EXHAUSTED);
  EXPECT_EQ(error.retryable, 1u);
  in.bytes = 8;
  in.alignment = 48;
  EXPECT_EQ(library().buffer->alloc(device.get(), &in, &out, nullptr), RLX_STATUS_INVALID_ARGUMENT);
}

TEST(Buffer, MayOutliveItsDevice) {
  rlx_alloc_out a = sized<rlx_alloc_out>();
  {
    Device device;
    a = alloc(device, 100);
  }
  memset(a.host, 1, 100);
  library().buffer->free(a.buffer);
}

TEST(Buffer, ImportedMemoryIsOneMemory) {
  Device device;
  char memory[16] = {};
  rlx_import_host_in in = sized<rlx_import_host_in>();
  in.host = memory;
  in.bytes = sizeof memory;
  rlx_alloc_out out = sized<rlx_alloc_out>();
  ASSERT_EQ(library().buffer->import_host(device.get(), &in, &out, nullptr), RLX_STATUS_OK);
  char byte = 42;
  rlx_transfer_in write = sized<rlx_transfer_in>();
  write.offset = 15;
  write.bytes = 1;
  write.host = &byte;
  ASSERT_EQ(library().buffer->write(out.buffer, &write, nullptr, nullptr), RLX_STATUS_OK);
  EXPECT_EQ(memory[15], 42);
  library().buffer->free(out.buffer);
}

}  // namespace
}  // namespace rlx_test
