// SPDX-License-Identifier: Apache-2.0
// Shape inference: the table of one function per op, and its use on nodes, graphs and regions.
#include "runtime/ir/infer.h"

#include <rlx/types.h>

#include <algorithm>
#include <array>

#include "runtime/base/check.h"
#include "runtime/ir/infer_context.h"
#include "runtime/ir/infer_region.h"

namespace rlx {
namespace {

using namespace infer_detail;

struct Entry {
  Opcode op;
  InferFunction function;
};

/// Sorted by opcode.
constexpr std::array kTable = {
    Entry{RLX_OP_COPY, infer_copy},
    Entry{RLX_OP_UNARY, infer_unary},
    Entry{RLX_OP_BINARY, infer_binary},
    Entry{RLX_OP_COMPARE, infer_compare},
    Entry{RLX_OP_SELECT, infer_select},
    Entry{RLX_OP_CAST, infer_cast},
    Entry{RLX_OP_BITCAST, infer_bitcast},
    Entry{RLX_OP_IOTA, infer_iota},
    Entry{RLX_OP_DIM, infer_dim},
    Entry{RLX_OP_RESHAPE, infer_reshape},
    Entry{RLX_OP_TRANSPOSE, infer_transpose},
    Entry{RLX_OP_BROADCAST, infer_broadcast},
    Entry{RLX_OP_SLICE, infer_slice},
    Entry{RLX_OP_DYNAMIC_SLICE, infer_dynamic_slice},
    Entry{RLX_OP_DYNAMIC_UPDATE_SLICE, infer_dynamic_update_slice},
    Entry{RLX_OP_CONCAT, infer_concat},
    Entry{RLX_OP_PAD, infer_pad},
    Entry{RLX_OP_GATHER, infer_gather},
    Entry{RLX_OP_GATHER_ELEMENTS, infer_gather_elements},
    Entry{RLX_OP_GATHER_ND, infer_gather_nd},
    Entry{RLX_OP_SCATTER_ELEMENTS, infer_scatter_elements},
    Entry{RLX_OP_SCATTER_ND, infer_scatter_nd},
    Entry{RLX_OP_REDUCE, infer_reduce},
    Entry{RLX_OP_ARG_REDUCE, infer_arg_reduce},
    Entry{RLX_OP_CUMULATE, infer_cumulate},
    Entry{RLX_OP_TOP_K, infer_top_k},
    Entry{RLX_OP_NONZERO, infer_nonzero},
    Entry{RLX_OP_DOT, infer_dot},
    Entry{RLX_OP_CONV, infer_conv},
    Entry{RLX_OP_REDUCE_WINDOW, infer_reduce_window},
    Entry{RLX_OP_RNG_BITS, infer_rng_bits},
    Entry{RLX_OP_IF, infer_if},
    Entry{RLX_OP_WHILE, infer_while},
    Entry{RLX_OP_LINEAR, infer_linear},
    Entry{RLX_OP_ELEMENTWISE, infer_by_region},
    Entry{RLX_OP_SOFTMAX, infer_softmax},
    Entry{RLX_OP_LAYER_NORM, infer_layer_norm},
    Entry{RLX_OP_RMS_NORM, infer_rms_norm},
    Entry{RLX_OP_GROUP_NORM, infer_group_norm},
    Entry{RLX_OP_BATCH_NORM, infer_batch_norm},
    Entry{RLX_OP_ATTENTION, infer_attention},
    Entry{RLX_OP_ROPE, infer_rope},
    Entry{RLX_OP_GATED_ACT, infer_gated_act},
    Entry{RLX_OP_EMBED_NORM, infer_embed_norm},
    Entry{RLX_OP_SEGMENT_REDUCE, infer_segment_reduce},
    Entry{RLX_OP_CONV_ACT, infer_conv_act},
    Entry{RLX_OP_CONV_TRANSPOSE, infer_reserved},
    Entry{RLX_OP_AVG_POOL, infer_avg_pool},
    Entry{RLX_OP_RESIZE, infer_reserved},
    Entry{RLX_OP_QUANTIZE, infer_reserved},
    Entry{RLX_OP_DEQUANTIZE, infer_reserved},
    Entry{RLX_OP_DYNAMIC_QUANTIZE, infer_reserved},
    Entry{RLX_OP_QLINEAR, infer_reserved},
    Entry{RLX_OP_LSTM, infer_reserved},
    Entry{RLX_OP_GRU, infer_reserved},
    Entry{RLX_OP_KV_APPEND, infer_reserved},
    Entry{RLX_OP_LINEAR_ATTENTION, infer_reserved},
    Entry{RLX_OP_CAUSAL_CONV, infer_reserved},
    Entry{RLX_OP_GROUPED_LINEAR, infer_reserved},
    Entry{RLX_OP_DFT, infer_reserved},
    Entry{RLX_OP_NMS, infer_reserved},
    Entry{RLX_OP_ROW_CHAIN, infer_by_region},
    Entry{RLX_OP_ACT, infer_act},
};

InferFunction function_of(const Node& node) {
  if (!node.ns.empty() || node.op >= RLX_OP_VENDOR_FIRST) return infer_by_region;
  const auto found = std::lower_bound(kTable.begin(), kTable.end(), node.op,
                                      [](const Entry& e, Opcode op) { return e.op < op; });
  return found != kTable.end() && found->op == node.op ? found->function : nullptr;
}

/// Ops whose regions define them, so that the constraints inside are already among theirs.
bool regions_inferred(const Node& node) {
  return !node.ns.empty() || node.op >= RLX_OP_VENDOR_FIRST || node.op == RLX_OP_IF ||
         node.op == RLX_OP_WHILE || node.op == RLX_OP_ELEMENTWISE || node.op == RLX_OP_ROW_CHAIN;
}

Status operands_exist(const Graph& graph, const Node& node) {
  for (const ValueId operand : node.operands)
    if (operand != kAbsent && operand >= graph.values.size())
      return fail(ErrorCode::kInvalidModel, op_name(node.op), " `", node.name, "`: operand is value ",
                  operand, ", wanted one of ", graph.values.size());
  return {};
}

/// What infer does with the regions of the nodes that it meets: all of them, or only those that results come
/// from (which keeps the cost of nested regions from doubling at each level).
enum class Regions { kAll, kForResults };

/// Infers one node in place.
Status infer_node(Graph& graph, Node& node, Regions regions, std::vector<Constraint>& constraints) {
  RLX_TRY(operands_exist(graph, node));
  const Shapes operands = operand_shapes(graph, node);
  RLX_ASSIGN(const Shapes shapes, infer(node, operands, constraints));
  if (shapes.size() != node.results.size())
    return fail(ErrorCode::kInvalidModel, op_name(node.op), " `", node.name, "`: has ", node.results.size(),
                " results, wanted ", shapes.size());
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    RLX_CHECK(node.results[i] < graph.values.size(), "result ", node.results[i], " of ", graph.values.size());
    graph.values[node.results[i]].shape = shapes[i];
  }
  if (regions == Regions::kForResults) return {};
  for (auto& region : node.regions) {
    if (!region) continue;
    std::vector<Constraint> inside;
    RLX_ASSIGN(region, region_for(region, operands, inside));
    if (regions_inferred(node)) merge_constraints(constraints, std::move(inside));
  }
  return {};
}

Status bind_inputs(Graph& region, std::span<const Shape> operands) {
  if (region.inputs.size() != operands.size())
    return fail(ErrorCode::kInvalidModel, "a region has ", region.inputs.size(), " inputs, wanted ",
                operands.size(), ", one for each operand");
  for (std::size_t i = 0; i < operands.size(); ++i) {
    RLX_CHECK(region.inputs[i] < region.values.size(), "input ", region.inputs[i], " of ",
              region.values.size());
    region.values[region.inputs[i]].shape = operands[i];
  }
  return {};
}

Status infer_nodes(Graph& graph, Regions regions, std::vector<Constraint>& constraints) {
  for (Node& node : graph.nodes) RLX_TRY(infer_node(graph, node, regions, constraints));
  return {};
}

bool same_shapes(const Graph& a, const Graph& b) {
  for (std::size_t i = 0; i < a.values.size(); ++i)
    if (!(a.values[i].shape == b.values[i].shape)) return false;
  for (std::size_t i = 0; i < a.nodes.size(); ++i)
    if (a.nodes[i].regions != b.nodes[i].regions) return false;
  return true;
}

}  // namespace

