// SPDX-License-Identifier: Apache-2.0
// Walking the graph, masks, and the real sizes as numbers of the run.
#include "runtime/compile/padding.h"

#include <algorithm>

#include "runtime/base/check.h"
#include "runtime/base/names.h"
#include "runtime/compile/padding_walk.h"
#include "runtime/compile/passes/fuse_elementwise.h"
#include "runtime/ir/infer.h"
#include "runtime/ir/verify.h"

namespace rlx {
namespace padding_detail {
namespace {

std::string text_of(const PadAxis& axis) {
  std::string text;
  for (const Factor& factor : axis) text += join(factor.padded ? "|" : "*", factor.size.to_string());
  return text;
}

std::vector<ValueId> mapped(const std::vector<ValueId>& ids, const std::map<ValueId, ValueId>& now) {
  std::vector<ValueId> result;
  for (const ValueId id : ids) result.push_back(id == kAbsent ? kAbsent : now.at(id));
  return result;
}

/// "length.seq", or with underscores where an input has that name.
std::string length_name(const Graph& graph, const std::string& symbol) {
  std::string name = join("length.", symbol);
  const auto taken = [&](ValueId id) { return graph.values[id].name == name; };
  while (std::any_of(graph.inputs.begin(), graph.inputs.end(), taken)) name += "_";
  return name;
}

}  // namespace

PadLayout Padder::layout(ValueId id) const {
  const auto found = layouts_.find(id);
  return found == layouts_.end() ? PadLayout(shape(id).rank()) : found->second;
}

PadLayout Padder::of(const Visit& visit, std::size_t i) const {
  if (i >= visit.node.operands.size() || visit.node.operands[i] == kAbsent) return {};
  return layout(visit.node.operands[i]);
}

bool Padder::is_free(const Dim& dim) const {
  std::vector<std::string> names;
  dim.collect_symbols(names);
  return std::none_of(names.begin(), names.end(), [&](const std::string& name) { return symbols_.contains(name); });
}

Error Padder::refusal(const Node& node, const std::string& why) const {
  std::string padded;
  for (const std::string& symbol : symbols_) padded += join(padded.empty() ? "`" : ", `", symbol, "`");
  const std::string kind = node.ns.empty() ? std::string(op_name(node.op)) : join(node.ns, ".", op_name(node.op));
  const std::string name = node.name.empty() ? "" : join(" (", node.name, ")");
  const std::string result = node.results.empty() ? "" : join(", value ", node.results[0], ",");
  return fail(ErrorCode::kCannotPad, "`", kind, "`", name, result, " cannot run with ", padded, " padded: ", why);
}

// ---- Lengths and masks ---------------------------------------------------------------------------------------------------

ValueId Padder::real_size(const Dim& dim) {
  switch (dim.kind()) {
    case Dim::Kind::kNumber:
      return add_scalar_i64(graph_, DType::kI64, dim.number());
    case Dim::Kind::kSymbol:
      return is_padded_symbol(dim) ? length(dim) : b_.dim(dim);
    default:
      break;
  }
  if (is_free(dim)) return b_.dim(dim);
  ValueId value = kAbsent;
  for (const Dim& operand : dim.operands()) {
    const ValueId next = real_size(operand);
    if (value == kAbsent) {
      value = next;
      continue;
    }
    switch (dim.kind()) {
      case Dim::Kind::kAdd: value = b_.binary(RLX_BINARY_ADD, value, next); break;
      case Dim::Kind::kMul: value = b_.binary(RLX_BINARY_MUL, value, next); break;
      case Dim::Kind::kMin: value = b_.binary(RLX_BINARY_MIN, value, next); break;
      case Dim::Kind::kMax: value = b_.binary(RLX_BINARY_MAX, value, next); break;
      case Dim::Kind::kMod: value = b_.binary(RLX_BINARY_MOD_FLOOR, value, next); break;
      case Dim::Kind::kFloorDiv:
      case Dim::Kind::kCeilDiv: {
        // floor(a/b) = (a - a mod b) / b for any signs; the ceiling is what remains of -floor(-a/b).
        const bool up = dim.kind() == Dim::Kind::kCeilDiv;
        const ValueId zero = add_scalar_i64(graph_, DType::kI64, 0);
        const ValueId a = up ? b_.binary(RLX_BINARY_SUB, zero, value) : value;
        const ValueId even = b_.binary(RLX_BINARY_SUB, a, b_.binary(RLX_BINARY_MOD_FLOOR, a, next));
        const ValueId quotient = b_.binary(RLX_BINARY_DIV, even, next);
        value = up ? b_.binary(RLX_BINARY_SUB, zero, quotient) : quotient;
        break;
      }
      default: break;
    }
  }
  return value;
}

/// Bool [axis], false in its padding.
ValueId Padder::real_along(const PadAxis& axis) {
  if (const auto found = real_along_.find(text_of(axis)); found != real_along_.end()) return found->second;
  Dims dims;
  for (const Factor& factor : axis) dims.push_back(factor.size);
  ValueId real = kAbsent;
  for (std::size_t i = 0; i < axis.size(); ++i) {
    if (!axis[i].padded) continue;
    Dims alone(axis.size(), Dim(1));
    alone[i] = axis[i].size;
    const ValueId here = b_.compare(RLX_COMPARE_LT, b_.iota(DType::kI64, alone, static_cast<std::int64_t>(i)), length(axis[i].size));
    real = real == kAbsent ? here : b_.binary(RLX_BINARY_AND, real, here);
  }
  real = b_.reshape(b_.broadcast(real, dims), {product(dims)});
  return real_along_[text_of(axis)] = real;
}

ValueId Padder::is_real(const PadAxis& axis, std::size_t place, std::size_t rank) {
  const ValueId real = real_along(axis);
  Dims dims(rank, Dim(1));
  dims[place] = b_.shape(real).dims.empty() ? Dim(1) : b_.shape(real).dims[0];
  return b_.reshape(real, dims);
}

ValueId Padder::masked(ValueId x, const std::vector<std::size_t>& axes, double fill) {
  std::vector<std::size_t> padded;
  for (const std::size_t axis : axes)
    if (!layout(x)[axis].empty()) padded.push_back(axis);
  if (padded.empty()) return x;
  if (const auto found = masked_.find({x, padded, fill}); found != masked_.end()) return found->second;
  const PadLayout kept = layout(x);
  ValueId real = kAbsent;
  for (const std::size_t axis : padded) {
    const ValueId here = is_real(layout(x)[axis], axis, shape(x).rank());
    real = real == kAbsent ? here : b_.binary(RLX_BINARY_AND, real, here);
  }
  const ValueId result = b_.select(real, x, b_.scalar(shape(x).dtype, fill));
  if (result == kAbsent) return kAbsent;
  layouts_[result] = kept;
  return masked_[{x, padded, fill}] = result;
}

ValueId Padder::masked(ValueId x, double fill) {
  std::vector<std::size_t> axes;
  for (std::size_t axis = 0; axis < shape(x).rank(); ++axis) axes.push_back(axis);
  return masked(x, axes, fill);
}

// ---- The walk ------------------------------------------------------------------------------------------------------------

Status Padder::add_inputs() {
  graph_.name = source_.name;
  graph_.symbols = source_.symbols;
  graph_.constraints = source_.constraints;
  for (const ValueId id : source_.inputs) {
    const Value& value = source_.values[id];
    const ValueId made = graph_.add_input(value.name, value.shape);
    layouts_[made] = layout(made);
    for (std::size_t axis = 0; axis < value.shape.rank(); ++axis) {
      const Dim& dim = value.shape.dims[axis];
      if (is_free(dim)) continue;
      if (!is_padded_symbol(dim))
        return fail(ErrorCode::kCannotPad, "input `", value.name, "` has `", dim.to_string(), "` along axis ", axis,
                    ": only an axis that is a symbol of its own can be padded");
      layouts_[made][axis] = {{dim, true}};
    }
  }
  for (const Param& param : source_.params) {
    graph_.add_param(param.name, source_.values[param.value].shape);
    graph_.params.back().owned = param.owned;
  }
  for (const std::string& symbol : order_) {
    lengths_.push_back(length_name(graph_, symbol));
    lengths_of_[symbol] = graph_.add_input(lengths_.back(), {DType::kI64, {}});
  }
  return {};
}

Status Padder::run() {
  RLX_TRY(add_inputs());
  std::map<ValueId, ValueId> now;
  for (std::size_t i = 0; i < source_.inputs.size(); ++i) now[source_.inputs[i]] = graph_.inputs[i];
  for (std::size_t i = 0; i < source_.params.size(); ++i) now[source_.params[i].value] = graph_.params[i].value;
  RLX_TRY(walk(source_, now));
  for (const Output& output : source_.outputs) {
    outputs_.push_back(now.at(output.value));
    graph_.outputs.push_back({output.name, outputs_.back()});
  }
  return b_.status();
}

Status Padder::walk(const Graph& graph, std::map<ValueId, ValueId>& now) {
  for (std::size_t id = 0; id < graph.values.size(); ++id) {
    const Value& value = graph.values[id];
    if (value.kind == ValueKind::kConstant)
      now[static_cast<ValueId>(id)] = graph_.add_constant(value.shape, *graph.constants[value.index].bytes);
  }
  for (const Node& each : graph.nodes) RLX_TRY(node(graph, each, now));
  return b_.status();
}

bool Padder::mentions(const Node& node) const {
  for (const auto& [key, attribute] : node.attributes) {
    if (const auto* dim = std::get_if<Dim>(&attribute); dim && !is_free(*dim)) return true;
    if (const auto* dims = std::get_if<Dims>(&attribute))
      if (!std::all_of(dims->begin(), dims->end(), [this](const Dim& dim) { return is_free(dim); })) return true;
  }
  return std::any_of(node.regions.begin(), node.regions.end(), [this](const auto& region) { return region && mentions(*region); });
}

bool Padder::mentions(const Graph& graph) const {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [this](const Node& node) { return mentions(node); });
}

bool Padder::is_touched(const Graph& graph, const Node& node, const std::vector<ValueId>& operands) {
  for (const ValueId id : operands)
    if (id != kAbsent && is_padded(layout(id))) return true;
  for (const ValueId id : node.results)
    for (const Dim& dim : graph.values[id].shape.dims)
      if (!is_free(dim)) return true;
  return mentions(node);
}

Status Padder::node(const Graph& graph, const Node& node, std::map<ValueId, ValueId>& now) {
  RLX_TRY(b_.status());
  Visit visit;
  visit.node = node;
  visit.node.operands = mapped(node.operands, now);
  if (is_touched(graph, node, visit.node.operands)) {
    RLX_TRY(apply_rule(*this, visit));
    RLX_TRY(b_.status());
  }
  if (visit.expand) return expand(node, mapped(node.operands, now), now);
  if (node.op == RLX_OP_DIM && node.ns.empty()) {
    now[node.results[0]] = real_size(attr_dim(node, RLX_ATTR_VALUE, 0));
    return b_.status();
  }
  return emit(visit, node, now);
}

Status Padder::emit(Visit& visit, const Node& node, std::map<ValueId, ValueId>& now) {
  ValueId first = kAbsent;
  if (visit.recompose) {
    first = add_composite(b_, node.op, visit.node.operands, visit.node.attributes, node.name, node.results.size());
  } else {
    RLX_ASSIGN(first, append(graph_, std::move(visit.node)));  // shapes are as they were, so a region is too
  }
  RLX_TRY(b_.status());
  for (std::size_t i = 0; i < node.results.size(); ++i) {
    const ValueId made = first + static_cast<ValueId>(i);
    now[node.results[i]] = made;
    if (i >= visit.layouts.size()) continue;
    layouts_[made] = visit.layouts[i];
  }
  return {};
}

Status Padder::expand(const Node& node, const std::vector<ValueId>& operands, std::map<ValueId, ValueId>& now) {
  const Graph& region = *node.regions[0];
  std::map<ValueId, ValueId> inside;
  for (std::size_t i = 0; i < region.inputs.size(); ++i) inside[region.inputs[i]] = operands[i];
  RLX_TRY(walk(region, inside));
  for (std::size_t i = 0; i < node.results.size(); ++i) now[node.results[i]] = inside.at(region.outputs[i].value);
  return {};
}

}  // namespace padding_detail

