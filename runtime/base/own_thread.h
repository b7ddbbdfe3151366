// SPDX-License-Identifier: Apache-2.0
// Threads of the runtime's own, and what a forked child must know: which objects have threads that it has not, and whether
// another thread was inside the runtime, with locks held, when the process was forked.
#pragma once

#include <sys/types.h>

#include <functional>
#include <thread>

namespace rlx {

/// Starts a thread of that name (15 characters count) that takes none of the host's signals. Throws std::system_error
/// where the system gives no thread.
std::thread start_thread(const char* name, std::function<void()> body);

/// Tells whether this process is the one that made the object: a page that the kernel empties in a forked child, so that
/// asking costs one load; where the kernel cannot, the process id. [any-thread]
class ForkMark {
 public:
  ForkMark();
  ~ForkMark();
  ForkMark(const ForkMark&) = delete;
  ForkMark& operator=(const ForkMark&) = delete;
  bool in_owner() const;

 private:
  pid_t owner_;
  volatile char* page_ = nullptr;
};

/// Has forks looked at from now on; more calls do nothing. Without it no child is ever refused.
void watch_forks();

/// Marks the calling thread as inside the runtime for its lifetime; may be nested. Costs two writes to memory of the
/// thread's own.
class InsideRuntime {
 public:
  InsideRuntime();
  ~InsideRuntime();
  InsideRuntime(const InsideRuntime&) = delete;
  InsideRuntime& operator=(const InsideRuntime&) = delete;

  /// True in a child whose parent had another thread inside the runtime at the fork: what that thread had locked stays
  /// locked for ever.
  static bool is_refused();
};

}  // namespace rlx
