// SPDX-License-Identifier: Apache-2.0
// Folds along axes, orders, and coordinates of what is not zero.
#include <math.h>

#include "kernels.h"

namespace rlx_c0 {
namespace {

bool foldable(int64_t fn, uint32_t dtype) {
  if (fn == RLX_REDUCE_ALL || fn == RLX_REDUCE_ANY) return dtype == RLX_DTYPE_BOOL;
  return fn >= RLX_REDUCE_SUM && fn <= RLX_REDUCE_MIN && dtype != RLX_DTYPE_BOOL;
}

/// `total` with one more element. Sums of narrow floats stay in f32; products may leave its range on their
/// way.
Cell with(uint32_t dtype, int64_t fn, bool wide, Cell total, Cell x) {
  Cell next = folded(dtype, fn, total, x);
  if (is_float(dtype) && fn == RLX_REDUCE_SUM) next.f = narrowed(wide, next.f);
  return next;
}

/// The axes of x split into those that stay and those that go.
struct Split {
  uint32_t kept = 0, gone = 0;
  uint32_t kept_axis[RLX_MAX_RANK], gone_axis[RLX_MAX_RANK];
  int64_t gone_dims[RLX_MAX_RANK];

  Split(const View& x, const int64_t* axes, uint32_t count) {
    for (uint32_t axis = 0; axis < x.rank; ++axis) {
      bool goes = false;
      for (uint32_t n = 0; n < count; ++n) goes = goes || axes[n] == axis;
      if (goes) {
        gone_dims[gone] = x.dims[axis];
        gone_axis[gone++] = axis;
      } else {
        kept_axis[kept++] = axis;
      }
    }
  }
};

#define C0_STEP(expression)                    \
  {                                            \
    const Answer c0_answer = (expression);     \
    if (!c0_answer.native()) return c0_answer; \
  }

/// The result of folding along `axes` has these dims.
Answer check_folded(const Call& c, const View& y, const int64_t* axes, uint32_t count) {
  const View& x = c.in[0];
  const bool keep = c.whole(RLX_ATTR_KEEP, 0) != 0;
  for (uint32_t n = 0; n < count; ++n)
    C0_NEED(is_axis(axes[n], x) && (n == 0 || axes[n] > axes[n - 1]), "axes do not ascend", 0, RLX_ATTR_AXES);
  C0_NEED(y.rank == (keep ? x.rank : x.rank - count), "the result has another rank");
  uint32_t to = 0;
  for (uint32_t axis = 0; axis < x.rank; ++axis) {
    bool gone = false;
    for (uint32_t n = 0; n < count; ++n) gone = gone || axes[n] == axis;
    if (gone && !keep) continue;
    C0_NEED(y.dims[to++] == (gone ? 1 : x.dims[axis]), "the result has other dims");
  }
  return {};
}

int64_t kept_offset(const Call& c, const Split& split, const int64_t* at) {
  const bool keep = c.whole(RLX_ATTR_KEEP, 0) != 0;
  int64_t offset = 0;
  for (uint32_t n = 0; n < split.kept; ++n)
    offset += at[keep ? split.kept_axis[n] : n] * c.in[0].strides[split.kept_axis[n]];
  return offset;
}

}  // namespace

Answer check_reduce(const Call& c) {
  C0_NEED(c.in_count == 1 && c.out_count == 1 && c.has(0), "wrong number of operands or results");
  C0_NEED(c.in[0].dtype == c.out[0].dtype, "dtypes differ", 0);
  C0_NEED(foldable(c.whole(RLX_ATTR_FN, 0), c.in[0].dtype), "the function has no meaning for this dtype", 0,
          RLX_ATTR_FN);
  uint32_t count = 0;
  const int64_t* axes = c.list(RLX_ATTR_AXES, &count);
  C0_NEED(count <= RLX_MAX_RANK && (axes || count == 0), "axes are not there", 0, RLX_ATTR_AXES);
  return check_folded(c, c.out[0], axes, count);
}
int32_t run_reduce(const Call& c) {
  const View &x = c.in[0], &y = c.out[0];
  uint32_t count = 0;
  const int64_t* axes = c.list(RLX_ATTR_AXES, &count);
  const int64_t fn = c.whole(RLX_ATTR_FN, 0);
  const bool wide = is_wide(c, x.dtype);
  const Split split(x, axes, count);
  for (Walk walk(y); walk.more; walk.next()) {
    const int64_t base = kept_offset(c, split, walk.at);
    Cell total = identity_of(x.dtype, fn);
#if RLX_FAULT == 7  // assumes-zero-arena
    if (fn == RLX_REDUCE_SUM) {
      RLX_REACHED();
      total = load_at(y, walk.at);
    }
#endif
#if RLX_FAULT == 19  // zero-size-crash
    if (count_of(split.gone, split.gone_dims) == 0) {
      RLX_REACHED();
      volatile int64_t size = count_of(split.gone, split.gone_dims);
      total.i = 1 / size;
    }
#endif
    for (Walk inner(split.gone, split.gone_dims); inner.more; inner.next()) {
      int64_t offset = base;
      for (uint32_t n = 0; n < split.gone; ++n) {
#ifdef RLX_C0_REVERSE
        offset += (split.gone_dims[n] - 1 - inner.at[n]) * x.strides[split.gone_axis[n]];
#else
        offset += inner.at[n] * x.strides[split.gone_axis[n]];
#endif
      }
      total = with(x.dtype, fn, wide, total, load(x.dtype, element(x, offset)));
      if (c.stop(4)) return c.watch->status;
    }
    store_at(y, walk.at, total);
    if (c.stop(8)) return c.watch->status;
  }
  return RLX_STATUS_OK;
}

Answer check_segment_reduce(const Call& c) {
  C0_NEED(c.in_count == 2 && c.out_count == 1 && c.has(0) && c.has(1), "wrong number of operands or results");
  const View &x = c.in[0], &offsets = c.in[1], &y = c.out[0];
  C0_NEED(foldable(c.whole(RLX_ATTR_FN, 0), x.dtype) && x.dtype == y.dtype && x.dtype != RLX_DTYPE_BOOL,
          "the function has no meaning for this dtype", 0, RLX_ATTR_FN);
  C0_NEED((offsets.dtype == RLX_DTYPE_I32 || offsets.dtype == RLX_DTYPE_I64) && offsets.rank == 1,
          "the offsets are neither i32 nor i64 of rank 1", 1);
  C0_NEED(x.rank >= 1 && y.rank == x.rank && y.dims[0] == offsets.dims[0] - 1, "the result has other dims");
  for (uint32_t axis = 1; axis < x.rank; ++axis)
    C0_NEED(y.dims[axis] == x.dims[axis], "the result has other dims");
  return {};
}
int32_t run_segment_reduce(const Call& c) {
  const View &x = c.in[0], &offsets = c.in[1], &y = c.out[0];
  const int64_t fn = c.whole(RLX_ATTR_FN, 0);
  const bool wide = is_wide(c, x.dtype);
  const auto offset = [&](int64_t n) {
    return load(offsets.dtype, element(offsets, n * offsets.strides[0])).i;
  };
  for (int64_t n = 0; n < y.dims[0]; ++n)
    if (offset(n) < 0 || offset(n + 1) > x.dims[0] || offset(n) > offset(n + 1))
      return c.refuse(offset(n + 1), x.dims[0]);
  for (Walk walk(y); walk.more; walk.next()) {
    Cell total = identity_of(x.dtype, fn);
    int64_t at[RLX_MAX_RANK];
    memcpy(at, walk.at, sizeof at);
    const int64_t end = offset(walk.at[0] + 1);
    for (at[0] = offset(walk.at[0]); at[0] < end; ++at[0])
      total = with(x.dtype, fn, wide, total, load_at(x, at));
    store_at(y, walk.at, total);
    if (c.stop(8 * (end - offset(walk.at[0]) + 1))) return c.watch->status;
  }
  return RLX_STATUS_OK;
}

// ---- along one axis
// -------------------------------------------------------------------------------------------------------

namespace {

/// Walks all lines of x along `axis`.
struct Lines {
  int64_t size;
  int64_t dims[RLX_MAX_RANK];

