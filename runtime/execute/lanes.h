// SPDX-License-Identifier: Apache-2.0
// Lanes: memory for running calls. A lane is one grow-only slab that one run at a time uses; every variant that runs on a
// lane lends its arenas from the same slab, so that memory depends on how many runs go at once, not on how many shapes
// there are.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_set>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/execute/device_body.h"
#include "runtime/execute/memory.h"

namespace rlx {

/// Memory at a fixed address; whoever made a context on it keeps it.
struct Slab {
  Slab() = default;
  ~Slab();
  std::uint64_t host_bytes = 0;
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  void* host = nullptr;
  BufferHandle buffer;
};

/// One slab. Used by one run at a time.
class alignas(64) Lane {
 public:
  explicit Lane(std::uint32_t id) : id_(id) {}
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  std::uint32_t id() const { return id_; }
  /// Another one once the lane has grown: no context is left on the old one.
  const std::shared_ptr<const Slab>& slab() const { return slab_; }
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }  // [any-thread]

 private:
  friend class LanePool;
  // What follows is for whoever has taken the lane.
  bool has_room(std::uint64_t bytes, std::uint64_t alignment) const { return bytes <= this->bytes() && alignment <= alignment_; }
  /// Forgets the slab, so that the next run makes one. Returns its bytes.
  std::uint64_t shrink();
  /// A new slab of `bytes`, which `reserved` lets in beside those of the old one; that one goes first.
  Status replace(const DeviceBody& device, std::uint64_t bytes, std::uint64_t alignment, MemoryAccount::Reservation reserved);
  bool busy() const { return busy_.load(std::memory_order_relaxed); }
  /// What the last holder wrote is visible to the next one. [any-thread]
  bool take() { return !busy_.load(std::memory_order_relaxed) && !busy_.exchange(true, std::memory_order_acquire); }
  void give_back() { busy_.store(false, std::memory_order_release); }

  std::atomic<bool> busy_ = true;  // made for whoever asked
  std::uint32_t id_;
  std::uint64_t alignment_ = 0;
  std::atomic<std::uint64_t> bytes_ = 0;
  std::shared_ptr<const Slab> slab_;
};

/// Who has contexts on lanes.
class LaneTenant {
 public:
  /// Drops its context on the lane, and what it holds of the slab. Called by whoever has taken the lane.
  virtual void vacate(const Lane& lane) = 0;

 protected:
  ~LaneTenant() = default;
};

/// The lanes of one device. Thread-safe. A lease takes one atomic exchange; only a new lane takes a lock.
class LanePool : public MemoryHolder {
 public:
  /// Lanes of a lower id are found without a lock; per-lane tables of that size cost no lock either.
  static constexpr std::uint32_t kQuickLanes = 64;

  explicit LanePool(std::shared_ptr<const DeviceBody> device);
  ~LanePool();
  LanePool(const LanePool&) = delete;
  LanePool& operator=(const LanePool&) = delete;

  /// A lane for the time of one run.
  class Lease {
   public:
    explicit Lease(Lane& lane) : lane_(lane) {}
    ~Lease() { lane_.give_back(); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Lane& lane() const { return lane_; }

   private:
    Lane& lane_;
  };
  [[nodiscard]] Lease lease() { return Lease(take()); }
  /// Room for all arenas, one after the other, aligned, for whoever has the lane. A lane that has none grows: every tenant
  /// loses its context on it. Errors: kOutOfMemory; kPluginFault for a space that there is not.
  Result<std::vector<rlx_arena>> lend(Lane& lane, std::span<const ArenaNeed> needs);
  /// Tenants are told when a lane they may have contexts on gives its memory back. Not while the pool calls one.
  void enter(LaneTenant& tenant);
  void leave(LaneTenant& tenant);
  std::uint64_t bytes() const;
  MemoryItem held() const override;
  std::uint64_t trim() override;
  /// Runs in the background that use this pool: counted, so that whoever owns the pool can wait for them.
  void begin_background() { background_.fetch_add(1, std::memory_order_relaxed); }
  void end_background();
  /// Waits until none is left; not in a forked child, where they never end. [not from such a run]
  void wait_for_background() const;
  const DeviceBody& device() const { return *device_; }

 private:
  Lane& take();
  Lane& take_slowly();
  Status grow(Lane& lane, std::uint64_t bytes, std::uint64_t alignment);
  Status replace(Lane& lane, std::uint64_t bytes, std::uint64_t alignment, MemoryAccount::Reservation reserved);
  void vacate(const Lane& lane);

  std::shared_ptr<const DeviceBody> device_;
  std::array<std::atomic<Lane*>, kQuickLanes> quick_{};
  std::atomic<std::uint32_t> quick_count_ = 0;
  std::atomic<std::uint32_t> background_ = 0;
  const pid_t owner_ = ::getpid();
  mutable std::mutex mutex_;  // guards the two lists, not the lanes
  std::vector<std::unique_ptr<Lane>> all_;
  std::unordered_set<LaneTenant*> tenants_;
};

}  // namespace rlx
