// SPDX-License-Identifier: Apache-2.0
// Resize and Upsample, nearest and linear: each axis on its own, as gathers by tables that are made here.
// Axes of open size can be repeated a whole number of times.
#include <array>
#include <cmath>

#include "runtime/import/onnx/op_table.h"

namespace rlx::onnx_import {
namespace {

constexpr std::int64_t kLengthMax = 1 << 20;

struct Rules {
  bool linear = false;
  std::string transform, nearest;
};

/// One axis: from `size` to `target`, `scale` as the node says it.
struct Axis {
  Element size, target;
  double scale = 1;
};

double source_of(const Rules& rules, std::int64_t i, const Axis& axis) {
  const double x = static_cast<double>(i), n = static_cast<double>(axis.size.number()),
               m = static_cast<double>(axis.target.number());
  if (rules.transform == "asymmetric") return x / axis.scale;
  if (rules.transform == "align_corners") return m == 1 ? 0 : x * (n - 1) / (m - 1);
  if (rules.transform == "pytorch_half_pixel" && m == 1) return 0;
  if (rules.transform == "half_pixel_symmetric") {
    const double adjusted = m / (n * axis.scale);
    return n / 2 * (1 - adjusted) + (x + 0.5) / axis.scale - 0.5;
  }
  return (x + 0.5) / axis.scale - 0.5;
}

double picked(const Rules& rules, double x) {
  if (rules.nearest == "floor") return std::floor(x);
  if (rules.nearest == "ceil") return std::ceil(x);
  if (rules.nearest == "round_prefer_ceil") return std::floor(x + 0.5);
  return std::ceil(x - 0.5);
}

Handle indices(Node& node, const std::vector<std::int64_t>& table) {
  const auto count = static_cast<std::int64_t>(table.size());
  return node.b.constant({DType::kI64, {count}, table.data(), table.size() * sizeof(std::int64_t)});
}

Handle nearest(Node& node, Handle x, std::int64_t at, const Axis& axis, const Rules& rules) {
  std::vector<std::int64_t> table;
  for (std::int64_t i = 0; i < axis.target.number(); ++i) {
    const double from = picked(rules, source_of(rules, i, axis));
    table.push_back(static_cast<std::int64_t>(
        std::fmin(std::fmax(from, 0), static_cast<double>(axis.size.number() - 1))));
  }
  return node.b.gather(x, indices(node, table), at);
}

Handle linear(Node& node, Handle x, std::int64_t at, const Axis& axis, const Rules& rules, std::size_t rank) {
  std::vector<std::int64_t> low, high;
  std::vector<float> weights;
  const double last = static_cast<double>(axis.size.number() - 1);
  for (std::int64_t i = 0; i < axis.target.number(); ++i) {
    const double from = std::fmin(std::fmax(source_of(rules, i, axis), 0), last), floor = std::floor(from);
    low.push_back(static_cast<std::int64_t>(floor));
    high.push_back(static_cast<std::int64_t>(std::fmin(floor + 1, last)));
    weights.push_back(static_cast<float>(from - floor));
  }
  std::vector<std::int64_t> line(rank, 1);
  line[static_cast<std::size_t>(at)] = axis.target.number();
  const Handle share = node.b.cast(
      node.b.constant({DType::kF32, line, weights.data(), weights.size() * sizeof(float)}), node.b.dtype(x));
  const Handle a = node.b.gather(x, indices(node, low), at), b = node.b.gather(x, indices(node, high), at);
  return node.b.add(a, node.b.mul(node.b.sub(b, a), share));
}

/// Each element `times` times; right for whole factors where every source lies nearest to its own copies.
Handle repeated(Node& node, Handle x, std::int64_t at, std::int64_t times) {
  const Sizes dims = node.b.dims(x);
  Sizes apart = dims, wide = dims, joined = dims;
  const auto place = static_cast<std::size_t>(at);
  apart.insert(apart.begin() + at + 1, Size(1));
  wide.insert(wide.begin() + at + 1, Size(times));
  const auto total = mul(Element::size(dims[place]), Element::whole(times));
  if (!total) {
    node.refuse("the resized dim is no expression that we can hold");
    return {};
  }
  joined[place] = total->to_size();
  return node.b.reshape(node.b.expand(node.b.reshape(x, apart), wide), joined);
}

bool repeats(const Rules& rules, double scale) {
  if (rules.linear || scale < 1 || scale != std::floor(scale) || scale > static_cast<double>(kLengthMax))
    return false;
  if (rules.transform == "asymmetric") return rules.nearest == "floor";
  const bool half = rules.transform == "half_pixel" || rules.transform == "pytorch_half_pixel" ||
                    rules.transform == "half_pixel_symmetric";
  return half && (rules.nearest == "round_prefer_floor" || rules.nearest == "round_prefer_ceil");
}

Handle resized(Node& node, Handle x, std::int64_t at, const Axis& axis, const Rules& rules,
               std::size_t rank) {
  if (axis.size.same(axis.target) && axis.scale == 1) return x;
  if (repeats(rules, axis.scale)) return repeated(node, x, at, static_cast<std::int64_t>(axis.scale));
  if (!axis.size.is_whole() || !axis.target.is_whole()) {
    node.refuse("axis " + std::to_string(at) +
                " of open size, wanted a known one or a whole factor with nearest");
    return x;
  }
  if (axis.size.number() < 1 || axis.target.number() < 0 || axis.target.number() > kLengthMax) {
    node.fault("axis " + std::to_string(at) + " from " + std::to_string(axis.size.number()) + " to " +
               std::to_string(axis.target.number()));
    return x;
  }
  return rules.linear ? linear(node, x, at, axis, rules, rank) : nearest(node, x, at, axis, rules);
}

Rules rules_of(Node& node) {
  Rules rules;
  const std::string mode = node.text("mode", "nearest");
  rules.linear = mode == "linear" || mode == "bilinear" || mode == "trilinear";
  if (!rules.linear && mode != "nearest")
    node.refuse("mode `" + printable(mode) + "`, wanted nearest or linear");
  const bool old = node.op_type() == "Upsample" || node.opset < 11;
  rules.transform = old ? "asymmetric" : node.text("coordinate_transformation_mode", "half_pixel");
  rules.nearest = old ? "floor" : node.text("nearest_mode", "round_prefer_floor");
  static constexpr std::string_view kTransforms[] = {"asymmetric", "align_corners", "half_pixel",
                                                     "pytorch_half_pixel", "half_pixel_symmetric"};
  bool known = false;
  for (const std::string_view name : kTransforms) known = known || rules.transform == name;
  if (!known) node.refuse("coordinate_transformation_mode `" + printable(rules.transform) + "`");
  if (node.integer("antialias", 0) != 0) node.refuse("antialias 1");
  if (node.text("keep_aspect_ratio_policy", "stretch") != "stretch")
    node.refuse("keep_aspect_ratio_policy other than stretch");
  return rules;
}

std::optional<Axis> axis_by_scale(const Element& size, double scale) {
  if (!(scale > 0) || !std::isfinite(scale)) return std::nullopt;
  if (size.is_whole()) {
    const double target = std::floor(static_cast<double>(size.number()) * scale);
    if (!(target <= static_cast<double>(kLengthMax))) return std::nullopt;
    return Axis{size, Element::whole(static_cast<std::int64_t>(target)), scale};
  }
  if (scale != std::floor(scale) || scale > static_cast<double>(kLengthMax)) return std::nullopt;
  const auto target = mul(size, Element::whole(static_cast<std::int64_t>(scale)));
  return target ? std::optional(Axis{size, *target, scale}) : std::nullopt;
}

std::optional<Axis> axis_by_size(const Element& size, const Element& target) {
  if (target.is_real()) return std::nullopt;
  if (size.same(target)) return Axis{size, target, 1};
  if (size.is_whole() && target.is_whole())
    return Axis{
        size, target,
        size.number() ? static_cast<double>(target.number()) / static_cast<double>(size.number()) : 1};
  for (std::int64_t times = 2; times <= 64; ++times) {
    const auto product = mul(size, Element::whole(times));
    if (product && product->same(target)) return Axis{size, target, static_cast<double>(times)};
  }
  return std::nullopt;
}

void resize(Node& node) {
  const Sizes dims = node.dims(0);
  const Rules rules = rules_of(node);
  const bool upsample = node.op_type() == "Upsample" || node.opset < 11;
  const std::size_t scales_at = upsample ? 1 : 2;
  const bool by_size = !upsample && node.has(3) && !(node.readable(3) && node.readable(3)->elements.empty());
  std::vector<double> scales;
  if (!by_size)
    scales = node.has_attribute("scales") ? node.reals("scales") : node.reals(scales_at, "scales");
  const auto sizes = by_size ? node.elements(3, "sizes") : std::vector<Element>{};
  std::vector<std::int64_t> axes;
  for (std::size_t i = 0; i < dims.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  if (node.has_attribute("axes")) axes = node.axes(node.integers("axes"), dims.size());
  if (node.failed()) return;
  if ((by_size ? sizes.size() : scales.size()) != axes.size())
    return node.fault(std::to_string(by_size ? sizes.size() : scales.size()) + " sizes or scales, wanted " +
                      std::to_string(axes.size()));
  Handle x = node.in(0);
  for (std::size_t i = 0; i < axes.size() && !node.failed(); ++i) {
    const Element size = Element::size(dims[static_cast<std::size_t>(axes[i])]);
    const auto axis = by_size ? axis_by_size(size, sizes[i]) : axis_by_scale(size, scales[i]);
    if (!axis)
      return node.refuse("axis " + std::to_string(axes[i]) + ": the new size cannot be told when importing");
    x = resized(node, x, axes[i], *axis, rules, dims.size());
  }
  node.out(0, x);
}

constexpr std::array kResizeRows = {
    OpRow{"Resize", 1, 4, 1, resize, nullptr},
    OpRow{"Upsample", 1, 2, 1, resize, nullptr},
};

}  // namespace

std::span<const OpRow> resize_ops() { return kResizeRows; }

}  // namespace rlx::onnx_import
