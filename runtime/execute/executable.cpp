// SPDX-License-Identifier: Apache-2.0
// One executable per true key, one PreparedSet per (executable, set).
#include "runtime/execute/executable.h"

#include <algorithm>

#include "runtime/base/check.h"

namespace rlx {

PreparedSet::~PreparedSet() { executable->forget(*this); }

Executable::Executable(ExecutableHandle handle, ExecutableInfo info) : handle_(std::move(handle)), info_(std::move(info)) {
  for (const ArenaNeed& need : info_.arenas) arena_bytes_ += need.bytes;
}

Result<std::shared_ptr<Executable>> Executable::compile(const DeviceBody& device, const CompileRequest& request) {
  RLX_ASSIGN(ExecutableHandle handle, device.handle().compile(request));
  RLX_ASSIGN(ExecutableInfo info, handle.info());
  return std::make_shared<Executable>(std::move(handle), std::move(info));
}

Result<std::shared_ptr<const PreparedSet>> Executable::prepare(const std::shared_ptr<const SealedSet>& set) {
  std::shared_ptr<const PreparedSet> made;  // let go of outside the lock
  const std::lock_guard lock(mutex_);
  if (const auto found = prepared_.find(set.get()); found != prepared_.end()) {
    made = found->second.user.lock();
    if (made) return made;
  }
  RLX_ASSIGN(const std::vector<std::uint32_t> missing, set->handle.prepare(handle_));
  if (!missing.empty())
    return fail(ErrorCode::kPluginFault, "the backend misses param ", missing[0], " of a complete set");
  made = std::make_shared<const PreparedSet>(set, shared_from_this());
  prepared_[set.get()] = {made.get(), made};
  return made;
}

/// prepare is idempotent and not counted: whoever was prepared anew meanwhile must not be released by the one before.
void Executable::forget(const PreparedSet& gone) {
  const std::lock_guard lock(mutex_);
  const auto found = prepared_.find(gone.set.get());
  if (found == prepared_.end() || found->second.made != &gone) return;
  prepared_.erase(found);
  gone.set->handle.release(handle_);
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
                                                                 const Make& make) {
  const Key content = key(identity, hashes.content), graph = key(identity, hashes.graph);
  {
    std::unique_lock lock(mutex_);
    made_.wait(lock, [&] { return !in_making_.contains(graph); });
    if (auto alive = find(content, graph)) {
      ++found_alive_;
      return alive;
    }
    in_making_.insert(graph);
  }
  Result<std::shared_ptr<Executable>> made = guard(make);
  const std::lock_guard lock(mutex_);
  in_making_.erase(graph);
  made_.notify_all();
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
