// SPDX-License-Identifier: Apache-2.0
// What every slot of the plugin does at the border: structs by the two growth rules, rows by their stride,
// errors as text, and memory that may be refused. Nothing here throws.
#pragma once

#include <rlx/host_services.h>
#include <rlx/types.h>
#include <string.h>

#include "fault.h"

#if RLX_FAULT == 229
#define RLX_C0_HOST_ALLOC
#endif
#if RLX_FAULT == 224 || RLX_FAULT == 225
#define RLX_C0_NEWER
#endif

namespace rlx_c0 {

#ifdef RLX_C0_NEWER
/// A faked minor, in which every struct that grows got a field of 8 bytes more; 0 is the old behaviour, and so is all else.
constexpr uint32_t kMinorMost = RLX_ABI_MINOR + 2;
constexpr uint32_t kLaterBytes = 8;
#else
constexpr uint32_t kMinorMost = RLX_ABI_MINOR;
constexpr uint32_t kLaterBytes = 0;
#endif

/// printf into the caller's record, cut at a UTF-8 border; returns `status`.
__attribute__((format(printf, 5, 6))) int32_t fail(rlx_error* error, int32_t status, uint32_t op,
                                                   uint64_t detail, const char* format, ...);

/// Copies the in-struct of a caller; all structs have had one size so far.
int32_t read_struct(void* own, uint32_t own_size, const void* in, const char* what, rlx_error* error);
template <class In>
int32_t read_in(In* own, const void* in, const char* what, rlx_error* error) {
  return read_struct(own, static_cast<uint32_t>(sizeof(In)), in, what, error);
}
/// For slots without an in-struct.
int32_t read_none(const void* in, const char* what, rlx_error* error);
/// Refuses an out-struct that cannot hold the answer, before anything is done.
int32_t check_out(const void* out, uint32_t least, const char* what, rlx_error* error);
template <class Out>
int32_t write_out(void* out, const Out& own) {
#if RLX_FAULT == 90  // writes-past-out-struct
  uint32_t size = 0;
  memcpy(&size, out, sizeof size);
  if (size > sizeof own) {
    RLX_REACHED();
    memset(static_cast<char*>(out) + sizeof own, 0, (size + 63) / 64 * 64 + 64 - sizeof own);
  }
#endif
  char whole[sizeof own + kLaterBytes] = {};
  memcpy(whole, &own, sizeof own);
  return rlx_write_out(out, whole, static_cast<uint32_t>(sizeof whole), static_cast<uint32_t>(sizeof(Out)),
                       nullptr);
}

/// Row `index` of an array whose rows are `stride` bytes apart and at least as long as `Row`.
template <class Row>
Row row_at(const Row* rows, uint32_t stride, uint64_t index) {
  Row row;
#if RLX_FAULT == 133  // sizeof-stride
  if (stride != sizeof row) RLX_REACHED();
  stride = static_cast<uint32_t>(sizeof row);
#endif
  memcpy(&row, reinterpret_cast<const char*>(rows) + index * stride, sizeof row);
  return row;
}

inline bool is_text(rlx_str text, const char* wanted) {
  return text.data && text.size == strlen(wanted) && memcmp(text.data, wanted, text.size) == 0;
}

/// Bytes of a text that a message shows, at most `most` and no half character; for %.*s, with data_of().
inline int shown(rlx_str text, uint64_t most) {
  uint64_t size = !text.data ? 0 : text.size < most ? text.size : most;
  while (size && size < text.size && (static_cast<unsigned char>(text.data[size]) & 0xC0u) == 0x80u) --size;
  return static_cast<int>(size);
}
inline const char* data_of(rlx_str text) { return text.data ? text.data : ""; }

#ifdef RLX_C0_HOST_ALLOC
/// Memory comes from this host from now on, where it gives any; null: from malloc.
void use_host(const rlx_host* host);
#else
inline void use_host(const rlx_host*) {}
#endif
/// Zeroed memory for `count` things, or null. Never 0 bytes.
void* zeroed(uint64_t count, uint64_t bytes);
template <class T>
T* make(uint64_t count = 1) {
  return static_cast<T*>(zeroed(count, sizeof(T)));
}
void release(void* memory);
/// Memory with an alignment, or null; given back with release().
void* aligned(uint64_t bytes, uint64_t alignment);

#define C0_TRY(expression) \
  if (const int32_t c0_status = (expression)) return c0_status

/// Refuses a null object of a slot.
#define C0_WANT(object, what) \
  if (!(object))              \
  return ::rlx_c0::fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, 0, "%s is null", what)

}  // namespace rlx_c0
