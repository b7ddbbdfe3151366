// SPDX-License-Identifier: Apache-2.0
// A queue, its thread, and what happens to both in a forked child.
#include "runtime/execute/async_worker.h"

#include <new>
#include <system_error>
#include <utility>

namespace rlx {

AsyncWorker::~AsyncWorker() {
  if (!queue_) return;
  if (!queue_->mark.in_owner()) {
    abandon();
    return;
  }
  {
    const std::lock_guard lock(queue_->mutex);
    queue_->stop = true;
  }
  queue_->changed.notify_all();
  if (thread_.get_id() == std::this_thread::get_id()) thread_.detach();  // a task held the device's last owner
  else thread_.join();
}

/// The thread is the parent's: neither its handle nor a lock that it may hold can be touched.
void AsyncWorker::abandon() {
  static_cast<void>(new std::shared_ptr<Queue>(std::move(queue_)));
  static_cast<void>(new std::thread(std::move(thread_)));
}

void AsyncWorker::serve(const std::shared_ptr<Queue>& queue) {
  std::unique_lock lock(queue->mutex);
  while (true) {
    queue->changed.wait(lock, [&] { return queue->stop || !queue->tasks.empty(); });
    if (queue->tasks.empty()) return;
    {
      const Task task = std::move(queue->tasks.front());
      queue->tasks.pop_front();
      lock.unlock();
      task();
    }
    lock.lock();
  }
}

Status AsyncWorker::start() {
  auto queue = std::make_shared<Queue>();
  try {
    thread_ = start_thread("rlx-async", [queue] { serve(queue); });
  } catch (const std::system_error& error) {
    return fail(ErrorCode::kOutOfMemory, "no thread for submitted runs: ", error.what());
  }
  queue_ = std::move(queue);
  return {};
}

Status AsyncWorker::post(Task task) {
  const std::lock_guard lock(mutex_);
  if (queue_ && !queue_->mark.in_owner()) abandon();
  if (!queue_) RLX_TRY(start());
  {
    const std::lock_guard queue_lock(queue_->mutex);
    queue_->tasks.push_back(std::move(task));
  }
  queue_->changed.notify_one();
  return {};
}

}  // namespace rlx
