// SPDX-License-Identifier: Apache-2.0
// From a model to a template: the passes, in order. Asks no device.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/ir/graph.h"

namespace rlx {

struct OptimizeOptions {
  bool fuse = true;              ///< form composites
  bool fold_constants = true;    ///< run the pass of that name
  bool remove_dead_code = true;  ///< off: results that nobody reads are computed too
  bool verify = false;           ///< verify after each pass; always in debug builds
  /// Told when a pass begins (true) and has ended well (false); may be empty.
  std::function<void(std::string_view pass, bool begins)> observe;
};

/// One line of the pipeline's contents page.
struct Pass {
  std::string_view name;
  Status (*run)(Graph& graph);
  bool fusion;  ///< left out when OptimizeOptions::fuse is off
};

/// Every pass in order.
std::span<const Pass> passes();

/// Runs the passes on `graph`. Errors: those of a pass, with its name.
/// `stop_after`: name of the last pass to run; empty = all. Errors: kUnknownName for a name that is no pass.
Status optimize(Graph& graph, const OptimizeOptions& options, std::string_view stop_after = {});

}  // namespace rlx
