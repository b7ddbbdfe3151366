// SPDX-License-Identifier: Apache-2.0
// One executable per true key, prepared once per set.
#include "runtime/execute/executable.h"

#include <algorithm>

#include "runtime/base/check.h"
#include "runtime/execute/entry.h"
#include "runtime/execute/trace.h"

namespace rlx {

Executable::Executable(ExecutableHandle handle, ExecutableInfo info) : handle_(std::move(handle)), info_(std::move(info)) {
  for (const ArenaNeed& need : info_.arenas) arena_bytes_ += need.bytes;
}

Result<std::shared_ptr<Executable>> Executable::compile(const DeviceBody& device, const CompileRequest& request) {
  const TraceSpan span(device.trace(), "compile_lir", "compile");
  RLX_ASSIGN(ExecutableHandle handle, device.handle().compile(request));
  RLX_ASSIGN(ExecutableInfo info, handle.info());
  return std::make_shared<Executable>(std::move(handle), std::move(info));
}

Result<std::shared_ptr<Executable>> Executable::import(const DeviceBody& device, const CompileRequest& request, const Artifact& artifact,
                                                       std::shared_ptr<const void> keepalive) {
  const TraceSpan span(device.trace(), "import_artifact", "compile");
  RLX_ASSIGN(ImportedCode code, device.handle().import_artifact(request, artifact.compat, artifact.code, std::move(keepalive)));
  if (!code.drawback.empty()) device.log(LogLevel::kInfo, join("kept device code works, compiling again would give better code: ", code.drawback));
  RLX_ASSIGN(ExecutableInfo info, code.executable.info());
  auto made = std::make_shared<Executable>(std::move(code.executable), std::move(info));
  made->imported_ = true;
  return made;
}

Executable::~Executable() {
  leave([&] {
    for (const std::weak_ptr<const SealedSet>& held : prepared_)
      if (const std::shared_ptr<const SealedSet> set = held.lock()) set->handle.release(handle_);
  });
}

bool Executable::is_prepared(const std::shared_ptr<const SealedSet>& set) {
  const std::lock_guard lock(mutex_);
  return has(set);
}

bool Executable::has(const std::shared_ptr<const SealedSet>& set) {
  std::erase_if(prepared_, [](const auto& held) { return held.expired(); });
  return std::any_of(prepared_.begin(), prepared_.end(), [&](const auto& held) { return held.lock() == set; });
}

Status Executable::pack(const std::shared_ptr<const SealedSet>& set, const rlx_call* call) const {
  RLX_ASSIGN(const std::vector<std::uint32_t> missing, set->handle.prepare(handle_, call));
  if (missing.empty()) return {};
  return fail(ErrorCode::kPluginFault, "the backend misses param ", missing[0], " of a complete set");
}

/// Without a budget threads that come together prepare together: the backend packs once per key. Under one they take turns,
/// and who gets the turn looks again: what is released here no other thread has, or is about to be given.
Status Executable::prepare(const std::shared_ptr<const SealedSet>& set, const rlx_call* call, MemoryAccount* memory) {
  if (is_prepared(set)) return {};
  RLX_ASSIGN(const MemoryAccount::PackingTurn turn, memory ? memory->packing_turn(call) : MemoryAccount::PackingTurn());
  if (is_prepared(set)) return {};
  RLX_TRY(pack(set, call));
  if (const auto fits = admit(memory, 0, "the packed weights of a variant"); !fits) {
    set->handle.release(handle_);
    return fits.error();
  }
  const std::lock_guard lock(mutex_);
  if (!has(set)) prepared_.push_back(set);
  return {};
}

std::string code_identity(const DeviceBody& device, const PluginOptions& options, unsigned thread_limit) {
  std::string text = join(device.handle().plugin().file.identity, "\n", device.report().fingerprint, "\nthread_limit=", thread_limit);
  PluginOptions sorted;
  for (const auto& option : options)
    if (device.affects_code(option.first)) sorted.push_back(option);
  std::sort(sorted.begin(), sorted.end());
  for (const auto& [key, value] : sorted) text += join("\n", key.size(), ":", key, "=", value.size(), ":", value);
  return text;
}

std::shared_ptr<Executable> ExecutableStore::find(const Key& content, const Key& graph) const {
  if (const auto found = by_content_.find(content); found != by_content_.end())
    if (auto alive = found->second.lock()) return alive;
  if (const auto found = by_graph_.find(graph); found != by_graph_.end())
    if (auto alive = found->second.lock()) return alive;
  return nullptr;
}

void ExecutableStore::sweep() {
  std::erase_if(by_content_, [](const auto& entry) { return entry.second.expired(); });
  std::erase_if(by_graph_, [](const auto& entry) { return entry.second.expired(); });
}

Result<std::shared_ptr<Executable>> ExecutableStore::get_or_make(std::string_view identity, const lir::ImageHashes& hashes,
                                                                 const CallScope& scope, const Make& make) {
  const Key content = key(identity, hashes.content), graph = key(identity, hashes.graph);
  {
    std::unique_lock lock(mutex_);
    RLX_TRY(scope.wait(*made_, lock, "compile", [&] { return !in_making_.contains(graph); }));
    if (auto alive = find(content, graph)) {
      ++found_alive_;
      return alive;
    }
    in_making_.insert(graph);
  }
  Result<std::shared_ptr<Executable>> made = guard(make);
  const std::lock_guard lock(mutex_);
  in_making_.erase(graph);
  made_->notify_all();
  if (!made) return made;
  if (by_content_.size() >= sweep_at_) {
    sweep();
    sweep_at_ = 2 * by_content_.size() + 16;
  }
  by_content_[content] = *made;
  if ((*made)->info().own_plan) by_graph_[graph] = *made;
  return made;
}

}  // namespace rlx
