// SPDX-License-Identifier: Apache-2.0
#include "border.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

namespace rlx_c0 {

int32_t fail(rlx_error* error, int32_t status, uint32_t op, uint64_t detail, const char* format, ...) {
#if RLX_FAULT == 140  // null-error-written
  if (!error) {
    RLX_REACHED();
    error->status = status;
  }
#endif
  char text[2 * RLX_ERROR_MESSAGE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
#if RLX_FAULT == 154  // cut-mid-character
  if (error && strlen(text) >= RLX_ERROR_MESSAGE_BYTES) {
    RLX_REACHED();
    (void)rlx_fail(error, status, op, detail, "");
    memcpy(error->message, text, RLX_ERROR_MESSAGE_BYTES - 1);
    error->message[RLX_ERROR_MESSAGE_BYTES - 1] = 0;
    return status;
  }
#endif
  (void)rlx_fail(error, status, op, detail, text);
#if RLX_FAULT == 151  // wrong-scope
  if (error && status == RLX_STATUS_INVALID_ARGUMENT) {
    RLX_REACHED();
    error->scope = RLX_SCOPE_DEVICE;
  }
#endif
  return status;
}

int32_t read_struct(void* own, uint32_t own_size, const void* in, const char* what, rlx_error* error) {
  uint64_t detail = 0;
#if RLX_FAULT == 88  // ignores-struct-size
  RLX_REACHED();
  if (in)
    memcpy(own, in, own_size);
  else
    memset(own, 0, own_size);
  return RLX_STATUS_OK;
#elif RLX_FAULT == 132  // tail-ignored
  uint32_t size = 0;
  if (in) memcpy(&size, in, sizeof size);
  if (size > own_size && size <= RLX_STRUCT_BYTES_MAX) {
    RLX_REACHED();
    memcpy(own, in, own_size);
    return RLX_STATUS_OK;
  }
#elif RLX_FAULT == 150  // tail-scanned-to-the-end
  uint32_t size = 0;
  if (in) memcpy(&size, in, sizeof size);
  if (size > RLX_STRUCT_BYTES_MAX) {
    RLX_REACHED();
    volatile uint64_t sum = 0;
    for (uint32_t at = own_size; at < size; ++at) sum = sum + static_cast<const unsigned char*>(in)[at];
  }
#endif
#if RLX_FAULT == 224  // later-field-unasked
  if (in) {
    RLX_REACHED();
    detail = static_cast<const volatile unsigned char*>(in)[own_size + kLaterBytes - 1];
  }
#endif
#ifdef RLX_C0_NEWER
  char whole[RLX_STRUCT_BYTES_MAX];
  const int32_t status = rlx_read_in(whole, own_size + kLaterBytes, in, own_size, &detail);
  memcpy(own, whole, own_size);
#else
  const int32_t status = rlx_read_in(own, own_size, in, own_size, &detail);
#endif
  if (status == RLX_STATUS_OK) return status;
  return fail(error, status, RLX_NO_INDEX, detail,
              "%s: struct_size or unknown field at %llu, wanted %u bytes", what,
              static_cast<unsigned long long>(detail), own_size);
}

int32_t read_none(const void* in, const char* what, rlx_error* error) {
  uint32_t own = 0;
  return read_struct(&own, static_cast<uint32_t>(sizeof own), in, what, error);
}

int32_t check_out(const void* out, uint32_t least, const char* what, rlx_error* error) {
  uint32_t size = 0;
  if (out) memcpy(&size, out, sizeof size);
  if (out && size >= least && size <= RLX_STRUCT_BYTES_MAX) return RLX_STATUS_OK;
  return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, size,
              "%s: out %s, wanted %u to %u bytes, seen %u", what, out ? "is of a wrong size" : "is null",
              least, RLX_STRUCT_BYTES_MAX, size);
}

#if RLX_FAULT == 95  // exports-clash: a name that zlib has
extern "C" __attribute__((visibility("default"), noinline)) uint32_t crc32(uint32_t sum) {
  return sum * 5 + 1;
}
#endif

#ifdef RLX_C0_HOST_ALLOC
namespace {

/// Lies before every piece of memory.
struct alignas(64) Head {
  const rlx_host_alloc_1* table;  ///< null: malloc
  void* user;
  void* base;
  uint64_t bytes;
};
const rlx_host_alloc_1* host_table = nullptr;
void* host_user = nullptr;

void* take(uint64_t bytes, uint64_t alignment) {
  const uint64_t before = alignment > sizeof(Head) ? alignment : sizeof(Head);
  if (bytes > UINT64_MAX - 2 * before) return nullptr;
  void* base = nullptr;
  if (host_table)
    base = host_table->alloc(host_user, before + bytes, before);
  else if (posix_memalign(&base, before, before + bytes))
    return nullptr;
#if RLX_FAULT == 229  // host-memory-trusted
  if (!base) RLX_REACHED();
#else
  if (!base) return nullptr;
#endif
  char* memory = static_cast<char*>(base) + before;
  *reinterpret_cast<Head*>(memory - sizeof(Head)) = {host_table, host_user, base, before + bytes};
  return memory;
}

}  // namespace

void use_host(const rlx_host* host) {
  const rlx_str id = {RLX_HOST_ALLOC_1, sizeof RLX_HOST_ALLOC_1 - 1};
  host_table = host && host->get_service ? static_cast<const rlx_host_alloc_1*>(host->get_service(host->user, id)) : nullptr;
  host_user = host ? host->user : nullptr;
}

void* zeroed(uint64_t count, uint64_t bytes) {
  uint64_t all = 0;
  if (__builtin_mul_overflow(count ? count : 1, bytes, &all)) return nullptr;
  void* memory = take(all, 64);
  if (memory) memset(memory, 0, all);
  return memory;
}
void* aligned(uint64_t bytes, uint64_t alignment) { return take(bytes ? bytes : 1, alignment); }
void release(void* memory) {
  if (!memory) return;
  const Head head = *reinterpret_cast<Head*>(static_cast<char*>(memory) - sizeof(Head));
  if (head.table)
    head.table->free(head.user, head.base, head.bytes);
  else
    free(head.base);
}
#else
void* zeroed(uint64_t count, uint64_t bytes) {
#if RLX_FAULT == 95
  RLX_REACHED();
  static volatile uint32_t sum = 0;
  sum = crc32(sum);
#endif
#if RLX_FAULT == 142  // oom-poisons
  static bool poisoned = false;
  if (poisoned) return nullptr;
  void* memory = calloc(count ? count : 1, bytes);
  if (!memory) {
    RLX_REACHED();
    poisoned = true;
  }
  return memory;
#endif
  return calloc(count ? count : 1, bytes);
}
void release(void* memory) { free(memory); }

void* aligned(uint64_t bytes, uint64_t alignment) {
  void* memory = nullptr;
  if (bytes > UINT64_MAX - 4096) return nullptr;
  return posix_memalign(&memory, alignment < sizeof(void*) ? sizeof(void*) : alignment, bytes ? bytes : 1)
             ? nullptr
             : memory;
}
#endif

}  // namespace rlx_c0
