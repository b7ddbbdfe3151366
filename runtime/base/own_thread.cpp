// SPDX-License-Identifier: Apache-2.0
// Every thread that was ever inside has a record with its depth; a fork reads them all.
#include "runtime/base/own_thread.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace rlx {
namespace {

constexpr std::size_t kMarkBytes = 4096;

class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

/// How deep a thread is inside; only the thread itself writes.
using Depth = std::atomic<std::uint32_t>;

/// Never destroyed: threads may end after static objects are gone.
struct Forks {
  std::mutex mutex;
  std::vector<const Depth*> threads;
};
std::atomic<bool> refused = false;
Forks& forks() {
  static Forks& forks = *new Forks;
  return forks;
}

struct ThreadRecord {
  ThreadRecord() {
    const std::lock_guard lock(forks().mutex);
    forks().threads.push_back(&depth);
  }
  ~ThreadRecord() {
    const std::lock_guard lock(forks().mutex);
    std::erase(forks().threads, &depth);
  }
  ThreadRecord(const ThreadRecord&) = delete;
  ThreadRecord& operator=(const ThreadRecord&) = delete;
  Depth depth = 0;
};

/// The pointer is what the hot path reads; the record is made with the first entry of a thread.
[[gnu::tls_model("initial-exec")]] thread_local Depth* own_depth = nullptr;

Depth& first_entry() {
  thread_local ThreadRecord record;
  own_depth = &record.depth;
  return record.depth;
}

void before_fork() { forks().mutex.lock(); }
void after_fork_in_parent() { forks().mutex.unlock(); }
void after_fork_in_child() {
  std::vector<const Depth*>& threads = forks().threads;
  const bool inside = std::any_of(threads.begin(), threads.end(), [](const Depth* depth) {
    return depth != own_depth && depth->load(std::memory_order_relaxed) != 0;
  });
  if (inside) refused.store(true, std::memory_order_relaxed);
  std::erase_if(threads, [](const Depth* depth) { return depth != own_depth; });
  forks().mutex.unlock();
}

}  // namespace

std::thread start_thread(const char* name, std::function<void()> body) {
  const SignalsBlocked blocked;
  return std::thread([name = std::string(name).substr(0, 15), body = std::move(body)] {
    pthread_setname_np(pthread_self(), name.c_str());
    body();
  });
}

ForkMark::ForkMark() : owner_(::getpid()) {
  void* page = ::mmap(nullptr, kMarkBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return;
  if (::madvise(page, kMarkBytes, MADV_WIPEONFORK) != 0) {
    ::munmap(page, kMarkBytes);
    return;
  }
  page_ = static_cast<volatile char*>(page);
  *page_ = 1;
}

ForkMark::~ForkMark() {
  if (page_) ::munmap(const_cast<char*>(page_), kMarkBytes);
}

bool ForkMark::in_owner() const { return page_ ? *page_ == 1 : ::getpid() == owner_; }

void watch_forks() {
  static const int registered = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
  static_cast<void>(registered);
}

InsideRuntime::InsideRuntime() {
  Depth& depth = own_depth ? *own_depth : first_entry();
  depth.store(depth.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

InsideRuntime::~InsideRuntime() {
  Depth& depth = own_depth ? *own_depth : first_entry();
  depth.store(depth.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
}

bool InsideRuntime::is_refused() { return refused.load(std::memory_order_relaxed); }

}  // namespace rlx
