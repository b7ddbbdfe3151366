// SPDX-License-Identifier: Apache-2.0
// The handshake. Tables are frozen, so their slots are known by offset; a null in a required one is named.
#include "runtime/plugin/handshake.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "runtime/plugin/call.h"

namespace rlx {
namespace {

template <class... Pieces>
Error fault(const Pieces&... pieces) {
  return fail(ErrorCode::kPluginFault, pieces...);
}

struct Slot {
  const char* name;
  std::size_t offset;
};

#define RLX_SLOT(table, slot) \
  Slot { #slot, offsetof(table, slot) }
constexpr Slot kPluginSlots[] = {RLX_SLOT(rlx_plugin_1, open), RLX_SLOT(rlx_plugin_1, close),
                                 RLX_SLOT(rlx_plugin_1, device_count), RLX_SLOT(rlx_plugin_1, device_info)};
constexpr Slot kDeviceSlots[] = {RLX_SLOT(rlx_device_1, open), RLX_SLOT(rlx_device_1, close),
                                 RLX_SLOT(rlx_device_1, fingerprint)};
constexpr Slot kBufferSlots[] = {RLX_SLOT(rlx_buffer_1, alloc), RLX_SLOT(rlx_buffer_1, free),
                                 RLX_SLOT(rlx_buffer_1, write), RLX_SLOT(rlx_buffer_1, read),
                                 RLX_SLOT(rlx_buffer_1, copy)};
constexpr Slot kParamsSlots[] = {RLX_SLOT(rlx_params_1, create),  RLX_SLOT(rlx_params_1, put),
                                 RLX_SLOT(rlx_params_1, seal),    RLX_SLOT(rlx_params_1, prepare),
                                 RLX_SLOT(rlx_params_1, release), RLX_SLOT(rlx_params_1, destroy),
                                 RLX_SLOT(rlx_params_1, usage)};
constexpr Slot kCompileSlots[] = {RLX_SLOT(rlx_compile_1, claims), RLX_SLOT(rlx_compile_1, query_support),
                                  RLX_SLOT(rlx_compile_1, compile_lir),
                                  RLX_SLOT(rlx_compile_1, executable_destroy),
                                  RLX_SLOT(rlx_compile_1, executable_info)};
constexpr Slot kExecuteSlots[] = {RLX_SLOT(rlx_execute_1, context_create),
                                  RLX_SLOT(rlx_execute_1, context_destroy), RLX_SLOT(rlx_execute_1, execute)};
#undef RLX_SLOT

/// Gets one required table and looks into every required slot of it.
template <class Table>
Status take_table(const Plugin& plugin, const char* id, std::span<const Slot> slots, const Table*& table) {
  table = static_cast<const Table*>(plugin.interface(id));
  if (!table) return fault("it has no interface `", id, "`, which every plugin must have");
  if (reinterpret_cast<std::uintptr_t>(table) % alignof(Table))
    return fault("its interface `", id, "` is at an odd address");
  for (const Slot& slot : slots) {
    void* address = nullptr;
    std::memcpy(&address, reinterpret_cast<const char*>(table) + slot.offset, sizeof address);
    if (!address) return fault("slot `", slot.name, "` of its interface `", id, "` is null");
  }
  return {};
}

Status take_tables(Plugin& plugin) {
  RLX_TRY(take_table(plugin, RLX_INTERFACE_PLUGIN_1, kPluginSlots, plugin.plugin));
  RLX_TRY(take_table(plugin, RLX_INTERFACE_DEVICE_1, kDeviceSlots, plugin.device));
  RLX_TRY(take_table(plugin, RLX_INTERFACE_BUFFER_1, kBufferSlots, plugin.buffer));
  RLX_TRY(take_table(plugin, RLX_INTERFACE_PARAMS_1, kParamsSlots, plugin.params));
  RLX_TRY(take_table(plugin, RLX_INTERFACE_COMPILE_1, kCompileSlots, plugin.compile));
  RLX_TRY(take_table(plugin, RLX_INTERFACE_EXECUTE_1, kExecuteSlots, plugin.execute));
  return {};
}

rlx_query_in query_of(const HostVersions& host) {
  rlx_query_in in{};
  in.struct_size = sizeof in;
  in.abi_epoch = host.abi_epoch;
  in.abi_major = host.abi_major;
  in.abi_minor_min = host.abi_minor_min;
  in.abi_minor_max = host.abi_minor_max;
  in.lir_version_min = host.lir_version_min;
  in.lir_version_max = host.lir_version_max;
  in.host_name = as_str(host.name);
  in.host_version = as_str(host.version);
  return in;
}

/// The chosen versions must be the highest common ones, so that host and plugin agree on what they speak.
Status check_answer(const rlx_query_out& out, const Descriptor& descriptor, const HostVersions& host) {
  if (!out.descriptor) return fault("its query returns no descriptor");
  if (std::memcmp(out.descriptor, descriptor.bytes.data(), RLX_DESCRIPTOR_BYTES) != 0)
    return fault("its query returns another descriptor than the file's note");
  const std::uint32_t minor = std::min(descriptor.abi_minor_max, host.abi_minor_max);
  if (out.abi_minor != minor)
    return fault("its query chose ABI minor ", out.abi_minor, ", the highest common one is ", minor);
  const std::uint32_t lir = std::min(descriptor.lir_version_max, host.lir_version_max);
  if (out.lir_version != lir)
    return fault("its query chose LIR version ", out.lir_version, ", the highest common one is ", lir);
  if (!out.get_interface) return fault("its query returns no get_interface");
  return {};
}

}  // namespace

const void* Plugin::interface(std::string_view id) const { return get_interface(as_str(id)); }

Result<std::shared_ptr<const Plugin>> shake_hands(PluginFile file, std::shared_ptr<const Library> library,
                                                  const HostVersions& host) {
  RLX_TRY(check_compatible(file.descriptor, host));
  auto plugin = std::make_shared<Plugin>();
  plugin->file = std::move(file);
  plugin->library = std::move(library);
  const rlx_query_in in = query_of(host);
  rlx_query_out out{};
  out.struct_size = sizeof out;
  RLX_TRY(call_plugin(plugin->id(), RLX_PLUGIN_QUERY_SYMBOL,
                      [&](rlx_error* error) { return plugin->library->query()(&in, &out, error); }));
  RLX_TRY(check_answer(out, plugin->file.descriptor, host));
  plugin->abi_minor = out.abi_minor;
  plugin->lir_version = out.lir_version;
  plugin->get_interface = out.get_interface;
  try {
    RLX_TRY(take_tables(*plugin));
  } catch (...) {
    return fault("its get_interface threw an exception");
  }
  return std::shared_ptr<const Plugin>(std::move(plugin));
}

}  // namespace rlx
