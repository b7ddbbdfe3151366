// SPDX-License-Identifier: Apache-2.0
// Prints a graph, one line per thing, values by their ids: what text_parse.cpp reads back. text.h describes the form.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "runtime/ir/text.h"

namespace rlx {
namespace {

std::string quoted(std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

void append_hex(std::string& out, const std::vector<std::byte>& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out += 'x';
  out.reserve(out.size() + bytes.size() * 2);
  for (const std::byte byte : bytes) {
    out += kDigits[static_cast<unsigned>(byte) >> 4];
    out += kDigits[static_cast<unsigned>(byte) & 15u];
  }
}

/// Shortest decimal that reads back to the same double, told from a Dim by a point or an exponent; else its
/// bits.
std::string real_text(double value) {
  char text[40];
  if (!std::isfinite(value)) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    const auto end = std::to_chars(text, text + sizeof text, bits, 16).ptr;
    return "float(0x" + std::string(text, end) + ")";
  }
  std::string out(text, std::to_chars(text, text + sizeof text, value).ptr);
  if (out.find_first_of(".e") == std::string::npos) out += ".0";
  return out;
}

/// FN and the closed sets that have names: ".add"; otherwise the number.
std::string integer_text(const Node& node, std::uint32_t key, const Dim& value) {
  std::string_view name;
  if (value.is_number() && node.ns.empty() && key == RLX_ATTR_FN) name = fn_name(node.op, value.number());
  if (value.is_number() && key == RLX_ATTR_ACT) name = act_name(value.number());
  return name.empty() ? value.to_string() : join(".", name);
}

struct AttrText {
  const Node& node;
  std::uint32_t key;
  std::string operator()(const Dim& value) const { return integer_text(node, key, value); }
  std::string operator()(double value) const { return real_text(value); }
  std::string operator()(DType value) const { return join(":", dtype_name(value)); }
  std::string operator()(const Dims& value) const { return to_string(std::span<const Dim>(value)); }
  std::string operator()(const std::string& value) const { return quoted(value); }
  std::string operator()(const std::vector<double>& value) const {
    std::string out = "float[";
    for (std::size_t i = 0; i < value.size(); ++i) out += (i ? ", " : "") + real_text(value[i]);
    return out + "]";
  }
};

class Printer {
 public:
  void graph(const Graph& graph, std::string_view keyword, std::size_t depth) {
    line(depth, join(keyword, " ", quoted(graph.name), " {"));
    for (const auto& [name, range] : graph.symbols) symbol(name, range, depth + 1);
    for (const ValueId id : graph.inputs)
      line(depth + 1, join("input ", defined(graph, id), " ", shape(graph, id)));
    for (const Param& param : graph.params) this->param(graph, param, depth + 1);
    constants(graph, depth + 1);
    for (const Node& node : graph.nodes) this->node(graph, node, depth + 1);
    unused(graph, depth + 1);
    for (const Output& output : graph.outputs)
      line(depth + 1, join("output ", quoted(output.name), " ", id_text(output.value)));
    states(graph, depth + 1);
    for (const Constraint& rule : graph.constraints)
      line(depth + 1, join("require ", rule.left.to_string(), rule.at_least ? " >= " : " == ",
                           rule.right.to_string(), " ", quoted(rule.reason)));
    line(depth, "}");
  }

  std::string take() { return std::move(out_); }

 private:
  void line(std::size_t depth, std::string_view text) {
    out_.append(depth * 2, ' ');
    out_ += text;
    out_ += '\n';
  }

  static std::string id_text(ValueId id) { return id == kAbsent ? std::string("_") : join("%", id); }

  static std::string shape(const Graph& graph, ValueId id) {
    return id < graph.values.size() ? to_string(graph.values[id].shape) : std::string("none[]");
  }

  /// "%3" and the value's name, where it has one.
  static std::string defined(const Graph& graph, ValueId id) {
    const bool named = id < graph.values.size() && !graph.values[id].name.empty();
    return named ? join(id_text(id), " ", quoted(graph.values[id].name)) : id_text(id);
  }

  void symbol(const std::string& name, const SymbolRange& range, std::size_t depth) {
    const std::string greatest = range.greatest == INT64_MAX ? std::string() : std::to_string(range.greatest);
    line(depth, join("symbol ", name, " ", range.least, "..", greatest));
  }

