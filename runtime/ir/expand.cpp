// SPDX-License-Identifier: Apache-2.0
// expansion(): from a composite and its operand shapes to a region of primitives whose results have the
// shapes that inference gives the composite.
#include "runtime/ir/expand.h"

#include "runtime/base/check.h"
#include "runtime/ir/infer.h"

namespace rlx {
namespace expand_detail {

Expansion::Expansion(const Node& node, std::span<const Shape> shapes, std::span<const Shape> results,
                     Graph& region)
    : node_(node), shapes_(shapes), results_(results), builder_(region) {
  for (std::size_t i = 0; i < shapes.size(); ++i)
    inputs_.push_back(region.add_input(join("x", i), shapes[i]));
}

std::size_t Expansion::last_axis_or(std::uint32_t key) const {
  return static_cast<std::size_t>(integer(key, static_cast<std::int64_t>(shape(0).rank()) - 1));
}

Attributes Expansion::inherit(std::initializer_list<std::uint32_t> keys) const {
  Attributes attributes;
  for (const std::uint32_t key : keys)
    if (const auto found = node_.attributes.find(key); found != node_.attributes.end())
      attributes.insert(*found);
  return attributes;
}

ValueId Expansion::size(const Dim& value) {
  if (value.is_number() && builder_.status())
    return add_scalar_i64(builder_.graph(), DType::kI64, value.number());
  return builder_.dim(value);
}

ValueId Expansion::size_as(const Dim& value, DType dtype) {
  if (value.is_number()) return builder_.scalar(dtype, static_cast<double>(value.number()));
  return builder_.cast(builder_.dim(value), dtype);
}

ValueId Expansion::wide(ValueId x) {
  return is_narrow(builder_.shape(x).dtype) ? builder_.cast(x, DType::kF32) : x;
}

ValueId Expansion::mean_from(ValueId x, std::size_t first) {
  const Shape shape = builder_.shape(x);
  if (shape.rank() < first) return kAbsent;
  const ValueId sum = builder_.reduce(RLX_REDUCE_SUM, x, axes_from(first, shape.rank()), true);
  return div(sum, size_as(product(std::span<const Dim>(shape.dims).subspan(first)), shape.dtype));
}

ValueId Expansion::standardize(ValueId x, std::size_t first, double eps) {
  const ValueId centered = sub(x, mean_from(x, first));
  const ValueId variance = mean_from(mul(centered, centered), first);
  return mul(centered, rsqrt_eps(variance, eps));
}

ValueId Expansion::act(ValueId x) { return emit_act(*this, x, integer(RLX_ATTR_ACT, RLX_ACT_NONE)); }

ValueId Expansion::on_axis(ValueId x, std::size_t axis, std::size_t rank) {
  Dims dims(rank, Dim(1));
  const Shape& shape = builder_.shape(x);
  if (shape.rank() == 1 && axis < rank) dims[axis] = shape.dims[0];
  return builder_.reshape(x, std::move(dims));
}

std::vector<std::int64_t> axes_from(std::size_t first, std::size_t end) {
  std::vector<std::int64_t> axes;
  for (std::size_t axis = first; axis < end; ++axis) axes.push_back(static_cast<std::int64_t>(axis));
  return axes;
}

namespace {

using ExpandFunction = Outputs (*)(Expansion&);

ExpandFunction function_of(Opcode op) {
  switch (op) {
    case RLX_OP_ACT:
      return expand_act;
    case RLX_OP_LINEAR:
      return expand_linear;
    case RLX_OP_SOFTMAX:
      return expand_softmax;
    case RLX_OP_LAYER_NORM:
      return expand_layer_norm;
    case RLX_OP_RMS_NORM:
      return expand_rms_norm;
    case RLX_OP_GROUP_NORM:
      return expand_group_norm;
    case RLX_OP_BATCH_NORM:
      return expand_batch_norm;
    case RLX_OP_ATTENTION:
      return expand_attention;
    case RLX_OP_ROPE:
      return expand_rope;
    case RLX_OP_GATED_ACT:
      return expand_gated_act;
    case RLX_OP_EMBED_NORM:
      return expand_embed_norm;
    case RLX_OP_SEGMENT_REDUCE:
      return expand_segment_reduce;
    case RLX_OP_CONV_ACT:
      return expand_conv_act;
    case RLX_OP_AVG_POOL:
      return expand_avg_pool;
    default:
      return nullptr;
  }
}

/// `value` with the dtype and the very dims that the composite's result has.
ValueId as_result(MirBuilder& b, ValueId value, const Shape& wanted) {
  return b.reshape(b.cast(value, wanted.dtype), wanted.dims);
}

}  // namespace
}  // namespace expand_detail

Result<std::shared_ptr<const Graph>> expansion(Opcode op, std::span<const Shape> operands,
                                               const Attributes& attributes) {
  using namespace expand_detail;
  Node node;
  node.op = op;
  node.attributes = attributes;
  const ExpandFunction function = function_of(op);
  const OpInfo* info = op_info(op);
  if (!function && info && (!info->composite || op == RLX_OP_ELEMENTWISE || op == RLX_OP_ROW_CHAIN))
    return fail(ErrorCode::kInvalidAttribute, info->name,
                ": has no expansion of its own, wanted a composite that has");
  std::vector<Constraint> constraints;
  RLX_ASSIGN(const std::vector<Shape> results, infer(node, operands, constraints));
  RLX_CHECK(function, "composite ", op_name(op), " is inferred and has no expansion");
  auto region = std::make_shared<Graph>();
  Expansion e(node, operands, results, *region);
  const Outputs outputs = function(e);
  RLX_CHECK(!e.b().status() || outputs.size() == results.size(), op_name(op), " gives ", outputs.size(),
            " results");
  for (std::size_t i = 0; e.b().status() && i < outputs.size(); ++i)
    region->outputs.push_back({join("y", i), as_result(e.b(), outputs[i], results[i])});
  if (auto status = e.b().status(); !status)
    return std::move(status).error().within(join("expansion of ", op_name(op)));
  region->constraints.clear();  // the composite's own say what must hold
  return std::shared_ptr<const Graph>(std::move(region));
}

}  // namespace rlx
