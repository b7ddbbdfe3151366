// SPDX-License-Identifier: Apache-2.0
// copy, iota, concat, dynamic slices. Elements and their bounds move together.
#include <algorithm>

#include "runtime/reference/call.h"

namespace rlx::reference {
namespace {

/// y[to] = x[from], bound included.
void move(const Tensor& x, std::size_t from, Tensor& y, std::size_t to) {
  if (y.real())
    y.v[to] = x.v[from];
  else
    y.i[to] = x.i[from];
  y.doubt_as(to, x, from);
}

/// Where a block of `sizes` begins in `dims`. Errors: kDataError under policy error.
Result<Sizes> block_start(const Call& call, std::size_t operand, const Sizes& dims, const Sizes& sizes) {
  const TensorPtr wanted = call.load(operand);
  Sizes start(dims.size());
  for (std::size_t axis = 0; axis < dims.size(); ++axis) {
    const std::int64_t last = dims[axis] - sizes[axis], seen = wanted->i[axis];
    start[axis] = std::clamp<std::int64_t>(seen, 0, std::max<std::int64_t>(last, 0));
    if (start[axis] != seen && call.integer(RLX_ATTR_INDEX_POLICY, RLX_INDEX_ERROR) == RLX_INDEX_ERROR)
      return fail(ErrorCode::kDataError, "start ", seen, " along axis ", axis, ", wanted 0 to ", last);
  }
  return start;
}

std::int64_t dot(const Sizes& a, const Sizes& b) {
  std::int64_t sum = 0;
  for (std::size_t n = 0; n < a.size(); ++n) sum += a[n] * b[n];
  return sum;
}

bool any_doubt(const Tensor& x) {
  return std::any_of(x.e.begin(), x.e.end(), [](double e) { return e != 0; });
}

void doubt_all(Tensor& y) {
  y.need_bounds();
  std::fill(y.e.begin(), y.e.end(), kInfinity);
}

}  // namespace

Status run_copy(Call& call) {
  call.out[0] = *call.load(0);
  return {};
}

Status run_iota(Call& call) {
  Tensor& y = call.out[0];
  const auto axis = static_cast<std::size_t>(call.integer(RLX_ATTR_AXIS, 0));
  const std::int64_t inner = element_count(std::span(y.dims).subspan(std::min(axis + 1, y.dims.size())));
  const std::int64_t size = y.dims.empty() ? 1 : y.dims[axis];
  for (std::size_t n = 0; n < y.count(); ++n) {
    const std::int64_t index = static_cast<std::int64_t>(n) / inner % size;
    if (y.real())
      y.v[n] = round_to(y.dtype, static_cast<double>(index));
    else
      y.i[n] = wrap(y.dtype, index);
  }
  return {};
}

Status run_dynamic_slice(Call& call) {
  const TensorPtr x = call.load(0);
  Tensor& y = call.out[0];
  RLX_ASSIGN(const Sizes start, block_start(call, 1, x->dims, y.dims));
  const Sizes strides = dense_strides(x->dims);
  if (y.count() == 0) return {};
  const Walk walk(y.dims, strides, dot(start, strides));
  for (std::size_t n = 0; n < y.count(); ++n) move(*x, walk[n], y, n);
  if (any_doubt(*call.load(1))) doubt_all(y);
  return {};
}

Status run_dynamic_update_slice(Call& call) {
  const TensorPtr u = call.load(1);
  Tensor& y = call.out[0];
  y = *call.load(0);
  RLX_ASSIGN(const Sizes start, block_start(call, 2, y.dims, u->dims));
  const Sizes strides = dense_strides(y.dims);
  if (u->count() != 0) {
    const Walk walk(u->dims, strides, dot(start, strides));
    for (std::size_t n = 0; n < u->count(); ++n) move(*u, n, y, walk[n]);
  }
  if (any_doubt(*call.load(2))) doubt_all(y);
  return {};
}

Status run_concat(Call& call) {
  Tensor& y = call.out[0];
  const auto axis = static_cast<std::size_t>(call.integer(RLX_ATTR_AXIS, 0));
  const Sizes strides = dense_strides(y.dims);
  std::int64_t begin = 0;
  for (std::size_t operand = 0; operand < call.in.size(); ++operand) {
    if (!call.has(operand)) continue;
    const TensorPtr x = call.load(operand);
    if (x->count() != 0) {
      const Walk walk(x->dims, strides, begin * strides[axis]);
      for (std::size_t n = 0; n < x->count(); ++n) move(*x, n, y, walk[n]);
    }
    begin += x->dims[axis];
  }
  return {};
}

namespace {

/// The element of an axis of `size` > 0 that position `at` (0 = its first) shows, or -1: the pad value.
std::int64_t padded(std::int64_t mode, std::int64_t at, std::int64_t size, std::int64_t gap) {
  const std::int64_t span = (size - 1) * (gap + 1) + 1;
  if (at < 0 || at >= span) {
    switch (mode) {
      case RLX_PAD_CONST:
        return -1;
      case RLX_PAD_EDGE:
        at = at < 0 ? 0 : span - 1;
        break;
      case RLX_PAD_WRAP:
        at = (at % span + span) % span;
        break;
      default: {
        const std::int64_t period = std::max<std::int64_t>(2 * (span - 1), 1);
        at = (at % period + period) % period;
        if (at >= span) at = period - at;
      }
    }
  }
  return at % (gap + 1) == 0 ? at / (gap + 1) : -1;
}

}  // namespace

Status run_pad(Call& call) {
  const TensorPtr x = call.load(0), value = call.load(1);
  Tensor& y = call.out[0];
  const std::size_t rank = y.dims.size();
  const Sizes low = call.integers_or(RLX_ATTR_LOW, rank, 0),
              gap = call.integers_or(RLX_ATTR_INTERIOR, rank, 0);
  const std::int64_t mode = call.integer(RLX_ATTR_MODE, RLX_PAD_CONST);
  const Sizes from = dense_strides(x->dims), to = dense_strides(y.dims);
  for (std::size_t n = 0; n < y.count(); ++n) {
    std::int64_t source = x->count() == 0 ? -1 : 0;
    for (std::size_t axis = 0; axis < rank && source >= 0; ++axis) {
      const std::int64_t index = static_cast<std::int64_t>(n) / to[axis] % y.dims[axis];
      const std::int64_t at = padded(mode, index - low[axis], x->dims[axis], gap[axis]);
      source = at < 0 ? -1 : source + at * from[axis];
    }
    if (source < 0)
      move(*value, 0, y, n);
    else
      move(*x, static_cast<std::size_t>(source), y, n);
  }
  return {};
}

}  // namespace rlx::reference
