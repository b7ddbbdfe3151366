// SPDX-License-Identifier: Apache-2.0
#include "random_module.h"

#include <rlx/ops.h>

namespace rlx::lir::testing {
namespace {

std::vector<std::byte> bytes_of(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + 1);
  return bytes;
}

std::size_t element_bytes(DType dtype) { return rlx_dtype_bytes(static_cast<std::uint32_t>(dtype)); }

Dims dense_strides(const Dims& dims) {
  Dims strides(dims.size());
  Dim stride = 1;
  for (std::size_t axis = dims.size(); axis-- > 0;) {
    strides[axis] = stride;
    stride = stride * dims[axis];
  }
  return strides;
}

class Generator {
 public:
  Generator(std::mt19937_64& rng, const RandomOptions& options) : rng_(rng), options_(options) {}

  Module run() {
    const std::uint32_t inputs = 1 + below(3);
    for (std::uint32_t i = 0; i < inputs; ++i) add_input();
    if (below(2)) add_state_input();
    for (std::uint32_t i = below(3); i > 0; --i) add_param();
    for (std::uint32_t i = below(3); i > 0; --i) add_constant();
    graph_ops();
    add_outputs();
    lay_out_ops();
    if (below(3) == 0) add_extent();
    module_.template_hash = {below(2) ? rng_() : 0, 0};
    return std::move(module_);
  }

 private:
  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(rng_() % limit); }

  Dim random_dim() {
    if (!options_.symbols || below(3) == 0) return static_cast<int>(below(5));
    const Dim batch = Dim::symbol("batch"), seq = Dim::symbol("seq");
    switch (below(9)) {
      case 0: return batch;
      case 1: return seq;
      case 2: return batch * seq;
      case 3: return seq + Dim(3);
      case 4: return floor_div(seq, Dim(2));
      case 5: return ceil_div(batch * Dim(3), Dim(4));
      case 6: return max(seq - Dim(2), Dim(0));
      case 7: return min(seq, batch + Dim(1));
      default: return mod(seq, Dim(5)) * batch;
    }
  }

  Dims random_dims() {
    Dims dims(below(4));
    for (Dim& dim : dims) dim = random_dim();
    return dims;
  }

  DType random_dtype() {
    constexpr DType kDTypes[] = {DType::kF32, DType::kF16, DType::kI64, DType::kBool, DType::kF64};
    return kDTypes[below(5)];
  }

  std::uint32_t add(Value value) {
    module_.values.push_back(std::move(value));
    return static_cast<std::uint32_t>(module_.values.size() - 1);
  }

  std::uint32_t add(Storage storage, DType dtype, Dims dims, std::size_t index = 0) {
    Value value;
    value.storage = storage;
    value.dtype = dtype;
    value.dims = std::move(dims);
    value.index = static_cast<std::uint32_t>(index);
    return add(std::move(value));
  }

  void add_input() {
    const std::uint32_t value = add(Storage::kInput, random_dtype(), random_dims(), module_.inputs.size());
    module_.inputs.push_back({join("x", module_.inputs.size()), value});
    visible_.push_back(value);
  }

  void add_state_input() {
    add_input();
    state_input_ = static_cast<std::uint32_t>(module_.inputs.size() - 1);
  }

  void add_param() {
    const DType dtype = random_dtype();
    const Dims dims = {static_cast<int>(below(4)), static_cast<int>(below(400))};
    const std::uint32_t value = add(Storage::kParam, dtype, dims, module_.params.size());
    module_.params.push_back({join("w", below(2)), 10 + below(5), dtype, dims, below(2) == 0, value});
    visible_.push_back(value);
  }

  void add_constant() {
    const DType dtype = random_dtype();
    const int size = static_cast<int>(below(4));
    visible_.push_back(add(Storage::kConstant, dtype, {size}, module_.constants.size()));
    if (below(3) == 0) visible_.push_back(add(Storage::kConstant, dtype, {size}, module_.constants.size()));
    module_.constants.push_back(bytes_of(static_cast<std::size_t>(size) * element_bytes(dtype)));
  }

