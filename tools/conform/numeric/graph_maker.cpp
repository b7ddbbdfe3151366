// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/numeric/graph_maker.h"

#include <rlx/ops.h>

#include <algorithm>
#include <cmath>

#include "tools/conform/numeric/op_cases.h"

namespace rlx::conform {
namespace {

constexpr std::int64_t kSizes[] = {1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33};
constexpr double kTame = 24;  ///< greatest magnitude that a value may have before it is tamed
constexpr std::size_t kTries = 24;
constexpr std::size_t kConstantBytes = 4096;  ///< the most that an image may hold of one constant

/// A value that ops may read.
struct Grown {
  std::uint32_t value = 0, root = 0;
  Sizes dims, root_dims, strides;
  std::int64_t offset = 0;  ///< in elements of the root
  double most = 1;          ///< no element is greater
  bool is_view() const { return value != root; }
};

class Grower {
 public:
  Grower(const Facts& facts, bool exact, std::uint64_t seed) : facts_(facts), exact_(exact), random_(seed) {
    for (std::int64_t& size : sizes_) size = kSizes[random_.below(std::size(kSizes))];
  }

  Result<RandomGraph> run(unsigned ops) {
    fresh({sizes_[0], sizes_[1]});
    for (std::size_t tries = 0; made_ < ops && tries < ops * kTries; ++tries) RLX_TRY(step());
    if (made_ == 0) return fail(ErrorCode::kUnsupportedOps, "the device claims none of the operations that graphs are grown from");
    RandomGraph graph{builder_.module(false), std::move(inputs_), std::move(params_)};
    make_outputs(graph.module);
    return graph;
  }

 private:
  Status step() {
    if (random_.below(8) == 0) add_view();
    const Grown& x = pick();
    if (x.most > kTame) return tame(x);
    switch (random_.below(exact_ ? 6 : 10)) {
      case 0: return binary(x);
      case 1: return repeated(x);
      case 2: return reduce(x);
      case 3: return concat(x);
      case 4: return unary(x);
      case 5: return exact_ ? copy(x) : linear(x);
      case 6: return softmax(x);
      case 7: return norm(x);
      case 8: return act(x);
      default: return copy(x);
    }
  }

  // ---- operands ----
  const Grown& pick() { return grown_[grown_.size() - 1 - random_.below(std::min<std::size_t>(grown_.size(), 6))]; }

  OperandCase as_operand(const Grown& x) const {
    OperandCase operand = conform::operand(DType::kF32, x.dims);
    if (x.is_view()) operand.window = Window{x.root_dims, x.strides, x.offset};
    return operand;
  }

  /// A new input, param or constant.
  const Grown& fresh(const Sizes& dims, double most = 2) {
    const Dims shape(dims.begin(), dims.end());
    const auto count = static_cast<std::uint64_t>(reference::element_count(dims));
    const std::string bytes = exact_ ? fill_whole(DType::kF32, count, random_) : fill_uniform(DType::kF32, count, -most, most, random_);
    if (exact_) most = 8;
    const std::uint64_t kind = inputs_.empty() ? 0 : random_.below(bytes.size() > kConstantBytes ? 2 : 3);
    std::uint32_t value = 0;
    if (kind == 0) {
      value = builder_.input("x" + std::to_string(inputs_.size()), DType::kF32, shape);
      inputs_.push_back(bytes);
    } else if (kind == 1) {
      value = builder_.param("w" + std::to_string(params_.size()), DType::kF32, shape, static_cast<std::uint32_t>(params_.size()));
      params_.push_back(bytes);
    } else {
      value = builder_.constant(DType::kF32, shape, bytes);
    }
    return keep(value, dims, most);
  }

  const Grown& keep(std::uint32_t value, const Sizes& dims, double most) {
    grown_.push_back({value, value, dims, dims, reference::dense_strides(dims), 0, most});
    return grown_.back();
  }

  /// Of the same dims as x: one that is there, or a fresh one.
  Grown partner(const Grown& x) {
    const Sizes dims = x.dims;
    const std::uint32_t self = x.value;
    if (random_.below(3) != 0)
      for (std::size_t i = grown_.size(); i-- > 0;)
        if (grown_[i].dims == dims && (grown_[i].value != self || random_.below(4) == 0)) return grown_[i];
    return fresh(dims);
  }

