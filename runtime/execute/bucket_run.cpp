// SPDX-License-Identifier: Apache-2.0
// Rooms for runs in buckets: taken, grown, given back, counted.
#include "runtime/execute/bucket_run.h"

#include "runtime/execute/entry.h"

namespace rlx {

BucketRooms::BucketRooms(std::shared_ptr<const DeviceBody> device, std::string name, std::size_t inputs, std::size_t outputs, std::size_t lengths)
    : device_(std::move(device)), what_(join("padding of `", name, "` on ", device_->report().device)), inputs_(inputs), outputs_(outputs), lengths_(lengths) {
  if (device_->memory()) device_->memory()->add(*this);
}

BucketRooms::~BucketRooms() {
  if (device_->memory()) leave([&] { device_->memory()->remove(*this); });
}

BucketRoom& BucketRooms::take() {
  const std::lock_guard lock(mutex_);
  for (const auto& room : all_)
    if (!room->busy) return room->busy = true, *room;
  auto room = std::make_unique<BucketRoom>();
  room->given.resize(inputs_);
  room->results.resize(outputs_);
  room->inputs.resize(inputs_ + lengths_);
  room->outputs.resize(outputs_);
  room->buffers.resize(inputs_ + outputs_);
  room->busy = true;
  all_.push_back(std::move(room));
  return *all_.back();
}

void BucketRooms::give(BucketRoom& room) {
  const std::lock_guard lock(mutex_);
  room.busy = false;
}

Result<void*> BucketRooms::buffer(BucketRoom& room, std::size_t index, std::uint64_t bytes) const {
  Tensor& buffer = room.buffers[index];
  if (buffer.data() && buffer.bytes() >= bytes) return buffer.data();
  room.bytes -= buffer.bytes();
  buffer = {};
  RLX_ASSIGN(MemoryAccount::Reservation reserved, admit(device_->memory().get(), bytes, what_));
  if (bytes <= INT64_MAX) buffer = Tensor(DType::kU8, {static_cast<std::int64_t>(bytes)});
  if (!buffer.data()) return fail(ErrorCode::kOutOfMemory, what_, " needs ", bytes, " bytes");
  reserved.commit([&] { room.bytes += buffer.bytes(); });
  return buffer.data();
}

MemoryItem BucketRooms::held() const {
  MemoryItem item;
  item.what = what_;
  const std::lock_guard lock(mutex_);
  for (const auto& room : all_) {
    item.arena_bytes += room->bytes;
    if (!room->busy) item.idle_arena_bytes += room->bytes;
  }
  return item;
}

std::uint64_t BucketRooms::trim() {
  const std::lock_guard lock(mutex_);
  std::uint64_t bytes = 0;
  for (const auto& room : all_) {
    if (room->busy) continue;
    bytes += room->bytes.exchange(0);
    for (Tensor& buffer : room->buffers) buffer = {};
  }
  return bytes;
}

}  // namespace rlx
