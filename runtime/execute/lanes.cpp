// SPDX-License-Identifier: Apache-2.0
// Slabs of 2 MiB pages on host devices, buffers on others.
#include "runtime/execute/lanes.h"

#include <rlx/plugin.h>
#include <sys/mman.h>

#include <algorithm>

#include "runtime/base/pages.h"

namespace rlx {
namespace {

constexpr std::uint64_t kHugePage = std::uint64_t{2} << 20;
constexpr std::uint64_t kSmallSlab = std::uint64_t{64} << 10;

std::uint64_t rounded_up(std::uint64_t bytes, std::uint64_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

Slab::~Slab() { give_pages(host, host_bytes); }

void Slab::release_pages() const {
  if (host) ::madvise(host, host_bytes, MADV_DONTNEED);  // a whole number of pages: rounded to units of 64 KiB and more
}

std::uint64_t Lane::shrink() {
  const std::uint64_t had = bytes();
  if (slab_) slab_->release_pages();  // contexts on it keep its addresses until their next run on this lane
  slab_ = nullptr;
  alignment_ = 0;
  bytes_.store(0, std::memory_order_relaxed);
  return had;
}

Status Lane::grow(const DeviceBody& device, std::uint64_t bytes, std::uint64_t alignment) {
  auto slab = std::make_shared<Slab>();
  std::uint64_t rounded = bytes;
  const bool on_host = device.handle().info().has(RLX_DEVICE_FLAG_HOST_MEMORY);
  const std::uint64_t unit = std::max(bytes > kHugePage / 2 ? kHugePage : kSmallSlab, alignment);
  if (on_host) rounded = rounded_up(bytes, unit);
  if (slab_) slab_->release_pages();  // this run has the lane: no context on the old slab is running
  if (device.memory()) RLX_TRY(device.memory()->admit(rounded - std::min(rounded, this->bytes()), "the arenas of a run"));
  if (on_host) {
    slab->host = reserve_pages(rounded, unit);
    slab->host_bytes = rounded;
    if (!slab->host) return fail(ErrorCode::kOutOfMemory, "arenas need ", rounded, " bytes");
    if (unit == kHugePage) ::madvise(slab->host, rounded, MADV_HUGEPAGE);
  } else {
    RLX_ASSIGN(slab->buffer, device.handle().alloc(bytes, static_cast<std::uint32_t>(alignment)));
  }
  slab_ = std::move(slab);
  alignment_ = alignment;
  bytes_.store(rounded, std::memory_order_relaxed);
  return {};
}

Result<std::vector<rlx_arena>> Lane::lend(const DeviceBody& device, std::span<const ArenaNeed> needs) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
  std::uint64_t bytes = 0, alignment = 64;
  std::vector<std::uint64_t> offsets;
  for (const ArenaNeed& need : needs) {
    if (need.space != RLX_SPACE_DEVICE) return fail(ErrorCode::kPluginFault, "an arena wants space ", need.space, ", and there is 0 only");
    const std::uint64_t own = std::max<std::uint64_t>(need.alignment, 64);
    if ((own & (own - 1)) != 0) return fail(ErrorCode::kPluginFault, "an arena wants alignment ", own, ", which is no power of two");
    alignment = std::max(alignment, own);
    const std::uint64_t offset = rounded_up(bytes, own);
    if (need.bytes > kMost || offset > kMost) return fail(ErrorCode::kOutOfMemory, "arenas need ", need.bytes, " bytes");
    offsets.push_back(offset);
    bytes = offset + need.bytes;
  }
  if (bytes > this->bytes() || alignment > alignment_) RLX_TRY(grow(device, std::max(bytes, this->bytes() + this->bytes() / 2), alignment));
  std::vector<rlx_arena> arenas;
  for (std::size_t i = 0; i < needs.size(); ++i)
    arenas.push_back({slab_->host ? static_cast<std::byte*>(slab_->host) + offsets[i] : nullptr, slab_->buffer.get(), offsets[i], needs[i].bytes});
  return arenas;
}

LanePool::LanePool(std::shared_ptr<const DeviceBody> device) : device_(std::move(device)) {
  if (device_->memory()) device_->memory()->add(*this);
}

LanePool::~LanePool() {
  if (device_->memory()) device_->memory()->remove(*this);
}

MemoryItem LanePool::held() const {
  MemoryItem item;
  item.what = join("arenas on ", device_->report().device);
  const std::lock_guard lock(mutex_);
  for (const auto& lane : all_) {
    item.arena_bytes += lane->bytes();
    if (!lane->busy()) item.idle_arena_bytes += lane->bytes();
  }
  return item;
}

std::uint64_t LanePool::trim() {
  const std::lock_guard lock(mutex_);
  std::uint64_t bytes = 0;
  for (const auto& lane : all_) {
    if (!lane->take()) continue;
    const Lease lease(*lane);
    bytes += lane->shrink();
  }
  return bytes;
}

Lane& LanePool::take() {
  static thread_local std::uint32_t last = 0;  // a thread finds its own lane again, and its caches with it
  const std::uint32_t count = quick_count_.load(std::memory_order_acquire);
  if (last < count)
    if (Lane* lane = quick_[last].load(std::memory_order_relaxed); lane->take()) return *lane;
  for (std::uint32_t i = 0; i < count; ++i)
    if (Lane* lane = quick_[i].load(std::memory_order_relaxed); lane->take()) return last = i, *lane;
  return take_slowly();
}

Lane& LanePool::take_slowly() {
  const std::lock_guard lock(mutex_);
  for (const auto& lane : all_)
    if (lane->take()) return *lane;
  const auto id = static_cast<std::uint32_t>(all_.size());
  all_.push_back(std::make_unique<Lane>(id));
  Lane& lane = *all_.back();
  if (id < kQuickLanes) {
    quick_[id].store(&lane, std::memory_order_relaxed);
    quick_count_.store(id + 1, std::memory_order_release);
  }
  return lane;
}

void LanePool::end_background() {
  if (background_.fetch_sub(1, std::memory_order_acq_rel) == 1) background_.notify_all();
}

void LanePool::wait_for_background() const {
  if (::getpid() != owner_) return;
  for (std::uint32_t left; (left = background_.load(std::memory_order_acquire)) != 0;) background_.wait(left, std::memory_order_acquire);
}

std::uint64_t LanePool::bytes() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t bytes = 0;
  for (const auto& lane : all_) bytes += lane->bytes();
  return bytes;
}

}  // namespace rlx
