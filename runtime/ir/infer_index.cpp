// SPDX-License-Identifier: Apache-2.0
// Inference of ops that read or write where an index tensor says.
#include <algorithm>

#include "runtime/ir/infer_context.h"

namespace rlx::infer_detail {
namespace {

/// The last dim of an index tensor of tuples, which must be a number of axes that the data has.
Result<std::size_t> tuple_size(const Context& c, std::size_t operand, std::size_t batch,
                               std::size_t data_rank) {
  const Dim& last = c.at(operand).dims.back();
  if (!last.is_number() || last.number() < 0 || last.number() > static_cast<std::int64_t>(data_rank - batch))
    return c.error(ErrorCode::kShapeMismatch, "the last axis of operand ", operand, " ",
                   to_string(c.at(operand)), " is ", last.to_string(), ", wanted a number of at most ",
                   data_rank - batch, " axes of ", to_string(c.at(0)));
  return static_cast<std::size_t>(last.number());
}

/// BATCH_DIMS leading dims of data and indices agree; `most` of them are possible.
Result<std::size_t> batch_dims(const Context& c, std::size_t most, Dims& out) {
  RLX_ASSIGN(const std::int64_t batch, c.integer(RLX_ATTR_BATCH_DIMS, 0));
  if (batch < 0 || batch > static_cast<std::int64_t>(most))
    return c.bad_attribute(RLX_ATTR_BATCH_DIMS, "is ", batch, ", wanted 0 to ", most);
  for (std::size_t axis = 0; axis < static_cast<std::size_t>(batch); ++axis) {
    RLX_ASSIGN(const Dim size, c.unify(c.at(1).dims[axis], c.at(0).dims[axis],
                                       words("batch axis ", axis, " of operand 1 ", c.at(1))));
    out.push_back(size);
  }
  return static_cast<std::size_t>(batch);
}

/// Every axis of operand 1 but `axis` is inside operand 0.
Status inside_but(const Context& c, std::size_t axis) {
  RLX_TRY(c.wants_rank(1, c.at(0).rank()));
  for (std::size_t k = 0; k < c.at(0).rank(); ++k)
    if (k != axis)
      RLX_TRY(c.at_least(c.at(0).dims[k], c.at(1).dims[k],
                         words("axis ", k, " of operand 0 ", c.at(0), " under the indices ", c.at(1))));
  return {};
}

}  // namespace

Result<Shapes> infer_gather(const Context& c) {
  RLX_TRY(c.wants_count(2));
  RLX_TRY(c.wants_dtype(1, Wants::kIndex));
  RLX_TRY(c.index_attributes(RLX_INDEX_ZERO));
  const Shape& data = c.at(0);
  const Shape& indices = c.at(1);
  RLX_ASSIGN(const std::size_t axis, c.axis(RLX_ATTR_AXIS, data.rank(), 0));
  Dims dims;
  RLX_ASSIGN(const std::size_t batch, batch_dims(c, std::min(axis, indices.rank()), dims));
  for (std::size_t k = batch; k < axis; ++k) dims.push_back(data.dims[k]);
  for (std::size_t k = batch; k < indices.rank(); ++k) dims.push_back(indices.dims[k]);
  for (std::size_t k = axis + 1; k < data.rank(); ++k) dims.push_back(data.dims[k]);
  return one(data.dtype, std::move(dims));
}

Result<Shapes> infer_gather_elements(const Context& c) {
  RLX_TRY(c.wants_count(2));
  RLX_TRY(c.wants_dtype(1, Wants::kIndex));
  RLX_TRY(c.index_attributes(RLX_INDEX_ZERO));
  RLX_ASSIGN(const std::size_t axis, c.axis(RLX_ATTR_AXIS, c.at(0).rank()));
  RLX_TRY(inside_but(c, axis));
  return one(c.at(0).dtype, c.at(1).dims);
}

Result<Shapes> infer_gather_nd(const Context& c) {
  RLX_TRY(c.wants_count(2));
  RLX_TRY(c.wants_dtype(1, Wants::kIndex));
  RLX_TRY(c.index_attributes(RLX_INDEX_ZERO));
  RLX_TRY(c.wants_rank_at_least(1, 1));
  const Shape& data = c.at(0);
  const Shape& indices = c.at(1);
  Dims dims;
  RLX_ASSIGN(const std::size_t batch, batch_dims(c, std::min(data.rank(), indices.rank() - 1), dims));
  RLX_ASSIGN(const std::size_t tuple, tuple_size(c, 1, batch, data.rank()));
  for (std::size_t k = batch; k + 1 < indices.rank(); ++k) dims.push_back(indices.dims[k]);
  for (std::size_t k = batch + tuple; k < data.rank(); ++k) dims.push_back(data.dims[k]);
  return one(data.dtype, std::move(dims));
}

Result<Shapes> infer_scatter_elements(const Context& c) {
  RLX_TRY(c.wants_count(3));
  RLX_TRY(c.wants_dtype(1, Wants::kIndex));
  RLX_TRY(c.wants_same_dtype(2, 0));
  RLX_TRY(c.index_attributes(RLX_INDEX_CLAMP));
  RLX_ASSIGN(const std::int64_t reduce,
             c.choice(RLX_ATTR_REDUCE, RLX_SCATTER_SET, RLX_SCATTER_SET, RLX_SCATTER_MAX));
  if (reduce != RLX_SCATTER_SET) {
    RLX_TRY(c.wants_dtype(0, Wants::kNumber));
  }
  RLX_ASSIGN(const std::size_t axis, c.axis(RLX_ATTR_AXIS, c.at(0).rank()));
  RLX_TRY(inside_but(c, axis));
  RLX_TRY(c.wants_dims(2, c.at(1).dims));
  return Shapes{c.at(0)};
}

Result<Shapes> infer_scatter_nd(const Context& c) {
  RLX_TRY(c.wants_count(3));
  RLX_TRY(c.wants_dtype(1, Wants::kIndex));
  RLX_TRY(c.wants_same_dtype(2, 0));
  RLX_TRY(c.index_attributes(RLX_INDEX_CLAMP));
  RLX_ASSIGN(const std::int64_t reduce,
             c.choice(RLX_ATTR_REDUCE, RLX_SCATTER_SET, RLX_SCATTER_SET, RLX_SCATTER_MAX));
  if (reduce != RLX_SCATTER_SET) {
    RLX_TRY(c.wants_dtype(0, Wants::kNumber));
  }
  RLX_TRY(c.wants_rank_at_least(1, 1));
  const Shape& x = c.at(0);
  const Shape& indices = c.at(1);
  RLX_ASSIGN(const std::size_t tuple, tuple_size(c, 1, 0, x.rank()));
  Dims update(indices.dims.begin(), indices.dims.end() - 1);
  update.insert(update.end(), x.dims.begin() + static_cast<std::ptrdiff_t>(tuple), x.dims.end());
  RLX_TRY(c.wants_dims(2, update));
  return Shapes{x};
}

Result<Shapes> infer_nonzero(const Context& c) {
  RLX_TRY(c.wants_count(1));
  Dim cap = c.at(0).elements();
  if (c.find(RLX_ATTR_CAP)) {
    RLX_ASSIGN(cap, c.dim(RLX_ATTR_CAP));
    RLX_TRY(c.sizes_not_negative(Dims{cap}, RLX_ATTR_CAP));
  }
  const auto rank = static_cast<std::int64_t>(c.at(0).rank());
  return Shapes{Shape{DType::kI64, {rank, cap}}, Shape{DType::kI64, {}}};
}

}  // namespace rlx::infer_detail
