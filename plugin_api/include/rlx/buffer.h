/* SPDX-License-Identifier: Apache-2.0 */
/* rlx.buffer/1: memory of a device, and how bytes get there and back. */
#ifndef RLX_BUFFER_H_
#define RLX_BUFFER_H_

#include <rlx/device.h>
#include <rlx/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rlx_buffer rlx_buffer;

#define RLX_SPACE_DEVICE 0u /* the device's own memory; on a host device plain memory */
#define RLX_SPACE_HOST_PINNED 1u
#define RLX_USAGE_ANY 0u

typedef struct rlx_alloc_in {
  uint32_t struct_size;
  uint32_t space; /* RLX_SPACE_* */
  uint64_t bytes; /* 0 is allowed */
  uint32_t alignment; /* power of two; 0 = the device's usual one */
  uint32_t usage;
} rlx_alloc_in;

typedef struct rlx_alloc_out {
  uint32_t struct_size;
  uint32_t reserved;
  rlx_buffer* buffer;
  void* host; /* where the bytes can be reached from the host, or null */
} rlx_alloc_out;

typedef struct rlx_transfer_in {
  uint32_t struct_size;
  uint32_t reserved;
  uint64_t offset; /* in the buffer */
  uint64_t bytes;
  void* host; /* source of write, target of read */
  const rlx_call* call;
} rlx_transfer_in;

typedef struct rlx_copy_in {
  uint32_t struct_size;
  uint32_t reserved;
  const rlx_buffer* source;
  uint64_t source_offset;
  uint64_t offset; /* in the target */
  uint64_t bytes;
  const rlx_call* call;
} rlx_copy_in;

typedef struct rlx_import_host_in {
  uint32_t struct_size;
  uint32_t reserved;
  void* host; /* readable and writable until the buffer is freed */
  uint64_t bytes;
} rlx_import_host_in;

#define RLX_INTERFACE_BUFFER_1 "rlx.buffer/1"
typedef struct rlx_buffer_1 {
  /* [any-thread] Errors: RESOURCE_EXHAUSTED over max_alloc_bytes or the budget, OUT_OF_MEMORY, INVALID_ARGUMENT. */
  int32_t (*alloc)(rlx_device* device, const rlx_alloc_in* in, rlx_alloc_out* out, rlx_error* error);
  void (*free)(rlx_buffer* buffer); /* [per-object] null does nothing */
  /* Errors of the three: INVALID_ARGUMENT past the end. [per-object] */
  int32_t (*write)(rlx_buffer* buffer, const rlx_transfer_in* in, void* out, rlx_error* error);
  int32_t (*read)(rlx_buffer* buffer, const rlx_transfer_in* in, void* out, rlx_error* error);
  int32_t (*copy)(rlx_buffer* target, const rlx_copy_in* in, void* out, rlx_error* error);
  /* Zero copy; may be null. [any-thread] */
  int32_t (*import_host)(rlx_device* device, const rlx_import_host_in* in, rlx_alloc_out* out, rlx_error* error);
} rlx_buffer_1;

#ifdef __cplusplus
}
#endif

#endif /* RLX_BUFFER_H_ */
