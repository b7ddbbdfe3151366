// SPDX-License-Identifier: Apache-2.0
// ModelBuilder: the public hand that writes a graph. Sizes arrive as text and numbers; shapes are inferred at every call.
#include <rlx/host/model.hpp>

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>

#include "runtime/base/check.h"
#include "runtime/base/names.h"
#include "runtime/execute/manifest.h"
#include "runtime/ir/build.h"
#include "runtime/ir/graph.h"
#include "runtime/ir/infer.h"
#include "runtime/ir/verify.h"

namespace rlx {
namespace {

/// The IR's expression of a public size. Errors: kParseError.
Result<Dim> to_dim(const Size& size) {
  if (size.expression().empty()) return Dim(size.number());
  return parse_dim(size.expression());
}

Size to_size(const Dim& dim) { return dim.is_number() ? Size(dim.number()) : Size(dim.to_string()); }

}  // namespace

struct ModelBuilder::Body {
  explicit Body(std::string name) { graph.name = std::move(name); }

  /// The body of a builder; one that was moved from gets one that has failed.
  static Body& of(std::unique_ptr<Body>& body) {
    if (body) [[likely]] return *body;
    body = std::make_unique<Body>("");
    body->set_error(fail(ErrorCode::kInvalidArgument, "the builder was moved from: make another one"));
    return *body;
  }

  Graph graph;
  MirBuilder mir{graph};
  std::optional<Error> error;
  std::set<std::string, std::less<>> names;
  std::vector<std::pair<std::string, std::uint32_t>> states;  ///< with their places among the inputs

  bool failed() const { return error.has_value(); }
  void set_error(Error fresh) {
    if (!error) error = std::move(fresh);
  }

  /// Runs `make` on the graph, unless an error stuck; whatever it throws or leaves in `mir` becomes the error.
  template <class Make>
  Handle record(std::string_view what, Make make) {
    if (failed()) return {};
    const auto made = guard([&]() -> Result<ValueId> {
      const ValueId id = make();
      RLX_TRY(mir.status());
      return id;
    });
    if (made) return {*made};
    if (failed()) return {};
    Error error = made.error();
    if (error.message().starts_with(join(what, ":"))) set_error(std::move(error));
    else set_error(std::move(error).within(what));
    return {};
  }

  /// The id of an operand; an operand of a failed call or another builder is an error.
  ValueId id(Handle handle, std::string_view what, bool optional = false) {
    if (handle.id < graph.values.size()) return handle.id;
    if (handle.id == kAbsent && (optional || failed())) return kAbsent;
    set_error(fail(ErrorCode::kInvalidModel, what, ": an operand is no value of this builder"));
    return kAbsent;
  }

  Dims dims(const Sizes& sizes, std::string_view what) {
    Dims result;
    for (const Size& size : sizes) {
      Result<Dim> dim = to_dim(size);
      if (!dim) {
        set_error(std::move(dim).error().within(what));
        return {};
      }
      std::vector<std::string> symbols;
      dim->collect_symbols(symbols);
      for (const std::string& symbol : symbols) graph.symbols.try_emplace(symbol);
      result.push_back(*dim);
    }
    return result;
  }

  /// Null for what is no value of this builder. Lifetime: until the next operation.
  const Shape* shape(Handle value) const { return value.id < graph.values.size() ? &graph.values[value.id].shape : nullptr; }
  std::size_t rank(ValueId value) const { return value == kAbsent ? 0 : graph.values[value].shape.rank(); }

  std::int64_t axis(std::int64_t axis, ValueId value, std::string_view what) {
    const auto rank = static_cast<std::int64_t>(this->rank(value));
    if (axis < -rank || axis >= rank)
      set_error(fail(ErrorCode::kInvalidAttribute, what, ": axis ", axis, " of a tensor of rank ", rank));
    return axis < 0 ? axis + rank : axis;
  }

  /// i64[rank]: `at`, an i64 scalar, on `axis` and zeros elsewhere.
  ValueId start(ValueId at, std::int64_t axis, std::size_t rank) {
    std::vector<ValueId> parts;
    for (std::size_t i = 0; i < rank; ++i) {
      const ValueId part = static_cast<std::int64_t>(i) == axis ? at : add_scalar_i64(graph, DType::kI64, 0);
      parts.push_back(mir.reshape(part, {1}));
    }
    return mir.concat(parts, 0);
  }

