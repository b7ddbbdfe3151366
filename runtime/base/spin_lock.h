// SPDX-License-Identifier: Apache-2.0
// A lock for a few dozen instructions that threads seldom meet at: one locked instruction where a mutex has two calls. For
// std::lock_guard.
#pragma once

#include <atomic>
#include <chrono>
#include <thread>

namespace rlx {

/// Whoever waits soon gives its processor up, so that a holder which was preempted goes on whatever the priorities are.
class SpinLock {
 public:
  SpinLock() = default;
  SpinLock(const SpinLock&) = delete;
  SpinLock& operator=(const SpinLock&) = delete;

  void lock() {
    for (unsigned tries = 0; busy_.exchange(true, std::memory_order_acquire); ++tries) [[unlikely]]
      wait(tries);
  }
  void unlock() { busy_.store(false, std::memory_order_release); }

 private:
  [[gnu::noinline]] static void wait(unsigned tries) {
    if (tries < 16)
      std::this_thread::yield();
    else
      std::this_thread::sleep_for(std::chrono::microseconds(50));
  }

  std::atomic<bool> busy_ = false;
};

}  // namespace rlx
