// SPDX-License-Identifier: Apache-2.0
// ExecutionContext: the states of one conversation. A model with states (a KV cache, a recurrent vector) is run on a
// context, which owns their memory; the graph itself stays immutable and is shared by any number of contexts.
#pragma once

#include <rlx/host/call.hpp>
#include <rlx/host/pipeline.hpp>
#include <rlx/host/result.hpp>
#include <rlx/host/tensor.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace rlx {

class ContextBody;

/// States that live from run to run, in the device's memory, zero at first. Every variant of the template may run on one
/// context as long as its states have the same dims: prefill and decode share it. Capacity (what the states have room
/// for) and length (how far they are filled) are two things; length counts only where the model declares one
/// (ModelBuilder::length).
/// Lifetime: keeps the device; copies are names for the same states, fork() makes others.
/// Threads: one run or change at a time. A second one meanwhile is refused with kContextBusy, never interleaved.
class RLX_API ExecutionContext {
 public:
  ExecutionContext() = default;
  explicit ExecutionContext(std::shared_ptr<ContextBody> body) : body_(std::move(body)) {}

  /// Runs `graph` on these states: they hold the new values afterwards, and the length has grown by the model's step.
  /// Inputs and outputs are those of the manifest, which has neither states nor the length. On a device with host memory
  /// all views are used in place: an output's memory given as the next run's input is read without a copy.
  /// Errors: those of CompiledGraph::run; kWrongContext (of another template, or states of other dims); kStateFull naming
  /// length, step and capacity, before anything runs; kContextBusy; kStateLost. After a run that failed half-way what lies
  /// past the length is unspecified; where the model declares no length the states are lost: reset() or write_state().
  Result<std::vector<NamedTensor>> run(const CompiledGraph& graph, std::span<const NamedView> inputs, const CallOptions& options = {});
  Status run_into(const CompiledGraph& graph, std::span<const NamedView> inputs, std::span<const NamedMutableView> outputs,
                  const CallOptions& options = {});

  /// Checks names, dtypes and shapes once, for many runs on these states and the same memory: as CompiledGraph::bind, with
  /// the errors of run_into at every call. Lifetime: the bound run keeps the states; threads: as run.
  Result<BoundRun> bind_run(const CompiledGraph& graph, std::span<const NamedView> inputs, std::span<const NamedMutableView> outputs) const;

  /// The binding that these inputs and the dims of the states imply. Errors: those of Template::bind; kWrongContext.
  Result<Binding> bind(const Template& from, std::span<const NamedView> inputs) const;
  /// bind, get_or_compile, run.
  Result<std::vector<NamedTensor>> run(ModelCompilePipeline& pipeline, const Template& from, std::span<const NamedView> inputs,
                                       const CallOptions& options = {});

  /// All states zero, length 0. Errors: kContextBusy.
  Status reset();
  /// Forgets what lies at and past `length`; moves no memory. Errors: kInvalidArgument outside 0 to length(), or where the
  /// model declares no length; kContextBusy.
  Status truncate(std::int64_t length);
  /// The length of states that were written by write_state. Errors: as truncate, with 0 to capacity().
  Status set_length(std::int64_t length);
  /// A context of its own with a copy of the states. Errors: kOutOfMemory, kContextBusy.
  Result<ExecutionContext> fork() const;

  std::uint64_t bytes() const;     ///< of device memory that the states take
  std::int64_t length() const;     ///< 0 where the model declares none
  std::int64_t capacity() const;   ///< 0 where the model declares no length
  /// Copies a state, whole. Errors: kUnknownName, kContextBusy, kOutOfMemory.
  Result<Tensor> read_state(std::string_view name) const;
  /// Errors: kUnknownName, kWrongDtype, kWrongShape, kWrongSize, kContextBusy.
  Status write_state(std::string_view name, const TensorView& value);

 private:
  std::shared_ptr<ContextBody> body_;
};

}  // namespace rlx
