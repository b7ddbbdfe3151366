// SPDX-License-Identifier: Apache-2.0
// ModelBuilder: operations that compute.
#include "runtime/execute/builder_body.h"
#include "runtime/ir/infer.h"

namespace rlx {

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

Handle ModelBuilder::reduce(std::uint32_t fn, Handle x, std::vector<std::int64_t> axes, bool keep) {
  const ValueId operand = Body::of(body_).id(x, "reduce");
  for (std::int64_t& axis : axes) axis = Body::of(body_).axis(axis, operand, "reduce");
  return Body::of(body_).record("reduce", [&] { return Body::of(body_).mir.reduce(fn, operand, axes, keep); });
}

Handle ModelBuilder::mean(Handle x, std::vector<std::int64_t> axes, bool keep) {
  const Handle sum = reduce(RLX_REDUCE_SUM, x, axes, keep);
  if (Body::of(body_).failed()) return {};
  const ValueId operand = Body::of(body_).id(x, "mean");
  const Shape shape = Body::of(body_).graph.values[operand].shape;
  Dim count = 1;
  for (const std::int64_t axis : axes) count = count * shape.dims[static_cast<std::size_t>(Body::of(body_).axis(axis, operand, "mean"))];
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
  const Size end = to_size(Body::of(body_).graph.values[Body::of(body_).value_of(offsets)].shape.dims[0] - 1);
  const Handle rows = sub(slice(offsets, 0, 1, all[0]), slice(offsets, 0, 0, end));
  const Handle count = cast(binary(RLX_BINARY_MAX, rows, scalar(dtype(offsets), 1)), dtype(x));
  Sizes column(wanted.size(), Size(1));
  column[0] = wanted[0];
  return div(sum, reshape(count, column));
}

}  // namespace rlx
