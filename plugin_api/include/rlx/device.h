/* SPDX-License-Identifier: Apache-2.0 */
/* rlx.device/1: opens one device of a plugin instance. */
#ifndef RLX_DEVICE_H_
#define RLX_DEVICE_H_

#include <rlx/plugin.h>
#include <rlx/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rlx_device rlx_device;

typedef struct rlx_device_open_in {
  uint32_t struct_size;
  uint32_t ordinal;
  const rlx_option* options;
  uint32_t option_count;
  uint32_t option_stride;
} rlx_device_open_in;

typedef struct rlx_device_open_out {
  uint32_t struct_size;
  uint32_t reserved;
  rlx_device* device;
} rlx_device_open_out;

typedef struct rlx_memory_stats_out {
  uint32_t struct_size;
  uint32_t reserved;
  uint64_t total_bytes;
  uint64_t free_bytes;
  uint64_t used_bytes; /* by this device object */
} rlx_memory_stats_out;

/* What compiled code depends on besides the plugin file: architecture, driver, libraries. */
typedef struct rlx_fingerprint_out {
  uint32_t struct_size;
  uint32_t reserved;
  char text[128];
  rlx_hash128 hash; /* of the text */
} rlx_fingerprint_out;

#define RLX_INTERFACE_DEVICE_1 "rlx.device/1"
typedef struct rlx_device_1 {
  /* [any-thread] Errors: NOT_FOUND, INVALID_ARGUMENT (options), OUT_OF_MEMORY, DEVICE_LOST. */
  int32_t (*open)(rlx_plugin* plugin, const rlx_device_open_in* in, rlx_device_open_out* out, rlx_error* error);
  void (*close)(rlx_device* device);                                                                      /* [per-object] */
  int32_t (*memory_stats)(rlx_device* device, const void* in, rlx_memory_stats_out* out, rlx_error* error); /* may be null */
  int32_t (*fingerprint)(rlx_device* device, const void* in, rlx_fingerprint_out* out, rlx_error* error);   /* [any-thread] */
} rlx_device_1;

#ifdef __cplusplus
}
#endif

#endif /* RLX_DEVICE_H_ */
