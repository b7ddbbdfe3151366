// SPDX-License-Identifier: Apache-2.0
// The door of the plugin: descriptor note, the one exported function, and rlx.plugin/1.
#include <rlx/lir.h>
#include <rlx/plugin.h>

#include "compile.h"
#include "device.h"
#include "entry_guard.h"
#include "entry_options.h"
#include "execute.h"
#include "params.h"
#include "params_packs.h"

#if defined(__SANITIZE_ADDRESS__)
#define RLX_CPU_SANITIZER RLX_SANITIZER_ADDRESS
#elif defined(__SANITIZE_THREAD__)
#define RLX_CPU_SANITIZER RLX_SANITIZER_THREAD
#else
#define RLX_CPU_SANITIZER RLX_SANITIZER_NONE
#endif

namespace {

constexpr uint32_t kMinorMin = RLX_ABI_MINOR;
constexpr uint32_t kMinorMax = RLX_ABI_MINOR;
constexpr uint32_t kLirMin = RLX_LIR_VERSION;
constexpr uint32_t kLirMax = RLX_LIR_VERSION;

RLX_DESCRIPTOR_SECTION const rlx_descriptor_note kNote = {
    RLX_DESCRIPTOR_NOTE_HEAD,
    {
        {'R', 'L', 'X', 'P', 'L', 'U', 'G', '\0'},
        RLX_DESCRIPTOR_BYTES,
        RLX_DESCRIPTOR_VERSION,
        RLX_ABI_EPOCH,
        RLX_ABI_MAJOR,
        kMinorMin,
        kMinorMax,
        kLirMin,
        kLirMax,
        0,
        RLX_PLUGIN_FLAG_UNLOAD_SAFE,
        RLX_CPU_SANITIZER,
        1,
        {0, 0},
        "org.rlx.cpu",
        "RLX CPU",
        "RLX",
        "0.1.0",
        {"cpu"},
        {},
        {},
    },
};

}  // namespace

namespace rlx_cpu {

namespace {

int32_t plugin_open(const rlx_open_in* in, rlx_open_out* out, rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    rlx_open_in own;
    if (int32_t status = read_in(own, in, "open", error)) return status;
    if (int32_t status = check_out(out, sizeof(rlx_open_out), "open", error)) return status;
    if (int32_t status =
            check_options(own.options, own.option_count, own.option_stride, kScopePlugin, "open", error))
      return status;
    auto plugin = std::make_unique<rlx_plugin>();
    if (own.host != nullptr && own.host->get_service != nullptr) {
      const rlx_str id = {RLX_HOST_THREADS_1, sizeof RLX_HOST_THREADS_1 - 1};
      const void* table = own.host->get_service(own.host->user, id);
      if (table != nullptr) {
        plugin->threads.service = static_cast<const rlx_host_threads_1*>(table);
        plugin->threads.user = own.host->user;
        const uint32_t most = plugin->threads.service->concurrency(own.host->user);
        plugin->threads.concurrency = most < 1 ? 1 : most > 256 ? 256 : most;
      }
    }
    const rlx_open_out result = {sizeof(rlx_open_out), 0, plugin.get()};
    if (int32_t status = write_out(out, result)) return status;
    plugin.release();
    return RLX_STATUS_OK;
  });
}

void plugin_close(rlx_plugin* plugin) { delete plugin; }

int32_t plugin_device_count(rlx_plugin* plugin, const void* in, rlx_device_count_out* out, rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (plugin == nullptr) return null_argument(error, "device_count: plugin");
    if (int32_t status = read_no_in(in, "device_count", error)) return status;
    if (int32_t status = check_out(out, sizeof(rlx_device_count_out), "device_count", error)) return status;
    rlx_device_count_out result{};
    result.count = 1;
    return write_out(out, result);
  });
}

