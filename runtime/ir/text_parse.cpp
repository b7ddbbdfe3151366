// SPDX-License-Identifier: Apache-2.0
// Reads the text form of a graph. Hostile text: nesting is bounded, memory grows with the text and never with
// a number in it, and what comes out is only well formed as text; verify() says whether it is a graph.
#include <map>
#include <optional>

#include "runtime/ir/text.h"
#include "runtime/ir/text_cursor.h"

namespace rlx {
namespace {

constexpr std::size_t kTextMax = std::size_t{1} << 30;
constexpr int kRegionDepthMax = 32;

using text_detail::Cursor;

/// One graph or region. Ids are gathered and only then made into a table, so that a large id costs nothing.
class GraphReader {
 public:
  GraphReader(Cursor& cursor, int depth) : in_(cursor), depth_(depth) {}

  Result<Graph> read(std::string_view keyword) {
    if (depth_ > kRegionDepthMax) return in_.wrong(join("at most ", kRegionDepthMax, " levels of regions"));
    RLX_TRY(in_.expect(keyword));
    RLX_ASSIGN(graph_.name, in_.quoted());
    RLX_TRY(in_.expect("{"));
    while (!in_.take("}")) RLX_TRY(statement());
    RLX_TRY(place_values());
    RLX_TRY(place_states());
    return std::move(graph_);
  }

 private:
  struct Defined {
    ValueId id = 0;
    std::size_t at = 0;
    Value value;
  };

  Status statement() {
    const std::size_t first = in_.place();
    if (in_.peek("%") || in_.peek("_")) return node();
    const std::string_view word = in_.word();
    if (word == "symbol") return symbol();
    if (word == "input") return input();
    if (word == "param") return param();
    if (word == "const") return constant();
    if (word == "unused") return unused();
    if (word == "output") return output();
    if (word == "state") return state();
    if (word == "length") return length();
    if (word == "require") return constraint();
    return in_.wrong_at(first, "symbol, input, param, const, a node, unused, output, state, length, require or `}`");
  }

  Result<ValueId> id() {
    RLX_TRY(in_.expect("%"));
    RLX_ASSIGN(const ValueId id, in_.number<ValueId>("the number of a value"));
    return id;
  }

  /// "%3" with the value's name, where one follows. The shape comes later.
  Result<std::size_t> definition(ValueKind kind) {
    Defined defined;
    defined.at = in_.place();
    RLX_ASSIGN(defined.id, id());
    defined.value.kind = kind;
    if (in_.peek("\"")) {
      RLX_ASSIGN(defined.value.name, in_.quoted());
    }
    values_.push_back(std::move(defined));
    return values_.size() - 1;
  }

  Result<ValueId> operand() {
    if (in_.take("_")) return kAbsent;
    const std::size_t at = in_.place();
    RLX_ASSIGN(const ValueId used, id());
    used_.emplace_back(used, at);
    return used;
  }

  Status symbol() {
    const std::size_t at = in_.place();
    const std::string name(in_.word());
    if (!Dim::is_symbol_name(name)) return in_.wrong_at(at, "the name of a symbol");
    SymbolRange range;
    RLX_ASSIGN(range.least, in_.number<std::int64_t>("the least size"));
    RLX_TRY(in_.expect(".."));
    if (in_.peek("-") || in_.at_digit()) {
      RLX_ASSIGN(range.greatest, in_.number<std::int64_t>("the greatest size"));
    }
    if (!graph_.symbols.emplace(name, range).second) return in_.wrong_at(at, "each symbol once");
    return {};
  }

  Status input() {
    RLX_ASSIGN(const std::size_t at, definition(ValueKind::kInput));
    values_[at].value.index = static_cast<std::uint32_t>(graph_.inputs.size());
    graph_.inputs.push_back(values_[at].id);
    RLX_ASSIGN(values_[at].value.shape, in_.shape());
    return {};
  }

  Status param() {
    RLX_ASSIGN(const std::size_t at, definition(ValueKind::kParam));
    values_[at].value.index = static_cast<std::uint32_t>(graph_.params.size());
    RLX_ASSIGN(values_[at].value.shape, in_.shape());
    Param param{values_[at].value.name, values_[at].id, nullptr};
    if (in_.take("owned")) {
      RLX_ASSIGN(auto bytes, in_.bytes());
      param.owned = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
    }
    graph_.params.push_back(std::move(param));
    return {};
  }

