// SPDX-License-Identifier: Apache-2.0
// The door: descriptor note, the one exported function, rlx.plugin/1 and rlx.device/1.
#include <stdio.h>
#include <unistd.h>
#if RLX_FAULT == 212
#include <sys/socket.h>
#endif

#include "objects.h"

#if defined(__SANITIZE_ADDRESS__)
#define C0_SANITIZER RLX_SANITIZER_ADDRESS
#elif defined(__SANITIZE_THREAD__)
#define C0_SANITIZER RLX_SANITIZER_THREAD
#else
#define C0_SANITIZER RLX_SANITIZER_NONE
#endif

namespace {

#if RLX_FAULT == 135
constexpr uint32_t kMinorLeast = 0;
#else
constexpr uint32_t kMinorLeast = RLX_ABI_MINOR;
#endif

RLX_DESCRIPTOR_SECTION const rlx_descriptor_note kNote = {
    RLX_DESCRIPTOR_NOTE_HEAD,
    {{'R', 'L', 'X', 'P', 'L', 'U', 'G', '\0'},
     RLX_DESCRIPTOR_BYTES,
     RLX_DESCRIPTOR_VERSION,
     RLX_ABI_EPOCH,
     RLX_ABI_MAJOR,
     kMinorLeast,
     rlx_c0::kMinorMost,
     RLX_LIR_VERSION,
     RLX_LIR_VERSION,
     -200,
     RLX_PLUGIN_FLAG_UNLOAD_SAFE,
     C0_SANITIZER,
     1,
     {0, 0},
     "org.rlx.c0",
     "RLX C0",
     "RLX",
     "0.1.0",  // kVersion
     {"c0"},
     {},
     {}},
};

}  // namespace

namespace rlx_c0 {

int32_t no_options(const rlx_option* rows, uint32_t count, uint32_t stride, const char* what,
                   rlx_error* error) {
  if (count == 0) return RLX_STATUS_OK;
  if (!rows || stride < sizeof(rlx_option))
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, count, "%s: %u options without rows", what,
                count);
  const rlx_option row = row_at(rows, stride, 0);
  return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, 0, "%s: unknown option `%.*s`, there is none",
              what, shown(row.key, 700), data_of(row.key));
}

void hold_device(rlx_device* device) { __atomic_add_fetch(&device->references, 1, __ATOMIC_RELAXED); }

void drop_device(rlx_device* device) {
  if (!device || __atomic_sub_fetch(&device->references, 1, __ATOMIC_ACQ_REL)) return;
  pthread_mutex_destroy(&device->mutex);
  release(device);
}

