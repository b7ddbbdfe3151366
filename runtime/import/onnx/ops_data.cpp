// SPDX-License-Identifier: Apache-2.0
// Operators that make data from little: constants, ranges, casts, masks.
#include <array>
#include <cmath>

#include "runtime/import/onnx/op_table.h"

namespace rlx::onnx_import {
namespace {

bool out_scalar(Node& node, DType dtype, std::vector<Element> elements, bool list) {
  const auto count = static_cast<std::int64_t>(elements.size());
  node.out(0, Known{dtype, list ? std::vector<std::int64_t>{count} : std::vector<std::int64_t>{},
                    std::move(elements)});
  return true;
}

void constant(Node& node) {
  if (auto tensor = node.tensor("value")) return node.out(0, std::move(*tensor));
  std::vector<Element> elements;
  if (node.has_attribute("value_int"))
    out_scalar(node, DType::kI64, {Element::whole(node.integer("value_int", 0))}, false);
  else if (node.has_attribute("value_float"))
    out_scalar(node, DType::kF32, {Element::real(node.real("value_float", 0))}, false);
  else if (node.has_attribute("value_ints")) {
    for (const std::int64_t value : node.integers("value_ints")) elements.push_back(Element::whole(value));
    out_scalar(node, DType::kI64, std::move(elements), true);
  } else if (node.has_attribute("value_floats")) {
    for (const double value : node.reals("value_floats")) elements.push_back(Element::real(value));
    out_scalar(node, DType::kF32, std::move(elements), true);
  } else if (!node.failed()) {
    node.refuse("its value is no tensor, number or list of numbers");
  }
}

void constant_of_shape(Node& node) {
  const auto dims = node.elements(0, "shape");
  if (node.failed()) return;
  TensorData zero;
  const float nothing = 0;
  zero.view = {DType::kF32, {1}, &nothing, sizeof nothing};
  zero.elements = 1;
  const TensorData value = node.tensor("value").value_or(zero);
  if (value.elements != 1)
    return node.fault("a value of " + std::to_string(value.elements) + " elements, wanted 1");
  const auto fill = known_from(value);
  Known known{value.view.dtype, {}, {}};
  for (const Element& dim : dims) {
    if (dim.is_whole() && dim.number() < 0) return node.fault("a dim of " + std::to_string(dim.number()));
    known.dims.push_back(dim.is_whole() ? dim.number() : -1);
  }
  const auto count = known_count(known.dims);
  if (fill && count) {
    known.elements.assign(*count, fill->elements[0]);
    return node.out(0, std::move(known));
  }
  TensorView scalar = value.view;
  scalar.dims.clear();
  node.out(0, node.b.expand(node.b.constant(scalar), to_sizes(dims)));
}

/// start + delta * (0, 1, ...) of `count` numbers.
Handle counted(Node& node, DType dtype, const Size& count) {
  Handle numbers = node.op(RLX_OP_IOTA, {},
                           {size_attribute(RLX_ATTR_AXIS, 0), sizes_attribute(RLX_ATTR_DIMS, {count}),
                            dtype_attribute(RLX_ATTR_TO, dtype)});
  const auto is = [&](std::size_t i, std::int64_t value) {
    return equal(node.readable(i)->elements[0], Element::whole(value)) == true;
  };
  if (!is(2, 1)) numbers = node.b.mul(numbers, node.b.reshape(node.in(2), {}));
  return is(0, 0) ? numbers : node.b.add(numbers, node.b.reshape(node.in(0), {}));
}

void range(Node& node) {
  const auto first = node.elements(0, "start"), limit = node.elements(1, "limit"),
             step = node.elements(2, "delta");
  if (node.failed()) return;
  if (first.size() != 1 || limit.size() != 1 || step.size() != 1)
    return node.fault("start, limit and delta must be scalars");
  const DType dtype = node.dtype(0);
  if (is_float(dtype)) {
    if (first[0].is_expression() || limit[0].is_expression() || step[0].is_expression())
      return node.refuse("a range of floats over symbols");
    const double count = std::ceil((limit[0].value() - first[0].value()) / step[0].value());
    if (!(count < 1e9)) return node.fault("a range without end");
    return node.out(0, counted(node, dtype, Size(static_cast<std::int64_t>(std::max(count, 0.0)))));
  }
  if (!step[0].is_whole() || step[0].number() == 0 || step[0].number() == INT64_MIN)
    return node.refuse("a delta that is 0 or no number");
  const bool back = step[0].number() < 0;
  const auto gap = back ? sub(first[0], limit[0]) : sub(limit[0], first[0]);
  const auto steps = gap ? ceil_div(*gap, Element::whole(std::abs(step[0].number()))) : std::nullopt;
  const auto count = steps ? max(*steps, Element::whole(0)) : std::nullopt;
  if (!count) return node.refuse("the length of the range is no expression that we can hold");
  if (first[0].is_whole() && count->is_whole() &&
      count->number() <= static_cast<std::int64_t>(Known::kElementsMax) &&
      (dtype == DType::kI64 || dtype == DType::kI32)) {
    Known known{dtype, {count->number()}, {}};
    for (std::int64_t i = 0; i < count->number(); ++i)
      known.elements.push_back(Element::whole(first[0].number() + i * step[0].number()));
    return node.out(0, std::move(known));
  }
  node.out(0, counted(node, dtype, count->to_size()));
}

/// ONNX: reals are cut towards zero, integers wrap, what a float cannot hold is infinite.
Handle converted(Node& node, Handle x, DType to) {
  const DType from = node.b.dtype(x);
  if (from == to) return x;
  std::vector<OpAttribute> attributes = {dtype_attribute(RLX_ATTR_TO, to)};
  if (is_whole(to) && to != DType::kBool) {
    if (is_float(from))
      attributes.push_back(size_attribute(RLX_ATTR_ROUND, std::int64_t{RLX_ROUND_ZERO}));
    else
      attributes.push_back(size_attribute(RLX_ATTR_OVERFLOW, std::int64_t{RLX_OVERFLOW_WRAP}));
  } else if (to == DType::kF16 || to == DType::kBF16 || (to == DType::kF32 && from == DType::kF64)) {
    attributes.push_back(size_attribute(RLX_ATTR_OVERFLOW, std::int64_t{RLX_OVERFLOW_INF}));
  }
  return node.op(RLX_OP_CAST, {x}, std::move(attributes));
}

void cast(Node& node) {
  const DType to = node.op_type() == "CastLike" ? node.dtype(1) : cast_target(node);
  if (!node.failed()) node.out(0, converted(node, node.in(0), to));
}

Handle positions(Node& node, const Sizes& dims, std::int64_t axis) {
  return node.op(RLX_OP_IOTA, {},
                 {size_attribute(RLX_ATTR_AXIS, axis), sizes_attribute(RLX_ATTR_DIMS, dims),
                  dtype_attribute(RLX_ATTR_TO, DType::kI64)});
}

void trilu(Node& node) {
  const Sizes dims = node.dims(0);
  if (dims.size() < 2)
    return node.fault("operand 0 of rank " + std::to_string(dims.size()) + ", wanted 2 or more");
  const auto diagonal = node.has(1) ? node.elements(1, "k") : std::vector<Element>{Element::whole(0)};
  if (node.failed()) return;
  if (diagonal.size() != 1 || diagonal[0].is_real())
    return node.fault("k of " + std::to_string(diagonal.size()) + " elements, wanted 1 whole number");
  const Size rows = dims[dims.size() - 2], columns = dims.back();
  const Handle row = positions(node, {rows, Size(1)}, 0), column = positions(node, {Size(1), columns}, 1);
  const Element& k = diagonal[0];
  const auto shift = [&] {
    const std::int64_t number = k.number();
    return k.is_whole() ? node.b.constant({DType::kI64, {}, &number, sizeof number})
                        : node.b.size_of(k.to_size());
  };
  const Handle edge = k.same(Element::whole(0)) ? row : node.b.add(row, shift());
  const bool upper = node.integer("upper", 1) != 0;
  const Handle kept = node.b.compare(upper ? RLX_COMPARE_GE : RLX_COMPARE_LE, column, edge);
  const Handle x = node.in(0);
  node.out(0, node.b.select(kept, x, node.like(0, x)));
}

void one_hot(Node& node) {
  const auto depth = node.elements(1, "depth");
  const std::size_t rank = node.rank(0) + 1;
  std::int64_t axis = node.axis(node.integer("axis", -1), rank);
  if (node.failed()) return;
  if (depth.size() != 1 || depth[0].is_real()) return node.fault("a depth that is no whole number");
  Sizes wide = node.dims(0), line(rank, Size(1));
  wide.insert(wide.begin() + axis, Size(1));
  line[static_cast<std::size_t>(axis)] = depth[0].to_size();
  const Handle index = node.b.reshape(node.b.cast(node.in(0), DType::kI64), wide);
  const Handle size = node.b.size_of(depth[0].to_size());
  const Handle positive = node.b.select(node.b.compare(RLX_COMPARE_LT, index, node.b.scalar(DType::kI64, 0)),
                                        node.b.add(index, size), index);
  const Handle hit = node.b.compare(RLX_COMPARE_EQ, positive, positions(node, line, axis));
  const Handle values = node.in(2);
  const Handle off = node.b.reshape(node.b.slice(values, 0, 0, 1), {}),
               on = node.b.reshape(node.b.slice(values, 0, 1, 2), {});
  node.out(0, node.b.select(hit, on, off));
}

constexpr std::array kDataRows = {
    OpRow{"Constant", 0, 0, 1, constant, nullptr},
    OpRow{"ConstantOfShape", 1, 1, 1, constant_of_shape, nullptr},
    OpRow{"Range", 3, 3, 1, range, nullptr},
    OpRow{"Cast", 1, 1, 1, cast, fold_cast},
    OpRow{"CastLike", 2, 2, 1, cast, fold_cast},
    OpRow{"Trilu", 1, 2, 1, trilu, nullptr},
    OpRow{"OneHot", 3, 3, 1, one_hot, nullptr},
};

}  // namespace

DType cast_target(Node& node) {
  if (!node.has_attribute("to")) {
    node.fault("attribute `to` is absent");
    return DType::kNone;
  }
  const std::int64_t to = node.integer("to", 0);
  const DType dtype = to >= 0 && to < 1000 ? dtype_of(static_cast<int>(to)).dtype : DType::kNone;
  if (dtype == DType::kNone && !node.failed())
    node.refuse("a cast to " + onnx_type_name(to >= 0 && to < 1000 ? static_cast<int>(to) : -1));
  return dtype;
}

std::span<const OpRow> data_ops() { return kDataRows; }

}  // namespace rlx::onnx_import