  Status constant() {
    RLX_ASSIGN(const std::size_t at, definition(ValueKind::kConstant));
    values_[at].value.index = static_cast<std::uint32_t>(graph_.constants.size());
    RLX_ASSIGN(values_[at].value.shape, in_.shape());
    RLX_ASSIGN(auto bytes, in_.bytes());
    graph_.constants.push_back(
        {values_[at].value.shape, std::make_shared<const std::vector<std::byte>>(std::move(bytes))});
    return {};
  }

  Status unused() {
    RLX_ASSIGN(const std::size_t at, definition(ValueKind::kResult));
    RLX_ASSIGN(values_[at].value.shape, in_.shape());
    return {};
  }

  Status output() {
    Output output;
    RLX_ASSIGN(output.name, in_.quoted());
    RLX_ASSIGN(output.value, operand());
    graph_.outputs.push_back(std::move(output));
    return {};
  }

  /// A name and where it stood; found once everything is read.
  struct Named {
    std::string name;
    std::size_t at = 0;
  };

  Result<Named> name() {
    const std::size_t at = in_.place();
    RLX_ASSIGN(std::string text, in_.quoted());
    return Named{std::move(text), at};
  }

  Status state() {
    RLX_ASSIGN(Named input, name());
    RLX_ASSIGN(Named output, name());
    states_.emplace_back(std::move(input), std::move(output));
    return {};
  }

  Status length() {
    if (length_) return in_.wrong("one length at most");
    RLX_ASSIGN(length_, name());
    graph_.length.emplace();
    RLX_TRY(in_.expect("step"));
    RLX_ASSIGN(graph_.length->step, in_.dim(","));
    RLX_TRY(in_.expect(","));
    RLX_TRY(in_.expect("capacity"));
    RLX_ASSIGN(graph_.length->capacity, in_.dim(""));
    return {};
  }

  Status place_states() {
    std::map<std::string_view, std::uint32_t> inputs, outputs;
    for (std::uint32_t i = 0; i < graph_.inputs.size(); ++i) inputs.emplace(graph_.values[graph_.inputs[i]].name, i);
    for (std::uint32_t i = 0; i < graph_.outputs.size(); ++i) outputs.emplace(graph_.outputs[i].name, i);
    for (const auto& [input, output] : states_) {
      const auto from = inputs.find(input.name);
      if (from == inputs.end()) return in_.wrong_at(input.at, "the name of an input");
      const auto to = outputs.find(output.name);
      if (to == outputs.end()) return in_.wrong_at(output.at, "the name of an output");
      graph_.states.push_back({from->second, to->second});
    }
    if (!length_) return {};
    const auto from = inputs.find(length_->name);
    if (from == inputs.end()) return in_.wrong_at(length_->at, "the name of an input");
    graph_.length->input = from->second;
    return {};
  }

  Status constraint() {
    Constraint rule;
    RLX_ASSIGN(rule.left, in_.dim("=>\""));
    rule.at_least = in_.take(">=");
    if (!rule.at_least) RLX_TRY(in_.expect("=="));
    RLX_ASSIGN(rule.right, in_.dim("\""));
    RLX_ASSIGN(rule.reason, in_.quoted());
    graph_.constraints.push_back(std::move(rule));
    return {};
  }

  Status node() {
    Node node;
    const std::size_t first = values_.size();
    if (!in_.take("_")) {
      do {
        RLX_ASSIGN(const std::size_t at, definition(ValueKind::kResult));
        node.results.push_back(values_[at].id);
      } while (in_.take(","));
    }
    RLX_TRY(in_.expect("="));
    RLX_TRY(op(node));
    RLX_TRY(operands(node));
    if (in_.take("{")) RLX_TRY(attributes(node));
    if (!node.results.empty()) RLX_TRY(in_.expect(":"));
    for (std::size_t i = first; i < first + node.results.size(); ++i) {
      if (i > first) RLX_TRY(in_.expect(","));
      RLX_ASSIGN(values_[i].value.shape, in_.shape());
    }
    if (in_.take("@")) {
      RLX_ASSIGN(node.name, in_.quoted());
    }
    while (in_.peek("region")) {
      RLX_ASSIGN(Graph region, GraphReader(in_, depth_ + 1).read("region"));
      node.regions.push_back(std::make_shared<const Graph>(std::move(region)));
    }
    graph_.nodes.push_back(std::move(node));
    return {};
  }

