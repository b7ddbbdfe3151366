// SPDX-License-Identifier: Apache-2.0
// What the tests of compiling share: graphs from short text, running one pass, and the numbers that a graph computes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/compile/pipeline.h"
#include "runtime/compile/target.h"
#include "runtime/ir/build.h"
#include "runtime/ir/graph.h"
#include "runtime/reference/tensor.h"

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

/// A device that takes every op and every stride.
Target takes_all();

/// Outputs, by the reference, for inputs and params filled from `seed` by name.
std::vector<reference::TensorPtr> numbers_of(const Graph& graph, const DimBinding& binding, std::uint32_t seed);

/// Both graphs give the same numbers within `tolerance` (relative to 1, or to the number where that is more).
void expect_same_numbers(const Graph& a, const Graph& b, const DimBinding& binding, std::uint32_t seed, double tolerance = 1e-6);

/// A graph under construction with symbols b and s.
struct Maker {
  Graph graph;
  MirBuilder b{graph};

  Maker();
  static Dim B() { return Dim::symbol("b"); }
  static Dim S() { return Dim::symbol("s"); }
  ValueId input(const std::string& name, Dims dims, DType dtype = DType::kF32) { return graph.add_input(name, {dtype, std::move(dims)}); }
  ValueId param(const std::string& name, Dims dims) { return graph.add_param(name, {DType::kF32, std::move(dims)}); }
  ValueId number(double value) { return b.scalar(DType::kF32, value); }
  ValueId add(ValueId x, ValueId y) { return b.binary(RLX_BINARY_ADD, x, y); }
  ValueId sub(ValueId x, ValueId y) { return b.binary(RLX_BINARY_SUB, x, y); }
  ValueId mul(ValueId x, ValueId y) { return b.binary(RLX_BINARY_MUL, x, y); }
  ValueId div(ValueId x, ValueId y) { return b.binary(RLX_BINARY_DIV, x, y); }
  ValueId linear(ValueId x, ValueId w, Attributes attributes = {});
  ValueId layer_norm(ValueId x, ValueId gamma, ValueId beta, std::int64_t axis);
  ValueId softmax(ValueId x, std::int64_t axis);
  ValueId act(ValueId x, std::uint32_t fn);
  /// Fails the test where a call went wrong.
  Graph finish(const std::vector<ValueId>& outputs);
};

/// The graph after all passes; checks that the numbers stay the same for several sizes, a batch of none among them
/// (`empty`: not where a slice of nothing starts past 0, which images refuse).
Graph fused(const Graph& graph, double tolerance = 1e-6, bool empty = true);

}  // namespace rlx::test