namespace {

/// A result may only depend on a padded size where its axes say so.
Status check_output(const Output& output, const Shape& shape, const PadLayout& layout, const padding_detail::Padder& padder) {
  for (std::size_t axis = 0; axis < shape.rank(); ++axis)
    if (layout[axis].empty() && !padder.is_free(shape.dims[axis]))
      return fail(ErrorCode::kCannotPad, "output `", output.name, "` has `", shape.dims[axis].to_string(), "` along axis ", axis,
                  ", where padding cannot be told from what is real");
  return {};
}

}  // namespace

Result<PaddedGraph> pad_symbols(const Graph& graph, std::span<const std::string> symbols) {
  std::vector<std::string> known;
  for (const auto& [name, range] : graph.symbols) known.push_back(name);
  for (const std::string& symbol : symbols)
    if (!graph.symbols.contains(symbol)) return fail(ErrorCode::kUnknownSymbol, "no symbol `", symbol, "`; ", did_you_mean(symbol, known));
  if (!graph.states.empty())
    return fail(ErrorCode::kCannotPad, "the model has ", graph.states.size(), " states (the first is `", graph.values[graph.inputs[graph.states[0].input]].name,
                "`): what padding leaves there cannot be told from what is real; run it without ladders, on a context, and warm() the shapes that "
                "it needs");
  padding_detail::Padder padder(graph, symbols);
  RLX_TRY(padder.run());
  PaddedGraph padded;
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) padded.inputs.push_back(padder.layout(padder.graph_.inputs[i]));
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    padded.outputs.push_back(padder.layout(padder.output(i)));
    RLX_TRY(check_output(graph.outputs[i], padder.shape(padder.output(i)), padded.outputs.back(), padder));
  }
  padded.lengths = std::move(padder.lengths_);
  padded.graph = std::move(padder.graph_);
  RLX_TRY(fuse_elementwise(padded.graph));
  RLX_TRY(verify(padded.graph));
  RLX_CHECK(padded.graph.params.size() == graph.params.size(), "padding changed the params");
  return padded;
}

}  // namespace rlx
