/* SPDX-License-Identifier: Apache-2.0 */
/* rlx.execute/1: contexts and runs. */
#ifndef RLX_EXECUTE_H_
#define RLX_EXECUTE_H_

#include <rlx/buffer.h>
#include <rlx/compile.h>
#include <rlx/params.h>
#include <rlx/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rlx_context rlx_context;

/* A tensor of a run: a host pointer, or a device buffer and offset. Rows grow at their end (read with the stride). */
typedef struct rlx_view {
  void* host;               /* element alignment suffices; null for 0 bytes */
  const rlx_buffer* buffer; /* used where host is null */
  uint64_t offset;          /* in the buffer */
  uint64_t bytes;           /* that may be touched from there */
  uint32_t dtype;
  uint32_t rank;
  const int64_t* dims;
  const int64_t* strides; /* in elements; null = dense row-major */
} rlx_view;

/* Memory lent to a context, one per arena of executable_info, in its order. */
typedef struct rlx_arena {
  void* host;         /* where the space is reachable from the host */
  rlx_buffer* buffer; /* or a buffer */
  uint64_t offset;
  uint64_t bytes;
} rlx_arena;

typedef struct rlx_context_create_in {
  uint32_t struct_size;
  uint32_t thread_limit; /* 0 free, 1 the caller's thread alone */
  const rlx_arena* arenas; /* at a stable address until the context goes; contents are no one's between runs */
  uint32_t arena_count;
  uint32_t arena_stride;
} rlx_context_create_in;

typedef struct rlx_context_create_out {
  uint32_t struct_size;
  uint32_t reserved;
  rlx_context* context;
} rlx_context_create_out;

typedef struct rlx_execute_in {
  uint32_t struct_size;
  uint32_t reserved;
  const rlx_param_set* params; /* sealed and prepared; may be null where the image has no params */
  const rlx_view* inputs;      /* in the order of the image's inputs */
  const rlx_view* outputs;     /* in the order of the image's outputs; overlap nothing but their state pair */
  uint32_t input_count;
  uint32_t input_stride;
  uint32_t output_count;
  uint32_t output_stride;
  const rlx_call* call;
} rlx_execute_in;

#define RLX_INTERFACE_EXECUTE_1 "rlx.execute/1"
typedef struct rlx_execute_1 {
  /* [any-thread] Errors: INVALID_ARGUMENT (arenas), OUT_OF_MEMORY. */
  int32_t (*context_create)(rlx_executable* executable, const rlx_context_create_in* in, rlx_context_create_out* out, rlx_error* error);
  void (*context_destroy)(rlx_context* context); /* [per-object] */
  /* [per-object] Checks every view before anything runs; allocates nothing from the second run on, but with
     RLX_DEVICE_FLAG_ALLOCATES_IN_RUNS. Results are complete on return. Errors: INVALID_ARGUMENT naming the tensor, FAILED_PRECONDITION (set not sealed or prepared), DATA_ERROR,
     CANCELLED, DEADLINE, DEVICE_LOST. */
  int32_t (*execute)(rlx_context* context, const rlx_execute_in* in, void* out, rlx_error* error);
} rlx_execute_1;

#ifdef __cplusplus
}
#endif

#endif /* RLX_EXECUTE_H_ */
