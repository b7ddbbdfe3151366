// SPDX-License-Identifier: Apache-2.0
// Normalisations that ONNX has as operators.
#include <array>

#include "runtime/import/onnx/op_table.h"

namespace rlx::onnx_import {
namespace {

/// Scales and biases may be said smaller than the axes that they normalise; ours are whole.
Handle widened(Node& node, std::size_t i, const Sizes& wanted) {
  const Sizes seen = node.dims(i);
  const Handle x = node.in(i);
  bool same = seen.size() == wanted.size();
  for (std::size_t k = 0; same && k < seen.size(); ++k)
    same = Element::size(seen[k]).same(Element::size(wanted[k]));
  return same ? x : node.b.expand(x, wanted);
}

void layer_norm(Node& node) {
  const Sizes dims = node.dims(0);
  const std::int64_t axis = node.axis(node.integer("axis", -1), dims.size());
  if (node.failed()) return;
  const Sizes normed(dims.begin() + axis, dims.end());
  const Handle x = node.in(0), gamma = widened(node, 1, normed);
  const std::vector<OpAttribute> attributes = {size_attribute(RLX_ATTR_AXIS, axis),
                                               real_attribute(RLX_ATTR_EPS, node.real("epsilon", 1e-5f))};
  if (node.op_type() == "RMSNormalization")
    return node.out(0, node.op(RLX_OP_RMS_NORM, {x, gamma}, attributes));
  const Handle beta = node.has(2) ? widened(node, 2, normed) : node.b.expand(node.like(0, x), normed);
  node.out(0, node.op(RLX_OP_LAYER_NORM, {x, gamma, beta}, attributes));
}

void batch_norm(Node& node) {
  if (node.integer("training_mode", 0) != 0) return node.refuse("training_mode 1, wanted inference");
  if (node.opset < 9 && node.integer("spatial", 1) == 0) return node.refuse("spatial 0");
  std::vector<Handle> operands;
  for (std::size_t i = 0; i < 5; ++i) operands.push_back(node.in(i));
  const std::int64_t axis = node.axis(node.rank(0) < 2 ? 0 : 1, node.rank(0));
  if (node.failed()) return;
  node.out(0, node.op(RLX_OP_BATCH_NORM, std::move(operands),
                      {size_attribute(RLX_ATTR_AXIS, axis),
                       real_attribute(RLX_ATTR_EPS, node.real("epsilon", 1e-5f))}));
}

/// Opset 18 to 20 scale whole groups; ours and later ones scale channels.
Handle per_channel(Node& node, std::size_t i, const Size& channels, std::int64_t groups) {
  const Handle x = node.in(i);
  const Sizes dims = node.dims(i);
  if (node.op_type() != "GroupNormalization" || node.opset >= 21 || dims.size() != 1) return x;
  const auto each = div(Element::size(channels), Element::whole(groups));
  if (!each) {
    node.refuse("the channels of a group are no expression that we can hold");
    return {};
  }
  return node.b.reshape(node.b.expand(node.b.reshape(x, {groups, 1}), {groups, each->to_size()}), {channels});
}

void group_norm(Node& node) {
  const Sizes dims = node.dims(0);
  if (dims.size() < 2)
    return node.fault("operand 0 of rank " + std::to_string(dims.size()) + ", wanted 2 or more");
  const bool instance = node.op_type() == "InstanceNormalization";
  const std::int64_t groups = node.integer("num_groups", 0);
  if (!instance && groups < 1)
    return node.fault("num_groups " + std::to_string(groups) + ", wanted 1 or more");
  const Handle gamma = per_channel(node, 1, dims[1], groups), beta = per_channel(node, 2, dims[1], groups);
  if (node.failed()) return;
  node.out(0, node.op(RLX_OP_GROUP_NORM, {node.in(0), gamma, beta},
                      {size_attribute(RLX_ATTR_GROUPS, instance ? dims[1] : Size(groups)),
                       real_attribute(RLX_ATTR_EPS, node.real("epsilon", 1e-5f))}));
}

constexpr std::array kNormRows = {
    OpRow{"LayerNormalization", 2, 3, 1, layer_norm, nullptr},
    OpRow{"RMSNormalization", 2, 2, 1, layer_norm, nullptr},
    OpRow{"BatchNormalization", 5, 5, 1, batch_norm, nullptr},
    OpRow{"InstanceNormalization", 3, 3, 1, group_norm, nullptr},
    OpRow{"GroupNormalization", 3, 3, 1, group_norm, nullptr},
};

}  // namespace

std::span<const OpRow> norm_ops() { return kNormRows; }

}  // namespace rlx::onnx_import
