// SPDX-License-Identifier: Apache-2.0
// Stages: the template's graph, then that graph with the composites inlined that the device would not take, and so on
// until every op is native. Each stage has one ready image; a stage whose answer does not depend on sizes is asked once.
#include "runtime/compile/specialize.h"

#include <algorithm>
#include <set>

#include "runtime/base/check.h"
#include "runtime/base/names.h"
#include "runtime/ir/build.h"
#include "runtime/ir/infer.h"

namespace rlx {
namespace {

constexpr int kMostRounds = 64;  // of inlining: regions nest a handful deep

bool has_region(const Node& node) {
  return node.regions.size() == 1 && node.op != RLX_OP_IF && node.op != RLX_OP_WHILE;
}

std::string kind_of(const Node& node) {
  const std::string_view name = op_name(node.op);
  return node.ns.empty() ? std::string(name) : join(node.ns, ".", name);
}

std::string describe(const Node& node) {
  return node.name.empty() ? join("`", kind_of(node), "`") : join("`", kind_of(node), "` (", node.name, ")");
}

/// A node by its name, or by the tensors of the model that it reads, or by its place.
std::string label(const Graph& graph, std::size_t index) {
  const Node& node = graph.nodes[index];
  if (!node.name.empty()) return node.name;
  std::string reads;
  for (const ValueId operand : node.operands)
    if (operand != kAbsent && !graph.values[operand].name.empty()) reads += join(reads.empty() ? "reads `" : ", `", graph.values[operand].name, "`");
  return reads.empty() ? join("node ", index, " of ", graph.nodes.size()) : reads;
}

/// What a device refuses, each kind and reason once with its nodes.
class Refusals {
 public:
  void add(std::string kind, std::string_view reason, std::string node) {
    std::string why(reason.empty() ? "no reason given" : reason);
    if (const std::string said = kind.substr(1, kind.find('`', 1) - 1) + ": "; why.starts_with(said)) why.erase(0, said.size());  // many name the op themselves
    auto row = std::find_if(rows_.begin(), rows_.end(), [&](const Row& each) { return each.kind == kind && each.why == why; });
    if (row == rows_.end()) row = rows_.insert(row, {std::move(kind), why, {}});
    if (!node.empty()) row->nodes.push_back(std::move(node));
  }
  bool empty() const { return rows_.empty(); }
  std::string text() const {
    constexpr std::size_t kMostNodes = 4;
    std::string list;
    for (const Row& row : rows_) {
      list += join(list.empty() ? "" : "; ", row.kind);
      for (std::size_t i = 0; i < std::min(row.nodes.size(), kMostNodes); ++i) list += join(i ? "; " : " (", row.nodes[i]);
      if (row.nodes.size() > kMostNodes) list += join("; and ", row.nodes.size() - kMostNodes, " more");
      list += join(row.nodes.empty() ? ": " : "): ", row.why);
    }
    return list;
  }

