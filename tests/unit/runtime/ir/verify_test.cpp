// SPDX-License-Identifier: Apache-2.0
// One well-formed graph, and for each rule the smallest damage that breaks it.
#include "runtime/ir/verify.h"

#include <gtest/gtest.h>

#include <functional>

#include "runtime/ir/build.h"
#include "runtime/ir/text.h"

namespace rlx {
namespace {

Graph well_formed() {
  Graph graph;
  graph.name = "g";
  const Dim batch = Dim::symbol("batch");
  graph.symbols["batch"] = {};
  const ValueId x = graph.add_input("x", {DType::kF32, {batch, 4}});
  const ValueId w = graph.add_param("w", {DType::kF32, {4, 4}});
  MirBuilder build(graph);
  const ValueId y = build.matmul(x, w);
  const ValueId z = build.binary(RLX_BINARY_ADD, y, build.scalar(DType::kF32, 1.5));
  const ValueId soft = add_composite(build, RLX_OP_SOFTMAX, {z}, {{RLX_ATTR_AXIS, Dim(1)}});
  EXPECT_TRUE(build.status()) << build.status().error().to_string();
  graph.outputs.push_back({"y", soft});
  return graph;
}

std::string broken_by(const std::function<void(Graph&)>& damage) {
  Graph graph = well_formed();
  damage(graph);
  const auto status = verify(graph);
  if (status) return "nothing is wrong";
  EXPECT_EQ(status.error().code(), ErrorCode::kInvalidModel);
  return status.error().message();
}

#define EXPECT_BROKEN(words, ...)                                                        \
  EXPECT_NE(broken_by([](Graph& graph) { __VA_ARGS__; }).find(words), std::string::npos) \
      << broken_by([](Graph& graph) { __VA_ARGS__; })

TEST(Verify, AcceptsAWellFormedGraph) {
  const Graph graph = well_formed();
  const auto status = verify(graph);
  EXPECT_TRUE(status) << status.error().to_string() << "\n" << print(graph);
}

TEST(Verify, AcceptsItsOwnTextReadBack) {
  const auto graph = parse_graph(print(well_formed()));
  ASSERT_TRUE(graph) << graph.error().to_string();
  const auto status = verify(*graph);
  EXPECT_TRUE(status) << status.error().to_string();
}

/// Output "next" leaves what input "x" finds; input "n" is the length.
void add_state(Graph& graph) {
  graph.outputs.push_back({"next", graph.inputs[0]});
  graph.states.push_back({0, 1});
  graph.add_input("n", {DType::kI64, {}});
  graph.length = StateLength{1, Dim::symbol("batch"), Dim(8)};
}

TEST(Verify, AcceptsStatesAndTheirLength) {
  Graph graph = well_formed();
  add_state(graph);
  const auto status = verify(graph);
  EXPECT_TRUE(status) << status.error().to_string();
}

TEST(Verify, NamesTheRuleThatStatesBreak) {
  EXPECT_BROKEN("state 0 is input 7", add_state(graph); graph.states[0].input = 7);
  EXPECT_BROKEN("and output 2", add_state(graph); graph.states[0].output = 2);
  EXPECT_BROKEN("shares one of them", add_state(graph); graph.states.push_back({0, 0}));
  EXPECT_BROKEN("shares one of them", add_state(graph); graph.states.push_back({1, 1}));
  EXPECT_BROKEN("is f32[batch, 4], but its next value, output `next`, is i64[]", add_state(graph);
                graph.outputs[1].value = graph.inputs[1]);
  EXPECT_BROKEN("belongs to states, of which there are none", add_state(graph); graph.states.clear());
  EXPECT_BROKEN("the length is input 9", add_state(graph); graph.length->input = 9);
  EXPECT_BROKEN("is a state and the length", add_state(graph); graph.length->input = 0);
  EXPECT_BROKEN("wanted i64[]", add_state(graph); graph.values[graph.inputs[1]].shape.dtype = DType::kI32);
  EXPECT_BROKEN("symbol `room` occurs", add_state(graph); graph.length->capacity = Dim::symbol("room"));
  EXPECT_BROKEN("symbol `rows` occurs", add_state(graph); graph.length->step = Dim::symbol("rows"));
}

TEST(Verify, NamesTheRuleThatValuesBreak) {
  EXPECT_BROKEN("has rank 9", graph.values[0].shape.dims.assign(9, Dim(1)));
  EXPECT_BROKEN("dtype none", graph.values[0].shape.dtype = DType::kNone);
  EXPECT_BROKEN("wanted dims of 0 and more", graph.values[0].shape.dims[1] = Dim(-4));
  EXPECT_BROKEN("does not say so itself", graph.values[0].index = 3);
  EXPECT_BROKEN("input 0 is value %77", graph.inputs[0] = 77);
  EXPECT_BROKEN("wanted a name of its own", graph.values[0].name.clear());
  EXPECT_BROKEN("wanted numbers only", graph.values[1].shape.dims[0] = Dim::symbol("batch"));
  EXPECT_BROKEN("has 3 bytes, wanted 64",
                graph.params[0].owned = std::make_shared<const std::vector<std::byte>>(3));
  EXPECT_BROKEN("constant 0 has no bytes", graph.constants[0].bytes = nullptr);
  EXPECT_BROKEN("has 5 bytes, wanted 4",
                graph.constants[0].bytes = std::make_shared<const std::vector<std::byte>>(5));
  EXPECT_BROKEN("its constant", graph.constants[0].shape.dtype = DType::kI32);
}

TEST(Verify, NamesTheRuleThatNodesBreak) {
  EXPECT_BROKEN("which is not defined before", std::swap(graph.nodes.front(), graph.nodes.back()));
  EXPECT_BROKEN("operand 0 is value %99", graph.nodes[0].operands[0] = 99);
  EXPECT_BROKEN("which is no result", graph.nodes[0].results[0] = 0);
  EXPECT_BROKEN("which is defined already", graph.nodes.push_back(graph.nodes[0]));
  EXPECT_BROKEN("no op has this number", graph.nodes[0].op = 4711);
  EXPECT_BROKEN("version 2, wanted 1 to 1", graph.nodes[0].version = 2);
  EXPECT_BROKEN("no attribute has this number", graph.nodes[0].attributes[999] = Dim(1));
  EXPECT_BROKEN("inference gives f32", graph.values[graph.nodes[0].results[0]].shape.dims[1] = Dim(5));
  EXPECT_BROKEN("node 0 (", graph.nodes[0].operands.clear());
}

Graph& region_of_last(Graph& graph) {
  auto copy = std::make_shared<Graph>(*graph.nodes.back().regions.at(0));
  Graph& region = *copy;
  graph.nodes.back().regions[0] = std::move(copy);
  return region;
}

TEST(Verify, NamesTheRuleThatRegionsBreak) {
  EXPECT_BROKEN("has 0 regions, wanted 1", graph.nodes.back().regions.clear());
  EXPECT_BROKEN("region 0 is not there", graph.nodes.back().regions[0] = nullptr);
  EXPECT_BROKEN("has 0 results, wanted 1", region_of_last(graph).outputs.clear());
  EXPECT_BROKEN("wanted 1 as there are operands", region_of_last(graph).add_input("", {DType::kF32, {}}));
  EXPECT_BROKEN("as the operand", Graph& region = region_of_last(graph);
                region.values[region.inputs[0]].shape.dims[1] = Dim(7); region.nodes.clear();
                region.outputs[0].value = region.inputs[0]);
  EXPECT_BROKEN("symbols or constraints of its own", region_of_last(graph).symbols["x"] = {});
  EXPECT_BROKEN("params, wanted none", region_of_last(graph).add_param("p", {DType::kF32, {}}));
}

TEST(Verify, NamesTheRuleThatOutputsAndSymbolsBreak) {
  EXPECT_BROKEN("which nothing defines", graph.outputs[0].value = 500);
  EXPECT_BROKEN("named ``", graph.outputs[0].name.clear());
  EXPECT_BROKEN("named `y`", graph.outputs.push_back(graph.outputs[0]));
  EXPECT_BROKEN("symbol `batch` occurs", graph.symbols.clear());
  EXPECT_BROKEN("symbol `k` occurs", graph.constraints.push_back({Dim::symbol("k"), 1, false, ""}));
  EXPECT_BROKEN("0 <= least <= greatest", graph.symbols["batch"] = (SymbolRange{-1, 4}));
  EXPECT_BROKEN("0 <= least <= greatest", graph.symbols["batch"] = (SymbolRange{5, 4}));
}

}  // namespace
}  // namespace rlx
