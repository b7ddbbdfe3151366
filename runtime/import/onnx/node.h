// SPDX-License-Identifier: Apache-2.0
// One node while it is translated: typed access to operands and attributes, and where results go. The first
// fault sticks; after it every getter answers with something harmless, so a translator needs no checks of its
// own.
#pragma once

#include <rlx/ops.h>
#include <rlx/host/model.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "runtime/import/onnx/proto.h"
#include "runtime/import/onnx/scope.h"

namespace rlx::onnx_import {

/// What all nodes share.
struct Workshop {
  ModelBuilder& b;
  Scope& scope;
  ExternalData& external;
  std::shared_ptr<const void> owner;  ///< of the messages
  std::int64_t opset = 0;
  const std::unordered_set<std::string>& read;  ///< names that a live node or the graph reads
};

class Node {
 public:
  Node(const onnx::NodeProto& proto, Workshop& shop)
      : b(shop.b), opset(shop.opset), proto_(proto), shop_(shop) {}

  ModelBuilder& b;
  const std::int64_t opset;

  const onnx::NodeProto& proto() const { return proto_; }
  const std::string& op_type() const { return proto_.op_type(); }

  // ---- Operands
  // -------------------------------------------------------------------------------------------------------
  std::size_t inputs() const { return static_cast<std::size_t>(proto_.input_size()); }
  bool has(std::size_t i) const { return i < inputs() && !proto_.input(static_cast<int>(i)).empty(); }
  Handle in(std::size_t i);
  DType dtype(std::size_t i) const;
  Sizes dims(std::size_t i) const;
  std::size_t rank(std::size_t i) const { return dims(i).size(); }
  const Known* known(std::size_t i) const;  ///< null: not known, or a weight
  const Known* readable(std::size_t i);     ///< weights too
  /// An operand that must be known: sizes, plain numbers, or one number. A fault where it is not.
  std::vector<Element> elements(std::size_t i, std::string_view what);
  std::vector<std::int64_t> integers(std::size_t i, std::string_view what);
  std::vector<double> reals(std::size_t i, std::string_view what);
  /// -rank..rank-1 made 0..rank-1; a fault outside.
  std::int64_t axis(std::int64_t axis, std::size_t rank);
  std::vector<std::int64_t> axes(std::vector<std::int64_t> axes, std::size_t rank);
  /// Axes as older opsets have them, an attribute, or as newer ones, operand `i`; empty where neither is
  /// there.
  std::optional<std::vector<std::int64_t>> axes_of(std::size_t i, std::size_t rank);

  // ---- Attributes
  // -----------------------------------------------------------------------------------------------------
  bool has_attribute(std::string_view name) const { return find(name) != nullptr; }
  std::int64_t integer(std::string_view name, std::int64_t otherwise);
  double real(std::string_view name, double otherwise);
  std::string text(std::string_view name, std::string_view otherwise);
  std::vector<std::int64_t> integers(std::string_view name);
  std::vector<double> reals(std::string_view name);
  std::optional<TensorData> tensor(std::string_view name);

  // ---- Results
  // --------------------------------------------------------------------------------------------------------
  bool wants(std::size_t i) const;  ///< someone reads result i
  void out(std::size_t i, Handle handle);
  void out(std::size_t i, Known known);
  void out(std::size_t i, TensorData data);
  void same(std::size_t i, std::size_t input);  ///< result i is operand `input`

  // ---- Faults
  // ---------------------------------------------------------------------------------------------------------
  bool failed() const { return error_.has_value() || b.failed(); }
  void fail(Error error);
  /// The model is well formed, but this node asks for what we do not have.
  void refuse(const std::string& why) { fail(unsupported(why)); }
  void fault(const std::string& why) { fail(malformed(why)); }
  std::optional<Error> take_error() { return std::exchange(error_, std::nullopt); }

  // ---- Shorthands of the builder
  // ----------------------------------------------------------------------------------------
  Handle op(std::uint32_t opcode, std::vector<Handle> operands, std::vector<OpAttribute> attributes);
  Handle like(double value, Handle x) { return b.scalar(b.dtype(x), value); }

 private:
  const std::string& input(std::size_t i) const { return proto_.input(static_cast<int>(i)); }
  const onnx::AttributeProto* find(std::string_view name) const;
  const onnx::AttributeProto* find(std::string_view name, int type);

  const onnx::NodeProto& proto_;
  Workshop& shop_;
  std::optional<Error> error_;
};

OpAttribute size_attribute(std::uint32_t key, Size value);
OpAttribute sizes_attribute(std::uint32_t key, Sizes values);
OpAttribute real_attribute(std::uint32_t key, double value);
OpAttribute dtype_attribute(std::uint32_t key, DType value);
Sizes to_sizes(const std::vector<std::int64_t>& numbers);
Sizes to_sizes(const std::vector<Element>& elements);
/// Product of a span of dims as an expression.
std::optional<Element> product(const Sizes& dims, std::size_t first, std::size_t last);

}  // namespace rlx::onnx_import
