// SPDX-License-Identifier: Apache-2.0
// Common subexpressions by a key of everything that decides what a node computes.
#include "runtime/compile/passes/merge_common_nodes.h"

#include <bit>
#include <string>
#include <unordered_map>

#include "runtime/compile/passes/rewrite.h"
#include "runtime/ir/text.h"

namespace rlx {
namespace {

void put(std::string& key, std::uint64_t number) {
  key.append(reinterpret_cast<const char*>(&number), sizeof number);
}
void put(std::string& key, const std::string& text) {
  put(key, text.size());
  key += text;
}

void put_attribute(std::string& key, const AttrValue& value) {
  put(key, value.index());
  if (const auto* dim = std::get_if<Dim>(&value)) put(key, dim->to_string());
  if (const auto* real = std::get_if<double>(&value)) put(key, std::bit_cast<std::uint64_t>(*real));
  if (const auto* dtype = std::get_if<DType>(&value)) put(key, static_cast<std::uint64_t>(*dtype));
  if (const auto* dims = std::get_if<Dims>(&value)) put(key, to_string(*dims));
  if (const auto* text = std::get_if<std::string>(&value)) put(key, *text);
  if (const auto* reals = std::get_if<std::vector<double>>(&value))
    for (const double real : *reals) put(key, std::bit_cast<std::uint64_t>(real));
}

bool may_merge(const Node& node) { return node.ns.empty() && node.op < RLX_OP_VENDOR_FIRST && node.op != RLX_OP_IF && node.op != RLX_OP_WHILE; }

/// The region counts only where operands and attributes do not decide it.
std::string key_of(const Node& node) {
  std::string key;
  put(key, node.op);
  put(key, node.version);
  put(key, node.results.size());
  for (const ValueId id : node.operands) put(key, id);
  put(key, node.attributes.size());
  for (const auto& [name, value] : node.attributes) {
    put(key, name);
    put_attribute(key, value);
  }
  if (node.op == RLX_OP_ELEMENTWISE || node.op == RLX_OP_ROW_CHAIN)
    for (const auto& region : node.regions) put(key, print(*region));
  return key;
}

std::string key_of(const Constant& constant) {
  std::string key = to_string(constant.shape);
  key.append(reinterpret_cast<const char*>(constant.bytes->data()), constant.bytes->size());
  return key;
}

/// Makes every operand that is a small constant the first constant of its kind.
void merge_constants(Graph& graph) {
  constexpr std::size_t kMost = 4096;
  std::unordered_map<std::string, ValueId> first;
  std::vector<ValueId> now(graph.values.size());
  for (ValueId id = 0; id < now.size(); ++id) {
    now[id] = id;
    const Value& value = graph.values[id];
    if (value.kind != ValueKind::kConstant || graph.constants[value.index].bytes->size() > kMost) continue;
    now[id] = first.try_emplace(key_of(graph.constants[value.index]), id).first->second;
  }
  for (Node& node : graph.nodes)
    for (ValueId& id : node.operands)
      if (id != kAbsent) id = now[id];
}

}  // namespace

Status merge_common_nodes(Graph& graph) {
  merge_constants(graph);
  std::unordered_map<std::string, std::vector<ValueId>> first;
  first.reserve(graph.nodes.size());
  Rewriter(graph).run([&](Rewriter& rewriter, const Node& node) {
    if (!may_merge(node)) return;
    const auto [entry, fresh] = first.try_emplace(key_of(node), node.results);
    if (fresh) return;
    for (std::size_t i = 0; i < node.results.size(); ++i)
      if (!rewriter.may_replace(node.results[i], entry->second[i])) return;
    for (std::size_t i = 0; i < node.results.size(); ++i) rewriter.replace(node.results[i], entry->second[i]);
  });
  return {};
}

}  // namespace rlx
