// SPDX-License-Identifier: Apache-2.0
// rlx.device/1: the one device, cpu:0. It costs nothing to open and has no threads of its own.
#include "device.h"

#include <sys/sysinfo.h>

#include <cstdlib>

#include "entry_guard.h"
#include "entry_options.h"
#include "kernels/kernel_table.h"
#include "params.h"

namespace rlx_cpu {
namespace {

/// Raised when compiled code of an older build must not be reused.
constexpr unsigned kKernelSet = 1;

const char* isa_text() {
  switch (kernels().isa) {
    case Isa::kAvx512:
      return "AVX-512";
    case Isa::kAvx2:
      return "AVX2";
    case Isa::kPortable:
      break;
  }
  return "portable";
}

int32_t device_open(rlx_plugin* plugin, const rlx_device_open_in* in, rlx_device_open_out* out,
                    rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (plugin == nullptr) return null_argument(error, "device open: plugin");
    rlx_device_open_in own;
    if (int32_t status = read_in(own, in, "device open", error)) return status;
    if (int32_t status = check_out(out, sizeof(rlx_device_open_out), "device open", error)) return status;
    if (own.ordinal != 0) {
      return fail(error, RLX_STATUS_NOT_FOUND, RLX_NO_INDEX, own.ordinal,
                  "device open: no device %u, there is 1", own.ordinal);
    }
    if (int32_t status = check_options(own.options, own.option_count, own.option_stride, kScopeDevice,
                                       "device open", error)) {
      return status;
    }
    auto device = std::make_unique<rlx_device>();
    device->plugin = plugin;
    device->packs = std::make_shared<PackStore>();
    device->sources = std::make_shared<SourceStore>();
    const rlx_device_open_out result = {sizeof(rlx_device_open_out), 0, device.get()};
    if (int32_t status = write_out(out, result)) return status;
    device.release();
    return RLX_STATUS_OK;
  });
}

void device_close(rlx_device* device) { delete device; }

int32_t device_memory_stats(rlx_device* device, const void* in, rlx_memory_stats_out* out, rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (device == nullptr) return null_argument(error, "memory_stats: device");
    if (int32_t status = read_no_in(in, "memory_stats", error)) return status;
    if (int32_t status = check_out(out, sizeof(rlx_memory_stats_out), "memory_stats", error)) return status;
    rlx_memory_stats_out result{};
    machine_memory(&result.total_bytes, &result.free_bytes);
    result.used_bytes = device->used_bytes->load(std::memory_order_relaxed) + device->packs->bytes();
    return write_out(out, result);
  });
}

int32_t device_fingerprint(rlx_device* device, const void* in, rlx_fingerprint_out* out, rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (device == nullptr) return null_argument(error, "fingerprint: device");
    if (int32_t status = read_no_in(in, "fingerprint", error)) return status;
    if (int32_t status = check_out(out, sizeof(rlx_fingerprint_out), "fingerprint", error)) return status;
    rlx_fingerprint_out result{};
    const int size =
        std::snprintf(result.text, sizeof result.text, "cpu %s kernels %u", isa_text(), kKernelSet);
    result.hash = quick_hash(result.text, static_cast<uint64_t>(size));
    return write_out(out, result);
  });
}

}  // namespace

void machine_memory(uint64_t* total, uint64_t* free) {
  struct sysinfo info {};
  *total = *free = 0;
  if (sysinfo(&info) != 0) return;
  *total = uint64_t(info.totalram) * info.mem_unit;
  *free = uint64_t(info.freeram + info.bufferram) * info.mem_unit;
}

void device_name(const Threads& threads, char* text, uint32_t bytes) {
  std::snprintf(text, bytes, "%s; %u thread%s", isa_text(), threads.concurrency,
                threads.concurrency == 1 ? "" : "s");
}

rlx_hash128 quick_hash(const void* data, uint64_t bytes, rlx_hash128 seed) {
  // Two FNV-1a lanes of different start, each finished by a multiply-shift mix.
  uint64_t low = seed.low ^ 0xcbf29ce484222325u, high = seed.high ^ 0x84222325cbf29ce4u;
  const unsigned char* at = static_cast<const unsigned char*>(data);
  for (uint64_t i = 0; i < bytes; ++i) {
    low = (low ^ at[i]) * 0x100000001b3u;
    high = (high ^ at[i]) * 0x9e3779b97f4a7c15u;
  }
  low ^= low >> 32, low *= 0xff51afd7ed558ccdu, low ^= low >> 29;
  high ^= high >> 31, high *= 0xc4ceb9fe1a85ec53u, high ^= high >> 30;
  return {low, high};
}

void* aligned_memory(uint64_t bytes, uint64_t alignment) {
  if (alignment < sizeof(void*)) alignment = sizeof(void*);
  void* memory = nullptr;
  if (bytes > UINT64_MAX - alignment) return nullptr;
  return posix_memalign(&memory, alignment, bytes == 0 ? 1 : bytes) == 0 ? memory : nullptr;
}

void free_memory(void* memory) { std::free(memory); }

const rlx_device_1 kDeviceTable = {device_open, device_close, device_memory_stats, device_fingerprint};

}  // namespace rlx_cpu