  bool claim_name(const std::string& name, std::string_view what) {
    if (names.insert(name).second) return true;
    set_error(fail(ErrorCode::kDuplicateName, what, " `", name, "`: the name is taken"));
    return false;
  }
};

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
  if (!Body::of(body_).failed()) Body::of(body_).states.emplace_back(name, Body::of(body_).graph.values[made.id].index);
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
  if (!Body::of(body_).failed()) Body::of(body_).graph.length = StateLength{Body::of(body_).graph.values[made.id].index, sizes[0], sizes[1]};
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

Handle ModelBuilder::linear(Handle x, Handle w, Handle bias, Activation activation, bool transposed) {
  const char* what = "linear";
  std::vector<ValueId> operands = {Body::of(body_).id(x, what), Body::of(body_).id(w, what)};
  const ValueId b = Body::of(body_).id(bias, what, true);
  if (b != kAbsent) operands.push_back(b);
  Attributes attributes = {{RLX_ATTR_PARTS, Dim(1)}};
  attributes[RLX_ATTR_W_LAYOUT] = Dim(static_cast<int>(transposed ? RLX_W_LAYOUT_NK : RLX_W_LAYOUT_KN));
  if (b != kAbsent) attributes[RLX_ATTR_HAS_BIAS] = Dim(1);
  if (activation != Activation::kNone) attributes[RLX_ATTR_ACT] = Dim(static_cast<int>(activation));
  return Body::of(body_).record(what, [&] { return add_composite(Body::of(body_).mir, RLX_OP_LINEAR, operands, attributes); });
}

Handle ModelBuilder::matmul(Handle a, Handle b) {
  const ValueId left = Body::of(body_).id(a, "matmul"), right = Body::of(body_).id(b, "matmul");
  return Body::of(body_).record("matmul", [&] { return Body::of(body_).mir.matmul(left, right); });
}

Handle ModelBuilder::activation(Handle x, Activation activation, double alpha, double beta) {
  if (activation == Activation::kNone) return x;
  const ValueId operand = Body::of(body_).id(x, "activation");
  Attributes attributes = {{RLX_ATTR_FN, Dim(static_cast<int>(activation))}, {RLX_ATTR_ACT_ALPHA, alpha}, {RLX_ATTR_ACT_BETA, beta}};
  return Body::of(body_).record("activation", [&] { return add_composite(Body::of(body_).mir, RLX_OP_ACT, {operand}, attributes); });
}

Handle ModelBuilder::unary(std::uint32_t fn, Handle x) {
  const ValueId operand = Body::of(body_).id(x, "unary");
  return Body::of(body_).record("unary", [&] { return Body::of(body_).mir.unary(fn, operand); });
}
Handle ModelBuilder::binary(std::uint32_t fn, Handle a, Handle b) {
  const ValueId left = Body::of(body_).id(a, "binary"), right = Body::of(body_).id(b, "binary");
  return Body::of(body_).record("binary", [&] { return Body::of(body_).mir.binary(fn, left, right); });
}
Handle ModelBuilder::compare(std::uint32_t fn, Handle a, Handle b) {
  const ValueId left = Body::of(body_).id(a, "compare"), right = Body::of(body_).id(b, "compare");
  return Body::of(body_).record("compare", [&] { return Body::of(body_).mir.compare(fn, left, right); });
}
Handle ModelBuilder::add(Handle a, Handle b) { return binary(RLX_BINARY_ADD, a, b); }
Handle ModelBuilder::sub(Handle a, Handle b) { return binary(RLX_BINARY_SUB, a, b); }
Handle ModelBuilder::mul(Handle a, Handle b) { return binary(RLX_BINARY_MUL, a, b); }
Handle ModelBuilder::div(Handle a, Handle b) { return binary(RLX_BINARY_DIV, a, b); }

Handle ModelBuilder::select(Handle condition, Handle yes, Handle no) {
  const ValueId c = Body::of(body_).id(condition, "select"), y = Body::of(body_).id(yes, "select"), n = Body::of(body_).id(no, "select");
  return Body::of(body_).record("select", [&] { return Body::of(body_).mir.select(c, y, n); });
}
Handle ModelBuilder::cast(Handle x, DType to) {
  const ValueId operand = Body::of(body_).id(x, "cast");
  return Body::of(body_).record("cast", [&] { return Body::of(body_).mir.cast(operand, to); });
}

Handle ModelBuilder::layer_norm(Handle x, Handle gamma, Handle beta, double eps) {
  const char* what = "layer_norm";
  const std::vector<ValueId> operands = {Body::of(body_).id(x, what), Body::of(body_).id(gamma, what), Body::of(body_).id(beta, what)};
  const Attributes attributes = {{RLX_ATTR_AXIS, Dim(Body::of(body_).axis(-1, operands[0], what))}, {RLX_ATTR_EPS, eps}};
  return Body::of(body_).record(what, [&] { return add_composite(Body::of(body_).mir, RLX_OP_LAYER_NORM, operands, attributes); });
}

Handle ModelBuilder::rms_norm(Handle x, Handle gamma, double eps, double gamma_offset) {
  const char* what = "rms_norm";
  const std::vector<ValueId> operands = {Body::of(body_).id(x, what), Body::of(body_).id(gamma, what)};
  const Attributes attributes = {{RLX_ATTR_AXIS, Dim(Body::of(body_).axis(-1, operands[0], what))},
                                 {RLX_ATTR_EPS, eps},
                                 {RLX_ATTR_GAMMA_OFFSET, gamma_offset}};
  return Body::of(body_).record(what, [&] { return add_composite(Body::of(body_).mir, RLX_OP_RMS_NORM, operands, attributes); });
}

Handle ModelBuilder::softmax(Handle x, std::int64_t axis, bool log) {
  const ValueId operand = Body::of(body_).id(x, "softmax");
  Attributes attributes = {{RLX_ATTR_AXIS, Dim(Body::of(body_).axis(axis, operand, "softmax"))}};
  if (log) attributes[RLX_ATTR_LOG] = Dim(1);
  return Body::of(body_).record("softmax", [&] { return add_composite(Body::of(body_).mir, RLX_OP_SOFTMAX, {operand}, attributes); });
}

Handle ModelBuilder::attention(Handle q, Handle k, Handle v, Handle mask, const AttentionOptions& options) {
  const char* what = "attention";
  std::vector<ValueId> operands = {Body::of(body_).id(q, what), Body::of(body_).id(k, what), Body::of(body_).id(v, what)};
  if (options.mask_kind != MaskKind::kNone) operands.push_back(Body::of(body_).id(mask, what));
  Attributes attributes;
  if (options.scale != 0) attributes[RLX_ATTR_SCALE] = options.scale;
  if (options.softcap != 0) attributes[RLX_ATTR_SOFTCAP] = options.softcap;
  attributes[RLX_ATTR_CAUSAL] = Dim(options.causal);
  attributes[RLX_ATTR_WINDOW_LEFT] = Dim(options.window_left);
  attributes[RLX_ATTR_WINDOW_RIGHT] = Dim(options.window_right);
  attributes[RLX_ATTR_MASK_KIND] = Dim(static_cast<int>(options.mask_kind));
  return Body::of(body_).record(what, [&] { return add_composite(Body::of(body_).mir, RLX_OP_ATTENTION, operands, attributes); });
}

Handle ModelBuilder::rope(Handle x, Handle cos, Handle sin, Handle positions, bool interleaved, std::int64_t rotary_dims) {
  const char* what = "rope";
  std::vector<ValueId> operands = {Body::of(body_).id(x, what), Body::of(body_).id(cos, what), Body::of(body_).id(sin, what)};
  const ValueId at = Body::of(body_).id(positions, what, true);
  if (at != kAbsent) operands.push_back(at);
  Attributes attributes;
  attributes[RLX_ATTR_INTERLEAVED] = Dim(interleaved ? 1 : 0);
  if (rotary_dims) attributes[RLX_ATTR_ROTARY_DIMS] = Dim(rotary_dims);
  return Body::of(body_).record(what, [&] { return add_composite(Body::of(body_).mir, RLX_OP_ROPE, operands, attributes); });
}

Handle ModelBuilder::swiglu(Handle x, Handle gate, Handle up, Handle down, Activation activation, bool transposed) {
  const Handle a = linear(x, gate, {}, Activation::kNone, transposed);
  const Handle b = linear(x, up, {}, Activation::kNone, transposed);
  const ValueId left = Body::of(body_).id(a, "swiglu"), right = Body::of(body_).id(b, "swiglu");
  const Attributes attributes = {{RLX_ATTR_ACT, Dim(static_cast<int>(activation))}};
  const Handle gated =
      Body::of(body_).record("swiglu", [&] { return add_composite(Body::of(body_).mir, RLX_OP_GATED_ACT, {left, right}, attributes); });
  return linear(gated, down, {}, Activation::kNone, transposed);
}

Handle ModelBuilder::reshape(Handle x, Sizes sizes) {
  const ValueId operand = Body::of(body_).id(x, "reshape");
  std::optional<std::size_t> open;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (!sizes[i].expression().empty() || sizes[i].number() != -1) continue;
    if (open) Body::of(body_).set_error(fail(ErrorCode::kInvalidAttribute, "reshape: more than one dim is -1"));
    open = i;
    sizes[i] = Size(1);
  }
  Dims dims = Body::of(body_).dims(sizes, "reshape");
  if (Body::of(body_).failed()) return {};
  if (open) dims[*open] = floor_div(Body::of(body_).graph.values[operand].shape.elements(), product(dims));
  return Body::of(body_).record("reshape", [&] { return Body::of(body_).mir.reshape(operand, dims); });
}

