// SPDX-License-Identifier: Apache-2.0
// The border: nothing thrown crosses it, every message is made in a fixed buffer, every in-struct is read by
// the rules.
#pragma once

#include <rlx/types.h>

#include <cstdarg>
#include <cstdio>
#include <new>

namespace rlx_cpu {

/// Replaces every byte that is no part of a whole UTF-8 character by '?': formats cut names anywhere.
inline void mend_text(char* text) {
  for (auto* at = reinterpret_cast<unsigned char*>(text); *at != 0;) {
    const uint32_t more = *at < 0x80 ? 0 : *at < 0xC2 ? 4 : *at < 0xE0 ? 1 : *at < 0xF0 ? 2 : *at < 0xF5 ? 3 : 4;
    uint32_t whole = 1;
    while (more < 4 && whole <= more && (at[whole] & 0xC0u) == 0x80u) ++whole;
    if (more < 4 && whole > more)
      at += more + 1;
    else
      *at++ = '?';
  }
}

/// Fills the caller's error record (may be null) with a printf-style message and returns `status`.
__attribute__((format(printf, 5, 6))) inline int32_t fail(rlx_error* error, int32_t status, uint32_t op_index,
                                                          uint64_t detail, const char* format, ...) {
  char text[RLX_ERROR_MESSAGE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  mend_text(text);
  return rlx_fail(error, status, op_index, detail, text);
}

/// Runs `body` so that nothing it throws crosses the border.
template <class Body>
int32_t guarded(rlx_error* error, Body&& body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return rlx_fail(error, RLX_STATUS_OUT_OF_MEMORY, RLX_NO_INDEX, 0, "the CPU plugin is out of memory");
  } catch (...) {
    return rlx_fail(error, RLX_STATUS_INTERNAL, RLX_NO_INDEX, 0,
                    "the CPU plugin met an unexpected condition");
  }
}

/// Reads an in-struct of the caller into `own`. `first_size` is its size in ABI minor 1.
template <class In>
int32_t read_in(In& own, const void* in, const char* what, rlx_error* error,
                uint32_t first_size = sizeof(In)) {
  uint64_t detail = 0;
  const int32_t status = rlx_read_in(&own, sizeof(In), in, first_size, &detail);
  if (status == RLX_STATUS_INVALID_ARGUMENT) {
    return fail(error, status, RLX_NO_INDEX, detail, "%s: struct_size is %llu, wanted %u to %u", what,
                static_cast<unsigned long long>(detail), first_size, RLX_STRUCT_BYTES_MAX);
  }
  if (status != RLX_STATUS_OK) {
    return fail(error, status, RLX_NO_INDEX, detail, "%s: byte %llu is set but unknown to this plugin", what,
                static_cast<unsigned long long>(detail));
  }
  return status;
}

/// Refuses an in-struct that slots without one are given (null, or nothing but zeros).
inline int32_t read_no_in(const void* in, const char* what, rlx_error* error) {
  if (in == nullptr) return RLX_STATUS_OK;
  uint32_t own = 0;
  uint64_t detail = 0;
  const int32_t status = rlx_read_in(&own, sizeof own, in, sizeof own, &detail);
  if (status == RLX_STATUS_OK) return status;
  return fail(error, status, RLX_NO_INDEX, detail,
              "%s: offset or size %llu of an in-struct that has no fields", what,
              static_cast<unsigned long long>(detail));
}

/// Refuses a null or wrongly sized out-struct before anything is done.
inline int32_t check_out(const void* out, uint32_t first_size, const char* what, rlx_error* error) {
  if (out == nullptr)
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, 0, "%s: out is null", what);
  uint32_t size = 0;
  memcpy(&size, out, sizeof size);
  if (size >= first_size && size <= RLX_STRUCT_BYTES_MAX) return RLX_STATUS_OK;
  return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, size,
              "%s: out.struct_size is %u, wanted %u to %u", what, size, first_size, RLX_STRUCT_BYTES_MAX);
}

template <class Out>
int32_t write_out(void* out, const Out& own) {
  return rlx_write_out(out, &own, sizeof(Out), sizeof(Out), nullptr);
}

inline int32_t null_argument(rlx_error* error, const char* what) {
  return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, 0, "%s is null", what);
}

/// Row `index` of an array that grows with `stride`; bytes past the stride count as zero.
template <class Row>
Row row_at(const Row* rows, uint32_t stride, uint64_t index) {
  Row row{};
  const uint32_t bytes = stride < sizeof(Row) ? stride : static_cast<uint32_t>(sizeof(Row));
  memcpy(static_cast<void*>(&row), reinterpret_cast<const char*>(rows) + index * stride, bytes);
  return row;
}

inline bool same_text(rlx_str text, const char* other) {
  const size_t size = strlen(other);
  return text.size == size && (size == 0 || memcmp(text.data, other, size) == 0);
}

}  // namespace rlx_cpu
