// SPDX-License-Identifier: Apache-2.0
// Model() has no graph; whoever reads one asks here first.
#pragma once

#include <rlx/host/model.hpp>

#include "runtime/base/result.h"

namespace rlx {

/// Errors: kInvalidArgument for a model that nobody made. A model with weights is not printed to find out.
inline Status check_made(const Model& model) {
  if (!model.weights().empty() || model.origin() || !model.to_text().empty()) return {};
  return fail(ErrorCode::kInvalidArgument, "the model is empty: read one, or finish a ModelBuilder");
}

}  // namespace rlx
