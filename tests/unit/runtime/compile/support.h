// SPDX-License-Identifier: Apache-2.0
// What the tests of compiling share: graphs from short text, running one pass, and the numbers that a graph computes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "../ir/infer/eval.h"
#include "runtime/compile/pipeline.h"
#include "runtime/ir/build.h"
#include "runtime/ir/graph.h"

namespace rlx::test {

/// Parses text in which composites have no region: each gets its own expansion. Shapes are inferred; fails the test
/// where that does not verify.
Graph read_graph(const std::string& text);
/// The text of a graph without the regions that expansion() would give.
std::string short_text(const Graph& graph);

/// Runs one pass of the pipeline by name, or all of them (""), and verifies.
Graph after_pass(const Graph& graph, std::string_view pass);
Graph after_passes(const Graph& graph, const std::vector<std::string_view>& passes);

std::size_t count(const Graph& graph, Opcode op);
const Node& only(const Graph& graph, Opcode op);

/// Outputs for inputs and params filled from `seed` by name; symbols from `binding`. Composites are expanded.
std::vector<Tensor> numbers_of(const Graph& graph, const DimBinding& binding, std::uint32_t seed);

/// Both graphs give the same numbers within `tolerance` (relative to 1).
void expect_same_numbers(const Graph& a, const Graph& b, const DimBinding& binding, std::uint32_t seed, double tolerance = 1e-9);

}  // namespace rlx::test
