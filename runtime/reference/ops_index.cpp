// SPDX-License-Identifier: Apache-2.0
// Gathers and scatters. The data of a gather is read element by element, so that a table is never copied
// whole.
#include <algorithm>

#include "runtime/reference/call.h"

namespace rlx::reference {

Result<std::int64_t> resolve_index(const Call& call, std::int64_t index, std::int64_t size) {
  const bool negatives = call.integer(RLX_ATTR_NEGATIVE_INDICES, 0) != 0;
  const std::int64_t at = negatives && index < 0 && index >= -size ? index + size : index;
  if (at >= 0 && at < size) return at;
  const std::int64_t policy = call.integer(RLX_ATTR_INDEX_POLICY, RLX_INDEX_ERROR);
  if (policy == RLX_INDEX_ZERO) return -1;
  if (policy == RLX_INDEX_CLAMP && size > 0) return at < 0 ? 0 : size - 1;
  return fail(ErrorCode::kDataError, "index ", index, ", wanted ", negatives ? -size : 0, " to ", size - 1);
}

namespace {

bool in_doubt(const Tensor& x, std::size_t at) { return x.bound(at) != 0; }

void doubt(Tensor& y, std::size_t at) {
  y.need_bounds();
  y.e[at] = kInfinity;
}

}  // namespace

Status run_gather(Call& call) {
  const Operand& data = call.in[0];
  const TensorPtr idx = call.load(1);
  Tensor& y = call.out[0];
  const auto axis = static_cast<std::size_t>(call.integer(RLX_ATTR_AXIS, 0));
  const auto batch = static_cast<std::size_t>(call.integer(RLX_ATTR_BATCH_DIMS, 0));
  const std::int64_t batches = element_count(std::span(data.dims).first(batch));
  const std::int64_t outer = element_count(std::span(data.dims).subspan(batch, axis - batch));
  const std::int64_t inner = element_count(std::span(data.dims).subspan(axis + 1));
  const std::int64_t picks = element_count(std::span(idx->dims).subspan(batch));
  const Walk rows(std::span(data.dims).first(axis), std::span(data.strides).first(axis));
  const Walk columns(std::span(data.dims).subspan(axis + 1), std::span(data.strides).subspan(axis + 1));
  Sizes places(idx->count());
  for (std::size_t n = 0; n < places.size(); ++n) {
    RLX_ASSIGN(places[n], resolve_index(call, idx->i[n], data.dims[axis]));
  }
  std::size_t to = 0;
  for (std::int64_t row = 0; row < batches * outer; ++row) {
    for (std::int64_t pick = 0; pick < picks; ++pick) {
      const auto index = static_cast<std::size_t>(row / std::max<std::int64_t>(outer, 1) * picks + pick);
      for (std::int64_t column = 0; column < inner; ++column, ++to) {
        if (places[index] >= 0)
          data.element(static_cast<std::int64_t>(rows[static_cast<std::size_t>(row)]) +
                           places[index] * data.strides[axis] +
                           static_cast<std::int64_t>(columns[static_cast<std::size_t>(column)]),
                       y, to);
        if (in_doubt(*idx, index)) doubt(y, to);
      }
    }
  }
  return {};
}

Status run_gather_elements(Call& call) {
  const Operand& data = call.in[0];
  const TensorPtr idx = call.load(1);
  Tensor& y = call.out[0];
  const auto axis = static_cast<std::size_t>(call.integer(RLX_ATTR_AXIS, 0));
  const Sizes to = dense_strides(y.dims);
  for (std::size_t n = 0; n < y.count(); ++n) {
    RLX_ASSIGN(const std::int64_t place, resolve_index(call, idx->i[n], data.dims[axis]));
    std::int64_t from = place * data.strides[axis];
    for (std::size_t a = 0; a < to.size(); ++a)
      if (a != axis) from += static_cast<std::int64_t>(n) / to[a] % y.dims[a] * data.strides[a];
    if (place >= 0) data.element(from, y, n);
    if (in_doubt(*idx, n)) doubt(y, n);
  }
  return {};
}

Status run_gather_nd(Call& call) {
  const Operand& data = call.in[0];
  const TensorPtr idx = call.load(1);
  Tensor& y = call.out[0];
  const auto batch = static_cast<std::size_t>(call.integer(RLX_ATTR_BATCH_DIMS, 0));
  const auto k = static_cast<std::size_t>(idx->dims.back());
  const Sizes slice(data.dims.begin() + static_cast<std::ptrdiff_t>(batch + k), data.dims.end());
  const Walk columns(slice, std::span(data.strides).subspan(batch + k));
  const Walk batches(std::span(data.dims).first(batch), std::span(data.strides).first(batch));
  const std::int64_t inner = element_count(slice);
  const std::int64_t rows = element_count(std::span(idx->dims).first(idx->dims.size() - 1));
  const std::int64_t per_batch = std::max<std::int64_t>(
      1, element_count(std::span(idx->dims).subspan(batch, idx->dims.size() - 1 - batch)));
  std::size_t to = 0;
  for (std::int64_t row = 0; row < rows; ++row) {
    auto from = static_cast<std::int64_t>(batches[static_cast<std::size_t>(row / per_batch)]);
    bool zero = false, unsure = false;
    for (std::size_t c = 0; c < k; ++c) {
      const std::size_t at = static_cast<std::size_t>(row) * k + c;
      RLX_ASSIGN(const std::int64_t place, resolve_index(call, idx->i[at], data.dims[batch + c]));
      zero = zero || place < 0;
      unsure = unsure || in_doubt(*idx, at);
      from += place * data.strides[batch + c];
    }
    for (std::int64_t column = 0; column < inner; ++column, ++to) {
      if (!zero)
        data.element(from + static_cast<std::int64_t>(columns[static_cast<std::size_t>(column)]), y, to);
      if (unsure) doubt(y, to);
    }
  }
  return {};
}

namespace {

/// y[at] = y[at] REDUCE u[from], rounded to the dtype at each step.
void scatter_one(const Call& call, const Tensor& u, std::size_t from, Tensor& y, std::size_t at) {
  static constexpr std::int64_t kFunctions[] = {0, RLX_BINARY_ADD, RLX_BINARY_MUL, RLX_BINARY_MIN,
                                                RLX_BINARY_MAX};
  const std::int64_t fn = kFunctions[call.integer(RLX_ATTR_REDUCE, RLX_SCATTER_SET)];
  double e = u.bound(from);
  if (y.real()) {
    Num next{u.v[from], e};
    const Unit unit = call.unit(y.dtype);
    if (fn != 0) next = stored(unit, binary(unit, fn, {y.v[at], y.bound(at)}, next));
    y.v[at] = next.v;
    e = call.bounds ? next.e : 0;
  } else {
    if (fn == 0) {
      y.i[at] = u.i[from];
      return y.doubt_as(at, u, from);
    }
    e = doubt_of_integers(y.dtype, fn, {y.i[at], y.bound(at)}, {u.i[from], e});
    y.i[at] = binary_integer(y.dtype, fn, y.i[at], u.i[from]);
    if (e != 0 || !y.e.empty()) y.doubt(at, e);
    return;
  }
  if (e != 0) y.need_bounds();
  if (!y.e.empty()) y.e[at] = e;
}

void doubt_result(const Tensor& idx, Tensor& y) {
  for (std::size_t n = 0; n < idx.count(); ++n)
    if (in_doubt(idx, n)) {
      y.need_bounds();
      return std::fill(y.e.begin(), y.e.end(), kInfinity);
    }
}

}  // namespace

Status run_scatter_elements(Call& call) {
  const TensorPtr idx = call.load(1), u = call.load(2);
  Tensor& y = call.out[0];
  y = *call.load(0);
  const auto axis = static_cast<std::size_t>(call.integer(RLX_ATTR_AXIS, 0));
  const Sizes from = dense_strides(idx->dims), to = dense_strides(y.dims);
  for (std::size_t n = 0; n < idx->count(); ++n) {
    RLX_ASSIGN(const std::int64_t place, resolve_index(call, idx->i[n], y.dims[axis]));
    std::int64_t at = place * to[axis];
    for (std::size_t a = 0; a < to.size(); ++a)
      if (a != axis) at += static_cast<std::int64_t>(n) / from[a] % idx->dims[a] * to[a];
    if (place >= 0) scatter_one(call, *u, n, y, static_cast<std::size_t>(at));
  }
  doubt_result(*idx, y);
  return {};
}

Status run_scatter_nd(Call& call) {
  const TensorPtr idx = call.load(1), u = call.load(2);
  Tensor& y = call.out[0];
  y = *call.load(0);
  const auto k = static_cast<std::size_t>(idx->dims.back());
  const Sizes to = dense_strides(y.dims);
  const std::int64_t inner = element_count(std::span(y.dims).subspan(k));
  const std::int64_t rows = element_count(std::span(idx->dims).first(idx->dims.size() - 1));
  for (std::int64_t row = 0; row < rows; ++row) {
    std::int64_t at = 0;
    bool nowhere = false;
    for (std::size_t c = 0; c < k; ++c) {
      RLX_ASSIGN(const std::int64_t place,
                 resolve_index(call, idx->i[static_cast<std::size_t>(row) * k + c], y.dims[c]));
      nowhere = nowhere || place < 0;
      at += place * to[c];
    }
    for (std::int64_t column = 0; column < inner && !nowhere; ++column)
      scatter_one(call, *u, static_cast<std::size_t>(row * inner + column), y,
                  static_cast<std::size_t>(at + column));
  }
  doubt_result(*idx, y);
  return {};
}

}  // namespace rlx::reference
