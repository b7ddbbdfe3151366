// SPDX-License-Identifier: Apache-2.0
// What a run in a bucket needs and the next one finds again: the sizes of its shape, worked out once, and memory for padded
// inputs and for outputs that are cut back.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/execute/device_body.h"
#include "runtime/execute/memory.h"
#include "runtime/execute/ports.h"

namespace rlx {

/// A tensor in a bucket: sizes of its factors in order, padded, and as far as they are real.
struct Extents {
  std::vector<std::int64_t> whole, real;
  bool is_padded() const { return whole != real; }
};

/// One shape in one bucket. Immutable.
struct BucketFit {
  Binding bucket;
  std::string text;  ///< "batch=4 seq=64"
  BindingManifest manifest;  ///< of the bucket: the inputs, then a real size for each ladder
  std::vector<Port> inputs, outputs;
  std::vector<Extents> input_extents, output_extents;  ///< without the real sizes
  std::uint64_t padding = 0;  ///< elements that the inputs grow by
};

/// One shape that callers give. Immutable but for the fits.
struct BucketShape {
  Binding sizes, smallest;
  std::vector<std::int64_t> lengths;  ///< of the symbols with ladder
  BindingManifest manifest;
  std::vector<Port> inputs, outputs;
  std::uint64_t elements = 0;  ///< of the inputs
  std::vector<std::shared_ptr<const BucketFit>> fits;  ///< guarded by the owner
};

/// What one run at a time uses.
struct BucketRoom {
  std::vector<rlx_view> given, results;    ///< as the caller gave them
  std::vector<rlx_view> inputs, outputs;   ///< as the bucket takes them
  std::vector<Tensor> buffers;             ///< for each input, then for each output
  std::atomic<std::uint64_t> bytes = 0;
  bool busy = false;                       ///< guarded by the owner
};

/// The rooms of one template: as many as runs were made at a time. Thread-safe.
class BucketRooms final : public MemoryHolder {
 public:
  BucketRooms(std::shared_ptr<const DeviceBody> device, std::string name, std::size_t inputs, std::size_t outputs, std::size_t lengths);
  BucketRooms(const BucketRooms&) = delete;
  BucketRooms& operator=(const BucketRooms&) = delete;
  ~BucketRooms();

  /// Returns its room when it ends.
  class Lease {
   public:
    explicit Lease(BucketRooms& rooms) : rooms_(rooms), room_(rooms.take()) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() { rooms_.give(room_); }
    BucketRoom& operator*() const { return room_; }
    BucketRoom* operator->() const { return &room_; }

   private:
    BucketRooms& rooms_;
    BucketRoom& room_;
  };

  /// At least `bytes` in the buffer `index` of a leased room, with whatever lies in it. Errors: kOutOfMemory.
  Result<void*> buffer(BucketRoom& room, std::size_t index, std::uint64_t bytes) const;

  MemoryItem held() const override;
  std::uint64_t trim() override;

 private:
  BucketRoom& take();
  void give(BucketRoom& room);

  const std::shared_ptr<const DeviceBody> device_;
  const std::string what_;
  const std::size_t inputs_, outputs_, lengths_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<BucketRoom>> all_;
};

}  // namespace rlx
