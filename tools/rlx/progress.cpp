// SPDX-License-Identifier: Apache-2.0
// One line that is written over and wiped at the end.
#include "progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace rlx_tool {

constexpr std::size_t kCells = 24;

Progress::Progress(std::size_t total, bool wanted) : total_(std::max<std::size_t>(1, total)), shown_(wanted && ::isatty(STDERR_FILENO)) {}

Progress::~Progress() {
  if (shown_ && done_) std::fprintf(stderr, "\r\033[K");
}

void Progress::step(const std::string& what) {
  if (shown_) {
    const std::size_t full = std::min(kCells, done_ * kCells / total_);
    std::fprintf(stderr, "\r\033[K[%s%s] %3zu %% %.60s", std::string(full, '#').c_str(), std::string(kCells - full, ' ').c_str(), done_ * 100 / total_, what.c_str());
    std::fflush(stderr);
  }
  ++done_;
}

}  // namespace rlx_tool
