// SPDX-License-Identifier: Apache-2.0
// Staging, sealing, swapping, deriving.
#include "runtime/execute/param_store.h"

#include <cstring>
#include <unordered_set>
#include <utility>

#include "runtime/base/check.h"
#include "runtime/base/names.h"
#include "runtime/execute/entry.h"
#include "runtime/execute/manifest.h"
#include "runtime/execute/package.h"

namespace rlx {
namespace {

std::vector<std::int64_t> dim_numbers(const Dims& dims) {
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
  if (seen.dims != dim_numbers(wanted.shape.dims))
    return fail(ErrorCode::kWrongShape, "param `", wanted.name, "` is ", dims_text(seen.dims), ", wanted ",
                to_string(wanted.shape.dims));
  const auto bytes = static_cast<std::uint64_t>(wanted.shape.elements().number()) * dtype_bytes(wanted.shape.dtype);
  if (!seen.data && bytes) return fail(ErrorCode::kWrongSize, "param `", wanted.name, "`: its data is a null pointer, wanted ", bytes, " bytes");
  if (seen.bytes != bytes) return fail(ErrorCode::kWrongSize, "param `", wanted.name, "` has ", seen.bytes, " bytes, wanted ", bytes);
  return {};
}

/// "`a`, `b` and 3 more".
std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 16;
  std::string list;
  for (std::size_t i = 0; i < names.size() && i < kMost; ++i) list += join(i ? ", `" : "`", names[i], "`");
  if (names.size() > kMost) list += join(" and ", names.size() - kMost, " more");
  return list;
}

Error no_weights(const std::vector<std::string>& names) {
  return fail(ErrorCode::kUnsetParam, names.size(), names.size() == 1 ? " param has" : " params have", " no weights: ", listed(names));
}

Status check_made(const ParamSet& set) {
  if (set) return {};
  return fail(ErrorCode::kInvalidArgument, "the param set is empty: take one from a template or a graph");
}

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> next = 1;
  return next.fetch_add(1, std::memory_order_relaxed);
}

/// Of what the graph owns, so that its packs too can be kept between processes.
ContentHash hash_of(const std::vector<std::byte>& bytes) {
  const Hash128 hash = hash_bytes(bytes);
  return {hash.low, hash.high};
}

}  // namespace

ParamStore::ParamStore(std::string name, std::shared_ptr<const Graph> graph, std::shared_ptr<const DeviceBody> device)
    : id_(next_id()), name_(std::move(name)), graph_(std::move(graph)), names_(names_of(*graph_)), device_(std::move(device)), entries_(graph_->params.size()) {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Param& param = graph_->params[i];
    if (!param.owned) continue;
    const Shape& shape = graph_->values[param.value].shape;
    entries_[i] = {{shape.dtype, dim_numbers(shape.dims), param.owned->data(), param.owned->size()}, param.owned, true, true, hash_of(*param.owned)};
  }
  if (device_->memory()) device_->memory()->add(*this);
}

ParamStore::~ParamStore() {
  if (base_) --base_->heirs_;
  if (device_->memory()) leave([&] { device_->memory()->remove(*this); });
}

ParamStore::ParamStore(std::shared_ptr<ParamStore> base)
    : id_(next_id()), name_(base->name_), graph_(base->graph_), names_(base->names_), device_(base->device_), base_(std::move(base)), entries_(graph_->params.size()) {
  ++base_->heirs_;
  if (device_->memory()) device_->memory()->add(*this);
}

std::shared_ptr<const ParamStore::Names> ParamStore::names_of(const Graph& graph) {
  auto names = std::make_shared<Names>();
  names->reserve(graph.params.size());
  for (std::size_t i = 0; i < graph.params.size(); ++i)
    if (!graph.params[i].owned) names->emplace(graph.params[i].name, i);
  return names;
}

