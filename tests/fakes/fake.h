/* SPDX-License-Identifier: Apache-2.0 */
/* The body of every fake plugin: small, complete and well behaved. A fake defines what it does otherwise and
   includes this file once. Two devices; buffers are malloc'ed; execute copies input 0 to output 0. */
#include <rlx/buffer.h>
#include <rlx/compile.h>
#include <rlx/device.h>
#include <rlx/execute.h>
#include <rlx/params.h>
#include <rlx/plugin.h>

#include <stdlib.h>

#ifndef FAKE_ID
#define FAKE_ID "org.example.fake"
#endif
#ifndef FAKE_KIND
#define FAKE_KIND "fake"
#endif
#ifndef FAKE_VERSION
#define FAKE_VERSION "1.2.3"
#endif
#ifndef FAKE_EPOCH
#define FAKE_EPOCH RLX_ABI_EPOCH
#endif
#ifndef FAKE_MINOR_MIN
#define FAKE_MINOR_MIN 1
#endif
#ifndef FAKE_MINOR_MAX
#define FAKE_MINOR_MAX 1
#endif
#ifndef FAKE_PRIORITY
#define FAKE_PRIORITY 0
#endif
#ifndef FAKE_DEVICES
#define FAKE_DEVICES 2
#endif
#ifndef FAKE_REASON
#define FAKE_REASON ""
#endif
#ifndef FAKE_CPU_FEATURES
#define FAKE_CPU_FEATURES 0
#endif
#ifndef FAKE_SANITIZER
#if defined(__SANITIZE_ADDRESS__)
#define FAKE_SANITIZER RLX_SANITIZER_ADDRESS
#elif defined(__SANITIZE_THREAD__)
#define FAKE_SANITIZER RLX_SANITIZER_THREAD
#else
#define FAKE_SANITIZER RLX_SANITIZER_NONE
#endif
#endif
#ifndef FAKE_IN_QUERY /* statements at the start of rlx_plugin_query */
#define FAKE_IN_QUERY
#endif
#ifndef FAKE_IN_OPEN /* statements at the start of the plugin's open */
#define FAKE_IN_OPEN
#endif
#ifndef FAKE_CHOSEN_MINOR
#define FAKE_CHOSEN_MINOR (in->abi_minor_max < FAKE_MINOR_MAX ? in->abi_minor_max : FAKE_MINOR_MAX)
#endif
#ifndef FAKE_ANSWER_DESCRIPTOR
#define FAKE_ANSWER_DESCRIPTOR &fake_note.descriptor
#endif
#ifndef FAKE_WITHOUT_INTERFACE
#define FAKE_WITHOUT_INTERFACE "none"
#endif
#ifndef FAKE_DEVICE_INFO
#define FAKE_DEVICE_INFO fake_device_info
#endif
#ifndef FAKE_DEVICE_OPEN
#define FAKE_DEVICE_OPEN fake_device_open
#endif
#ifndef FAKE_MEMORY_STATS
#define FAKE_MEMORY_STATS fake_memory_stats
#endif
#ifndef FAKE_SEAL
#define FAKE_SEAL fake_seal
#endif

#define FAKE_DESCRIPTOR                                                                                  \
  {                                                                                                      \
    "RLXPLUG", RLX_DESCRIPTOR_BYTES, RLX_DESCRIPTOR_VERSION, FAKE_EPOCH, RLX_ABI_MAJOR, FAKE_MINOR_MIN,  \
        FAKE_MINOR_MAX, 1, RLX_LIR_VERSION, FAKE_PRIORITY, 0, FAKE_SANITIZER, 1, {FAKE_CPU_FEATURES, 0}, \
        FAKE_ID, "A fake", "nobody", FAKE_VERSION, {FAKE_KIND}, {""}, {                                  \
      0                                                                                                  \
    }                                                                                                    \
  }

#include <rlx/lir.h>