uint64_t unique_id() {
  static uint64_t last = 0;
  return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

namespace {

#if RLX_FAULT == 99 || RLX_FAULT == 158
/// Never ends: it lives in code that may be unmapped.
void* live(void*) {
  for (;;) usleep(500);
}
void start_thread() {
  pthread_t thread;
  if (pthread_create(&thread, nullptr, live, nullptr) == 0) {
    RLX_REACHED();
    pthread_detach(thread);
  }
}
#endif
#if RLX_FAULT == 158  // thread-at-load
__attribute__((constructor)) void at_load() { start_thread(); }
#endif

int32_t plugin_open(const rlx_open_in* in, rlx_open_out* out, rlx_error* error) {
  rlx_open_in own;
  C0_TRY(read_in(&own, in, "open", error));
  C0_TRY(check_out(out, sizeof(rlx_open_out), "open", error));
  C0_TRY(no_options(own.options, own.option_count, own.option_stride, "open", error));
#if RLX_FAULT == 130
  if (own.host && own.host->get_service) {
    const rlx_str id = {RLX_HOST_THREADS_1, sizeof RLX_HOST_THREADS_1 - 1};
    fault_note(130)->word[0] = reinterpret_cast<uint64_t>(own.host->get_service(own.host->user, id));
    fault_note(130)->word[1] = reinterpret_cast<uint64_t>(own.host->user);
  }
#endif
#if RLX_FAULT == 212  // reaches-out
  const int socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket_fd >= 0) close(socket_fd);
  RLX_REACHED();
#endif
#if RLX_FAULT == 99  // crash-at-unload
  start_thread();
#endif
  use_host(own.host);
  rlx_plugin* plugin = make<rlx_plugin>();
  if (!plugin)
    return fail(error, RLX_STATUS_OUT_OF_MEMORY, RLX_NO_INDEX, sizeof(rlx_plugin), "open: no memory");
  plugin->abi_minor = own.abi_minor;
  return write_out(out, rlx_open_out{sizeof(rlx_open_out), 0, plugin});
}

void plugin_close(rlx_plugin* plugin) {
  release(plugin);
  use_host(nullptr);
}

int32_t plugin_device_count(rlx_plugin* plugin, const void* in, rlx_device_count_out* out, rlx_error* error) {
  C0_WANT(plugin, "device_count: the plugin");
  C0_TRY(read_none(in, "device_count", error));
  C0_TRY(check_out(out, sizeof(rlx_device_count_out), "device_count", error));
  return write_out(out, rlx_device_count_out{sizeof(rlx_device_count_out), 1, ""});
}

int32_t plugin_device_info(rlx_plugin* plugin, const rlx_device_info_in* in, rlx_device_info_out* out,
                           rlx_error* error) {
  C0_WANT(plugin, "device_info: the plugin");
  rlx_device_info_in own;
  C0_TRY(read_in(&own, in, "device_info", error));
  C0_TRY(check_out(out, sizeof(rlx_device_info_out), "device_info", error));
#if RLX_FAULT == 228  // answers-before-refusing
  if (own.ordinal) {
    RLX_REACHED();
    out->min_alignment = 64;
  }
#endif
  if (own.ordinal)
    return fail(error, RLX_STATUS_NOT_FOUND, RLX_NO_INDEX, own.ordinal,
                "device_info: device %u, there is one", own.ordinal);
  rlx_device_info_out info = {};
  info.flags = RLX_DEVICE_FLAG_HOST_MEMORY | RLX_DEVICE_FLAG_FORK_SAFE;
#ifdef RLX_C0_FTZ
  info.flags |= RLX_DEVICE_FLAG_FTZ;
#endif
#if defined(RLX_C0_SEPARATE) || defined(RLX_C0_COPY)
  info.flags &= ~RLX_DEVICE_FLAG_HOST_MEMORY;
#endif
  snprintf(info.kind, sizeof info.kind, "c0");
  snprintf(info.name, sizeof info.name, "scalar kernels");
  snprintf(info.persistent_id, sizeof info.persistent_id, "c0:0");
  info.memory_bytes = info.max_alloc_bytes = uint64_t{1} << 40;
  info.min_alignment = 8;
  return write_out(out, info);
}

#define C0_TEXT(literal) \
  { literal, sizeof literal - 1 }

const rlx_option_info kOptions[] = {
    {C0_TEXT("plan"), C0_TEXT("enum"),
#ifdef RLX_C0_OWN
     C0_TEXT("own"),
#else
     C0_TEXT("image"),
#endif
     C0_TEXT("image: follow the image's plan; own: make another"), 1, 2},
    {C0_TEXT("composites"), C0_TEXT("enum"),
#ifdef RLX_C0_EXPAND
     C0_TEXT("expand"),
#else
     C0_TEXT("native"),
#endif
     C0_TEXT("native: by their kernels; expand: by their regions"), 1, 2},
#ifndef RLX_C0_LIMBS
    {C0_TEXT("precision"), C0_TEXT("enum"), C0_TEXT("f32"), C0_TEXT("f32, f32_strict, tf32, f16, bf16"), 1, 2},
#endif
};

int32_t plugin_describe_options(rlx_plugin* plugin, const void* in, rlx_describe_options_out* out,
                                rlx_error* error) {
  C0_WANT(plugin, "describe_options: the plugin");
  C0_TRY(read_none(in, "describe_options", error));
  C0_TRY(check_out(out, sizeof(rlx_describe_options_out), "describe_options", error));
#if RLX_FAULT == 227  // stride-unset: callers of this build know how long a row is
  RLX_REACHED();
  return write_out(out, rlx_describe_options_out{sizeof(rlx_describe_options_out), 1, kOptions, 0, 0});
#endif
  return write_out(
      out, rlx_describe_options_out{sizeof(rlx_describe_options_out), sizeof kOptions / sizeof *kOptions,
                                    kOptions, sizeof *kOptions, 0});
}

int32_t device_open(rlx_plugin* plugin, const rlx_device_open_in* in, rlx_device_open_out* out,
                    rlx_error* error) {
  C0_WANT(plugin, "device open: the plugin");
  rlx_device_open_in own;
  C0_TRY(read_in(&own, in, "device open", error));
  C0_TRY(check_out(out, sizeof(rlx_device_open_out), "device open", error));
  C0_TRY(no_options(own.options, own.option_count, own.option_stride, "device open", error));
  if (own.ordinal)
    return fail(error, RLX_STATUS_NOT_FOUND, RLX_NO_INDEX, own.ordinal,
                "device open: device %u, there is one", own.ordinal);
  rlx_device* device = make<rlx_device>();
  if (!device)
    return fail(error, RLX_STATUS_OUT_OF_MEMORY, RLX_NO_INDEX, sizeof(rlx_device), "device open: no memory");
  device->references = 1;
  pthread_mutex_init(&device->mutex, nullptr);
  return write_out(out, rlx_device_open_out{sizeof(rlx_device_open_out), 0, device});
}

void device_close(rlx_device* device) { drop_device(device); }

int32_t device_memory_stats(rlx_device* device, const void* in, rlx_memory_stats_out* out, rlx_error* error) {
  C0_WANT(device, "memory_stats: the device");
  C0_TRY(read_none(in, "memory_stats", error));
  C0_TRY(check_out(out, sizeof(rlx_memory_stats_out), "memory_stats", error));
  const uint64_t total = uint64_t{1} << 40, used = __atomic_load_n(&device->used_bytes, __ATOMIC_RELAXED);
  return write_out(out, rlx_memory_stats_out{sizeof(rlx_memory_stats_out), 0, total, total - used, used});
}

int32_t device_fingerprint(rlx_device* device, const void* in, rlx_fingerprint_out* out, rlx_error* error) {
  C0_WANT(device, "fingerprint: the device");
  C0_TRY(read_none(in, "fingerprint", error));
  C0_TRY(check_out(out, sizeof(rlx_fingerprint_out), "fingerprint", error));
  rlx_fingerprint_out own = {};
  snprintf(own.text, sizeof own.text, "c0 1");
  own.hash = kFingerprint;
  return write_out(out, own);
}

const rlx_plugin_1 kPluginTable = {plugin_open, plugin_close, plugin_device_count, plugin_device_info,
                                   plugin_describe_options};

const void* get_interface(rlx_str id) {
  if (is_text(id, RLX_INTERFACE_PLUGIN_1)) return &kPluginTable;
  if (is_text(id, RLX_INTERFACE_DEVICE_1)) return &kDeviceTable;
  if (is_text(id, RLX_INTERFACE_BUFFER_1)) return &kBufferTable;
  if (is_text(id, RLX_INTERFACE_PARAMS_1)) return &kParamsTable;
  if (is_text(id, RLX_INTERFACE_COMPILE_1)) return &kCompileTable;
  if (is_text(id, RLX_INTERFACE_EXECUTE_1)) return &kExecuteTable;
#ifndef RLX_C0_NO_ARTIFACT
  if (is_text(id, RLX_INTERFACE_ARTIFACT_1)) return &kArtifactTable;
#endif
  return nullptr;
}

bool within(uint32_t own, uint32_t least, uint32_t most) { return least <= own && own <= most; }

}  // namespace

