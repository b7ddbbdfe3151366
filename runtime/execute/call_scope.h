// SPDX-License-Identifier: Apache-2.0
// CallOptions as the stages of a call see them: a check between stages, and the contract's record inside them.
#pragma once

#include <rlx/host/call.hpp>
#include <rlx/types.h>

#include <condition_variable>
#include <mutex>
#include <string_view>

#include "runtime/base/result.h"

namespace rlx {

/// True for errors that say something of one call, not of what it wanted.
inline bool is_of_the_call(const Error& error) { return error.code() == ErrorCode::kCancelled || error.code() == ErrorCode::kDeadline; }

/// Lifetime: of the options.
class CallScope {
 public:
  explicit CallScope(const CallOptions& options) : options_(options) {
    if (!options.cancel && !options.deadline) return;
    call_.struct_size = sizeof call_;
    call_.user = this;
    if (options.cancel) call_.poll = [](void* self, std::int32_t) {
      return static_cast<std::int32_t>(static_cast<const CallScope*>(self)->options_.cancel.cancelled());
    };
    if (options.deadline) call_.deadline_ns = nanoseconds(*options.deadline);
  }
  CallScope(const CallScope&) = delete;
  CallScope& operator=(const CallScope&) = delete;

  /// Errors: kCancelled, kDeadline, saying what was not begun.
  Status check(std::string_view what) const {
    if (!call_.struct_size) return {};
    if (options_.cancel.cancelled()) return fail(ErrorCode::kCancelled, what, ": stopped by the caller");
    if (options_.deadline && std::chrono::steady_clock::now() >= *options_.deadline)
      return fail(ErrorCode::kDeadline, what, ": past its deadline");
    return {};
  }

  /// Waits until `ready()`, which is asked under the lock, or until the caller stops. Errors: as check.
  template <class Ready>
  Status wait(std::condition_variable& changed, std::unique_lock<std::mutex>& lock, std::string_view what, Ready ready) const {
    if (!call_.struct_size) return changed.wait(lock, ready), Status{};
    while (!ready()) {
      RLX_TRY(check(what));
      changed.wait_for(lock, kLookEvery);
    }
    return {};
  }

  /// Null where the options say nothing.
  const rlx_call* call() const { return call_.struct_size ? &call_ : nullptr; }

 private:
  /// Of CLOCK_MONOTONIC, which is what steady_clock reads. At least 1, because 0 means none.
  static std::uint64_t nanoseconds(std::chrono::steady_clock::time_point when) {
    const auto count = std::chrono::duration_cast<std::chrono::nanoseconds>(when.time_since_epoch()).count();
    return count > 1 ? static_cast<std::uint64_t>(count) : 1;
  }

  static constexpr std::chrono::milliseconds kLookEvery{5};

  const CallOptions& options_;
  rlx_call call_{};
};

}  // namespace rlx
