// SPDX-License-Identifier: Apache-2.0
// The text form of a graph: print and parse. What is printed parses to an equal graph; names are quoted where needed,
// constants are written whole. The parser reads hostile text: every error is kParseError with line and column.
#pragma once

#include <string>
#include <string_view>

#include "runtime/base/result.h"
#include "runtime/ir/graph.h"

namespace rlx {

std::string print(const Graph& graph);
Result<Graph> parse_graph(std::string_view text);

}  // namespace rlx
