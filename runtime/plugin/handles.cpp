// SPDX-License-Identifier: Apache-2.0
// The wrappers' slots: plugin, device, executable and context. Buffers and param sets are in
// memory_handles.cpp.
#include "runtime/plugin/handles.h"

#include <algorithm>

#include "runtime/plugin/blamed.h"
#include "runtime/plugin/call.h"
#include "runtime/plugin/handle_support.h"

namespace rlx {

Result<PluginInstance> PluginInstance::open(std::shared_ptr<const Plugin> plugin,
                                            std::shared_ptr<const HostServices> host,
                                            const PluginOptions& options) {
  const OptionRows rows(options);
  auto in = sized<rlx_open_in>();
  in.host = host ? host->host() : nullptr;
  in.options = rows.data();
  in.option_count = rows.count();
  in.option_stride = sizeof(rlx_option);
  in.abi_minor = plugin->abi_minor;
  auto out = sized<rlx_open_out>();
  RLX_TRY(call_in_out(*plugin, "plugin open", in, out,
                      [&](rlx_error* error) { return plugin->plugin->open(&in, &out, error); }));
  RLX_TRY(check_made(*plugin, "plugin open", out.plugin));
  const auto close = plugin->plugin->close;
  return PluginInstance(own(std::move(plugin), std::move(host), out.plugin, close));
}

Result<DeviceCount> PluginInstance::device_count() const {
  auto out = sized<rlx_device_count_out>();
  RLX_TRY(call_out(plugin(), "device_count", out, [&](rlx_error* error) {
    return plugin().plugin->device_count(get(), nullptr, &out, error);
  }));
  return DeviceCount{out.count, bounded_text(out.reason)};
}

Result<DeviceInfo> PluginInstance::device_info(std::uint32_t ordinal) const {
  auto in = sized<rlx_device_info_in>();
  in.ordinal = ordinal;
  auto out = sized<rlx_device_info_out>();
  RLX_TRY(call_in_out(plugin(), "device_info", in, out, [&](rlx_error* error) {
    return plugin().plugin->device_info(get(), &in, &out, error);
  }));
  DeviceInfo info;
  info.flags = out.flags;
  info.kind = bounded_text(out.kind);
  info.name = bounded_text(out.name);
  info.persistent_id = bounded_text(out.persistent_id);
  info.memory_bytes = out.memory_bytes;
  info.max_alloc_bytes = out.max_alloc_bytes;
  info.min_alignment = std::max(out.min_alignment, 1u);
  info.max_parallel_compiles = out.max_parallel_compiles;
  const auto& kinds = plugin().file.descriptor.kinds;
  if (std::find(kinds.begin(), kinds.end(), info.kind) == kinds.end())
    return plugin_fault(plugin(), "device_info", "device ", ordinal, " is of kind `", info.kind,
                        "`, which its descriptor does not list");
  if (info.min_alignment & (info.min_alignment - 1))
    return plugin_fault(plugin(), "device_info", "min_alignment is ", info.min_alignment,
                        ", wanted a power of two");
  return info;
}

Result<std::vector<OptionInfo>> PluginInstance::describe_options() const {
  std::vector<OptionInfo> options;
  if (!plugin().plugin->describe_options) return options;
  auto out = sized<rlx_describe_options_out>();
  RLX_TRY(call_out(plugin(), "describe_options", out, [&](rlx_error* error) {
    return plugin().plugin->describe_options(get(), nullptr, &out, error);
  }));
  RLX_ASSIGN(const auto rows,
             read_rows<rlx_option_info>(plugin(), "describe_options", out.rows, out.count, out.stride));
  for (const rlx_option_info& row : rows)
    options.push_back({text_of(row.key), text_of(row.type), text_of(row.value), text_of(row.allowed),
                       row.affects_code != 0, row.scope});
  return options;
}

Result<DeviceHandle> PluginInstance::open_device(std::uint32_t ordinal, const PluginOptions& options) const {
  RLX_ASSIGN(DeviceInfo info, device_info(ordinal));
  const OptionRows rows(options);
  auto in = sized<rlx_device_open_in>();
  in.ordinal = ordinal;
  in.options = rows.data();
  in.option_count = rows.count();
  in.option_stride = sizeof(rlx_option);
  auto out = sized<rlx_device_open_out>();
  RLX_TRY(call_in_out(plugin(), "device open", in, out,
                      [&](rlx_error* error) { return plugin().device->open(get(), &in, &out, error); }));
  RLX_TRY(check_made(plugin(), "device open", out.device));
  DeviceHandle device(own(owned_->plugin, owned_, out.device, plugin().device->close));
  device.info_ = std::move(info);
  device.ordinal_ = ordinal;
  device.instance_ = get();
  return device;
}

Result<std::optional<MemoryStats>> DeviceHandle::memory_stats() const {
  if (!plugin().device->memory_stats) return std::optional<MemoryStats>();
  auto out = sized<rlx_memory_stats_out>();
  RLX_TRY(call_out(plugin(), "memory_stats", out, [&](rlx_error* error) {
    return plugin().device->memory_stats(get(), nullptr, &out, error);
  }));
  return std::optional<MemoryStats>(MemoryStats{out.total_bytes, out.free_bytes, out.used_bytes});
}

Result<Fingerprint> DeviceHandle::fingerprint() const {
  auto out = sized<rlx_fingerprint_out>();
  RLX_TRY(call_out(plugin(), "fingerprint", out, [&](rlx_error* error) {
    return plugin().device->fingerprint(get(), nullptr, &out, error);
  }));
  return Fingerprint{bounded_text(out.text), {out.hash.low, out.hash.high}};
}

Result<std::vector<Claim>> DeviceHandle::claims() const {
  auto out = sized<rlx_claims_out>();
  RLX_TRY(call_out(plugin(), "claims", out,
                   [&](rlx_error* error) { return plugin().compile->claims(get(), nullptr, &out, error); }));
  RLX_ASSIGN(const auto rows, read_rows<rlx_claim>(plugin(), "claims", out.rows, out.count, out.stride));
  std::vector<Claim> claims;
  for (const rlx_claim& row : rows)
    claims.push_back({row.opcode, row.version_min, row.version_max, row.max_rank, row.dtypes, row.functions,
                      row.operand_layouts, row.precisions, row.flags});
  return claims;
}

Result<SupportAnswer> DeviceHandle::query_support(Bytes image, std::uint64_t op_count,
                                                  const PluginOptions& options) const {
  const OptionRows option_rows(options);
  std::vector<rlx_verdict> verdicts(op_count);
  auto in = sized<rlx_query_support_in>();
  in.image = image.data();
  in.image_bytes = image.size();
  in.options = option_rows.data();
  in.option_count = option_rows.count();
  in.option_stride = sizeof(rlx_option);
  in.verdicts = verdicts.data();
  in.verdict_count = op_count;
  in.verdict_stride = sizeof(rlx_verdict);
  auto out = sized<rlx_query_support_out>();
  RLX_TRY(call_in_out(plugin(), "query_support", in, out, [&](rlx_error* error) {
    return plugin().compile->query_support(get(), &in, &out, error);
  }));
  SupportAnswer answer;
  answer.depends_on_dims = out.depends != RLX_DEPENDS_NOTHING;
  answer.verdicts.reserve(op_count);
  for (const rlx_verdict& row : verdicts) {
    if (row.verdict > RLX_VERDICT_EXPAND)
      return plugin_fault(plugin(), "query_support", "the verdict of op ", answer.verdicts.size(), " is ",
                          row.verdict, ", which is none");
    answer.verdicts.push_back({row.verdict, row.operand_index, row.attribute_key, row.group, row.est_ns,
                               row.est_bytes, bounded_text(row.reason)});
  }
  return answer;
}

Result<ExecutableHandle> DeviceHandle::compile(const CompileRequest& request) const {
  const OptionRows rows(request.options);
  auto in = sized<rlx_compile_in>();
  in.image = request.image.data();
  in.image_bytes = request.image.size();
  in.options = rows.data();
  in.option_count = rows.count();
  in.option_stride = sizeof(rlx_option);
  in.thread_limit = request.thread_limit;
  in.params = request.params;
  in.cpu_set = request.cpu_set.empty() ? nullptr : request.cpu_set.data();
  in.cpu_count = static_cast<std::uint32_t>(request.cpu_set.size());
  in.call = request.call;
  auto out = sized<rlx_compile_out>();
  RLX_TRY(call_in_out(plugin(), "compile_lir", in, out, [&](rlx_error* error) {
    return plugin().compile->compile_lir(get(), &in, &out, error);
  }));
  RLX_TRY(check_made(plugin(), "compile_lir", out.executable));
  return ExecutableHandle(own(owned_->plugin, owned_, out.executable, plugin().compile->executable_destroy));
}

Result<ExecutableInfo> ExecutableHandle::info() const {
  auto out = sized<rlx_executable_info_out>();
  RLX_TRY(call_out(plugin(), "executable_info", out, [&](rlx_error* error) {
    return plugin().compile->executable_info(get(), nullptr, &out, error);
  }));
  RLX_ASSIGN(const auto rows, read_rows<rlx_arena_info>(plugin(), "executable_info", out.arenas,
                                                        out.arena_count, out.arena_stride));
  ExecutableInfo info;
  info.own_plan = out.plan == RLX_PLAN_OWN;
  info.code_bytes = out.code_bytes;
  info.pack_key = {out.pack_key_low, out.pack_key_high};
  for (const rlx_arena_info& row : rows) {
    const std::uint32_t alignment = std::max(row.alignment, 1u);
    if (alignment & (alignment - 1))
      return plugin_fault(plugin(), "executable_info", "an arena's alignment is ", alignment,
                          ", wanted a power of two");
    info.arenas.push_back({row.bytes, alignment, row.space});
  }
  return info;
}

Result<ContextHandle> ExecutableHandle::create_context(std::span<const rlx_arena> arenas,
                                                       std::uint32_t thread_limit) const {
  auto in = sized<rlx_context_create_in>();
  in.thread_limit = thread_limit;
  in.arenas = arenas.data();
  in.arena_count = static_cast<std::uint32_t>(arenas.size());
  in.arena_stride = sizeof(rlx_arena);
  auto out = sized<rlx_context_create_out>();
  RLX_TRY(call_in_out(plugin(), "context_create", in, out, [&](rlx_error* error) {
    return plugin().execute->context_create(get(), &in, &out, error);
  }));
  RLX_TRY(check_made(plugin(), "context_create", out.context));
  return ContextHandle(own(owned_->plugin, owned_, out.context, plugin().execute->context_destroy));
}

Status ContextHandle::execute(const rlx_param_set* params, std::span<const rlx_view> inputs,
                              std::span<const rlx_view> outputs, const rlx_call* call) const {
  return execute_blamed(*this, params, inputs, outputs, call, nullptr);
}

Status execute_blamed(const ContextHandle& context, const rlx_param_set* params, std::span<const rlx_view> inputs,
                      std::span<const rlx_view> outputs, const rlx_call* call, std::uint32_t* blamed_op) {
  auto in = sized<rlx_execute_in>();
  in.params = params;
  in.inputs = inputs.data();
  in.input_count = static_cast<std::uint32_t>(inputs.size());
  in.input_stride = sizeof(rlx_view);
  in.outputs = outputs.data();
  in.output_count = static_cast<std::uint32_t>(outputs.size());
  in.output_stride = sizeof(rlx_view);
  in.call = call;
  return call_in(context.plugin(), "execute", in, [&](rlx_error* error) {
    const std::int32_t status = context.plugin().execute->execute(context.get(), &in, nullptr, error);
    if (blamed_op && status != RLX_STATUS_OK) *blamed_op = error->op_index;
    return status;
  });
}

}  // namespace rlx
