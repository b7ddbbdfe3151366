// SPDX-License-Identifier: Apache-2.0
// The rules of a graph, each with a sentence that names who breaks it. Shapes are inference's to judge.
#include "runtime/ir/verify.h"

#include <rlx/types.h>

#include <algorithm>
#include <set>

#include "runtime/ir/infer.h"

namespace rlx {
namespace {

constexpr int kRegionDepthMax = 32;

std::string node_text(const Node& node, std::size_t index) {
  std::string text = join("node ", index, " (");
  if (!node.ns.empty()) text += join(node.ns, "::");
  const std::string_view name = node.ns.empty() ? op_name(node.op) : std::string_view();
  text += name.empty() ? join("op ", node.op) : std::string(name);
  return node.name.empty() ? text + ")" : join(text, " `", node.name, "`)");
}

/// One graph or region.
class Verifier {
 public:
  Verifier(const Graph& graph, int depth) : graph_(graph), depth_(depth), defined_(graph.values.size()) {}

  Status run() {
    if (depth_ > kRegionDepthMax)
      return broken("regions lie ", depth_, " levels deep, wanted at most ", kRegionDepthMax);
    RLX_TRY(shapes());
    RLX_TRY(lists());
    RLX_TRY(constants());
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i)
      if (auto status = node(graph_.nodes[i]); !status)
        return std::move(status).error().within(node_text(graph_.nodes[i], i));
    RLX_TRY(outputs());
    RLX_TRY(states());
    RLX_TRY(length());
    return depth_ == 0 ? symbols() : region_lists();
  }

 private:
  template <class... Pieces>
  static Error broken(const Pieces&... pieces) {
    return fail(ErrorCode::kInvalidModel, pieces...);
  }

  Status shapes() {
    for (std::size_t id = 0; id < graph_.values.size(); ++id) {
      const Shape& shape = graph_.values[id].shape;
      // A region has a parameter for every operand of its op, also for one that is absent.
      const bool absent = depth_ > 0 && graph_.values[id].kind == ValueKind::kInput;
      if (dtype_bytes(shape.dtype) == 0 && !absent)
        return broken("value %", id, " has dtype ", dtype_name(shape.dtype), ", wanted an element type");
      if (shape.rank() > RLX_MAX_RANK)
        return broken("value %", id, " has rank ", shape.rank(), ", wanted at most ", RLX_MAX_RANK);
      for (const Dim& dim : shape.dims)
        if (dim.is_number() && dim.number() < 0)
          return broken("value %", id, " has shape ", to_string(shape), ", wanted dims of 0 and more");
    }
    return {};
  }

  /// Entry `index` of a list stands for value `id`, and the value says so too.
  Status entry(std::string_view list, std::size_t index, ValueId id, ValueKind kind) {
    if (id >= graph_.values.size())
      return broken(list, " ", index, " is value %", id, ", wanted one of ", graph_.values.size(), " values");
    const Value& value = graph_.values[id];
    if (value.kind != kind || value.index != index)
      return broken("value %", id, " is ", list, " ", index, " of the list, but does not say so itself");
    defined_[id] = true;
    return {};
  }

  Status lists() {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < graph_.inputs.size(); ++i) {
      RLX_TRY(entry("input", i, graph_.inputs[i], ValueKind::kInput));
      const std::string& name = graph_.values[graph_.inputs[i]].name;
      if (depth_ == 0 && (name.empty() || !names.insert(name).second))
        return broken("input ", i, " is named `", name, "`, wanted a name of its own");
    }
    names.clear();
    for (std::size_t i = 0; i < graph_.params.size(); ++i) {
      const Param& param = graph_.params[i];
      RLX_TRY(entry("param", i, param.value, ValueKind::kParam));
      if (param.name.empty() || !names.insert(param.name).second)
        return broken("param ", i, " is named `", param.name, "`, wanted a name of its own");
      RLX_TRY(sized(join("param `", param.name, "`"), graph_.values[param.value].shape, param.owned.get()));
    }
    return {};
  }

  /// Dims are numbers; bytes, where given, are as many as they need.
  Status sized(const std::string& what, const Shape& shape, const std::vector<std::byte>* bytes) {
    std::uint64_t wanted = dtype_bytes(shape.dtype);
    bool empty = false;
    for (const Dim& dim : shape.dims) {
      if (!dim.is_number()) return broken(what, " has shape ", to_string(shape), ", wanted numbers only");
      empty = empty || dim.number() == 0;
    }
    for (const Dim& dim : shape.dims) {
      if (empty) wanted = 0;
      if (__builtin_mul_overflow(wanted, static_cast<std::uint64_t>(dim.number()), &wanted))
        return broken(what, " has shape ", to_string(shape), ", too large for 64 bits");
    }
    if (bytes && bytes->size() != wanted)
      return broken(what, " of shape ", to_string(shape), " has ", bytes->size(), " bytes, wanted ", wanted);
    return {};
  }

