// SPDX-License-Identifier: Apache-2.0
#include "support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "runtime/compile/specialize.h"
#include "runtime/ir/infer.h"
#include "runtime/ir/lir/image.h"
#include "runtime/ir/text.h"
#include "runtime/ir/verify.h"
#include "runtime/reference/interpreter.h"

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

std::uint32_t mixed(std::uint32_t seed, const std::string& name) {
  for (const char c : name) seed = seed * 131 + static_cast<unsigned char>(c);
  return seed;
}

/// Values that suit the dtype: floats around 0, integers 0 to 2, bools mostly true.
std::vector<std::byte> filled(const lir::Value& value, const std::string& name, std::uint32_t seed) {
  reference::Sizes dims;
  for (const Dim& dim : value.dims) dims.push_back(dim.number());
  reference::Tensor tensor(value.dtype, dims);
  std::mt19937 random(mixed(seed, name));
  std::uniform_real_distribution<double> real(-1.5, 1.5);
  for (double& element : tensor.v) element = real(random);
  for (std::int64_t& element : tensor.i) element = value.dtype == DType::kBool ? random() % 3 != 0 : static_cast<std::int64_t>(random() % 3);
  std::vector<std::byte> bytes(tensor.count() * dtype_bytes(value.dtype));
  reference::write_values(tensor, bytes.data());
  return bytes;
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

Target takes_all() {
  Target target;
  target.name = "takes_all";
  target.query = [](Bytes image) -> Result<TargetAnswer> {
    RLX_ASSIGN(const lir::Module module, lir::read_image(image));
    return TargetAnswer{std::vector<Verdict>(module.ops.size(), {Verdict::Kind::kNative, {}}), false};
  };
  return target;
}

std::vector<reference::TensorPtr> numbers_of(const Graph& graph, const DimBinding& binding, std::uint32_t seed) {
  Specializer specializer(std::make_shared<const Graph>(graph), takes_all());
  const auto image = specializer.specialize(binding);
  if (!image) {
    ADD_FAILURE() << image.error().to_string() << "\n" << short_text(graph);
    return {};
  }
  const auto program = reference::Program::make(image->image->bytes());
  if (!program) {
    ADD_FAILURE() << program.error().to_string() << "\n" << short_text(graph);
    return {};
  }
  const lir::Module& module = program->module();
  std::vector<std::vector<std::byte>> store;
  for (const lir::Io& input : module.inputs) store.push_back(filled(module.values[input.value], input.name, seed));
  for (const lir::ParamRef& param : module.params) {
    const Param& source = graph.params[param.set_index];
    store.push_back(source.owned ? *source.owned : filled(module.values[param.value], source.name, seed));
  }
  reference::RunMemory memory;
  for (std::size_t i = 0; i < store.size(); ++i)
    (i < module.inputs.size() ? memory.inputs : memory.params).push_back(Bytes(store[i].data(), store[i].size()));
  auto outputs = program->run(memory, {});
  if (!outputs) {
    ADD_FAILURE() << outputs.error().to_string() << "\n" << short_text(graph);
    return {};
  }
  return *std::move(outputs);
}

void expect_same_numbers(const Graph& a, const Graph& b, const DimBinding& binding, std::uint32_t seed, double tolerance) {
  const auto left = numbers_of(a, binding, seed), right = numbers_of(b, binding, seed);
  ASSERT_EQ(left.size(), right.size());
  for (std::size_t i = 0; i < left.size(); ++i) {
    ASSERT_EQ(left[i]->dims, right[i]->dims) << "output " << i;
    ASSERT_EQ(left[i]->i, right[i]->i) << "output " << i << "\n" << short_text(a) << "\n" << short_text(b);
    for (std::size_t k = 0; k < left[i]->v.size(); ++k) {
      const double x = left[i]->v[k], y = right[i]->v[k];
      if (x == y || (std::isnan(x) && std::isnan(y))) continue;
      ASSERT_NEAR(x, y, tolerance * std::max(1.0, std::fabs(x)))
          << "output " << i << ", element " << k << "\n" << short_text(a) << "\n" << short_text(b);
    }
  }
}

Maker::Maker() {
  graph.symbols["b"] = {0, 1000};
  graph.symbols["s"] = {0, 1000};
}

ValueId Maker::linear(ValueId x, ValueId w, Attributes attributes) {
  return add_composite(b, RLX_OP_LINEAR, {x, w}, std::move(attributes));
}

ValueId Maker::layer_norm(ValueId x, ValueId gamma, ValueId beta, std::int64_t axis) {
  return add_composite(b, RLX_OP_LAYER_NORM, {x, gamma, beta}, {{RLX_ATTR_AXIS, Dim(axis)}, {RLX_ATTR_EPS, 1e-5}});
}

ValueId Maker::softmax(ValueId x, std::int64_t axis) { return add_composite(b, RLX_OP_SOFTMAX, {x}, {{RLX_ATTR_AXIS, Dim(axis)}}); }

ValueId Maker::act(ValueId x, std::uint32_t fn) { return add_composite(b, RLX_OP_ACT, {x}, {{RLX_ATTR_FN, Dim(fn)}}); }

Graph Maker::finish(const std::vector<ValueId>& outputs) {
  if (const Status status = b.status(); !status) ADD_FAILURE() << status.error().to_string();
  for (std::size_t i = 0; i < outputs.size(); ++i) graph.outputs.push_back({join("y", i), outputs[i]});
  return graph;
}

Graph fused(const Graph& graph, double tolerance, bool empty) {
  Graph result = after_pass(graph, "");
  for (const auto& [batch, seq] : {std::pair{2, 3}, std::pair{1, 1}, std::pair{3, 1}, std::pair{0, 2}})
    if (batch != 0 || empty) expect_same_numbers(graph, result, {{"b", batch}, {"s", seq}}, static_cast<std::uint32_t>(7 * batch + seq), tolerance);
  return result;
}

}  // namespace rlx::test
