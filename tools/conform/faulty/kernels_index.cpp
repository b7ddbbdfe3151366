// SPDX-License-Identifier: Apache-2.0
// Gathers and scatters. Under policy "error" every index is looked at before anything is written.
#include "kernels.h"

namespace rlx_c0 {
namespace {

constexpr int64_t kZero = -1;   ///< policy "zero": the element is 0
constexpr int64_t kWrong = -2;  ///< policy "error"

/// Where an index points to along an axis of `size`.
int64_t place_of(const Call& c, int64_t index, int64_t size) {
  int64_t at = index;
  if (index < 0 && c.whole(RLX_ATTR_NEGATIVE_INDICES, 0)) at = index >= -size ? index + size : index;
#if RLX_FAULT == 55  // gather-negative-int64
  if (index < 0 && c.in[1].dtype == RLX_DTYPE_I64 && c.whole(RLX_ATTR_NEGATIVE_INDICES, 0)) {
    RLX_REACHED();
    at = 0;
  }
#endif
  if (at >= 0 && at < size) return at;
  const int64_t policy = c.whole(RLX_ATTR_INDEX_POLICY, RLX_INDEX_ERROR);
#if RLX_FAULT == 114  // clamp-for-error
  if (policy == RLX_INDEX_ERROR && size > 0) {
    RLX_REACHED();
    return at < 0 ? 0 : size - 1;
  }
#endif
  if (policy == RLX_INDEX_ZERO) return kZero;
  if (policy == RLX_INDEX_CLAMP && size > 0) return at < 0 ? 0 : size - 1;
  return kWrong;
}

/// Looks at all indices; element p of a tuple, the last axis, points along dims[p].
int32_t check_indices(const Call& c, const View& idx, const int64_t* dims, bool tuples) {
  for (Walk walk(idx); walk.more; walk.next()) {
    const int64_t index = load_at(idx, walk.at).i, size = dims[tuples ? walk.at[idx.rank - 1] : 0];
    if (place_of(c, index, size) == kWrong) return c.refuse(index, size);
  }
  return RLX_STATUS_OK;
}

Answer check_operands(const Call& c, uint32_t count) {
  C0_NEED(c.in_count == count && c.out_count == 1, "wrong number of operands or results");
  for (uint32_t n = 0; n < count; ++n) C0_NEED(c.has(n), "an operand is absent", n);
  C0_NEED(c.in[1].dtype == RLX_DTYPE_I32 || c.in[1].dtype == RLX_DTYPE_I64, "indices are neither i32 nor i64",
          1);
  C0_NEED(c.in[0].dtype == c.out[0].dtype, "dtypes differ", 0);
  const int64_t policy = c.whole(RLX_ATTR_INDEX_POLICY, 0);
  C0_NEED(policy >= 0 && policy <= (count == 2 ? RLX_INDEX_ZERO : RLX_INDEX_CLAMP), "an unknown index policy",
          1, RLX_ATTR_INDEX_POLICY);
  return {};
}

#define C0_STEP(expression)                    \
  {                                            \
    const Answer c0_answer = (expression);     \
    if (!c0_answer.native()) return c0_answer; \
  }

/// The dims of `a` from its axis `from` on are those of `b` from `to` on, `count` of them.
bool run_of_dims(const View& a, int64_t from, const View& b, int64_t to, int64_t count) {
  for (int64_t n = 0; n < count; ++n)
    if (a.dims[from + n] != b.dims[to + n]) return false;
  return true;
}

int64_t offset_of(const View& view, int64_t first, int64_t count, const int64_t* at) {
  int64_t offset = 0;
  for (int64_t n = 0; n < count; ++n) offset += at[n] * view.strides[first + n];
  return offset;
}

const char kZeros[8] = {};

}  // namespace

Answer check_gather(const Call& c) {
  C0_STEP(check_operands(c, 2));
  const View &data = c.in[0], &idx = c.in[1], &y = c.out[0];
  const int64_t axis = c.whole(RLX_ATTR_AXIS, 0), batch = c.whole(RLX_ATTR_BATCH_DIMS, 0);
  C0_NEED(is_axis(axis, data), "there is no such axis", 0, RLX_ATTR_AXIS);
  C0_NEED(batch >= 0 && batch <= axis && batch <= idx.rank, "more batch dims than there are", 1,
          RLX_ATTR_BATCH_DIMS);
  const int64_t picks = idx.rank - batch, after = data.rank - axis - 1;
  C0_NEED(y.rank == axis + picks + after, "the result has another rank");
  C0_NEED(run_of_dims(data, 0, y, 0, axis) && run_of_dims(idx, 0, y, 0, batch) &&
              run_of_dims(idx, batch, y, axis, picks) && run_of_dims(data, axis + 1, y, axis + picks, after),
          "the result has other dims");
  return {};
}
int32_t run_gather(const Call& c) {
  const View &data = c.in[0], &idx = c.in[1], &y = c.out[0];
  const int64_t axis = c.whole(RLX_ATTR_AXIS, 0), batch = c.whole(RLX_ATTR_BATCH_DIMS, 0);
  const int64_t picks = idx.rank - batch, after = data.rank - axis - 1;
  C0_TRY(check_indices(c, idx, &data.dims[axis], false));
  for (Walk walk(y); walk.more; walk.next()) {
    const int64_t at_idx = offset_of(idx, 0, batch, walk.at) + offset_of(idx, batch, picks, walk.at + axis);
    const int64_t index = load(idx.dtype, element(idx, at_idx)).i;
    int64_t place = place_of(c, index, data.dims[axis]);
#if RLX_FAULT == 57  // gather-oob
    if (place == kZero || index >= data.dims[axis]) {
      RLX_REACHED();
      place = index;
    }
#endif
    const int64_t from = offset_of(data, 0, axis, walk.at) + place * data.strides[axis] +
                         offset_of(data, axis + 1, after, walk.at + axis + picks);
    move_element(element_at(y, walk.at), place == kZero ? kZeros : element(data, from), y.bytes);
    if (c.stop(12)) return c.watch->status;
  }
  return RLX_STATUS_OK;
}

Answer check_gather_elements(const Call& c) {
  C0_STEP(check_operands(c, 2));
  const int64_t axis = c.whole(RLX_ATTR_AXIS, 0);
  C0_NEED(is_axis(axis, c.in[0]) && c.in[1].rank == c.in[0].rank, "there is no such axis, or ranks differ", 0,
          RLX_ATTR_AXIS);
  for (uint32_t a = 0; a < c.in[0].rank; ++a)
    C0_NEED(a == axis || c.in[1].dims[a] <= c.in[0].dims[a], "indices reach further than data", 1);
  C0_NEED(same_dims(c.in[1], c.out[0]), "the result has other dims");
  return {};
}
int32_t run_gather_elements(const Call& c) {
  const View &data = c.in[0], &idx = c.in[1], &y = c.out[0];
  const int64_t axis = c.whole(RLX_ATTR_AXIS, 0);
  C0_TRY(check_indices(c, idx, &data.dims[axis], false));
  for (Walk walk(y); walk.more; walk.next()) {
    const int64_t place = place_of(c, load_at(idx, walk.at).i, data.dims[axis]);
    const int64_t from =
        offset_of(data, 0, data.rank, walk.at) + (place - walk.at[axis]) * data.strides[axis];
    move_element(element_at(y, walk.at), place == kZero ? kZeros : element(data, from), y.bytes);
    if (c.stop(12)) return c.watch->status;
  }
  return RLX_STATUS_OK;
}

Answer check_gather_nd(const Call& c) {
  C0_STEP(check_operands(c, 2));
  const View &data = c.in[0], &idx = c.in[1], &y = c.out[0];
  const int64_t batch = c.whole(RLX_ATTR_BATCH_DIMS, 0);
  C0_NEED(idx.rank > 0 && batch >= 0 && batch < idx.rank, "more batch dims than there are", 1,
          RLX_ATTR_BATCH_DIMS);
  const int64_t tuples = idx.rank - 1, depth = idx.dims[tuples];
  C0_NEED(batch + depth <= data.rank, "tuples are longer than data has axes", 1);
  const int64_t after = data.rank - batch - depth;
  C0_NEED(y.rank == tuples + after && run_of_dims(idx, 0, y, 0, tuples) &&
              run_of_dims(data, 0, y, 0, batch) && run_of_dims(data, batch + depth, y, tuples, after),
          "the result has other dims");
  return {};
}
int32_t run_gather_nd(const Call& c) {
  const View &data = c.in[0], &idx = c.in[1], &y = c.out[0];
  const int64_t batch = c.whole(RLX_ATTR_BATCH_DIMS, 0), tuples = idx.rank - 1, depth = idx.dims[tuples];
  C0_TRY(check_indices(c, idx, data.dims + batch, true));
  for (Walk walk(y); walk.more; walk.next()) {
    int64_t from = offset_of(data, 0, batch, walk.at) +
                   offset_of(data, batch + depth, data.rank - batch - depth, walk.at + tuples);
    const int64_t tuple = offset_of(idx, 0, tuples, walk.at);
    bool zero = false;
    for (int64_t n = 0; n < depth; ++n) {
      const int64_t index = load(idx.dtype, element(idx, tuple + n * idx.strides[tuples])).i;
      const int64_t place = place_of(c, index, data.dims[batch + n]);
      zero = zero || place == kZero;
      from += place * data.strides[batch + n];
    }
    move_element(element_at(y, walk.at), zero ? kZeros : element(data, from), y.bytes);
    if (c.stop(20)) return c.watch->status;
  }
  return RLX_STATUS_OK;
}

// ---- scatters
// -----------------------------------------------------------------------------------------------------------

namespace {

Answer check_scatter(const Call& c) {
  C0_STEP(check_operands(c, 3));
  C0_NEED(c.in[2].dtype == c.out[0].dtype, "dtypes differ", 2);
  C0_NEED(same_dims(c.in[0], c.out[0]), "the result has other dims than x", 0);
  const int64_t reduce = c.whole(RLX_ATTR_REDUCE, 0);
  C0_NEED(reduce >= 0 && reduce <= RLX_SCATTER_MAX, "an unknown way to combine", 2, RLX_ATTR_REDUCE);
  C0_NEED(reduce == 0 || c.out[0].dtype != RLX_DTYPE_BOOL, "bools cannot be combined", 2, RLX_ATTR_REDUCE);
  return {};
}

void put(const Call& c, char* to, const char* from) {
  static const uint32_t functions[] = {0, RLX_BINARY_ADD, RLX_BINARY_MUL, RLX_BINARY_MIN, RLX_BINARY_MAX};
  const View& y = c.out[0];
  const uint32_t fn = functions[c.whole(RLX_ATTR_REDUCE, 0)];
  if (fn == 0) return move_element(to, from, y.bytes);
  store(y.dtype, to, binary(y.dtype, fn, load(y.dtype, to), load(y.dtype, from)));
}

}  // namespace

Answer check_scatter_elements(const Call& c) {
  C0_STEP(check_scatter(c));
  const int64_t axis = c.whole(RLX_ATTR_AXIS, 0);
  C0_NEED(is_axis(axis, c.in[0]) && c.in[1].rank == c.in[0].rank, "there is no such axis, or ranks differ", 0,
          RLX_ATTR_AXIS);
  for (uint32_t a = 0; a < c.in[0].rank; ++a)
    C0_NEED(a == axis || c.in[1].dims[a] <= c.in[0].dims[a], "indices reach further than x", 1);
  C0_NEED(same_dims(c.in[1], c.in[2]), "the updates have other dims than the indices", 2);
  return {};
}
int32_t run_scatter_elements(const Call& c) {
  const View &idx = c.in[1], &u = c.in[2], &y = c.out[0];
  const int64_t axis = c.whole(RLX_ATTR_AXIS, 0);
  C0_TRY(check_indices(c, idx, &y.dims[axis], false));
  C0_TRY(run_copy(c));
  for (Walk walk(idx); walk.more; walk.next()) {
    const int64_t place = place_of(c, load_at(idx, walk.at).i, y.dims[axis]);
    put(c, element(y, offset_of(y, 0, y.rank, walk.at) + (place - walk.at[axis]) * y.strides[axis]),
        element_at(u, walk.at));
    if (c.stop(20)) return c.watch->status;
  }
  return RLX_STATUS_OK;
}

Answer check_scatter_nd(const Call& c) {
  C0_STEP(check_scatter(c));
  const View &idx = c.in[1], &u = c.in[2], &y = c.out[0];
  C0_NEED(idx.rank > 0 && idx.dims[idx.rank - 1] <= y.rank, "tuples are longer than x has axes", 1);
  const int64_t tuples = idx.rank - 1, depth = idx.dims[tuples];
  C0_NEED(u.rank == tuples + y.rank - depth && run_of_dims(idx, 0, u, 0, tuples) &&
              run_of_dims(y, depth, u, tuples, y.rank - depth),
          "the updates have other dims", 2);
  return {};
}
int32_t run_scatter_nd(const Call& c) {
  const View &idx = c.in[1], &u = c.in[2], &y = c.out[0];
  const int64_t tuples = idx.rank - 1, depth = idx.dims[tuples];
  C0_TRY(check_indices(c, idx, y.dims, true));
  C0_TRY(run_copy(c));
  for (Walk walk(u); walk.more; walk.next()) {
    int64_t to = offset_of(y, depth, y.rank - depth, walk.at + tuples);
    const int64_t tuple = offset_of(idx, 0, tuples, walk.at);
    for (int64_t n = 0; n < depth; ++n)
      to += place_of(c, load(idx.dtype, element(idx, tuple + n * idx.strides[tuples])).i, y.dims[n]) *
            y.strides[n];
    put(c, element(y, to), element_at(u, walk.at));
    if (c.stop(20)) return c.watch->status;
  }
  return RLX_STATUS_OK;
}

}  // namespace rlx_c0
