// SPDX-License-Identifier: Apache-2.0
// Operators that look at or change a tensor's shape.
#include <algorithm>
#include <array>

#include "runtime/import/onnx/op_table.h"

namespace rlx::onnx_import {
namespace {

void identity(Node& node) { node.same(0, 0); }

void dropout(Node& node) {
  const Known* training = node.known(2);
  if (node.has(2) && (!training || !training->plain() || training->elements.size() != 1 ||
                      training->elements[0].number() != 0))
    return node.refuse("it may run in training mode, wanted inference");
  node.same(0, 0);
  if (node.wants(1)) node.out(1, node.b.expand(node.b.scalar(DType::kBool, 1), node.dims(0)));
}

void shape(Node& node) {
  const Sizes dims = node.dims(0);
  const auto rank = static_cast<std::int64_t>(dims.size());
  const auto place = [&](std::int64_t at) {
    return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  const std::int64_t first = place(std::clamp<std::int64_t>(node.integer("start", 0), -1000, 1000));
  const std::int64_t last = place(std::clamp<std::int64_t>(node.integer("end", 1000), -1000, 1000));
  Known known{DType::kI64, {std::max<std::int64_t>(last - first, 0)}, {}};
  for (std::int64_t i = first; i < last; ++i)
    known.elements.push_back(Element::size(dims[static_cast<std::size_t>(i)]));
  node.out(0, std::move(known));
}

void size(Node& node) {
  const auto count = product(node.dims(0), 0, node.rank(0));
  if (!count) return node.refuse("the element count is no expression that we can hold");
  node.out(0, Known{DType::kI64, {}, {*count}});
}

void reshape(Node& node) {
  const auto target = reshape_target(node, node.dims(0));
  if (!node.failed()) node.out(0, node.b.reshape(node.in(0), to_sizes(target)));
}

void flatten(Node& node) {
  const Sizes dims = node.dims(0);
  std::int64_t axis = node.integer("axis", 1);
  if (axis != static_cast<std::int64_t>(dims.size())) axis = node.axis(axis, dims.size());
  const auto rows = product(dims, 0, static_cast<std::size_t>(axis));
  const auto columns = product(dims, static_cast<std::size_t>(axis), dims.size());
  if (!rows || !columns) return node.refuse("the flattened dims are no expressions that we can hold");
  node.out(0, node.b.reshape(node.in(0), {rows->to_size(), columns->to_size()}));
}

void squeeze(Node& node) {
  const Sizes dims = node.dims(0);
  const auto gone = squeeze_axes(node, dims);
  Sizes kept;
  for (std::size_t i = 0; i < dims.size(); ++i)
    if (std::find(gone.begin(), gone.end(), static_cast<std::int64_t>(i)) == gone.end())
      kept.push_back(dims[i]);
  node.out(0, node.b.reshape(node.in(0), kept));
}

void unsqueeze(Node& node) {
  Sizes dims = node.dims(0);
  const std::size_t added =
      node.has_attribute("axes") ? node.integers("axes").size() : node.elements(1, "axes").size();
  auto axes = node.axes_of(1, dims.size() + added);
  if (!axes) return node.fault("no axes");
  std::sort(axes->begin(), axes->end());
  for (const std::int64_t axis : *axes) dims.insert(dims.begin() + axis, Size(1));
  node.out(0, node.b.reshape(node.in(0), dims));
}

void transpose(Node& node) {
  const std::size_t rank = node.rank(0);
  std::vector<std::int64_t> perm = node.integers("perm");
  if (!node.has_attribute("perm"))
    for (std::size_t i = rank; i-- > 0;) perm.push_back(static_cast<std::int64_t>(i));
  if (perm.size() != rank)
    return node.fault("perm of " + std::to_string(perm.size()) + " entries for rank " + std::to_string(rank));
  perm = node.axes(perm, rank);
  if (!node.failed()) node.out(0, node.b.transpose(node.in(0), perm));
}

/// numpy's rule in both directions: a size of 1 on either side gives way.
void expand(Node& node) {
  const Sizes from = node.dims(0);
  const auto target = to_sizes(node.elements(1, "shape"));
  Sizes dims(std::max(from.size(), target.size()), Size(1));
  const auto is_one = [](const Size& size) { return size.expression().empty() && size.number() == 1; };
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const Size x = i < from.size() ? from[from.size() - 1 - i] : Size(1);
    const Size y = i < target.size() ? target[target.size() - 1 - i] : Size(1);
    dims[dims.size() - 1 - i] = is_one(y) ? x : y;
  }
  if (!node.failed()) node.out(0, node.b.expand(node.in(0), dims));
}

void slice(Node& node) {
  Sizes dims = node.dims(0);
  const SliceSpec spec = slice_spec(node, dims.size());
  if (node.failed()) return;
  Handle x = node.in(0);
  bool whole = true;
  for (std::size_t i = 0; i < spec.axes.size(); ++i) {
    const Element size = Element::size(dims[static_cast<std::size_t>(spec.axes[i])]);
    const auto bounds = slice_bounds(size, spec.starts[i], spec.ends[i], spec.steps[i]);
    if (!bounds)
      return node.refuse("the bounds of axis " + std::to_string(spec.axes[i]) +
                         " cannot be told when importing");
    if (spec.steps[i] == 1 && bounds->start.same(Element::whole(0)) && bounds->limit.same(size)) continue;
    whole = false;
    x = node.b.slice(x, spec.axes[i], bounds->start.to_size(), bounds->limit.to_size(), Size(spec.steps[i]));
  }
  if (whole)
    node.same(0, 0);
  else
    node.out(0, x);
}

void split(Node& node) {
  const Sizes dims = node.dims(0);
  const std::int64_t axis = node.axis(node.integer("axis", 0), dims.size());
  if (node.failed()) return;
  const auto sizes = split_sizes(node, Element::size(dims[static_cast<std::size_t>(axis)]));
  if (node.failed()) return;
  const Handle x = node.in(0);
  Element first = Element::whole(0);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const auto limit = add(first, sizes[i]);
    if (!limit) return node.refuse("the sizes of the parts are no expressions that we can hold");
    const bool last = i + 1 == sizes.size();
    const Size end = last ? dims[static_cast<std::size_t>(axis)] : limit->to_size();
    if (last && limit->is_whole() && end.expression().empty() && limit->number() != end.number())
      return node.fault("parts of " + std::to_string(limit->number()) + " together, wanted " +
                        std::to_string(end.number()));
    if (node.wants(i)) node.out(i, node.b.slice(x, axis, first.to_size(), last ? limit->to_size() : end));
    first = *limit;
  }
}

void concat(Node& node) {
  std::vector<Handle> parts;
  for (std::size_t i = 0; i < node.inputs(); ++i) parts.push_back(node.in(i));
  const std::int64_t axis = node.axis(node.integer("axis", node.opset < 4 ? 1 : 0), node.rank(0));
  if (!node.failed()) node.out(0, parts.size() == 1 ? parts[0] : node.b.concat(parts, axis));
}

void tile(Node& node) {
  const Sizes dims = node.dims(0);
  const auto repeats = node.elements(1, "repeats");
  if (node.failed()) return;
  if (repeats.size() != dims.size())
    return node.fault(std::to_string(repeats.size()) + " repeats for rank " + std::to_string(dims.size()));
  Sizes apart, wide, joined;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const auto total = mul(repeats[i], Element::size(dims[i]));
    if (!total) return node.refuse("the repeated dims are no expressions that we can hold");
    apart.insert(apart.end(), {Size(1), dims[i]});
    wide.insert(wide.end(), {repeats[i].to_size(), dims[i]});
    joined.push_back(total->to_size());
  }
  node.out(0, node.b.reshape(node.b.expand(node.b.reshape(node.in(0), apart), wide), joined));
}

