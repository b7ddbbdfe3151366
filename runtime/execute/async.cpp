// SPDX-License-Identifier: Apache-2.0
// Submitted runs: bound at once, run by the device's worker, waited for.
#include <rlx/host/async.hpp>
#include <sys/types.h>
#include <unistd.h>

#include <mutex>
#include <optional>

#include "runtime/base/check.h"
#include "runtime/base/own_condition.h"
#include "runtime/execute/bound_run.h"
#include "runtime/execute/entry.h"

namespace rlx {

struct Pending::State {
  BoundRun run;
  CallOptions options;
  std::vector<NamedTensor> outputs;
  bool owns_outputs = false;
  const pid_t owner = ::getpid();
  std::mutex mutex;  // guards the three below
  OwnCondition ended;
  std::optional<Status> status;
  bool taken = false;

  void finish(Status how) {
    run = {};  // lets go of the variant before anybody hears of it
    const std::lock_guard lock(mutex);
    status = std::move(how);
    ended->notify_all();
  }
  bool is_done() {
    const std::lock_guard lock(mutex);
    return status.has_value();
  }
};

namespace {

constexpr std::size_t kAhead = 3;  // runs of run_many that are bound before the first of them has ended

Error no_pending() { return fail(ErrorCode::kInvalidArgument, "no run was submitted: make one with submit()"); }

Result<Pending> post(const CompiledGraph& graph, std::shared_ptr<Pending::State> state, const CallOptions& options) {
  state->options = options;
  state->options.cancel = options.cancel.linked();
  const std::shared_ptr<LanePool> lanes = graph.body()->lanes();
  lanes->begin_background();
  const Status posted = guard([&] {
    return lanes->device().worker().post([state, lanes] {
      state->finish(guard([&] { return state->run.call(state->options); }));
      lanes->end_background();
    });
  });
  if (!posted) {
    lanes->end_background();
    return posted.error();
  }
  return Pending(std::move(state));
}

}  // namespace

bool Pending::ready() const { return !state_ || ::getpid() != state_->owner || state_->is_done(); }

Status Pending::wait() const {
  return entry([&]() -> Status {
    if (!state_) return no_pending();
    if (::getpid() != state_->owner) return fail(ErrorCode::kInvalidArgument, "the run was submitted by the process that this one was forked from");
    std::unique_lock lock(state_->mutex);
    state_->ended->wait(lock, [&] { return state_->status.has_value(); });
    return *state_->status;
  });
}

bool Pending::wait_until(std::chrono::steady_clock::time_point when) const {
  if (!state_ || ::getpid() != state_->owner) return !state_;
  std::unique_lock lock(state_->mutex);
  return state_->ended->wait_until(lock, when, [&] { return state_->status.has_value(); });
}

void Pending::cancel() const {
  if (state_) state_->options.cancel.cancel();
}

Result<std::vector<NamedTensor>> Pending::take() const {
  RLX_TRY(wait());
  return entry([&]() -> Result<std::vector<NamedTensor>> {
    if (!state_->owns_outputs) return fail(ErrorCode::kInvalidArgument, "the outputs lie in the caller's memory: nothing to take");
    const std::lock_guard lock(state_->mutex);
    if (std::exchange(state_->taken, true)) return fail(ErrorCode::kInvalidArgument, "the outputs were taken before");
    return std::move(state_->outputs);
  });
}

Result<Pending> submit_into(const CompiledGraph& graph, std::span<const NamedView> inputs, std::span<const NamedMutableView> outputs,
                            const CallOptions& options) {
  return entry([&]() -> Result<Pending> {
    auto state = std::make_shared<Pending::State>();
    RLX_ASSIGN(state->run, graph.bind(inputs, outputs));
    return post(graph, std::move(state), options);
  });
}

Result<Pending> submit(const CompiledGraph& graph, std::span<const NamedView> inputs, const CallOptions& options) {
  return entry([&]() -> Result<Pending> {
    if (!graph.body()) return fail(ErrorCode::kInvalidArgument, "the graph is empty: take one from a pipeline");
    auto state = std::make_shared<Pending::State>();
    RLX_ASSIGN(state->outputs, make_outputs(graph.manifest()));
    state->owns_outputs = true;
    std::vector<NamedMutableView> views;
    for (NamedTensor& output : state->outputs) views.push_back({output.name, output.tensor.mutable_view()});
    RLX_ASSIGN(state->run, graph.bind(inputs, views));
    return post(graph, std::move(state), options);
  });
}

Result<std::vector<std::vector<NamedTensor>>> run_many(const CompiledGraph& graph, std::span<const std::vector<NamedView>> inputs,
                                                       const CallOptions& options) {
  using Results = std::vector<std::vector<NamedTensor>>;
  std::vector<Pending> pending;
  CallOptions linked = options;
  linked.cancel = options.cancel.linked();
  Result<Results> answer = guard([&]() -> Result<Results> {
    Results results;
    pending.reserve(inputs.size());
    for (std::size_t i = 0; i < inputs.size() + kAhead; ++i) {
      if (i < inputs.size()) {
        Result<Pending> next = submit(graph, inputs[i], linked);
        if (!next) return std::move(next).error().within(join("run ", i));
        pending.push_back(*std::move(next));
      }
      if (i < kAhead || results.size() == inputs.size()) continue;
      Result<std::vector<NamedTensor>> taken = pending[results.size()].take();
      if (!taken) return std::move(taken).error().within(join("run ", results.size()));
      results.push_back(*std::move(taken));
    }
    return results;
  });
  if (answer) return answer;
  linked.cancel.cancel();  // the callers' inputs are theirs again when this returns
  for (const Pending& run : pending) static_cast<void>(run.wait());
  return answer;
}

}  // namespace rlx
