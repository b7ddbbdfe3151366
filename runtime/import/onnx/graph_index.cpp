// SPDX-License-Identifier: Apache-2.0
// Structure only: nothing here looks at shapes or data.
#include "runtime/import/onnx/graph_index.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "runtime/import/onnx/names.h"
#include "runtime/import/onnx/op_table.h"

namespace rlx::onnx_import {
namespace {

constexpr int kFromOutside = -1;

/// Name -> number of the node that makes it, kFromOutside for inputs and initialisers.
using Makers = std::unordered_map<std::string, int>;

Result<Makers> makers_of(const onnx::GraphProto& graph) {
  Makers makers;
  for (const auto& input : graph.input()) {
    if (input.name().empty()) return malformed("an input without name");
    if (!makers.emplace(input.name(), kFromOutside).second)
      return malformed("two inputs named `" + printable(input.name()) + "`");
  }
  std::unordered_set<std::string> initializers;
  for (const auto& tensor : graph.initializer()) {
    if (!initializers.insert(tensor.name()).second)
      return malformed("two initialisers named `" + printable(tensor.name()) + "`");
    makers.emplace(tensor.name(), kFromOutside);  // an input of this name gives its default
  }
  for (int i = 0; i < graph.node_size(); ++i)
    for (const std::string& output : graph.node(i).output())
      if (!output.empty() && !makers.emplace(output, i).second)
        return malformed("node " + node_name(graph.node(i)) + " (" + printable(graph.node(i).op_type()) +
                         ") makes `" + printable(output) + "`, which something before it makes too");
  return makers;
}

Error not_made(const onnx::NodeProto& node, const std::string& name) {
  return malformed("node " + node_name(node) + " (" + printable(node.op_type()) + ") reads `" +
                   printable(name) + "`, which nothing makes");
}

/// Marks the nodes that lead to an output.
Result<std::vector<bool>> live_nodes(const onnx::GraphProto& graph, const Makers& makers,
                                     std::unordered_set<std::string>& read) {
  std::vector<bool> live(static_cast<std::size_t>(graph.node_size()), false);
  std::vector<int> todo;
  const auto need = [&](const std::string& name) {
    read.insert(name);
    const auto maker = makers.find(name);
    if (maker == makers.end()) return false;
    const int i = maker->second;
    if (i == kFromOutside || live[static_cast<std::size_t>(i)]) return true;
    live[static_cast<std::size_t>(i)] = true;
    todo.push_back(i);
    return true;
  };
  for (const auto& output : graph.output())
    if (!need(output.name())) return malformed("nothing makes the output `" + printable(output.name()) + "`");
  while (!todo.empty()) {
    const onnx::NodeProto& node = graph.node(todo.back());
    todo.pop_back();
    for (const std::string& input : node.input())
      if (!input.empty() && !need(input)) return not_made(node, input);
  }
  return live;
}

struct Unknown {
  std::size_t count = 0;
  const onnx::NodeProto* first = nullptr;
};

bool is_plain_domain(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

Status check_operators(const onnx::GraphProto& graph, const std::vector<bool>& live) {
  std::map<std::string, Unknown> unknown;
  for (int i = 0; i < graph.node_size(); ++i) {
    const onnx::NodeProto& node = graph.node(i);
    if (!live[static_cast<std::size_t>(i)] || (is_plain_domain(node.domain()) && find_op(node.op_type())))
      continue;
    const std::string domain = is_plain_domain(node.domain()) ? "" : printable(node.domain()) + ".";
    Unknown& row = unknown[domain + printable(node.op_type())];
    if (row.count++ == 0) row.first = &node;
  }
  if (unknown.empty()) return {};
  std::string list;
  for (const auto& [name, row] : unknown)
    list += (list.empty() ? "" : "; ") + name + " (" + std::to_string(row.count) + " times, first at node " +
            node_name(*row.first) + ")";
  return unsupported(std::to_string(unknown.size()) +
                     (unknown.size() == 1 ? " operator is" : " operators are") + " not known: " + list);
}

/// Kahn's order over live nodes; the earliest node of the file that is ready goes first.
Result<std::vector<const onnx::NodeProto*>> ordered(const onnx::GraphProto& graph, const Makers& makers,
                                                    const std::vector<bool>& live) {
  const std::size_t count = live.size();
  std::vector<std::vector<int>> readers(count);
  std::vector<std::size_t> missing(count, 0);
  std::vector<int> ready;
  for (std::size_t i = 0; i < count; ++i) {
    if (!live[i]) continue;
    for (const std::string& input : graph.node(static_cast<int>(i)).input()) {
      const auto maker = input.empty() ? makers.end() : makers.find(input);
      if (maker == makers.end() || maker->second == kFromOutside) continue;
      readers[static_cast<std::size_t>(maker->second)].push_back(static_cast<int>(i));
      ++missing[i];
    }
    if (missing[i] == 0) ready.push_back(static_cast<int>(i));
  }
  std::make_heap(ready.begin(), ready.end(), std::greater<>());
  std::vector<const onnx::NodeProto*> order;
  while (!ready.empty()) {
    std::pop_heap(ready.begin(), ready.end(), std::greater<>());
    const int next = ready.back();
    ready.pop_back();
    order.push_back(&graph.node(next));
    for (const int reader : readers[static_cast<std::size_t>(next)]) {
      if (--missing[static_cast<std::size_t>(reader)] != 0) continue;
      ready.push_back(reader);
      std::push_heap(ready.begin(), ready.end(), std::greater<>());
    }
  }
  for (std::size_t i = 0; i < count; ++i)
    if (live[i] && missing[i] != 0)
      return malformed("node " + node_name(graph.node(static_cast<int>(i))) + " is part of a cycle");
  return order;
}

}  // namespace

Result<GraphIndex> index_graph(const onnx::GraphProto& graph) {
  if (graph.output_size() == 0) return malformed("the graph has no outputs");
  if (Status names = check_names(graph); !names) return std::move(names).error();
  const auto makers = makers_of(graph);
  if (!makers) return makers.error();
  GraphIndex index;
  const auto live = live_nodes(graph, *makers, index.read);
  if (!live) return live.error();
  if (Status known = check_operators(graph, *live); !known) return std::move(known).error();
  auto order = ordered(graph, *makers, *live);
  if (!order) return std::move(order).error();
  index.order = std::move(*order);
  std::unordered_set<std::string> initializers;
  for (const auto& tensor : graph.initializer()) initializers.insert(tensor.name());
  for (const auto& input : graph.input())
    if (!index.read.count(input.name()) && !initializers.count(input.name()))
      index.unread_inputs.push_back(input.name());
  return index;
}

}  // namespace rlx::onnx_import
