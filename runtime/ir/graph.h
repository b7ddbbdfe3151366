// SPDX-License-Identifier: Apache-2.0
// The graph: values and operations in topological order, dims open. It is the body of MIR, of a region, and (with every
// dim a number) of LIR. Plain data: building checks nothing, infer.h and verify.h do.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "runtime/base/span.h"
#include "runtime/ir/op.h"
#include "runtime/ir/shape.h"

namespace rlx {

/// Index of a value in its graph.
using ValueId = std::uint32_t;
inline constexpr ValueId kAbsent = 0xFFFFFFFFu;  ///< an operand that is not there

/// What an attribute may hold. Integers and integer lists are Dims, so that sizes may be symbolic.
using AttrValue = std::variant<Dim, double, DType, Dims, std::vector<double>, std::string>;
/// Key (RLX_ATTR_*) -> value, sorted by key as the image wants it.
using Attributes = std::map<std::uint32_t, AttrValue>;

/// How a value comes to be.
enum class ValueKind : std::uint8_t { kResult, kInput, kParam, kConstant };

struct Value {
  ValueKind kind = ValueKind::kResult;
  Shape shape;
  std::string name;      ///< of inputs and params: the public name; else a hint for dumps, may be empty
  std::uint32_t index = 0; ///< of inputs, params, constants: the entry in the graph's list
};

class Graph;

struct Node {
  Opcode op = 0;                  ///< RLX_OP_*
  std::string ns;                 ///< namespace of a third party's op; empty = core
  std::uint32_t version = 1;
  std::vector<ValueId> operands;  ///< kAbsent where an optional one is missing
  std::vector<ValueId> results;
  Attributes attributes;
  std::vector<std::shared_ptr<const Graph>> regions;  ///< composite: its expansion; if/while: their bodies
  std::string name;               ///< of origin, for messages and dumps; may be empty
};

/// Bytes of a constant, dense row-major, little-endian; shared between copies of a graph. Dims are numbers.
struct Constant {
  Shape shape;
  std::shared_ptr<const std::vector<std::byte>> bytes;
};

/// A param: its shape has numbers only. `owned` bytes are carried by the model (a constant above 4 KiB).
struct Param {
  std::string name;
  ValueId value = kAbsent;
  std::shared_ptr<const std::vector<std::byte>> owned;
};

struct Output {
  std::string name;
  ValueId value = kAbsent;
};

/// Memory that lives from run to run: `input` is what a run finds, `output` what it leaves there. Indices of the lists;
/// each belongs to one pair at most; both have one dtype and the same dims.
struct StatePair {
  std::uint32_t input = 0;
  std::uint32_t output = 0;
};

/// How far the states are filled. Input `input`, an i64 scalar, is the length that a run finds; the run adds `step` to it,
/// up to `capacity`.
struct StateLength {
  std::uint32_t input = 0;
  Dim step = 0;
  Dim capacity = 0;
};

/// An assumption that inference could not prove: `left` must equal `right` (or be >= where `at_least`) under a binding.
struct Constraint {
  Dim left;
  Dim right;
  bool at_least = false;
  std::string reason;  ///< who needs it: "matmul `dense`: K of both operands"
};

/// Lifetime: values and nodes are addressed by index; indices stay valid while nothing is erased (passes build anew).
class Graph {
 public:
  std::vector<Value> values;
  std::vector<Node> nodes;          ///< in topological order
  std::vector<ValueId> inputs;      ///< of a region: one per operand of the op that carries it
  std::vector<Param> params;        ///< empty in a region
  std::vector<Constant> constants;  ///< Value::index points here; allowed in regions (scalars)
  std::vector<Output> outputs;
  std::vector<StatePair> states;      ///< empty in a region
  std::optional<StateLength> length;  ///< only beside states; none in a region
  std::map<std::string, SymbolRange, std::less<>> symbols;  ///< every symbol that occurs; empty in a region
  std::vector<Constraint> constraints;                      ///< empty in a region
  std::string name;

  ValueId add_value(Value value) {
    values.push_back(std::move(value));
    return static_cast<ValueId>(values.size() - 1);
  }
  ValueId add_input(std::string input_name, Shape shape);
  ValueId add_param(std::string param_name, Shape shape);
  ValueId add_constant(Shape shape, std::vector<std::byte> bytes);
  /// Adds a node whose results have the given shapes; returns the first result's id (ids are consecutive).
  ValueId add_node(Node node, std::vector<Shape> result_shapes);
};

/// Scalars as rank-0 constants of a dtype (converted, rounded to nearest).
ValueId add_scalar(Graph& graph, DType dtype, double value);
ValueId add_scalar_i64(Graph& graph, DType dtype, std::int64_t value);

// ---- Attribute access: the value, or `otherwise` where the node has none of that key and type -----------------------
Dim attr_dim(const Node& node, std::uint32_t key, Dim otherwise);
std::int64_t attr_i64(const Node& node, std::uint32_t key, std::int64_t otherwise);  ///< symbolic counts as absent
double attr_f64(const Node& node, std::uint32_t key, double otherwise);
DType attr_dtype(const Node& node, std::uint32_t key, DType otherwise);
Dims attr_dims(const Node& node, std::uint32_t key);                      ///< empty where absent
std::vector<std::int64_t> attr_i64s(const Node& node, std::uint32_t key); ///< empty where absent; symbolic: RLX_CHECK
std::vector<double> attr_f64s(const Node& node, std::uint32_t key);

}  // namespace rlx
