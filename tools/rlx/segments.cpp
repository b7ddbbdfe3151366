// SPDX-License-Identifier: Apache-2.0
#include "segments.h"

#include <algorithm>
#include <set>

namespace rlx_tool {
namespace {

std::vector<std::string> ids_in(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t at = text.find('%'); at != text.npos; at = text.find('%', at + 1)) {
    const std::size_t end = std::min(text.find_first_not_of("0123456789", at + 1), text.size());
    if (end > at + 1) out.emplace_back(text.substr(at, end - at));
  }
  return out;
}

/// "f32[2, 3], i64[2]" -> two; commas inside brackets part nothing.
std::vector<std::string> types_in(std::string_view text) {
  std::vector<std::string> out(1);
  int depth = 0;
  for (const char c : text) {
    depth += (c == '[' || c == '(') - (c == ']' || c == ')');
    if (c == ',' && depth == 0) {
      out.emplace_back();
    } else if (c != ' ' || !out.back().empty()) {
      out.back() += c;
    }
  }
  return out;
}

bool take_op(const std::string& line, TextOp& op) {
  const std::size_t equals = line.find(" = "), open = line.find('(', equals), close = line.find(')', open), types = line.rfind(" : ");
  if (equals == line.npos || open == line.npos || close == line.npos || types == line.npos || types < close) return false;
  op.results = ids_in(std::string_view(line).substr(0, equals));
  op.kind = line.substr(equals + 3, open - equals - 3);
  op.operands = ids_in(std::string_view(line).substr(open, close - open));
  op.types = types_in(std::string_view(line).substr(types + 3));
  return !op.results.empty() && op.results.size() == op.types.size();
}

/// A line of the graph itself. Its first word says what it is.
rlx::Status take_line(const std::string& line, TextGraph& graph) {
  const std::size_t begin = line.find_first_not_of(' ');
  const std::string word = line.substr(begin, line.find(' ', begin) - begin);
  const auto id = [&] {
    const auto ids = ids_in(line);
    return ids.empty() ? std::string() : ids[0];
  };
  if (word == "symbol") graph.symbols += line + "\n";
  else if (word == "require") graph.requirements += line + "\n";
  else if (word == "input") graph.inputs[id()] = line;
  else if (word == "param" || word == "const") graph.constants[id()] = line;
  else if (word == "output" || word == "}") return {};
  else if (word.starts_with("%")) {
    TextOp op;
    if (!take_op(line, op)) return rlx::Error(rlx::ErrorCode::kParseError, "`" + line.substr(0, 80) + "` is no op of the text form");
    op.text = line + "\n";
    graph.ops.push_back(std::move(op));
  } else {
    return rlx::Error(rlx::ErrorCode::kInvalidArgument, "a graph with `" + word + "` cannot be cut into segments: models with states are not bisected yet");
  }
  return {};
}

/// Numbers ids anew, in the order in which they are met: a graph's are 0, 1, 2 and so on.
class Renumbering {
 public:
  /// The first line of `text`, quoted names left alone; regions have numbers of their own.
  std::string line(const std::string& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string out;
    bool quoted = false;
    for (std::size_t i = 0; i < end;) {
      quoted ^= text[i] == '"';
      const std::size_t after = text[i] == '%' && !quoted ? std::min(text.find_first_not_of("0123456789", i + 1), end) : i + 1;
      out += after > i + 1 ? id(text.substr(i, after - i)) : text.substr(i, 1);
      i = after;
    }
    return out + text.substr(end);
  }

 private:
  std::string id(const std::string& old) { return "%" + std::to_string(ids_.emplace(old, ids_.size()).first->second); }
  std::map<std::string, std::size_t> ids_;
};

}  // namespace

std::string value_name(const std::string& id) { return "v" + id.substr(1); }

std::string quoted_name(const std::string& line) {
  const std::size_t open = line.find('"'), close = line.rfind('"');
  return open == line.npos || close <= open ? std::string() : line.substr(open + 1, close - open - 1);
}

rlx::Result<TextGraph> read_graph(std::string_view text) {
  TextGraph graph;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(' ') == line.npos) continue;
    if (graph.head.empty()) {
      if (!line.starts_with("graph ")) return rlx::Error(rlx::ErrorCode::kParseError, "`" + line.substr(0, 80) + "`: wanted `graph`");
      graph.head = line + "\n";
    } else if (line.starts_with("    ")) {
      if (graph.ops.empty()) return rlx::Error(rlx::ErrorCode::kParseError, "`" + line.substr(0, 80) + "` belongs to no op");
      graph.ops.back().text += line + "\n";
    } else if (auto status = take_line(line, graph); !status) {
      return status.error();
    }
  }
  return graph;
}

Segment segment_of(const TextGraph& graph, std::size_t first, std::size_t last) {
  Segment out;
  std::set<std::string> made, read;
  Renumbering renumber;
  std::string inputs, constants, ops, outputs;
  std::map<std::string, std::string> types;
  for (std::size_t i = 0; i < first; ++i)
    for (std::size_t k = 0; k < graph.ops[i].results.size(); ++k) types[graph.ops[i].results[k]] = graph.ops[i].types[k];
  for (std::size_t i = first; i < last; ++i) {
    const TextOp& op = graph.ops[i];
    for (const std::string& id : op.operands) {
      if (made.count(id) || !read.insert(id).second) continue;
      if (const auto constant = graph.constants.find(id); constant != graph.constants.end()) {
        constants += renumber.line(constant->second) + "\n";
        out.constants.push_back(id);
        continue;
      }
      const auto input = graph.inputs.find(id);
      inputs += renumber.line(input != graph.inputs.end() ? input->second : "  input " + id + " \"" + value_name(id) + "\" " + types[id]) + "\n";
      out.inputs.push_back(id);
    }
    ops += renumber.line(op.text);
    for (const std::string& id : op.results) {
      made.insert(id);
      outputs += renumber.line("  output \"" + value_name(id) + "\" " + id) + "\n";
      out.outputs.push_back(id);
    }
  }
  out.text = graph.head + graph.symbols + inputs + constants + ops + outputs + graph.requirements + "}\n";
  return out;
}

}  // namespace rlx_tool
