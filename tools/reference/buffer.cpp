// SPDX-License-Identifier: Apache-2.0
// rlx.buffer/1: plain memory.
#include "tools/reference/guard.h"
#include "tools/reference/objects.h"

namespace rlx_reference {
namespace {

constexpr uint32_t kLargestAlignment = 1u << 21;
constexpr uint64_t kLargestBuffer = uint64_t{1} << 40;

int32_t alloc(rlx_device* device, const rlx_alloc_in* in, rlx_alloc_out* out, rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (!device) return refuse(error, RLX_STATUS_INVALID_ARGUMENT, "alloc: the device is null");
    rlx_alloc_in own;
    RLX_STATUS_TRY(read_in(own, in, "alloc", error));
    RLX_STATUS_TRY(check_out(out, sizeof(rlx_alloc_out), "alloc", error));
    const uint32_t alignment = own.alignment ? own.alignment : 64;
    if ((alignment & (alignment - 1)) || alignment > kLargestAlignment || own.space > RLX_SPACE_HOST_PINNED ||
        own.usage)
      return refuse(
          error, RLX_STATUS_INVALID_ARGUMENT,
          rlx::join("alloc: alignment ", own.alignment, ", space ", own.space, " or usage ", own.usage),
          own.alignment);
    if (own.bytes > kLargestBuffer)
      return refuse(error, RLX_STATUS_RESOURCE_EXHAUSTED, rlx::join("alloc: ", own.bytes, " bytes"),
                    own.bytes);
    auto buffer = std::make_unique<rlx_buffer>();
    buffer->device = device;
    buffer->own.resize((own.bytes + alignment) / 8 + 1);
    const auto address = reinterpret_cast<uintptr_t>(buffer->own.data());
    buffer->bytes = reinterpret_cast<std::byte*>((address + alignment - 1) / alignment * alignment);
    buffer->size = own.bytes;
    const rlx_alloc_out made{sizeof(rlx_alloc_out), 0, buffer.get(), buffer->bytes};
    buffer.release();
    return write_out(out, made);
  });
}

void free_buffer(rlx_buffer* buffer) { delete buffer; }

bool inside(const rlx_buffer* buffer, uint64_t offset, uint64_t bytes) {
  return offset <= buffer->size && bytes <= buffer->size - offset;
}

int32_t transfer(rlx_buffer* buffer, const rlx_transfer_in* in, bool to_buffer, rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (!buffer) return refuse(error, RLX_STATUS_INVALID_ARGUMENT, "transfer: the buffer is null");
    rlx_transfer_in own;
    RLX_STATUS_TRY(read_in(own, in, "transfer", error));
    if (!inside(buffer, own.offset, own.bytes) || (own.bytes && !own.host))
      return refuse(error, RLX_STATUS_INVALID_ARGUMENT,
                    rlx::join("transfer: ", own.bytes, " bytes at ", own.offset, " of a buffer of ",
                              buffer->size, ", or null memory"),
                    own.offset);
    if (own.bytes == 0) return RLX_STATUS_OK;
    if (to_buffer)
      memmove(buffer->bytes + own.offset, own.host, own.bytes);
    else
      memmove(own.host, buffer->bytes + own.offset, own.bytes);
    return RLX_STATUS_OK;
  });
}

int32_t write(rlx_buffer* buffer, const rlx_transfer_in* in, void*, rlx_error* error) {
  return transfer(buffer, in, true, error);
}
int32_t read(rlx_buffer* buffer, const rlx_transfer_in* in, void*, rlx_error* error) {
  return transfer(buffer, in, false, error);
}

int32_t copy(rlx_buffer* target, const rlx_copy_in* in, void*, rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (!target) return refuse(error, RLX_STATUS_INVALID_ARGUMENT, "copy: the target is null");
    rlx_copy_in own;
    RLX_STATUS_TRY(read_in(own, in, "copy", error));
    if (!own.source || own.source->device != target->device ||
        !inside(own.source, own.source_offset, own.bytes) || !inside(target, own.offset, own.bytes))
      return refuse(error, RLX_STATUS_INVALID_ARGUMENT,
                    rlx::join("copy: ", own.bytes, " bytes leave a buffer, or a foreign source"), own.bytes);
    if (own.bytes) memmove(target->bytes + own.offset, own.source->bytes + own.source_offset, own.bytes);
    return RLX_STATUS_OK;
  });
}

int32_t import_host(rlx_device* device, const rlx_import_host_in* in, rlx_alloc_out* out, rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (!device) return refuse(error, RLX_STATUS_INVALID_ARGUMENT, "import_host: the device is null");
    rlx_import_host_in own;
    RLX_STATUS_TRY(read_in(own, in, "import_host", error));
    RLX_STATUS_TRY(check_out(out, sizeof(rlx_alloc_out), "import_host", error));
    if (!own.host && own.bytes)
      return refuse(error, RLX_STATUS_INVALID_ARGUMENT, "import_host: the memory is null");
    auto buffer = std::make_unique<rlx_buffer>();
    buffer->device = device;
    buffer->bytes = static_cast<std::byte*>(own.host);
    buffer->size = own.bytes;
    return write_out(out, rlx_alloc_out{sizeof(rlx_alloc_out), 0, buffer.release(), own.host});
  });
}

}  // namespace

const rlx_buffer_1 kBufferTable = {alloc, free_buffer, write, read, copy, import_host};

}  // namespace rlx_reference
