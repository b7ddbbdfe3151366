// SPDX-License-Identifier: Apache-2.0
// Lanes: memory for running calls. A lane is one grow-only slab that one run at a time uses; every variant that runs on a
// lane lends its arenas from the same slab, so that memory depends on how many runs go at once, not on how many shapes
// there are.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/execute/device_body.h"

namespace rlx {

/// Memory at a fixed address; whoever made a context on it keeps it.
struct Slab {
  Slab() = default;
  ~Slab();
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  void* host = nullptr;
  BufferHandle buffer;
};

/// One slab. Used by one run at a time.
class Lane {
 public:
  explicit Lane(std::uint64_t id) : id_(id) {}
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  std::uint64_t id() const { return id_; }
  /// Another one once the lane has grown: contexts made on the old one are to be thrown away.
  const std::shared_ptr<const Slab>& slab() const { return slab_; }
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }  // [any-thread]

  /// Room for all arenas, one after the other, aligned. Errors: kOutOfMemory; kPluginFault for a space that there is not.
  Result<std::vector<rlx_arena>> lend(const DeviceBody& device, std::span<const ArenaNeed> needs);

 private:
  Status grow(const DeviceBody& device, std::uint64_t bytes, std::uint64_t alignment);

  std::uint64_t id_;
  std::uint64_t alignment_ = 0;
  std::atomic<std::uint64_t> bytes_ = 0;
  std::shared_ptr<const Slab> slab_;
};

/// The lanes of one device. Thread-safe.
class LanePool {
 public:
  explicit LanePool(std::shared_ptr<const DeviceBody> device) : device_(std::move(device)) {}

  /// A lane for the time of one run.
  class Lease {
   public:
    Lease(LanePool& pool, Lane& lane) : pool_(pool), lane_(lane) {}
    ~Lease() { pool_.give_back(lane_); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Lane& lane() const { return lane_; }

   private:
    LanePool& pool_;
    Lane& lane_;
  };
  [[nodiscard]] Lease lease();
  std::uint64_t bytes() const;
  const DeviceBody& device() const { return *device_; }

 private:
  void give_back(Lane& lane);

  std::shared_ptr<const DeviceBody> device_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Lane>> all_;
  std::vector<Lane*> free_;
};

}  // namespace rlx
