// SPDX-License-Identifier: Apache-2.0
// Slabs of 2 MiB pages on host devices, buffers on others.
#include "runtime/execute/lanes.h"

#include <rlx/plugin.h>
#include <sys/mman.h>

#include <algorithm>

#include "runtime/base/pages.h"
#include "runtime/execute/entry.h"

namespace rlx {
namespace {

constexpr std::uint64_t kHugePage = std::uint64_t{2} << 20;
constexpr std::uint64_t kSmallSlab = std::uint64_t{64} << 10;

std::uint64_t rounded_up(std::uint64_t bytes, std::uint64_t unit) { return (bytes + unit - 1) / unit * unit; }

bool on_host(const DeviceBody& device) { return device.handle().info().has(RLX_DEVICE_FLAG_HOST_MEMORY); }

/// What a slab of host memory is a multiple of.
std::uint64_t unit_of(std::uint64_t bytes, std::uint64_t alignment) { return std::max(bytes > kHugePage / 2 ? kHugePage : kSmallSlab, alignment); }

std::uint64_t rounded(const DeviceBody& device, std::uint64_t bytes, std::uint64_t alignment) {
  return on_host(device) ? rounded_up(bytes, unit_of(bytes, alignment)) : bytes;
}

}  // namespace

Slab::~Slab() { give_pages(host, host_bytes); }

std::uint64_t Lane::shrink() {
  slab_ = nullptr;
  alignment_ = 0;
  return bytes_.exchange(0, std::memory_order_relaxed);
}

Status Lane::replace(const DeviceBody& device, std::uint64_t bytes, std::uint64_t alignment, MemoryAccount::Reservation reserved) {
  slab_ = nullptr;  // its bytes count on, so that no other call takes the room that this one was let into
  alignment_ = 0;
  auto slab = std::make_shared<Slab>();
  Status made;
  if (on_host(device)) {
    const std::uint64_t unit = unit_of(bytes, alignment);
    slab->host = reserve_pages(bytes, unit);
    slab->host_bytes = bytes;
    if (!slab->host) made = fail(ErrorCode::kOutOfMemory, "arenas need ", bytes, " bytes");
    else if (unit == kHugePage) ::madvise(slab->host, bytes, MADV_HUGEPAGE);
  } else if (auto buffer = device.handle().alloc(bytes, static_cast<std::uint32_t>(alignment))) {
    slab->buffer = *std::move(buffer);
  } else {
    made = std::move(buffer).error();
  }
  if (!made) {
    bytes_.store(0, std::memory_order_relaxed);
    return made;
  }
  slab_ = std::move(slab);
  alignment_ = alignment;
  reserved.commit([&] { bytes_.store(bytes, std::memory_order_relaxed); });
  return {};
}

void LanePool::vacate(const Lane& lane) {
  const std::lock_guard lock(mutex_);
  for (LaneTenant* tenant : tenants_) tenant->vacate(lane);
}

Status LanePool::replace(Lane& lane, std::uint64_t bytes, std::uint64_t alignment, MemoryAccount::Reservation reserved) {
  vacate(lane);
  return lane.replace(*device_, bytes, alignment, std::move(reserved));
}

/// Half as much again as the lane had, so that shapes that grow step by step do not each make a slab; where that is not to
/// be had, what the run needs.
Status LanePool::grow(Lane& lane, std::uint64_t bytes, std::uint64_t alignment) {
  const auto more = [&](std::uint64_t wanted) { return wanted - std::min(wanted, lane.bytes()); };
  const std::uint64_t exact = rounded(*device_, bytes, alignment);
  const std::uint64_t ample = rounded(*device_, std::max(bytes, lane.bytes() + lane.bytes() / 2), alignment);
  MemoryAccount* const account = device_->memory().get();
  if (ample > exact)
    if (auto reserved = account ? account->admit_beside_all(more(ample)) : MemoryAccount::Reservation())
      if (replace(lane, ample, alignment, *std::move(reserved))) return {};
  RLX_ASSIGN(MemoryAccount::Reservation reserved, admit(account, more(exact), "the arenas of a run"));
  return replace(lane, exact, alignment, std::move(reserved));
}

Result<std::vector<rlx_arena>> LanePool::lend(Lane& lane, std::span<const ArenaNeed> needs) {
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
  if (!lane.has_room(bytes, alignment)) RLX_TRY(grow(lane, bytes, alignment));
  const Slab& slab = *lane.slab();
  std::vector<rlx_arena> arenas;
  for (std::size_t i = 0; i < needs.size(); ++i)
    arenas.push_back({slab.host ? static_cast<std::byte*>(slab.host) + offsets[i] : nullptr, slab.buffer.get(), offsets[i], needs[i].bytes});
  return arenas;
}

LanePool::LanePool(std::shared_ptr<const DeviceBody> device) : device_(std::move(device)) {
  if (device_->memory()) device_->memory()->add(*this);
}

LanePool::~LanePool() {
  if (device_->memory()) rlx::leave([&] { device_->memory()->remove(*this); });
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
    for (LaneTenant* tenant : tenants_) tenant->vacate(*lane);
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

void LanePool::enter(LaneTenant& tenant) {
  const std::lock_guard lock(mutex_);
  tenants_.insert(&tenant);
}

void LanePool::leave(LaneTenant& tenant) {
  const std::lock_guard lock(mutex_);
  tenants_.erase(&tenant);
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