Error ParamStore::no_param(std::string_view name) const {
  std::vector<std::string> names;
  for (const Param& param : graph_->params)
    if (!param.owned) names.push_back(param.name);
  return fail(ErrorCode::kUnknownName, "no param `", name, "`; ", did_you_mean(name, names));
}

Result<ParamStore::Change> ParamStore::change(std::size_t index, const ParamSource& value) const {
  RLX_TRY(check(graph_->values[graph_->params[index].value], value.view));
  Change change{index, {value.view, value.keepalive, true, true, value.hash}};
  if (change.entry.keepalive) return change;
  auto copy = std::make_shared<std::vector<std::byte>>(value.view.bytes);
  if (value.view.bytes) std::memcpy(copy->data(), value.view.data, value.view.bytes);
  change.entry.view.data = copy->data();
  change.entry.keepalive = std::move(copy);
  return change;
}

Status ParamStore::check_complete(const std::vector<bool>& given) const {
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < graph_->params.size(); ++i)
    if (!graph_->params[i].owned && !given[i]) missing.push_back(graph_->params[i].name);
  if (missing.empty()) return {};
  return no_weights(missing);
}

Status ParamStore::stage(std::span<const ParamSource> values, bool complete) {
  std::vector<Change> changes;
  std::vector<std::string> extra;
  std::vector<bool> given(values.size() > 1 || complete ? graph_->params.size() : 0);
  changes.reserve(values.size());
  for (const ParamSource& value : values) {
    const auto known = names_->find(value.name);
    if (known == names_->end()) {
      extra.push_back(value.name);
      continue;
    }
    RLX_ASSIGN(Change made, change(known->second, value));
    if (!given.empty()) {
      if (given[made.index]) return fail(ErrorCode::kDuplicateName, "param `", value.name, "` is given twice");
      given[made.index] = true;
    }
    changes.push_back(std::move(made));
  }
  if (extra.size() == 1) return no_param(extra[0]);
  if (!extra.empty()) return fail(ErrorCode::kUnknownName, extra.size(), " names are no params: ", listed(extra), "; ", no_param(extra[0]).message());
  if (complete) RLX_TRY(check_complete(given));
  if (changes.empty()) return {};
  const std::lock_guard lock(mutex_);
  for (Change& change : changes) std::swap(entries_[change.index], change.entry);  // the old bytes go after the lock
  dirty_ = true;
  version_.fetch_add(1, std::memory_order_release);
  return {};
}

Status ParamStore::put(ParamSetHandle& set, std::uint32_t index, const Entry& entry) const {
  ParamEntry source;
  source.index = index;
  source.dtype = static_cast<std::uint32_t>(entry.view.dtype);
  source.dims = entry.view.dims;
  source.host = entry.view.data;
  source.bytes = entry.view.bytes;
  source.hash = {entry.hash.low, entry.hash.high};
  source.drop = drop_source;
  source.drop_user = new std::shared_ptr<const void>(entry.keepalive);
  return set.put(source);
}

std::vector<std::string> ParamStore::unset_locked() const {
  std::vector<std::string> names;
  const std::vector<std::string> of_base = base_ ? base_->unset() : std::vector<std::string>();
  const std::unordered_set<std::string_view> base(of_base.begin(), of_base.end());
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const std::string& name = graph_->params[i].name;
    if (entries_[i].set || graph_->params[i].owned) continue;
    if (!base_ || base.contains(name)) names.push_back(name);
  }
  return names;
}

std::vector<std::string> ParamStore::unset() const {
  const std::lock_guard lock(mutex_);
  return unset_locked();
}

