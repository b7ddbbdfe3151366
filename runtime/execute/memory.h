// SPDX-License-Identifier: Apache-2.0
// Who holds memory in one runtime, how much of a budget is left, and giving back what nobody uses.
#pragma once

#include <rlx/host/runtime.hpp>
#include <rlx/types.h>

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/result.h"

namespace rlx {

/// Something that holds memory of a device: a pool of arenas, the weights of a template.
class MemoryHolder {
 public:
  virtual MemoryItem held() const = 0;
  /// Gives back what no run uses now; returns the bytes.
  virtual std::uint64_t trim() { return 0; }

 protected:
  ~MemoryHolder() = default;
};

/// Thread-safe. Holders come and go under the account's lock, so that whoever is asked is alive.
class MemoryAccount {
 public:
  explicit MemoryAccount(std::uint64_t budget_bytes) : budget_bytes_(budget_bytes) {}

  void add(MemoryHolder& holder);
  void remove(MemoryHolder& holder);

  MemoryReport report() const;
  std::uint64_t trim();

  /// Whether `bytes` more may be held (0: whether what is held already may be). Idle arenas are given back first where it
  /// does not fit. Errors: kOutOfMemory naming `what`, what is held, and what could be dropped.
  Status admit(std::uint64_t bytes, std::string_view what);

  /// The right to make packs, whose size is known only when they are made: under a budget one caller at a time has it, so
  /// that what does not fit is released before the next one is measured. Ends with the object.
  class PackingTurn {
   public:
    PackingTurn() = default;
    PackingTurn(PackingTurn&& other) noexcept : account_(std::exchange(other.account_, nullptr)) {}
    PackingTurn& operator=(PackingTurn&&) = delete;
    ~PackingTurn();

   private:
    friend class MemoryAccount;
    explicit PackingTurn(MemoryAccount& account) : account_(&account) {}
    MemoryAccount* account_ = nullptr;
  };
  /// Waits for it; at once where there is no budget. `call` may be null. Errors: kCancelled, kDeadline.
  Result<PackingTurn> packing_turn(const rlx_call* call);

 private:
  Error refuse(std::uint64_t bytes, std::string_view what, const MemoryReport& report) const;

  const std::uint64_t budget_bytes_;  ///< 0 = none
  mutable std::mutex mutex_;
  std::vector<MemoryHolder*> holders_;

  std::mutex packing_mutex_;  // guards the two below; held for moments, beside no other lock
  std::condition_variable packed_;
  bool packing_ = false;
};

}  // namespace rlx
