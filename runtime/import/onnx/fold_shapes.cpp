// SPDX-License-Identifier: Apache-2.0
// Folding of operators that pick and move elements of small known tensors.
#include <algorithm>
#include <numeric>

#include "runtime/import/onnx/op_table.h"

namespace rlx::onnx_import {
namespace {

std::size_t count_of(const std::vector<std::int64_t>& dims, std::size_t first, std::size_t last) {
  std::size_t count = 1;
  for (std::size_t i = first; i < last; ++i) count *= static_cast<std::size_t>(dims[i]);
  return count;
}

/// The slabs of `x` along `axis` in the order of `picks`, each inside the axis.
Known picked(const Known& x, std::size_t axis, const std::vector<std::int64_t>& picks) {
  const std::size_t outer = count_of(x.dims, 0, axis), inner = count_of(x.dims, axis + 1, x.rank());
  const auto size = static_cast<std::size_t>(x.dims[axis]);
  Known result{x.dtype, x.dims, {}};
  result.dims[axis] = static_cast<std::int64_t>(picks.size());
  for (std::size_t o = 0; o < outer; ++o)
    for (const std::int64_t pick : picks) {
      const auto from = x.elements.begin() +
                        static_cast<std::ptrdiff_t>((o * size + static_cast<std::size_t>(pick)) * inner);
      result.elements.insert(result.elements.end(), from, from + static_cast<std::ptrdiff_t>(inner));
    }
  return result;
}

/// `x` with other dims of the same count.
bool out_reshaped(Node& node, const Known& x, std::vector<std::int64_t> dims) {
  const auto count = known_count(dims);
  if (!count || *count != x.elements.size()) return false;
  node.out(0, Known{x.dtype, std::move(dims), x.elements});
  return true;
}

}  // namespace

bool fold_gather(Node& node) {
  const Known *x = node.known(0), *at = node.known(1);
  if (!x || !at || x->rank() == 0) return false;
  auto picks = at->numbers();
  const auto axis = static_cast<std::size_t>(node.axis(node.integer("axis", 0), x->rank()));
  if (!picks || node.failed()) return false;
  if (picks->size() * x->elements.size() > Known::kElementsMax * 16) return false;
  for (std::int64_t& pick : *picks) {
    if (pick < 0) pick += x->dims[axis];
    if (pick >= 0 && pick < x->dims[axis]) continue;
    node.fault("an index is outside the axis of size " + std::to_string(x->dims[axis]));
    return false;
  }
  Known result = picked(*x, axis, *picks);
  std::vector<std::int64_t> dims(x->dims.begin(), x->dims.begin() + static_cast<std::ptrdiff_t>(axis));
  dims.insert(dims.end(), at->dims.begin(), at->dims.end());
  dims.insert(dims.end(), x->dims.begin() + static_cast<std::ptrdiff_t>(axis) + 1, x->dims.end());
  result.dims = std::move(dims);
  node.out(0, std::move(result));
  return true;
}

bool fold_slice(Node& node) {
  const Known* x = node.known(0);
  if (!x) return false;
  for (std::size_t i = 1; i < node.inputs(); ++i)
    if (node.has(i) && (!node.known(i) || !node.known(i)->plain())) return false;
  const SliceSpec spec = slice_spec(node, x->rank());
  if (node.failed()) return false;
  Known result = *x;
  for (std::size_t i = 0; i < spec.axes.size(); ++i) {
    const auto axis = static_cast<std::size_t>(spec.axes[i]);
    const auto bounds =
        slice_bounds(Element::whole(result.dims[axis]), spec.starts[i], spec.ends[i], spec.steps[i]);
    if (!bounds) return false;
    std::vector<std::int64_t> picks;
    const std::int64_t step = spec.steps[i], limit = bounds->limit.number();
    for (std::int64_t at = bounds->start.number(); step > 0 ? at < limit : at > limit;) {
      picks.push_back(at);
      if (__builtin_add_overflow(at, step, &at)) break;
    }
    result = picked(result, axis, picks);
  }
  node.out(0, std::move(result));
  return true;
}

bool fold_concat(Node& node) {
  std::vector<const Known*> parts;
  std::size_t total = 0;
  for (std::size_t i = 0; i < node.inputs(); ++i) {
    const Known* part = node.known(i);
    if (!part || part->rank() == 0 || part->dtype != node.dtype(0)) return false;
    if (!parts.empty() && part->rank() != parts[0]->rank()) return false;
    parts.push_back(part);
    total += part->elements.size();
  }
  if (parts.empty() || total > Known::kElementsMax) return false;
  const auto axis = static_cast<std::size_t>(node.axis(node.integer("axis", 0), parts[0]->rank()));
  if (node.failed()) return false;
  Known result{parts[0]->dtype, parts[0]->dims, {}};
  result.dims[axis] = 0;
  for (const Known* part : parts) {
    std::vector<std::int64_t> rest = part->dims;
    result.dims[axis] += std::exchange(rest[axis], parts[0]->dims[axis]);
    if (rest != parts[0]->dims) return false;  // the builder says what is wrong
  }
  for (std::size_t outer = 0; outer < count_of(result.dims, 0, axis); ++outer)
    for (const Known* part : parts) {
      const std::size_t slab = count_of(part->dims, axis, part->rank());
      const auto from = part->elements.begin() + static_cast<std::ptrdiff_t>(outer * slab);
      result.elements.insert(result.elements.end(), from, from + static_cast<std::ptrdiff_t>(slab));
    }
  node.out(0, std::move(result));
  return true;
}

bool fold_reshape(Node& node) {
  const Known* x = node.known(0);
  if (!x || (node.has(1) && !node.known(1))) return false;
  std::vector<std::int64_t> dims;
  std::int64_t rest = static_cast<std::int64_t>(x->elements.size()), open = -1;
  for (const Element& target : reshape_target(node, node.dims(0))) {
    if (!target.is_whole() || target.number() < -1 || (target.number() == -1 && open >= 0)) return false;
    if (target.number() == -1)
      open = static_cast<std::int64_t>(dims.size());
    else if (target.number() == 0 || rest % target.number() != 0)
      return false;
    else
      rest /= target.number();
    dims.push_back(target.number());
  }
  if (open >= 0) dims[static_cast<std::size_t>(open)] = rest;
  return !node.failed() && out_reshaped(node, *x, std::move(dims));
}

bool fold_squeeze(Node& node) {
  const Known* x = node.known(0);
  if (!x || (node.has(1) && !node.known(1))) return false;
  const auto gone = squeeze_axes(node, node.dims(0));
  std::vector<std::int64_t> dims;
  for (std::size_t i = 0; i < x->rank(); ++i)
    if (std::find(gone.begin(), gone.end(), static_cast<std::int64_t>(i)) == gone.end())
      dims.push_back(x->dims[i]);
  return !node.failed() && out_reshaped(node, *x, std::move(dims));
}

bool fold_unsqueeze(Node& node) {
  const Known* x = node.known(0);
  if (!x || (node.has(1) && !node.known(1))) return false;
  const std::size_t added = node.has_attribute("axes") ? node.integers("axes").size()
                            : node.has(1)              ? node.known(1)->elements.size()
                                                       : 0;
  const auto axes = node.axes_of(1, x->rank() + added);
  if (!axes || node.failed()) return false;
  std::vector<std::int64_t> dims;
  for (std::size_t i = 0, next = 0; i < x->rank() + added; ++i) {
    const bool fresh = std::find(axes->begin(), axes->end(), static_cast<std::int64_t>(i)) != axes->end();
    dims.push_back(fresh ? 1 : x->dims[next++]);
  }
  return out_reshaped(node, *x, std::move(dims));
}

bool fold_expand(Node& node) {
  const Known *x = node.known(0), *to = node.known(1);
  const auto target = to ? to->numbers() : std::nullopt;
  if (!x || !target) return false;
  std::vector<std::int64_t> dims = x->dims;
  while (dims.size() < target->size()) dims.insert(dims.begin(), 1);
  Known result{x->dtype, dims, x->elements};
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const std::size_t lead = dims.size() - target->size();
    const std::int64_t wanted = i < lead ? 1 : (*target)[i - lead];
    if (wanted == 1 || wanted == dims[i]) continue;
    dims[i] = wanted;
    if (result.dims[i] != 1 || !known_count(dims)) return false;
    result = picked(result, i, std::vector<std::int64_t>(static_cast<std::size_t>(wanted), 0));
  }
  node.out(0, std::move(result));
  return true;
}