  void add_view() {
    const Grown x = pick();
    if (x.dims.empty()) return;
    Grown view = x;
    const std::size_t axis = random_.below(x.dims.size());
    if (random_.below(2) == 0 && x.dims.size() > 1) {
      const std::size_t other = (axis + 1) % x.dims.size();
      std::swap(view.dims[axis], view.dims[other]);
      std::swap(view.strides[axis], view.strides[other]);
    } else if (x.dims[axis] > 2) {
      const auto step = static_cast<std::int64_t>(1 + random_.below(2));
      const auto start = static_cast<std::int64_t>(random_.below(2));
      view.offset += start * x.strides[axis];
      view.dims[axis] = (x.dims[axis] - start + step - 1) / step;
      view.strides[axis] *= step;
    } else {
      return;
    }
    view.value = builder_.view(view.root, Dims(view.dims.begin(), view.dims.end()), Dims(view.strides.begin(), view.strides.end()), view.offset * 4);
    grown_.push_back(view);
  }

  // ---- operations ----
  /// Appends the op where the device claims it; what it claims not is not made.
  Status add(OpCase op_case, const std::vector<Grown>& operands, double most) {
    op_case.operands.clear();
    std::vector<std::uint32_t> values;
    for (const Grown& each : operands) {
      op_case.operands.push_back(as_operand(each));
      values.push_back(each.value);
    }
    if (!covers(facts_, op_case)) return {};
    RLX_ASSIGN(const std::vector<Shape> shapes, result_shapes(op_case));
    RLX_ASSIGN(const std::vector<std::uint32_t> results, append_op(builder_, op_case, values, ""));
    Sizes dims;
    for (const Dim& dim : shapes[0].dims) dims.push_back(dim.number());
    keep(results[0], dims, most);
    ++made_;
    return {};
  }

  Status binary(const Grown& picked) {
    const Grown x = picked, y = partner(picked);
    const std::uint32_t fn[] = {RLX_BINARY_ADD, RLX_BINARY_SUB, RLX_BINARY_MAX, RLX_BINARY_MIN, RLX_BINARY_MUL};
    const std::uint64_t which = random_.below(5);
    const double most = which < 2 ? x.most + y.most : which < 4 ? std::max(x.most, y.most) : x.most * y.most;
    return add({.name = "binary", .op = RLX_OP_BINARY, .fn = fn[which], .attributes = {{RLX_ATTR_FN, number(fn[which])}}}, {x, y}, most);
  }

  /// x and a row of its last axis, or a column of its first.
  Status repeated(const Grown& picked) {
    const Grown x = picked;
    Sizes dims(x.dims.size(), 1);
    if (dims.empty()) return {};
    const std::size_t axis = random_.below(2) ? dims.size() - 1 : 0;
    dims[axis] = x.dims[axis];
    const Grown row = fresh(dims);
    return add({.name = "row", .op = RLX_OP_BINARY, .fn = RLX_BINARY_ADD, .attributes = {{RLX_ATTR_FN, number(RLX_BINARY_ADD)}}}, {x, row}, x.most + row.most);
  }

  Status unary(const Grown& picked) {
    const Grown x = picked;
    const std::uint32_t fn[] = {RLX_UNARY_NEG, RLX_UNARY_ABS, RLX_UNARY_SIN, RLX_UNARY_ERF, RLX_UNARY_SIGMOID, RLX_UNARY_TANH};
    const std::uint64_t which = random_.below(exact_ ? 2 : 6);
    return add({.name = "unary", .op = RLX_OP_UNARY, .fn = fn[which], .attributes = {{RLX_ATTR_FN, number(fn[which])}}}, {x}, which < 2 ? x.most : 1);
  }

  Status act(const Grown& picked) {
    const Grown x = picked;
    const std::uint32_t fn[] = {RLX_ACT_RELU, RLX_ACT_GELU_ERF, RLX_ACT_SILU};
    const std::uint64_t which = random_.below(3);
    return add({.name = "act", .op = RLX_OP_ACT, .fn = fn[which], .attributes = {{RLX_ATTR_FN, number(fn[which])}}}, {x}, x.most);
  }

  Status copy(const Grown& picked) {
    const Grown x = picked;
    return add({.name = "copy", .op = RLX_OP_COPY}, {x}, x.most);
  }

  Status tame(const Grown& picked) {
    const Grown x = picked;
    const std::uint32_t fn = exact_ ? RLX_UNARY_SIGN : RLX_UNARY_TANH;
    return add({.name = "tame", .op = RLX_OP_UNARY, .fn = fn, .attributes = {{RLX_ATTR_FN, number(fn)}}}, {x}, 1);
  }

  Status reduce(const Grown& picked) {
    const Grown x = picked;
    if (x.dims.empty()) return {};
    const std::uint32_t fn[] = {RLX_REDUCE_SUM, RLX_REDUCE_MAX, RLX_REDUCE_MIN};
    const std::uint64_t which = random_.below(3), axis = random_.below(x.dims.size());
    const double most = which == 0 ? x.most * static_cast<double>(x.dims[axis]) : x.most;
    return add({.name = "reduce", .op = RLX_OP_REDUCE, .fn = fn[which],
                .attributes = {{RLX_ATTR_FN, number(fn[which])}, {RLX_ATTR_AXES, integers({static_cast<std::int64_t>(axis)})},
                               {RLX_ATTR_KEEP, number(static_cast<std::int64_t>(random_.below(2)))}}}, {x}, most);
  }