int32_t plugin_device_info(rlx_plugin* plugin, const rlx_device_info_in* in, rlx_device_info_out* out,
                           rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (plugin == nullptr) return null_argument(error, "device_info: plugin");
    rlx_device_info_in own;
    if (int32_t status = read_in(own, in, "device_info", error)) return status;
    if (int32_t status = check_out(out, sizeof(rlx_device_info_out), "device_info", error)) return status;
    if (own.ordinal != 0) {
      return fail(error, RLX_STATUS_NOT_FOUND, RLX_NO_INDEX, own.ordinal,
                  "device_info: no device %u, there is 1", own.ordinal);
    }
    rlx_device_info_out result{};
    result.flags = RLX_DEVICE_FLAG_HOST_MEMORY | RLX_DEVICE_FLAG_FORK_SAFE;
    memcpy(result.kind, "cpu", 4);
    memcpy(result.persistent_id, "cpu:0", 6);
    device_name(plugin->threads, result.name, sizeof result.name);
    uint64_t free_bytes = 0;
    machine_memory(&result.memory_bytes, &free_bytes);
    result.max_alloc_bytes = result.memory_bytes;
    result.min_alignment = 64;
    return write_out(out, result);
  });
}

const rlx_plugin_1 kPluginTable = {plugin_open, plugin_close, plugin_device_count, plugin_device_info,
                                   describe_options};

const void* get_interface(rlx_str id) {
  if (id.data == nullptr) return nullptr;
  if (same_text(id, RLX_INTERFACE_PLUGIN_1)) return &kPluginTable;
  if (same_text(id, RLX_INTERFACE_DEVICE_1)) return &kDeviceTable;
  if (same_text(id, RLX_INTERFACE_BUFFER_1)) return &kBufferTable;
  if (same_text(id, RLX_INTERFACE_PARAMS_1)) return &kParamsTable;
  if (same_text(id, RLX_INTERFACE_COMPILE_1)) return &kCompileTable;
  if (same_text(id, RLX_INTERFACE_EXECUTE_1)) return &kExecuteTable;
  if (same_text(id, RLX_INTERFACE_PACKS_1)) return &kPacksTable;
  if (same_text(id, RLX_INTERFACE_PROFILE_1)) return &kProfileTable;
  return nullptr;
}

int32_t version_error(rlx_error* error, const rlx_query_in& host) {
  return fail(error, RLX_STATUS_VERSION, RLX_NO_INDEX, 0,
              "host has ABI epoch %u, major %u, minors %u to %u and LIR %u to %u; "
              "plugin org.rlx.cpu has ABI epoch %u, major %u, minors %u to %u and LIR %u to %u",
              host.abi_epoch, host.abi_major, host.abi_minor_min, host.abi_minor_max, host.lir_version_min,
              host.lir_version_max, RLX_ABI_EPOCH, RLX_ABI_MAJOR, kMinorMin, kMinorMax, kLirMin, kLirMax);
}

}  // namespace
}  // namespace rlx_cpu

RLX_EXPORT int32_t rlx_plugin_query(const rlx_query_in* in, rlx_query_out* out, rlx_error* error) {
  using namespace rlx_cpu;
  if (in == nullptr) return null_argument(error, "rlx_plugin_query: in");
  rlx_query_in host;
  if (int32_t status = read_in(host, in, "rlx_plugin_query", error)) return status;
  if (int32_t status = check_out(out, sizeof(rlx_query_out), "rlx_plugin_query", error)) return status;
  const uint32_t minor = host.abi_minor_max < kMinorMax ? host.abi_minor_max : kMinorMax;
  const uint32_t lir = host.lir_version_max < kLirMax ? host.lir_version_max : kLirMax;
  if (host.abi_epoch != RLX_ABI_EPOCH || host.abi_major != RLX_ABI_MAJOR || minor < kMinorMin ||
      minor < host.abi_minor_min || lir < kLirMin || lir < host.lir_version_min) {
    return version_error(error, host);
  }
  rlx_query_out result{};
  result.struct_size = sizeof result;
  result.abi_minor = minor;
  result.lir_version = lir;
  result.descriptor = &kNote.descriptor;
  result.get_interface = get_interface;
  return write_out(out, result);
}