 private:
  struct Row {
    std::string kind, why;
    std::vector<std::string> nodes;
  };
  std::vector<Row> rows_;
};

}  // namespace

Status check_binding(const Graph& graph, const DimBinding& binding) {
  std::vector<std::string> names;
  for (const auto& [name, range] : graph.symbols) names.push_back(name);
  for (const auto& [name, size] : binding) {
    const auto found = graph.symbols.find(name);
    if (found == graph.symbols.end())
      return fail(ErrorCode::kUnknownSymbol, "no symbol `", name, "`; ", did_you_mean(name, names));
    if (size < found->second.least || size > found->second.greatest)
      return fail(ErrorCode::kSymbolOutOfRange, "`", name, "` is ", size, ", wanted ", found->second.least,
                  found->second.greatest == INT64_MAX ? " or more" : join(" to ", found->second.greatest));
  }
  for (const std::string& name : names)
    if (!binding.contains(name)) return fail(ErrorCode::kUnboundSymbol, "symbol `", name, "` has no size");
  for (const Constraint& constraint : graph.constraints) {
    RLX_ASSIGN(const std::int64_t left, constraint.left.evaluate(binding));
    RLX_ASSIGN(const std::int64_t right, constraint.right.evaluate(binding));
    if (constraint.at_least ? left >= right : left == right) continue;
    std::string bound;
    for (const auto& [name, size] : binding) bound += join(bound.empty() ? "" : ", ", name, " = ", size);
    const auto side = [](const Dim& dim, std::int64_t size) {
      return dim.is_number() ? std::to_string(size) : join(dim.to_string(), " = ", size);
    };
    return fail(ErrorCode::kConstraintViolated, constraint.reason, ": ", side(constraint.right, right), ", wanted ",
                constraint.at_least ? "at most " : "", side(constraint.left, left), " (with ", bound, ")");
  }
  return {};
}

struct Specializer::Stage {
  std::shared_ptr<const Graph> graph;
  std::vector<std::size_t> node_of_op;  // of Legalized
  std::size_t op_count = 0;             // with those of regions
  std::shared_ptr<const lir::ReadyImage> ready;
  DispatchSummary dispatch;
  std::optional<TargetAnswer> remembered;
  std::map<std::string, std::unique_ptr<Stage>> children;  // by verdict, one letter an op of the main graph
};

Specializer::Specializer(std::shared_ptr<const Graph> graph, Target target, SpecializeOptions options, Hash128 template_hash)
    : graph_(std::move(graph)), target_(std::move(target)), options_(std::move(options)), template_hash_(template_hash) {}
Specializer::~Specializer() = default;

bool Specializer::must_expand(const Node& node) const {
  return has_region(node) && (options_.expand_all ? !options_.keep.contains(kind_of(node)) : options_.expand.contains(kind_of(node)));
}
bool Specializer::must_stay(const Node& node) const {
  return has_region(node) && (options_.native_only ? !options_.expand.contains(kind_of(node)) : options_.keep.contains(kind_of(node)));
}

/// What the options say must be expanded is gone from the stage before the device is asked.
Result<std::unique_ptr<Specializer::Stage>> Specializer::make_stage(std::shared_ptr<const Graph> graph, DispatchSummary dispatch) const {
  for (int round = 0;; ++round) {
    const std::vector<Node>& nodes = graph->nodes;
    std::vector<bool> chosen(nodes.size());
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      chosen[i] = must_expand(nodes[i]);
      if (!chosen[i]) continue;
      ++dispatch.expanded;
      dispatch.notes.push_back(describe(nodes[i]) + ": expanded because the options force it");
    }
    if (std::find(chosen.begin(), chosen.end(), true) == chosen.end()) break;
    if (round == kMostRounds) return fail(ErrorCode::kInvalidModel, "composites nest deeper than ", kMostRounds);
    RLX_ASSIGN(Graph inlined, inline_nodes(*graph, chosen));
    graph = std::make_shared<const Graph>(std::move(inlined));
  }
  auto stage = std::make_unique<Stage>();
  stage->graph = std::move(graph);
  RLX_ASSIGN(Legalized legal, legalize(*stage->graph, target_));
  legal.module.template_hash = template_hash_;
  legal.module.arena_alignment = options_.alignment;
  stage->node_of_op = std::move(legal.node_of_op);
  stage->op_count = legal.module.ops.size();
  stage->dispatch = std::move(dispatch);
  stage->dispatch.native = legal.module.regions[0].op_count;
  stage->dispatch.copies = legal.copies;
  RLX_ASSIGN(stage->ready, lir::ReadyImage::make(std::move(legal.module), {}));
  return stage;
}

Result<Specializer::Stage*> Specializer::root() {
  if (!root_) {
    RLX_ASSIGN(root_, make_stage(graph_, {}));
  }
  return root_.get();
}

Result<Specializer::Stage*> Specializer::child(Stage& stage, const std::vector<Verdict>& verdicts) {
  std::vector<bool> chosen(stage.graph->nodes.size());
  std::string key;
  Refusals refused, undone;
  DispatchSummary dispatch = stage.dispatch;
  std::set<std::uint32_t> broken;  // groups of which one op at least is not native: none of them may stay
  for (std::size_t i = 0; i < stage.node_of_op.size(); ++i)
    if (verdicts[i].kind != Verdict::Kind::kNative && verdicts[i].group) broken.insert(verdicts[i].group);
  for (std::size_t i = 0; i < stage.node_of_op.size(); ++i) {
    const Verdict& verdict = verdicts[i];
    const bool stays = verdict.kind == Verdict::Kind::kNative && !broken.contains(verdict.group);
    key += static_cast<char>('0' + static_cast<int>(stays ? Verdict::Kind::kNative : Verdict::Kind::kExpand));
    if (stays) continue;
    const std::size_t index = stage.node_of_op[i];
    if (index == SIZE_MAX || !has_region(stage.graph->nodes[index]) || must_stay(stage.graph->nodes[index])) {
      const bool forced = index != SIZE_MAX && must_stay(stage.graph->nodes[index]);
      refused.add(join("`", index == SIZE_MAX ? "copy" : kind_of(stage.graph->nodes[index]), "`", forced ? " forced to be native" : ""), verdict.reason,
                  index == SIZE_MAX ? std::string() : label(*stage.graph, index));
      continue;
    }
    if (options_.strict_fusion) undone.add(join("`", kind_of(stage.graph->nodes[index]), "`"), verdict.reason, label(*stage.graph, index));
    chosen[index] = true;
    ++dispatch.expanded;
    dispatch.notes.push_back(join(describe(stage.graph->nodes[index]), ": expanded; ", verdict.reason));
  }
  if (!refused.empty()) return fail(ErrorCode::kUnsupportedOps, target_.name, " cannot run: ", refused.text());
  if (!undone.empty()) return fail(ErrorCode::kMissedFusion, "strict fusion: ", target_.name, " wants these expanded: ", undone.text());
  auto& slot = stage.children[key];
  if (!slot) {
    RLX_ASSIGN(Graph inlined, inline_nodes(*stage.graph, chosen));
    auto made = make_stage(std::make_shared<const Graph>(std::move(inlined)), std::move(dispatch));
    if (!made) {
      stage.children.erase(key);
      return std::move(made).error();
    }
    slot = *std::move(made);
  }
  return slot.get();
}