/// Blocks of b x b between the channels and the two spatial axes.
void blocks(Node& node) {
  const Sizes dims = node.dims(0);
  const std::int64_t b = node.integer("blocksize", 0);
  if (dims.size() != 4) return node.fault("operand 0 of rank " + std::to_string(dims.size()) + ", wanted 4");
  if (b < 1) return node.fault("blocksize " + std::to_string(b) + ", wanted 1 or more");
  const auto times = [&](const Size& size) {
    return mul(Element::size(size), Element::whole(b)).value_or(Element()).to_size();
  };
  const auto over = [&](const Size& size, std::int64_t by) {
    return div(Element::size(size), Element::whole(by)).value_or(Element()).to_size();
  };
  Handle x = node.in(0);
  if (b > 30000) return node.fault("blocksize " + std::to_string(b));
  if (node.op_type() == "SpaceToDepth") {
    const Size h = over(dims[2], b), w = over(dims[3], b);
    x = node.b.transpose(node.b.reshape(x, {dims[0], dims[1], h, b, w, b}), {0, 3, 5, 1, 2, 4});
    return node.out(0, node.b.reshape(x, {dims[0], times(times(dims[1])), h, w}));
  }
  const Size c = over(dims[1], b * b);
  const bool crd = node.text("mode", "DCR") == "CRD";
  x = crd ? node.b.transpose(node.b.reshape(x, {dims[0], c, b, b, dims[2], dims[3]}), {0, 1, 4, 2, 5, 3})
          : node.b.transpose(node.b.reshape(x, {dims[0], b, b, c, dims[2], dims[3]}), {0, 3, 4, 1, 5, 2});
  node.out(0, node.b.reshape(x, {dims[0], c, times(dims[2]), times(dims[3])}));
}

