// SPDX-License-Identifier: Apache-2.0
// When a run is cut short: a plugin that hangs everywhere would keep the tool for hours.
#pragma once

#include <atomic>
#include <chrono>
#include <string>

#include "tools/conform/controller/options.h"
#include "tools/conform/controller/outcome.h"

namespace rlx::conform {

/// After so many hangs, each seen twice, the rest is not run.
inline constexpr int kHangsMost = 10;

/// What --time-limit says; else about ten times what the profile takes, per seed, and longer where --timeout-ms is. Zero is no
/// limit: behind an emulator or valgrind nobody knows what is long.
std::chrono::seconds time_limit(const Options& options);

/// All of it [any-thread].
class Budget {
 public:
  explicit Budget(const Options& options) : limit_(time_limit(options)), begin_(std::chrono::steady_clock::now()) {}
  /// Hears of a case that has ended. A hang that a waiver excuses is none.
  void take(const Outcome& outcome);
  /// Why no further case is run; empty where one is.
  std::string spent() const;

 private:
  std::chrono::seconds limit_;
  std::chrono::steady_clock::time_point begin_;
  std::atomic<int> hangs_{0};
};

}  // namespace rlx::conform
