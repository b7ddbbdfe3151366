// SPDX-License-Identifier: Apache-2.0
// reduce, cumulate, segment_reduce: folds of numbers with the bound of any order of summation.
#include <algorithm>

#include "runtime/reference/fold.h"

namespace rlx::reference {
namespace {

/// A result's fold over the elements of `x` that `places` names.
template <class Places>
void fold_into(const Call& call, std::int64_t fn, const Tensor& x, const Places& places, Tensor& y,
               std::size_t at) {
  if (!y.real()) {
    std::int64_t value = integer_identity(y.dtype, fn);
    double e = 0;
    const std::int64_t one = integer_function(y.dtype, fn);
    for (const std::size_t place : places) {
      e = doubt_of_integers(y.dtype, one, {value, e}, {x.i[place], x.bound(place)});
      value = binary_integer(y.dtype, one, value, x.i[place]);
    }
    y.i[at] = value;
    if (e != 0) y.doubt(at, e);
    return;
  }
  Fold fold(fn, call.unit(y.dtype));
  for (const std::size_t place : places) fold.take(call.get(x, place));
  call.set(y, at, fold.result());
}

}  // namespace

Status run_reduce(Call& call) {
  const TensorPtr x = call.load(0);
  Tensor& y = call.out[0];
  const std::int64_t fn = call.integer(RLX_ATTR_FN, RLX_REDUCE_SUM);
  const Sizes axes = call.integers(RLX_ATTR_AXES), strides = dense_strides(x->dims);
  Sizes kept, kept_strides, gone, gone_strides;
  for (std::size_t axis = 0; axis < x->dims.size(); ++axis) {
    const bool reduced = std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(axis)) != axes.end();
    (reduced ? gone : kept).push_back(x->dims[axis]);
    (reduced ? gone_strides : kept_strides).push_back(strides[axis]);
  }
  const Walk outer(kept, kept_strides), inner(gone, gone_strides);
  std::vector<std::size_t> places(static_cast<std::size_t>(element_count(gone)));
  for (std::size_t n = 0; n < y.count(); ++n) {
    for (std::size_t k = 0; k < places.size(); ++k) places[k] = outer[n] + inner[k];
    fold_into(call, fn, *x, places, y, n);
  }
  finish(call, y);
  return {};
}

Status run_cumulate(Call& call) {
  const TensorPtr x = call.load(0);
  Tensor& y = call.out[0];
  const std::int64_t fn = call.integer(RLX_ATTR_FN, RLX_REDUCE_SUM);
  const bool exclusive = call.integer(RLX_ATTR_EXCLUSIVE, 0) != 0,
             reverse = call.integer(RLX_ATTR_REVERSE, 0) != 0;
  const auto axis = static_cast<std::size_t>(call.integer(RLX_ATTR_AXIS, 0));
  const auto size = static_cast<std::size_t>(x->dims[axis]);
  const auto inner = static_cast<std::size_t>(element_count(std::span(x->dims).subspan(axis + 1)));
  for (std::size_t line = 0; line < x->count() / std::max<std::size_t>(size, 1); ++line) {
    std::vector<std::size_t> places;
    for (std::size_t step = 0; step < size; ++step) {
      const std::size_t k = reverse ? size - 1 - step : step;
      const std::size_t at = line / inner * size * inner + k * inner + line % inner;
      if (!exclusive) places.push_back(at);
      fold_into(call, fn, *x, places, y, at);
      if (exclusive) places.push_back(at);
    }
  }
  finish(call, y);
  return {};
}

Status run_segment_reduce(Call& call) {
  const TensorPtr x = call.load(0), offsets = call.load(1);
  Tensor& y = call.out[0];
  const std::int64_t fn = call.integer(RLX_ATTR_FN, RLX_REDUCE_SUM), rows = x->dims[0];
  const auto inner = static_cast<std::size_t>(element_count(std::span(x->dims).subspan(1)));
  for (std::size_t segment = 0; segment < static_cast<std::size_t>(y.dims[0]); ++segment) {
    const std::int64_t begin = offsets->i[segment], end = offsets->i[segment + 1];
    if (begin < 0 || end > rows || begin > end)
      return fail(ErrorCode::kDataError, "segment ", segment, " from ", begin, " to ", end, " of ", rows,
                  " rows");
    for (std::size_t column = 0; column < inner; ++column) {
      std::vector<std::size_t> places;
      for (std::int64_t row = begin; row < end; ++row)
        places.push_back(static_cast<std::size_t>(row) * inner + column);
      fold_into(call, fn, *x, places, y, segment * inner + column);
    }
  }
  finish(call, y);
  return {};
}

}  // namespace rlx::reference
