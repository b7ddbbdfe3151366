/* SPDX-License-Identifier: Apache-2.0 */
/* The words every other header uses: strings, hashes, dtypes, statuses, the error record, the call record, and the two
   rules by which structs grow. Includes the C library only; valid as C11, C17, C++17 and C++20 on 64-bit targets. */
#ifndef RLX_TYPES_H_
#define RLX_TYPES_H_

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The ABI that these headers describe. While major is 0 the ABI may still break; a break raises the epoch, and host and
   plugin must have equal epochs. Minors grow by the rules below and never break. */
#define RLX_ABI_EPOCH 1u
#define RLX_ABI_MAJOR 0u
#define RLX_ABI_MINOR 1u

/* UTF-8 text as pointer and length; not NUL-terminated. `data` may be null when `size` is 0. Frozen. */
typedef struct rlx_str {
  const char* data;
  uint64_t size;
} rlx_str;

/* A 128-bit content hash. Never used against an adversary. All zero means "none". Frozen. */
typedef struct rlx_hash128 {
  uint64_t low;
  uint64_t high;
} rlx_hash128;

/* Element types. Numbers are for ever. The block columns of the registry give bytes per element; 0x80000000 and above
   belong to vendors. i4, u4, f8e4m3, f8e5m2 and c64 are reserved numbers that nothing computes with yet. */
#define RLX_DTYPE_NONE 0u
#define RLX_DTYPE_BOOL 1u /* one byte, 0 or 1 */
#define RLX_DTYPE_I8 2u
#define RLX_DTYPE_I16 3u
#define RLX_DTYPE_I32 4u
#define RLX_DTYPE_I64 5u
#define RLX_DTYPE_U8 6u
#define RLX_DTYPE_U16 7u
#define RLX_DTYPE_U32 8u
#define RLX_DTYPE_U64 9u
#define RLX_DTYPE_F16 10u
#define RLX_DTYPE_BF16 11u
#define RLX_DTYPE_F32 12u
#define RLX_DTYPE_F64 13u
#define RLX_DTYPE_I4 14u
#define RLX_DTYPE_U4 15u
#define RLX_DTYPE_F8E4M3 16u
#define RLX_DTYPE_F8E5M2 17u
#define RLX_DTYPE_C64 18u

/* The highest rank of a tensor anywhere in the contract. */
#define RLX_MAX_RANK 8u

/* Statuses: what every fallible function returns. The registry says for each when it is used and whether a retry helps. */
#define RLX_STATUS_OK 0
#define RLX_STATUS_INVALID_ARGUMENT 1
#define RLX_STATUS_FAILED_PRECONDITION 2
#define RLX_STATUS_NOT_FOUND 3
#define RLX_STATUS_UNSUPPORTED 4
#define RLX_STATUS_VERSION 5
#define RLX_STATUS_UNKNOWN_FIELD 6
#define RLX_STATUS_INVALID_IMAGE 7
#define RLX_STATUS_OUT_OF_MEMORY 8
#define RLX_STATUS_RESOURCE_EXHAUSTED 9
#define RLX_STATUS_CANCELLED 10
#define RLX_STATUS_DEADLINE 11
#define RLX_STATUS_DEVICE_LOST 12
#define RLX_STATUS_DATA_ERROR 13 /* a value inside a tensor is refused, e.g. an index out of range under policy "error" */
#define RLX_STATUS_IO 14
#define RLX_STATUS_INTERNAL 15

/* How far an error reaches: what lies outside the scope still works. */
#define RLX_SCOPE_CALL 0u
#define RLX_SCOPE_EXECUTABLE 1u
#define RLX_SCOPE_DEVICE 2u
#define RLX_SCOPE_PLUGIN 3u

#define RLX_ERROR_MESSAGE_BYTES 512u
#define RLX_NO_INDEX 0xFFFFFFFFu /* an absent operand, op index, name or pool range */

/* The caller's error record; grows like an out-struct. The caller zeroes it and sets `struct_size`; it is written only
   on failure. `message` is NUL-terminated UTF-8, valid even when cut. */
typedef struct rlx_error {
  uint32_t struct_size;
  int32_t status;
  uint32_t retryable; /* 1: the same call may succeed later */
  uint32_t scope;     /* RLX_SCOPE_* */
  uint32_t op_index;  /* op of the image, or RLX_NO_INDEX */
  uint32_t reserved;
  int64_t native_code; /* the driver's or OS's own number, or 0 */
  uint64_t detail;     /* offset, index or count, as the status says */
  char message[RLX_ERROR_MESSAGE_BYTES];
} rlx_error;

/* What a long call may be told; grows like an in-struct; the pointer to it may always be null.
   poll: called from any thread of the plugin at least every 100 ms; `permille` is progress from 0 to 1000 or -1;
   non-zero means stop, and the call returns CANCELLED with every object usable. May be null. */
typedef struct rlx_call {
  uint32_t struct_size;
  uint32_t reserved;
  int32_t (*poll)(void* user, int32_t permille);
  void* user;
  uint64_t deadline_ns; /* CLOCK_MONOTONIC, 0 = none */
  uint64_t trace_id;    /* 0 = none */
} rlx_call;

