// SPDX-License-Identifier: Apache-2.0
// Hits under one stripe; making, publishing and evicting under the cache's own lock, and every stripe for the moment in
// which the table changes.
#include "runtime/execute/variant_cache.h"

#include <algorithm>
#include <chrono>

#include "runtime/base/check.h"
#include "runtime/execute/variant.h"

namespace rlx {
namespace {

constexpr int kEpochShift = 36;  // a tick is an epoch and a count of uses within it
constexpr std::size_t kMostRemembered = 4096;  // keys that were there once: for reasons of misses

/// The same after the template is gone and came again.
std::uint64_t lasting_hash(const VariantProbe& probe) {
  const std::array<std::uint64_t, 2> identity = {probe.from->identity.low, probe.from->identity.high};
  Hasher hasher;
  hasher.add(std::as_bytes(std::span(identity)));
  hasher.add(std::as_bytes(probe.sizes));
  return hasher.finish().low;
}

bool equal(std::span<const std::int64_t> a, std::span<const std::int64_t> b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

std::string text_of(const VariantProbe& probe) {
  std::string text = join("template `", probe.from->name, "` (", hex(probe.from->hash).substr(0, 8), ") with ");
  if (probe.sizes.empty()) text += "no symbols";
  for (std::size_t i = 0; i < probe.sizes.size(); ++i)
    text += join(i ? ", " : "", probe.from->manifest.symbols[i].name, "=", probe.sizes[i]);
  return text;
}

/// Another owner of the same variant, whose counters have a cache line of their own.
CompiledGraph own_handle(const CompiledGraph& graph) {
  struct alignas(64) Owner {
    std::shared_ptr<VariantBody> body;
  };
  auto owner = std::make_shared<Owner>(Owner{graph.body()});
  VariantBody* const body = owner->body.get();
  return CompiledGraph(std::shared_ptr<VariantBody>(std::move(owner), body));
}

}  // namespace

/// Holds every stripe: nobody reads the table.
class VariantCache::AllStripes {
 public:
  explicit AllStripes(const VariantCache& cache) : cache_(cache) {
    for (Stripe& stripe : cache_.stripes_) stripe.lock.lock();
  }
  ~AllStripes() {
    for (Stripe& stripe : cache_.stripes_) stripe.lock.unlock();
  }
  AllStripes(const AllStripes&) = delete;
  AllStripes& operator=(const AllStripes&) = delete;

