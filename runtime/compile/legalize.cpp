// SPDX-License-Identifier: Apache-2.0
// One walk over the graph; every value becomes an LIR value, every MIR-only op a view of one.
#include "runtime/compile/legalize.h"

#include <cstring>
#include <map>
#include <optional>

#include "runtime/base/check.h"
#include "runtime/compile/strided.h"
#include "runtime/ir/build.h"
#include "runtime/ir/text.h"

namespace rlx {
namespace {

std::size_t bytes_of(DType dtype) { return dtype_bytes(dtype); }

/// Regions by the text of their graph: equal regions are stored once.
struct RegionStore {
  std::map<std::string, std::uint32_t> by_text;
  std::vector<std::vector<lir::Op>> ops;  ///< of region i
};

/// Legalizes one graph (the main one or a region) into the module.
class Walk {
 public:
  Walk(const Graph& graph, const Target& target, Legalized& result, RegionStore& store, std::uint32_t region)
      : graph_(graph), target_(target), out_(result), store_(store), region_(region), value_of_(graph.values.size(), RLX_NO_INDEX) {}

  Status run() {
    declare_inputs();
    declare_params();
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) RLX_TRY(node(i));
    return region_ == 0 ? main_outputs() : region_outputs();
  }

 private:
  lir::Module& module() { return out_.module; }
  bool in_region() const { return region_ != 0; }

  std::uint32_t add_value(lir::Value value) {
    module().values.push_back(std::move(value));
    return static_cast<std::uint32_t>(module().values.size() - 1);
  }

  std::uint32_t dense_value(const Shape& shape, lir::Storage storage, std::uint32_t index, std::string name) {
    lir::Value value;
    value.dtype = shape.dtype;
    value.dims = shape.dims;
    value.storage = storage;
    value.index = index;
    value.name = std::move(name);
    return add_value(std::move(value));
  }

  void declare_inputs() {
    for (std::size_t i = 0; i < graph_.inputs.size(); ++i) {
      const ValueId id = graph_.inputs[i];
      const Value& value = graph_.values[id];
      if (in_region()) {
        const bool absent = value.shape.dtype == DType::kNone;
        value_of_[id] = absent ? RLX_NO_INDEX : dense_value(value.shape, lir::Storage::kRegion, 0, value.name);
        module().regions[region_].params.push_back(value_of_[id]);
      } else {
        value_of_[id] = dense_value(value.shape, lir::Storage::kInput, static_cast<std::uint32_t>(i), value.name);
        module().inputs.push_back({value.name, value_of_[id]});
      }
    }
  }

  void declare_params() {
    for (std::size_t i = 0; i < graph_.params.size(); ++i) {
      const Param& param = graph_.params[i];
      const Shape& shape = graph_.values[param.value].shape;
      const auto index = static_cast<std::uint32_t>(i);
      value_of_[param.value] = dense_value(shape, lir::Storage::kParam, index, param.name);
      module().params.push_back({param.name, index, shape.dtype, shape.dims, param.owned != nullptr, value_of_[param.value]});
    }
  }

  /// The LIR value of a graph value; constants are declared where they are first used.
  std::uint32_t value(ValueId id) {
    if (id == kAbsent) return RLX_NO_INDEX;
    const Value& source = graph_.values[id];
    if (source.kind == ValueKind::kConstant && value_of_[id] == RLX_NO_INDEX)
      value_of_[id] = constant(source.shape, *graph_.constants[source.index].bytes);
    return value_of_[id];
  }

  std::uint32_t constant(const Shape& shape, const std::vector<std::byte>& bytes) {
    module().constants.push_back(bytes);
    return dense_value(shape, lir::Storage::kConstant, static_cast<std::uint32_t>(module().constants.size() - 1), {});
  }

  Strided strided(std::uint32_t id) const {
    const lir::Value& value = out_.module.values[id];
    if (value.storage != lir::Storage::kView) return {value.dims, dense_strides(value.dims), 0};
    return {value.dims, *value.strides, floor_div(value.byte_offset, Dim(static_cast<std::int64_t>(bytes_of(value.dtype))))};
  }

