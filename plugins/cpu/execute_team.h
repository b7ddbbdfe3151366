// SPDX-License-Identifier: Apache-2.0
// One run of a program on a team: the barrier between dependent steps, and what went wrong first.
#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include "compile_executable.h"
#include "execute_call.h"

namespace rlx_cpu {

/// What made a run end early. Of several the one of the lowest op and position counts, so threads change
/// nothing.
struct Failure {
  int32_t status = RLX_STATUS_OK;
  const Step* step = nullptr;
  KernelStatus kernel;
};

/// One step's share of one thread; times are those of CLOCK_MONOTONIC.
struct StepTime {
  uint64_t begin_ns = 0, end_ns = 0;
  uint32_t op_index = RLX_NO_INDEX;
};
/// By thread of the team.
using StepTimes = std::vector<std::vector<StepTime>>;

class TeamRun {
 public:
  /// Runs the program on up to `want` threads of the host, or on the caller. `times`, where it is not null, has a list for
  /// each of `want` threads, to which every step's time is added.
  void run(const rlx_executable& executable, const StepRun& shared, uint32_t want, CallWatch* watch,
           StepTimes* times = nullptr);

  const Failure& failure() const { return failure_; }

 private:
  struct Member {
    StepRun run;
    uint32_t index = 0;
    uint32_t size = 1;
  };
  static void body(void* self, uint32_t member, uint32_t size);
  bool run_list(const StepList& list, const Member& member);
  bool run_control(const Step& step, const Member& member);
  void run_items(const Step& step, const Member& member);
  void run_timed(const Step& step, const Member& member);
  void note(const Step& step, const KernelStatus& status);
  void poll();
  /// Waits for all members; false where the run is over.
  bool barrier(const Member& member);

  const rlx_executable* executable_ = nullptr;
  StepRun shared_{};
  CallWatch* watch_ = nullptr;  // of member 0
  StepTimes* times_ = nullptr;
  alignas(64) std::atomic<uint32_t> arrived_{0};
  alignas(64) std::atomic<uint32_t> phase_{0};
  bool leave_ = false;  // written before phase_ moves on, read after
  alignas(64) std::atomic<bool> stop_{false};
  std::mutex mutex_;  // guards failure_
  Failure failure_;
};

}  // namespace rlx_cpu