bool fold_split(Node& node) {
  const Known* x = node.known(0);
  if (!x || x->rank() == 0 || (node.has(1) && !node.known(1))) return false;
  const auto axis = static_cast<std::size_t>(node.axis(node.integer("axis", 0), x->rank()));
  if (node.failed()) return false;
  const auto sizes = split_sizes(node, Element::whole(x->dims[axis]));
  std::int64_t first = 0, total = 0;
  for (const Element& size : sizes) {
    if (!size.is_whole() || size.number() < 0 || size.number() > x->dims[axis] - total) return false;
    total += size.number();
  }
  if (node.failed() || total != x->dims[axis]) return false;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    std::vector<std::int64_t> picks(static_cast<std::size_t>(sizes[i].number()));
    std::iota(picks.begin(), picks.end(), first);
    first += sizes[i].number();
    node.out(i, picked(*x, axis, picks));
  }
  return true;
}

/// Over all elements of a vector: what exporters do to count elements.
bool fold_reduce(Node& node) {
  const Known* x = node.known(0);
  if (!x || x->rank() != 1 || is_float(x->dtype) || x->elements.empty() || x->dtype == DType::kBool)
    return false;
  if (node.has(1) && !node.known(1)) return false;
  const auto axes = node.axes_of(1, 1);
  if (node.failed() || (axes && axes->empty()) || (!axes && node.integer("noop_with_empty_axes", 0)))
    return false;
  std::optional<Element> all = x->elements[0];
  for (std::size_t i = 1; all && i < x->elements.size(); ++i) {
    const Element& next = x->elements[i];
    if (node.op_type() == "ReduceProd")
      all = mul(*all, next);
    else if (node.op_type() == "ReduceSum")
      all = add(*all, next);
    else if (node.op_type() == "ReduceMax")
      all = max(*all, next);
    else if (node.op_type() == "ReduceMin")
      all = min(*all, next);
    else
      return false;
  }
  if (all) all = rounded(*all, x->dtype);
  if (!all) return false;
  const bool keep = node.integer("keepdims", 1) != 0;
  node.out(0, Known{x->dtype, keep ? std::vector<std::int64_t>{1} : std::vector<std::int64_t>{}, {*all}});
  return true;
}

}  // namespace rlx::onnx_import
