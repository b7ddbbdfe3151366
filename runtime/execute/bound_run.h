// SPDX-License-Identifier: Apache-2.0
// What a bound run holds, and outputs for one.
#pragma once

#include <rlx/host/bound_run.hpp>

#include <memory>
#include <vector>

#include "runtime/execute/variant.h"

namespace rlx {

struct BoundRun::Body {
  std::shared_ptr<VariantBody> variant;
  std::vector<rlx_view> inputs, outputs;
  std::shared_ptr<ContextBody> context;  ///< of a model with states, else null
};

/// Tensors for every output of the manifest. Errors: kOutOfMemory.
Result<std::vector<NamedTensor>> make_outputs(const BindingManifest& manifest);

}  // namespace rlx
