// SPDX-License-Identifier: Apache-2.0
// The text form of a graph: print and parse. What is printed parses to an equal graph; names are quoted where needed,
// constants are written whole. The parser reads hostile text: every error is kParseError with line and column.
//
//   graph "name" {
//     symbol seq 1..512                          range; nothing after `..` = no bound
//     input %0 "ids" i64[batch, seq]             values by id; a name in quotes where the value has one
//     param %1 "w" f32[4, 4] owned x0000803f..   bytes only where the model carries them
//     const %2 f32[] x0000003f
//     %3, %4 = top_k(%0, _){k=seq, axis=1} : i64[batch, seq], i64[batch, seq] @"origin"
//       region "body" { .. }                     a graph of its own
//     unused %5 f32[2]                           an id that nothing makes
//     output "y" %3
//     state "cache" "cache"                      an input and the output that leaves its next value in the same memory
//     length "past" step seq, capacity 4*seq     the input that holds how far the states are filled
//     require seq >= 2*batch "why"
//   }
//
// Ops: `name`, `name/2` (version), `#4711`, `"ns"#7`. Attributes: a dim, `[dims]`, `1.5`, `float[1.0]`, `:f16`, `"text"`,
// `.add` (an FN or ACT by name); `#4711=` where a key has no name. tests/golden/ir/forms.ir shows every form.
#pragma once

#include <string>
#include <string_view>

#include "runtime/base/result.h"
#include "runtime/ir/graph.h"

namespace rlx {

std::string print(const Graph& graph);
Result<Graph> parse_graph(std::string_view text);

}  // namespace rlx