  Status constants() {
    for (std::size_t id = 0; id < graph_.values.size(); ++id) {
      const Value& value = graph_.values[id];
      if (value.kind != ValueKind::kConstant) continue;
      if (value.index >= graph_.constants.size())
        return broken("value %", id, " is constant ", value.index, ", wanted one of ",
                      graph_.constants.size());
      const Constant& constant = graph_.constants[value.index];
      if (!(constant.shape == value.shape))
        return broken("value %", id, " has shape ", to_string(value.shape), ", its constant ",
                      to_string(constant.shape));
      if (!constant.bytes) return broken("constant ", value.index, " has no bytes");
      RLX_TRY(sized(join("constant ", value.index), value.shape, constant.bytes.get()));
      defined_[id] = true;
    }
    return {};
  }

  Status op(const Node& node) {
    if (!node.ns.empty() || node.op >= RLX_OP_VENDOR_FIRST) return {};
    const OpInfo* info = op_info(node.op);
    if (!info) return broken("no op has this number");
    if (node.version == 0 || node.version > info->version)
      return broken("version ", node.version, ", wanted 1 to ", info->version);
    for (const auto& [key, value] : node.attributes)
      if (attr_name(key).empty() && key < RLX_ATTR_VENDOR_FIRST)
        return broken("attribute ", key, ": no attribute has this number");
    return {};
  }

  Status node(const Node& node) {
    RLX_TRY(op(node));
    std::vector<Shape> operands;
    for (std::size_t i = 0; i < node.operands.size(); ++i) {
      const ValueId id = node.operands[i];
      if (id != kAbsent && id >= graph_.values.size())
        return broken("operand ", i, " is value %", id, ", wanted one of ", graph_.values.size(), " values");
      if (id != kAbsent && !defined_[id])
        return broken("operand ", i, " is value %", id, ", which is not defined before");
      operands.push_back(id == kAbsent ? Shape{} : graph_.values[id].shape);
    }
    RLX_TRY(results(node));
    RLX_TRY(regions(node, operands));
    return inferred(node, operands);
  }

  Status results(const Node& node) {
    for (std::size_t i = 0; i < node.results.size(); ++i) {
      const ValueId id = node.results[i];
      if (id >= graph_.values.size())
        return broken("result ", i, " is value %", id, ", wanted one of ", graph_.values.size(), " values");
      if (graph_.values[id].kind != ValueKind::kResult)
        return broken("result ", i, " is value %", id, ", which is no result");
      if (defined_[id]) return broken("result ", i, " is value %", id, ", which is defined already");
      defined_[id] = true;
    }
    return {};
  }

  static std::size_t regions_wanted(const Node& node) {
    if (!node.ns.empty() || node.op >= RLX_OP_VENDOR_FIRST) return 1;
    if (node.op == RLX_OP_IF || node.op == RLX_OP_WHILE) return 2;
    return op_info(node.op)->composite ? 1 : 0;
  }

  Status regions(const Node& node, const std::vector<Shape>& operands) {
    const std::size_t wanted = regions_wanted(node);
    if (node.regions.size() != wanted)
      return broken("has ", node.regions.size(), " regions, wanted ", wanted);
    for (std::size_t i = 0; i < wanted; ++i) {
      if (!node.regions[i]) return broken("region ", i, " is not there");
      const bool condition = node.op == RLX_OP_WHILE && node.ns.empty() && i == 0;
      if (auto status = region(*node.regions[i], node, operands, condition); !status)
        return std::move(status).error().within(join("region ", i));
    }
    return {};
  }