Handle ModelBuilder::transpose(Handle x, std::vector<std::int64_t> perm) {
  const ValueId operand = Body::of(body_).id(x, "transpose");
  return Body::of(body_).record("transpose", [&] { return Body::of(body_).mir.transpose(operand, perm); });
}
Handle ModelBuilder::expand(Handle x, Sizes sizes) {
  const ValueId operand = Body::of(body_).id(x, "expand");
  Dims dims = Body::of(body_).dims(sizes, "expand");
  return Body::of(body_).record("expand", [&] { return Body::of(body_).mir.broadcast(operand, dims); });
}

Handle ModelBuilder::slice(Handle x, std::int64_t axis, Size start, Size limit, Size step) {
  const ValueId operand = Body::of(body_).id(x, "slice");
  const Dims bounds = Body::of(body_).dims({start, limit, step}, "slice");
  const std::int64_t at = Body::of(body_).axis(axis, operand, "slice");
  if (Body::of(body_).failed()) return {};
  const Shape shape = Body::of(body_).graph.values[operand].shape;
  Dims from(shape.rank(), Dim(0)), to = shape.dims, by(shape.rank(), Dim(1));
  from[static_cast<std::size_t>(at)] = bounds[0];
  to[static_cast<std::size_t>(at)] = bounds[1];
  by[static_cast<std::size_t>(at)] = bounds[2];
  return Body::of(body_).record("slice", [&] { return Body::of(body_).mir.slice(operand, from, to, by); });
}

