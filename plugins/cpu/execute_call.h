// SPDX-License-Identifier: Apache-2.0
// The caller's word during a long call: stop, or a deadline. Asks at most every two milliseconds.
#pragma once

#include <rlx/types.h>

#include <time.h>

#include "entry_guard.h"

namespace rlx_cpu {

inline uint64_t monotonic_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return uint64_t(time.tv_sec) * 1'000'000'000u + uint64_t(time.tv_nsec);
}

class CallWatch {
 public:
  static constexpr uint64_t kIntervalNs = 2'000'000;

  /// Takes the caller's record (may be null) and asks once. Errors: CANCELLED, DEADLINE, INVALID_ARGUMENT.
  int32_t open(const rlx_call* call, const char* what, rlx_error* error) {
    active_ = false;
    if (call == nullptr) return RLX_STATUS_OK;
    if (int32_t status = read_in(call_, call, "rlx_call", error)) return status;
    active_ = call_.poll != nullptr || call_.deadline_ns != 0;
    next_ns_ = 0;
    const int32_t status = check();
    return status == RLX_STATUS_OK ? status : fail(status, what, error);
  }

  bool active() const { return active_; }

  /// OK, CANCELLED or DEADLINE.
  int32_t check() {
    if (!active_) return RLX_STATUS_OK;
    const uint64_t now = monotonic_ns();
    if (now < next_ns_) return RLX_STATUS_OK;
    next_ns_ = now + kIntervalNs;
    if (call_.poll != nullptr && call_.poll(call_.user, -1) != 0) return RLX_STATUS_CANCELLED;
    return call_.deadline_ns != 0 && now >= call_.deadline_ns ? RLX_STATUS_DEADLINE : RLX_STATUS_OK;
  }

  int32_t fail(int32_t status, const char* what, rlx_error* error) const {
    const char* why = status == RLX_STATUS_CANCELLED ? "stopped by the caller" : "past its deadline";
    return rlx_cpu::fail(error, status, RLX_NO_INDEX, 0, "%s: %s", what, why);
  }

 private:
  rlx_call call_{};
  uint64_t next_ns_ = 0;
  bool active_ = false;
};

}  // namespace rlx_cpu