const rlx_device_1 kDeviceTable = {device_open, device_close, device_memory_stats, device_fingerprint};

}  // namespace rlx_c0

RLX_EXPORT int32_t rlx_plugin_query(const rlx_query_in* in, rlx_query_out* out, rlx_error* error) {
  using namespace rlx_c0;
  C0_WANT(in, "rlx_plugin_query: in");
  rlx_query_in host;
  C0_TRY(read_in(&host, in, "rlx_plugin_query", error));
  C0_TRY(check_out(out, sizeof(rlx_query_out), "rlx_plugin_query", error));
  if (host.abi_epoch != RLX_ABI_EPOCH || host.abi_major != RLX_ABI_MAJOR ||
      (host.abi_minor_max < kMinorLeast || host.abi_minor_min > kMinorMost) ||
      !within(RLX_LIR_VERSION, host.lir_version_min, host.lir_version_max))
    return fail(error, RLX_STATUS_VERSION, RLX_NO_INDEX, 0,
                "host has ABI epoch %u, major %u, minors %u to %u and LIR %u to %u; plugin org.rlx.c0 has "
                "epoch %u, major %u, minors %u to %u "
                "and LIR %u to %u",
                host.abi_epoch, host.abi_major, host.abi_minor_min, host.abi_minor_max, host.lir_version_min,
                host.lir_version_max, RLX_ABI_EPOCH, RLX_ABI_MAJOR, kMinorLeast, kMinorMost,
                RLX_LIR_VERSION, RLX_LIR_VERSION);
#if RLX_FAULT == 134  // note-differs
  static rlx_descriptor other = kNote.descriptor;
  RLX_REACHED();
  snprintf(other.version, sizeof other.version, "0.2.0");
  return write_out(
      out, rlx_query_out{sizeof(rlx_query_out), RLX_ABI_MINOR, RLX_LIR_VERSION, 0, &other, get_interface});
#endif
#if RLX_FAULT == 135  // lowest-common
  const uint32_t lowest = host.abi_minor_min;
  if (lowest != RLX_ABI_MINOR) RLX_REACHED();
  return write_out(out, rlx_query_out{sizeof(rlx_query_out), lowest, RLX_LIR_VERSION, 0, &kNote.descriptor,
                                      get_interface});
#endif
  const uint32_t chosen = host.abi_minor_max < kMinorMost ? host.abi_minor_max : kMinorMost;
  return write_out(out, rlx_query_out{sizeof(rlx_query_out), chosen, RLX_LIR_VERSION, 0,
                                      &kNote.descriptor, get_interface});
}