Handle ModelBuilder::dynamic_slice(Handle x, std::int64_t axis, Handle start, Size size) {
  const char* what = "dynamic_slice";
  const ValueId operand = Body::of(body_).id(x, what), at = Body::of(body_).id(start, what);
  const Dims count = Body::of(body_).dims({size}, what);
  axis = Body::of(body_).axis(axis, operand, what);
  if (Body::of(body_).failed()) return {};
  Dims sizes = Body::of(body_).graph.values[operand].shape.dims;
  sizes[static_cast<std::size_t>(axis)] = count[0];
  return Body::of(body_).record(what, [&] {
    return Body::of(body_).mir.add(RLX_OP_DYNAMIC_SLICE, {operand, Body::of(body_).start(at, axis, sizes.size())}, {{RLX_ATTR_SIZES, sizes}});
  });
}

Handle ModelBuilder::update_slice(Handle x, Handle update, std::int64_t axis, Handle start) {
  const char* what = "update_slice";
  const ValueId operand = Body::of(body_).id(x, what), block = Body::of(body_).id(update, what), at = Body::of(body_).id(start, what);
  axis = Body::of(body_).axis(axis, operand, what);
  if (Body::of(body_).failed()) return {};
  return Body::of(body_).record(what, [&] {
    return Body::of(body_).mir.add(RLX_OP_DYNAMIC_UPDATE_SLICE, {operand, block, Body::of(body_).start(at, axis, Body::of(body_).rank(operand))});
  });
}

