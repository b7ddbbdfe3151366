// SPDX-License-Identifier: Apache-2.0
// Convolutions and pooling. Padding rules and ceil mode become plain pads here.
#include <array>
#include <numeric>

#include "runtime/import/onnx/op_table.h"

namespace rlx::onnx_import {
namespace {

/// Strides, dilations and pads of a window over the spatial axes of operand 0.
struct Window {
  std::vector<std::int64_t> size, strides, dilations;
  std::vector<Element> low, high;

  std::size_t rank() const { return size.size(); }
  std::int64_t reach(std::size_t i) const { return (size[i] - 1) * dilations[i] + 1; }
};

constexpr std::int64_t kWindowMax = std::int64_t{1} << 30;

std::vector<std::int64_t> per_axis(Node& node, std::string_view name, std::size_t rank,
                                   std::int64_t otherwise) {
  if (!node.has_attribute(name)) return std::vector<std::int64_t>(rank, otherwise);
  auto values = node.integers(name);
  if (!node.failed() && values.size() != rank)
    node.fault("attribute `" + std::string(name) + "` of " + std::to_string(values.size()) +
               " entries, wanted " + std::to_string(rank));
  for (const std::int64_t value : values)
    if (value < 1 || value > kWindowMax)
      node.fault("attribute `" + std::string(name) + "` holds " + std::to_string(value));
  return node.failed() ? std::vector<std::int64_t>(rank, 1) : values;
}

/// SAME: as many windows as ceil(n / stride), the rest shared out, the odd one at the end (upper) or the
/// start.
void same_pads(Node& node, const Sizes& dims, Window& window, bool upper) {
  for (std::size_t i = 0; i < window.rank(); ++i) {
    const Element n = Element::size(dims[i + 2]), stride = Element::whole(window.strides[i]);
    const auto count = ceil_div(n, stride);
    const auto before = count ? sub(*count, Element::whole(1)) : std::nullopt;
    const auto covered = before ? mul(*before, stride) : std::nullopt;
    const auto needed = covered ? add(*covered, Element::whole(window.reach(i))) : std::nullopt;
    const auto missing = needed ? sub(*needed, n) : std::nullopt;
    const auto total = missing ? max(*missing, Element::whole(0)) : std::nullopt;
    const auto less_half = total ? div(*total, Element::whole(2)) : std::nullopt;
    const auto more_half = less_half ? sub(*total, *less_half) : std::nullopt;
    if (!more_half) return node.refuse("the pads of auto_pad are no expressions that we can hold");
    window.low[i] = upper ? *less_half : *more_half;
    window.high[i] = upper ? *more_half : *less_half;
  }
}

void set_pads(Node& node, const Sizes& dims, Window& window) {
  const std::size_t rank = window.rank();
  window.low.assign(rank, Element::whole(0));
  window.high.assign(rank, Element::whole(0));
  const std::string automatic = node.text("auto_pad", "NOTSET");
  if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER")
    return same_pads(node, dims, window, automatic == "SAME_UPPER");
  if (automatic == "VALID") return;
  if (automatic != "NOTSET") return node.fault("auto_pad `" + printable(automatic) + "`");
  const auto pads = node.integers("pads");
  if (pads.empty()) return;
  if (pads.size() != 2 * rank)
    return node.fault("pads of " + std::to_string(pads.size()) + " entries, wanted " +
                      std::to_string(2 * rank));
  for (std::size_t i = 0; i < 2 * rank; ++i) {
    if (pads[i] < 0 || pads[i] > kWindowMax) return node.fault("a pad of " + std::to_string(pads[i]));
    (i < rank ? window.low[i] : window.high[i - rank]) = Element::whole(pads[i]);
  }
}

/// The window of a node whose operand 0 is [N, C, spatial...]; `kernel` are the sizes that a weight says, if
/// any.
Window window_of(Node& node, const std::vector<std::int64_t>& kernel) {
  const Sizes dims = node.dims(0);
  Window window;
  if (dims.size() < 3) {
    node.fault("operand 0 of rank " + std::to_string(dims.size()) + ", wanted 3 or more");
    return window;
  }
  const std::size_t rank = dims.size() - 2;
  if (kernel.empty() && !node.has_attribute("kernel_shape")) node.fault("attribute `kernel_shape` is absent");
  window.size = kernel.empty() ? per_axis(node, "kernel_shape", rank, 1) : kernel;
  if (!kernel.empty() && node.has_attribute("kernel_shape") && node.integers("kernel_shape") != kernel)
    node.fault("kernel_shape differs from the dims of the weight");
  if (window.size.size() != rank)
    node.fault("a window of rank " + std::to_string(window.size.size()) + ", wanted " + std::to_string(rank));
  for (const std::int64_t size : window.size)
    if (size < 1 || size > kWindowMax) node.fault("a window of size " + std::to_string(size));
  window.strides = per_axis(node, "strides", rank, 1);
  window.dilations = per_axis(node, "dilations", rank, 1);
  for (std::size_t i = 0; !node.failed() && i < rank; ++i)
    if (window.reach(i) > kWindowMax)
      node.fault("a window that reaches over " + std::to_string(window.reach(i)));
  if (!node.failed()) set_pads(node, dims, window);
  return window;
}

std::vector<OpAttribute> attributes_of(const Window& window) {
  return {sizes_attribute(RLX_ATTR_STRIDES, to_sizes(window.strides)),
          sizes_attribute(RLX_ATTR_DILATION, to_sizes(window.dilations)),
          sizes_attribute(RLX_ATTR_LOW, to_sizes(window.low)),
          sizes_attribute(RLX_ATTR_HIGH, to_sizes(window.high))};
}

/// Spatial dims of the weight: they must be numbers.
std::vector<std::int64_t> kernel_of(Node& node) {
  std::vector<std::int64_t> kernel;
  const Sizes dims = node.dims(1);
  for (std::size_t i = 2; i < dims.size(); ++i) {
    if (!dims[i].expression().empty()) node.refuse("a weight of dims that are not known");
    kernel.push_back(dims[i].number());
  }
  if (kernel.empty()) node.fault("operand 1 of rank " + std::to_string(dims.size()) + ", wanted 3 or more");
  return kernel;
}

Handle with_bias(Node& node, Handle y, std::size_t spatial) {
  Sizes line(spatial + 1, Size(1));
  line[0] = Size(-1);
  return node.b.add(y, node.b.reshape(node.in(2), line));
}

void conv(Node& node) {
  const auto kernel = kernel_of(node);
  const Window window = node.failed() ? Window{} : window_of(node, kernel);
  if (node.failed()) return;
  auto attributes = attributes_of(window);
  attributes.push_back(size_attribute(RLX_ATTR_GROUPS, node.integer("group", 1)));
  if (!node.has(2)) return node.out(0, node.op(RLX_OP_CONV, {node.in(0), node.in(1)}, std::move(attributes)));
  attributes.push_back(size_attribute(RLX_ATTR_HAS_BIAS, 1));
  node.out(0, node.op(RLX_OP_CONV_ACT, {node.in(0), node.in(1), node.in(2)}, std::move(attributes)));
}

/// The weight of the convolution that a transposed one is: mirrored, in and out exchanged within each group.
Handle mirrored_weight(Node& node, const std::vector<std::int64_t>& kernel, std::int64_t groups) {
  const Sizes dims = node.dims(1);
  const auto rank = static_cast<std::int64_t>(dims.size());
  Handle w = node.in(1);
  for (std::int64_t axis = 2; axis < rank; ++axis)
    if (kernel[static_cast<std::size_t>(axis - 2)] > 1)
      w = node.b.slice(w, axis, kernel[static_cast<std::size_t>(axis - 2)] - 1, -1, -1);
  const auto each = div(Element::size(dims[0]), Element::whole(groups));
  const auto outputs = mul(Element::size(dims[1]), Element::whole(groups));
  if (!each || !outputs) {
    node.refuse("the channels of a group are no expression that we can hold");
    return {};
  }
  Sizes apart{groups, each->to_size()}, joined{outputs->to_size(), each->to_size()};
  apart.insert(apart.end(), dims.begin() + 1, dims.end());
  joined.insert(joined.end(), dims.begin() + 2, dims.end());
  std::vector<std::int64_t> perm(apart.size());
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[1], perm[2]);
  return node.b.reshape(node.b.transpose(node.b.reshape(w, apart), perm), joined);
}

void conv_transpose(Node& node) {
  const auto kernel = kernel_of(node);
  const std::string automatic = node.text("auto_pad", "NOTSET");
  if (node.has_attribute("output_shape") || (automatic != "NOTSET" && automatic != "VALID"))
    return node.refuse("output_shape or SAME pads of a transposed convolution");
  Window window = node.failed() ? Window{} : window_of(node, kernel);
  if (node.failed()) return;
  const std::size_t rank = window.rank();
  std::vector<std::int64_t> extra(rank, 0);
  if (node.has_attribute("output_padding")) extra = node.integers("output_padding");
  if (extra.size() != rank)
    return node.fault("output_padding of " + std::to_string(extra.size()) + " entries, wanted " +
                      std::to_string(rank));
  for (std::size_t i = 0; i < rank; ++i) {
    if (extra[i] < 0 || extra[i] > kWindowMax)
      return node.fault("an output_padding of " + std::to_string(extra[i]));
    window.low[i] = Element::whole(window.reach(i) - 1 - window.low[i].number());
    window.high[i] = Element::whole(window.reach(i) - 1 - window.high[i].number() + extra[i]);
  }
  const std::int64_t groups = node.integer("group", 1);
  if (groups < 1) return node.fault("group " + std::to_string(groups) + ", wanted 1 or more");
  const Sizes spread = to_sizes(window.strides);
  window.strides.assign(rank, 1);
  auto attributes = attributes_of(window);
  attributes.push_back(sizes_attribute(RLX_ATTR_INPUT_DILATION, spread));
  attributes.push_back(size_attribute(RLX_ATTR_GROUPS, groups));
  const Handle w = mirrored_weight(node, kernel, groups);
  if (node.failed()) return;
  const Handle y = node.op(RLX_OP_CONV, {node.in(0), w}, std::move(attributes));
  node.out(0, node.has(2) ? with_bias(node, y, rank) : y);
}

/// Ceil mode: one more window where the last one would start inside the input. It becomes padding at the end.
void round_up(Node& node, const Sizes& dims, Window& window) {
  for (std::size_t i = 0; i < window.rank(); ++i) {
    const Element n = Element::size(dims[i + 2]);
    if (window.strides[i] == 1) continue;
    if (!n.is_whole() || !window.low[i].is_whole() || !window.high[i].is_whole())
      return node.refuse("ceil_mode 1 on an axis whose size is not known");
    const std::int64_t low = window.low[i].number(), stride = window.strides[i];
    const std::int64_t padded = n.number() + low + window.high[i].number(), slack = padded - window.reach(i);
    if (slack < 0) return;
    std::int64_t windows = (slack + stride - 1) / stride + 1;
    if ((windows - 1) * stride >= n.number() + low) --windows;
    const std::int64_t extra = (windows - 1) * stride + window.reach(i) - padded;
    if (extra > 0 && node.integer("count_include_pad", 0) != 0)
      return node.refuse("ceil_mode 1 with count_include_pad 1");
    if (extra > 0) window.high[i] = Element::whole(window.high[i].number() + extra);
  }
}

void pool(Node& node) {
  Window window = window_of(node, {});
  if (node.failed()) return;
  if (node.integer("ceil_mode", 0) != 0) round_up(node, node.dims(0), window);
  auto attributes = attributes_of(window);
  attributes.push_back(sizes_attribute(RLX_ATTR_WINDOW, to_sizes(window.size)));
  if (node.failed()) return;
  if (node.op_type() == "MaxPool") {
    attributes.push_back(size_attribute(RLX_ATTR_FN, std::int64_t{RLX_REDUCE_MAX}));
    return node.out(0, node.op(RLX_OP_REDUCE_WINDOW, {node.in(0)}, std::move(attributes)));
  }
  attributes.push_back(
      size_attribute(RLX_ATTR_COUNT_INCLUDE_PAD, node.integer("count_include_pad", 0) != 0 ? 1 : 0));
  node.out(0, node.op(RLX_OP_AVG_POOL, {node.in(0)}, std::move(attributes)));
}

void global_pool(Node& node) {
  const std::size_t rank = node.rank(0);
  if (rank < 3) return node.fault("operand 0 of rank " + std::to_string(rank) + ", wanted 3 or more");
  std::vector<std::int64_t> axes(rank - 2);
  std::iota(axes.begin(), axes.end(), 2);
  const Handle x = node.in(0);
  node.out(0, node.op_type() == "GlobalMaxPool" ? node.b.reduce(RLX_REDUCE_MAX, x, axes, true)
                                                : node.b.mean(x, axes, true));
}

constexpr std::array kWindowRows = {
    OpRow{"Conv", 2, 3, 1, conv, nullptr},
    OpRow{"ConvTranspose", 2, 3, 1, conv_transpose, nullptr},
    OpRow{"MaxPool", 1, 1, 1, pool, nullptr},
    OpRow{"AveragePool", 1, 1, 1, pool, nullptr},
    OpRow{"GlobalAveragePool", 1, 1, 1, global_pool, nullptr},
    OpRow{"GlobalMaxPool", 1, 1, 1, global_pool, nullptr},
};

}  // namespace

std::span<const OpRow> window_ops() { return kWindowRows; }

}  // namespace rlx::onnx_import
