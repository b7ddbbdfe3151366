// SPDX-License-Identifier: Apache-2.0
// Inference inside a region for given operand shapes. Private to the room.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "runtime/ir/graph.h"

namespace rlx::infer_detail {

/// Shapes of the region's outputs when its inputs have the shapes `operands`; the region stays as it is.
Result<std::vector<Shape>> infer_region(const Graph& region, std::span<const Shape> operands,
                                        std::vector<Constraint>& constraints);

/// The region with all shapes inferred for `operands`; the same pointer where nothing changes.
Result<std::shared_ptr<const Graph>> region_for(const std::shared_ptr<const Graph>& region,
                                                std::span<const Shape> operands,
                                                std::vector<Constraint>& constraints);

/// The shapes of a node's operands; an absent one has dtype kNone.
std::vector<Shape> operand_shapes(const Graph& graph, const Node& node);

/// Appends what `more` has and `constraints` has not.
void merge_constraints(std::vector<Constraint>& constraints, std::vector<Constraint> more);

}  // namespace rlx::infer_detail
