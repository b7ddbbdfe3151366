// SPDX-License-Identifier: Apache-2.0
// Inference of ops whose results come from their regions: if, while, and composites that are nothing but a
// region.
#include "runtime/ir/infer_context.h"
#include "runtime/ir/infer_region.h"

namespace rlx::infer_detail {
namespace {

Status wants_regions(const Context& c, std::size_t wanted) {
  if (c.node().regions.size() != wanted)
    return c.error(ErrorCode::kInvalidModel, "has ", c.node().regions.size(), " regions, wanted ", wanted);
  for (const auto& region : c.node().regions)
    if (!region) return c.error(ErrorCode::kInvalidModel, "has an empty region, wanted a graph");
  return {};
}

Result<Shapes> outputs_of(const Context& c, std::size_t region) {
  auto shapes = infer_region(*c.node().regions[region], c.operands(), c.constraints());
  if (!shapes) return std::move(shapes).error().within(join(c.who(), ": region ", region));
  return shapes;
}

/// Result `i` has one shape on both ways.
Result<Shape> unify_shape(const Context& c, std::size_t i, const Shape& seen, const Shape& wanted) {
  const auto what = [&] { return join("result ", i, " ", to_string(seen), " against ", to_string(wanted)); };
  if (seen.dtype != wanted.dtype)
    return c.error(ErrorCode::kDtypeMismatch, what(), ": dtype is ", dtype_name(seen.dtype), ", wanted ",
                   dtype_name(wanted.dtype));
  if (seen.rank() != wanted.rank())
    return c.error(ErrorCode::kShapeMismatch, what(), ": rank is ", seen.rank(), ", wanted ", wanted.rank());
  Shape shape = wanted;
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    RLX_ASSIGN(shape.dims[axis], c.unify(seen.dims[axis], wanted.dims[axis], words(what, ": axis ", axis)));
  }
  return shape;
}

}  // namespace

Result<Shapes> infer_if(const Context& c) {
  RLX_TRY(c.wants_count(1, SIZE_MAX));
  RLX_TRY(c.wants_dtype(0, Wants::kBool));
  RLX_TRY(c.wants_rank(0, 0));
  RLX_TRY(wants_regions(c, 2));
  RLX_ASSIGN(Shapes yes, outputs_of(c, 0));
  RLX_ASSIGN(const Shapes no, outputs_of(c, 1));
  if (yes.size() != no.size())
    return c.error(ErrorCode::kInvalidModel, "region 1 has ", no.size(), " results, wanted ", yes.size(),
                   " as region 0");
  for (std::size_t i = 0; i < yes.size(); ++i) {
    RLX_ASSIGN(yes[i], unify_shape(c, i, no[i], yes[i]));
  }
  return yes;
}

Result<Shapes> infer_while(const Context& c) {
  RLX_TRY(wants_regions(c, 2));
  if (c.find(RLX_ATTR_TRIP_COUNT)) {
    RLX_ASSIGN(const Dim trips, c.dim(RLX_ATTR_TRIP_COUNT));
    RLX_TRY(c.sizes_not_negative(Dims{trips}, RLX_ATTR_TRIP_COUNT));
  }
  RLX_ASSIGN(const Shapes condition, outputs_of(c, 0));
  if (condition.size() != 1 || condition[0].dtype != DType::kBool || condition[0].rank() != 0)
    return c.error(ErrorCode::kShapeMismatch, "region 0 gives ",
                   condition.empty() ? std::string("nothing") : to_string(condition[0]),
                   ", wanted one bool scalar");
  RLX_ASSIGN(const Shapes body, outputs_of(c, 1));
  if (body.size() != c.count())
    return c.error(ErrorCode::kInvalidModel, "region 1 has ", body.size(), " results, wanted ", c.count(),
                   " as there are operands");
  Shapes shapes;
  for (std::size_t i = 0; i < body.size(); ++i) {
    RLX_ASSIGN(Shape shape, unify_shape(c, i, body[i], c.at(i)));
    shapes.push_back(c.at(i));
  }
  return shapes;
}

Result<Shapes> infer_by_region(const Context& c) {
  RLX_TRY(wants_regions(c, 1));
  return outputs_of(c, 0);
}

}  // namespace rlx::infer_detail