  /// A permutation, reversal, slice or broadcast of a visible value.
  std::uint32_t add_view(std::uint32_t root) {
    const Value from = module_.values[root];
    if (from.storage == Storage::kView || from.dtype == DType::kNone) return root;
    Value view;
    view.dtype = from.dtype;
    view.storage = Storage::kView;
    view.index = root;
    view.dims = from.dims;
    view.strides = dense_strides(from.dims);
    const Dim element = static_cast<std::int64_t>(element_bytes(from.dtype));
    if (view.dims.size() > 1 && below(2)) {
      std::swap(view.dims[0], view.dims[1]);
      std::swap((*view.strides)[0], (*view.strides)[1]);
    }
    if (!view.dims.empty()) {
      const std::uint32_t axis = below(static_cast<std::uint32_t>(view.dims.size()));
      Dim& stride = (*view.strides)[axis];
      switch (below(4)) {
        case 0:  // reversed: begins at the last row, or at 0 where there is none
          view.byte_offset = max(view.dims[axis] - Dim(1), Dim(0)) * min(stride, elements(from)) * element;
          stride = stride * Dim(-1);
          break;
        case 1:  // all but the first row
          view.byte_offset = min(view.dims[axis], Dim(1)) * min(stride, elements(from)) * element;
          view.dims[axis] = max(view.dims[axis] - Dim(1), Dim(0));
          break;
        case 2:  // the first row, n times
          view.dims[axis] = min(view.dims[axis], Dim(1)) * Dim(3);
          stride = 0;
          break;
        default: break;
      }
    }
    return add(std::move(view));
  }

  static Dim elements(const Value& value) { return product(value.dims); }

  Attributes random_attributes() {
    Attributes attributes;
    if (below(2)) attributes[RLX_ATTR_FN] = Dim(static_cast<int>(below(9)));
    if (below(3) == 0) attributes[RLX_ATTR_TO] = DType::kF32;
    if (below(3) == 0) attributes[RLX_ATTR_EPS] = 1e-5;
    if (below(3) == 0) attributes[RLX_ATTR_SIZES] = random_dims();
    if (below(3) == 0) attributes[RLX_ATTR_K] = random_dim() - Dim(7);
    if (below(4) == 0) attributes[RLX_ATTR_ALPHAS] = std::vector<double>{0.5, -2.0};
    if (below(4) == 0) attributes[RLX_ATTR_VENDOR_FIRST] = std::string(below(2) ? "gemm" : "");
    return attributes;
  }

  Op random_op(std::vector<std::uint32_t>& visible) {
    Op op;
    op.opcode = below(2) ? RLX_OP_BINARY : RLX_OP_UNARY;
    if (below(5) == 0) op.ns = "org.example";
    op.attributes = random_attributes();
    if (below(2)) op.name = join("layer", below(4));
    for (std::uint32_t i = 1 + below(3); i > 0; --i) {
      std::uint32_t operand = visible[below(static_cast<std::uint32_t>(visible.size()))];
      if (below(4) == 0) visible.push_back(operand = add_view(operand));
      op.operands.push_back(below(8) ? operand : RLX_NO_INDEX);
    }
    return op;
  }

  void add_results(Op& op, Storage storage, std::vector<std::uint32_t>& visible) {
    for (std::uint32_t i = 1 + (below(4) == 0); i > 0; --i) {
      op.results.push_back(add(storage, random_dtype(), random_dims()));
      visible.push_back(op.results.back());
    }
  }

  void graph_ops() {
    for (std::uint32_t i = 0; i < options_.ops; ++i) {
      if (composite_ && below(6) == 0) {  // the same composite again: its region is shared
        Op again = *composite_;
        for (std::uint32_t& result : again.results) {
          const Value old = module_.values[result];
          result = add(Storage::kTemp, old.dtype, old.dims);
          visible_.push_back(result);
        }
        region_ops_[0].push_back(std::move(again));
        continue;
      }
      Op op = random_op(visible_);
      add_results(op, Storage::kTemp, visible_);
      if (below(4) == 0) {
        op.opcode = RLX_OP_ELEMENTWISE;
        op.regions.push_back(add_region(op, 1));
        composite_ = op;
      }
      region_ops_[0].push_back(std::move(op));
    }
  }

  std::uint32_t add_region(const Op& carrier, std::uint32_t depth) {
    const auto index = static_cast<std::uint32_t>(region_ops_.size());
    region_ops_.emplace_back();
    region_params_.emplace_back();
    region_results_.emplace_back();
    std::vector<std::uint32_t> params, visible;
    for (const std::uint32_t operand : carrier.operands) {
      if (operand == RLX_NO_INDEX) {
        params.push_back(below(2) ? RLX_NO_INDEX : add(Storage::kRegion, DType::kNone, {}));
        continue;
      }
      params.push_back(add(Storage::kRegion, module_.values[operand].dtype, module_.values[operand].dims));
      visible.push_back(params.back());
    }
    if (visible.empty()) {  // every operand is absent: an op of its own begins
      Op first;
      first.opcode = RLX_OP_IOTA;
      add_results(first, Storage::kRegion, visible);
      region_ops_[index].push_back(std::move(first));
    }
    Op inner = random_op(visible);
    add_results(inner, Storage::kRegion, visible);
    if (depth < 3 && below(4) == 0) inner.regions.push_back(add_region(inner, depth + 1));
    region_ops_[index].push_back(std::move(inner));
    Op last;
    last.opcode = RLX_OP_UNARY;
    last.operands = {visible.back()};
    std::vector<std::uint32_t> results;
    for (const std::uint32_t result : carrier.results)
      last.results.push_back(add(Storage::kRegion, module_.values[result].dtype, module_.values[result].dims));
    region_results_[index] = last.results;
    region_params_[index] = params;
    region_ops_[index].push_back(std::move(last));
    return index;
  }

