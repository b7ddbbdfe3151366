/* SPDX-License-Identifier: Apache-2.0 */
/* rlx.params/1: the weights of one model on one device. One thread fills a set; sealing makes it immutable and free to
   share; prepare packs what an executable needs, once per pack key; execute never packs. */
#ifndef RLX_PARAMS_H_
#define RLX_PARAMS_H_

#include <rlx/buffer.h>
#include <rlx/compile.h>
#include <rlx/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rlx_params_create_in {
  uint32_t struct_size;
  uint32_t count;            /* entries of the set; with a base, equal to the base's */
  const rlx_param_set* base; /* sealed; entries and packs that are not replaced are shared by reference; may be null */
} rlx_params_create_in;

typedef struct rlx_params_create_out {
  uint32_t struct_size;
  uint32_t reserved;
  rlx_param_set* set;
} rlx_params_create_out;

/* One entry: dense row-major, dims and dtype as the image's param record declares. Exactly one source: host, or buffer.
   drop(drop_user) is called exactly once when the source is no longer needed, at the latest when the last set that
   shares it is destroyed, also when put fails; may be null. Until then the source stays readable and unchanged. */
typedef struct rlx_put_in {
  uint32_t struct_size;
  uint32_t index;
  uint32_t dtype;
  uint32_t rank;
  const int64_t* dims;
  const void* host;         /* bytes of any alignment, or null */
  const rlx_buffer* buffer; /* or a buffer of the same device */
  uint64_t buffer_offset;
  uint64_t bytes;
  rlx_hash128 hash; /* of the bytes, trusted; zero = none */
  void (*drop)(void* user);
  void* drop_user;
} rlx_put_in;

typedef struct rlx_prepare_in {
  uint32_t struct_size;
  uint32_t missing_capacity;
  rlx_executable* executable;
  uint32_t* missing; /* indices that the executable needs and the set has not; may be null */
  const rlx_call* call;
} rlx_prepare_in;

typedef struct rlx_prepare_out {
  uint32_t struct_size;
  uint32_t missing_count; /* all of them, even where the list was shorter */
} rlx_prepare_out;

typedef struct rlx_usage_out {
  uint32_t struct_size;
  uint32_t pack_count;
  uint64_t source_bytes; /* sources still held */
  uint64_t packed_bytes; /* owned by this set alone */
  uint64_t shared_bytes; /* packs and sources shared with other sets */
} rlx_usage_out;

#define RLX_INTERFACE_PARAMS_1 "rlx.params/1"
typedef struct rlx_params_1 {
  int32_t (*create)(rlx_device* device, const rlx_params_create_in* in, rlx_params_create_out* out, rlx_error* error); /* [any-thread] */
  /* Before seal only. [per-object] Errors: INVALID_ARGUMENT (index, bytes), FAILED_PRECONDITION (sealed). */
  int32_t (*put)(rlx_param_set* set, const rlx_put_in* in, void* out, rlx_error* error);
  int32_t (*seal)(rlx_param_set* set, const void* in, void* out, rlx_error* error); /* [per-object] afterwards [any-thread] */
  /* Idempotent; one pack per key however many threads ask. [any-thread]
     Errors: NOT_FOUND with the count of missing entries, INVALID_ARGUMENT (dtype or dims differ from the image's),
     FAILED_PRECONDITION (not sealed), OUT_OF_MEMORY. */
  int32_t (*prepare)(rlx_param_set* set, const rlx_prepare_in* in, rlx_prepare_out* out, rlx_error* error);
  void (*release)(rlx_param_set* set, rlx_executable* executable); /* [any-thread] undoes prepare: packs of no user go */
  void (*destroy)(rlx_param_set* set);                             /* [per-object] a base may go before its heirs */
  int32_t (*usage)(rlx_param_set* set, const void* in, rlx_usage_out* out, rlx_error* error); /* [any-thread] */
} rlx_params_1;

#ifdef __cplusplus
}
#endif

#endif /* RLX_PARAMS_H_ */
