// SPDX-License-Identifier: Apache-2.0
// Slots of abilities that a plugin may lack: packs kept between processes, compiled code as bytes.
#include <rlx/ext/artifact.h>
#include <rlx/ext/draft/packs.h>
#include <rlx/ext/profile.h>

#include "runtime/plugin/handle_support.h"
#include "runtime/plugin/profile.h"

namespace rlx {
namespace {

/// The table of an ability, or null. A table with a null slot is as good as none.
template <class Table>
const Table* ability(const Plugin& plugin, const char* id) {
  const void* table = nullptr;
  try {
    table = plugin.interface(id);
  } catch (...) {
    return nullptr;
  }
  if (!table || reinterpret_cast<std::uintptr_t>(table) % alignof(Table)) return nullptr;
  for (std::size_t at = 0; at < sizeof(Table); at += sizeof(void*)) {
    void* slot = nullptr;
    std::memcpy(&slot, static_cast<const char*>(table) + at, sizeof slot);
    if (!slot) return nullptr;
  }
  return static_cast<const Table*>(table);
}

/// Gives up a share of what keeps borrowed bytes alive.
void drop_keepalive(void* user) { delete static_cast<std::shared_ptr<const void>*>(user); }

/// Appends a piece; nothing thrown goes back into the plugin.
std::int32_t append_piece(void* user, const void* bytes, std::uint64_t size) {
  auto& out = *static_cast<std::vector<std::byte>*>(user);
  try {
    const auto* at = static_cast<const std::byte*>(bytes);
    if (size && !at) return 1;
    out.insert(out.end(), at, at + size);
    return 0;
  } catch (...) {
    return 1;
  }
}

}  // namespace

Result<std::vector<PackInfo>> ParamSetHandle::packs(const ExecutableHandle& executable) const {
  std::vector<PackInfo> packs;
  const auto* table = ability<rlx_packs_1>(plugin(), RLX_INTERFACE_PACKS_1);
  if (!table) return packs;
  auto in = sized<rlx_packs_list_in>();
  in.executable = executable.get();
  auto out = sized<rlx_packs_list_out>();
  const auto ask = [&](rlx_error* error) { return table->list(get(), &in, &out, error); };
  RLX_TRY(call_in_out(plugin(), "packs list", in, out, ask));
  if (out.count > 1u << 20) return plugin_fault(plugin(), "packs list", "it has ", out.count, " packs, at most ", 1u << 20, " are read");
  std::vector<rlx_pack> rows(out.count);
  in = sized<rlx_packs_list_in>();
  in.executable = executable.get();
  in.rows = rows.data();
  in.capacity = out.count;
  in.stride = sizeof(rlx_pack);
  out = sized<rlx_packs_list_out>();
  RLX_TRY(call_in_out(plugin(), "packs list", in, out, ask));
  rows.resize(std::min<std::size_t>(rows.size(), out.count));
  for (const rlx_pack& row : rows) {
    if (!row.data && row.bytes) return plugin_fault(plugin(), "packs list", "a pack of ", row.bytes, " bytes lies at null");
    packs.push_back({{row.key.low, row.key.high}, {static_cast<const std::byte*>(row.data), row.bytes}, std::max(row.alignment, 1u)});
  }
  return packs;
}

Status ParamSetHandle::offer_packs(std::span<const PackInfo> packs, std::shared_ptr<const void> keepalive) {
  const auto* table = ability<rlx_packs_1>(plugin(), RLX_INTERFACE_PACKS_1);
  if (!table || packs.empty()) return {};
  std::vector<rlx_pack> rows;
  for (const PackInfo& pack : packs) rows.push_back({{pack.key.low, pack.key.high}, pack.bytes.data(), pack.bytes.size(), pack.alignment, 0});
  auto in = sized<rlx_packs_offer_in>();
  in.count = static_cast<std::uint32_t>(rows.size());
  in.rows = rows.data();
  in.stride = sizeof(rlx_pack);
  in.drop = drop_keepalive;
  in.drop_user = new std::shared_ptr<const void>(std::move(keepalive));
  return call_in(plugin(), "packs offer", in, [&](rlx_error* error) { return table->offer(get(), &in, nullptr, error); });
}

bool DeviceHandle::has_artifacts() const { return ability<rlx_artifact_1>(plugin(), RLX_INTERFACE_ARTIFACT_1) != nullptr; }

Result<std::optional<ArtifactBytes>> DeviceHandle::export_artifact(const ExecutableHandle& executable, const rlx_call* call) const {
  const auto* table = ability<rlx_artifact_1>(plugin(), RLX_INTERFACE_ARTIFACT_1);
  if (!table) return std::optional<ArtifactBytes>();
  ArtifactBytes artifact;
  auto in = sized<rlx_artifact_export_in>();
  in.executable = executable.get();
  in.write = append_piece;
  in.user = &artifact.code;
  in.call = call;
  auto out = sized<rlx_artifact_export_out>();
  RLX_TRY(call_in_out(plugin(), "artifact export", in, out,
                      [&](rlx_error* error) { return table->export_code(get(), &in, &out, error); }));
  if (out.bytes == 0) return std::optional<ArtifactBytes>();
  if (out.bytes != artifact.code.size() || out.compat_size > RLX_COMPAT_BYTES_MAX)
    return plugin_fault(plugin(), "artifact export", "it says ", out.bytes, " bytes and wrote ", artifact.code.size(), "; its compat blob has ",
                        out.compat_size, " bytes, at most ", RLX_COMPAT_BYTES_MAX);
  const auto* compat = reinterpret_cast<const std::byte*>(out.compat);
  artifact.compat.assign(compat, compat + out.compat_size);
  return std::optional<ArtifactBytes>(std::move(artifact));
}

Result<ImportedCode> DeviceHandle::import_artifact(const CompileRequest& request, Bytes compat, Bytes code,
                                                   std::shared_ptr<const void> keepalive) const {
  const auto* table = ability<rlx_artifact_1>(plugin(), RLX_INTERFACE_ARTIFACT_1);
  if (!table) return fail(ErrorCode::kUnsupportedOps, plugin().id(), ": it has no `", RLX_INTERFACE_ARTIFACT_1, "`");
  auto check = sized<rlx_artifact_check_in>();
  check.compat = compat.data();
  check.compat_size = static_cast<std::uint32_t>(compat.size());
  auto answer = sized<rlx_artifact_check_out>();
  RLX_TRY(call_in_out(plugin(), "artifact check", check, answer,
                      [&](rlx_error* error) { return table->check(instance_, &check, &answer, error); }));
  if (answer.verdict > RLX_ARTIFACT_OPTIMAL)
    return plugin_fault(plugin(), "artifact check", "its verdict is ", answer.verdict, ", which is none");
  if (answer.verdict == RLX_ARTIFACT_STALE) return fail(ErrorCode::kBackendError, plugin().id(), ": stale: ", bounded_text(answer.reason));
  const OptionRows rows(request.options);
  auto in = sized<rlx_artifact_import_in>();
  in.image = request.image.data();
  in.image_bytes = request.image.size();
  in.artifact = code.data();
  in.artifact_bytes = code.size();
  in.options = rows.data();
  in.option_count = rows.count();
  in.option_stride = sizeof(rlx_option);
  in.thread_limit = request.thread_limit;
  in.drop = drop_keepalive;
  in.drop_user = new std::shared_ptr<const void>(std::move(keepalive));
  in.call = request.call;
  auto out = sized<rlx_compile_out>();
  RLX_TRY(call_in_out(plugin(), "artifact import", in, out,
                      [&](rlx_error* error) { return table->import_code(get(), &in, &out, error); }));
  RLX_TRY(check_made(plugin(), "artifact import", out.executable));
  return ImportedCode{ExecutableHandle(own(owned_->plugin, owned_, out.executable, plugin().compile->executable_destroy)),
                      answer.verdict == RLX_ARTIFACT_WORKS ? bounded_text(answer.reason) : std::string()};
}

bool can_profile(const ContextHandle& context) { return ability<rlx_profile_1>(context.plugin(), RLX_INTERFACE_PROFILE_1) != nullptr; }

Result<std::vector<ProfileSlice>> execute_profiled(const ContextHandle& context, const rlx_param_set* params, std::span<const rlx_view> inputs,
                                                   std::span<const rlx_view> outputs, const rlx_call* call,
                                                   std::uint32_t* blamed_op) {
  constexpr std::uint32_t kMostSlices = 1u << 16;
  const auto* table = ability<rlx_profile_1>(context.plugin(), RLX_INTERFACE_PROFILE_1);
  if (!table) return fail(ErrorCode::kUnsupportedOps, context.plugin().id(), ": it has no `", RLX_INTERFACE_PROFILE_1, "`");
  auto run = sized<rlx_execute_in>();
  run.params = params;
  run.inputs = inputs.data();
  run.input_count = static_cast<std::uint32_t>(inputs.size());
  run.input_stride = sizeof(rlx_view);
  run.outputs = outputs.data();
  run.output_count = static_cast<std::uint32_t>(outputs.size());
  run.output_stride = sizeof(rlx_view);
  run.call = call;
  std::vector<rlx_profile_slice> rows(kMostSlices);
  auto in = sized<rlx_profile_execute_in>();
  in.execute = &run;
  in.slices = rows.data();
  in.capacity = kMostSlices;
  in.stride = sizeof(rlx_profile_slice);
  auto out = sized<rlx_profile_execute_out>();
  RLX_TRY(call_in_out(context.plugin(), "profile", in, out, [&](rlx_error* error) {
    const std::int32_t status = table->execute(context.get(), &in, &out, error);
    if (blamed_op && status != RLX_STATUS_OK) *blamed_op = error->op_index;
    return status;
  }));
  std::vector<ProfileSlice> slices;
  for (std::size_t i = 0; i < rows.size() && i < out.count; ++i) slices.push_back({rows[i].begin_ns, rows[i].end_ns, rows[i].op_index, rows[i].thread});
  return slices;
}

}  // namespace rlx