Result<Specializer::Stage*> Specializer::settle(const DimBinding& binding, std::shared_ptr<const lir::Image>& image) {
  const std::lock_guard lock(mutex_);
  RLX_ASSIGN(Stage * stage, root());
  for (int round = 0; round < kMostRounds; ++round) {
    image = nullptr;
    TargetAnswer fresh;
    if (!stage->remembered) {
      RLX_ASSIGN(lir::Image bytes, stage->ready->instantiate(binding));
      image = std::make_shared<const lir::Image>(std::move(bytes));
      RLX_ASSIGN(fresh, target_.query(image->bytes()));
      if (fresh.verdicts.size() != stage->op_count)
        return fail(ErrorCode::kPluginFault, target_.name, " answered for ", fresh.verdicts.size(), " of ", stage->op_count, " ops");
      if (!fresh.depends_on_dims) stage->remembered = std::move(fresh);
    }
    const TargetAnswer& answer = stage->remembered ? *stage->remembered : fresh;
    const auto main_end = answer.verdicts.begin() + static_cast<std::ptrdiff_t>(stage->node_of_op.size());
    if (std::all_of(answer.verdicts.begin(), main_end, [](const Verdict& v) { return v.kind == Verdict::Kind::kNative; }))
      return stage;
    RLX_ASSIGN(stage, child(*stage, answer.verdicts));
  }
  return fail(ErrorCode::kPluginFault, target_.name, " still wants expansions after ", kMostRounds, " rounds");
}

Result<SpecializedImage> Specializer::specialize(const DimBinding& binding) {
  RLX_TRY(check_binding(*graph_, binding));
  std::shared_ptr<const lir::Image> image;
  RLX_ASSIGN(Stage * stage, settle(binding, image));
  if (!image) {
    RLX_ASSIGN(lir::Image bytes, stage->ready->instantiate(binding));
    image = std::make_shared<const lir::Image>(std::move(bytes));
  }
#ifndef NDEBUG
  RLX_ASSIGN(const lir::Image slow, specialize_slowly(binding));
  RLX_CHECK(std::equal(image->bytes().begin(), image->bytes().end(), slow.bytes().begin(), slow.bytes().end()), "the ready image and the slow path differ for ", target_.name);
#endif
  return SpecializedImage{image, std::make_shared<const DispatchSummary>(stage->dispatch)};
}

Result<lir::Image> Specializer::specialize_slowly(const DimBinding& binding) {
  RLX_TRY(check_binding(*graph_, binding));
  std::shared_ptr<const lir::Image> unused;
  RLX_ASSIGN(Stage * stage, settle(binding, unused));
  RLX_ASSIGN(Legalized legal, legalize(*stage->graph, target_));
  legal.module.template_hash = template_hash_;
  legal.module.arena_alignment = options_.alignment;
  RLX_ASSIGN(lir::Module bound, lir::bind(legal.module, binding));
  Graph numbers = *stage->graph;
  for (Value& value : numbers.values)
    for (Dim& dim : value.shape.dims) dim = dim.substitute(binding);
  for (Node& node : numbers.nodes)
    for (auto& [key, attribute] : node.attributes) {
      if (auto* dim = std::get_if<Dim>(&attribute)) *dim = dim->substitute(binding);
      if (auto* dims = std::get_if<Dims>(&attribute))
        for (Dim& dim : *dims) dim = dim.substitute(binding);
    }
  numbers.symbols.clear();
  numbers.constraints.clear();
  const std::vector<Value> expected = numbers.values;
  RLX_TRY(infer_all(numbers));
  for (std::size_t i = 0; i < expected.size(); ++i)
    RLX_CHECK(expected[i].shape == numbers.values[i].shape, "value ", i, ": template says ", to_string(expected[i].shape),
              ", inference with numbers says ", to_string(numbers.values[i].shape));
  bound.plan = lir::plan_module(bound);
  return lir::write_image(bound);
}

}  // namespace rlx