static const rlx_descriptor_note fake_note RLX_DESCRIPTOR_SECTION = {RLX_DESCRIPTOR_NOTE_HEAD,
                                                                     FAKE_DESCRIPTOR};

struct rlx_plugin {
  int opened;
};
struct rlx_device {
  uint64_t used;
};
struct rlx_buffer {
  rlx_device* device;
  uint64_t bytes;
  unsigned char* data;
};
struct rlx_param_set {
  uint32_t count, put, sealed;
};
struct rlx_executable {
  uint64_t image_bytes;
};
struct rlx_context {
  rlx_executable* executable;
};

#define FAKE_READ_IN(type)                                                                 \
  type own;                                                                                \
  uint64_t fake_detail = 0;                                                                \
  const int32_t fake_status = rlx_read_in(&own, sizeof own, in, sizeof own, &fake_detail); \
  if (fake_status) return rlx_fail(error, fake_status, RLX_NO_INDEX, fake_detail, #type " does not fit")
#define FAKE_WRITE_OUT(value) rlx_write_out(out, &(value), sizeof(value), sizeof(value), NULL)

static int32_t fake_open(const rlx_open_in* in, rlx_open_out* out, rlx_error* error) {
  FAKE_IN_OPEN
  FAKE_READ_IN(rlx_open_in);
  rlx_open_out made = {sizeof made, 0, (rlx_plugin*)calloc(1, sizeof(rlx_plugin))};
  const void* table =
      own.host ? own.host->get_service(own.host->user, (rlx_str){RLX_HOST_LOG_1, sizeof RLX_HOST_LOG_1 - 1})
               : NULL;
  if (table)
    ((const rlx_host_log_1*)table)->write(own.host->user, RLX_LOG_INFO, (rlx_str){"fake opened", 11});
  return FAKE_WRITE_OUT(made);
}
static void fake_close(rlx_plugin* plugin) { free(plugin); }
static int32_t fake_device_count(rlx_plugin* plugin, const void* in, rlx_device_count_out* out,
                                 rlx_error* error) {
  rlx_device_count_out answer = {sizeof answer, FAKE_DEVICES, FAKE_REASON};
  (void)plugin, (void)in, (void)error;
  return FAKE_WRITE_OUT(answer);
}
static inline int32_t fake_device_info(rlx_plugin* plugin, const rlx_device_info_in* in,
                                       rlx_device_info_out* out, rlx_error* error) {
  FAKE_READ_IN(rlx_device_info_in);
  rlx_device_info_out info = {sizeof info,
                              RLX_DEVICE_FLAG_HOST_MEMORY,
                              FAKE_KIND,
                              "a fake device",
                              "fake",
                              1u << 30,
                              1u << 30,
                              64,
                              0};
  (void)plugin;
  if (own.ordinal + 1 > FAKE_DEVICES)
    return rlx_fail(error, RLX_STATUS_NOT_FOUND, RLX_NO_INDEX, own.ordinal, "no such device");
  return FAKE_WRITE_OUT(info);
}
static const rlx_plugin_1 fake_plugin_table = {fake_open, fake_close, fake_device_count, FAKE_DEVICE_INFO,
                                               NULL};

static inline int32_t fake_device_open(rlx_plugin* plugin, const rlx_device_open_in* in,
                                       rlx_device_open_out* out, rlx_error* error) {
  FAKE_READ_IN(rlx_device_open_in);
  (void)plugin;
  if (own.option_count)
    return rlx_fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, 0, "this device has no options");
  rlx_device_open_out made = {sizeof made, 0, (rlx_device*)calloc(1, sizeof(rlx_device))};
  return FAKE_WRITE_OUT(made);
}
static void fake_device_close(rlx_device* device) { free(device); }
static inline int32_t fake_memory_stats(rlx_device* device, const void* in, rlx_memory_stats_out* out,
                                        rlx_error* error) {
  rlx_memory_stats_out stats = {sizeof stats, 0, 1u << 30, (1u << 30) - device->used, device->used};
  (void)in, (void)error;
  return FAKE_WRITE_OUT(stats);
}
static int32_t fake_fingerprint(rlx_device* device, const void* in, rlx_fingerprint_out* out,
                                rlx_error* error) {
  rlx_fingerprint_out print = {sizeof print, 0, "fake 1", {1, 2}};
  (void)device, (void)in, (void)error;
  return FAKE_WRITE_OUT(print);
}
static const rlx_device_1 fake_device_table = {FAKE_DEVICE_OPEN, fake_device_close, FAKE_MEMORY_STATS,
                                               fake_fingerprint};

