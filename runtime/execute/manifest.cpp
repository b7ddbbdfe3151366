// SPDX-License-Identifier: Apache-2.0
// What a model takes, holds and gives, as plain data.
#include "runtime/execute/manifest.h"

#include <algorithm>
#include <optional>

#include "runtime/base/names.h"

namespace rlx {
namespace {

std::string size_text(const Size& size) { return size.expression().empty() ? std::to_string(size.number()) : size.expression(); }

Size public_size(const Dim& dim) { return dim.is_number() ? Size(dim.number()) : Size(dim.to_string()); }

ManifestEntry entry(std::string name, const Shape& shape) {
  ManifestEntry result{std::move(name), shape.dtype, {}, 0};
  for (const Dim& dim : shape.dims) result.dims.push_back(public_size(dim));
  const Dim elements = shape.elements();
  if (elements.is_number()) result.bytes = static_cast<std::uint64_t>(elements.number()) * dtype_bytes(shape.dtype);
  return result;
}

Result<Shape> bound(const Shape& shape, const DimBinding& binding) {
  Shape result{shape.dtype, {}};
  for (const Dim& dim : shape.dims) {
    RLX_ASSIGN(const std::int64_t size, dim.evaluate(binding));
    result.dims.emplace_back(size);
  }
  return result;
}

/// The graph's outputs that a caller gets: all but the next values of states.
std::vector<const Output*> given_outputs(const Graph& graph) {
  std::vector<bool> hidden(graph.outputs.size());
  for (const StatePair& pair : graph.states) hidden[pair.output] = true;
  std::vector<const Output*> outputs;
  for (std::size_t i = 0; i < graph.outputs.size(); ++i)
    if (!hidden[i]) outputs.push_back(&graph.outputs[i]);
  return outputs;
}

std::vector<std::string> input_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const ValueId id : given_inputs(graph)) names.push_back(graph.values[id].name);
  return names;
}

const NamedView* find(std::span<const NamedView> inputs, std::string_view name) {
  const auto found = std::find_if(inputs.begin(), inputs.end(), [&](const NamedView& input) { return input.name == name; });
  return found == inputs.end() ? nullptr : &*found;
}

/// Who gave a symbol its size.
struct Giver {
  std::int64_t size;
  std::string tensor;
  std::optional<std::size_t> dim;

  std::string text() const { return dim ? join(tensor, " (dim ", *dim, ")") : tensor; }
};

Status check_names(const Graph& graph, std::span<const NamedView> inputs) {
  const std::vector<std::string> names = input_names(graph);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (std::find(names.begin(), names.end(), inputs[i].name) == names.end())
      return fail(ErrorCode::kUnknownName, "no input `", inputs[i].name, "`; ", did_you_mean(inputs[i].name, names));
    if (find(inputs.first(i), inputs[i].name))
      return fail(ErrorCode::kDuplicateName, "input `", inputs[i].name, "` is given twice");
  }
  for (const std::string& name : names)
    if (!find(inputs, name)) return fail(ErrorCode::kMissingInput, "input `", name, "` is not given");
  return {};
}

Status bind_one(const Value& wanted, const TensorView& seen, std::map<std::string, Giver, std::less<>>& givers) {
  if (seen.dtype != wanted.shape.dtype)
    return fail(ErrorCode::kWrongDtype, "input `", wanted.name, "` is ", dtype_name(seen.dtype), ", wanted ",
                dtype_name(wanted.shape.dtype));
  const auto wrong_shape = [&] {
    return fail(ErrorCode::kWrongShape, "input `", wanted.name, "` is ", dims_text(seen.dims), ", wanted ",
                to_string(wanted.shape.dims));
  };
  if (seen.dims.size() != wanted.shape.rank()) return wrong_shape();
  for (std::size_t i = 0; i < seen.dims.size(); ++i) {
    const Dim& dim = wanted.shape.dims[i];
    if (seen.dims[i] < 0 || (dim.is_number() && dim.number() != seen.dims[i])) return wrong_shape();
    if (!dim.is_symbol()) continue;
    const auto [giver, fresh] = givers.try_emplace(dim.symbol_name(), Giver{seen.dims[i], wanted.name, i});
    if (!fresh && giver->second.size != seen.dims[i])
      return fail(ErrorCode::kSymbolConflict, "`", dim.symbol_name(), "` is ", giver->second.size, " in ", giver->second.text(),
                  " and ", seen.dims[i], " in ", wanted.name, " (dim ", i, ")");
  }
  return {};
}

}  // namespace

std::string dims_text(std::span<const std::int64_t> dims) {
  std::string text = "[";
  for (std::size_t i = 0; i < dims.size(); ++i) text += join(i ? ", " : "", dims[i]);
  return text + "]";
}

