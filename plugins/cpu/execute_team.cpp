// SPDX-License-Identifier: Apache-2.0
// The inner loop of execute: every member walks the same list of steps, does its share and meets the others
// at barriers.
#include "execute_team.h"

#include <sched.h>

#include "device.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace rlx_cpu {
namespace {

constexpr uint32_t kSpins = 1000;  // before a waiting thread lets others have its core

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  _mm_pause();
#endif
}

}  // namespace

bool TeamRun::barrier(const Member& member) {
  if (member.size == 1) return !stop_.load(std::memory_order_relaxed);
  const uint32_t phase = phase_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == member.size) {
    arrived_.store(0, std::memory_order_relaxed);
    leave_ = stop_.load(std::memory_order_relaxed);
    phase_.store(phase + 1, std::memory_order_release);
  } else {
    for (uint32_t spins = 0; phase_.load(std::memory_order_acquire) == phase; ++spins) {
      if (spins < kSpins)
        relax();
      else
        sched_yield();
    }
  }
  return !leave_;
}

void TeamRun::note(const Step& step, const KernelStatus& status) {
  std::lock_guard lock(mutex_);
  const bool first = failure_.status == RLX_STATUS_OK ||
                     (failure_.step != nullptr &&
                      (step.op_index < failure_.step->op_index ||
                       (step.op_index == failure_.step->op_index && status.index < failure_.kernel.index)));
  if (first) failure_ = {status.status, &step, status};
  stop_.store(true, std::memory_order_relaxed);
}

void TeamRun::poll() {
  const int32_t status = watch_->check();
  if (status == RLX_STATUS_OK) return;
  std::lock_guard lock(mutex_);
  if (failure_.status == RLX_STATUS_OK) failure_.status = status;
  stop_.store(true, std::memory_order_relaxed);
}

void TeamRun::run_items(const Step& step, const Member& member) {
  // Between barriers a member that was told to stop walks on and does nothing, so that all meet at the next one.
  if (watch_->active() && stop_.load(std::memory_order_relaxed)) return;
  const int64_t parts = step.parts < member.size ? step.parts : member.size;
  if (member.index >= parts) return;
  Range share{step.items * member.index / parts, step.items * (member.index + 1) / parts};
  if (step.chunk == 0) {
    if (share.begin >= share.end) return;
    const KernelStatus status = step.run(step.args.get(), member.run, share);
    if (!status.ok()) note(step, status);
    return;
  }
  while (share.begin < share.end) {
    const Range piece{share.begin,
                      share.begin + step.chunk < share.end ? share.begin + step.chunk : share.end};
    const KernelStatus status = step.run(step.args.get(), member.run, piece);
    if (!status.ok()) return note(step, status);
    share.begin = piece.end;
    if (member.index == 0 && watch_->active()) poll();
    if (watch_->active() && stop_.load(std::memory_order_relaxed)) return;
  }
}

void TeamRun::run_timed(const Step& step, const Member& member) {
  const int64_t parts = step.parts < member.size ? step.parts : member.size;
  if (member.index >= parts || step.items == 0) return;
  const uint64_t begin = monotonic_ns();
  run_items(step, member);
  const uint64_t end = monotonic_ns();
  try {
    (*times_)[member.index].push_back({begin, end, step.op_index});
  } catch (...) {  // without memory a time is lost, and nothing else
  }
}

bool TeamRun::run_control(const Step& step, const Member& member) {
  const View& condition = shared_.views[step.condition];
  const auto holds = [&] { return *static_cast<const uint8_t*>(condition.data) != 0; };
  if (!step.loop) return run_list(holds() ? *step.first : *step.second, member);
  // Every member counts for itself, and so leaves with the others.
  for (int64_t trip = 0; trip != step.trips; ++trip) {
    if (!run_list(*step.first, member) || !barrier(member)) return false;
    if (!holds()) return true;
    if (!run_list(*step.second, member) || !barrier(member)) return false;
    if (member.index == 0 && watch_->active()) poll();
  }
  return barrier(member);
}

bool TeamRun::run_list(const StepList& list, const Member& member) {
  for (const Step& step : list.steps) {
    if (step.barrier && !barrier(member)) return false;
    if (step.condition != RLX_NO_INDEX) {
      if (!run_control(step, member)) return false;
      continue;
    }
    if (times_ == nullptr)
      run_items(step, member);
    else
      run_timed(step, member);
    if (member.index == 0 && watch_->active()) poll();
  }
  return true;
}

void TeamRun::body(void* self, uint32_t member, uint32_t size) {
  TeamRun& team = *static_cast<TeamRun*>(self);
  Member own{team.shared_, member, size};
  if (own.run.temps != nullptr) {
    own.run.scratch = own.run.temps + team.executable_->temp_bytes + member * team.executable_->scratch_bytes;
  }
  team.run_list(team.executable_->program, own);
}

void TeamRun::run(const rlx_executable& executable, const StepRun& shared, uint32_t want, CallWatch* watch,
                  StepTimes* times) {
  executable_ = &executable;
  times_ = times;
  shared_ = shared;
  watch_ = watch;
  failure_ = {};
  stop_.store(false, std::memory_order_relaxed);
  arrived_.store(0, std::memory_order_relaxed);
  leave_ = false;
  const Threads& threads = executable.device->plugin->threads;
  if (want > 1 && threads.service != nullptr && threads.service->team != nullptr) {
    threads.service->team(threads.user, want, body, this);
  } else {
    body(this, 0, 1);
  }
}

}  // namespace rlx_cpu
