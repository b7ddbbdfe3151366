// SPDX-License-Identifier: Apache-2.0
// Reports of compiling as text for a person and as JSON for a program.
#include <rlx/host/pipeline.hpp>

#include "runtime/base/check.h"
#include "runtime/base/utf8.h"
#include "runtime/execute/template_body.h"

namespace rlx {
namespace {

template <class T, class Write>
std::string json_list(const std::vector<T>& items, const Write& write) {
  std::string out = "[";
  for (const T& item : items) out += (out.size() > 1 ? ", " : "") + write(item);
  return out + "]";
}

std::string kind_of(const Node& node) {
  return node.ns.empty() ? std::string(op_name(node.op)) : join(node.ns, ".", op_name(node.op));
}

bool is_composite(const Node& node) { return node.regions.size() == 1 && node.op != RLX_OP_IF && node.op != RLX_OP_WHILE; }

std::map<std::string, std::size_t> composites_of(const Graph& graph) {
  std::map<std::string, std::size_t> counts;
  for (const Node& node : graph.nodes)
    if (is_composite(node)) ++counts[kind_of(node)];
  return counts;
}

}  // namespace

std::string DispatchReport::to_text() const {
  std::string text = join(native, " native, ", expanded, " expanded, ", copies, copies == 1 ? " copy\n" : " copies\n");
  for (const std::string& note : notes) text += join("  ", note, "\n");
  return text;
}

std::string DispatchReport::to_json() const {
  return join(R"({"schema": "rlx.dispatch/1", "native": )", native, R"(, "expanded": )", expanded, R"(, "copies": )", copies,
              R"(, "notes": )", json_list(notes, json_text), "}");
}

std::string FusionReport::to_text() const {
  std::string text = join(nodes_before, " nodes as written, ", nodes_after, " after fusing\n");
  for (const Fused& each : fused) {
    text += join("  ", each.op, ": ", each.count);
    if (each.written) text += join(" (", each.written, " as written)");
    text += "\n";
  }
  for (const Missed& each : missed) text += join("  missed ", each.pattern, " at ", each.node, ": ", each.reason, "\n");
  return text;
}

std::string FusionReport::to_json() const {
  const std::string made = json_list(fused, [](const Fused& each) {
    return join(R"({"op": )", json_text(each.op), R"(, "count": )", each.count, R"(, "written": )", each.written, "}");
  });
  const std::string left = json_list(missed, [](const Missed& each) {
    return join(R"({"pattern": )", json_text(each.pattern), R"(, "node": )", json_text(each.node), R"(, "reason": )", json_text(each.reason), "}");
  });
  return join(R"({"schema": "rlx.fusion/1", "nodes_before": )", nodes_before, R"(, "nodes_after": )", nodes_after, R"(, "fused": )", made,
              R"(, "missed": )", left, "}");
}

FusionReport Template::fusion_report() const {
  FusionReport report;
  if (!body_) return report;
  report.nodes_before = body_->hir->nodes.size();
  report.nodes_after = body_->graph->nodes.size();
  std::map<std::string, std::size_t> written = composites_of(*body_->hir);
  for (const auto& [op, count] : composites_of(*body_->graph)) report.fused.push_back({op, count, written[op]});
  for (const MissedFusion& missed : body_->missed) report.missed.push_back({missed.pattern, missed.node, missed.reason});
  return report;
}

std::map<std::string, std::size_t> Template::op_counts() const {
  std::map<std::string, std::size_t> counts;
  if (!body_) return counts;
  for (const Node& node : body_->graph->nodes) ++counts[kind_of(node)];
  return counts;
}

}  // namespace rlx
