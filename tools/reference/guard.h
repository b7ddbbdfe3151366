// SPDX-License-Identifier: Apache-2.0
// The border of the reference plugin: nothing thrown crosses it, in-structs are read and out-structs written
// by the rules.
#pragma once

#include <rlx/types.h>

#include <exception>
#include <new>
#include <string>

#include "runtime/base/result.h"

namespace rlx_reference {

inline int32_t refuse(rlx_error* error, int32_t status, const std::string& message, uint64_t detail = 0,
                      uint32_t op = RLX_NO_INDEX) {
  return rlx_fail(error, status, op, detail, message.c_str());
}

template <class Body>
int32_t guarded(rlx_error* error, Body&& body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return rlx_fail(error, RLX_STATUS_OUT_OF_MEMORY, RLX_NO_INDEX, 0,
                    "the reference plugin is out of memory");
  } catch (const std::exception& exception) {
    return rlx_fail(error, RLX_STATUS_INTERNAL, RLX_NO_INDEX, 0, exception.what());
  } catch (...) {
    return rlx_fail(error, RLX_STATUS_INTERNAL, RLX_NO_INDEX, 0,
                    "the reference plugin met an unknown exception");
  }
}

/// Copies an in-struct of the caller; structs have had one size so far.
template <class In>
int32_t read_in(In& own, const void* in, const char* what, rlx_error* error) {
  uint64_t detail = 0;
  const int32_t status = rlx_read_in(&own, sizeof(In), in, sizeof(In), &detail);
  if (status == RLX_STATUS_OK) return status;
  return refuse(error, status,
                rlx::join(what, ": struct_size or unknown byte ", detail, ", wanted ", sizeof(In), " bytes"),
                detail);
}

/// For slots without an in-struct.
inline int32_t read_none(const void* in, const char* what, rlx_error* error) {
  uint32_t own = 0;
  uint64_t detail = 0;
  const int32_t status = rlx_read_in(&own, sizeof own, in, sizeof own, &detail);
  return status == RLX_STATUS_OK
             ? status
             : refuse(error, status, rlx::join(what, ": takes no fields, byte ", detail), detail);
}

inline int32_t check_out(const void* out, uint32_t least, const char* what, rlx_error* error) {
  uint32_t size = 0;
  if (out) memcpy(&size, out, sizeof size);
  if (out && size >= least && size <= RLX_STRUCT_BYTES_MAX) return RLX_STATUS_OK;
  return refuse(error, RLX_STATUS_INVALID_ARGUMENT,
                rlx::join(what, ": out.struct_size is ", size, ", wanted ", least), size);
}

template <class Out>
int32_t write_out(void* out, const Out& own) {
  return rlx_write_out(out, &own, sizeof(Out), sizeof(Out), nullptr);
}

/// Row `index` of an array that grows with `stride`.
template <class Row>
Row row_at(const Row* rows, uint32_t stride, uint64_t index) {
  Row row{};
  memcpy(static_cast<void*>(&row), reinterpret_cast<const char*>(rows) + index * stride,
         stride < sizeof(Row) ? stride : sizeof(Row));
  return row;
}

inline std::string text(rlx_str string) {
  return string.data ? std::string(string.data, string.size) : std::string();
}

#define RLX_STATUS_TRY(expression) \
  if (const int32_t rlx_status = (expression)) return rlx_status

}  // namespace rlx_reference
