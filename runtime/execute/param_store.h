// SPDX-License-Identifier: Apache-2.0
// The weights behind a ParamSet: sources by entry, and the sealed set that runs use. Changes are staged and swapped whole
// at the next run; a run keeps the set it started with; what was not changed is shared with the old set. A derived store
// follows its base in every entry that it has not itself.
#pragma once

#include <rlx/host/params.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/execute/device_body.h"
#include "runtime/execute/memory.h"
#include "runtime/ir/graph.h"

namespace rlx {

struct ModelOrigin;

/// A sealed set of the backend. Immutable; lives while a store has it as its newest, or a run uses it.
struct SealedSet {
  explicit SealedSet(ParamSetHandle sealed) : handle(std::move(sealed)) {}
  ParamSetHandle handle;
};

/// Thread-safe.
class ParamStore : public MemoryHolder {
 public:
  /// Entries are those of `graph.params`; owned ones are set from the graph. `name`: the template's, for the report of memory.
  /// Lifetime: keeps graph and device.
  ParamStore(std::string name, std::shared_ptr<const Graph> graph, std::shared_ptr<const DeviceBody> device);
  /// A derived one. Lifetime: keeps its base.
  explicit ParamStore(std::shared_ptr<ParamStore> base);
  ~ParamStore();
  ParamStore(const ParamStore&) = delete;
  ParamStore& operator=(const ParamStore&) = delete;

  /// Stages entries, all or none. Bytes are copied unless `keepalive` holds them. `complete`: none may be missing.
  /// Errors: kUnknownName, kDuplicateName, kWrongDtype, kWrongShape, kWrongSize; kUnsetParam for those that are missing.
  Status stage(std::span<const ParamSource> values, bool complete = false);
  Status stage(const ParamSource& value) { return stage({&value, 1}); }
  /// Packs that a package carries: offered to the first set that is made. Call it before the first run.
  void offer(std::shared_ptr<const ModelOrigin> origin) { origin_ = std::move(origin); }

  /// The set for a run: what is staged is put into a new set first. `replaced` is the set before, where this call made
  /// the new one: whoever holds it until the new set is prepared has packs of unchanged weights shared, not made again.
  /// `may_miss`: for a derived store, which has what this one misses. Errors: kUnsetParam listing every unset name.
  struct Acquired {
    std::shared_ptr<const SealedSet> set, replaced;
  };
  Result<Acquired> acquire(bool may_miss = false);

  /// Differs from what it was before whenever acquire() would return another set. Read it before acquire(). [one load]
  std::uint64_t version() const { return version_.load(std::memory_order_acquire) + (base_ ? base_->version() : 0); }
  /// No other store of this process has it.
  std::uint64_t id() const { return id_; }
  /// Stores of one template are of one family: a run takes no other.
  const void* family() const { return graph_.get(); }

  std::vector<std::string> unset() const;
  /// Whether stage() knows the name.
  bool has(std::string_view name) const { return names_->contains(name); }
  /// Of the current set; zero before the first run.
  ParamUsage usage() const;
  /// What derived stores share with their base counts once, at the base.
  MemoryItem held() const override;

 private:
  struct Entry {
    TensorView view;
    std::shared_ptr<const void> keepalive;
    bool set = false;
    bool staged = false;
    ContentHash hash = {};
  };
  struct Change {
    std::size_t index;
    Entry entry;
  };
  /// Params that are no constants of the graph, by name.
  using Names = std::unordered_map<std::string_view, std::size_t>;
  static std::shared_ptr<const Names> names_of(const Graph& graph);
  Error no_param(std::string_view name) const;
  Result<Change> change(std::size_t index, const ParamSource& value) const;
  Status check_complete(const std::vector<bool>& given) const;
  Status put(ParamSetHandle& set, std::uint32_t index, const Entry& entry) const;
  Result<std::shared_ptr<const SealedSet>> seal(const SealedSet* from, bool all);
  std::vector<std::string> unset_locked() const;
  std::uint64_t own_bytes() const;
  std::uint64_t packs_shared_with_heirs(const ParamUsage& used) const;

  const std::uint64_t id_;
  const std::string name_;
  std::shared_ptr<const Graph> graph_;
  std::shared_ptr<const Names> names_;  // into the graph
  std::shared_ptr<const DeviceBody> device_;
  std::shared_ptr<ParamStore> base_;
  std::atomic<std::uint64_t> version_ = 1;
  std::atomic<std::uint32_t> heirs_ = 0;  // derived stores that live
  std::shared_ptr<const ModelOrigin> origin_;  // null where it came from no package
  mutable std::mutex mutex_;  // guards what follows; a derived store's is taken before its base's
  std::vector<Entry> entries_;
  bool dirty_ = true;
  std::shared_ptr<const SealedSet> current_;
  std::weak_ptr<const SealedSet> derived_from_;  // of the base, what current_ was made on
};

}  // namespace rlx
