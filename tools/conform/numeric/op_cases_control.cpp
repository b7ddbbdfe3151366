// SPDX-License-Identifier: Apache-2.0
// if and while.
#include "runtime/ir/build.h"
#include "tools/conform/numeric/op_cases.h"

namespace rlx::conform {
namespace {

using GraphPtr = std::shared_ptr<const Graph>;

/// Of (pred, a, b): a op b.
GraphPtr branch(DType dtype, std::uint32_t fn) {
  auto graph = std::make_shared<Graph>();
  graph->add_input("pred", {DType::kBool, {}});
  const ValueId a = graph->add_input("a", {dtype, {4, 9}}), b = graph->add_input("b", {dtype, {4, 9}});
  MirBuilder m(*graph);
  graph->outputs = {{"y", m.binary(fn, a, b)}};
  return graph;
}

/// Of (i, x, step): i < limit.
GraphPtr condition(DType dtype, std::int64_t limit) {
  auto graph = std::make_shared<Graph>();
  const ValueId i = graph->add_input("i", {DType::kI64, {}});
  graph->add_input("x", {dtype, {3, 5}});
  graph->add_input("step", {dtype, {3, 5}});
  MirBuilder m(*graph);
  graph->outputs = {{"go", m.compare(RLX_COMPARE_LT, i, add_scalar_i64(*graph, DType::kI64, limit))}};
  return graph;
}

/// Of (i, x, step): (i + 1, x + step, step).
GraphPtr body(DType dtype) {
  auto graph = std::make_shared<Graph>();
  const ValueId i = graph->add_input("i", {DType::kI64, {}}), x = graph->add_input("x", {dtype, {3, 5}}), step = graph->add_input("step", {dtype, {3, 5}});
  MirBuilder m(*graph);
  const ValueId next = m.binary(RLX_BINARY_ADD, i, add_scalar_i64(*graph, DType::kI64, 1));
  graph->outputs = {{"i", next}, {"x", m.binary(RLX_BINARY_ADD, x, step)}, {"step", step}};
  return graph;
}

}  // namespace

void control_cases(std::vector<OpCase>& out) {
  for (const DType dtype : {DType::kF32, DType::kI64, DType::kF16}) {
    const int effort = dtype == DType::kF32 ? 0 : 1;
    const std::string type(dtype_name(dtype));
    for (const std::int64_t pred : {0, 1})
      out.push_back({.name = "if/" + type + (pred ? "/then" : "/else"), .op = RLX_OP_IF,
                     .operands = {given(DType::kBool, {}, {pred}), operand(dtype, {4, 9}), operand(dtype, {4, 9})},
                     .regions = {branch(dtype, RLX_BINARY_ADD), branch(dtype, RLX_BINARY_MUL)}, .exact = true, .effort = effort});
    for (const std::int64_t trips : {0, 1, 7})
      out.push_back({.name = "while/" + type + "/" + std::to_string(trips), .op = RLX_OP_WHILE,
                     .operands = {given(DType::kI64, {}, {10 - trips}), operand(dtype, {3, 5}), operand(dtype, {3, 5})},
                     .regions = {condition(dtype, 10), body(dtype)}, .exact = true, .effort = effort});
    // The condition would go on: the count ends it.
    for (const std::int64_t most : {0, 3})
      out.push_back({.name = "while/" + type + "/at_most_" + std::to_string(most), .op = RLX_OP_WHILE,
                     .operands = {given(DType::kI64, {}, {0}), operand(dtype, {3, 5}), operand(dtype, {3, 5})}, .attributes = {{RLX_ATTR_TRIP_COUNT, number(most)}},
                     .regions = {condition(dtype, 10), body(dtype)}, .exact = true, .effort = effort});
  }
}

}  // namespace rlx::conform
