// SPDX-License-Identifier: Apache-2.0
// Layers of models that people run, small, and rewrites that change no answer.
#include <rlx/ops.h>

#include <algorithm>
#include <cmath>

#include "tools/conform/numeric/graph_maker.h"
#include "tools/conform/numeric/op_cases.h"

namespace rlx::conform {
namespace {

struct Tensor {
  std::uint32_t value = RLX_NO_INDEX;
  OperandCase shape;
};

/// Values and operations, one after the other; the first error sticks.
class SliceBuilder {
 public:
  explicit SliceBuilder(std::uint64_t seed) : random_(seed) {}

  Tensor input(const Sizes& dims, Fill fill = {}, DType dtype = DType::kF32) {
    Tensor made{builder_.input("x" + std::to_string(inputs_.size()), dtype, Dims(dims.begin(), dims.end())), operand(dtype, dims, fill)};
    inputs_.push_back(fill_operand(made.shape, Data::kTame, random_));
    return made;
  }
  Tensor param(const Sizes& dims, double most) {
    Fill fill;
    fill.low = -most;
    fill.high = most;
    Tensor made{builder_.param("w" + std::to_string(params_.size()), DType::kF32, Dims(dims.begin(), dims.end()), static_cast<std::uint32_t>(params_.size())),
                operand(DType::kF32, dims, fill)};
    params_.push_back(fill_operand(made.shape, Data::kTame, random_));
    return made;
  }
  Tensor weight(std::int64_t k, std::int64_t n) { return param({k, n}, 1 / std::sqrt(static_cast<double>(k))); }

  /// A window of a dense tensor.
  Tensor view(const Tensor& root, const Sizes& dims, const Sizes& strides) {
    Tensor made{builder_.view(root.value, Dims(dims.begin(), dims.end()), Dims(strides.begin(), strides.end())), operand(root.shape.dtype, dims)};
    made.shape.window = Window{root.shape.dims, strides, 0};
    return made;
  }
  /// [B, S, H*D] as [B, H, S, D].
  Tensor heads(const Tensor& x, std::int64_t count) {
    const Sizes& d = x.shape.dims;
    const std::int64_t width = d[2] / count;
    return view(x, {d[0], count, d[1], width}, {d[1] * d[2], width, d[2], 1});
  }
  /// [B, H, S, D] as [B, S, H*D], copied.
  Tensor rows(const Tensor& x) {
    const Sizes d = x.shape.dims;
    const Tensor turned = view(x, {d[0], d[2], d[1], d[3]}, {d[1] * d[2] * d[3], d[3], d[2] * d[3], 1});
    const Tensor copied = op({.name = "rows", .op = RLX_OP_COPY}, {turned});
    Tensor flat = view(copied, {d[0], d[2], d[1] * d[3]}, {d[2] * d[1] * d[3], d[1] * d[3], 1});
    flat.shape.window.reset();  // dense
    return flat;
  }

  std::vector<Tensor> ops(OpCase op_case, const std::vector<Tensor>& operands, bool is_output = false) {
    std::vector<std::uint32_t> values;
    for (const Tensor& each : operands) {
      op_case.operands.push_back(each.shape);
      values.push_back(each.value);
    }
    std::vector<Tensor> made;
    const auto shapes = result_shapes(op_case);
    const auto results = append_op(builder_, op_case, values, is_output ? "y" : "");
    if (!shapes || !results) {
      if (!error_) error_ = shapes ? results.error() : shapes.error();
      return std::vector<Tensor>(3, operands.at(0));
    }
    for (std::size_t i = 0; i < results->size(); ++i) {
      Sizes dims;
      for (const Dim& dim : (*shapes)[i].dims) dims.push_back(dim.number());
      made.push_back({(*results)[i], operand((*shapes)[i].dtype, dims)});
    }
    return made;
  }
  Tensor op(OpCase op_case, const std::vector<Tensor>& operands, bool is_output = false) { return ops(std::move(op_case), operands, is_output)[0]; }