/// A new set on `from` (may be null) with what is staged, or with `all` that is set here.
Result<std::shared_ptr<const SealedSet>> ParamStore::seal(const SealedSet* from, bool all) {
  const auto count = static_cast<std::uint32_t>(entries_.size());
  RLX_ASSIGN(ParamSetHandle set, device_->handle().create_params(count, from ? &from->handle : nullptr));
  if (origin_ && !from) RLX_TRY(set.offer_packs(origin_->packs, origin_->mapping));
  for (std::uint32_t i = 0; i < count; ++i)
    if (entries_[i].staged || (all && entries_[i].set)) RLX_TRY(put(set, i, entries_[i]));
  RLX_TRY(set.seal());
  for (Entry& entry : entries_) {
    entry.staged = false;
    if (base_) continue;  // put again when the base has changed
    entry.keepalive = nullptr;  // the plugin holds the sources from here on, and drops what it has packed
    entry.view.data = nullptr;
  }
  return std::make_shared<const SealedSet>(std::move(set));
}

Result<ParamStore::Acquired> ParamStore::acquire(bool may_miss) {
  const std::lock_guard lock(mutex_);
  if (const std::vector<std::string> missing = may_miss ? std::vector<std::string>() : unset_locked(); !missing.empty())
    return no_weights(missing);
  Acquired base;
  if (base_) {
    RLX_ASSIGN(base, base_->acquire(true));
  }
  const bool base_moved = base_ && derived_from_.lock() != base.set;
  if (current_ && !dirty_ && !base_moved) return Acquired{current_, nullptr};
  RLX_ASSIGN(std::shared_ptr<const SealedSet> made, seal(base_ ? base.set.get() : current_.get(), base_ != nullptr));
  dirty_ = false;
  derived_from_ = base.set;
  return Acquired{made, std::exchange(current_, made)};
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

MemoryItem ParamStore::held() const {
  const ParamUsage used = usage();
  MemoryItem item;
  item.what = join(base_ ? "changed weights of `" : "weights of `", name_, "` on ", device_->report().device);
  item.source_bytes = base_ ? std::min(used.source_bytes, own_bytes()) : used.source_bytes;
  item.packed_bytes = used.packed_bytes + packs_shared_with_heirs(used);
  return item;
}

/// Of what was set here.
std::uint64_t ParamStore::own_bytes() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t bytes = 0;
  for (const Entry& entry : entries_) bytes += entry.set ? entry.view.bytes : 0;
  return bytes;
}

/// The backend counts sources and packs that sets share together. With heirs nearly every source is; packs of a package lie in its file.
std::uint64_t ParamStore::packs_shared_with_heirs(const ParamUsage& used) const {
  if (heirs_ == 0) return 0;
  std::uint64_t others = used.source_bytes;
  for (std::size_t i = 0; origin_ && i < origin_->packs.size(); ++i) others += origin_->packs[i].bytes.size();
  return used.shared_bytes > others ? used.shared_bytes - others : 0;
}

Status ParamSet::set(std::string_view name, const TensorView& value, std::shared_ptr<const void> keepalive) {
  return entry([&]() -> Status {
    RLX_TRY(check_made(*this));
    return store_->stage({std::string(name), value, std::move(keepalive)});
  });
}

Status ParamSet::set_all(std::span<const ParamSource> values) {
  return entry([&]() -> Status {
    RLX_TRY(check_made(*this));
    return store_->stage(values);
  });
}

Status ParamSet::replace_all(std::span<const ParamSource> values) {
  return entry([&]() -> Status {
    RLX_TRY(check_made(*this));
    return store_->stage(values, true);
  });
}

Result<ParamSet> ParamSet::derive() const {
  return entry([&]() -> Result<ParamSet> {
    RLX_TRY(check_made(*this));
    return ParamSet(std::make_shared<ParamStore>(store_));
  });
}

std::vector<std::string> ParamSet::unset() const { 
  return look([&] { return store_ ? store_->unset() : std::vector<std::string>(); });
 }

ParamBytes ParamSet::bytes() const {
  return look([&]() -> ParamBytes {
    if (!store_) return {};
    const ParamUsage usage = store_->usage();
    return {usage.source_bytes, usage.packed_bytes, usage.shared_bytes, usage.pack_count};
  });
}

}  // namespace rlx
