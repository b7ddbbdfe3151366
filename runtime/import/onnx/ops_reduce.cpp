// SPDX-License-Identifier: Apache-2.0
// Reductions, softmax and the search for extremes.
#include <array>
#include <numeric>

#include "runtime/import/onnx/op_table.h"

namespace rlx::onnx_import {
namespace {

std::vector<std::int64_t> all_axes(std::size_t rank) {
  std::vector<std::int64_t> axes(rank);
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

/// log(sum(exp(x))) without overflow.
Handle log_sum_exp(Node& node, Handle x, const std::vector<std::int64_t>& axes, bool keep) {
  const Handle top = node.b.reduce(RLX_REDUCE_MAX, x, axes, true);
  const Handle sum =
      node.b.reduce(RLX_REDUCE_SUM, node.b.unary(RLX_UNARY_EXP, node.b.sub(x, top)), axes, keep);
  const Handle shift = keep ? top : node.b.reduce(RLX_REDUCE_MAX, x, axes, false);
  return node.b.add(node.b.unary(RLX_UNARY_LOG, sum), shift);
}

Handle reduced(Node& node, Handle x, const std::vector<std::int64_t>& axes, bool keep) {
  const std::string& op = node.op_type();
  const bool truth = node.b.dtype(x) == DType::kBool;
  if (op == "ReduceSum") return node.b.reduce(RLX_REDUCE_SUM, x, axes, keep);
  if (op == "ReduceProd") return node.b.reduce(RLX_REDUCE_PROD, x, axes, keep);
  if (op == "ReduceMax") return node.b.reduce(truth ? RLX_REDUCE_ANY : RLX_REDUCE_MAX, x, axes, keep);
  if (op == "ReduceMin") return node.b.reduce(truth ? RLX_REDUCE_ALL : RLX_REDUCE_MIN, x, axes, keep);
  if (op == "ReduceMean") return node.b.mean(x, axes, keep);
  if (op == "ReduceL1") return node.b.reduce(RLX_REDUCE_SUM, node.b.unary(RLX_UNARY_ABS, x), axes, keep);
  if (op == "ReduceLogSum") return node.b.unary(RLX_UNARY_LOG, node.b.reduce(RLX_REDUCE_SUM, x, axes, keep));
  if (op == "ReduceLogSumExp") return log_sum_exp(node, x, axes, keep);
  const Handle squares = node.b.reduce(RLX_REDUCE_SUM, node.b.mul(x, x), axes, keep);
  return op == "ReduceL2" ? node.b.unary(RLX_UNARY_SQRT, squares) : squares;
}

void reduce(Node& node) {
  const std::size_t rank = node.rank(0);
  auto axes = node.axes_of(1, rank);
  const bool none = !axes || axes->empty();
  if (node.failed()) return;
  if (none && node.integer("noop_with_empty_axes", 0) != 0) {
    const bool plain = node.op_type() == "ReduceSum" || node.op_type() == "ReduceMean" ||
                       node.op_type() == "ReduceMax" || node.op_type() == "ReduceMin" ||
                       node.op_type() == "ReduceProd";
    return plain ? node.same(0, 0) : node.refuse("noop_with_empty_axes without axes");
  }
  node.out(0, reduced(node, node.in(0), none ? all_axes(rank) : *axes, node.integer("keepdims", 1) != 0));
}

void arg_reduce(Node& node) {
  const std::uint32_t fn = node.op_type() == "ArgMax" ? RLX_REDUCE_MAX : RLX_REDUCE_MIN;
  const std::int64_t axis = node.axis(node.integer("axis", 0), node.rank(0));
  const std::uint32_t tie = node.integer("select_last_index", 0) != 0 ? RLX_TIE_LAST : RLX_TIE_FIRST;
  if (node.failed()) return;
  node.out(0, node.op(RLX_OP_ARG_REDUCE, {node.in(0)},
                      {size_attribute(RLX_ATTR_FN, std::int64_t{fn}), size_attribute(RLX_ATTR_AXIS, axis),
                       size_attribute(RLX_ATTR_KEEP, node.integer("keepdims", 1) != 0 ? 1 : 0),
                       size_attribute(RLX_ATTR_TIE, std::int64_t{tie})}));
}

/// Before opset 13 all axes from `axis` on were one row.
void softmax(Node& node) {
  const Sizes dims = node.dims(0);
  const bool log = node.op_type() == "LogSoftmax";
  const std::int64_t axis = node.axis(node.integer("axis", node.opset < 13 ? 1 : -1), dims.size());
  if (node.failed()) return;
  Handle x = node.in(0);
  if (node.opset >= 13 || axis + 1 == static_cast<std::int64_t>(dims.size()))
    return node.out(0, node.b.softmax(x, axis, log));
  const auto row = product(dims, static_cast<std::size_t>(axis), dims.size());
  if (!row) return node.refuse("the row of several axes is no expression that we can hold");
  Sizes flat(dims.begin(), dims.begin() + axis);
  flat.push_back(row->to_size());
  node.out(0, node.b.reshape(node.b.softmax(node.b.reshape(x, flat), -1, log), dims));
}

constexpr OpRow row(std::string_view name, bool folds = false) {
  return {name, 1, 2, 1, reduce, folds ? fold_reduce : nullptr};
}

constexpr std::array kReduceRows = {
    row("ReduceSum", true),
    row("ReduceProd", true),
    row("ReduceMax", true),
    row("ReduceMin", true),
    row("ReduceMean"),
    row("ReduceL1"),
    row("ReduceL2"),
    row("ReduceSumSquare"),
    row("ReduceLogSum"),
    row("ReduceLogSumExp"),
    OpRow{"ArgMax", 1, 1, 1, arg_reduce, nullptr},
    OpRow{"ArgMin", 1, 1, 1, arg_reduce, nullptr},
    OpRow{"Softmax", 1, 1, 1, softmax, nullptr},
    OpRow{"LogSoftmax", 1, 1, 1, softmax, nullptr},
};

}  // namespace

std::span<const OpRow> reduce_ops() { return kReduceRows; }

}  // namespace rlx::onnx_import
