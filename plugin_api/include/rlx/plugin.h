/* SPDX-License-Identifier: Apache-2.0 */
/* How a plugin is found, recognised and entered: the descriptor that is read without running code, the one exported
   function, and the interface rlx.plugin/1. */
#ifndef RLX_PLUGIN_H_
#define RLX_PLUGIN_H_

#include <rlx/host_services.h>
#include <rlx/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The descriptor: 768 bytes, 4-byte aligned, no pointers. Frozen. -----------------------------------------------
   It lies in an ELF note of owner "RLX", type 1, and rlx_plugin_query returns a pointer to the same bytes. Texts are
   UTF-8, NUL-padded, and at least one NUL ends each. A file without exactly one such note is never loaded. */
#define RLX_DESCRIPTOR_BYTES 768u
#define RLX_DESCRIPTOR_VERSION 1u
#define RLX_NOTE_OWNER "RLX"
#define RLX_NOTE_TYPE 1u

#define RLX_PLUGIN_FLAG_UNLOAD_SAFE 1u /* may be dlclosed after rlx.plugin/1 close */

#define RLX_SANITIZER_NONE 0u
#define RLX_SANITIZER_ADDRESS 1u
#define RLX_SANITIZER_THREAD 2u
#define RLX_SANITIZER_MEMORY 3u

/* CPU features that a plugin cannot load without, word 0. What it merely can use is its own affair. */
#define RLX_CPU_X86_AVX2_FMA 1u
#define RLX_CPU_X86_AVX512 2u /* F, BW, DQ, VL */

typedef struct rlx_descriptor {
  char magic[8];                 /*   0 "RLXPLUG" */
  uint32_t size;                 /*   8 RLX_DESCRIPTOR_BYTES */
  uint32_t descriptor_version;   /*  12 RLX_DESCRIPTOR_VERSION */
  uint32_t abi_epoch;            /*  16 */
  uint32_t abi_major;            /*  20 */
  uint32_t abi_minor_min;        /*  24 */
  uint32_t abi_minor_max;        /*  28 */
  uint32_t lir_version_min;      /*  32 */
  uint32_t lir_version_max;      /*  36 */
  int32_t priority;              /*  40 of several plugins for one kind the highest wins; 0 is usual */
  uint32_t flags;                /*  44 RLX_PLUGIN_FLAG_* */
  uint32_t sanitizer;            /*  48 RLX_SANITIZER_* */
  uint32_t kind_count;           /*  52 entries of `kinds` in use, 1..8 */
  uint32_t cpu_features[2];      /*  56 RLX_CPU_* */
  char id[64];                   /*  64 reverse DNS, e.g. "org.example.mybackend" */
  char name[64];                 /* 128 */
  char vendor[64];               /* 192 */
  char version[32];              /* 256 "1.2.3" */
  char kinds[8][16];             /* 288 device kinds, [a-z][a-z0-9_]*, e.g. "cpu" */
  char sonames[4][64];           /* 416 driver libraries without which there is no device */
  char reserved[96];             /* 672 zero */
} rlx_descriptor;                /* 768 */

/* The ELF note that carries it. Members of 4-byte alignment only. */
typedef struct rlx_descriptor_note {
  uint32_t name_size; /* 4 */
  uint32_t desc_size; /* RLX_DESCRIPTOR_BYTES */
  uint32_t type;      /* RLX_NOTE_TYPE */
  char name[4];       /* "RLX" */
  rlx_descriptor descriptor;
} rlx_descriptor_note;

/* Put before the definition of the one rlx_descriptor_note object of a plugin. */
#if defined(__GNUC__)
#define RLX_DESCRIPTOR_SECTION __attribute__((section(".note.rlx"), used, aligned(4)))
#define RLX_EXPORT __attribute__((visibility("default")))
#else
#define RLX_DESCRIPTOR_SECTION
#define RLX_EXPORT
#endif
#define RLX_DESCRIPTOR_NOTE_HEAD 4u, RLX_DESCRIPTOR_BYTES, RLX_NOTE_TYPE, RLX_NOTE_OWNER

/* ---- Entry ----------------------------------------------------------------------------------------------------------- */
typedef struct rlx_query_in {
  uint32_t struct_size;
  uint32_t abi_epoch;
  uint32_t abi_major;
  uint32_t abi_minor_min;
  uint32_t abi_minor_max;
  uint32_t lir_version_min;
  uint32_t lir_version_max;
  uint32_t reserved;
  rlx_str host_name;
  rlx_str host_version;
} rlx_query_in; /* 64 bytes, frozen */

typedef struct rlx_query_out {
  uint32_t struct_size;
  uint32_t abi_minor;   /* the highest common minor */
  uint32_t lir_version; /* the highest common LIR version */
  uint32_t reserved;
  const rlx_descriptor* descriptor; /* static */
  /* The table of interface `id`, or null where the plugin has none. One id, one table, static. [any-thread] */
  const void* (*get_interface)(rlx_str id);
} rlx_query_out; /* 32 bytes, frozen */

