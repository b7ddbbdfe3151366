// SPDX-License-Identifier: Apache-2.0
// Kernels that look at the elements of a line one by one: positions of extremes, running folds, the k first,
// non-zeros.
#include <algorithm>

#include "block.h"
#include "fold.h"
#include "reduction.h"

namespace rlx_cpu {
namespace {

// The origin of line `item` along `axis`.
char* line_at(const View& view, uint32_t axis, int64_t item) {
  const View rest = drop_axes(view, 1u << axis);
  return element_at(view, offset_of(item, rest.rank, rest.dims, rest.strides));
}

View line_view(const View& view, uint32_t axis, int64_t item) {
  View line = sub_view(view, axis, axis + 1, 0);
  line.data = line_at(view, axis, item);
  return line;
}

// True if a comes before b; NaN is the largest of all.
template <class W>
bool before(W a, W b, bool largest) {
  if (a != a || b != b) return largest ? a != a && b == b : a == a && b != b;
  return largest ? a > b : a < b;
}

template <class W>
int64_t extreme_of(const View& line, bool largest, bool last) {
  alignas(64) char scratch[kBlockBytes];
  alignas(64) W wide[kBlock];
  Cursor from(line, 0);
  W best{};
  int64_t found = 0;
  bool stuck = false;  // on a NaN, which only a later one beats
  for (int64_t at = 0, n; at < line.dims[0]; at += n) {
    n = std::min(kBlock, line.dims[0] - at);
    widen(line.dtype, from.read(n, scratch), wide, n);
    for (int64_t i = 0; i < n; ++i) {
      const W value = wide[i];
      const bool nan = value != value;
      const bool beats = at + i == 0 || (largest ? value > best : value < best) || (last && value == best);
      const bool better = stuck ? last && nan : nan || beats;
      if (!better) continue;
      stuck = nan;
      best = value;
      found = at + i;
    }
  }
  return found;
}

}  // namespace

int64_t line_items(const View& x, uint32_t axis) { return element_count(drop_axes(x, 1u << axis)); }

KernelStatus arg_reduce(uint32_t fn, uint32_t axis, uint32_t tie, const View& x, const View& y, Range range) {
  if (!is_known(x.dtype) || (fn != RLX_REDUCE_MAX && fn != RLX_REDUCE_MIN)) return unsupported(fn, x.dtype);
  if (y.dtype != RLX_DTYPE_I64 && y.dtype != RLX_DTYPE_I32) return unsupported(fn, y.dtype);
  if (axis >= x.rank) return invalid(0, axis, x.rank);
  if (element_count(y) != line_items(x, axis)) return invalid(0, element_count(y), line_items(x, axis));
  if (range.begin >= range.end) return {};
  Cursor to(y, range.begin);
  for (int64_t item = range.begin; item < range.end; ++item) {
    const View line = line_view(x, axis, item);
    const int64_t found = with_wide(x.dtype, [&](auto zero) {
      return extreme_of<decltype(zero)>(line, fn == RLX_REDUCE_MAX, tie == RLX_TIE_LAST);
    });
    alignas(8) char element[8];
    narrow(y.dtype, &found, to.target(1, element), 1);
    to.commit(1, element);
  }
  return {};
}

namespace {

template <class Fold, class W>
void cumulate_line(const View& x, const CumulateAttrs& attrs, W sum, const View& y) {
  const int64_t count = x.dims[0];
  alignas(64) char scratch[kBlockBytes];
  alignas(64) char out[kBlockBytes];
  alignas(64) W wide[kBlock];
  Cursor from(x, 0);
  Cursor to(y, 0);
  for (int64_t at = 0, n; at < count; at += n) {
    n = std::min(kBlock, count - at);
    widen(x.dtype, from.read(n, scratch), wide, n);
    for (int64_t i = 0; i < n; ++i) {
      const W next = Fold::fold(sum, wide[i]);
      wide[i] = attrs.exclusive ? sum : next;
      sum = next;
    }
    narrow(y.dtype, wide, to.target(n, out), n);
    to.commit(n, out);
  }
}

View reversed(View line) {
  line.data = element_at(line, (line.dims[0] - 1) * line.strides[0]);
  line.strides[0] = -line.strides[0];
  return line;
}

}  // namespace

KernelStatus cumulate(const View& x, const CumulateAttrs& attrs, const View& y, Range range) {
  if (!is_known(x.dtype) || x.dtype == RLX_DTYPE_BOOL) return unsupported(attrs.fn, x.dtype);
  if (attrs.fn < RLX_REDUCE_SUM || attrs.fn > RLX_REDUCE_MIN) return unsupported(attrs.fn, x.dtype);
  if (y.dtype != x.dtype || y.rank != x.rank) return invalid(0, y.dtype, x.dtype);
  if (attrs.axis >= x.rank) return invalid(0, attrs.axis, x.rank);
  if (x.dims[attrs.axis] == 0) return {};
  for (int64_t item = range.begin; item < range.end; ++item) {
    View from = line_view(x, attrs.axis, item);
    View to = line_view(y, attrs.axis, item);
    if (attrs.reverse) {
      from = reversed(from);
      to = reversed(to);
    }
    with_wide(x.dtype, [&](auto zero) {
      using W = decltype(zero);
      (void)with_fold(attrs.fn, [&](auto fold) {
        cumulate_line<decltype(fold)>(from, attrs, fold_identity<W>(attrs.fn, x.dtype), to);
      });
    });
  }
  return {};
}

namespace {

/// `line` and `order` have room for an element of the line each.
template <class W>
void top_k_line(const View& x, bool largest, const View& values, const View& indices, W* line, int64_t* order) {
  alignas(64) char scratch[kBlockBytes];
  const int64_t count = x.dims[0];
  const int64_t k = values.dims[0];
  Cursor from(x, 0);
  for (int64_t at = 0, n; at < count; at += n) {
    n = std::min(kBlock, count - at);
    widen(x.dtype, from.read(n, scratch), line + at, n);
  }
  for (int64_t i = 0; i < count; ++i) order[i] = i;
  std::partial_sort(order, order + k, order + count, [&](int64_t a, int64_t b) {
    if (before(line[a], line[b], largest)) return true;
    return !before(line[b], line[a], largest) && a < b;
  });
  for (int64_t i = 0; i < k; ++i) {
    narrow(values.dtype, &line[order[i]], element_at(values, i * values.strides[0]), 1);
    narrow(indices.dtype, &order[i], element_at(indices, i * indices.strides[0]), 1);
  }
}

}  // namespace

uint64_t top_k_scratch_bytes(const View& x, const TopKAttrs& attrs) { return uint64_t(x.dims[attrs.axis]) * 2 * sizeof(int64_t); }

KernelStatus top_k(const View& x, const TopKAttrs& attrs, const View& values, const View& indices,
                   Range range, char* scratch) {
  if (!is_known(x.dtype)) return unsupported(0, x.dtype);
  if (indices.dtype != RLX_DTYPE_I64 && indices.dtype != RLX_DTYPE_I32) return unsupported(0, indices.dtype);
  if (values.dtype != x.dtype || values.rank != x.rank || indices.rank != x.rank)
    return invalid(0, values.dtype, x.dtype);
  if (attrs.axis >= x.rank) return invalid(0, attrs.axis, x.rank);
  const int64_t k = values.dims[attrs.axis];
  if (k > x.dims[attrs.axis] || indices.dims[attrs.axis] != k)
    return invalid(attrs.axis, k, x.dims[attrs.axis]);
  with_wide(x.dtype, [&](auto zero) {
    using W = decltype(zero);
    static_assert(sizeof(W) == sizeof(int64_t));
    W* const line = reinterpret_cast<W*>(scratch);
    int64_t* const order = reinterpret_cast<int64_t*>(scratch) + x.dims[attrs.axis];
    for (int64_t item = range.begin; item < range.end; ++item) {
      top_k_line(line_view(x, attrs.axis, item), attrs.largest, line_view(values, attrs.axis, item),
                 line_view(indices, attrs.axis, item), line, order);
    }
  });
  return {};
}

KernelStatus nonzero(const View& x, const View& indices, const View& count, Range range) {
  if (!is_known(x.dtype)) return unsupported(0, x.dtype);
  if (indices.dtype != RLX_DTYPE_I64 || count.dtype != RLX_DTYPE_I64)
    return invalid(0, indices.dtype, RLX_DTYPE_I64);
  if (indices.rank != 2 || indices.dims[0] != int64_t(x.rank)) return invalid(0, indices.rank, 2);
  if (range.begin >= range.end) return {};
  const int64_t total = element_count(x);
  const int64_t cap = indices.dims[1];
  const auto slot = [&](uint32_t d, int64_t column) {
    return reinterpret_cast<int64_t*>(
        element_at(indices, int64_t(d) * indices.strides[0] + column * indices.strides[1]));
  };
  alignas(64) char scratch[kBlockBytes];
  alignas(64) uint8_t flags[kBlock];
  int64_t found = 0;
  Cursor from = total > 0 ? Cursor(x, 0) : Cursor();
  for (int64_t at = 0, n; at < total; at += n) {
    n = std::min(kBlock, total - at);
    (void)block_cast(x.dtype, RLX_DTYPE_BOOL, 0, 0, from.read(n, scratch), flags, n);
    for (int64_t i = 0; i < n; ++i) {
      if (!flags[i]) continue;
      int64_t rest = at + i;
      for (uint32_t d = x.rank; d-- > 0 && found < cap;) {
        *slot(d, found) = rest % x.dims[d];
        rest /= x.dims[d];
      }
      ++found;
    }
  }
  for (uint32_t d = 0; d < x.rank; ++d) {
    for (int64_t column = std::min(found, cap); column < cap; ++column) *slot(d, column) = 0;
  }
  *static_cast<int64_t*>(count.data) = found;
  if (found > cap) return {RLX_STATUS_DATA_ERROR, 0, found, cap};
  return {};
}

}  // namespace rlx_cpu