 private:
  const VariantCache& cache_;
};

VariantCache::Stripe& VariantCache::own_stripe() const {
  static std::atomic<std::size_t> threads = 0;
  thread_local const std::size_t own = threads.fetch_add(1, std::memory_order_relaxed) % kStripes;
  return stripes_[own];
}

/// Order of use: the change of the table before it, then the order within the stripe. Exact for one thread; between
/// threads exact to the last change.
void VariantCache::touch(Stripe& stripe, std::uint32_t number) const {
  if (stripe.epoch != epoch_) {
    stripe.epoch = epoch_;
    stripe.uses = 0;
  } else if (stripe.last == number) {
    return;
  }
  stripe.last = number;
  stripe.of[number].tick = (epoch_ << kEpochShift) + ++stripe.uses;
}

std::uint64_t VariantCache::last_tick(std::uint32_t number) const {
  std::uint64_t tick = slots_[number]->made_tick;
  for (const Stripe& stripe : stripes_)
    if (number < stripe.of.size()) tick = std::max(tick, stripe.of[number].tick);
  return tick;
}

bool VariantCache::stands_for(std::uint64_t user_key, const VariantProbe& probe) const {
  const auto found = claimed_.find(user_key);
  return found != claimed_.end() && found->second.identity == probe.from->identity && equal(found->second.sizes, probe.sizes);
}

std::optional<CompiledGraph> VariantCache::hit(const VariantProbe& probe, std::optional<std::uint64_t> user_key) {
  Stripe& stripe = own_stripe();
  const std::lock_guard lock(stripe.lock);
  const std::uint32_t number = table_.find(probe);
  if (number == VariantTable::kNone || (user_key && !stands_for(*user_key, probe))) return std::nullopt;
  if (number >= stripe.of.size()) [[unlikely]]
    stripe.of.resize(slots_.size());
  Use& use = stripe.of[number];
  if (!use.handle.body()) [[unlikely]]
    use.handle = own_handle(slots_[number]->graph);
  touch(stripe, number);
  ++stripe.hits;
  return use.handle;
}

Status VariantCache::claimable(std::uint64_t user_key, const VariantProbe& probe) const {
  const auto found = claimed_.find(user_key);
  if (found == claimed_.end() || stands_for(user_key, probe)) return {};
  return fail(ErrorCode::kInvalidArgument, "key ", user_key, " stands for ", found->second.text, "; it was given again for ",
              text_of(probe));
}

Status VariantCache::claim(std::uint64_t user_key, const VariantProbe& probe) {
  RLX_TRY(claimable(user_key, probe));
  Claimed claimed{probe.from->identity, {probe.sizes.begin(), probe.sizes.end()}, text_of(probe)};
  const AllStripes stripes(*this);
  claimed_.emplace(user_key, std::move(claimed));
  return {};
}

std::shared_ptr<VariantCache::Pending> VariantCache::pending_of(const VariantProbe& probe) const {
  const auto [begin, end] = pending_.equal_range(probe.hash);
  for (auto it = begin; it != end; ++it)
    if (it->second->from == probe.from && equal(it->second->sizes, probe.sizes)) return it->second;
  return nullptr;
}

/// Why the variant is not there; from now on the template counts as asked for.
std::string_view VariantCache::reason_of(const VariantProbe& probe) {
  const TemplateBody& from = *probe.from;
  auto same_name = asked_.find(from.name);
  if (same_name == asked_.end()) {
    asked_[from.name].push_back({from.hash, from.identity});
    return "new-template";
  }
  std::vector<Asked>& asked = same_name->second;
  const bool known = std::any_of(asked.begin(), asked.end(), [&](const Asked& each) { return each.identity == from.identity; });
  if (!known) {
    const bool same_graph = std::any_of(asked.begin(), asked.end(), [&](const Asked& each) { return each.graph == from.hash; });
    asked.push_back({from.hash, from.identity});
    return same_graph ? "options" : "new-graph";
  }
  const auto before = gone_.find(lasting_hash(probe));
  return before == gone_.end() ? "new-shape" : before->second;
}

void VariantCache::remember(std::uint64_t lasting, std::string_view reason) {
  if (!gone_.insert_or_assign(lasting, reason).second) return;
  gone_order_.push_back(lasting);
  if (gone_order_.size() <= kMostRemembered) return;
  gone_.erase(gone_order_.front());
  gone_order_.pop_front();
}

/// Under every stripe.
std::unique_ptr<VariantCache::Slot> VariantCache::take_out(std::uint32_t number) {
  free_numbers_.push_back(number);
  std::unique_ptr<Slot> slot = std::move(slots_[number]);
  table_.erase(slot->key());
  for (Stripe& stripe : stripes_)
    if (number < stripe.of.size()) stripe.of[number] = {};
  resident_bytes_ -= slot->own_bytes;
  const auto code = code_.find(slot->code);
  if (--code->second.second == 0) {
    resident_bytes_ -= code->second.first;
    code_.erase(code);
  }
  remember(lasting_hash(slot->key()), "evicted");
  ++counters_.evictions;
  return slot;
}

/// The newest stays even where it is larger than the budget: its caller is about to run it.
void VariantCache::evict(std::uint32_t newest, std::vector<std::unique_ptr<Slot>>& gone) {
  const auto over = [&] {
    return table_.size() > limits_.capacity || (limits_.byte_budget && resident_bytes_ > limits_.byte_budget);
  };
  while (table_.size() > 1 && over()) {
    std::uint32_t oldest = VariantTable::kNone;
    std::uint64_t oldest_tick = UINT64_MAX;
    for (std::uint32_t number = 0; number < slots_.size(); ++number) {
      if (!slots_[number] || number == newest) continue;
      const std::uint64_t tick = last_tick(number);
      if (tick < oldest_tick) oldest_tick = tick, oldest = number;
    }
    gone.push_back(take_out(oldest));
  }
}

void VariantCache::publish(const VariantProbe& probe, const CompiledGraph& graph, std::vector<std::unique_ptr<Slot>>& gone) {
  auto slot = std::make_unique<Slot>();
  slot->from = probe.from;
  slot->sizes.assign(probe.sizes.begin(), probe.sizes.end());
  slot->graph = graph;
  slot->own_bytes = graph.body()->own_bytes();
  slot->code = graph.body()->executable().get();
  slot->code_bytes = graph.body()->executable()->info().code_bytes;
  const AllStripes stripes(*this);
  if (free_numbers_.empty()) {
    slots_.emplace_back();
    free_numbers_.push_back(static_cast<std::uint32_t>(slots_.size() - 1));
  }
  auto& [bytes, users] = code_[slot->code];
  const std::uint32_t newest = free_numbers_.back();
  table_.insert(slot->key(), newest);
  if (users++ == 0) resident_bytes_ += bytes = slot->code_bytes;
  resident_bytes_ += slot->own_bytes;
  slot->made_tick = ++epoch_ << kEpochShift;
  slots_[newest] = std::move(slot);
  free_numbers_.pop_back();
  evict(newest, gone);
  ++epoch_;
}

std::shared_ptr<VariantCache::Pending> VariantCache::begin(const VariantProbe& probe, std::string_view reason) {
  const auto pending = std::make_shared<Pending>();
  pending->from = probe.from;
  pending->sizes.assign(probe.sizes.begin(), probe.sizes.end());
  ++counters_.miss_reasons[std::string(reason)];
  ++counters_.misses;
  pending_.emplace(probe.hash, pending);
  return pending;
}

/// Whoever waits is answered whatever throws on the way.
void VariantCache::end(const VariantProbe& probe, const std::shared_ptr<Pending>& pending, Result<CompiledGraph> made,
                       std::vector<std::unique_ptr<Slot>>& gone) {
  if (made) {
    const Status published = guard([&]() -> Status { return publish(probe, *made, gone), Status{}; });
    if (!published) made = published.error();
  }
  pending->done = std::move(made);
  const auto [first, last] = pending_.equal_range(probe.hash);
  pending_.erase(std::find_if(first, last, [&](const auto& entry) { return entry.second == pending; }));
  made_->notify_all();
  if (*pending->done || is_of_the_call(pending->done->error())) return;
  ++counters_.failures;
  remember(lasting_hash(probe), "failed");
}

Result<CompiledGraph> VariantCache::get_or_make(const VariantProbe& probe, std::optional<std::uint64_t> user_key, const CallScope& scope,
                                                const Make& make) {
  std::vector<std::unique_ptr<Slot>> gone;  // let go of outside the lock
  std::unique_lock lock(mutex_);
  if (const std::uint32_t number = table_.find(probe); number != VariantTable::kNone) {  // made meanwhile, or the caller's key is new
    if (user_key) RLX_TRY(claim(*user_key, probe));
    ++counters_.hits;
    return slots_[number]->graph;
  }
  if (user_key) RLX_TRY(claimable(*user_key, probe));
  std::shared_ptr<Pending> pending = pending_of(probe);
  if (pending) {
    RLX_TRY(scope.wait(*made_, lock, "compile", [&] { return pending->done.has_value(); }));
    if (!*pending->done && is_of_the_call(pending->done->error())) {
      lock.unlock();
      return get_or_make(probe, user_key, scope, make);
    }
    if (*pending->done) ++counters_.hits;
  } else {
    const std::string_view reason = reason_of(probe);
    pending = begin(probe, reason);
    lock.unlock();
    const auto start = std::chrono::steady_clock::now();
    Result<CompiledGraph> made = guard([&] { return make(reason); });
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
    lock.lock();
    ++counters_.compiles;
    counters_.compile_us += took.count();
    end(probe, pending, std::move(made), gone);
  }
  if (*pending->done && user_key) RLX_TRY(claim(*user_key, probe));
  return *pending->done;
}

bool VariantCache::contains(const VariantProbe& probe) const {
  const std::lock_guard lock(own_stripe().lock);
  return table_.find(probe) != VariantTable::kNone;
}

std::size_t VariantCache::size() const {
  const std::lock_guard lock(own_stripe().lock);
  return table_.size();
}

CacheCounters VariantCache::counters() const {
  const std::lock_guard lock(mutex_);
  CacheCounters counters = counters_;
  counters.resident_bytes = resident_bytes_;
  for (const Stripe& stripe : stripes_) {
    const std::lock_guard stripe_lock(stripe.lock);
    counters.hits += stripe.hits;
  }
  return counters;
}

std::size_t VariantCache::drop(const ParamStore* weights) {
  std::vector<std::unique_ptr<Slot>> gone;
  const std::lock_guard lock(mutex_);
  const AllStripes stripes(*this);
  for (std::uint32_t number = 0; number < slots_.size(); ++number)
    if (slots_[number] && (!weights || slots_[number]->from->params.get() == weights)) gone.push_back(take_out(number));
  ++epoch_;
  return gone.size();
}

}  // namespace rlx
