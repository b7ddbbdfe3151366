// SPDX-License-Identifier: Apache-2.0
// Slice: ONNX lets every bound lie outside the tensor and be negative; ours are plain and inside. A bound
// that is an expression and may pass the axis is not clamped: the model then carries the constraint that it
// does not, and a size that breaks it is refused when it is bound (600 tokens on a table of 512).
#include "runtime/import/onnx/op_table.h"

namespace rlx::onnx_import {
namespace {

using Maybe = std::optional<Element>;

constexpr std::int64_t kFar = INT32_MAX;  // exporters write "to the end" as the largest i32 or i64

/// `at` moved into least..size, for a whole `at`.
Maybe inside(const Element& size, std::int64_t at, std::int64_t least) {
  if (at >= kFar && size.is_expression()) return size;
  if (at <= -kFar && size.is_expression()) return Element::whole(least);
  const Maybe place = at < 0 ? add(size, Element::whole(at)) : Element::whole(at);
  if (!place) return std::nullopt;
  const Maybe low = max(*place, Element::whole(least));
  return low && at >= 0 ? min(*low, size) : low;
}

Maybe bound(const Element& size, const Element& at, std::int64_t least) {
  if (at.is_real()) return std::nullopt;
  if (at.is_whole()) return inside(size, at.number(), least);
  if (at.least() >= 0) return at;
  const Maybe mirrored = sub(Element::whole(0), at);
  return mirrored && mirrored->least() >= 0 ? add(size, at) : std::nullopt;
}

std::vector<Element> from_integers(const std::vector<std::int64_t>& numbers) {
  std::vector<Element> elements;
  for (const std::int64_t number : numbers) elements.push_back(Element::whole(number));
  return elements;
}

}  // namespace

std::optional<SliceBounds> slice_bounds(const Element& size, const Element& start, const Element& end,
                                        std::int64_t step) {
  const bool back = step < 0;
  const Maybe last = back ? sub(size, Element::whole(1)) : size;
  Maybe from = bound(size, start, back ? -1 : 0), to = bound(size, end, back ? -1 : 0);
  if (!from || !to || !last) return std::nullopt;
  if (back) {
    from = min(*from, *last);
    to = min(*to, *last);
    if (!from || !to) return std::nullopt;
  }
  const auto empty = back ? less(*from, *to) : less(*to, *from);
  if (empty && *empty) to = from;
  return SliceBounds{*from, *to};
}

SliceSpec slice_spec(Node& node, std::size_t rank) {
  SliceSpec spec;
  std::vector<std::int64_t> axes;
  const bool old = node.has_attribute("starts");
  spec.starts = old ? from_integers(node.integers("starts")) : node.elements(1, "starts");
  spec.ends = old ? from_integers(node.integers("ends")) : node.elements(2, "ends");
  if (old ? node.has_attribute("axes") : node.has(3))
    axes = old ? node.integers("axes") : node.integers(3, "axes");
  else
    for (std::size_t i = 0; i < spec.starts.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  spec.axes = node.axes(axes, rank);
  spec.steps =
      !old && node.has(4) ? node.integers(4, "steps") : std::vector<std::int64_t>(spec.starts.size(), 1);
  const std::size_t count = spec.starts.size();
  if (!node.failed() &&
      (spec.ends.size() != count || spec.axes.size() != count || spec.steps.size() != count))
    node.fault("starts, ends, axes and steps of " + std::to_string(count) + ", " +
               std::to_string(spec.ends.size()) + ", " + std::to_string(spec.axes.size()) + " and " +
               std::to_string(spec.steps.size()) + " entries, wanted one count");
  for (const std::int64_t step : spec.steps)
    if (step == 0 || step == INT64_MIN) node.fault("a step of " + std::to_string(step));
  return node.failed() ? SliceSpec{} : spec;
}

}  // namespace rlx::onnx_import
