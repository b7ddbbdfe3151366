// SPDX-License-Identifier: Apache-2.0
// Warming up: a list of bindings, and threads that take the next one from it.
#include <rlx/host/warm.hpp>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include "runtime/base/check.h"
#include "runtime/base/own_condition.h"
#include "runtime/execute/entry.h"
#include "runtime/execute/variant.h"

namespace rlx {

struct WarmUp::State {
  State(ModelCompilePipeline pipeline_in, Template from_in, std::vector<Binding> bindings_in, WarmOptions options_in)
      : pipeline(std::move(pipeline_in)), from(std::move(from_in)), bindings(std::move(bindings_in)), options(std::move(options_in)) {
    stop = options.cancel.linked();
    progress.total = bindings.size();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (::getpid() != owner) {  // the threads are the parent's: their handles must not be touched
      static_cast<void>(new std::vector<std::thread>(std::move(threads)));
      return;
    }
    stop.cancel();
    for (std::thread& thread : threads) thread.join();
  }

  /// One thread's work; the last thread to end says so.
  void work() {
    for (std::size_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < bindings.size();)
      report(guard([&] { return make(bindings[i]); }));
    const std::lock_guard lock(mutex);
    --running;
    ended->notify_all();
  }

  Status make(const Binding& binding) {
    const InsideRuntime inside;  // a fork meanwhile is told so
    GetOptions get;
    get.call.deadline = options.deadline;
    get.call.cancel = stop;
    RLX_ASSIGN(const CompiledGraph graph, pipeline.get_or_compile(from, binding, get));
    if (!from.params().unset().empty()) return {};
    return graph.body()->make_ready(CallScope(get.call));
  }

  void report(const Status& status) {
    const std::lock_guard one_at_a_time(reporting);
    WarmProgress now;
    {
      const std::lock_guard lock(mutex);
      const bool left_out = !status && is_of_the_call(status.error());
      if (status) ++progress.done;
      else if (!left_out) ++progress.failed;
      std::optional<Error>& kept = left_out ? left_out_because : first_failure;
      if (!status && !kept) kept = status.error();
      now = progress;
    }
    if (options.progress)
      static_cast<void>(guard([&]() -> Status { return options.progress(now), Status{}; }));  // what it throws ends here
  }

  Status wait() {
    if (::getpid() != owner) return fail(ErrorCode::kInvalidArgument, "the warm-up belongs to the process that this one was forked from");
    std::unique_lock lock(mutex);
    ended->wait(lock, [&] { return running == 0; });
    if (first_failure) return *first_failure;
    if (left_out_because) return *left_out_because;
    return {};
  }

  ModelCompilePipeline pipeline;
  const Template from;
  const std::vector<Binding> bindings;
  const WarmOptions options;
  CancelToken stop;
  const pid_t owner = ::getpid();
  std::atomic<std::size_t> next = 0;
  std::mutex reporting;
  std::mutex mutex;  // guards what follows but the threads
  OwnCondition ended;
  WarmProgress progress;
  std::optional<Error> first_failure, left_out_because;
  unsigned running = 0;
  std::vector<std::thread> threads;  // last: they use the rest
};

namespace {

/// Starts as many of the threads as the system gives; with none of them the caller works.
void start(WarmUp::State& state, unsigned wanted) {
  state.threads.reserve(wanted);
  for (unsigned i = 0; i < wanted; ++i) {
    {
      const std::lock_guard lock(state.mutex);
      ++state.running;
    }
    try {
      state.threads.push_back(start_thread("rlx-warm", [&state] { state.work(); }));
      continue;
    } catch (const std::system_error&) {
    }
    const std::lock_guard lock(state.mutex);
    --state.running;
    break;
  }
  if (!state.threads.empty()) return;
  state.running = 1;
  state.work();
}

}  // namespace

Result<WarmUp> warm(ModelCompilePipeline& pipeline, const Template& from, std::vector<Binding> bindings, WarmOptions options) {
  return entry([&]() -> Result<WarmUp> {
    if (!from.body()) return fail(ErrorCode::kInvalidArgument, "the template is empty: build one with build_template");
    const auto wanted = static_cast<unsigned>(std::min<std::size_t>(options.threads, bindings.size()));
    const bool here = options.threads == 0;
    auto state = std::make_shared<WarmUp::State>(pipeline, from, std::move(bindings), std::move(options));
    start(*state, wanted);
    if (here) RLX_TRY(state->wait());
    return WarmUp(std::move(state));
  });
}

WarmProgress WarmUp::progress() const {
  if (!state_ || ::getpid() != state_->owner) return {};
  const std::lock_guard lock(state_->mutex);
  return state_->progress;
}

bool WarmUp::finished() const {
  if (!state_ || ::getpid() != state_->owner) return true;
  const std::lock_guard lock(state_->mutex);
  return state_->running == 0;
}

Status WarmUp::wait() const {
  return entry([&]() -> Status { return state_ ? state_->wait() : Status{}; });
}

void WarmUp::cancel() const {
  if (state_) state_->stop.cancel();
}

bool ready(const ModelCompilePipeline& pipeline, const Template& from, const Binding& binding) { return pipeline.contains(from, binding); }

}  // namespace rlx
