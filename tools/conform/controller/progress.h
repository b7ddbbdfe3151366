// SPDX-License-Identifier: Apache-2.0
// One line on a terminal that says how far a run is. Nothing where standard error is no terminal.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "tools/conform/controller/outcome.h"

namespace rlx::conform {

/// "OPS   1204 of 2728 cases, 2 failed, 1:05", at most `width` characters.
std::string progress_text(const std::string& group, std::uint64_t done, std::uint64_t all, std::uint64_t failed, std::uint64_t seconds,
                          std::size_t width);

/// Several times a second it writes its line over the last one, until it goes; then the line is empty again.
class Progress {
 public:
  /// `all`: how many cases will end. Silent where `fd` is no terminal.
  Progress(std::uint64_t all, int fd);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// A case has ended. One thread at a time.
  void take(const Outcome& outcome);
  /// Before other lines go to the same terminal: takes the line away until the next tick.
  void clear();

 private:
  void draw();
  const std::uint64_t all_;
  const int fd_;
  const bool shown_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::mutex mutex_;
  std::condition_variable over_;
  bool ends_ = false;
  std::string group_ = "begin";
  std::uint64_t done_ = 0, failed_ = 0;
  std::thread ticker_;
};

}  // namespace rlx::conform
