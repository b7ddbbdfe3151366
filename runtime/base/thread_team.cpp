// SPDX-License-Identifier: Apache-2.0
// Fork and join by one word per thread: the caller raises a worker's ticket, the worker runs the job and
// lowers the count of those still running. Both sides spin for a moment and then sleep on the word (a futex).
#include "runtime/base/thread_team.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/base/own_thread.h"

namespace rlx {
namespace {

using Word = std::atomic<std::uint32_t>;
constexpr std::chrono::microseconds kSpin{200};
constexpr std::size_t kCacheLine = 64;

void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Returns when `word` is no longer `old`.
void wait_for_change(const Word& word, std::uint32_t old) {
  if (word.load(std::memory_order_acquire) != old) return;
  const auto end = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 64; ++i) {
      if (word.load(std::memory_order_acquire) != old) return;
      pause_cpu();
    }
  } while (std::chrono::steady_clock::now() < end);
  while (word.load(std::memory_order_acquire) == old) word.wait(old, std::memory_order_acquire);
}

}  // namespace

class ThreadTeam::Impl {
 public:
  explicit Impl(std::uint32_t size) : size_(size), workers_(std::make_unique<Worker[]>(size)) {}

  ~Impl() {
    if (!mark_.in_owner()) {  // the threads are the parent's; their handles must not be touched
      static_cast<void>(workers_.release());
      return;
    }
    stop_.store(true, std::memory_order_relaxed);
    for (std::uint32_t i = 0; i < started(); ++i) wake(workers_[i]);
    for (std::uint32_t i = 0; i < started(); ++i) workers_[i].thread.join();
  }

  std::uint32_t size() const { return mark_.in_owner() ? size_ : 1; }
  std::uint32_t started() const { return started_.load(std::memory_order_relaxed); }

  std::uint32_t team(std::uint32_t want, Body body, void* context) {
    if (want <= 1 || size_ <= 1 || !mark_.in_owner() || leased_.exchange(true, std::memory_order_acquire)) {
      body(context, 0, 1);
      return 1;
    }
    const std::uint32_t members = start(std::min(want, size_) - 1) + 1;
    body_ = body;
    context_ = context;
    members_ = members;
    running_.store(members - 1, std::memory_order_relaxed);
    for (std::uint32_t i = 0; i + 1 < members; ++i) wake(workers_[i]);
    run_member(0);
    for (std::uint32_t left; (left = running_.load(std::memory_order_acquire)) != 0;)
      wait_for_change(running_, left);
    const std::exception_ptr failure = std::exchange(failure_, nullptr);
    leased_.store(false, std::memory_order_release);
    if (failure) std::rethrow_exception(failure);
    return members;
  }

 private:
  struct alignas(kCacheLine) Worker {
    Word ticket{0};
    std::thread thread;
  };

  static void wake(Worker& worker) {
    worker.ticket.fetch_add(1, std::memory_order_release);
    worker.ticket.notify_one();
  }

  /// Starts workers until there are `wanted`, or the system gives no more. Returns how many of the wanted
  /// there are. The caller holds the lease.
  std::uint32_t start(std::uint32_t wanted) {
    std::uint32_t count = started();
    if (count >= wanted) return wanted;
    try {
      for (; count < wanted; ++count) workers_[count].thread = start_thread("rlx-team", [this, i = count] { serve(i); });
    } catch (...) {  // no more threads, or no memory for one: go on with those that there are
    }
    started_.store(count, std::memory_order_relaxed);
    return count;
  }

  void serve(std::uint32_t index) {
    Worker& worker = workers_[index];
    for (std::uint32_t seen = 0;; ++seen) {
      wait_for_change(worker.ticket, seen);
      if (stop_.load(std::memory_order_relaxed)) return;
      run_member(index + 1);
      if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) running_.notify_one();
    }
  }

  void run_member(std::uint32_t member) {
    try {
      body_(context_, member, members_);
    } catch (...) {
      const std::lock_guard lock(failure_mutex_);
      if (!failure_) failure_ = std::current_exception();
    }
  }

  const ForkMark mark_;
  const std::uint32_t size_;
  std::unique_ptr<Worker[]> workers_;
  std::atomic<std::uint32_t> started_{0};
  std::atomic<bool> stop_{false};
  std::mutex failure_mutex_;
  std::exception_ptr failure_;
  // The job: written under the lease, published by the tickets.
  Body body_ = nullptr;
  void* context_ = nullptr;
  std::uint32_t members_ = 0;
  alignas(kCacheLine) std::atomic<bool> leased_{false};
  alignas(kCacheLine) Word running_{0};
};

ThreadTeam::ThreadTeam(std::uint32_t size) : impl_(std::make_unique<Impl>(size ? size : usable_cpus())) {}
ThreadTeam::~ThreadTeam() = default;

std::uint32_t ThreadTeam::concurrency() const { return impl_->size(); }
std::uint32_t ThreadTeam::started() const { return impl_->started(); }

std::uint32_t ThreadTeam::team(std::uint32_t want, Body body, void* context) {
  return impl_->team(want, body, context);
}

void ThreadTeam::parallel_for(std::uint64_t count, PieceBody body, void* context) {
  if (count == 0) return;
  struct Job {
    PieceBody body;
    void* context;
    std::uint64_t count;
    std::atomic<std::uint64_t> next{0};
  } job{body, context, count};
  const auto member = [](void* raw, std::uint32_t, std::uint32_t) {
    Job& job = *static_cast<Job*>(raw);
    for (std::uint64_t piece; (piece = job.next.fetch_add(1, std::memory_order_relaxed)) < job.count;)
      job.body(job.context, piece);
  };
  team(static_cast<std::uint32_t>(std::min<std::uint64_t>(count, concurrency())), member, &job);
}

}  // namespace rlx