static int32_t fake_alloc(rlx_device* device, const rlx_alloc_in* in, rlx_alloc_out* out, rlx_error* error) {
  FAKE_READ_IN(rlx_alloc_in);
  if (own.bytes > 1u << 30)
    return rlx_fail(error, RLX_STATUS_RESOURCE_EXHAUSTED, RLX_NO_INDEX, own.bytes,
                    "over the budget of 1 GiB");
  rlx_buffer* buffer = (rlx_buffer*)calloc(1, sizeof(rlx_buffer));
  buffer->device = device;
  buffer->bytes = own.bytes;
  buffer->data = (unsigned char*)aligned_alloc(4096, (own.bytes + 4096) / 4096 * 4096);
  device->used += own.bytes;
  rlx_alloc_out made = {sizeof made, 0, buffer, buffer->data};
  return FAKE_WRITE_OUT(made);
}
static void fake_free(rlx_buffer* buffer) {
  if (!buffer) return;
  buffer->device->used -= buffer->bytes;
  free(buffer->data);
  free(buffer);
}
static int32_t fake_outside(const rlx_buffer* buffer, uint64_t offset, uint64_t bytes) {
  return offset > buffer->bytes || bytes > buffer->bytes - offset;
}
static int32_t fake_write(rlx_buffer* buffer, const rlx_transfer_in* in, void* out, rlx_error* error) {
  FAKE_READ_IN(rlx_transfer_in);
  (void)out;
  if (fake_outside(buffer, own.offset, own.bytes))
    return rlx_fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, own.offset,
                    "past the end of the buffer");
  memcpy(buffer->data + own.offset, own.host, own.bytes);
  return RLX_STATUS_OK;
}
static int32_t fake_read(rlx_buffer* buffer, const rlx_transfer_in* in, void* out, rlx_error* error) {
  FAKE_READ_IN(rlx_transfer_in);
  (void)out;
  if (fake_outside(buffer, own.offset, own.bytes))
    return rlx_fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, own.offset,
                    "past the end of the buffer");
  memcpy(own.host, buffer->data + own.offset, own.bytes);
  return RLX_STATUS_OK;
}
static int32_t fake_copy(rlx_buffer* target, const rlx_copy_in* in, void* out, rlx_error* error) {
  FAKE_READ_IN(rlx_copy_in);
  (void)out;
  if (fake_outside(target, own.offset, own.bytes) || fake_outside(own.source, own.source_offset, own.bytes))
    return rlx_fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, own.offset, "past the end of a buffer");
  memmove(target->data + own.offset, own.source->data + own.source_offset, own.bytes);
  return RLX_STATUS_OK;
}
static const rlx_buffer_1 fake_buffer_table = {fake_alloc, fake_free, fake_write, fake_read, fake_copy, NULL};