std::optional<Size> pad_mode(const std::string& mode) {
  if (mode == "constant") return Size(std::int64_t{RLX_PAD_CONST});
  if (mode == "edge") return Size(std::int64_t{RLX_PAD_EDGE});
  if (mode == "reflect") return Size(std::int64_t{RLX_PAD_REFLECT});
  if (mode == "wrap") return Size(std::int64_t{RLX_PAD_WRAP});
  return std::nullopt;
}

void pad(Node& node) {
  const std::size_t rank = node.rank(0);
  const bool old = node.has_attribute("pads");
  std::vector<Element> pads;
  if (old)
    for (const std::int64_t number : node.integers("pads")) pads.push_back(Element::whole(number));
  else
    pads = node.elements(1, "pads");
  std::vector<std::int64_t> axes;
  for (std::size_t i = 0; i < rank; ++i) axes.push_back(static_cast<std::int64_t>(i));
  if (node.has(3)) axes = node.axes(node.integers(3, "axes"), rank);
  const auto mode = pad_mode(node.text("mode", "constant"));
  if (!mode)
    return node.fault("mode `" + printable(node.text("mode", "")) +
                      "`, wanted constant, edge, reflect or wrap");
  if (node.failed()) return;
  if (pads.size() != 2 * axes.size())
    return node.fault("pads of " + std::to_string(pads.size()) + " entries, wanted " +
                      std::to_string(2 * axes.size()));
  Sizes low(rank, Size(0)), high(rank, Size(0));
  for (std::size_t i = 0; i < axes.size(); ++i) {
    low[static_cast<std::size_t>(axes[i])] = pads[i].to_size();
    high[static_cast<std::size_t>(axes[i])] = pads[axes.size() + i].to_size();
  }
  const Handle x = node.in(0);
  Handle value = node.has(2) ? node.in(2) : node.like(old ? node.real("value", 0) : 0, x);
  if (node.has(2) && node.rank(2) != 0) value = node.b.reshape(value, {});
  node.out(0, node.op(RLX_OP_PAD, {x, value},
                      {sizes_attribute(RLX_ATTR_LOW, low), sizes_attribute(RLX_ATTR_HIGH, high),
                       size_attribute(RLX_ATTR_MODE, *mode)}));
}

