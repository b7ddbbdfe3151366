// SPDX-License-Identifier: Apache-2.0
// Who holds memory in one runtime, how much of a budget is left, and giving back what nobody uses.
#pragma once

#include <rlx/host/runtime.hpp>
#include <rlx/types.h>

#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/own_condition.h"
#include "runtime/base/result.h"

namespace rlx {

/// Something that holds memory of a device: a pool of arenas, the weights of a template, the states of a context.
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

  /// Bytes that were let in and that no holder shows yet. They count until commit(), or until the object ends.
  class Reservation {
   public:
    Reservation() = default;
    Reservation(Reservation&& other) noexcept : account_(std::exchange(other.account_, nullptr)), bytes_(other.bytes_) {}
    Reservation& operator=(Reservation&&) = delete;
    ~Reservation() {
      commit([] {});
    }
    /// `show` makes a holder count the bytes: in one step with the end of the reservation, so that nobody sees them twice
    /// or not at all. It may call no holder and not this account.
    template <class Show>
    void commit(const Show& show) {
      if (!account_) return show();
      const std::lock_guard lock(account_->mutex_);
      show();
      std::exchange(account_, nullptr)->reserved_bytes_ -= bytes_;
    }

   private:
    friend class MemoryAccount;
    Reservation(MemoryAccount& account, std::uint64_t bytes) : account_(&account), bytes_(bytes) {}
    MemoryAccount* account_ = nullptr;
    std::uint64_t bytes_ = 0;
  };

  /// Lets `bytes` more in (0: asks whether what is held already may be). Idle memory is given back first where they do not
  /// fit. Errors: kOutOfMemory naming `what`, what is held, and what could be dropped.
  Result<Reservation> admit(std::uint64_t bytes, std::string_view what);
  /// Lets them in where they fit beside everything that is held now, idle or not.
  std::optional<Reservation> admit_beside_all(std::uint64_t bytes);

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
  // What follows is for whoever holds the lock.
  MemoryReport held() const;
  std::uint64_t give_back();
  bool fits(std::uint64_t bytes, const MemoryReport& held) const;
  Reservation reserve(std::uint64_t bytes);
  Error refuse(std::uint64_t bytes, std::string_view what, const MemoryReport& report) const;

  const std::uint64_t budget_bytes_;  ///< 0 = none
  mutable std::mutex mutex_;
  std::vector<MemoryHolder*> holders_;
  std::uint64_t reserved_bytes_ = 0;

  std::mutex packing_mutex_;  // guards the two below; held for moments, beside no other lock
  OwnCondition packed_;
  bool packing_ = false;
};

/// The same where there may be no account, which holds everything.
inline Result<MemoryAccount::Reservation> admit(MemoryAccount* account, std::uint64_t bytes, std::string_view what) {
  if (!account) return MemoryAccount::Reservation();
  return account->admit(bytes, what);
}

}  // namespace rlx
