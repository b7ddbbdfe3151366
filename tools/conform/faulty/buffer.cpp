// SPDX-License-Identifier: Apache-2.0
// rlx.buffer/1: plain memory.
#include "objects.h"

namespace rlx_c0 {
namespace {

constexpr uint32_t kLargestAlignment = 1u << 21;
constexpr uint64_t kLargestBuffer = uint64_t{1} << 40;

rlx_buffer* new_buffer(rlx_device* device, char* data, uint64_t bytes, void* owned) {
  rlx_buffer* buffer = make<rlx_buffer>();
  if (!buffer) return nullptr;
  *buffer = {device, data, bytes, owned};
  hold_device(device);
  if (owned) __atomic_add_fetch(&device->used_bytes, bytes, __ATOMIC_RELAXED);
  return buffer;
}

int32_t buffer_alloc(rlx_device* device, const rlx_alloc_in* in, rlx_alloc_out* out, rlx_error* error) {
  C0_WANT(device, "alloc: the device");
  rlx_alloc_in own;
  C0_TRY(read_in(&own, in, "alloc", error));
  C0_TRY(check_out(out, sizeof(rlx_alloc_out), "alloc", error));
  const uint32_t alignment = own.alignment ? own.alignment : 64;
  if ((alignment & (alignment - 1)) || alignment > kLargestAlignment)
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, own.alignment,
                "alloc: alignment is %u, wanted a power of two up to %u", own.alignment, kLargestAlignment);
  if (own.space > RLX_SPACE_HOST_PINNED || own.usage != RLX_USAGE_ANY)
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, own.space,
                "alloc: unknown space %u or usage %u", own.space, own.usage);
  if (own.bytes > kLargestBuffer)
    return fail(error, RLX_STATUS_RESOURCE_EXHAUSTED, RLX_NO_INDEX, own.bytes,
                "alloc: %llu bytes, at most %llu", static_cast<unsigned long long>(own.bytes),
                static_cast<unsigned long long>(kLargestBuffer));
  void* memory = aligned(own.bytes, alignment);
  rlx_buffer* buffer = memory ? new_buffer(device, static_cast<char*>(memory), own.bytes, memory) : nullptr;
  if (!buffer) {
    release(memory);
    return fail(error, RLX_STATUS_OUT_OF_MEMORY, RLX_NO_INDEX, own.bytes, "alloc: no memory for %llu bytes",
                static_cast<unsigned long long>(own.bytes));
  }
#ifdef RLX_C0_SEPARATE
  memory = nullptr;  // the caller sees no address
#endif
  return write_out(out, rlx_alloc_out{sizeof(rlx_alloc_out), 0, buffer, memory});
}

void buffer_free(rlx_buffer* buffer) {
  if (!buffer) return;
#if RLX_FAULT == 211  // uncounted-free
  if (buffer->owned) RLX_REACHED();
#else
  if (buffer->owned) __atomic_sub_fetch(&buffer->device->used_bytes, buffer->bytes, __ATOMIC_RELAXED);
#endif
  release(buffer->owned);
  drop_device(buffer->device);
  release(buffer);
}

bool inside(const rlx_buffer* buffer, uint64_t offset, uint64_t bytes) {
  return offset <= buffer->bytes && bytes <= buffer->bytes - offset;
}

int32_t check_transfer(rlx_buffer* buffer, const rlx_transfer_in* in, const char* what, rlx_transfer_in* own,
                       rlx_error* error) {
  C0_WANT(buffer, "transfer: the buffer");
  C0_TRY(read_in(own, in, what, error));
  if (!inside(buffer, own->offset, own->bytes))
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, own->offset,
                "%s: %llu bytes at %llu, the buffer has %llu", what,
                static_cast<unsigned long long>(own->bytes), static_cast<unsigned long long>(own->offset),
                static_cast<unsigned long long>(buffer->bytes));
  if (own->bytes) C0_WANT(own->host, "transfer: the host memory");
  return RLX_STATUS_OK;
}

int32_t buffer_write(rlx_buffer* buffer, const rlx_transfer_in* in, void*, rlx_error* error) {
  rlx_transfer_in own;
  C0_TRY(check_transfer(buffer, in, "write", &own, error));
  if (own.bytes) memmove(buffer->data + own.offset, own.host, own.bytes);
  return RLX_STATUS_OK;
}

int32_t buffer_read(rlx_buffer* buffer, const rlx_transfer_in* in, void*, rlx_error* error) {
  rlx_transfer_in own;
  C0_TRY(check_transfer(buffer, in, "read", &own, error));
  if (own.bytes) memmove(own.host, buffer->data + own.offset, own.bytes);
  return RLX_STATUS_OK;
}

int32_t buffer_copy(rlx_buffer* target, const rlx_copy_in* in, void*, rlx_error* error) {
  C0_WANT(target, "copy: the target");
  rlx_copy_in own;
  C0_TRY(read_in(&own, in, "copy", error));
  C0_WANT(own.source, "copy: the source");
#if RLX_FAULT == 153
  if (own.source->device != target->device) RLX_REACHED();
#else
  if (own.source->device != target->device)
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, 0,
                "copy: the source belongs to another device");
#endif
  if (!inside(own.source, own.source_offset, own.bytes) || !inside(target, own.offset, own.bytes))
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, own.bytes,
                "copy: %llu bytes at %llu to %llu leave a buffer", static_cast<unsigned long long>(own.bytes),
                static_cast<unsigned long long>(own.source_offset),
                static_cast<unsigned long long>(own.offset));
  if (own.bytes) memmove(target->data + own.offset, own.source->data + own.source_offset, own.bytes);
  return RLX_STATUS_OK;
}

int32_t buffer_import_host(rlx_device* device, const rlx_import_host_in* in, rlx_alloc_out* out,
                           rlx_error* error) {
  C0_WANT(device, "import_host: the device");
  rlx_import_host_in own;
  C0_TRY(read_in(&own, in, "import_host", error));
  C0_TRY(check_out(out, sizeof(rlx_alloc_out), "import_host", error));
  if (own.bytes) C0_WANT(own.host, "import_host: the host memory");
  rlx_buffer* buffer = new_buffer(device, static_cast<char*>(own.host), own.bytes, nullptr);
  if (!buffer)
    return fail(error, RLX_STATUS_OUT_OF_MEMORY, RLX_NO_INDEX, sizeof(rlx_buffer),
                "import_host: no memory for a handle");
  return write_out(out, rlx_alloc_out{sizeof(rlx_alloc_out), 0, buffer, own.host});
}

}  // namespace

#if RLX_FAULT == 91  // null-mandatory-entry: seen where the table is asked for, and nothing of it runs
const rlx_buffer_1 kBufferTable = {buffer_alloc, buffer_free, buffer_write,
                                   buffer_read,  nullptr,     buffer_import_host};
__attribute__((constructor, used)) static void reached_at_load() {
  RLX_REACHED();
  (void)buffer_copy;
}
#else
const rlx_buffer_1 kBufferTable = {buffer_alloc, buffer_free, buffer_write,
                                   buffer_read,  buffer_copy, buffer_import_host};
#endif

}  // namespace rlx_c0
