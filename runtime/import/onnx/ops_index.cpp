// SPDX-License-Identifier: Apache-2.0
// Operators that read and write by index. ONNX counts negative indices from the end and refuses those
// outside.
#include <array>

#include "runtime/import/onnx/op_table.h"

namespace rlx::onnx_import {
namespace {

std::vector<OpAttribute> policy() {
  return {size_attribute(RLX_ATTR_INDEX_POLICY, std::int64_t{RLX_INDEX_ERROR}),
          size_attribute(RLX_ATTR_NEGATIVE_INDICES, 1)};
}

std::optional<Size> reduction(Node& node) {
  const std::string name = node.text("reduction", "none");
  if (name == "none") return Size(std::int64_t{RLX_SCATTER_SET});
  if (name == "add") return Size(std::int64_t{RLX_SCATTER_ADD});
  if (name == "mul") return Size(std::int64_t{RLX_SCATTER_MUL});
  if (name == "min") return Size(std::int64_t{RLX_SCATTER_MIN});
  if (name == "max") return Size(std::int64_t{RLX_SCATTER_MAX});
  node.fault("reduction `" + printable(name) + "`, wanted none, add, mul, min or max");
  return std::nullopt;
}

/// One position that is known: a slice, which a shape can follow. False where it is not.
bool picked(Node& node, std::int64_t axis) {
  const Known* index = node.known(1);
  const Sizes dims = node.dims(0);
  if (!index || index->elements.size() != 1 || index->rank() != 0 || !index->elements[0].is_whole())
    return false;
  const Element size = Element::size(dims[static_cast<std::size_t>(axis)]), at = index->elements[0];
  const auto first = at.number() < 0 ? add(size, at) : std::optional(at);
  const auto limit = first ? add(*first, Element::whole(1)) : std::nullopt;
  if (!limit) return false;
  Sizes rest = dims;
  rest.erase(rest.begin() + axis);
  node.out(0, node.b.reshape(node.b.slice(node.in(0), axis, first->to_size(), limit->to_size()), rest));
  return true;
}

void gather(Node& node) {
  const std::int64_t axis = node.axis(node.integer("axis", 0), node.rank(0));
  if (node.failed() || picked(node, axis)) return;
  auto attributes = policy();
  attributes.push_back(size_attribute(RLX_ATTR_AXIS, axis));
  node.out(0, node.op(RLX_OP_GATHER, {node.in(0), node.in(1)}, std::move(attributes)));
}

void gather_elements(Node& node) {
  auto attributes = policy();
  attributes.push_back(size_attribute(RLX_ATTR_AXIS, node.axis(node.integer("axis", 0), node.rank(0))));
  if (!node.failed())
    node.out(0, node.op(RLX_OP_GATHER_ELEMENTS, {node.in(0), node.in(1)}, std::move(attributes)));
}

void gather_nd(Node& node) {
  auto attributes = policy();
  attributes.push_back(size_attribute(RLX_ATTR_BATCH_DIMS, node.integer("batch_dims", 0)));
  node.out(0, node.op(RLX_OP_GATHER_ND, {node.in(0), node.in(1)}, std::move(attributes)));
}

void scatter_elements(Node& node) {
  const auto reduce = reduction(node);
  const std::int64_t axis = node.axis(node.integer("axis", 0), node.rank(0));
  if (!reduce || node.failed()) return;
  auto attributes = policy();
  attributes.push_back(size_attribute(RLX_ATTR_AXIS, axis));
  attributes.push_back(size_attribute(RLX_ATTR_REDUCE, *reduce));
  node.out(0, node.op(RLX_OP_SCATTER_ELEMENTS, {node.in(0), node.in(1), node.in(2)}, std::move(attributes)));
}

void scatter_nd(Node& node) {
  const auto reduce = reduction(node);
  if (!reduce) return;
  auto attributes = policy();
  attributes.push_back(size_attribute(RLX_ATTR_REDUCE, *reduce));
  node.out(0, node.op(RLX_OP_SCATTER_ND, {node.in(0), node.in(1), node.in(2)}, std::move(attributes)));
}

void top_k(Node& node) {
  const auto k = node.has_attribute("k") ? std::vector<Element>{Element::whole(node.integer("k", 1))}
                                         : node.elements(1, "k");
  const std::int64_t axis = node.axis(node.integer("axis", -1), node.rank(0));
  if (node.failed()) return;
  if (k.size() != 1 || k[0].is_real()) return node.fault("k is no whole number");
  const auto results =
      node.b.op(RLX_OP_TOP_K, {node.in(0)},
                {size_attribute(RLX_ATTR_K, k[0].to_size()), size_attribute(RLX_ATTR_AXIS, axis),
                 size_attribute(RLX_ATTR_LARGEST, node.integer("largest", 1)),
                 size_attribute(RLX_ATTR_SORTED, node.integer("sorted", 1))});
  for (std::size_t i = 0; i < results.size(); ++i) node.out(i, results[i]);
}

void cumulative(Node& node) {
  const auto axis = node.integers(1, "axis");
  if (node.failed()) return;
  if (axis.size() != 1)
    return node.fault("an axis of " + std::to_string(axis.size()) + " elements, wanted 1");
  const std::uint32_t fn = node.op_type() == "CumProd" ? RLX_REDUCE_PROD : RLX_REDUCE_SUM;
  const std::int64_t at = node.axis(axis[0], node.rank(0));
  if (node.failed()) return;
  node.out(0, node.op(RLX_OP_CUMULATE, {node.in(0)},
                      {size_attribute(RLX_ATTR_FN, std::int64_t{fn}), size_attribute(RLX_ATTR_AXIS, at),
                       size_attribute(RLX_ATTR_EXCLUSIVE, node.integer("exclusive", 0)),
                       size_attribute(RLX_ATTR_REVERSE, node.integer("reverse", 0))}));
}

constexpr std::array kIndexRows = {
    OpRow{"Gather", 2, 2, 1, gather, fold_gather},
    OpRow{"GatherElements", 2, 2, 1, gather_elements, nullptr},
    OpRow{"GatherND", 2, 2, 1, gather_nd, nullptr},
    OpRow{"ScatterElements", 3, 3, 1, scatter_elements, nullptr},
    OpRow{"Scatter", 3, 3, 1, scatter_elements, nullptr},
    OpRow{"ScatterND", 3, 3, 1, scatter_nd, nullptr},
    OpRow{"TopK", 1, 2, 2, top_k, nullptr},
    OpRow{"CumSum", 2, 2, 1, cumulative, nullptr},
    OpRow{"CumProd", 2, 2, 1, cumulative, nullptr},
};

}  // namespace

std::span<const OpRow> index_ops() { return kIndexRows; }

}  // namespace rlx::onnx_import
