// SPDX-License-Identifier: Apache-2.0
#include "support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "runtime/compile/legalize.h"
#include "runtime/ir/infer.h"
#include "runtime/ir/text.h"
#include "runtime/ir/verify.h"

namespace rlx::test {
namespace {

bool has_canonical_region(const Node& node) {
  const OpInfo* info = op_info(node.op);
  return node.ns.empty() && info && info->composite && node.op != RLX_OP_ELEMENTWISE && node.op != RLX_OP_ROW_CHAIN;
}

std::shared_ptr<const Graph> region_of(const Graph& graph, const Node& node) {
  std::vector<Shape> shapes;
  for (const ValueId id : node.operands) shapes.push_back(id == kAbsent ? Shape{} : graph.values[id].shape);
  auto region = expansion(node.op, shapes, node.attributes);
  if (!region) {
    ADD_FAILURE() << region.error().to_string();
    return nullptr;
  }
  if ((*region)->outputs.size() == node.results.size()) return *region;
  auto fewer = std::make_shared<Graph>(**region);
  fewer->outputs.resize(node.results.size());
  return fewer;
}

Graph expanded(Graph graph) {
  while (true) {
    std::vector<bool> chosen;
    for (const Node& node : graph.nodes) chosen.push_back(node.regions.size() == 1);
    if (std::find(chosen.begin(), chosen.end(), true) == chosen.end()) return graph;
    auto inlined = inline_nodes(graph, chosen);
    if (!inlined) {
      ADD_FAILURE() << inlined.error().to_string();
      return graph;
    }
    graph = *std::move(inlined);
  }
}

Tensor filled(const Shape& shape, const std::string& name, const DimBinding& binding, std::uint32_t seed) {
  Tensor tensor{evaluate(shape.dims, binding).value(), {}};
  std::uint32_t mix = seed;
  for (const char c : name) mix = mix * 131 + static_cast<unsigned char>(c);
  std::mt19937 random(mix);
  std::uniform_real_distribution<double> real(-1.5, 1.5);
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    if (shape.dtype == DType::kBool)
      tensor.data.push_back(random() % 3 != 0);
    else if (is_int(shape.dtype))
      tensor.data.push_back(static_cast<double>(random() % 3));
    else
      tensor.data.push_back(real(random));
  }
  return tensor;
}

}  // namespace

Graph read_graph(const std::string& text) {
  auto parsed = parse_graph(text);
  if (!parsed) {
    ADD_FAILURE() << parsed.error().to_string();
    return {};
  }
  for (Node& node : parsed->nodes)
    if (has_canonical_region(node) && node.regions.empty()) node.regions = {region_of(*parsed, node)};
  if (const Status status = infer_all(*parsed); !status) ADD_FAILURE() << status.error().to_string();
  if (const Status status = verify(*parsed); !status) ADD_FAILURE() << status.error().to_string();
  return *std::move(parsed);
}

std::string short_text(const Graph& graph) {
  Graph copy = graph;
  for (Node& node : copy.nodes)
    if (has_canonical_region(node) && node.regions.size() == 1 && print(*node.regions[0]) == print(*region_of(graph, node)))
      node.regions.clear();
  return print(copy);
}

Graph after_pass(const Graph& graph, std::string_view name) {
  Graph copy = graph;
  bool found = false;
  for (const Pass& pass : passes()) {
    if (!name.empty() && pass.name != name) continue;
    found = true;
    if (const Status status = pass.run(copy); !status) ADD_FAILURE() << pass.name << ": " << status.error().to_string();
    if (const Status status = verify(copy); !status) ADD_FAILURE() << pass.name << ": " << status.error().to_string();
  }
  EXPECT_TRUE(found) << "no pass " << name;
  return copy;
}

Graph after_passes(const Graph& graph, const std::vector<std::string_view>& names) {
  Graph result = graph;
  for (const std::string_view name : names) result = after_pass(result, name);
  return result;
}

std::size_t count(const Graph& graph, Opcode op) {
  return static_cast<std::size_t>(
      std::count_if(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) { return node.op == op; }));
}

const Node& only(const Graph& graph, Opcode op) {
  EXPECT_EQ(count(graph, op), 1u) << op_name(op) << " in\n" << short_text(graph);
  static const Node kNone;
  for (const Node& node : graph.nodes)
    if (node.op == op) return node;
  return kNone;
}

std::vector<Tensor> numbers_of(const Graph& graph, const DimBinding& binding, std::uint32_t seed) {
  Graph flat = expanded(graph);
  std::vector<Tensor> inputs;
  for (const ValueId id : flat.inputs) inputs.push_back(filled(flat.values[id].shape, flat.values[id].name, binding, seed));
  for (const Param& param : flat.params) {
    flat.inputs.push_back(param.value);
    inputs.push_back(filled(flat.values[param.value].shape, param.name, binding, seed));
  }
  return evaluate(flat, inputs, binding);
}

void expect_same_numbers(const Graph& a, const Graph& b, const DimBinding& binding, std::uint32_t seed, double tolerance) {
  const std::vector<Tensor> left = numbers_of(a, binding, seed), right = numbers_of(b, binding, seed);
  ASSERT_EQ(left.size(), right.size());
  for (std::size_t i = 0; i < left.size(); ++i) {
    ASSERT_EQ(left[i].dims, right[i].dims) << "output " << i;
    for (std::size_t k = 0; k < left[i].data.size(); ++k) {
      const double x = left[i].data[k], y = right[i].data[k];
      if (std::isnan(x) && std::isnan(y)) continue;
      ASSERT_NEAR(x, y, tolerance * std::max(1.0, std::fabs(x)))
          << "output " << i << ", element " << k << "\n" << short_text(a) << "\n" << short_text(b);
    }
  }
}

}  // namespace rlx::test