  Status op(Node& node) {
    if (in_.peek("\"")) {
      RLX_ASSIGN(node.ns, in_.quoted());
    }
    const std::size_t at = in_.place();
    if (in_.take("#")) {
      RLX_ASSIGN(node.op, in_.number<Opcode>("the number of an op"));
    } else {
      const OpInfo* info = op_by_name(in_.word());
      if (!info || !node.ns.empty()) return in_.wrong_at(at, "the name of an op, or `#` and its number");
      node.op = info->op;
    }
    if (in_.take("/")) {
      RLX_ASSIGN(node.version, in_.number<std::uint32_t>("the version of an op"));
    }
    return {};
  }

  Status operands(Node& node) {
    RLX_TRY(in_.expect("("));
    if (in_.take(")")) return {};
    do {
      RLX_ASSIGN(const ValueId used, operand());
      node.operands.push_back(used);
    } while (in_.take(","));
    return in_.expect(")");
  }

  Status attributes(Node& node) {
    do {
      const std::size_t at = in_.place();
      std::uint32_t key = 0;
      if (in_.take("#")) {
        RLX_ASSIGN(key, in_.number<std::uint32_t>("the number of an attribute"));
      } else {
        key = attr_by_name(in_.word());
        if (!key) return in_.wrong_at(at, "the name of an attribute, or `#` and its number");
      }
      RLX_TRY(in_.expect("="));
      RLX_ASSIGN(AttrValue value, attribute(node, key));
      if (!node.attributes.emplace(key, std::move(value)).second)
        return in_.wrong_at(at, "each attribute once");
    } while (in_.take(","));
    return in_.expect("}");
  }

  Result<AttrValue> attribute(const Node& node, std::uint32_t key) {
    if (in_.take(":")) return attr_value_of(in_.dtype());
    if (in_.peek("\"")) return attr_value_of(in_.quoted());
    if (in_.peek("[")) return attr_value_of(in_.dims());
    if (in_.take("float[")) return attr_value_of(reals());
    if (in_.take(".")) return attr_value_of(named(node, key));
    if (in_.at_real()) return attr_value_of(in_.real());
    return attr_value_of(in_.dim(",}"));
  }
  template <class T>
  static Result<AttrValue> attr_value_of(Result<T> value) {
    if (!value) return std::move(value).error();
    return AttrValue(*std::move(value));
  }

  Result<std::vector<double>> reals() {
    std::vector<double> values;
    if (in_.take("]")) return values;
    do {
      RLX_ASSIGN(const double value, in_.real());
      values.push_back(value);
    } while (in_.take(","));
    RLX_TRY(in_.expect("]"));
    return values;
  }

  Result<Dim> named(const Node& node, std::uint32_t key) {
    const std::size_t at = in_.place();
    const std::string_view name = in_.word();
    if (key == RLX_ATTR_ACT && act_by_name(name) >= 0) return Dim(act_by_name(name));
    const std::int64_t fn = key == RLX_ATTR_FN ? fn_by_name(node.op, name) : 0;
    if (fn == 0 && (key != RLX_ATTR_FN || fn_name(node.op, 0) != name || name.empty()))
      return in_.wrong_at(at, "the name of a function or activation");
    return Dim(fn);
  }

  Status place_values() {
    graph_.values.resize(values_.size());
    std::vector<bool> taken(values_.size());
    for (Defined& defined : values_) {
      if (defined.id >= values_.size() || taken[defined.id])
        return in_.wrong_at(defined.at, join("each of %0 to %", values_.size() - 1, " once"));
      taken[defined.id] = true;
      graph_.values[defined.id] = std::move(defined.value);
    }
    for (const auto& [id, at] : used_)
      if (id >= values_.size()) return in_.wrong_at(at, "a value of this graph");
    return {};
  }

  Cursor& in_;
  int depth_;
  Graph graph_;
  std::vector<Defined> values_;
  std::vector<std::pair<ValueId, std::size_t>> used_;
  std::vector<std::pair<Named, Named>> states_;
  std::optional<Named> length_;
};

}  // namespace

Result<Graph> parse_graph(std::string_view text) {
  if (text.size() > kTextMax)
    return fail(ErrorCode::kParseError, "a text of ", text.size(), " bytes; at most ", kTextMax);
  Cursor cursor(text);
  RLX_ASSIGN(Graph graph, GraphReader(cursor, 0).read("graph"));
  if (!cursor.ended()) return cursor.wrong("the end");
  return graph;
}

}  // namespace rlx
