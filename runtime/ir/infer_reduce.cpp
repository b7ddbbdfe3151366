// SPDX-License-Identifier: Apache-2.0
// Inference of ops that fold, scan or rank along axes.
#include <algorithm>

#include "runtime/ir/infer_context.h"

namespace rlx::infer_detail {
namespace {

Dims without(const Dims& dims, const std::vector<std::size_t>& axes, bool keep) {
  Dims result;
  for (std::size_t k = 0; k < dims.size(); ++k) {
    const bool gone = std::find(axes.begin(), axes.end(), k) != axes.end();
    if (!gone)
      result.push_back(dims[k]);
    else if (keep)
      result.push_back(1);
  }
  return result;
}

}  // namespace

Result<Shapes> infer_reduce(const Context& c) {
  RLX_TRY(c.wants_count(1));
  RLX_ASSIGN(const std::uint32_t fn, c.fn(RLX_REDUCE_ANY));
  RLX_TRY(c.wants_dtype(0, fn >= RLX_REDUCE_ALL ? Wants::kBool : Wants::kNumber));
  RLX_ASSIGN(const std::vector<std::size_t> axes, c.axes(RLX_ATTR_AXES, c.at(0).rank()));
  RLX_ASSIGN(const bool keep, c.flag(RLX_ATTR_KEEP, false));
  return one(c.at(0).dtype, without(c.at(0).dims, axes, keep));
}

Result<Shapes> infer_arg_reduce(const Context& c) {
  RLX_TRY(c.wants_count(1));
  RLX_TRY(c.wants_dtype(0, Wants::kNumber));
  RLX_ASSIGN(const std::uint32_t fn, c.fn(RLX_REDUCE_MIN));
  if (fn != RLX_REDUCE_MAX && fn != RLX_REDUCE_MIN)
    return c.bad_attribute(RLX_ATTR_FN, "is ", fn, ", wanted max or min");
  RLX_ASSIGN(const std::size_t axis, c.axis(RLX_ATTR_AXIS, c.at(0).rank()));
  RLX_ASSIGN(const bool keep, c.flag(RLX_ATTR_KEEP, false));
  RLX_TRY(c.choice(RLX_ATTR_TIE, RLX_TIE_FIRST, RLX_TIE_FIRST, RLX_TIE_LAST));
  RLX_TRY(c.at_least(c.at(0).dims[axis], 1, words("axis ", axis, " of operand 0 ", c.at(0))));
  return one(DType::kI64, without(c.at(0).dims, {axis}, keep));
}

Result<Shapes> infer_cumulate(const Context& c) {
  RLX_TRY(c.wants_count(1));
  RLX_TRY(c.wants_dtype(0, Wants::kNumber));
  RLX_TRY(c.fn(RLX_REDUCE_MIN));
  RLX_TRY(c.axis(RLX_ATTR_AXIS, c.at(0).rank()));
  RLX_TRY(c.flag(RLX_ATTR_EXCLUSIVE, false));
  RLX_TRY(c.flag(RLX_ATTR_REVERSE, false));
  return Shapes{c.at(0)};
}

Result<Shapes> infer_top_k(const Context& c) {
  RLX_TRY(c.wants_count(1));
  RLX_TRY(c.wants_dtype(0, Wants::kNumber));
  RLX_ASSIGN(const std::size_t axis, c.axis(RLX_ATTR_AXIS, c.at(0).rank()));
  RLX_ASSIGN(const Dim k, c.dim(RLX_ATTR_K));
  RLX_TRY(c.sizes_not_negative(Dims{k}, RLX_ATTR_K));
  RLX_TRY(c.flag(RLX_ATTR_LARGEST, true));
  RLX_TRY(c.flag(RLX_ATTR_SORTED, true));
  RLX_TRY(c.at_least(c.at(0).dims[axis], k, words("axis ", axis, " of operand 0 ", c.at(0), " for K = ", k)));
  Dims dims = c.at(0).dims;
  dims[axis] = k;
  return Shapes{Shape{c.at(0).dtype, dims}, Shape{DType::kI64, dims}};
}

}  // namespace rlx::infer_detail
