// SPDX-License-Identifier: Apache-2.0
// Runs in the background: submit and wait, and many runs one after the other without waiting between them.
#pragma once

#include <rlx/host/pipeline.hpp>

#include <chrono>
#include <memory>
#include <span>
#include <vector>

namespace rlx {

/// A run that was submitted. Copies are the same run; usable from any thread. Dropping it neither stops nor waits.
class RLX_API Pending {
 public:
  struct State;
  Pending() = default;
  explicit Pending(std::shared_ptr<State> state) : state_(std::move(state)) {}

  /// True once the run has ended, well or not; from then on its inputs and outputs are the caller's again. True in a child
  /// of the process that submitted it, where wait() says so.
  bool ready() const;
  /// Waits for the end and returns how it was. Errors: those of CompiledGraph::run; kInvalidArgument in a child of the process that
  /// submitted it; kInvalidArgument for an empty one.
  Status wait() const;
  /// Waits at most until then; true where the run has ended.
  bool wait_until(std::chrono::steady_clock::time_point when) const;
  /// As CancelToken::cancel, for this run alone: it ends soon with kCancelled, or has ended before.
  void cancel() const;
  /// Waits; the outputs of submit(), once. Errors: those of wait; kInvalidArgument where they were taken, or where the
  /// caller gave the memory.
  Result<std::vector<NamedTensor>> take() const;

 private:
  std::shared_ptr<State> state_;
};

/// Runs `graph` in the background on a thread that its device has for that, which starts with the first submission.
/// Order: runs that were submitted to one device begin and end in the order of their submission, one at a time; runs that
/// callers make for themselves go on beside them.
/// Lifetime: names and dims are copied; the memory of inputs (and of outputs) stays alive and unwritten until ready(). The
/// graph is kept. Destroying the last handle of the pipeline that compiled it waits for its submitted runs.
/// Errors: those of CompiledGraph::bind at once, the rest from wait(); kOutOfMemory where no thread can be started.
RLX_API Result<Pending> submit(const CompiledGraph& graph, std::span<const NamedView> inputs, const CallOptions& options = {});
/// The same into the caller's memory.
RLX_API Result<Pending> submit_into(const CompiledGraph& graph, std::span<const NamedView> inputs,
                                    std::span<const NamedMutableView> outputs, const CallOptions& options = {});

/// One result per list of inputs, in their order, with the bits that as many calls of run would give. Checking, binding and
/// allocating for the next run go on while one runs.
/// Errors: the first, with the number of the run; runs after it may have been made, their outputs are dropped.
RLX_API Result<std::vector<std::vector<NamedTensor>>> run_many(const CompiledGraph& graph,
                                                               std::span<const std::vector<NamedView>> inputs,
                                                               const CallOptions& options = {});

}  // namespace rlx