static int32_t fake_params_create(rlx_device* device, const rlx_params_create_in* in,
                                  rlx_params_create_out* out, rlx_error* error) {
  FAKE_READ_IN(rlx_params_create_in);
  (void)device;
  rlx_param_set* set = (rlx_param_set*)calloc(1, sizeof(rlx_param_set));
  set->count = own.count;
  rlx_params_create_out made = {sizeof made, 0, set};
  return FAKE_WRITE_OUT(made);
}
static int32_t fake_put(rlx_param_set* set, const rlx_put_in* in, void* out, rlx_error* error) {
  FAKE_READ_IN(rlx_put_in);
  (void)out;
  if (own.drop) own.drop(own.drop_user);
  if (own.index >= set->count)
    return rlx_fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, own.index, "no such entry");
  ++set->put;
  return RLX_STATUS_OK;
}
static inline int32_t fake_seal(rlx_param_set* set, const void* in, void* out, rlx_error* error) {
  (void)in, (void)out, (void)error;
  set->sealed = 1;
  return RLX_STATUS_OK;
}
/* Entries are put in order; what is left misses. */
static int32_t fake_prepare(rlx_param_set* set, const rlx_prepare_in* in, rlx_prepare_out* out,
                            rlx_error* error) {
  FAKE_READ_IN(rlx_prepare_in);
  rlx_prepare_out answer = {sizeof answer, set->count - set->put};
  if (!set->sealed)
    return rlx_fail(error, RLX_STATUS_FAILED_PRECONDITION, RLX_NO_INDEX, 0, "the set is not sealed");
  for (uint32_t i = 0; i < answer.missing_count && i < own.missing_capacity; ++i)
    own.missing[i] = set->put + i;
  if (FAKE_WRITE_OUT(answer))
    return rlx_fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, 0, "bad out-struct");
  if (!answer.missing_count) return RLX_STATUS_OK;
  return rlx_fail(error, RLX_STATUS_NOT_FOUND, RLX_NO_INDEX, answer.missing_count, "entries are missing");
}
static void fake_release(rlx_param_set* set, rlx_executable* executable) { (void)set, (void)executable; }
static void fake_params_destroy(rlx_param_set* set) { free(set); }
static int32_t fake_usage(rlx_param_set* set, const void* in, rlx_usage_out* out, rlx_error* error) {
  rlx_usage_out usage = {sizeof usage, set->put, 0, 0, 0};
  (void)in, (void)error;
  return FAKE_WRITE_OUT(usage);
}
static const rlx_params_1 fake_params_table = {
    fake_params_create, fake_put, FAKE_SEAL, fake_prepare, fake_release, fake_params_destroy, fake_usage};

static int32_t fake_claims(rlx_device* device, const void* in, rlx_claims_out* out, rlx_error* error) {
  static const rlx_claim row = {
      7, 1, 1, 8, RLX_DTYPE_BIT(RLX_DTYPE_F32), ~(uint64_t)0, 0, RLX_PRECISION_F32, RLX_CLAIM_DETERMINISTIC};
  rlx_claims_out claims = {sizeof claims, 1, &row, sizeof row, 0};
  (void)device, (void)in, (void)error;
  return FAKE_WRITE_OUT(claims);
}
static int32_t fake_query_support(rlx_device* device, const rlx_query_support_in* in,
                                  rlx_query_support_out* out, rlx_error* error) {
  FAKE_READ_IN(rlx_query_support_in);
  rlx_query_support_out answer = {sizeof answer, RLX_DEPENDS_NOTHING};
  (void)device;
  for (uint64_t i = 0; i < own.verdict_count; ++i) {
    rlx_verdict* verdict = (rlx_verdict*)((char*)own.verdicts + i * own.verdict_stride);
    verdict->verdict = i ? RLX_VERDICT_UNSUPPORTED : RLX_VERDICT_NATIVE;
    verdict->operand_index = RLX_NO_INDEX;
    if (i) memcpy(verdict->reason, "only the first", 15);
  }
  return FAKE_WRITE_OUT(answer);
}
static int32_t fake_compile(rlx_device* device, const rlx_compile_in* in, rlx_compile_out* out,
                            rlx_error* error) {
  FAKE_READ_IN(rlx_compile_in);
  (void)device;
  if (!own.image_bytes) return rlx_fail(error, RLX_STATUS_UNSUPPORTED, 3, 0, "op 3 is not for fakes");
  rlx_executable* executable = (rlx_executable*)calloc(1, sizeof(rlx_executable));
  executable->image_bytes = own.image_bytes;
  rlx_compile_out made = {sizeof made, 0, executable};
  return FAKE_WRITE_OUT(made);
}
static void fake_executable_destroy(rlx_executable* executable) { free(executable); }
static int32_t fake_executable_info(rlx_executable* executable, const void* in, rlx_executable_info_out* out,
                                    rlx_error* error) {
  static const rlx_arena_info arena = {256, 64, RLX_SPACE_DEVICE};
  rlx_executable_info_out info = {
      sizeof info, RLX_PLAN_OWN, &arena, 1, sizeof arena, executable->image_bytes, 5, 6};
  (void)in, (void)error;
  return FAKE_WRITE_OUT(info);
}
static const rlx_compile_1 fake_compile_table = {fake_claims, fake_query_support, fake_compile,
                                                 fake_executable_destroy, fake_executable_info};

