// SPDX-License-Identifier: Apache-2.0
// Slabs of 2 MiB pages on host devices, buffers on others.
#include "runtime/execute/lanes.h"

#include <rlx/plugin.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>

namespace rlx {
namespace {

constexpr std::uint64_t kHugePage = std::uint64_t{2} << 20;
constexpr std::uint64_t kSmallSlab = std::uint64_t{64} << 10;

std::uint64_t rounded_up(std::uint64_t bytes, std::uint64_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

Slab::~Slab() { std::free(host); }

Status Lane::grow(const DeviceBody& device, std::uint64_t bytes, std::uint64_t alignment) {
  auto slab = std::make_shared<Slab>();
  std::uint64_t rounded = bytes;
  if (device.handle().info().has(RLX_DEVICE_FLAG_HOST_MEMORY)) {
    const std::uint64_t unit = std::max(bytes > kHugePage / 2 ? kHugePage : kSmallSlab, alignment);
    rounded = rounded_up(bytes, unit);
    slab->host = std::aligned_alloc(unit, rounded);
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
  if (bytes > this->bytes() || alignment > alignment_) RLX_TRY(grow(device, std::max(bytes, this->bytes()), alignment));
  std::vector<rlx_arena> arenas;
  for (std::size_t i = 0; i < needs.size(); ++i)
    arenas.push_back({slab_->host ? static_cast<std::byte*>(slab_->host) + offsets[i] : nullptr, slab_->buffer.get(), offsets[i], needs[i].bytes});
  return arenas;
}

LanePool::Lease LanePool::lease() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) {
    all_.push_back(std::make_unique<Lane>(all_.size()));
    free_.reserve(all_.size());
    return Lease(*this, *all_.back());
  }
  Lane* lane = free_.back();
  free_.pop_back();
  return Lease(*this, *lane);
}

void LanePool::give_back(Lane& lane) {
  const std::lock_guard lock(mutex_);
  free_.push_back(&lane);
}

std::uint64_t LanePool::bytes() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t bytes = 0;
  for (const auto& lane : all_) bytes += lane->bytes();
  return bytes;
}

}  // namespace rlx
