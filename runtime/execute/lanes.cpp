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

Lane::~Lane() { std::free(host_); }

Status Lane::grow(const DeviceBody& device, std::uint64_t bytes) {
  ++generation_;
  if (!device.handle().info().has(RLX_DEVICE_FLAG_HOST_MEMORY)) {
    RLX_ASSIGN(buffer_, device.handle().alloc(bytes));
    bytes_ = bytes;
    return {};
  }
  const std::uint64_t unit = bytes > kHugePage / 2 ? kHugePage : kSmallSlab;
  const std::uint64_t rounded = rounded_up(bytes, unit);
  void* memory = std::aligned_alloc(unit, rounded);
  if (!memory) return fail(ErrorCode::kOutOfMemory, "arenas need ", rounded, " bytes");
  if (unit == kHugePage) ::madvise(memory, rounded, MADV_HUGEPAGE);
  std::free(host_);
  host_ = memory;
  bytes_ = rounded;
  return {};
}

Result<std::vector<rlx_arena>> Lane::lend(const DeviceBody& device, std::span<const ArenaNeed> needs) {
  std::uint64_t bytes = 0;
  std::vector<std::uint64_t> offsets;
  for (const ArenaNeed& need : needs) {
    const std::uint64_t offset = rounded_up(bytes, std::max<std::uint32_t>(need.alignment, 64));
    if (need.bytes > (std::uint64_t{1} << 62) || offset > (std::uint64_t{1} << 62))
      return fail(ErrorCode::kOutOfMemory, "arenas need ", need.bytes, " bytes");
    offsets.push_back(offset);
    bytes = offset + need.bytes;
  }
  if (bytes > bytes_) RLX_TRY(grow(device, bytes));
  std::vector<rlx_arena> arenas;
  for (std::size_t i = 0; i < needs.size(); ++i)
    arenas.push_back({host_ ? static_cast<std::byte*>(host_) + offsets[i] : nullptr, buffer_.get(), offsets[i], needs[i].bytes});
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