/* ---- Growth. Only structs whose first member is `uint32_t struct_size` grow, at their end. ------------------------
   A callee reads an in-struct with rlx_read_in: fields past the caller's size are zero, which always means the old
   behaviour; a non-zero byte past the callee's own size is refused. A callee writes an out-struct with rlx_write_out:
   min(caller's, own) bytes, and that number is stored, so a struct that is used twice is never overrun. */
#define RLX_STRUCT_BYTES_MAX 4096u

/* Copies the in-struct `in` into `own` (own_size bytes, zero-filled first). A null `in` means all zero.
   first_size: the struct's size in the first published version. On failure *detail is the offending size or offset. */
static inline int32_t rlx_read_in(void* own, uint32_t own_size, const void* in, uint32_t first_size, uint64_t* detail) {
  uint32_t size, common, i;
  memset(own, 0, own_size);
  memcpy(own, &own_size, sizeof own_size);
  if (!in) return RLX_STATUS_OK;
  memcpy(&size, in, sizeof size);
  if (size < first_size || size > RLX_STRUCT_BYTES_MAX) {
    if (detail) *detail = size;
    return RLX_STATUS_INVALID_ARGUMENT;
  }
  for (i = own_size; i < size; ++i) {
    if (((const unsigned char*)in)[i]) {
      if (detail) *detail = i;
      return RLX_STATUS_UNKNOWN_FIELD;
    }
  }
  common = size < own_size ? size : own_size;
  memcpy((char*)own + sizeof size, (const char*)in + sizeof size, common - sizeof size);
  return RLX_STATUS_OK;
}

/* Copies `own` to the caller's out-struct: min of both sizes, and stores that number as the caller's struct_size. */
static inline int32_t rlx_write_out(void* out, const void* own, uint32_t own_size, uint32_t first_size, uint64_t* detail) {
  uint32_t size, common;
  if (!out) return RLX_STATUS_INVALID_ARGUMENT;
  memcpy(&size, out, sizeof size);
  if (size < first_size || size > RLX_STRUCT_BYTES_MAX) {
    if (detail) *detail = size;
    return RLX_STATUS_INVALID_ARGUMENT;
  }
  common = size < own_size ? size : own_size;
  memcpy((char*)out + sizeof size, (const char*)own + sizeof size, common - sizeof size);
  memcpy(out, &common, sizeof common);
  return RLX_STATUS_OK;
}

/* One row of a struct's field table: a field that came after the first version. */
#define RLX_FIELD_HINT 0u
#define RLX_FIELD_MUST 1u
typedef struct rlx_field {
  uint32_t offset;
  uint32_t size;
  uint32_t minor; /* ABI minor that added it */
  uint32_t kind;  /* RLX_FIELD_* */
} rlx_field;

/* The caller's half: makes `in` fit the minor of the handshake. Fields above it are cleared if they are hints; a must
   that is set returns UNKNOWN_FIELD with its offset in *detail, and the call is not made. struct_size is cut to the end
   of what the minor knows. */
static inline int32_t rlx_clip_in(void* in, const rlx_field* fields, uint32_t field_count, uint32_t minor, uint64_t* detail) {
  uint32_t size, i, k;
  memcpy(&size, in, sizeof size);
  for (i = 0; i < field_count; ++i) {
    if (fields[i].minor <= minor) continue;
    for (k = 0; fields[i].kind == RLX_FIELD_MUST && k < fields[i].size; ++k) {
      if (((const unsigned char*)in)[fields[i].offset + k]) {
        if (detail) *detail = fields[i].offset;
        return RLX_STATUS_UNKNOWN_FIELD;
      }
    }
    memset((char*)in + fields[i].offset, 0, fields[i].size);
    if (fields[i].offset < size) size = fields[i].offset;
  }
  memcpy(in, &size, sizeof size);
  return RLX_STATUS_OK;
}

/* Fills the caller's error record (which may be null) and returns `status`. Cuts `message` at a UTF-8 border. */
static inline int32_t rlx_fail(rlx_error* error, int32_t status, uint32_t op_index, uint64_t detail, const char* message) {
  rlx_error own;
  size_t length;
  if (!error) return status;
  memset(&own, 0, sizeof own);
  own.struct_size = (uint32_t)sizeof own;
  own.status = status;
  own.op_index = op_index;
  own.detail = detail;
  own.retryable = status == RLX_STATUS_OUT_OF_MEMORY || status == RLX_STATUS_RESOURCE_EXHAUSTED;
  own.scope = status == RLX_STATUS_DEVICE_LOST ? RLX_SCOPE_DEVICE : RLX_SCOPE_CALL;
  length = message ? strlen(message) : 0;
  if (length >= RLX_ERROR_MESSAGE_BYTES) {
    length = RLX_ERROR_MESSAGE_BYTES - 1;
    while (length && ((unsigned char)message[length] & 0xC0u) == 0x80u) --length;
  }
  if (length) memcpy(own.message, message, length);
  (void)rlx_write_out(error, &own, (uint32_t)sizeof own, 40u, NULL);
  return status;
}

#ifdef __cplusplus
}
#endif

#endif /* RLX_TYPES_H_ */
