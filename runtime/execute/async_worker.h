// SPDX-License-Identifier: Apache-2.0
// The one thread of a device for submitted runs, where the backend has no streams of its own.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "runtime/base/own_thread.h"
#include "runtime/base/result.h"

namespace rlx {

/// Tasks one after the other, in the order of their posting. The thread starts with the first. In a forked child, which has
/// not that thread, post() starts over with a queue of its own. Thread-safe.
class AsyncWorker {
 public:
  using Task = std::function<void()>;
  AsyncWorker() = default;
  /// Does what was posted, then ends. May be called by a task.
  ~AsyncWorker();
  AsyncWorker(const AsyncWorker&) = delete;
  AsyncWorker& operator=(const AsyncWorker&) = delete;

  /// `task` throws nothing. Errors: kOutOfMemory where no thread can be started.
  Status post(Task task);

 private:
  struct Queue {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Task> tasks;
    bool stop = false;
    ForkMark mark;
  };
  static void serve(const std::shared_ptr<Queue>& queue);
  Status start();
  void abandon();

  std::mutex mutex_;  // guards the two below
  std::shared_ptr<Queue> queue_;
  std::thread thread_;
};

}  // namespace rlx