namespace infer_detail {

std::vector<Shape> operand_shapes(const Graph& graph, const Node& node) {
  std::vector<Shape> shapes;
  for (const ValueId operand : node.operands)
    shapes.push_back(operand == kAbsent ? Shape{} : graph.values[operand].shape);
  return shapes;
}

void merge_constraints(std::vector<Constraint>& constraints, std::vector<Constraint> more) {
  for (Constraint& constraint : more) {
    const bool known = std::any_of(constraints.begin(), constraints.end(), [&](const Constraint& other) {
      return other.at_least == constraint.at_least && other.left == constraint.left &&
             other.right == constraint.right;
    });
    if (!known) constraints.push_back(std::move(constraint));
  }
}

Result<std::vector<Shape>> infer_region(const Graph& region, std::span<const Shape> operands,
                                        std::vector<Constraint>& constraints) {
  Graph copy = region;
  RLX_TRY(bind_inputs(copy, operands));
  RLX_TRY(infer_nodes(copy, Regions::kForResults, constraints));
  Shapes shapes;
  for (const Output& output : copy.outputs) {
    if (output.value >= copy.values.size())
      return fail(ErrorCode::kInvalidModel, "a region's output is value ", output.value, ", wanted one of ",
                  copy.values.size());
    shapes.push_back(copy.values[output.value].shape);
  }
  return shapes;
}

Result<std::shared_ptr<const Graph>> region_for(const std::shared_ptr<const Graph>& region,
                                                std::span<const Shape> operands,
                                                std::vector<Constraint>& constraints) {
  auto copy = std::make_shared<Graph>(*region);
  RLX_TRY(bind_inputs(*copy, operands));
  RLX_TRY(infer_nodes(*copy, Regions::kAll, constraints));
  if (same_shapes(*copy, *region)) return region;
  return std::shared_ptr<const Graph>(std::move(copy));
}

}  // namespace infer_detail

