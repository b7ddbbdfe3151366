/* SPDX-License-Identifier: Apache-2.0 */
/* rlx.artifact/1: compiled code as bytes. The host keeps them beside the image, which says what the executable takes and
   gives; an imported executable obeys every rule of a compiled one. */
#ifndef RLX_EXT_ARTIFACT_H_
#define RLX_EXT_ARTIFACT_H_

#include <rlx/compile.h>
#include <rlx/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RLX_COMPAT_BYTES_MAX 256u

typedef struct rlx_artifact_export_in {
  uint32_t struct_size;
  uint32_t reserved;
  rlx_executable* executable;
  /* Called with the pieces in order, on the calling thread; non-zero means stop, and the call returns CANCELLED. */
  int32_t (*write)(void* user, const void* bytes, uint64_t size);
  void* user;
  const rlx_call* call;
} rlx_artifact_export_in;

typedef struct rlx_artifact_export_out {
  uint32_t struct_size;
  uint32_t compat_size;                  /* bytes of `compat` in use */
  uint64_t bytes;                        /* of the artifact; 0 = there is nothing worth keeping, which is no error */
  uint8_t compat[RLX_COMPAT_BYTES_MAX]; /* what check is asked about: architecture, driver, libraries */
} rlx_artifact_export_out;

typedef struct rlx_artifact_check_in {
  uint32_t struct_size;
  uint32_t compat_size;
  const void* compat;
} rlx_artifact_check_in;

#define RLX_ARTIFACT_STALE 0u   /* cannot be used; compile again */
#define RLX_ARTIFACT_WORKS 1u   /* can be used; compiling again would give better code */
#define RLX_ARTIFACT_OPTIMAL 2u

typedef struct rlx_artifact_check_out {
  uint32_t struct_size;
  uint32_t verdict; /* RLX_ARTIFACT_* */
  char reason[128]; /* where it is not optimal, for a person */
} rlx_artifact_check_out;

/* drop(drop_user) is called exactly once when the artifact's bytes are no longer needed, also when import fails; may be
   null. Until then they stay readable and unchanged; they may be mapped read-only. */
typedef struct rlx_artifact_import_in {
  uint32_t struct_size;
  uint32_t option_count;
  const void* image; /* that the artifact was compiled from; borrowed for the call, 8-byte aligned */
  uint64_t image_bytes;
  const void* artifact; /* 64-byte aligned */
  uint64_t artifact_bytes;
  const rlx_option* options; /* as for compile_lir */
  uint32_t option_stride;
  uint32_t thread_limit;
  void (*drop)(void* user);
  void* drop_user;
  const rlx_call* call;
} rlx_artifact_import_in;

#define RLX_INTERFACE_ARTIFACT_1 "rlx.artifact/1"
typedef struct rlx_artifact_1 {
  /* [any-thread] Errors: CANCELLED, DEADLINE, OUT_OF_MEMORY. `export` is a word of C++. */
  int32_t (*export_code)(rlx_device* device, const rlx_artifact_export_in* in, rlx_artifact_export_out* out, rlx_error* error);
  /* Bytes from disk are hostile: the plugin checks them, and refuses with INVALID_ARGUMENT. [any-thread]
     Errors: INVALID_ARGUMENT, FAILED_PRECONDITION (stale), OUT_OF_MEMORY, CANCELLED, DEADLINE. */
  int32_t (*import_code)(rlx_device* device, const rlx_artifact_import_in* in, rlx_compile_out* out, rlx_error* error);
  /* Asks no device and reads no artifact. [any-thread] Errors: INVALID_ARGUMENT for what is no compat blob of this plugin. */
  int32_t (*check)(rlx_plugin* plugin, const rlx_artifact_check_in* in, rlx_artifact_check_out* out, rlx_error* error);
} rlx_artifact_1;

#ifdef __cplusplus
}
#endif

#endif /* RLX_EXT_ARTIFACT_H_ */
