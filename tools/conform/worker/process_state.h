// SPDX-License-Identifier: Apache-2.0
// What a process shows of itself: threads, open files, signal handlers, locale, limits. Two of them say what a call left.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "tools/conform/worker/run.h"

namespace rlx::conform {

struct ProcessState {
  std::uint64_t threads = 0;
  std::set<std::string> files;  ///< "7 -> /dev/null"
  std::vector<std::string> handlers;
  std::string locale, folder, mask, environment, limits, rounding, blocked;
  std::uint64_t printed = 0;  ///< bytes on the standard streams

  static ProcessState now();
  /// The same once no more threads than `before`'s are left; after a second as it is then. A thread that was joined stands
  /// in /proc a little longer.
  static ProcessState settled(const ProcessState& before);
};

/// One assertion per property.
void expect_same_state(Run& run, const std::string& what, const ProcessState& before, const ProcessState& after);

}  // namespace rlx::conform