Handle ModelBuilder::concat(std::vector<Handle> parts, std::int64_t axis) {
  std::vector<ValueId> operands;
  for (const Handle part : parts) operands.push_back(Body::of(body_).id(part, "concat"));
  if (operands.empty()) Body::of(body_).set_error(fail(ErrorCode::kInvalidModel, "concat: no parts"));
  if (Body::of(body_).failed()) return {};
  const std::int64_t at = Body::of(body_).axis(axis, operands[0], "concat");
  return Body::of(body_).record("concat", [&] { return Body::of(body_).mir.concat(operands, at); });
}

Handle ModelBuilder::gather(Handle data, Handle indices, std::int64_t axis) {
  const ValueId table = Body::of(body_).id(data, "gather"), index = Body::of(body_).id(indices, "gather");
  const std::int64_t at = Body::of(body_).axis(axis, table, "gather");
  return Body::of(body_).record("gather", [&] { return Body::of(body_).mir.gather(table, index, at, RLX_INDEX_ERROR, false); });
}

Handle ModelBuilder::reduce(std::uint32_t fn, Handle x, std::vector<std::int64_t> axes, bool keep) {
  const ValueId operand = Body::of(body_).id(x, "reduce");
  for (std::int64_t& axis : axes) axis = Body::of(body_).axis(axis, operand, "reduce");
  return Body::of(body_).record("reduce", [&] { return Body::of(body_).mir.reduce(fn, operand, axes, keep); });
}

Handle ModelBuilder::mean(Handle x, std::vector<std::int64_t> axes, bool keep) {
  const Handle sum = reduce(RLX_REDUCE_SUM, x, axes, keep);
  if (Body::of(body_).failed()) return {};
  const Shape shape = Body::of(body_).graph.values[x.id].shape;
  Dim count = 1;
  for (const std::int64_t axis : axes) count = count * shape.dims[static_cast<std::size_t>(Body::of(body_).axis(axis, x.id, "mean"))];
  const Handle divisor = count.is_number() ? scalar(shape.dtype, static_cast<double>(count.number()))
                                           : cast(size_of(to_size(count)), shape.dtype);
  return div(sum, divisor);
}

Handle ModelBuilder::segment_reduce(std::uint32_t fn, Handle x, Handle offsets) {
  const ValueId rows = Body::of(body_).id(x, "segment_reduce"), at = Body::of(body_).id(offsets, "segment_reduce");
  const Attributes attributes = {{RLX_ATTR_FN, Dim(static_cast<std::int64_t>(fn))}};
  return Body::of(body_).record("segment_reduce", [&] { return add_composite(Body::of(body_).mir, RLX_OP_SEGMENT_REDUCE, {rows, at}, attributes); });
}

Handle ModelBuilder::segment_mean(Handle x, Handle offsets) {
  const Handle sum = segment_reduce(RLX_REDUCE_SUM, x, offsets);
  if (Body::of(body_).failed()) return {};
  const Sizes all = dims(offsets), wanted = dims(sum);
  const Size end = to_size(Body::of(body_).graph.values[offsets.id].shape.dims[0] - 1);
  const Handle rows = sub(slice(offsets, 0, 1, all[0]), slice(offsets, 0, 0, end));
  const Handle count = cast(binary(RLX_BINARY_MAX, rows, scalar(dtype(offsets), 1)), dtype(x));
  Sizes column(wanted.size(), Size(1));
  column[0] = wanted[0];
  return div(sum, reshape(count, column));
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