  void param(const Graph& graph, const Param& param, std::size_t depth) {
    std::string text =
        join("param ", id_text(param.value), " ", quoted(param.name), " ", shape(graph, param.value));
    if (param.owned) {
      text += " owned ";
      append_hex(text, *param.owned);
    }
    line(depth, text);
  }

  void constants(const Graph& graph, std::size_t depth) {
    std::vector<ValueId> ids;
    for (std::size_t i = 0; i < graph.values.size(); ++i)
      if (graph.values[i].kind == ValueKind::kConstant && graph.values[i].index < graph.constants.size())
        ids.push_back(static_cast<ValueId>(i));
    std::stable_sort(ids.begin(), ids.end(),
                     [&](ValueId a, ValueId b) { return graph.values[a].index < graph.values[b].index; });
    for (const ValueId id : ids) {
      const Constant& constant = graph.constants[graph.values[id].index];
      std::string text = join("const ", defined(graph, id), " ", shape(graph, id), " ");
      append_hex(text, constant.bytes ? *constant.bytes : std::vector<std::byte>());
      line(depth, text);
    }
  }

  static std::string op_text(const Node& node) {
    const std::string_view name = node.ns.empty() ? op_name(node.op) : std::string_view();
    std::string text = node.ns.empty() ? std::string() : quoted(node.ns);
    text += name.empty() ? join("#", node.op) : std::string(name);
    return node.version == 1 ? text : join(text, "/", node.version);
  }

  static std::string attributes(const Node& node) {
    if (node.attributes.empty()) return {};
    std::string text = "{";
    for (const auto& [key, value] : node.attributes) {
      const std::string_view name = attr_name(key);
      text += text.size() > 1 ? ", " : "";
      text += name.empty() ? join("#", key) : std::string(name);
      text += "=" + std::visit(AttrText{node, key}, value);
    }
    return text + "}";
  }

  void node(const Graph& graph, const Node& node, std::size_t depth) {
    std::string text, shapes, operands;
    for (const ValueId id : node.results) {
      text += (text.empty() ? "" : ", ") + defined(graph, id);
      shapes += (shapes.empty() ? "" : ", ") + shape(graph, id);
    }
    for (const ValueId id : node.operands) operands += (operands.empty() ? "" : ", ") + id_text(id);
    text += join(node.results.empty() ? "_" : "", " = ", op_text(node), "(", operands, ")", attributes(node));
    if (!shapes.empty()) text += " : " + shapes;
    if (!node.name.empty()) text += " @" + quoted(node.name);
    line(depth, text);
    for (const auto& region : node.regions) this->graph(region ? *region : Graph{}, "region", depth + 1);
  }

  static std::string input_name(const Graph& graph, std::uint32_t index) {
    if (index >= graph.inputs.size() || graph.inputs[index] >= graph.values.size()) return "\"\"";
    return quoted(graph.values[graph.inputs[index]].name);
  }

  void states(const Graph& graph, std::size_t depth) {
    for (const StatePair& pair : graph.states) {
      const std::string output = pair.output < graph.outputs.size() ? graph.outputs[pair.output].name : std::string();
      line(depth, join("state ", input_name(graph, pair.input), " ", quoted(output)));
    }
    if (graph.length)
      line(depth, join("length ", input_name(graph, graph.length->input), " step ", graph.length->step.to_string(), ", capacity ",
                       graph.length->capacity.to_string()));
  }

  /// Values that nothing makes: left over by passes, kept so that ids stay.
  void unused(const Graph& graph, std::size_t depth) {
    std::vector<bool> made(graph.values.size());
    const auto mark = [&](ValueId id) {
      if (id < made.size()) made[id] = true;
    };
    for (const ValueId id : graph.inputs) mark(id);
    for (const Param& param : graph.params) mark(param.value);
    for (const Node& node : graph.nodes)
      for (const ValueId id : node.results) mark(id);
    for (std::size_t i = 0; i < made.size(); ++i) {
      const Value& value = graph.values[i];
      const bool constant = value.kind == ValueKind::kConstant && value.index < graph.constants.size();
      if (!made[i] && !constant)
        line(depth, join("unused ", defined(graph, static_cast<ValueId>(i)), " ", to_string(value.shape)));
    }
  }

  std::string out_;
};

}  // namespace

std::string print(const Graph& graph) {
  Printer printer;
  printer.graph(graph, "graph", 0);
  return printer.take();
}

}  // namespace rlx