static int32_t fake_context_create(rlx_executable* executable, const rlx_context_create_in* in,
                                   rlx_context_create_out* out, rlx_error* error) {
  FAKE_READ_IN(rlx_context_create_in);
  if (own.arena_count != 1 || own.arenas[0].bytes < 256)
    return rlx_fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, own.arena_count,
                    "wanted one arena of 256 bytes");
  rlx_context* context = (rlx_context*)calloc(1, sizeof(rlx_context));
  context->executable = executable;
  rlx_context_create_out made = {sizeof made, 0, context};
  return FAKE_WRITE_OUT(made);
}
static void fake_context_destroy(rlx_context* context) { free(context); }
static int32_t fake_execute(rlx_context* context, const rlx_execute_in* in, void* out, rlx_error* error) {
  FAKE_READ_IN(rlx_execute_in);
  (void)context, (void)out;
  if (own.input_count != 1 || own.output_count != 1)
    return rlx_fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, own.input_count,
                    "wanted one input and one output");
  if (own.inputs->bytes != own.outputs->bytes)
    return rlx_fail(error, RLX_STATUS_DATA_ERROR, 0, own.inputs->bytes, "index 7 is out of range");
  memcpy(own.outputs->host, own.inputs->host, own.inputs->bytes);
  return RLX_STATUS_OK;
}
static const rlx_execute_1 fake_execute_table = {fake_context_create, fake_context_destroy, fake_execute};

static int fake_is(rlx_str id, const char* text) {
  return id.size == strlen(text) && memcmp(id.data, text, id.size) == 0;
}
static const void* fake_get_interface(rlx_str id) {
  if (fake_is(id, FAKE_WITHOUT_INTERFACE)) return NULL;
  if (fake_is(id, RLX_INTERFACE_PLUGIN_1)) return &fake_plugin_table;
  if (fake_is(id, RLX_INTERFACE_DEVICE_1)) return &fake_device_table;
  if (fake_is(id, RLX_INTERFACE_BUFFER_1)) return &fake_buffer_table;
  if (fake_is(id, RLX_INTERFACE_PARAMS_1)) return &fake_params_table;
  if (fake_is(id, RLX_INTERFACE_COMPILE_1)) return &fake_compile_table;
  if (fake_is(id, RLX_INTERFACE_EXECUTE_1)) return &fake_execute_table;
  return NULL;
}

int32_t rlx_plugin_query(const rlx_query_in* in, rlx_query_out* out, rlx_error* error) {
  (void)error;
  FAKE_IN_QUERY
  rlx_query_out answer = {sizeof answer,          FAKE_CHOSEN_MINOR, RLX_LIR_VERSION, 0,
                          FAKE_ANSWER_DESCRIPTOR, fake_get_interface};
  (void)in;
  memcpy(out, &answer, sizeof answer);
  return RLX_STATUS_OK;
}
