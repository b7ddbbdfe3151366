// SPDX-License-Identifier: Apache-2.0
// A graph in text form, cut into runs of ops that are models of their own: what such a run reads from outside becomes its
// inputs, everything that it computes its outputs.
#pragma once

#include <rlx/host/result.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace rlx_tool {

/// One op of the text.
struct TextOp {
  std::string kind;                   ///< "layer_norm"
  std::vector<std::string> results;   ///< "%110"
  std::vector<std::string> types;     ///< of the results, "f32[batch, seq, 384]"
  std::vector<std::string> operands;  ///< "%109"
  std::string text;                   ///< its lines, regions included
};

struct TextGraph {
  std::string head;                             ///< the first line
  std::string symbols, requirements;            ///< their lines
  std::map<std::string, std::string> inputs;    ///< id -> line
  std::map<std::string, std::string> constants; ///< params and consts: id -> line
  std::vector<TextOp> ops;                      ///< in order
};

/// What Template::dump prints. Errors: kParseError for other text; kInvalidArgument for graphs with states.
rlx::Result<TextGraph> read_graph(std::string_view text);

/// Ops first .. last - 1 as a model.
struct Segment {
  std::string text;
  std::vector<std::string> inputs;   ///< ids; the input is called as the graph's own, or "v" and the number
  std::vector<std::string> constants;  ///< ids of params and consts that it reads
  std::vector<std::string> outputs;  ///< ids of every result, in order; the output is called "v" and the number
};
Segment segment_of(const TextGraph& graph, std::size_t first, std::size_t last);

/// "%110" -> "v110".
std::string value_name(const std::string& id);
/// The name between the quotes of a line such as `input %0 "x" f32[3]`.
std::string quoted_name(const std::string& line);

}  // namespace rlx_tool
