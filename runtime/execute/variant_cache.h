// SPDX-License-Identifier: Apache-2.0
// The variants of one pipeline by (template, sizes). A hit takes the lock of its thread's stripe alone and writes nothing but
// that stripe's, so that threads do not meet; what changes the table takes every stripe. Least recently used variants go
// first; who holds one keeps it.
#pragma once

#include <rlx/host/pipeline.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/base/own_condition.h"
#include "runtime/base/spin_lock.h"
#include "runtime/execute/call_scope.h"
#include "runtime/execute/variant_table.h"

namespace rlx {

/// Thread-safe.
class VariantCache {
 public:
  explicit VariantCache(const PipelineOptions& limits) : limits_(limits) {}
  VariantCache(const VariantCache&) = delete;
  VariantCache& operator=(const VariantCache&) = delete;

  /// The variant, where it is there and `user_key`, if there is one, is known to stand for it. Allocates once for each
  /// variant and stripe.
  std::optional<CompiledGraph> hit(const VariantProbe& probe, std::optional<std::uint64_t> user_key);

  /// Called outside every lock, by one thread per key, with the reason of the miss.
  using Make = std::function<Result<CompiledGraph>(std::string_view reason)>;
  /// After a miss: the variant, made now where it is not there; whoever asks for a key that is being made waits for it. Failures are not
  /// kept, and one that only says that its caller had no more time is not handed to those who wait: one of them makes it.
  /// Errors: those of make; kCancelled and kDeadline of `scope`; kInvalidArgument where `user_key` stands for another
  /// template or other sizes.
  Result<CompiledGraph> get_or_make(const VariantProbe& probe, std::optional<std::uint64_t> user_key, const CallScope& scope,
                                    const Make& make);

  bool contains(const VariantProbe& probe) const;
  std::size_t size() const;
  CacheCounters counters() const;
  /// Drops every variant but those that are being made; as evictions. Returns how many.
  std::size_t clear() { return drop(nullptr); }
  /// The same for those whose template has these weights; null = all.
  std::size_t drop(const ParamStore* weights);

 private:
  static constexpr std::size_t kStripes = 16;

  struct Slot {
    std::shared_ptr<TemplateBody> from;  // keeps the key's pointer its own
    std::vector<std::int64_t> sizes;
    CompiledGraph graph;
    std::uint64_t made_tick = 0;
    std::uint64_t own_bytes = 0, code_bytes = 0;
    const void* code = nullptr;
    VariantProbe key() const { return {from, sizes}; }
  };

  /// What a stripe has of a variant, on a line of its own. `handle`: an owner of its own, so that threads which copy it do
  /// not share a counter; empty until the stripe's first hit.
  struct alignas(64) Use {
    CompiledGraph handle;
    std::uint64_t tick = 0;
  };
  struct alignas(128) Stripe {
    mutable SpinLock lock;
    std::uint64_t hits = 0;
    std::uint64_t uses = 0;             // within `epoch`
    std::uint64_t epoch = 0;
    std::uint32_t last = VariantTable::kNone;  // touched last, within `epoch`
    std::vector<Use> of;                // by number of the variant
  };
  class AllStripes;

  /// What is being made; the others wait for it.
  struct Pending {
    std::shared_ptr<TemplateBody> from;
    std::vector<std::int64_t> sizes;
    std::optional<Result<CompiledGraph>> done;
  };
  /// What a caller's key stands for.
  struct Claimed {
    Hash128 identity;
    std::vector<std::int64_t> sizes;
    std::string text;  ///< for messages
  };

  Stripe& own_stripe() const;
  void touch(Stripe& stripe, std::uint32_t number) const;
  std::uint64_t last_tick(std::uint32_t number) const;
  bool stands_for(std::uint64_t user_key, const VariantProbe& probe) const;
  Status claimable(std::uint64_t user_key, const VariantProbe& probe) const;
  Status claim(std::uint64_t user_key, const VariantProbe& probe);
  std::shared_ptr<Pending> pending_of(const VariantProbe& probe) const;
  std::string_view reason_of(const VariantProbe& probe);
  std::shared_ptr<Pending> begin(const VariantProbe& probe, std::string_view reason);
  void end(const VariantProbe& probe, const std::shared_ptr<Pending>& pending, Result<CompiledGraph> made,
           std::vector<std::unique_ptr<Slot>>& gone);
  void publish(const VariantProbe& probe, const CompiledGraph& graph, std::vector<std::unique_ptr<Slot>>& gone);
  void evict(std::uint32_t newest, std::vector<std::unique_ptr<Slot>>& gone);
  std::unique_ptr<Slot> take_out(std::uint32_t number);
  void remember(std::uint64_t lasting_hash, std::string_view reason);

  const PipelineOptions limits_;
  mutable std::mutex mutex_;  // one change at a time; guards all below but what the stripes guard
  OwnCondition made_;

  // Read under one stripe, changed under mutex_ and every stripe.
  mutable std::array<Stripe, kStripes> stripes_;
  VariantTable table_;
  std::vector<std::unique_ptr<Slot>> slots_;  // by number; null where the number is free
  std::unordered_map<std::uint64_t, Claimed> claimed_;
  std::uint64_t epoch_ = 1;  // number of changes

  std::vector<std::uint32_t> free_numbers_;
  std::unordered_multimap<std::uint64_t, std::shared_ptr<Pending>> pending_;
  std::unordered_map<std::uint64_t, std::string_view> gone_;  // lasting hash -> "evicted" or "failed"
  std::deque<std::uint64_t> gone_order_;
  struct Asked {
    Hash128 graph, identity;
  };
  std::map<std::string, std::vector<Asked>, std::less<>> asked_;  // templates, by name
  std::unordered_map<const void*, std::pair<std::uint64_t, std::size_t>> code_;  // bytes, users
  std::uint64_t resident_bytes_ = 0;
  CacheCounters counters_;
};

}  // namespace rlx