  std::vector<Tensor> linear(const Tensor& x, const std::vector<std::int64_t>& widths, std::uint32_t act, const Tensor* residual = nullptr) {
    std::vector<Tensor> operands = {x};
    for (const std::int64_t n : widths) operands.push_back(weight(x.shape.dims.back(), n));
    for (const std::int64_t n : widths) operands.push_back(param({n}, 0.5));
    if (residual) operands.push_back(*residual);
    return ops({.name = "linear", .op = RLX_OP_LINEAR,
                .attributes = {{RLX_ATTR_PARTS, number(static_cast<std::int64_t>(widths.size()))}, {RLX_ATTR_W_LAYOUT, number(RLX_W_LAYOUT_KN)},
                               {RLX_ATTR_HAS_BIAS, number(1)}, {RLX_ATTR_HAS_RESIDUAL, number(residual != nullptr)}, {RLX_ATTR_ACT, number(act)}}}, operands);
  }

  Tensor layer_norm(const Tensor& x, bool is_output = false) {
    const std::int64_t width = x.shape.dims.back();
    const auto axis = static_cast<std::int64_t>(x.shape.dims.size()) - 1;
    return op({.name = "norm", .op = RLX_OP_LAYER_NORM, .attributes = {{RLX_ATTR_AXIS, number(axis)}, {RLX_ATTR_EPS, 1e-5}, {RLX_ATTR_HAS_RESIDUAL, number(0)}}},
              {x, param({width}, 1), param({width}, 1)}, is_output);
  }
  Tensor rms_norm(const Tensor& x) {
    const auto axis = static_cast<std::int64_t>(x.shape.dims.size()) - 1;
    return op({.name = "rms", .op = RLX_OP_RMS_NORM, .attributes = {{RLX_ATTR_AXIS, number(axis)}, {RLX_ATTR_EPS, 1e-5}, {RLX_ATTR_HAS_RESIDUAL, number(0)}}},
              {x, param({x.shape.dims.back()}, 1)});
  }
  Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, std::int64_t causal, const Tensor* mask) {
    std::vector<Tensor> operands = {q, k, v};
    if (mask) operands.push_back(*mask);
    return op({.name = "attention", .op = RLX_OP_ATTENTION,
               .attributes = {{RLX_ATTR_CAUSAL, number(causal)}, {RLX_ATTR_WINDOW_LEFT, number(-1)}, {RLX_ATTR_WINDOW_RIGHT, number(-1)},
                              {RLX_ATTR_MASK_KIND, number(mask ? RLX_MASK_KEY_BOOL : RLX_MASK_NONE)}}}, operands);
  }

  Result<RandomGraph> finish() {
    if (error_) return *error_;
    return RandomGraph{builder_.module(false), std::move(inputs_), std::move(params_)};
  }

