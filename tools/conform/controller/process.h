// SPDX-License-Identifier: Apache-2.0
// A program that may do anything: started in a group of its own with a clean environment, listened to, and brought
// to its end.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tools/conform/shared/protocol.h"

namespace rlx::conform {

struct ProcessRequest {
  std::vector<std::string> arguments;  ///< the program first
  std::vector<std::string> environment;
  std::string folder;                      ///< working directory
  std::string input;                       ///< what standard input holds, at most 32 KiB; nothing: /dev/null
  std::chrono::milliseconds phase_limit{10'000};  ///< from one phase to the next
  std::chrono::milliseconds total_limit{120'000};
};

struct ProcessResult {
  bool started = false;
  std::string problem;  ///< where it could not be started
  std::vector<Frame> frames;
  bool damaged = false;    ///< the stream made no sense from some place on
  bool timed_out = false;  ///< and was stopped
  int signal = 0;          ///< that ended it, 0 = none
  int code = 0;            ///< exit status where it exited
  bool left_children = false;  ///< processes of its group were alive after its end; they are stopped
  std::string printed;         ///< standard output and error, first 4 KiB
  std::string flooded;         ///< what it wrote without end, so that it was killed: the standard streams or its report
  std::string phase;           ///< the last one
  double milliseconds = 0;
};

/// Runs to the end. Any number of threads may call it at once. Once interrupted() it starts nothing, and what runs is killed
/// with all of its group.
ProcessResult run_process(const ProcessRequest& request);

/// Turns this process into the request's program, for a debugger: its streams stay this process's, and no clock runs. A child
/// listens to the report and hands it to `judged` when it ends. Returns only where that fails, with why.
std::string become(ProcessRequest request, const std::function<void(const ProcessResult&)>& judged);

/// What a worker may see of the caller's environment: nothing but where drivers are, and `pass`.
std::vector<std::string> clean_environment(const std::string& folder, const std::vector<std::string>& pass);

}  // namespace rlx::conform
