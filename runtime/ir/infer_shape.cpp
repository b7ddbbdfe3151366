// SPDX-License-Identifier: Apache-2.0
// Inference of ops that move elements without computing: views, concat, pad, dynamic slices.
#include "runtime/ir/infer_context.h"

namespace rlx::infer_detail {

Result<Shapes> infer_reshape(const Context& c) {
  RLX_TRY(c.wants_count(1));
  RLX_ASSIGN(Dims dims, c.dims(RLX_ATTR_DIMS));
  RLX_TRY(c.sizes_not_negative(dims, RLX_ATTR_DIMS));
  RLX_TRY(c.unify(product(dims), c.at(0).elements(),
                  words("the element count of ", dims, " (from ", c.at(0), ")")));
  return one(c.at(0).dtype, std::move(dims));
}

Result<Shapes> infer_transpose(const Context& c) {
  RLX_TRY(c.wants_count(1));
  const Shape& x = c.at(0);
  RLX_ASSIGN(const std::vector<std::size_t> perm, c.axes(RLX_ATTR_PERM, x.rank()));
  if (perm.size() != x.rank())
    return c.bad_attribute(RLX_ATTR_PERM, "has ", perm.size(), " entries, wanted ", x.rank(), " for ",
                           to_string(x));
  Dims dims;
  for (const std::size_t axis : perm) dims.push_back(x.dims[axis]);
  return one(x.dtype, std::move(dims));
}

Result<Shapes> infer_broadcast(const Context& c) {
  RLX_TRY(c.wants_count(1));
  const Shape& x = c.at(0);
  RLX_ASSIGN(Dims dims, c.dims(RLX_ATTR_DIMS));
  RLX_TRY(c.sizes_not_negative(dims, RLX_ATTR_DIMS));
  if (dims.size() < x.rank())
    return c.error(ErrorCode::kShapeMismatch, "operand 0 is ", to_string(x), " of rank ", x.rank(),
                   ", wanted at most rank ", dims.size(), " of ", to_string(dims));
  const std::size_t lead = dims.size() - x.rank();
  for (std::size_t axis = 0; axis < x.rank(); ++axis) {
    const Dim& seen = x.dims[axis];
    if (seen.is_number() && seen.number() == 1) continue;
    RLX_TRY(c.unify(seen, dims[lead + axis], words("axis ", axis, " of operand 0 ", x, " against ", dims)));
  }
  return one(x.dtype, std::move(dims));
}

namespace {

/// Size of start:limit:step on an axis of size n, everything inside proven or constrained.
Result<Dim> sliced(const Context& c, std::size_t axis, const Dim& n, const Dim& start, const Dim& limit,
                   std::int64_t step) {
  const auto where = [&] { return join(" on axis ", axis, " of ", to_string(c.at(0))); };
  if (step > 0) {
    RLX_TRY(c.at_least(start, 0, words("start", where)));
    RLX_TRY(c.at_least(limit, start, words("limit", where, " against start")));
    RLX_TRY(c.at_least(n, limit, words("the size at limit ", limit, where)));
    return ceil_div(limit - start, step);
  }
  RLX_TRY(c.at_least(limit, -1, words("limit (step < 0)", where)));
  RLX_TRY(c.at_least(start, limit, words("start (step < 0) against limit", where)));
  RLX_TRY(c.at_least(n, start + 1, words("the size at start ", start, where)));
  return ceil_div(start - limit, -step);
}

}  // namespace

Result<Shapes> infer_slice(const Context& c) {
  RLX_TRY(c.wants_count(1));
  const Shape& x = c.at(0);
  RLX_ASSIGN(const Dims start, c.dims(RLX_ATTR_START, x.rank(), 0));
  RLX_ASSIGN(const Dims steps, c.dims(RLX_ATTR_STEP, x.rank(), 1));
  Dims limit = x.dims;
  if (c.find(RLX_ATTR_LIMIT)) {
    RLX_ASSIGN(limit, c.dims(RLX_ATTR_LIMIT, x.rank(), 0));
  }
  Dims dims;
  for (std::size_t axis = 0; axis < x.rank(); ++axis) {
    const Dim& step = steps[axis];
    if (!step.is_number() || step.number() == 0)
      return c.bad_attribute(RLX_ATTR_STEP, "has ", step.to_string(), " for axis ", axis,
                             ", wanted a number that is not 0");
    RLX_ASSIGN(const Dim size, sliced(c, axis, x.dims[axis], start[axis], limit[axis], step.number()));
    dims.push_back(size);
  }
  return one(x.dtype, std::move(dims));
}

Result<Shapes> infer_dynamic_slice(const Context& c) {
  RLX_TRY(c.wants_count(2));
  const Shape& x = c.at(0);
  RLX_TRY(c.wants_dtype(1, DType::kI64));
  RLX_TRY(c.wants_dims(1, Dims{static_cast<std::int64_t>(x.rank())}));
  RLX_TRY(c.choice(RLX_ATTR_INDEX_POLICY, RLX_INDEX_ERROR, RLX_INDEX_ERROR, RLX_INDEX_CLAMP));
  RLX_ASSIGN(Dims sizes, c.dims(RLX_ATTR_SIZES));
  if (sizes.size() != x.rank())
    return c.bad_attribute(RLX_ATTR_SIZES, "has ", sizes.size(), " entries, wanted ", x.rank(), " for ",
                           to_string(x));
  RLX_TRY(c.sizes_not_negative(sizes, RLX_ATTR_SIZES));
  for (std::size_t axis = 0; axis < x.rank(); ++axis)
    RLX_TRY(c.at_least(x.dims[axis], sizes[axis], words("axis ", axis, " of operand 0 ", x)));
  return one(x.dtype, std::move(sizes));
}

Result<Shapes> infer_dynamic_update_slice(const Context& c) {
  RLX_TRY(c.wants_count(3));
  const Shape& x = c.at(0);
  RLX_TRY(c.wants_same_dtype(1, 0));
  RLX_TRY(c.wants_rank(1, x.rank()));
  RLX_TRY(c.wants_dtype(2, DType::kI64));
  RLX_TRY(c.wants_dims(2, Dims{static_cast<std::int64_t>(x.rank())}));
  RLX_TRY(c.choice(RLX_ATTR_INDEX_POLICY, RLX_INDEX_ERROR, RLX_INDEX_ERROR, RLX_INDEX_CLAMP));
  for (std::size_t axis = 0; axis < x.rank(); ++axis)
    RLX_TRY(c.at_least(x.dims[axis], c.at(1).dims[axis],
                       words("axis ", axis, " of operand 0 ", x, " under the update ", c.at(1))));
  return Shapes{x};
}

Result<Shapes> infer_concat(const Context& c) {
  RLX_TRY(c.wants_count(1, SIZE_MAX));
  RLX_ASSIGN(const std::size_t axis, c.axis(RLX_ATTR_AXIS, c.at(0).rank()));
  Dims dims = c.at(0).dims;
  for (std::size_t i = 1; i < c.count(); ++i) {
    if (!c.has(i)) return c.error(ErrorCode::kInvalidModel, "operand ", i, " is absent, wanted a tensor");
    RLX_TRY(c.wants_same_dtype(i, 0));
    RLX_TRY(c.wants_rank(i, dims.size()));
    for (std::size_t k = 0; k < dims.size(); ++k) {
      const Dim& seen = c.at(i).dims[k];
      if (k == axis) {
        dims[k] = dims[k] + seen;
        continue;
      }
      RLX_ASSIGN(dims[k], c.unify(seen, dims[k], words("axis ", k, " of operand ", i, " ", c.at(i))));
    }
  }
  return one(c.at(0).dtype, std::move(dims));
}

namespace {

/// Mirrored and wrapped borders must find their elements inside.
Status pad_source(const Context& c, std::int64_t mode, std::size_t axis, const Dim& pad) {
  if (mode == RLX_PAD_CONST || (pad.is_number() && pad.number() <= 0)) return {};
  const Dim& n = c.at(0).dims[axis];
  const auto what = [&] {
    return join("axis ", axis, " of operand 0 ", to_string(c.at(0)), " to pad by ", pad.to_string());
  };
  if (mode == RLX_PAD_EDGE) return c.at_least(n, 1, what);
  return c.at_least(n, mode == RLX_PAD_REFLECT ? pad + 1 : pad, what);
}

}  // namespace

Result<Shapes> infer_pad(const Context& c) {
  RLX_TRY(c.wants_count(1, 2));
  const Shape& x = c.at(0);
  RLX_ASSIGN(const std::int64_t mode, c.choice(RLX_ATTR_MODE, RLX_PAD_CONST, RLX_PAD_CONST, RLX_PAD_WRAP));
  if (c.has(1)) {
    RLX_TRY(c.wants_same_dtype(1, 0));
    RLX_TRY(c.wants_rank(1, 0));
  } else if (mode == RLX_PAD_CONST) {
    return c.error(ErrorCode::kInvalidModel, "operand 1 is absent, wanted the scalar to pad with");
  }
  RLX_ASSIGN(const Dims low, c.dims(RLX_ATTR_LOW, x.rank(), 0));
  RLX_ASSIGN(const Dims high, c.dims(RLX_ATTR_HIGH, x.rank(), 0));
  RLX_ASSIGN(const Dims interior, c.dims(RLX_ATTR_INTERIOR, x.rank(), 0));
  Dims dims;
  for (std::size_t axis = 0; axis < x.rank(); ++axis) {
    const Dim& inner = interior[axis];
    const bool plain = inner.is_number() && inner.number() == 0;
    if (!plain && mode != RLX_PAD_CONST)
      return c.bad_attribute(RLX_ATTR_INTERIOR, "is ", inner.to_string(), " for axis ", axis,
                             ", wanted 0 with this MODE");
    if (!plain) {
      RLX_TRY(c.at_least(inner, 0, words("interior padding of axis ", axis)));
    }
    RLX_TRY(pad_source(c, mode, axis, low[axis]));
    RLX_TRY(pad_source(c, mode, axis, high[axis]));
    const Dim& n = x.dims[axis];
    const Dim spread = plain ? n : n + max(n - 1, 0) * inner;
    const Dim size = low[axis] + spread + high[axis];
    RLX_TRY(c.at_least(size, 0, words("padded axis ", axis, " of ", x)));
    dims.push_back(size);
  }
  return one(x.dtype, std::move(dims));
}

}  // namespace rlx::infer_detail
