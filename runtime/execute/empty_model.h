// SPDX-License-Identifier: Apache-2.0
// Model() has no graph; whoever reads one asks here first.
#pragma once

#include <rlx/host/model.hpp>

#include "runtime/base/result.h"
#include "runtime/execute/nothing.h"
#include "runtime/ir/graph.h"

namespace rlx {

/// Errors: kInvalidArgument for a model that nobody made, or that was moved from.
inline Status check_made(const Model& model) {
  if (&model.graph() != &nothing<Graph>()) return {};
  return fail(ErrorCode::kInvalidArgument, "the model is empty: read one, or finish a ModelBuilder");
}

}  // namespace rlx
