// SPDX-License-Identifier: Apache-2.0
// The objects behind the handles of rlx.plugin, rlx.device and rlx.buffer, and the host's threads as this
// plugin sees them.
#pragma once

#include <rlx/buffer.h>
#include <rlx/device.h>
#include <rlx/host_services.h>
#include <rlx/plugin.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

namespace rlx_cpu {

struct PackStore;    // params.h
struct SourceStore;  // params.h

/// The team that the host lends, or none.
struct Threads {
  const rlx_host_threads_1* service = nullptr;
  void* user = nullptr;
  uint32_t concurrency = 1;  // caller included
};

}  // namespace rlx_cpu

struct rlx_plugin {
  rlx_cpu::Threads threads;
};

struct rlx_device {
  rlx_plugin* plugin = nullptr;
  std::shared_ptr<std::atomic<uint64_t>> used_bytes = std::make_shared<std::atomic<uint64_t>>(0);
  std::shared_ptr<rlx_cpu::PackStore> packs;
  std::shared_ptr<rlx_cpu::SourceStore> sources;
};

struct rlx_buffer {
  rlx_device* device = nullptr;
  char* host = nullptr;
  uint64_t bytes = 0;
  std::shared_ptr<std::atomic<uint64_t>> counter;  // of the device, which may close before; null: imported
};

namespace rlx_cpu {

/// Bytes of memory of this machine, and how many are free.
void machine_memory(uint64_t* total, uint64_t* free);
/// "AVX-512; 2 threads".
void device_name(const Threads& threads, char* text, uint32_t bytes);
/// A quick 128-bit hash for keys that no adversary chooses.
rlx_hash128 quick_hash(const void* data, uint64_t bytes, rlx_hash128 seed = {0, 0});

/// Memory of `alignment` (a power of two), or null. 0 bytes give a valid pointer.
void* aligned_memory(uint64_t bytes, uint64_t alignment);
void free_memory(void* memory);

extern const rlx_device_1 kDeviceTable;
extern const rlx_buffer_1 kBufferTable;

}  // namespace rlx_cpu