Result<std::vector<Shape>> infer(const Node& node, std::span<const Shape> operands,
                                 std::vector<Constraint>& constraints) {
  const Context context(node, operands, constraints);
  const InferFunction function = function_of(node);
  if (!function)
    return context.error(ErrorCode::kInvalidAttribute,
                         "no operation has this number, wanted one of the contract's");
  RLX_ASSIGN(std::vector<Shape> shapes, function(context));
  for (const Shape& shape : shapes)
    if (shape.rank() > RLX_MAX_RANK)
      return context.error(ErrorCode::kShapeMismatch, "a result is ", to_string(shape), " of rank ",
                           shape.rank(), ", wanted at most ", RLX_MAX_RANK);
  return shapes;
}

Status infer_all(Graph& graph) {
  std::vector<Constraint> constraints;
  RLX_TRY(infer_nodes(graph, Regions::kAll, constraints));
  merge_constraints(graph.constraints, std::move(constraints));
  return {};
}

Result<ValueId> append(Graph& graph, Node node) {
  RLX_TRY(operands_exist(graph, node));
  std::vector<Constraint> constraints;
  RLX_ASSIGN(std::vector<Shape> shapes, infer(node, operand_shapes(graph, node), constraints));
  merge_constraints(graph.constraints, std::move(constraints));
  return graph.add_node(std::move(node), std::move(shapes));
}

Result<Dims> broadcast_dims(std::span<const Dim> a, std::span<const Dim> b,
                            std::vector<Constraint>& constraints, std::string_view who) {
  if (a.size() < b.size()) return broadcast_dims(b, a, constraints, who);
  Dims dims(a.begin(), a.end());
  const std::size_t lead = a.size() - b.size();
  for (std::size_t axis = 0; axis < b.size(); ++axis) {
    Dim& x = dims[lead + axis];
    const Dim& y = b[axis];
    if (x == y || (y.is_number() && y.number() == 1)) continue;
    if (x.is_number() && x.number() == 1) {
      x = y;
      continue;
    }
    const std::string what = join(to_string(a), " against ", to_string(b), " on axis ", lead + axis);
    if (x.is_number() && y.is_number())
      return fail(ErrorCode::kShapeMismatch, who, ": ", what, ": ", x.to_string(), " is neither ",
                  y.to_string(), " nor 1");
    merge_constraints(constraints, {Constraint{x, y, false, join(who, ": ", what)}});
    if (y.is_number()) x = y;
  }
  return dims;
}

}  // namespace rlx
