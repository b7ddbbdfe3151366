// SPDX-License-Identifier: Apache-2.0
// Lanes: memory for running calls. A lane is one grow-only slab that one run at a time uses; every variant that runs on a
// lane lends its arenas from the same slab, so that memory depends on how many runs go at once, not on how many shapes
// there are.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/execute/device_body.h"

namespace rlx {

/// One slab. Used by one run at a time.
class Lane {
 public:
  explicit Lane(std::uint64_t id) : id_(id) {}
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  std::uint64_t id() const { return id_; }
  /// Changes when the slab moved: contexts made before are to be thrown away.
  std::uint64_t generation() const { return generation_; }
  std::uint64_t bytes() const { return bytes_; }

  /// Room for all arenas, one after the other, aligned. Errors: kOutOfMemory.
  Result<std::vector<rlx_arena>> lend(const DeviceBody& device, std::span<const ArenaNeed> needs);

 private:
  Status grow(const DeviceBody& device, std::uint64_t bytes);

  std::uint64_t id_;
  std::uint64_t generation_ = 0;
  std::uint64_t bytes_ = 0;
  void* host_ = nullptr;
  BufferHandle buffer_;
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
