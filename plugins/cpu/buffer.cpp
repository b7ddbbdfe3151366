// SPDX-License-Identifier: Apache-2.0
// rlx.buffer/1: plain aligned memory; host memory is imported as it is.
#include "device.h"
#include "entry_guard.h"
#include "execute_call.h"

namespace rlx_cpu {
namespace {

constexpr uint32_t kUsualAlignment = 64;
constexpr uint32_t kLargestAlignment = 1u << 21;

unsigned long long number(uint64_t value) { return value; }

int32_t buffer_alloc(rlx_device* device, const rlx_alloc_in* in, rlx_alloc_out* out, rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (device == nullptr) return null_argument(error, "alloc: device");
    rlx_alloc_in own;
    if (int32_t status = read_in(own, in, "alloc", error)) return status;
    if (int32_t status = check_out(out, sizeof(rlx_alloc_out), "alloc", error)) return status;
    const uint32_t alignment = own.alignment == 0 ? kUsualAlignment : own.alignment;
    if ((alignment & (alignment - 1)) != 0 || alignment > kLargestAlignment) {
      return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, own.alignment,
                  "alloc: alignment %u, wanted a power of two up to %u", own.alignment, kLargestAlignment);
    }
    if (own.space > RLX_SPACE_HOST_PINNED || own.usage != RLX_USAGE_ANY) {
      return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, own.space,
                  "alloc: space %u, usage %u are unknown", own.space, own.usage);
    }
    uint64_t total = 0, free_bytes = 0;
    machine_memory(&total, &free_bytes);
    if (own.bytes > total) {
      return fail(error, RLX_STATUS_RESOURCE_EXHAUSTED, RLX_NO_INDEX, own.bytes,
                  "alloc: %llu bytes, the device allows %llu", number(own.bytes), number(total));
    }
    auto buffer = std::make_unique<rlx_buffer>();
    buffer->device = device;
    buffer->bytes = own.bytes;
    buffer->counter = device->used_bytes;
    buffer->host = static_cast<char*>(aligned_memory(own.bytes, alignment));
    if (buffer->host == nullptr) {
      return fail(error, RLX_STATUS_OUT_OF_MEMORY, RLX_NO_INDEX, own.bytes, "alloc: no memory for %llu bytes",
                  number(own.bytes));
    }
    *device->used_bytes += own.bytes;
    const rlx_alloc_out result = {sizeof(rlx_alloc_out), 0, buffer.get(), buffer->host};
    buffer.release();
    return write_out(out, result);
  });
}

void buffer_free(rlx_buffer* buffer) {
  if (buffer == nullptr) return;
  if (buffer->counter) {
    *buffer->counter -= buffer->bytes;
    free_memory(buffer->host);
  }
  delete buffer;
}

int32_t check_range(const rlx_buffer* buffer, uint64_t offset, uint64_t bytes, const char* what,
                    rlx_error* error) {
  if (offset <= buffer->bytes && bytes <= buffer->bytes - offset) return RLX_STATUS_OK;
  return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, offset,
              "%s: %llu bytes at %llu of a buffer of %llu", what, number(bytes), number(offset),
              number(buffer->bytes));
}

int32_t transfer(rlx_buffer* buffer, const rlx_transfer_in* in, bool to_buffer, rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    const char* what = to_buffer ? "write" : "read";
    if (buffer == nullptr) return null_argument(error, "buffer");
    rlx_transfer_in own;
    if (int32_t status = read_in(own, in, what, error)) return status;
    if (int32_t status = check_range(buffer, own.offset, own.bytes, what, error)) return status;
    CallWatch watch;
    if (int32_t status = watch.open(own.call, what, error)) return status;
    if (own.bytes == 0) return RLX_STATUS_OK;
    if (own.host == nullptr) return null_argument(error, "host memory of a transfer");
    if (to_buffer) {
      memmove(buffer->host + own.offset, own.host, own.bytes);
    } else {
      memmove(own.host, buffer->host + own.offset, own.bytes);
    }
    return RLX_STATUS_OK;
  });
}

int32_t buffer_write(rlx_buffer* buffer, const rlx_transfer_in* in, void*, rlx_error* error) {
  return transfer(buffer, in, true, error);
}
int32_t buffer_read(rlx_buffer* buffer, const rlx_transfer_in* in, void*, rlx_error* error) {
  return transfer(buffer, in, false, error);
}

int32_t buffer_copy(rlx_buffer* target, const rlx_copy_in* in, void*, rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (target == nullptr) return null_argument(error, "copy: target");
    rlx_copy_in own;
    if (int32_t status = read_in(own, in, "copy", error)) return status;
    if (own.source == nullptr) return null_argument(error, "copy: source");
    if (own.source->device != target->device) {
      return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, 0,
                  "copy: the source belongs to another device");
    }
    if (int32_t status = check_range(own.source, own.source_offset, own.bytes, "copy from", error))
      return status;
    if (int32_t status = check_range(target, own.offset, own.bytes, "copy to", error)) return status;
    CallWatch watch;
    if (int32_t status = watch.open(own.call, "copy", error)) return status;
    if (own.bytes != 0) memmove(target->host + own.offset, own.source->host + own.source_offset, own.bytes);
    return RLX_STATUS_OK;
  });
}

int32_t buffer_import_host(rlx_device* device, const rlx_import_host_in* in, rlx_alloc_out* out,
                           rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (device == nullptr) return null_argument(error, "import_host: device");
    rlx_import_host_in own;
    if (int32_t status = read_in(own, in, "import_host", error)) return status;
    if (int32_t status = check_out(out, sizeof(rlx_alloc_out), "import_host", error)) return status;
    if (own.host == nullptr && own.bytes != 0) return null_argument(error, "import_host: host");
    auto buffer = std::make_unique<rlx_buffer>();
    buffer->device = device;
    buffer->host = static_cast<char*>(own.host);
    buffer->bytes = own.bytes;
    const rlx_alloc_out result = {sizeof(rlx_alloc_out), 0, buffer.get(), own.host};
    buffer.release();
    return write_out(out, result);
  });
}

}  // namespace

const rlx_buffer_1 kBufferTable = {buffer_alloc, buffer_free, buffer_write,
                                   buffer_read,  buffer_copy, buffer_import_host};

}  // namespace rlx_cpu
