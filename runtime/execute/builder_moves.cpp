// SPDX-License-Identifier: Apache-2.0
// ModelBuilder: operations that move elements and compute nothing.
#include <algorithm>

#include "runtime/execute/builder_body.h"
#include "runtime/ir/infer.h"

namespace rlx {

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

}  // namespace rlx