  void add_outputs() {
    for (std::uint32_t i = 1 + below(2); i > 0; --i)
      module_.outputs.push_back({join("y", module_.outputs.size()), visible_[below(static_cast<std::uint32_t>(visible_.size()))]});
    add_written_output(random_dtype(), random_dims());
    if (state_input_ == RLX_NO_INDEX) return;
    const Value state = module_.values[module_.inputs[state_input_].value];
    add_written_output(state.dtype, state.dims);
    module_.states.push_back({state_input_, static_cast<std::uint32_t>(module_.outputs.size() - 1)});
  }

  void add_written_output(DType dtype, Dims dims) {
    Op op = random_op(visible_);
    const std::uint32_t value = add(Storage::kOutput, dtype, std::move(dims), module_.outputs.size());
    op.results = {value};
    module_.outputs.push_back({join("y", module_.outputs.size()), value});
    region_ops_[0].push_back(std::move(op));
  }

  void lay_out_ops() {
    for (std::size_t i = 0; i < region_ops_.size(); ++i) {
      module_.regions.push_back({static_cast<std::uint32_t>(module_.ops.size()),
                                 static_cast<std::uint32_t>(region_ops_[i].size()), region_params_[i], region_results_[i]});
      for (Op& op : region_ops_[i]) module_.ops.push_back(std::move(op));
    }
  }

  void add_extent() {
    const std::uint32_t size = add(Storage::kInput, DType::kI64, {}, module_.inputs.size());
    module_.inputs.push_back({"length", size});
    for (std::uint32_t i = 0; i < module_.values.size(); ++i)
      if (!module_.values[i].dims.empty()) return module_.extents.push_back({i, 0, size});
  }

  std::mt19937_64& rng_;
  const RandomOptions options_;
  Module module_;
  std::vector<std::uint32_t> visible_;  ///< of the main graph
  std::vector<std::vector<Op>> region_ops_ = std::vector<std::vector<Op>>(1);
  std::vector<std::vector<std::uint32_t>> region_params_ = std::vector<std::vector<std::uint32_t>>(1);
  std::vector<std::vector<std::uint32_t>> region_results_ = std::vector<std::vector<std::uint32_t>>(1);
  std::optional<Op> composite_;
  std::uint32_t state_input_ = RLX_NO_INDEX;
};

}  // namespace

Module small_module() {
  Module module;
  module.constants.push_back(bytes_of(24));
  const auto value = [](Storage storage, Dims dims, std::uint32_t index) {
    Value each;
    each.dtype = DType::kF32;
    each.storage = storage;
    each.dims = std::move(dims);
    each.index = index;
    return each;
  };
  module.values.push_back(value(Storage::kInput, {2, 3}, 0));
  module.values.push_back(value(Storage::kConstant, {2, 3}, 0));
  module.values.push_back(value(Storage::kTemp, {2, 3}, 0));
  module.values.push_back(value(Storage::kView, {3, 2}, 2));
  module.values.back().strides = Dims{1, 3};
  module.values.push_back(value(Storage::kOutput, {3, 2}, 0));
  Op add;
  add.opcode = RLX_OP_BINARY;
  add.operands = {0, 1};
  add.results = {2};
  add.attributes[RLX_ATTR_FN] = Dim(RLX_BINARY_ADD);
  add.name = "add";
  Op copy;
  copy.opcode = RLX_OP_COPY;
  copy.operands = {3};
  copy.results = {4};
  module.ops = {add, copy};
  module.regions.push_back({0, 2, {}, {}});
  module.inputs.push_back({"x", 0});
  module.outputs.push_back({"y", 4});
  return module;
}

Module random_module(std::mt19937_64& rng, const RandomOptions& options) { return Generator(rng, options).run(); }

DimBinding binding_of(std::int64_t batch, std::int64_t seq) { return {{"batch", batch}, {"seq", seq}}; }

}  // namespace rlx::lir::testing