std::string dims_text(std::span<const Size> dims) {
  std::string text = "[";
  for (std::size_t i = 0; i < dims.size(); ++i) text += (i ? ", " : "") + size_text(dims[i]);
  return text + "]";
}

BindingManifest symbolic_manifest(const Graph& graph) {
  BindingManifest manifest;
  for (const ValueId id : given_inputs(graph)) manifest.inputs.push_back(entry(graph.values[id].name, graph.values[id].shape));
  for (const StatePair& pair : graph.states) {
    const Value& state = graph.values[graph.inputs[pair.input]];
    manifest.states.push_back(entry(state.name, state.shape));
  }
  if (graph.length)
    manifest.length = {graph.values[graph.inputs[graph.length->input]].name, public_size(graph.length->step), public_size(graph.length->capacity)};
  for (const Param& param : graph.params)
    if (!param.owned) manifest.params.push_back(entry(param.name, graph.values[param.value].shape));
  for (const Output* output : given_outputs(graph)) manifest.outputs.push_back(entry(output->name, graph.values[output->value].shape));
  for (const auto& [name, range] : graph.symbols) manifest.symbols.push_back({name, range.least, range.greatest});
  for (const Constraint& constraint : graph.constraints)
    manifest.constraints.push_back(join(constraint.left.to_string(), constraint.at_least ? " >= " : " == ",
                                        constraint.right.to_string(), "  (", constraint.reason, ")"));
  return manifest;
}

Result<BindingManifest> numeric_manifest(const Graph& graph, const DimBinding& binding) {
  BindingManifest manifest;
  for (const ValueId id : given_inputs(graph)) {
    RLX_ASSIGN(const Shape shape, bound(graph.values[id].shape, binding));
    manifest.inputs.push_back(entry(graph.values[id].name, shape));
  }
  for (const StatePair& pair : graph.states) {
    const Value& state = graph.values[graph.inputs[pair.input]];
    RLX_ASSIGN(const Shape shape, bound(state.shape, binding));
    manifest.states.push_back(entry(state.name, shape));
  }
  if (graph.length) {
    RLX_ASSIGN(const std::int64_t step, graph.length->step.evaluate(binding));
    RLX_ASSIGN(const std::int64_t capacity, graph.length->capacity.evaluate(binding));
    const std::string& name = graph.values[graph.inputs[graph.length->input]].name;
    if (step < 0 || capacity < 0)
      return fail(ErrorCode::kConstraintViolated, "`", name, "` grows by ", graph.length->step.to_string(), " = ", step, " up to ",
                  graph.length->capacity.to_string(), " = ", capacity, ", wanted 0 or more of both");
    manifest.length = {name, step, capacity};
  }
  for (const Param& param : graph.params)
    if (!param.owned) manifest.params.push_back(entry(param.name, graph.values[param.value].shape));
  for (const Output* output : given_outputs(graph)) {
    RLX_ASSIGN(const Shape shape, bound(graph.values[output->value].shape, binding));
    manifest.outputs.push_back(entry(output->name, shape));
  }
  return manifest;
}

std::vector<ValueId> given_inputs(const Graph& graph) {
  std::vector<bool> hidden(graph.inputs.size());
  for (const StatePair& pair : graph.states) hidden[pair.input] = true;
  if (graph.length) hidden[graph.length->input] = true;
  std::vector<ValueId> inputs;
  for (std::size_t i = 0; i < graph.inputs.size(); ++i)
    if (!hidden[i]) inputs.push_back(graph.inputs[i]);
  return inputs;
}

Result<Binding> bind_inputs(const Graph& graph, std::span<const NamedView> inputs, const Binding& known) {
  RLX_TRY(check_names(graph, inputs));
  const std::vector<ValueId> given = given_inputs(graph);
  std::map<std::string, Giver, std::less<>> givers;
  for (const auto& [name, size] : known) givers.try_emplace(name, Giver{size, "the context", std::nullopt});
  for (const ValueId id : given)
    RLX_TRY(bind_one(graph.values[id], find(inputs, graph.values[id].name)->view, givers));
  Binding binding;
  for (const auto& [name, giver] : givers) binding.emplace(name, giver.size);
  for (const auto& [name, range] : graph.symbols)
    if (!binding.contains(name))
      return fail(ErrorCode::kUnboundSymbol, "symbol `", name, "` has no size: no input has it as a dim of its own; bind it by name");
  for (const ValueId id : given) {
    const Value& wanted = graph.values[id];
    const TensorView& seen = find(inputs, wanted.name)->view;
    for (std::size_t i = 0; i < seen.dims.size(); ++i) {
      RLX_ASSIGN(const std::int64_t size, wanted.shape.dims[i].evaluate(binding));
      if (size != seen.dims[i])
        return fail(ErrorCode::kWrongShape, "input `", wanted.name, "` has ", seen.dims[i], " in dim ", i, ", wanted ",
                    wanted.shape.dims[i].to_string(), " = ", size);
    }
  }
  return binding;
}

