// SPDX-License-Identifier: Apache-2.0
// Shape inference: one function per op, none missing. Operand shapes and attributes in, result shapes out; a mismatch is
// a typed error with the op's name; what cannot be proven with open symbols becomes a constraint.
#pragma once

#include <span>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/ir/graph.h"

namespace rlx {

/// Result shapes of a node whose operand shapes are `operands` (an absent operand has dtype kNone). Unproven equalities
/// are appended to `constraints`. `regions` of the node are looked at where results depend on them (if, while,
/// elementwise). Errors: kShapeMismatch, kDtypeMismatch, kInvalidAttribute naming op, operand, seen and wanted.
Result<std::vector<Shape>> infer(const Node& node, std::span<const Shape> operands, std::vector<Constraint>& constraints);

/// Infers every node of `graph` again, in order, regions included, and writes the result shapes; appends constraints.
Status infer_all(Graph& graph);

/// Infers `node`, adds it with its results and records constraints. Returns the first result.
Result<ValueId> append(Graph& graph, Node node);

/// numpy's rule, aligned right. Errors: kShapeMismatch naming both.
Result<Dims> broadcast_dims(std::span<const Dim> a, std::span<const Dim> b, std::vector<Constraint>& constraints,
                            std::string_view who);

}  // namespace rlx