  Status concat(const Grown& picked) {
    const Grown x = picked, y = partner(picked);
    if (x.dims.empty() || reference::element_count(x.dims) > 20000) return {};
    return add({.name = "concat", .op = RLX_OP_CONCAT, .attributes = {{RLX_ATTR_AXIS, number(static_cast<std::int64_t>(random_.below(x.dims.size())))}}},
               {x, y}, std::max(x.most, y.most));
  }

  Status linear(const Grown& picked) {
    const Grown x = picked;
    if (x.dims.size() < 2) return {};
    const std::int64_t k = x.dims.back(), n = sizes_[random_.below(4)];
    const double width = 1.0 / std::sqrt(static_cast<double>(k));
    const Grown w = fresh({k, n}, width), bias = fresh({n}, 1);
    const std::uint32_t acts[] = {RLX_ACT_NONE, RLX_ACT_RELU, RLX_ACT_GELU_ERF};
    return add({.name = "linear", .op = RLX_OP_LINEAR,
                .attributes = {{RLX_ATTR_PARTS, number(1)}, {RLX_ATTR_W_LAYOUT, number(RLX_W_LAYOUT_KN)}, {RLX_ATTR_HAS_BIAS, number(1)},
                               {RLX_ATTR_HAS_RESIDUAL, number(0)}, {RLX_ATTR_ACT, number(acts[random_.below(3)])}}},
               {x, w, bias}, x.most * std::sqrt(static_cast<double>(k)) + 1);
  }

  Status softmax(const Grown& picked) {
    const Grown x = picked;
    if (x.dims.empty()) return {};
    return add({.name = "softmax", .op = RLX_OP_SOFTMAX,
                .attributes = {{RLX_ATTR_AXIS, number(static_cast<std::int64_t>(random_.below(x.dims.size())))}, {RLX_ATTR_LOG, number(0)}}}, {x}, 1);
  }

  Status norm(const Grown& picked) {
    const Grown x = picked;
    if (x.dims.empty() || x.dims.back() < 5) return {};
    const Grown gamma = fresh({x.dims.back()}, 1), beta = fresh({x.dims.back()}, 1);
    const double most = std::sqrt(static_cast<double>(x.dims.back())) + 1;
    const auto axis = static_cast<std::int64_t>(x.dims.size()) - 1;
    OpCase norm = {.name = "norm", .op = RLX_OP_LAYER_NORM,
                   .attributes = {{RLX_ATTR_AXIS, number(axis)}, {RLX_ATTR_EPS, 1e-2}, {RLX_ATTR_HAS_RESIDUAL, number(0)}}};
    if (random_.below(2)) return add(norm, {x, gamma, beta}, most);
    norm.op = RLX_OP_RMS_NORM;
    return add(norm, {x, gamma}, most);
  }

  /// What nobody reads becomes an output, and now and then what somebody reads.
  void make_outputs(lir::Module& module) {
    std::vector<bool> read(module.values.size(), false);
    for (std::uint32_t i = 0; i < module.regions[0].op_count; ++i)
      for (const std::uint32_t operand : module.ops[i].operands)
        if (operand != RLX_NO_INDEX) read[module.values[operand].storage == lir::Storage::kView ? module.values[operand].index : operand] = true;
    for (std::uint32_t i = 0; i < module.regions[0].op_count; ++i)
      for (const std::uint32_t result : module.ops[i].results) {
        if (read[result] && random_.below(6) != 0) continue;
        module.values[result].storage = lir::Storage::kOutput;
        module.values[result].index = static_cast<std::uint32_t>(module.outputs.size());
        module.outputs.push_back({"y" + std::to_string(module.outputs.size()), result});
      }
  }

  const Facts& facts_;
  bool exact_;
  Random random_;
  ImageBuilder builder_;
  std::int64_t sizes_[4] = {};
  std::vector<Grown> grown_;
  std::vector<std::string> inputs_, params_;
  unsigned made_ = 0;
};

}  // namespace

Result<RandomGraph> random_graph(const Facts& facts, unsigned ops, bool exact, std::uint64_t seed) { return Grower(facts, exact, seed).run(ops); }

Result<NumericCase> case_of_graph(const RandomGraph& graph, bool exact) {
  RLX_ASSIGN(const lir::Image image, lir::write_image(graph.module));
  RLX_TRY(lir::verify_image(image.bytes()));
  NumericCase made;
  made.image = bytes_of(image);
  made.inputs = graph.inputs;
  made.params = graph.params;
  if (exact) made.compare.most = 0;
  return made;
}

}  // namespace rlx::conform