  std::uint32_t view(std::uint32_t source, const Strided& shape, DType dtype) {
    const lir::Value& from = module().values[source];
    lir::Value value;
    value.dtype = dtype;
    value.dims = shape.dims;
    value.strides = shape.strides;
    value.storage = lir::Storage::kView;
    value.index = from.storage == lir::Storage::kView ? from.index : source;
    value.byte_offset = shape.offset * Dim(static_cast<std::int64_t>(bytes_of(dtype)));
    return add_value(std::move(value));
  }

  std::vector<lir::Op>& ops() { return store_.ops[region_]; }

  std::uint32_t copied(std::uint32_t source, bool refused) {
    const lir::Value& from = module().values[source];
    const Shape shape{from.dtype, from.dims};
    lir::Op op;
    op.opcode = RLX_OP_COPY;
    op.operands = {source};
    op.results = {dense_value(shape, in_region() ? lir::Storage::kRegion : lir::Storage::kTemp, 0, {})};
    const std::uint32_t result = op.results[0];
    ops().push_back(std::move(op));
    if (!in_region()) {
      out_.node_of_op.push_back(SIZE_MAX);
      out_.copies += refused;
    }
    return result;
  }

  Status node(std::size_t index) {
    const Node& node = graph_.nodes[index];
    switch (node.ns.empty() ? node.op : 0) {
      case RLX_OP_RESHAPE: return reshape(node);
      case RLX_OP_TRANSPOSE: return set_view(node, transposed(strided(value(node.operands[0])), attr_i64s(node, RLX_ATTR_PERM)));
      case RLX_OP_BROADCAST: return set_view(node, broadcasted(strided(value(node.operands[0])), result_dims(node)));
      case RLX_OP_SLICE: return slice(node);
      case RLX_OP_DIM: return dim(node);
      default: return op(node, index);
    }
  }

  const Dims& result_dims(const Node& node) const { return graph_.values[node.results[0]].shape.dims; }

  Status set_view(const Node& node, const Strided& shape) {
    value_of_[node.results[0]] = view(value(node.operands[0]), shape, graph_.values[node.results[0]].shape.dtype);
    return {};
  }

  Status slice(const Node& node) {
    const Strided from = strided(value(node.operands[0]));
    Dims step = attr_dims(node, RLX_ATTR_STEP);
    if (step.empty()) step.assign(from.dims.size(), 1);
    return set_view(node, sliced(from, attr_dims(node, RLX_ATTR_START), step, result_dims(node)));
  }

  Status reshape(const Node& node) {
    std::uint32_t source = value(node.operands[0]);
    std::optional<Strided> shape = reshaped(strided(source), result_dims(node));
    if (!shape) {
      source = copied(source, false);
      shape = reshaped(strided(source), result_dims(node));
    }
    value_of_[node.results[0]] = view(source, *shape, graph_.values[node.results[0]].shape.dtype);
    return {};
  }

  /// A size as data: an i64 scalar constant; a symbolic one is filled in by specialize.
  Status dim(const Node& node) {
    const Dim size = attr_dim(node, RLX_ATTR_VALUE, 0);
    std::vector<std::byte> bytes(8);
    if (size.is_number()) {
      const std::int64_t number = size.number();
      std::memcpy(bytes.data(), &number, 8);
    }
    value_of_[node.results[0]] = constant({DType::kI64, {}}, bytes);
    if (!size.is_number())
      module().open_constants.push_back({static_cast<std::uint32_t>(module().constants.size() - 1), size});
    return {};
  }

  Status op(const Node& node, std::size_t index) {
    lir::Op op;
    op.ns = node.ns;
    op.opcode = node.op;
    op.version = node.version;
    op.attributes = node.attributes;
    op.name = node.name;
    for (std::size_t i = 0; i < node.operands.size(); ++i) op.operands.push_back(operand(node, i));
    for (const ValueId result : node.results) {
      const Value& value = graph_.values[result];
      value_of_[result] = dense_value(value.shape, in_region() ? lir::Storage::kRegion : lir::Storage::kTemp, 0, value.name);
      op.results.push_back(value_of_[result]);
    }
    for (const auto& body : node.regions) {
      RLX_ASSIGN(const std::uint32_t region, this->region(*body));
      op.regions.push_back(region);
    }
    ops().push_back(std::move(op));
    if (!in_region()) out_.node_of_op.push_back(index);
    return {};
  }

