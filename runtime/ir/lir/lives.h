// SPDX-License-Identifier: Apache-2.0
// When the values of the main graph that an arena may hold are written first and read last.
#pragma once

#include <vector>

#include "runtime/ir/lir/image.h"

namespace rlx::lir {

/// One TEMP value of the main graph: `value`, alive from step `first` to step `last`, both included. A step is an op of
/// region 0; one past the last op stands for the caller's reading of outputs.
struct Life {
  std::uint32_t value = 0;
  std::uint32_t first = 0;
  std::uint32_t last = 0;
};

/// In the order of their first steps. The use of a view is a use of its root. Indices that are out of range are skipped.
std::vector<Life> lives_of(const Module& module);

/// The planner's answer written as places: one arena, zero-byte values at its start.
/// `bytes` holds the size of each life's value.
PlanResult plan_lives(const std::vector<Life>& lives, const std::vector<std::uint64_t>& bytes, std::uint32_t alignment);

}  // namespace rlx::lir