 private:
  Random random_;
  ImageBuilder builder_;
  std::vector<std::string> inputs_, params_;
  std::optional<Error> error_;
};

Result<RandomGraph> encoder(std::uint64_t seed, std::int64_t batch) {
  SliceBuilder b(seed);
  const Tensor x = b.input({batch, 7, 24});
  Tensor mask = b.input({batch, 7}, {}, DType::kBool);
  const std::vector<Tensor> qkv = b.linear(x, {24, 24, 24}, RLX_ACT_NONE);
  const Tensor seen = b.attention(b.heads(qkv[0], 3), b.heads(qkv[1], 3), b.heads(qkv[2], 3), RLX_CAUSAL_NONE, &mask);
  const Tensor joined = b.layer_norm(b.linear(b.rows(seen), {24}, RLX_ACT_NONE, &x)[0]);
  const Tensor wide = b.linear(joined, {48}, RLX_ACT_GELU_ERF)[0];
  b.layer_norm(b.linear(wide, {24}, RLX_ACT_NONE, &joined)[0], true);
  return b.finish();
}

Result<RandomGraph> decoder(std::uint64_t seed, std::int64_t batch) {
  SliceBuilder b(seed);
  const Tensor x = b.input({batch, 9, 32});
  const Tensor cosines = b.input({9, 4}), sines = b.input({9, 4});
  const std::vector<Tensor> qkv = b.linear(b.rms_norm(x), {32, 16, 16}, RLX_ACT_NONE);
  const auto turned = [&](const Tensor& heads) {
    return b.op({.name = "rope", .op = RLX_OP_ROPE, .attributes = {{RLX_ATTR_ROTARY_DIMS, number(8)}, {RLX_ATTR_INTERLEAVED, number(0)}}}, {heads, cosines, sines});
  };
  const Tensor seen = b.attention(turned(b.heads(qkv[0], 4)), turned(b.heads(qkv[1], 2)), b.heads(qkv[2], 2), RLX_CAUSAL_TOP_LEFT, nullptr);
  const Tensor joined = b.linear(b.rows(seen), {32}, RLX_ACT_NONE, &x)[0];
  const std::vector<Tensor> gate = b.linear(b.rms_norm(joined), {40, 40}, RLX_ACT_NONE);
  const Tensor gated = b.op({.name = "gate", .op = RLX_OP_GATED_ACT, .attributes = {{RLX_ATTR_ACT, number(RLX_ACT_SILU)}}}, {gate[0], gate[1]});
  const Tensor down = b.linear(gated, {32}, RLX_ACT_NONE)[0];
  b.op({.name = "sum", .op = RLX_OP_BINARY, .fn = RLX_BINARY_ADD, .attributes = {{RLX_ATTR_FN, number(RLX_BINARY_ADD)}}}, {down, joined}, true);
  return b.finish();
}

Result<RandomGraph> vision(std::uint64_t seed, std::int64_t batch) {
  SliceBuilder b(seed);
  const Tensor x = b.input({batch, 3, 9, 8});
  const auto conv = [&](const Tensor& from, std::int64_t channels, std::int64_t stride) {
    const std::int64_t inputs = from.shape.dims[1];
    return b.op({.name = "conv", .op = RLX_OP_CONV_ACT,
                 .attributes = {{RLX_ATTR_STRIDES, integers({stride, stride})}, {RLX_ATTR_DILATION, integers({1, 1})}, {RLX_ATTR_INPUT_DILATION, integers({1, 1})},
                                {RLX_ATTR_LOW, integers({1, 1})}, {RLX_ATTR_HIGH, integers({1, 1})}, {RLX_ATTR_GROUPS, number(1)}, {RLX_ATTR_ACT, number(RLX_ACT_RELU)},
                                {RLX_ATTR_HAS_BIAS, number(1)}, {RLX_ATTR_HAS_RESIDUAL, number(0)}}},
                {from, b.param({channels, inputs, 3, 3}, 0.3), b.param({channels}, 0.3)});
  };
  const Tensor features = conv(conv(x, 5, 1), 6, 2);
  const Tensor pooled = b.op({.name = "pool", .op = RLX_OP_REDUCE, .fn = RLX_REDUCE_SUM,
                              .attributes = {{RLX_ATTR_FN, number(RLX_REDUCE_SUM)}, {RLX_ATTR_AXES, integers({2, 3})}, {RLX_ATTR_KEEP, number(0)}}}, {features});
  const Tensor scores = b.linear(pooled, {7}, RLX_ACT_NONE)[0];
  b.op({.name = "softmax", .op = RLX_OP_SOFTMAX, .attributes = {{RLX_ATTR_AXIS, number(1)}, {RLX_ATTR_LOG, number(0)}}}, {scores}, true);
  return b.finish();
}

// ---- Rewrites --------------------------------------------------------------------------------------------------------

std::uint32_t add_value(lir::Module& module, lir::Value value) {
  module.values.push_back(std::move(value));
  return static_cast<std::uint32_t>(module.values.size() - 1);
}

void insert_op(lir::Module& module, std::uint32_t at, lir::Op op) {
  module.ops.insert(module.ops.begin() + at, std::move(op));
  ++module.regions[0].op_count;
  for (std::size_t i = 1; i < module.regions.size(); ++i) ++module.regions[i].first_op;
}

/// The op once more, into values that `reader` reads in place of the first's, or nobody.
void double_op(lir::Module& module, std::uint32_t at, bool is_read) {
  lir::Op twin = module.ops[at];
  for (std::uint32_t& result : twin.results) {
    lir::Value value = module.values[result];
    value.storage = lir::Storage::kTemp;
    value.index = 0;
    const std::uint32_t original = result;
    result = add_value(module, value);
    if (!is_read) continue;
    for (std::uint32_t i = at + 2; i < module.regions[0].op_count; i += 2)
      std::replace(module.ops[i].operands.begin(), module.ops[i].operands.end(), original, result);
  }
  insert_op(module, at + 1, std::move(twin));
}

/// An operand, copied first.
void copy_operand(lir::Module& module, std::uint32_t at, Random& random) {
  const lir::Op& op = module.ops[at];
  if (op.operands.empty()) return;
  const std::size_t which = random.below(op.operands.size());
  const std::uint32_t from = op.operands[which];
  if (from == RLX_NO_INDEX) return;
  lir::Value value = module.values[from];
  value.strides.reset();
  value.storage = lir::Storage::kTemp;
  value.index = 0;
  value.byte_offset = 0;
  const std::uint32_t made = add_value(module, value);
  module.ops[at].operands[which] = made;
  lir::Op copy;
  copy.opcode = RLX_OP_COPY;
  copy.operands = {from};
  copy.results = {made};
  insert_op(module, at, std::move(copy));
}

/// Small inputs become constants; the first one stays, and what no constant may hold.
void inputs_to_constants(RandomGraph& graph) {
  lir::Module& module = graph.module;
  std::vector<lir::Io> inputs;
  std::vector<std::string> bytes;
  for (std::size_t i = 0; i < module.inputs.size(); ++i) {
    lir::Value& value = module.values[module.inputs[i].value];
    const auto* begin = reinterpret_cast<const std::byte*>(graph.inputs[i].data());
    if (i == 0 || graph.inputs[i].size() > 4096) {
      value.index = static_cast<std::uint32_t>(inputs.size());
      inputs.push_back(module.inputs[i]);
      bytes.push_back(graph.inputs[i]);
      continue;
    }
    value.storage = lir::Storage::kConstant;
    value.index = static_cast<std::uint32_t>(module.constants.size());
    module.constants.emplace_back(begin, begin + graph.inputs[i].size());
  }
  module.inputs = std::move(inputs);
  graph.inputs = std::move(bytes);
}

}  // namespace

Result<RandomGraph> model_slice(const std::string& name, std::uint64_t seed, std::int64_t batch) {
  if (name == "encoder") return encoder(seed, batch ? batch : 2);
  if (name == "decoder") return decoder(seed, batch ? batch : 1);
  if (name == "vision") return vision(seed, batch ? batch : 2);
  return fail(ErrorCode::kInvalidArgument, "no model `", name, "`");
}

Status rewrite_graph(RandomGraph& graph, const std::string& name, std::uint64_t seed) {
  Random random(mix(seed));
  lir::Module& module = graph.module;
  const auto at = static_cast<std::uint32_t>(random.below(module.regions[0].op_count));
  if (name == "dead_op") {
    double_op(module, at, false);
  } else if (name == "twice") {
    double_op(module, at, true);
  } else if (name == "copies") {
    copy_operand(module, at, random);
  } else if (name == "constants") {
    inputs_to_constants(graph);
  } else if (name == "two_outputs") {
    module.outputs.push_back({"again", module.outputs[random.below(module.outputs.size())].value});
  } else {
    return fail(ErrorCode::kInvalidArgument, "no rewrite `", name, "`");
  }
  return {};
}

}  // namespace rlx::conform