  Status region(const Graph& region, const Node& node, const std::vector<Shape>& operands, bool condition) {
    RLX_TRY(Verifier(region, depth_ + 1).run());
    if (region.inputs.size() != operands.size())
      return broken("has ", region.inputs.size(), " parameters, wanted ", operands.size(),
                    " as there are operands");
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const Shape& seen = region.values[region.inputs[i]].shape;
      if (operands[i].dtype != DType::kNone && !(seen == operands[i]))
        return broken("parameter ", i, " is ", to_string(seen), ", wanted ", to_string(operands[i]),
                      " as the operand");
    }
    if (condition) return {};  // its one result is inference's to judge
    if (region.outputs.size() != node.results.size())
      return broken("has ", region.outputs.size(), " results, wanted ", node.results.size());
    for (std::size_t i = 0; i < node.results.size(); ++i) {
      const Shape& seen = region.values[region.outputs[i].value].shape;
      const Shape& wanted = graph_.values[node.results[i]].shape;
      if (!may_be_equal(seen, wanted))
        return broken("result ", i, " is ", to_string(seen), ", wanted ", to_string(wanted));
    }
    return {};
  }

  /// Two ways to one size may give forms that only a constraint makes equal; numbers must be equal.
  static bool may_be_equal(const Shape& a, const Shape& b) {
    if (a.dtype != b.dtype || a.rank() != b.rank()) return false;
    for (std::size_t i = 0; i < a.rank(); ++i)
      if (a.dims[i].is_number() && b.dims[i].is_number() && !(a.dims[i] == b.dims[i])) return false;
    return true;
  }

  Status inferred(const Node& node, const std::vector<Shape>& operands) {
    std::vector<Constraint> constraints;
    auto shapes = infer(node, operands, constraints);
    if (!shapes) return broken(shapes.error().to_string());
    if (shapes->size() != node.results.size())
      return broken("has ", node.results.size(), " results, inference gives ", shapes->size());
    for (std::size_t i = 0; i < shapes->size(); ++i) {
      const Shape& seen = graph_.values[node.results[i]].shape;
      if (!(seen == (*shapes)[i]))
        return broken("result ", i, " has shape ", to_string(seen), ", inference gives ",
                      to_string((*shapes)[i]));
    }
    return {};
  }

  Status outputs() {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < graph_.outputs.size(); ++i) {
      const Output& output = graph_.outputs[i];
      if (output.value >= graph_.values.size() || !defined_[output.value])
        return broken("output ", i, " `", output.name, "` is value %", output.value,
                      ", which nothing defines");
      if (depth_ == 0 && (output.name.empty() || !names.insert(output.name).second))
        return broken("output ", i, " is named `", output.name, "`, wanted a name of its own");
    }
    return {};
  }

  Status states() {
    std::vector<bool> input_taken(graph_.inputs.size()), output_taken(graph_.outputs.size());
    for (std::size_t i = 0; i < graph_.states.size(); ++i) {
      const StatePair& pair = graph_.states[i];
      if (pair.input >= graph_.inputs.size() || pair.output >= graph_.outputs.size())
        return broken("state ", i, " is input ", pair.input, " and output ", pair.output, ", wanted one of ", graph_.inputs.size(),
                      " inputs and ", graph_.outputs.size(), " outputs");
      const Value& before = graph_.values[graph_.inputs[pair.input]];
      const Output& after = graph_.outputs[pair.output];
      if (input_taken[pair.input] || output_taken[pair.output])
        return broken("state `", before.name, "` with output `", after.name, "` shares one of them with another state");
      input_taken[pair.input] = output_taken[pair.output] = true;
      const Shape& next = graph_.values[after.value].shape;
      if (!(before.shape == next))
        return broken("state `", before.name, "` is ", to_string(before.shape), ", but its next value, output `", after.name,
                      "`, is ", to_string(next));
    }
    return {};
  }

  Status length() {
    if (!graph_.length) return {};
    const StateLength& length = *graph_.length;
    if (length.input >= graph_.inputs.size())
      return broken("the length is input ", length.input, ", wanted one of ", graph_.inputs.size(), " inputs");
    const Value& input = graph_.values[graph_.inputs[length.input]];
    if (graph_.states.empty()) return broken("the length `", input.name, "` belongs to states, of which there are none");
    for (const StatePair& pair : graph_.states)
      if (pair.input == length.input) return broken("input `", input.name, "` is a state and the length of states");
    if (input.shape.dtype != DType::kI64 || input.shape.rank() != 0)
      return broken("the length `", input.name, "` is ", to_string(input.shape), ", wanted i64[]");
    return {};
  }

  Status region_lists() {
    if (!graph_.states.empty() || graph_.length) return broken("a region has states or a length, wanted none");
    if (!graph_.params.empty()) return broken("a region has ", graph_.params.size(), " params, wanted none");
    if (!graph_.symbols.empty() || !graph_.constraints.empty())
      return broken("a region has symbols or constraints of its own, wanted none");
    return {};
  }

  static void collect(const Node& node, std::vector<std::string>& names) {
    for (const auto& [key, value] : node.attributes) {
      if (const Dim* dim = std::get_if<Dim>(&value)) dim->collect_symbols(names);
      if (const Dims* dims = std::get_if<Dims>(&value))
        for (const Dim& dim : *dims) dim.collect_symbols(names);
    }
    for (const auto& region : node.regions) collect(*region, names);
  }
  static void collect(const Graph& graph, std::vector<std::string>& names) {
    for (const Value& value : graph.values)
      for (const Dim& dim : value.shape.dims) dim.collect_symbols(names);
    for (const Node& node : graph.nodes) collect(node, names);
  }

  Status symbols() {
    std::vector<std::string> names;
    collect(graph_, names);
    for (const Constraint& rule : graph_.constraints) {
      rule.left.collect_symbols(names);
      rule.right.collect_symbols(names);
    }
    if (graph_.length) {
      graph_.length->step.collect_symbols(names);
      graph_.length->capacity.collect_symbols(names);
    }
    for (const std::string& name : names)
      if (!graph_.symbols.contains(name))
        return broken("symbol `", name, "` occurs, but is not in the list of symbols");
    for (const auto& [name, range] : graph_.symbols) {
      if (!Dim::is_symbol_name(name)) return broken("`", name, "` is no name of a symbol");
      if (range.least < 0 || range.least > range.greatest)
        return broken("symbol `", name, "` has the range ", range.least, " to ", range.greatest,
                      ", wanted 0 <= least <= greatest");
    }
    return {};
  }

  const Graph& graph_;
  int depth_;
  std::vector<bool> defined_;
};

}  // namespace

Status verify(const Graph& graph) {
  auto status = Verifier(graph, 0).run();
  if (!status) return std::move(status).error().within(join("graph `", graph.name, "`"));
  return {};
}

}  // namespace rlx