  std::uint32_t operand(const Node& node, std::size_t i) {
    const std::uint32_t id = value(node.operands[i]);
    if (id == RLX_NO_INDEX || node.op == RLX_OP_COPY) return id;
    const lir::Value& source = module().values[id];
    if (source.storage != lir::Storage::kView) return id;
    const Strided shape = strided(id);
    const Layout allowed = operand_layout(target_, node.op, source.dtype, i);
    const bool fits = allowed == Layout::kAny || is_dense(shape) || (allowed == Layout::kInnerDense && is_inner_dense(shape));
    return fits ? id : copied(id, true);
  }

  Result<std::uint32_t> region(const Graph& body) {
    const auto [entry, fresh] = store_.by_text.try_emplace(print(body), static_cast<std::uint32_t>(module().regions.size()));
    if (!fresh) return entry->second;
    const std::uint32_t id = entry->second;
    module().regions.emplace_back();
    store_.ops.emplace_back();
    RLX_TRY(Walk(body, target_, out_, store_, id).run());
    return id;
  }

  Status region_outputs() {
    for (const Output& output : graph_.outputs) module().regions[region_].results.push_back(value(output.value));
    return {};
  }

  /// A result that is an output (or is viewed whole and dense by one) is written straight to the caller's memory.
  Status main_outputs() {
    for (std::size_t i = 0; i < graph_.outputs.size(); ++i) {
      const std::uint32_t id = value(graph_.outputs[i].value);
      lir::Value& value = module().values[id];
      if (value.storage == lir::Storage::kTemp) {
        value.storage = lir::Storage::kOutput;
        value.index = static_cast<std::uint32_t>(i);
      }
      module().outputs.push_back({graph_.outputs[i].name, id});
    }
    for (const StatePair& pair : graph_.states) module().states.push_back({pair.input, pair.output});
    return {};
  }

  const Graph& graph_;
  const Target& target_;
  Legalized& out_;
  RegionStore& store_;
  std::uint32_t region_;
  std::vector<std::uint32_t> value_of_;
};

}  // namespace

Result<Legalized> legalize(const Graph& graph, const Target& target) {
  Legalized result;
  RegionStore store;
  result.module.regions.emplace_back();
  result.module.values.reserve(graph.values.size());
  result.node_of_op.reserve(graph.nodes.size());
  store.ops.emplace_back().reserve(graph.nodes.size());
  RLX_TRY(Walk(graph, target, result, store, 0).run());
  for (std::size_t i = 0; i < store.ops.size(); ++i) {
    lir::Region& region = result.module.regions[i];
    region.first_op = static_cast<std::uint32_t>(result.module.ops.size());
    region.op_count = static_cast<std::uint32_t>(store.ops[i].size());
    if (i == 0) {
      result.module.ops = std::move(store.ops[0]);
      continue;
    }
    for (lir::Op& op : store.ops[i]) result.module.ops.push_back(std::move(op));
  }
  return result;
}

Result<Graph> inline_nodes(const Graph& graph, const std::vector<bool>& chosen) {
  Graph result = graph;
  result.nodes.clear();
  std::vector<ValueId> now(graph.values.size());
  for (ValueId i = 0; i < now.size(); ++i) now[i] = i;
  const auto renamed = [&](ValueId id) { return id == kAbsent ? id : now[id]; };
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    Node node = graph.nodes[i];
    for (ValueId& operand : node.operands) operand = renamed(operand);
    if (!chosen[i]) {
      result.nodes.push_back(std::move(node));
      continue;
    }
    RLX_CHECK(node.regions.size() == 1, "only a composite can be inlined, not ", op_name(node.op));
    RLX_ASSIGN(const std::vector<ValueId> values, inline_region(result, *node.regions[0], node.operands));
    for (std::size_t k = 0; k < node.results.size(); ++k) now[node.results[k]] = values[k];
  }
  for (Output& output : result.outputs) output.value = renamed(output.value);
  return result;
}

}  // namespace rlx