namespace {

std::string type_text(const ManifestEntry& entry) { return join(dtype_name(entry.dtype), dims_text(entry.dims)); }

void diff_entries(std::string& text, std::string_view what, const std::vector<ManifestEntry>& ours, const std::vector<ManifestEntry>& theirs) {
  const auto same_name = [](const ManifestEntry& a, const ManifestEntry& b) { return a.name == b.name; };
  const auto in = [](const std::vector<ManifestEntry>& entries, std::string_view name) {
    const auto found = std::find_if(entries.begin(), entries.end(), [&](const ManifestEntry& entry) { return entry.name == name; });
    return found == entries.end() ? nullptr : &*found;
  };
  for (const ManifestEntry& entry : ours) {
    const ManifestEntry* other = in(theirs, entry.name);
    if (!other)
      text += join("- ", what, " ", entry.name, ": ", type_text(entry), "\n");
    else if (type_text(*other) != type_text(entry))
      text += join("~ ", what, " ", entry.name, ": ", type_text(entry), " -> ", type_text(*other), "\n");
  }
  for (const ManifestEntry& entry : theirs)
    if (!in(ours, entry.name)) text += join("+ ", what, " ", entry.name, ": ", type_text(entry), "\n");
  const bool same_names = std::is_permutation(ours.begin(), ours.end(), theirs.begin(), theirs.end(), same_name);
  if (same_names && !std::equal(ours.begin(), ours.end(), theirs.begin(), same_name)) text += join("~ order of ", what, "s\n");
}

std::string range_text(const BindingManifest::Symbol& symbol) {
  return join(symbol.least, " to ", symbol.greatest == INT64_MAX ? std::string("any size") : std::to_string(symbol.greatest));
}

void diff_lines(std::string& text, std::string_view what, std::map<std::string, std::string> ours, const std::map<std::string, std::string>& theirs) {
  for (const auto& [name, value] : theirs) {
    const auto found = ours.find(name);
    if (found == ours.end())
      text += join("+ ", what, " ", name, value, "\n");
    else if (found->second != value)
      text += join("~ ", what, " ", name, found->second, " ->", value.substr(1), "\n");
    if (found != ours.end()) ours.erase(found);
  }
  for (const auto& [name, value] : ours) text += join("- ", what, " ", name, value, "\n");
}

}  // namespace

std::string BindingManifest::diff(const BindingManifest& other) const {
  std::string text;
  diff_entries(text, "input", inputs, other.inputs);
  diff_entries(text, "param", params, other.params);
  diff_entries(text, "output", outputs, other.outputs);
  std::map<std::string, std::string> ours, theirs;
  for (const Symbol& symbol : symbols) ours[symbol.name] = ": " + range_text(symbol);
  for (const Symbol& symbol : other.symbols) theirs[symbol.name] = ": " + range_text(symbol);
  diff_lines(text, "symbol", ours, theirs);
  ours.clear();
  theirs.clear();
  for (const std::string& constraint : constraints) ours[constraint];
  for (const std::string& constraint : other.constraints) theirs[constraint];
  diff_lines(text, "constraint", ours, theirs);
  return text;
}

std::vector<BindingManifest::WeightBlock> BindingManifest::weight_blocks() const {
  std::map<std::string, WeightBlock> blocks;
  for (const ManifestEntry& param : params) {
    const std::string name = param.name.substr(0, param.name.find('.'));
    WeightBlock& block = blocks[name];
    block.name = name;
    ++block.params;
    block.bytes += param.bytes;
  }
  std::vector<WeightBlock> result;
  for (auto& [name, block] : blocks) result.push_back(std::move(block));
  return result;
}

std::string BindingManifest::to_text() const {
  std::string text;
  const auto list = [&](std::string_view title, const std::vector<ManifestEntry>& entries) {
    for (const ManifestEntry& entry : entries) {
      text += join(title, " ", entry.name, ": ", dtype_name(entry.dtype), dims_text(entry.dims));
      if (entry.bytes) text += join(", ", entry.bytes, " bytes");
      text += "\n";
    }
  };
  list("input", inputs);
  list("state", states);
  if (length) text += join("length ", length->name, ": grows by ", size_text(length->step), " a run, up to ", size_text(length->capacity), "\n");
  list("param", params);
  list("output", outputs);
  for (const Symbol& symbol : symbols)
    text += join("symbol ", symbol.name, ": ", range_text(symbol), "\n");
  for (const std::string& constraint : constraints) text += "constraint " + constraint + "\n";
  return text;
}

}  // namespace rlx
