// SPDX-License-Identifier: Apache-2.0
// Access with checks; messages name the operand or attribute, the caller adds the node.
#include "runtime/import/onnx/node.h"

#include <algorithm>

namespace rlx::onnx_import {
namespace {

using Attribute = onnx::AttributeProto;

const char* type_name(int type) {
  switch (type) {
    case Attribute::FLOAT:
      return "a float";
    case Attribute::INT:
      return "an integer";
    case Attribute::STRING:
      return "a string";
    case Attribute::TENSOR:
      return "a tensor";
    case Attribute::GRAPH:
      return "a graph";
    case Attribute::FLOATS:
      return "a list of floats";
    case Attribute::INTS:
      return "a list of integers";
    case Attribute::STRINGS:
      return "a list of strings";
    default:
      return "of another type";
  }
}

/// Files before IR version 2 may leave the type out.
int type_of(const Attribute& attribute) {
  if (attribute.type() != Attribute::UNDEFINED) return attribute.type();
  if (attribute.has_f()) return Attribute::FLOAT;
  if (attribute.has_i()) return Attribute::INT;
  if (attribute.has_s()) return Attribute::STRING;
  if (attribute.has_t()) return Attribute::TENSOR;
  if (attribute.floats_size()) return Attribute::FLOATS;
  if (attribute.ints_size()) return Attribute::INTS;
  return Attribute::UNDEFINED;
}

}  // namespace

Handle Node::in(std::size_t i) {
  if (!has(i)) {
    fault("operand " + std::to_string(i) + " is absent");
    return {};
  }
  return shop_.scope.handle(input(i));
}

DType Node::dtype(std::size_t i) const { return has(i) ? shop_.scope.dtype(input(i)) : DType::kNone; }
Sizes Node::dims(std::size_t i) const { return has(i) ? shop_.scope.dims(input(i)) : Sizes{}; }
const Known* Node::known(std::size_t i) const { return has(i) ? shop_.scope.known(input(i)) : nullptr; }
const Known* Node::readable(std::size_t i) { return has(i) ? shop_.scope.readable(input(i)) : nullptr; }

std::vector<Element> Node::elements(std::size_t i, std::string_view what) {
  if (const Known* value = readable(i)) return value->elements;
  refuse("operand " + std::to_string(i) + " (" + std::string(what) +
         ") is computed at run time, wanted one that is known when importing");
  return {};
}

std::vector<std::int64_t> Node::integers(std::size_t i, std::string_view what) {
  std::vector<std::int64_t> numbers;
  for (const Element& element : elements(i, what)) {
    if (!element.is_whole()) {
      refuse("operand " + std::to_string(i) + " (" + std::string(what) + ") holds " +
             (element.is_expression() ? "`" + element.expression() + "`" : std::string("a real")) +
             ", wanted whole numbers");
      return {};
    }
    numbers.push_back(element.number());
  }
  return numbers;
}

std::vector<double> Node::reals(std::size_t i, std::string_view what) {
  std::vector<double> numbers;
  for (const Element& element : elements(i, what)) {
    if (element.is_expression())
      refuse("operand " + std::to_string(i) + " (" + std::string(what) + ") holds `" + element.expression() +
             "`, wanted numbers");
    numbers.push_back(element.is_expression() ? 0 : element.value());
  }
  return numbers;
}

std::int64_t Node::axis(std::int64_t axis, std::size_t rank) {
  const auto count = static_cast<std::int64_t>(rank);
  if (axis >= -count && axis < count) return axis < 0 ? axis + count : axis;
  fault("axis " + std::to_string(axis) + " of a tensor of rank " + std::to_string(rank));
  return 0;
}

std::vector<std::int64_t> Node::axes(std::vector<std::int64_t> axes, std::size_t rank) {
  for (std::int64_t& at : axes) at = axis(at, rank);
  std::vector<std::int64_t> sorted = axes;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) fault("an axis named twice");
  return failed() ? std::vector<std::int64_t>{} : axes;
}

std::optional<std::vector<std::int64_t>> Node::axes_of(std::size_t i, std::size_t rank) {
  if (has_attribute("axes")) return axes(integers("axes"), rank);
  if (!has(i)) return std::nullopt;
  return axes(integers(i, "axes"), rank);
}

const onnx::AttributeProto* Node::find(std::string_view name) const {
  for (const Attribute& attribute : proto_.attribute())
    if (attribute.name() == name) return &attribute;
  return nullptr;
}

const onnx::AttributeProto* Node::find(std::string_view name, int type) {
  const Attribute* attribute = find(name);
  if (!attribute || type_of(*attribute) == type) return attribute;
  const bool empty_list =
      type_of(*attribute) == Attribute::UNDEFINED && (type == Attribute::INTS || type == Attribute::FLOATS);
  if (empty_list) return attribute;
  fault("attribute `" + std::string(name) + "` is " + type_name(type_of(*attribute)) + ", wanted " +
        type_name(type));
  return nullptr;
}

