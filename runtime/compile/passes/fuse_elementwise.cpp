// SPDX-License-Identifier: Apache-2.0
// From the end backwards, a node joins the cluster of its readers where they are all in one: so nothing but a cluster's
// last node is seen from outside, and the cluster can stand where that node stood.
#include "runtime/compile/passes/fuse_elementwise.h"

#include <algorithm>
#include <map>
#include <set>

#include "runtime/compile/passes/rewrite.h"

namespace rlx {
namespace {

constexpr std::size_t kMostInputs = 8;
constexpr std::size_t kMostSteps = 64;
constexpr std::size_t kNone = SIZE_MAX, kSeveral = SIZE_MAX - 1;

bool is_step(const Node& node) {
  if (!node.ns.empty() || node.results.size() != 1) return false;
  for (const ValueId id : node.operands)
    if (id == kAbsent) return false;
  switch (node.op) {
    case RLX_OP_UNARY:
    case RLX_OP_BINARY:
    case RLX_OP_COMPARE:
    case RLX_OP_SELECT:
    case RLX_OP_CAST:
    case RLX_OP_ACT:
      return true;
    default:
      return false;
  }
}

struct Cluster {
  bool open = false;               ///< takes further nodes
  Dims dims;
  std::set<ValueId> inputs;
  std::vector<std::size_t> nodes;  ///< last first
};

/// One cluster per node that ends one.
class Clustering {
 public:
  explicit Clustering(const Graph& graph) : graph_(graph), readers_(graph.values.size(), kNone) {
    for (const Output& output : graph.outputs) readers_[output.value] = kSeveral;
    for (std::size_t i = graph.nodes.size(); i-- > 0;) place(i);
  }

  /// Result of the last node -> cluster of two or more.
  std::map<ValueId, const Cluster*> by_result() const {
    std::map<ValueId, const Cluster*> result;
    for (const Cluster& cluster : clusters_)
      if (cluster.nodes.size() > 1) result[graph_.nodes[cluster.nodes[0]].results[0]] = &cluster;
    return result;
  }

 private:
  void place(std::size_t index) {
    const Node& node = graph_.nodes[index];
    std::size_t at = is_step(node) ? readers_[node.results[0]] : kNone;
    if (at >= clusters_.size() || !join(clusters_[at], index)) at = start(index);
    for (const ValueId id : node.operands) {
      if (id == kAbsent) continue;
      readers_[id] = readers_[id] == kNone || readers_[id] == at ? at : kSeveral;
    }
  }

  std::size_t start(std::size_t index) {
    const Node& node = graph_.nodes[index];
    Cluster cluster;
    cluster.open = is_step(node);
    if (cluster.open) {
      cluster.dims = graph_.values[node.results[0]].shape.dims;
      cluster.inputs.insert(node.operands.begin(), node.operands.end());
      cluster.nodes.push_back(index);
    }
    clusters_.push_back(std::move(cluster));
    return clusters_.size() - 1;
  }

  bool join(Cluster& cluster, std::size_t index) const {
    const Node& node = graph_.nodes[index];
    if (!cluster.open || cluster.nodes.size() >= kMostSteps || !(graph_.values[node.results[0]].shape.dims == cluster.dims)) return false;
    std::set<ValueId> inputs = cluster.inputs;
    inputs.erase(node.results[0]);
    inputs.insert(node.operands.begin(), node.operands.end());
    if (inputs.size() > kMostInputs) return false;
    cluster.inputs = std::move(inputs);
    cluster.nodes.push_back(index);
    return true;
  }

  const Graph& graph_;
  std::vector<std::size_t> readers_;  // value -> the cluster that all its readers are in
  std::vector<Cluster> clusters_;
};

/// The region of a cluster, and what its inputs are bound to.
struct Steps {
  std::shared_ptr<const Graph> region;
  std::vector<ValueId> operands;
};

/// One element whatever the binding, of a dtype whose every value a double holds.
bool is_single(const Shape& shape) {
  const bool exact = shape.dtype != DType::kI64 && shape.dtype != DType::kU64;
  return exact && std::all_of(shape.dims.begin(), shape.dims.end(), is_one);
}

/// `nodes`: in order, operands as they are now, results as they were.
std::optional<Steps> steps_of(const Rewriter& rewriter, const std::vector<Node>& nodes) {
  auto region = std::make_shared<Graph>();
  MirBuilder builder(*region);
  std::vector<ValueId> operands;
  std::map<ValueId, ValueId> inside;
  const auto take = [&](ValueId id) {
    const auto [entry, fresh] = inside.try_emplace(id, kAbsent);
    if (!fresh) return entry->second;
    const Shape& shape = rewriter.shape(id);
    const auto number = is_single(shape) ? rewriter.number(id) : std::nullopt;
    if (number) {
      Graph scalar;
      const ValueId made = add_scalar(scalar, shape.dtype, *number);
      entry->second = region->add_constant({shape.dtype, Dims(shape.rank(), Dim(1))}, *scalar.constants[scalar.values[made].index].bytes);
    } else {
      entry->second = region->add_input(join("x", operands.size()), shape);
      operands.push_back(id);
    }
    return entry->second;
  };
  for (const Node& node : nodes) {
    std::vector<ValueId> from;
    for (const ValueId id : node.operands) from.push_back(take(id));
    inside[node.results[0]] = builder.add(node.op, std::move(from), node.attributes, node.regions, node.name);
  }
  if (!builder.status() || operands.empty()) return std::nullopt;
  region->outputs.push_back({"y0", inside[nodes.back().results[0]]});
  region->constraints.clear();
  return Steps{std::move(region), std::move(operands)};
}

}  // namespace

Status fuse_elementwise(Graph& graph) {
  const Graph before = graph;  // clusters speak of its nodes
  const Clustering clustering(before);
  const auto clusters = clustering.by_result();
  Rewriter(graph).run([&](Rewriter& rewriter, const Node& node) {
    const auto found = node.results.size() == 1 ? clusters.find(node.results[0]) : clusters.end();
    if (found == clusters.end() || !is_step(node)) return;
    std::vector<Node> nodes;
    for (std::size_t i = found->second->nodes.size(); i-- > 0;) nodes.push_back(before.nodes[found->second->nodes[i]]);
    for (Node& step : nodes)
      for (ValueId& id : step.operands) id = rewriter.current(id);
    const auto steps = steps_of(rewriter, nodes);
    if (!steps) return;
    MirBuilder builder(rewriter.graph());
    const ValueId made = builder.add(RLX_OP_ELEMENTWISE, steps->operands, {}, {steps->region}, node.name);
    if (builder.status()) rewriter.replace(node.results[0], made);
  });
  return {};
}

}  // namespace rlx