constexpr std::array kShapeRows = {
    OpRow{"Identity", 1, 1, 1, identity, nullptr},
    OpRow{"Dropout", 1, 3, 2, dropout, nullptr},
    OpRow{"Shape", 1, 1, 1, shape, nullptr},
    OpRow{"Size", 1, 1, 1, size, nullptr},
    OpRow{"Reshape", 1, 2, 1, reshape, fold_reshape},
    OpRow{"Flatten", 1, 1, 1, flatten, nullptr},
    OpRow{"Squeeze", 1, 2, 1, squeeze, fold_squeeze},
    OpRow{"Unsqueeze", 1, 2, 1, unsqueeze, fold_unsqueeze},
    OpRow{"Transpose", 1, 1, 1, transpose, nullptr},
    OpRow{"Expand", 2, 2, 1, expand, fold_expand},
    OpRow{"Slice", 1, 5, 1, slice, fold_slice},
    OpRow{"Split", 1, 2, kAny, split, fold_split},
    OpRow{"Concat", 1, kAny, 1, concat, fold_concat},
    OpRow{"Tile", 2, 2, 1, tile, nullptr},
    OpRow{"DepthToSpace", 1, 1, 1, blocks, nullptr},
    OpRow{"SpaceToDepth", 1, 1, 1, blocks, nullptr},
    OpRow{"Pad", 1, 4, 1, pad, nullptr},
};

}  // namespace

std::vector<Element> reshape_target(Node& node, const Sizes& from) {
  std::vector<Element> target;
  if (node.has_attribute("shape"))
    for (const std::int64_t number : node.integers("shape")) target.push_back(Element::whole(number));
  else
    target = node.elements(1, "shape");
  const bool zero_is_zero = node.integer("allowzero", 0) != 0;
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (target[i].is_real()) node.fault("the shape holds reals, wanted whole numbers");
    if (target[i].is_whole() && target[i].number() < -1)
      node.fault("a dim of " + std::to_string(target[i].number()) + ", wanted -1 or more");
    if (zero_is_zero || !target[i].is_whole() || target[i].number() != 0) continue;
    if (i < from.size())
      target[i] = Element::size(from[i]);
    else
      node.fault("a 0 at place " + std::to_string(i) + " copies a dim, but operand 0 has rank " +
                 std::to_string(from.size()));
  }
  return target;
}

std::vector<std::int64_t> squeeze_axes(Node& node, const Sizes& dims) {
  if (const auto axes = node.axes_of(1, dims.size())) {
    for (const std::int64_t axis : *axes) {
      const Size& size = dims[static_cast<std::size_t>(axis)];
      if (size.expression().empty() && size.number() != 1)
        node.fault("axis " + std::to_string(axis) + " has size " + std::to_string(size.number()) +
                   ", wanted 1");
    }
    return *axes;
  }
  std::vector<std::int64_t> axes;
  for (std::size_t i = 0; i < dims.size(); ++i)
    if (dims[i].expression().empty() && dims[i].number() == 1) axes.push_back(static_cast<std::int64_t>(i));
  return axes;
}

std::vector<Element> split_sizes(Node& node, const Element& size) {
  std::vector<Element> sizes;
  const auto outputs = static_cast<std::int64_t>(node.proto().output_size());
  if (node.has_attribute("split"))
    for (const std::int64_t number : node.integers("split")) sizes.push_back(Element::whole(number));
  else if (node.has(1))
    sizes = node.elements(1, "split");
  if (node.failed()) return {};
  if (!sizes.empty()) {
    if (static_cast<std::int64_t>(sizes.size()) != outputs)
      node.fault(std::to_string(sizes.size()) + " parts for " + std::to_string(outputs) + " results");
    return sizes;
  }
  const std::int64_t parts = node.integer("num_outputs", outputs);
  if (parts != outputs || parts < 1) {
    node.fault("num_outputs " + std::to_string(parts) + " for " + std::to_string(outputs) + " results");
    return {};
  }
  const auto each = ceil_div(size, Element::whole(parts));
  for (std::int64_t i = 0; each && i + 1 < parts; ++i) sizes.push_back(*each);
  const auto before = each ? mul(*each, Element::whole(parts - 1)) : std::nullopt;
  const auto rest = before ? sub(size, *before) : std::nullopt;
  if (rest)
    sizes.push_back(*rest);
  else
    node.refuse("the sizes of the parts are no expressions that we can hold");
  return sizes;
}

std::span<const OpRow> shape_ops() { return kShapeRows; }

}  // namespace rlx::onnx_import
