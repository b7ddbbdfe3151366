// SPDX-License-Identifier: Apache-2.0
// ModelBuilder: the public hand that writes a graph. Sizes arrive as text and numbers; shapes are inferred at every call.
#include <algorithm>
#include <cstring>

#include "runtime/base/names.h"
#include "runtime/execute/builder_body.h"
#include "runtime/execute/manifest.h"
#include "runtime/ir/infer.h"
#include "runtime/ir/verify.h"

namespace rlx {

ModelBuilder::ModelBuilder(std::string name) : body_(std::make_unique<Body>(std::move(name))) {}
ModelBuilder::~ModelBuilder() = default;
ModelBuilder::ModelBuilder(ModelBuilder&&) noexcept = default;
ModelBuilder& ModelBuilder::operator=(ModelBuilder&&) noexcept = default;

void ModelBuilder::symbol(std::string_view name, std::int64_t least, std::int64_t greatest) {
  if (!Dim::is_symbol_name(name) || least < 0 || greatest < least)
    return Body::of(body_).set_error(fail(ErrorCode::kInvalidArgument, "symbol `", name, "` with range ", least, " to ", greatest,
                                 ": wanted a name of letters, digits, _ and ., and 0 <= least <= greatest"));
  Body::of(body_).graph.symbols[std::string(name)] = {least, greatest};
}

Handle ModelBuilder::input(std::string name, DType dtype, Sizes sizes) {
  const std::string what = join("input `", name, "`");
  Dims dims = Body::of(body_).dims(sizes, what);
  if (!Body::of(body_).claim_name(name, "input")) return {};
  return Body::of(body_).record(what, [&] { return Body::of(body_).graph.add_input(name, {dtype, std::move(dims)}); });
}

Handle ModelBuilder::state(std::string name, DType dtype, Sizes sizes) {
  const std::string what = join("state `", name, "`");
  Dims dims = Body::of(body_).dims(sizes, what);
  if (!Body::of(body_).claim_name(name, "state")) return {};
  const Handle made = Body::of(body_).record(what, [&] { return Body::of(body_).graph.add_input(name, {dtype, std::move(dims)}); });
  if (!Body::of(body_).failed()) Body::of(body_).states.emplace_back(name, Body::of(body_).graph.values[Body::of(body_).value_of(made)].index);
  return made;
}

void ModelBuilder::set_state(std::string_view name, Handle value) {
  const ValueId id = Body::of(body_).id(value, join("state `", name, "`"));
  if (Body::of(body_).failed()) return;
  const auto state = std::find_if(Body::of(body_).states.begin(), Body::of(body_).states.end(), [&](const auto& each) { return each.first == name; });
  if (state == Body::of(body_).states.end()) {
    std::vector<std::string> names;
    for (const auto& each : Body::of(body_).states) names.push_back(each.first);
    return Body::of(body_).set_error(fail(ErrorCode::kUnknownName, "set_state: no state `", name, "`; ", did_you_mean(name, names)));
  }
  for (const StatePair& pair : Body::of(body_).graph.states)
    if (pair.input == state->second) return Body::of(body_).set_error(fail(ErrorCode::kDuplicateName, "state `", name, "` is set twice"));
  const Shape& before = Body::of(body_).graph.values[Body::of(body_).graph.inputs[state->second]].shape;
  const Shape& after = Body::of(body_).graph.values[id].shape;
  if (!(before == after))
    return Body::of(body_).set_error(fail(before.dtype == after.dtype ? ErrorCode::kShapeMismatch : ErrorCode::kDtypeMismatch, "state `", name,
                                 "` is ", to_string(before), ", its new value is ", to_string(after)));
  const auto output = static_cast<std::uint32_t>(Body::of(body_).graph.outputs.size());
  set_output(std::string(name), value);
  if (!Body::of(body_).failed()) Body::of(body_).graph.states.push_back({state->second, output});
}

Handle ModelBuilder::length(std::string name, Size step, Size capacity) {
  const std::string what = join("length `", name, "`");
  const Dims sizes = Body::of(body_).dims({step, capacity}, what);
  if (Body::of(body_).graph.length) Body::of(body_).set_error(fail(ErrorCode::kInvalidModel, what, ": the model declares a length already"));
  if (Body::of(body_).failed() || !Body::of(body_).claim_name(name, "length")) return {};
  const Handle made = Body::of(body_).record(what, [&] { return Body::of(body_).graph.add_input(name, {DType::kI64, {}}); });
  if (!Body::of(body_).failed()) Body::of(body_).graph.length = StateLength{Body::of(body_).graph.values[Body::of(body_).value_of(made)].index, sizes[0], sizes[1]};
  return made;
}

Handle ModelBuilder::param(std::string name, DType dtype, std::vector<std::int64_t> sizes) {
  if (!Body::of(body_).claim_name(name, "param")) return {};
  Dims dims;
  for (const std::int64_t size : sizes) {
    if (size < 0) Body::of(body_).set_error(fail(ErrorCode::kInvalidModel, "param `", name, "`: a dim is ", size));
    dims.emplace_back(size);
  }
  return Body::of(body_).record("param", [&] { return Body::of(body_).graph.add_param(name, {dtype, std::move(dims)}); });
}

Handle ModelBuilder::constant(const TensorView& value) {
  return Body::of(body_).record("constant", [&]() -> ValueId {
    Dims dims;
    std::size_t bytes = dtype_bytes(value.dtype);
    for (const std::int64_t size : value.dims) {
      if (size < 0 || __builtin_mul_overflow(bytes, static_cast<std::size_t>(size), &bytes)) bytes = SIZE_MAX;
      dims.emplace_back(size);
    }
    if (bytes != value.bytes || dtype_bytes(value.dtype) == 0 || (bytes && !value.data)) {
      Body::of(body_).set_error(fail(ErrorCode::kWrongSize, "constant: ", value.data ? value.bytes : 0, " bytes of ", dtype_name(value.dtype), dims_text(value.dims)));
      return kAbsent;
    }
    std::vector<std::byte> copy(value.bytes);
    if (value.bytes) std::memcpy(copy.data(), value.data, value.bytes);
    return Body::of(body_).graph.add_constant({value.dtype, std::move(dims)}, std::move(copy));
  });
}

Handle ModelBuilder::scalar(DType dtype, double value) {
  return Body::of(body_).record("scalar", [&] { return Body::of(body_).mir.scalar(dtype, value); });
}

Handle ModelBuilder::size_of(Size expression) {
  const Dims dims = Body::of(body_).dims({expression}, "size_of");
  if (Body::of(body_).failed()) return {};
  return Body::of(body_).record("size_of", [&] { return Body::of(body_).mir.dim(dims[0]); });
}

std::vector<Handle> ModelBuilder::op(std::uint32_t opcode, std::vector<Handle> operands, std::vector<OpAttribute> attributes,
                                     std::string name) {
  const OpInfo* info = op_info(opcode);
  if (!info) Body::of(body_).set_error(fail(ErrorCode::kInvalidModel, "op: no operation has number ", opcode));
  if (Body::of(body_).failed()) return {};
  const std::string what = name.empty() ? std::string(info->name) : join(info->name, " (", name, ")");
  std::vector<ValueId> ids;
  for (const Handle operand : operands) ids.push_back(Body::of(body_).id(operand, what, true));
  Attributes values;
  for (const OpAttribute& attribute : attributes) {
    switch (attribute.kind) {
      case OpAttribute::Kind::kSize:
        if (const Dims dims = Body::of(body_).dims({attribute.size}, what); !dims.empty()) values[attribute.key] = dims[0];
        break;
      case OpAttribute::Kind::kReal: values[attribute.key] = attribute.real; break;
      case OpAttribute::Kind::kDtype: values[attribute.key] = attribute.dtype; break;
      case OpAttribute::Kind::kSizes: values[attribute.key] = Body::of(body_).dims(attribute.sizes, what); break;
      case OpAttribute::Kind::kReals: values[attribute.key] = attribute.reals; break;
      case OpAttribute::Kind::kText: values[attribute.key] = attribute.text; break;
    }
  }
  const Handle first = Body::of(body_).record(what, [&] {
    return info->composite ? add_composite(Body::of(body_).mir, opcode, ids, values, name)
                           : Body::of(body_).mir.add(opcode, ids, values, {}, name);
  });
  if (Body::of(body_).failed()) return {};
  std::vector<Handle> results;
  for (std::size_t i = 0; i < Body::of(body_).graph.nodes.back().results.size(); ++i)
    results.push_back({first.id + static_cast<std::uint32_t>(i)});
  return results;
}

std::string ModelBuilder::describe(Handle value) const {
  const Shape* shape = body_ ? body_->shape(value) : nullptr;
  return shape ? to_string(*shape) : "nothing";
}
DType ModelBuilder::dtype(Handle value) const {
  const Shape* shape = body_ ? body_->shape(value) : nullptr;
  return shape ? shape->dtype : DType::kNone;
}
Sizes ModelBuilder::dims(Handle value) const {
  Sizes sizes;
  const Shape* shape = body_ ? body_->shape(value) : nullptr;
  if (!shape) return sizes;
  for (const Dim& dim : shape->dims) sizes.push_back(to_size(dim));
  return sizes;
}
bool ModelBuilder::failed() const { return !body_ || body_->failed(); }

void ModelBuilder::set_output(std::string name, Handle value) {
  const ValueId id = Body::of(body_).id(value, join("output `", name, "`"));
  if (Body::of(body_).failed()) return;
  for (const Output& output : Body::of(body_).graph.outputs)
    if (output.name == name) return Body::of(body_).set_error(fail(ErrorCode::kDuplicateName, "output `", name, "`: the name is taken"));
  Body::of(body_).graph.outputs.push_back({std::move(name), id});
}

void ModelBuilder::set_outputs(std::vector<Handle> values) {
  for (std::size_t i = 0; i < values.size(); ++i) set_output(join("output", i), values[i]);
}

Result<Model> ModelBuilder::finish(std::vector<ParamSource> weights) {
  return guard([&]() -> Result<Model> {
    if (Body::of(body_).failed()) return *Body::of(body_).error;
    if (Body::of(body_).graph.outputs.empty()) return fail(ErrorCode::kInvalidModel, "model `", Body::of(body_).graph.name, "` has no outputs");
    for (const auto& state : Body::of(body_).states) {
      const auto is_pair = [&](const StatePair& pair) { return pair.input == state.second; };
      if (std::none_of(Body::of(body_).graph.states.begin(), Body::of(body_).graph.states.end(), is_pair))
        return fail(ErrorCode::kInvalidModel, "state `", state.first, "` of model `", Body::of(body_).graph.name,
                    "` gets no new value: call set_state");
    }
    RLX_TRY(verify(Body::of(body_).graph));
    return Model(std::make_shared<const Graph>(Body::of(body_).graph), std::move(weights));
  });
}

}  // namespace rlx
