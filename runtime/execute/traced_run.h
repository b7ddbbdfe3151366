// SPDX-License-Identifier: Apache-2.0
// One call of a backend's execute; where the runtime records and the backend can say, with a slice for every op.
#pragma once

#include "runtime/base/span.h"
#include "runtime/execute/trace.h"
#include "runtime/plugin/blamed.h"
#include "runtime/plugin/handles.h"

namespace rlx {

/// What a run hands to the backend.
struct BackendRun {
  const ContextHandle& context;
  const rlx_param_set* params = nullptr;
  std::span<const rlx_view> inputs, outputs;
  const rlx_call* call = nullptr;
  Bytes image;  ///< names the ops
  std::uint32_t* blamed_op = nullptr;  ///< of execute_blamed; may be null
};

/// Errors: those of ContextHandle::execute.
Status execute_recorded(TraceRecorder& recorder, const BackendRun& run);

/// The same; `recorder` may be null.
inline Status execute(TraceRecorder* recorder, const BackendRun& run) {
  if (recorder && recorder->options().ops) [[unlikely]] return execute_recorded(*recorder, run);
  return execute_blamed(run.context, run.params, run.inputs, run.outputs, run.call, run.blamed_op);
}

}  // namespace rlx
