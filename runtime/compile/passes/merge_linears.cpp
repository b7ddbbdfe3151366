// SPDX-License-Identifier: Apache-2.0
// Groups are found first; the merged linear stands where the first of its group stood.
#include "runtime/compile/passes/merge_linears.h"

#include <map>

#include "runtime/compile/passes/rewrite.h"

namespace rlx {
namespace {

/// More parts would keep many results alive at once (keys and values of all layers of a decoder that share one x).
constexpr std::size_t kMostParts = 4;

bool bears_merging(const Graph& graph, const Node& node) {
  if (!is_core(node, RLX_OP_LINEAR) || attr_i64(node, RLX_ATTR_PARTS, 1) != 1 || attr_i64(node, RLX_ATTR_HAS_RESIDUAL, 0) != 0)
    return false;
  for (std::size_t i = 1; i < node.operands.size(); ++i)  // made before the first of the group, whatever that is
    if (graph.values[node.operands[i]].kind == ValueKind::kResult) return false;
  return true;
}

/// What all members of a group have in common.
struct Kind {
  ValueId x;
  std::size_t operands;
  Attributes attributes;  // all but ALPHAS

  bool operator==(const Kind&) const = default;
};

Kind kind_of(const Node& node) {
  Kind kind{node.operands[0], node.operands.size(), node.attributes};
  kind.attributes.erase(RLX_ATTR_ALPHAS);
  kind.attributes.erase(RLX_ATTR_PARTS);
  return kind;
}

using Group = std::vector<const Node*>;

/// First member (by its result) -> group; of two and more.
std::map<ValueId, std::vector<Node>> find_groups(const Graph& graph) {
  std::map<ValueId, std::vector<std::pair<Kind, Group>>> open;  // by x
  std::vector<Group> groups;
  for (const Node& node : graph.nodes) {
    if (!bears_merging(graph, node)) continue;
    const Kind kind = kind_of(node);
    auto& here = open[kind.x];
    Group* found = nullptr;
    for (auto entry = here.rbegin(); !found && entry != here.rend(); ++entry)
      if (entry->second.size() < kMostParts && entry->first == kind) found = &entry->second;
    if (found)
      found->push_back(&node);
    else
      here.push_back({kind, {&node}});
  }
  std::map<ValueId, std::vector<Node>> result;
  for (const auto& [x, list] : open)
    for (const auto& [kind, group] : list)
      if (group.size() > 1)
        for (const Node* member : group) result[group[0]->results[0]].push_back(*member);
  return result;
}

/// Writes the merged linear; returns its results, empty where it cannot be.
std::vector<ValueId> merge(Rewriter& rewriter, const std::vector<Node>& group, ValueId x) {
  const bool bias = attr_i64(group[0], RLX_ATTR_HAS_BIAS, 0) != 0;
  std::vector<ValueId> operands{x};
  std::vector<double> alphas;
  bool scaled = false;
  for (const Node& member : group) {
    operands.push_back(member.operands[1]);
    const std::vector<double> own = attr_f64s(member, RLX_ATTR_ALPHAS);
    alphas.push_back(own.empty() ? 1.0 : own[0]);
    scaled = scaled || alphas.back() != 1.0;
  }
  if (bias)
    for (const Node& member : group) operands.push_back(member.operands[2]);
  Attributes attributes = group[0].attributes;
  attributes[RLX_ATTR_PARTS] = Dim(static_cast<std::int64_t>(group.size()));
  attributes.erase(RLX_ATTR_ALPHAS);
  if (scaled) attributes[RLX_ATTR_ALPHAS] = alphas;
  MirBuilder builder(rewriter.graph());
  const ValueId first = add_composite(builder, RLX_OP_LINEAR, std::move(operands), std::move(attributes), group[0].name);
  if (!builder.status()) return {};
  std::vector<ValueId> results;
  for (std::size_t i = 0; i < group.size(); ++i) results.push_back(first + static_cast<ValueId>(i));
  return results;
}

}  // namespace

Status merge_linears(Graph& graph) {
  const auto groups = find_groups(graph);
  Rewriter(graph).run([&](Rewriter& rewriter, const Node& node) {
    if (!is_core(node, RLX_OP_LINEAR)) return;
    const auto group = groups.find(node.results[0]);
    if (group == groups.end()) return;
    const std::vector<ValueId> results = merge(rewriter, group->second, node.operands[0]);
    // Later members have not been visited; what they make is replaced here and now, so that nobody reads it.
    for (std::size_t i = 0; i < results.size(); ++i) rewriter.replace(group->second[i].results[0], results[i]);
  });
  return {};
}

}  // namespace rlx