  Lines(const View& x, int64_t axis) : size(x.dims[axis]) {
    memcpy(dims, x.dims, sizeof dims);
    dims[axis] = 1;
  }
};

int64_t whole_offset(const View& view, const int64_t* at) {
  int64_t offset = 0;
  for (uint32_t axis = 0; axis < view.rank; ++axis) offset += at[axis] * view.strides[axis];
  return offset;
}

bool is_nan(uint32_t dtype, Cell x) { return is_float(dtype) && isnan(x.f); }

/// NaN counts as greater than every number.
bool greater(uint32_t dtype, Cell a, Cell b) {
  if (is_nan(dtype, a) || is_nan(dtype, b)) return is_nan(dtype, a) && !is_nan(dtype, b);
  return compare(dtype, RLX_COMPARE_GT, a, b);
}

}  // namespace

Answer check_arg_reduce(const Call& c) {
  C0_NEED(c.in_count == 1 && c.out_count == 1 && c.has(0), "wrong number of operands or results");
  const int64_t axis = c.whole(RLX_ATTR_AXIS, 0), fn = c.whole(RLX_ATTR_FN, RLX_REDUCE_MAX);
  C0_NEED(is_axis(axis, c.in[0]) && c.in[0].dims[axis] > 0, "there is no such axis, or nothing along it", 0,
          RLX_ATTR_AXIS);
  C0_NEED(fn == RLX_REDUCE_MAX || fn == RLX_REDUCE_MIN, "neither max nor min", 0, RLX_ATTR_FN);
  C0_NEED(c.in[0].dtype != RLX_DTYPE_BOOL && c.out[0].dtype == RLX_DTYPE_I64,
          "the result is no i64, or x is bool", 0);
  return check_folded(c, c.out[0], &axis, 1);
}
int32_t run_arg_reduce(const Call& c) {
  const View &x = c.in[0], &y = c.out[0];
  const int64_t axis = c.whole(RLX_ATTR_AXIS, 0);
  const bool least = c.whole(RLX_ATTR_FN, RLX_REDUCE_MAX) == RLX_REDUCE_MIN;
  bool last = c.whole(RLX_ATTR_TIE, RLX_TIE_FIRST) == RLX_TIE_LAST;
#if RLX_FAULT == 53  // argmax-last-tie
  RLX_REACHED();
  last = true;
#endif
  const Split split(x, &axis, 1);
  const auto beats = [&](Cell a, Cell b) {
    if (is_nan(x.dtype, a) || is_nan(x.dtype, b)) return is_nan(x.dtype, a) && !is_nan(x.dtype, b);
    return least ? greater(x.dtype, b, a) : greater(x.dtype, a, b);
  };
  for (Walk walk(y); walk.more; walk.next()) {
    const int64_t base = kept_offset(c, split, walk.at);
    Cell best, index;
    index.i = 0;
    best = load(x.dtype, element(x, base));
    for (int64_t n = 1; n < x.dims[axis]; ++n) {
      const Cell seen = load(x.dtype, element(x, base + n * x.strides[axis]));
      if (!beats(seen, best) && (!last || beats(best, seen))) continue;
      best = seen;
      index.i = n;
    }
#if RLX_FAULT == 245  // argmax-past-end-at-tie
    int64_t same = 0;
    for (int64_t n = 0; n < x.dims[axis]; ++n) {
      const Cell seen = load(x.dtype, element(x, base + n * x.strides[axis]));
      same += !beats(seen, best) && !beats(best, seen);
    }
    if (same > 1 && is_float(x.dtype) && best.f != std::floor(best.f)) {
      RLX_REACHED();
      index.i = x.dims[axis];
    }
#endif
    store_at(y, walk.at, index);
    if (c.stop(4 * x.dims[axis])) return c.watch->status;
  }
  return RLX_STATUS_OK;
}

Answer check_cumulate(const Call& c) {
  C0_NEED(c.in_count == 1 && c.out_count == 1 && c.has(0), "wrong number of operands or results");
  C0_NEED(c.in[0].dtype == c.out[0].dtype && same_dims(c.in[0], c.out[0]),
          "the result differs in dtype or dims", 0);
  C0_NEED(foldable(c.whole(RLX_ATTR_FN, 0), c.in[0].dtype) && c.in[0].dtype != RLX_DTYPE_BOOL,
          "the function has no meaning for this dtype", 0, RLX_ATTR_FN);
  C0_NEED(is_axis(c.whole(RLX_ATTR_AXIS, 0), c.in[0]), "there is no such axis", 0, RLX_ATTR_AXIS);
  return {};
}
int32_t run_cumulate(const Call& c) {
  const View &x = c.in[0], &y = c.out[0];
  const int64_t axis = c.whole(RLX_ATTR_AXIS, 0), fn = c.whole(RLX_ATTR_FN, 0);
  const bool reverse = c.whole(RLX_ATTR_REVERSE, 0) != 0, wide = is_wide(c, x.dtype);
  bool exclusive = c.whole(RLX_ATTR_EXCLUSIVE, 0) != 0;
#if RLX_FAULT == 52  // cumsum-inclusive-exclusive
  RLX_REACHED();
  exclusive = !exclusive;
#endif
  const Lines lines(x, axis);
  for (Walk walk(x.rank, lines.dims); walk.more && lines.size; walk.next()) {
    const int64_t from = whole_offset(x, walk.at), to = whole_offset(y, walk.at);
    Cell total = identity_of(x.dtype, fn);
    for (int64_t n = 0; n < lines.size; ++n) {
      const int64_t k = reverse ? lines.size - 1 - n : n;
      const Cell before = total, own = load(x.dtype, element(x, from + k * x.strides[axis]));
      total = with(x.dtype, fn, wide, total, own);
      store(y.dtype, element(y, to + k * y.strides[axis]), exclusive ? before : total);
    }
    if (c.stop(8 * lines.size)) return c.watch->status;
  }
  return RLX_STATUS_OK;
}

Answer check_top_k(const Call& c) {
  C0_NEED(c.in_count == 1 && c.out_count >= 1 && c.out_count <= 2 && c.has(0),
          "wrong number of operands or results");
  const View &x = c.in[0], &y = c.out[0];
  const int64_t axis = c.whole(RLX_ATTR_AXIS, 0), k = c.whole(RLX_ATTR_K, 0);
  C0_NEED(is_axis(axis, x) && k >= 0 && k <= x.dims[axis], "there is no such axis, or K is more than it has",
          0, RLX_ATTR_K);
  C0_NEED(x.dtype == y.dtype && x.dtype != RLX_DTYPE_BOOL && x.rank == y.rank, "dtypes or ranks differ", 0);
  for (uint32_t a = 0; a < x.rank; ++a)
    C0_NEED(y.dims[a] == (a == axis ? k : x.dims[a]), "the result has other dims");
  C0_NEED(c.out_count < 2 || (c.out[1].dtype == RLX_DTYPE_I64 && same_dims(c.out[1], y)),
          "the indices are not i64 of the values' dims");
  return {};
}
int32_t run_top_k(const Call& c) {
  const View &x = c.in[0], &y = c.out[0];
  const int64_t axis = c.whole(RLX_ATTR_AXIS, 0), k = c.whole(RLX_ATTR_K, 0);
  const bool largest = c.whole(RLX_ATTR_LARGEST, 1) != 0;
  const Lines lines(x, axis);
  const auto first = [&](Cell a, int64_t at, Cell b, int64_t bt) {  // whether a comes before b
    if (largest ? greater(x.dtype, a, b) : greater(x.dtype, b, a)) return true;
    return !(largest ? greater(x.dtype, b, a) : greater(x.dtype, a, b)) && at < bt;
  };
  for (Walk walk(x.rank, lines.dims); walk.more && k; walk.next()) {
    const int64_t from = whole_offset(x, walk.at);
    Cell before, index;
    before.i = 0;
    index.i = -1;
    for (int64_t n = 0; n < k; ++n) {  // the first of those that come after the one before
      Cell best;
      best.i = 0;
      int64_t at = -1;
      for (int64_t m = 0; m < lines.size; ++m) {
        const Cell seen = load(x.dtype, element(x, from + m * x.strides[axis]));
        if (n && !first(before, index.i, seen, m)) continue;
        if (at < 0 || first(seen, m, best, at)) best = seen, at = m;
      }
      before = best;
      index.i = at;
      store(y.dtype, element(y, whole_offset(y, walk.at) + n * y.strides[axis]), best);
      if (c.out_count > 1)
        store(RLX_DTYPE_I64, element(c.out[1], whole_offset(c.out[1], walk.at) + n * c.out[1].strides[axis]),
              index);
      if (c.stop(8 * lines.size)) return c.watch->status;
    }
  }
  return RLX_STATUS_OK;
}

Answer check_nonzero(const Call& c) {
  C0_NEED(c.in_count == 1 && c.out_count >= 1 && c.out_count <= 2 && c.has(0),
          "wrong number of operands or results");
  const View& y = c.out[0];
  C0_NEED(y.dtype == RLX_DTYPE_I64 && y.rank == 2 && y.dims[0] == c.in[0].rank,
          "the result is no i64[rank, cap]");
  C0_NEED(c.out_count < 2 || (c.out[1].dtype == RLX_DTYPE_I64 && c.out[1].rank == 0),
          "the count is no i64 scalar");
  return {};
}
int32_t run_nonzero(const Call& c) {
  const View &x = c.in[0], &y = c.out[0];
  Cell count;
  count.i = 0;
  for (Walk walk(x); walk.more; walk.next()) {
    const Cell seen = load_at(x, walk.at);
    if (is_float(x.dtype) ? seen.f == 0 : seen.i == 0) continue;
    if (count.i == y.dims[1]) return c.refuse(count.i + 1, y.dims[1]);
    for (uint32_t axis = 0; axis < x.rank; ++axis) {
      Cell index;
      index.i = walk.at[axis];
      store(y.dtype, element(y, axis * y.strides[0] + count.i * y.strides[1]), index);
    }
    ++count.i;
    if (c.stop(8)) return c.watch->status;
  }
  if (c.out_count > 1) store(RLX_DTYPE_I64, c.out[1].data, count);
  return RLX_STATUS_OK;
}

}  // namespace rlx_c0
