// SPDX-License-Identifier: Apache-2.0
// The door of the reference plugin: descriptor note, the one exported function, rlx.plugin/1 and
// rlx.device/1.
#include <rlx/lir.h>

#include "tools/reference/guard.h"
#include "tools/reference/objects.h"

#if defined(__SANITIZE_ADDRESS__)
#define RLX_REFERENCE_SANITIZER RLX_SANITIZER_ADDRESS
#elif defined(__SANITIZE_THREAD__)
#define RLX_REFERENCE_SANITIZER RLX_SANITIZER_THREAD
#else
#define RLX_REFERENCE_SANITIZER RLX_SANITIZER_NONE
#endif

namespace {

RLX_DESCRIPTOR_SECTION const rlx_descriptor_note kNote = {
    RLX_DESCRIPTOR_NOTE_HEAD,
    {{'R', 'L', 'X', 'P', 'L', 'U', 'G', '\0'},
     RLX_DESCRIPTOR_BYTES,
     RLX_DESCRIPTOR_VERSION,
     RLX_ABI_EPOCH,
     RLX_ABI_MAJOR,
     RLX_ABI_MINOR,
     RLX_ABI_MINOR,
     RLX_LIR_VERSION,
     RLX_LIR_VERSION,
     -100,
     RLX_PLUGIN_FLAG_UNLOAD_SAFE,
     RLX_REFERENCE_SANITIZER,
     1,
     {0, 0},
     "org.rlx.reference",
     "RLX reference",
     "RLX",
     "0.1.0",
     {"reference"},
     {},
     {}},
};

}  // namespace

namespace rlx_reference {

int32_t no_options(const rlx_option* rows, uint32_t count, uint32_t stride, const char* what,
                   rlx_error* error) {
  if (count == 0) return RLX_STATUS_OK;
  if (!rows || stride < sizeof(rlx_option))
    return refuse(error, RLX_STATUS_INVALID_ARGUMENT, rlx::join(what, ": ", count, " options without rows"),
                  count);
  return refuse(error, RLX_STATUS_INVALID_ARGUMENT,
                rlx::join(what, ": unknown option `", text(row_at(rows, stride, 0).key), "`, there is none"));
}

namespace {

int32_t plugin_open(const rlx_open_in* in, rlx_open_out* out, rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    rlx_open_in own;
    RLX_STATUS_TRY(read_in(own, in, "open", error));
    RLX_STATUS_TRY(check_out(out, sizeof(rlx_open_out), "open", error));
    RLX_STATUS_TRY(no_options(own.options, own.option_count, own.option_stride, "open", error));
    return write_out(out, rlx_open_out{sizeof(rlx_open_out), 0, new rlx_plugin});
  });
}

void plugin_close(rlx_plugin* plugin) { delete plugin; }

int32_t plugin_device_count(rlx_plugin* plugin, const void* in, rlx_device_count_out* out, rlx_error* error) {
  if (!plugin) return refuse(error, RLX_STATUS_INVALID_ARGUMENT, "device_count: the plugin is null");
  RLX_STATUS_TRY(read_none(in, "device_count", error));
  RLX_STATUS_TRY(check_out(out, sizeof(rlx_device_count_out), "device_count", error));
  rlx_device_count_out own{};
  own.count = 1;
  return write_out(out, own);
}

int32_t plugin_device_info(rlx_plugin* plugin, const rlx_device_info_in* in, rlx_device_info_out* out,
                           rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (!plugin) return refuse(error, RLX_STATUS_INVALID_ARGUMENT, "device_info: the plugin is null");
    rlx_device_info_in own;
    RLX_STATUS_TRY(read_in(own, in, "device_info", error));
    RLX_STATUS_TRY(check_out(out, sizeof(rlx_device_info_out), "device_info", error));
    if (own.ordinal)
      return refuse(error, RLX_STATUS_NOT_FOUND,
                    rlx::join("device_info: device ", own.ordinal, ", there is one"), own.ordinal);
    rlx_device_info_out info{};
    info.flags = RLX_DEVICE_FLAG_HOST_MEMORY | RLX_DEVICE_FLAG_FORK_SAFE |
                 RLX_DEVICE_FLAG_ALLOCATES_IN_RUNS;
    strncpy(info.kind, "reference", sizeof info.kind - 1);
    strncpy(info.name, "float64 interpreter", sizeof info.name - 1);
    strncpy(info.persistent_id, "reference:0", sizeof info.persistent_id - 1);
    info.memory_bytes = info.max_alloc_bytes = uint64_t{1} << 40;
    info.min_alignment = 8;
    return write_out(out, info);
  });
}

template <std::size_t N>
constexpr rlx_str literal(const char (&chars)[N]) {
  return {chars, N - 1};
}

const rlx_option_info kOptions[] = {
    {literal("emit"), literal("enum"), literal("value"),
     literal("value: results; bound: the error that each float may have"), 1, 2},
    {literal("composites"), literal("enum"), literal("direct"),
     literal("direct: by definition; region: by expansion"), 1, 2},
    {literal("carry"), literal("enum"), literal("usual"),
     literal("worst: bounds of the worst case; usual: less where a long chain makes that useless"), 1, 2},
};