/* The one exported symbol. Pure: no threads, devices, allocation, output; callable any number of times. [any-thread]
   Errors: VERSION where the ranges do not overlap, with both ranges in the text. */
#define RLX_PLUGIN_QUERY_SYMBOL "rlx_plugin_query"
typedef int32_t (*rlx_plugin_query_fn)(const rlx_query_in* in, rlx_query_out* out, rlx_error* error);
RLX_EXPORT int32_t rlx_plugin_query(const rlx_query_in* in, rlx_query_out* out, rlx_error* error);

/* ---- rlx.plugin/1 ------------------------------------------------------------------------------------------------------ */
typedef struct rlx_plugin rlx_plugin; /* one opened instance */

/* One option, as text. Unknown keys and values that do not parse are INVALID_ARGUMENT with the key. Frozen. */
typedef struct rlx_option {
  rlx_str key;
  rlx_str value;
} rlx_option;

typedef struct rlx_open_in {
  uint32_t struct_size;
  uint32_t option_count;
  const rlx_host* host; /* may be null: no services */
  const rlx_option* options;
  uint32_t option_stride;
  uint32_t abi_minor; /* the minor of the handshake */
} rlx_open_in;

typedef struct rlx_open_out {
  uint32_t struct_size;
  uint32_t reserved;
  rlx_plugin* plugin;
} rlx_open_out;

typedef struct rlx_device_count_out {
  uint32_t struct_size;
  uint32_t count;
  char reason[RLX_ERROR_MESSAGE_BYTES]; /* where count is 0: the one missing thing, for a person */
} rlx_device_count_out;

#define RLX_DEVICE_FLAG_FTZ 1u
#define RLX_DEVICE_FLAG_FORK_SAFE 2u
#define RLX_DEVICE_FLAG_OFFLINE 4u
#define RLX_DEVICE_FLAG_ALLOCATES_OUTPUTS 8u
#define RLX_DEVICE_FLAG_WEIGHTS_AT_COMPILE 16u
#define RLX_DEVICE_FLAG_HOST_MEMORY 32u /* host pointers are used in place */
#define RLX_DEVICE_FLAG_ALLOCATES_IN_RUNS 64u /* every run may allocate: not for a steady path */
typedef struct rlx_device_info_in {
  uint32_t struct_size;
  uint32_t ordinal; /* 0 .. count-1 */
} rlx_device_info_in;

typedef struct rlx_device_info_out {
  uint32_t struct_size;
  uint32_t flags; /* RLX_DEVICE_FLAG_* */
  char kind[16];
  char name[128];          /* for a person: "AVX-512; 2 threads" */
  char persistent_id[64];  /* UUID, bus or serial: names the same device in every process */
  uint64_t memory_bytes;
  uint64_t max_alloc_bytes;
  uint32_t min_alignment;  /* of device buffers' offsets, bytes */
  uint32_t max_parallel_compiles; /* 0 = any number */
} rlx_device_info_out;

typedef struct rlx_option_info {
  rlx_str key;
  rlx_str type;    /* "bool", "int", "float", "string", "enum" */
  rlx_str value;   /* the default */
  rlx_str allowed; /* range or values, for a person */
  uint32_t affects_code;
  uint32_t scope; /* 0 plugin, 1 device, 2 compile */
} rlx_option_info;

typedef struct rlx_describe_options_out {
  uint32_t struct_size;
  uint32_t count;
  const rlx_option_info* rows; /* static */
  uint32_t stride;
  uint32_t reserved;
} rlx_describe_options_out;

#define RLX_INTERFACE_PLUGIN_1 "rlx.plugin/1"
typedef struct rlx_plugin_1 {
  /* Opens an instance; two are independent. [any-thread] Errors: INVALID_ARGUMENT (options), OUT_OF_MEMORY, INTERNAL. */
  int32_t (*open)(const rlx_open_in* in, rlx_open_out* out, rlx_error* error);
  /* Everything made from the instance is destroyed before. [per-object] null does nothing. */
  void (*close)(rlx_plugin* plugin);
  /* Counts devices of the first kind of the descriptor. No device is an answer, not an error. [any-thread] */
  int32_t (*device_count)(rlx_plugin* plugin, const void* in, rlx_device_count_out* out, rlx_error* error);
  /* Errors: NOT_FOUND past the count. [any-thread] */
  int32_t (*device_info)(rlx_plugin* plugin, const rlx_device_info_in* in, rlx_device_info_out* out, rlx_error* error);
  /* May be null: the plugin has no options. [any-thread] */
  int32_t (*describe_options)(rlx_plugin* plugin, const void* in, rlx_describe_options_out* out, rlx_error* error);
} rlx_plugin_1;

#ifdef __cplusplus
}
#endif

#endif /* RLX_PLUGIN_H_ */
