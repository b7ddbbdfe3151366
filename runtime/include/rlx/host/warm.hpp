// SPDX-License-Identifier: Apache-2.0
// Warming up: variants compiled and packed before the first request needs them.
#pragma once

#include <rlx/host/pipeline.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace rlx {

struct WarmProgress {
  std::size_t done = 0;    ///< variants that are there now, failed ones not counted
  std::size_t failed = 0;
  std::size_t total = 0;
};

struct WarmOptions {
  std::optional<std::chrono::steady_clock::time_point> deadline = {};  ///< what is not made by then is left out
  CancelToken cancel = {};
  unsigned threads = 1;  ///< in the background; 0 = none: warm() itself does the work and returns when it is done
  /// Called after every variant, by the thread that made it, one call at a time. It must not drop the last WarmUp.
  std::function<void(const WarmProgress&)> progress = {};
};

/// Work in the background. Copies are the same work; usable from any thread. Dropping the last one stops what is left and
/// waits for the variants that are being made.
class RLX_API WarmUp {
 public:
  struct State;
  WarmUp() = default;
  explicit WarmUp(std::shared_ptr<State> state) : state_(std::move(state)) {}

  /// Zeros in a child of the process that began it, where it counts as finished.
  WarmProgress progress() const;
  bool finished() const;
  /// Waits for the end. Errors: the first that a variant had (the others were tried all the same), kDeadline or kCancelled
  /// where variants were left out; kInvalidArgument in a child of the process that began it.
  Status wait() const;
  /// Leaves out what has not begun and stops what has.
  void cancel() const;

 private:
  std::shared_ptr<State> state_;
};

/// Compiles `from` at every binding, the first ones first, packs its weights and lends memory for one run each. A binding
/// that is there costs nothing. Ask ModelCompilePipeline::contains whether one is ready. No more variants are kept than the
/// pipeline's capacity allows. Lifetime: keeps the pipeline until it has ended.
/// Errors: kInvalidArgument; with no threads those of WarmUp::wait.
RLX_API Result<WarmUp> warm(ModelCompilePipeline& pipeline, const Template& from, std::vector<Binding> bindings, WarmOptions options = {});

/// True where a run at this binding compiles nothing.
RLX_API bool ready(const ModelCompilePipeline& pipeline, const Template& from, const Binding& binding);

}  // namespace rlx