std::int64_t Node::integer(std::string_view name, std::int64_t otherwise) {
  const Attribute* attribute = find(name, Attribute::INT);
  return attribute ? attribute->i() : otherwise;
}
double Node::real(std::string_view name, double otherwise) {
  const Attribute* attribute = find(name, Attribute::FLOAT);
  return attribute ? static_cast<double>(attribute->f()) : otherwise;
}
std::string Node::text(std::string_view name, std::string_view otherwise) {
  const Attribute* attribute = find(name, Attribute::STRING);
  return attribute ? attribute->s() : std::string(otherwise);
}
std::vector<std::int64_t> Node::integers(std::string_view name) {
  const Attribute* attribute = find(name, Attribute::INTS);
  return attribute ? std::vector<std::int64_t>(attribute->ints().begin(), attribute->ints().end())
                   : std::vector<std::int64_t>{};
}
std::vector<double> Node::reals(std::string_view name) {
  const Attribute* attribute = find(name, Attribute::FLOATS);
  return attribute ? std::vector<double>(attribute->floats().begin(), attribute->floats().end())
                   : std::vector<double>{};
}

std::optional<TensorData> Node::tensor(std::string_view name) {
  const Attribute* attribute = find(name, Attribute::TENSOR);
  if (!attribute) return std::nullopt;
  auto data = read_tensor(attribute->t(), shop_.owner, shop_.external);
  if (data) return std::move(*data);
  fail(std::move(data.error()).within("attribute `" + std::string(name) + "`"));
  return std::nullopt;
}

bool Node::wants(std::size_t i) const {
  if (i >= static_cast<std::size_t>(proto_.output_size())) return false;
  const std::string& name = proto_.output(static_cast<int>(i));
  return !name.empty() && shop_.read.count(name) != 0;
}

void Node::out(std::size_t i, Handle handle) {
  if (wants(i) && !failed()) shop_.scope.define(proto_.output(static_cast<int>(i)), handle);
}
void Node::out(std::size_t i, Known known) {
  if (wants(i) && !failed()) shop_.scope.define(proto_.output(static_cast<int>(i)), std::move(known));
}
void Node::out(std::size_t i, TensorData data) {
  if (wants(i) && !failed()) shop_.scope.define(proto_.output(static_cast<int>(i)), std::move(data), true);
}
void Node::same(std::size_t i, std::size_t input_index) {
  if (!has(input_index)) return fault("operand " + std::to_string(input_index) + " is absent");
  if (wants(i) && !failed()) shop_.scope.alias(proto_.output(static_cast<int>(i)), input(input_index));
}

void Node::fail(Error error) {
  if (!error_) error_ = std::move(error);
}

Handle Node::op(std::uint32_t opcode, std::vector<Handle> operands, std::vector<OpAttribute> attributes) {
  const auto results = b.op(opcode, std::move(operands), std::move(attributes));
  return results.empty() ? Handle{} : results[0];
}

OpAttribute size_attribute(std::uint32_t key, Size value) {
  OpAttribute attribute;
  attribute.key = key;
  attribute.size = std::move(value);
  return attribute;
}
OpAttribute sizes_attribute(std::uint32_t key, Sizes values) {
  OpAttribute attribute;
  attribute.key = key;
  attribute.kind = OpAttribute::Kind::kSizes;
  attribute.sizes = std::move(values);
  return attribute;
}
OpAttribute real_attribute(std::uint32_t key, double value) {
  OpAttribute attribute;
  attribute.key = key;
  attribute.kind = OpAttribute::Kind::kReal;
  attribute.real = value;
  return attribute;
}
OpAttribute dtype_attribute(std::uint32_t key, DType value) {
  OpAttribute attribute;
  attribute.key = key;
  attribute.kind = OpAttribute::Kind::kDtype;
  attribute.dtype = value;
  return attribute;
}

Sizes to_sizes(const std::vector<std::int64_t>& numbers) { return Sizes(numbers.begin(), numbers.end()); }
Sizes to_sizes(const std::vector<Element>& elements) {
  Sizes sizes;
  for (const Element& element : elements) sizes.push_back(element.to_size());
  return sizes;
}

std::optional<Element> product(const Sizes& dims, std::size_t first, std::size_t last) {
  std::optional<Element> all = Element::whole(1);
  for (std::size_t i = first; all && i < last && i < dims.size(); ++i)
    all = mul(*all, Element::size(dims[i]));
  return all;
}

}  // namespace rlx::onnx_import
