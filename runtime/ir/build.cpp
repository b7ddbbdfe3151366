// SPDX-License-Identifier: Apache-2.0
// MirBuilder: nodes with inference at every step; numpy's rules become reshapes and broadcasts where they are
// needed.
#include "runtime/ir/build.h"

#include <algorithm>

#include "runtime/ir/infer.h"
#include "runtime/ir/infer_region.h"

namespace rlx {
namespace {

std::vector<std::int64_t> counting(std::size_t first, std::size_t count) {
  std::vector<std::int64_t> axes;
  for (std::size_t i = 0; i < count; ++i) axes.push_back(static_cast<std::int64_t>(first + i));
  return axes;
}

Dims as_dims(const std::vector<std::int64_t>& numbers) { return Dims(numbers.begin(), numbers.end()); }

}  // namespace

ValueId MirBuilder::add(Opcode op, std::vector<ValueId> operands, Attributes attributes,
                        std::vector<std::shared_ptr<const Graph>> regions, std::string name) {
  if (!error_.empty()) return kAbsent;
  Node node;
  node.op = op;
  node.operands = std::move(operands);
  node.attributes = std::move(attributes);
  node.regions = std::move(regions);
  node.name = std::move(name);
  if (const OpInfo* info = op_info(op)) node.version = info->version;
  return take(append(graph_, std::move(node)));
}

ValueId MirBuilder::take(Result<ValueId> result) {
  if (result) return *result;
  if (error_.empty()) error_.push_back(std::move(result).error());
  return kAbsent;
}

std::size_t MirBuilder::align(std::vector<ValueId>& operands) {
  std::size_t rank = 0;
  for (const ValueId operand : operands) rank = std::max(rank, shape(operand).rank());
  for (ValueId& operand : operands) {
    const Shape& seen = shape(operand);
    if (operand == kAbsent || seen.rank() == rank) continue;
    Dims dims(rank - seen.rank(), Dim(1));
    dims.insert(dims.end(), seen.dims.begin(), seen.dims.end());
    operand = reshape(operand, std::move(dims));
  }
  return rank;
}

ValueId MirBuilder::unary(std::uint32_t fn, ValueId x) {
  return add(RLX_OP_UNARY, {x}, {{RLX_ATTR_FN, Dim(fn)}});
}

ValueId MirBuilder::binary(std::uint32_t fn, ValueId a, ValueId b) {
  std::vector<ValueId> operands{a, b};
  align(operands);
  return add(RLX_OP_BINARY, std::move(operands), {{RLX_ATTR_FN, Dim(fn)}});
}

ValueId MirBuilder::compare(std::uint32_t fn, ValueId a, ValueId b) {
  std::vector<ValueId> operands{a, b};
  align(operands);
  return add(RLX_OP_COMPARE, std::move(operands), {{RLX_ATTR_FN, Dim(fn)}});
}

ValueId MirBuilder::select(ValueId condition, ValueId yes, ValueId no) {
  std::vector<ValueId> operands{condition, yes, no};
  align(operands);
  return add(RLX_OP_SELECT, std::move(operands));
}

ValueId MirBuilder::cast(ValueId x, DType to) {
  if (shape(x).dtype == to) return x;
  return add(RLX_OP_CAST, {x}, {{RLX_ATTR_TO, to}});
}

ValueId MirBuilder::scalar(DType dtype, double value) {
  if (!error_.empty()) return kAbsent;
  if (dtype_bytes(dtype) == 0)
    return take(fail(ErrorCode::kDtypeMismatch, "a scalar constant has dtype none, wanted an element type"));
  return add_scalar(graph_, dtype, value);
}

ValueId MirBuilder::iota(DType dtype, Dims dims, std::int64_t axis) {
  return add(RLX_OP_IOTA, {},
             {{RLX_ATTR_TO, dtype}, {RLX_ATTR_AXIS, Dim(axis)}, {RLX_ATTR_DIMS, std::move(dims)}});
}

ValueId MirBuilder::dim(Dim value) { return add(RLX_OP_DIM, {}, {{RLX_ATTR_VALUE, std::move(value)}}); }

ValueId MirBuilder::reshape(ValueId x, Dims dims) {
  if (x != kAbsent && shape(x).dims == dims) return x;
  return add(RLX_OP_RESHAPE, {x}, {{RLX_ATTR_DIMS, std::move(dims)}});
}

ValueId MirBuilder::transpose(ValueId x, std::vector<std::int64_t> perm) {
  return add(RLX_OP_TRANSPOSE, {x}, {{RLX_ATTR_PERM, as_dims(perm)}});
}

ValueId MirBuilder::broadcast(ValueId x, Dims dims) {
  if (x != kAbsent && shape(x).dims == dims) return x;
  return add(RLX_OP_BROADCAST, {x}, {{RLX_ATTR_DIMS, std::move(dims)}});
}

ValueId MirBuilder::slice(ValueId x, Dims start, Dims limit, Dims step) {
  return add(RLX_OP_SLICE, {x},
             {{RLX_ATTR_START, std::move(start)},
              {RLX_ATTR_LIMIT, std::move(limit)},
              {RLX_ATTR_STEP, std::move(step)}});
}

ValueId MirBuilder::concat(std::vector<ValueId> parts, std::int64_t axis) {
  return add(RLX_OP_CONCAT, std::move(parts), {{RLX_ATTR_AXIS, Dim(axis)}});
}

ValueId MirBuilder::gather(ValueId data, ValueId indices, std::int64_t axis, std::int64_t policy,
                           bool negatives) {
  return add(RLX_OP_GATHER, {data, indices},
             {{RLX_ATTR_AXIS, Dim(axis)},
              {RLX_ATTR_BATCH_DIMS, Dim(0)},
              {RLX_ATTR_INDEX_POLICY, Dim(policy)},
              {RLX_ATTR_NEGATIVE_INDICES, Dim(negatives ? 1 : 0)}});
}

ValueId MirBuilder::reduce(std::uint32_t fn, ValueId x, std::vector<std::int64_t> axes, bool keep) {
  return add(RLX_OP_REDUCE, {x},
             {{RLX_ATTR_FN, Dim(fn)}, {RLX_ATTR_AXES, as_dims(axes)}, {RLX_ATTR_KEEP, Dim(keep ? 1 : 0)}});
}

ValueId MirBuilder::dot(ValueId a, ValueId b, std::vector<std::int64_t> contract_a,
                        std::vector<std::int64_t> contract_b, std::vector<std::int64_t> batch_a,
                        std::vector<std::int64_t> batch_b) {
  return add(RLX_OP_DOT, {a, b},
             {{RLX_ATTR_CONTRACT_A, as_dims(contract_a)},
              {RLX_ATTR_CONTRACT_B, as_dims(contract_b)},
              {RLX_ATTR_BATCH_A, as_dims(batch_a)},
              {RLX_ATTR_BATCH_B, as_dims(batch_b)}});
}

ValueId MirBuilder::matmul(ValueId a, ValueId b) {
  if (!error_.empty()) return kAbsent;
  const std::size_t rank_a = shape(a).rank();
  const std::size_t rank_b = shape(b).rank();
  if (rank_a == 0 || rank_b == 0)
    return take(fail(ErrorCode::kShapeMismatch, "matmul: operands are ", to_string(shape(a)), " and ",
                     to_string(shape(b)), ", wanted rank 1 or more"));
  const auto last = static_cast<std::int64_t>(rank_a) - 1;
  // b without batch axes: all axes of a but the last are free. This holds for vectors on either side, too.
  if (rank_b <= 2) return dot(a, b, {last}, {0}, {}, {});
  if (rank_a == 1) {
    // [K] x [.., K, N]: b's batch axes and N are free.
    return dot(a, b, {0}, {static_cast<std::int64_t>(rank_b) - 2}, {}, {});
  }
  const Dims& dims_a = shape(a).dims;
  const Dims& dims_b = shape(b).dims;
  const std::span<const Dim> lead_a = std::span<const Dim>(dims_a).first(rank_a - 2);
  const std::span<const Dim> lead_b = std::span<const Dim>(dims_b).first(rank_b - 2);
  std::vector<Constraint> constraints;
  auto joined = broadcast_dims(lead_a, lead_b, constraints,
                               join("matmul of ", to_string(shape(a)), " and ", to_string(shape(b))));
  if (!joined) return take(std::move(joined).error());
  infer_detail::merge_constraints(graph_.constraints, std::move(constraints));
  Dims wide_a = *joined;
  wide_a.insert(wide_a.end(), dims_a.end() - 2, dims_a.end());
  Dims wide_b = *joined;
  wide_b.insert(wide_b.end(), dims_b.end() - 2, dims_b.end());
  const std::size_t batch = joined->size();
  const auto axes = counting(0, batch);
  const auto inner = static_cast<std::int64_t>(batch);
  const ValueId x = broadcast(a, std::move(wide_a));
  const ValueId y = broadcast(b, std::move(wide_b));
  return dot(x, y, {inner + 1}, {inner}, axes, axes);
}

// ---- Composites and regions
// -------------------------------------------------------------------------------------------

ValueId add_composite(MirBuilder& builder, Opcode op, std::vector<ValueId> operands, Attributes attributes,
                      std::string name, std::size_t results) {
  if (!builder.status()) return kAbsent;
  std::vector<Shape> shapes;
  for (const ValueId operand : operands) shapes.push_back(builder.shape(operand));
  auto region = expansion(op, shapes, attributes);
  if (!region) {
    Error error = std::move(region).error();
    return builder.take(name.empty() ? std::move(error) : std::move(error).within(join("`", name, "`")));
  }
  if (results != 0 && results < (*region)->outputs.size()) {
    auto fewer = std::make_shared<Graph>(**region);
    fewer->outputs.resize(results);
    *region = std::move(fewer);
  }
  Node node;
  node.op = op;
  if (const OpInfo* info = op_info(op)) node.version = info->version;
  node.operands = std::move(operands);
  node.results.resize(results);
  node.attributes = std::move(attributes);
  node.regions = {*std::move(region)};
  node.name = std::move(name);
  return builder.take(append(builder.graph(), std::move(node)));
}

Result<std::vector<ValueId>> inline_region(Graph& graph, const Graph& region,
                                           std::span<const ValueId> operands) {
  if (region.inputs.size() != operands.size())
    return fail(ErrorCode::kInvalidModel, "a region has ", region.inputs.size(), " inputs, wanted ",
                operands.size(), ", one for each operand");
  std::vector<ValueId> became(region.values.size(), kAbsent);
  for (std::size_t i = 0; i < operands.size(); ++i) became[region.inputs[i]] = operands[i];
  for (std::size_t i = 0; i < region.values.size(); ++i) {
    const Value& value = region.values[i];
    if (value.kind != ValueKind::kConstant) continue;
    Value copy = value;
    copy.index = static_cast<std::uint32_t>(graph.constants.size());
    graph.constants.push_back(region.constants[value.index]);
    became[i] = graph.add_value(std::move(copy));
  }
  for (const Node& node : region.nodes) {
    Node copy = node;
    for (ValueId& operand : copy.operands)
      if (operand != kAbsent) operand = became[operand];
    const std::vector<Shape> shapes = infer_detail::operand_shapes(graph, copy);
    for (auto& inner : copy.regions) {
      std::vector<Constraint> dropped;  // append records what counts
      if (inner) {
        RLX_ASSIGN(inner, infer_detail::region_for(inner, shapes, dropped));
      }
    }
    RLX_ASSIGN(const ValueId first, append(graph, std::move(copy)));
    for (std::size_t i = 0; i < node.results.size(); ++i)
      became[node.results[i]] = first + static_cast<ValueId>(i);
  }
  std::vector<ValueId> outputs;
  for (const Output& output : region.outputs) outputs.push_back(became[output.value]);
  return outputs;
}

}  // namespace rlx
