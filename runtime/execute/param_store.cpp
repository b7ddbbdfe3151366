// SPDX-License-Identifier: Apache-2.0
// Staging, sealing, swapping.
#include "runtime/execute/param_store.h"

#include <algorithm>
#include <cstring>

#include "runtime/base/names.h"
#include "runtime/execute/manifest.h"

namespace rlx {
namespace {

std::vector<std::int64_t> numbers(const Dims& dims) {
  std::vector<std::int64_t> result;
  for (const Dim& dim : dims) result.push_back(dim.number());
  return result;
}

/// Keeps a source alive until the plugin drops it.
void drop_source(void* user) { delete static_cast<std::shared_ptr<const void>*>(user); }

Status check(const Value& wanted, const TensorView& seen) {
  if (seen.dtype != wanted.shape.dtype)
    return fail(ErrorCode::kWrongDtype, "param `", wanted.name, "` is ", dtype_name(seen.dtype), ", wanted ",
                dtype_name(wanted.shape.dtype));
  if (seen.dims != numbers(wanted.shape.dims))
    return fail(ErrorCode::kWrongShape, "param `", wanted.name, "` is ", dims_text(seen.dims), ", wanted ",
                to_string(wanted.shape.dims));
  const auto bytes = static_cast<std::uint64_t>(wanted.shape.elements().number()) * dtype_bytes(wanted.shape.dtype);
  if (seen.bytes != bytes || (!seen.data && bytes))
    return fail(ErrorCode::kWrongSize, "param `", wanted.name, "` has ", seen.data ? seen.bytes : 0, " bytes, wanted ", bytes);
  return {};
}

}  // namespace

ParamStore::ParamStore(std::shared_ptr<const Graph> graph, std::shared_ptr<const DeviceBody> device)
    : graph_(std::move(graph)), device_(std::move(device)), entries_(graph_->params.size()) {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Param& param = graph_->params[i];
    if (!param.owned) continue;
    const Shape& shape = graph_->values[param.value].shape;
    entries_[i] = {{shape.dtype, numbers(shape.dims), param.owned->data(), param.owned->size()}, param.owned, true, true};
  }
}

Status ParamStore::stage(std::string_view name, const TensorView& value, std::shared_ptr<const void> keepalive) {
  const auto& params = graph_->params;
  const auto found = std::find_if(params.begin(), params.end(), [&](const Param& p) { return p.name == name && !p.owned; });
  if (found == params.end()) {
    std::vector<std::string> names;
    for (const Param& param : params)
      if (!param.owned) names.push_back(param.name);
    return fail(ErrorCode::kUnknownName, "no param `", name, "`; ", did_you_mean(name, names));
  }
  RLX_TRY(check(graph_->values[found->value], value));
  Entry entry{value, std::move(keepalive), true, true};
  if (!entry.keepalive) {
    auto copy = std::make_shared<std::vector<std::byte>>(value.bytes);
    if (value.bytes) std::memcpy(copy->data(), value.data, value.bytes);
    entry.view.data = copy->data();
    entry.keepalive = std::move(copy);
  }
  const std::lock_guard lock(mutex_);
  entries_[static_cast<std::size_t>(found - params.begin())] = std::move(entry);
  dirty_ = true;
  return {};
}

Status ParamStore::put(ParamSetHandle& set, std::uint32_t index, const Entry& entry) const {
  ParamEntry source;
  source.index = index;
  source.dtype = static_cast<std::uint32_t>(entry.view.dtype);
  source.dims = entry.view.dims;
  source.host = entry.view.data;
  source.bytes = entry.view.bytes;
  source.drop = drop_source;
  source.drop_user = new std::shared_ptr<const void>(entry.keepalive);
  return set.put(source);
}

std::vector<std::string> ParamStore::unset_locked() const {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < entries_.size(); ++i)
    if (!entries_[i].set) names.push_back(graph_->params[i].name);
  return names;
}

std::vector<std::string> ParamStore::unset() const {
  const std::lock_guard lock(mutex_);
  return unset_locked();
}

Result<std::shared_ptr<const SealedSet>> ParamStore::acquire() {
  const std::lock_guard lock(mutex_);
  if (!dirty_) return current_;
  const std::vector<std::string> missing = unset_locked();
  if (!missing.empty()) {
    std::string list;
    for (std::size_t i = 0; i < missing.size() && i < 16; ++i) list += join(i ? ", `" : "`", missing[i], "`");
    if (missing.size() > 16) list += join(" and ", missing.size() - 16, " more");
    return fail(ErrorCode::kUnsetParam, missing.size(), missing.size() == 1 ? " param has" : " params have", " no weights: ", list);
  }
  const auto count = static_cast<std::uint32_t>(entries_.size());
  RLX_ASSIGN(ParamSetHandle set, device_->handle().create_params(count, current_ ? &current_->handle : nullptr));
  for (std::uint32_t i = 0; i < count; ++i)
    if (entries_[i].staged) RLX_TRY(put(set, i, entries_[i]));
  RLX_TRY(set.seal());
  for (Entry& entry : entries_) {  // the plugin holds the sources from here on, and drops what it has packed
    entry.staged = false;
    entry.keepalive = nullptr;
    entry.view.data = nullptr;
  }
  const std::uint64_t generation = current_ ? current_->generation + 1 : 1;
  current_ = std::make_shared<const SealedSet>(SealedSet{std::move(set), generation});
  dirty_ = false;
  return current_;
}

ParamUsage ParamStore::usage() const {
  std::shared_ptr<const SealedSet> set;
  {
    const std::lock_guard lock(mutex_);
    set = current_;
  }
  if (!set) return {};
  const Result<ParamUsage> usage = set->handle.usage();
  return usage ? *usage : ParamUsage{};
}

}  // namespace rlx