int32_t plugin_describe_options(rlx_plugin* plugin, const void* in, rlx_describe_options_out* out,
                                rlx_error* error) {
  if (!plugin) return refuse(error, RLX_STATUS_INVALID_ARGUMENT, "describe_options: the plugin is null");
  RLX_STATUS_TRY(read_none(in, "describe_options", error));
  RLX_STATUS_TRY(check_out(out, sizeof(rlx_describe_options_out), "describe_options", error));
  return write_out(out, rlx_describe_options_out{sizeof(rlx_describe_options_out), 3, kOptions,
                                                 sizeof(rlx_option_info), 0});
}

int32_t device_open(rlx_plugin* plugin, const rlx_device_open_in* in, rlx_device_open_out* out,
                    rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (!plugin) return refuse(error, RLX_STATUS_INVALID_ARGUMENT, "device open: the plugin is null");
    rlx_device_open_in own;
    RLX_STATUS_TRY(read_in(own, in, "device open", error));
    RLX_STATUS_TRY(check_out(out, sizeof(rlx_device_open_out), "device open", error));
    RLX_STATUS_TRY(no_options(own.options, own.option_count, own.option_stride, "device open", error));
    if (own.ordinal)
      return refuse(error, RLX_STATUS_NOT_FOUND,
                    rlx::join("device open: device ", own.ordinal, ", there is one"), own.ordinal);
    return write_out(out, rlx_device_open_out{sizeof(rlx_device_open_out), 0, new rlx_device{plugin}});
  });
}

void device_close(rlx_device* device) { delete device; }

int32_t device_fingerprint(rlx_device* device, const void* in, rlx_fingerprint_out* out, rlx_error* error) {
  if (!device) return refuse(error, RLX_STATUS_INVALID_ARGUMENT, "fingerprint: the device is null");
  RLX_STATUS_TRY(read_none(in, "fingerprint", error));
  RLX_STATUS_TRY(check_out(out, sizeof(rlx_fingerprint_out), "fingerprint", error));
  rlx_fingerprint_out own{};
  strncpy(own.text, "reference 1", sizeof own.text - 1);
  own.hash = {0x726c782e72656631u, 1};
  return write_out(out, own);
}

const rlx_plugin_1 kPluginTable = {plugin_open, plugin_close, plugin_device_count, plugin_device_info,
                                   plugin_describe_options};

bool is(rlx_str id, const char* name) {
  return id.data && id.size == strlen(name) && memcmp(id.data, name, id.size) == 0;
}

const void* get_interface(rlx_str id) {
  if (is(id, RLX_INTERFACE_PLUGIN_1)) return &kPluginTable;
  if (is(id, RLX_INTERFACE_DEVICE_1)) return &kDeviceTable;
  if (is(id, RLX_INTERFACE_BUFFER_1)) return &kBufferTable;
  if (is(id, RLX_INTERFACE_PARAMS_1)) return &kParamsTable;
  if (is(id, RLX_INTERFACE_COMPILE_1)) return &kCompileTable;
  if (is(id, RLX_INTERFACE_EXECUTE_1)) return &kExecuteTable;
  return nullptr;
}

}  // namespace

const rlx_device_1 kDeviceTable = {device_open, device_close, nullptr, device_fingerprint};

}  // namespace rlx_reference

RLX_EXPORT int32_t rlx_plugin_query(const rlx_query_in* in, rlx_query_out* out, rlx_error* error) {
  using namespace rlx_reference;
  if (!in)
    return rlx_fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, 0, "rlx_plugin_query: in is null");
  rlx_query_in host;
  uint64_t detail = 0;
  if (const int32_t status = rlx_read_in(&host, sizeof host, in, sizeof host, &detail))
    return rlx_fail(error, status, RLX_NO_INDEX, detail, "rlx_plugin_query: struct_size or an unknown field");
  uint32_t size = 0;
  if (out) memcpy(&size, out, sizeof size);
  if (size < sizeof(rlx_query_out) || size > RLX_STRUCT_BYTES_MAX)
    return rlx_fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, size,
                    "rlx_plugin_query: out.struct_size");
  const auto within = [](uint32_t own, uint32_t least, uint32_t most) { return least <= own && own <= most; };
  if (host.abi_epoch != RLX_ABI_EPOCH || host.abi_major != RLX_ABI_MAJOR ||
      !within(RLX_ABI_MINOR, host.abi_minor_min, host.abi_minor_max) ||
      !within(RLX_LIR_VERSION, host.lir_version_min, host.lir_version_max)) {
    char message[RLX_ERROR_MESSAGE_BYTES];
    snprintf(message, sizeof message,
             "host has ABI epoch %u, major %u, minors %u to %u and LIR %u to %u; plugin org.rlx.reference "
             "has epoch %u, "
             "major %u, minors %u to %u and LIR %u to %u",
             host.abi_epoch, host.abi_major, host.abi_minor_min, host.abi_minor_max, host.lir_version_min,
             host.lir_version_max, RLX_ABI_EPOCH, RLX_ABI_MAJOR, RLX_ABI_MINOR, RLX_ABI_MINOR,
             RLX_LIR_VERSION, RLX_LIR_VERSION);
    return rlx_fail(error, RLX_STATUS_VERSION, RLX_NO_INDEX, 0, message);
  }
  return write_out(out, rlx_query_out{sizeof(rlx_query_out), RLX_ABI_MINOR, RLX_LIR_VERSION, 0,
                                      &kNote.descriptor, get_interface});
}
