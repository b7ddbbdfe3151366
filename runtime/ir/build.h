// SPDX-License-Identifier: Apache-2.0
// MirBuilder: writes nodes into a graph with inference at every step. Used by lowering, by passes, by the regions of
// composites and by tests. The first error sticks; later calls do nothing and return kAbsent.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/ir/graph.h"

namespace rlx {

class MirBuilder {
 public:
  explicit MirBuilder(Graph& graph) : graph_(graph) {}

  Graph& graph() { return graph_; }
  Status status() const { return error_.empty() ? Status{} : Status{error_.front()}; }
  /// Of an absent value (also what calls give after an error): dtype kNone, rank 0. Valid until the graph grows.
  const Shape& shape(ValueId value) const {
    static const Shape kNothing;
    return value < graph_.values.size() ? graph_.values[value].shape : kNothing;
  }

  /// Any op: infers, appends, returns the first result.
  ValueId add(Opcode op, std::vector<ValueId> operands, Attributes attributes = {},
              std::vector<std::shared_ptr<const Graph>> regions = {}, std::string name = {});

  ValueId unary(std::uint32_t fn, ValueId x);
  ValueId binary(std::uint32_t fn, ValueId a, ValueId b);   ///< broadcasts as numpy does
  ValueId compare(std::uint32_t fn, ValueId a, ValueId b);  ///< broadcasts as numpy does
  ValueId select(ValueId condition, ValueId yes, ValueId no);
  ValueId cast(ValueId x, DType to);
  ValueId scalar(DType dtype, double value);
  ValueId iota(DType dtype, Dims dims, std::int64_t axis);
  ValueId dim(Dim value);  ///< an i64 scalar that specialize turns into a number
  ValueId reshape(ValueId x, Dims dims);
  ValueId transpose(ValueId x, std::vector<std::int64_t> perm);
  ValueId broadcast(ValueId x, Dims dims);
  ValueId slice(ValueId x, Dims start, Dims limit, Dims step);
  ValueId concat(std::vector<ValueId> parts, std::int64_t axis);
  ValueId gather(ValueId data, ValueId indices, std::int64_t axis, std::int64_t policy, bool negatives);
  ValueId reduce(std::uint32_t fn, ValueId x, std::vector<std::int64_t> axes, bool keep);
  ValueId dot(ValueId a, ValueId b, std::vector<std::int64_t> contract_a, std::vector<std::int64_t> contract_b,
              std::vector<std::int64_t> batch_a, std::vector<std::int64_t> batch_b);
  /// numpy matmul: batch dims broadcast, rank >= 1 of both.
  ValueId matmul(ValueId a, ValueId b);

  /// The value, or kAbsent with its error kept.
  ValueId take(Result<ValueId> result);

 private:
  /// Gives all operands one rank by leading axes of 1; returns it.
  std::size_t align(std::vector<ValueId>& operands);

  Graph& graph_;
  std::vector<Error> error_;
};

/// Appends the composite `op` with its expansion as region. Returns the first result. `results` names how many results
/// are wanted where the op can do with fewer (a norm whose sum nobody reads); 0 = all.
ValueId add_composite(MirBuilder& builder, Opcode op, std::vector<ValueId> operands, Attributes attributes,
                      std::string name = {}, std::size_t results = 0);

/// The canonical expansion of a composite for operand shapes: a graph with one input per operand.
/// Errors: as infer; kInvalidAttribute for a composite that has no expansion here.
Result<std::shared_ptr<const Graph>> expansion(Opcode op, std::span<const Shape> operands, const Attributes& attributes);

/// Copies the nodes of `region` into `graph`, its inputs bound to `operands`; returns what its outputs became.
/// Shapes are inferred again.
Result<std::vector<ValueId>> inline_region(Graph& graph, const Graph& region, std::span<const ValueId> operands);

}  // namespace rlx
