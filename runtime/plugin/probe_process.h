// SPDX-License-Identifier: Apache-2.0
// Runs one short-lived child process that writes its answer to a pipe. Private to the room.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace rlx {

/// The descriptor number under which the child finds its end of the pipe.
inline constexpr int kVerdictFd = 3;

struct ChildResult {
  bool started = false;
  std::string problem;  ///< why it was not started
  bool timed_out = false;
  int signal = 0;      ///< that ended it; 0 where none did or nobody knows
  std::string output;  ///< at most 4 KiB
};

/// arguments[0] is the program's full path. Its standard input and outputs are /dev/null. Killed with its
/// process group at the timeout. Never blocks for longer.
ChildResult run_child(const std::vector<std::string>& arguments, std::chrono::milliseconds timeout);

}  // namespace rlx
