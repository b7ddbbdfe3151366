// SPDX-License-Identifier: Apache-2.0
// Pooling windows: max with position, sum, mean.
#include <algorithm>

#include "block.h"
#include "fold.h"
#include "reduction.h"

namespace rlx_cpu {
namespace {

// Calls tap(offset in x, flat position in x's spatial plane) for each element under the window of one output.
class WindowWalker {
 public:
  WindowWalker(const View& x, const WindowAttrs& attrs, const View& y) : x_(x), attrs_(attrs), y_(y) {}

  template <class Tap>
  void visit(int64_t item, Tap tap) {
    int64_t rest = item;
    for (uint32_t d = y_.rank; d-- > 2;) {
      at_[d] = rest % y_.dims[d] * attrs_.strides[d - 2] - attrs_.low[d - 2];
      rest /= y_.dims[d];
    }
    const int64_t channel = rest % y_.dims[1];
    descend(2, rest / y_.dims[1] * x_.strides[0] + channel * x_.strides[1], 0, tap);
  }

 private:
  template <class Tap>
  void descend(uint32_t d, int64_t offset, int64_t position, Tap& tap) {
    if (d == x_.rank || d >= RLX_MAX_RANK) {
      tap(offset, position);
      return;
    }
    for (int64_t k = 0; k < attrs_.window[d - 2]; ++k) {
      const int64_t i = at_[d] + k * attrs_.dilation[d - 2];
      if (i < 0 || i >= x_.dims[d]) continue;
      descend(d + 1, offset + i * x_.strides[d], position * x_.dims[d] + i, tap);
    }
  }

  const View& x_;
  const WindowAttrs& attrs_;
  const View& y_;
  int64_t at_[RLX_MAX_RANK] = {};
};

KernelStatus check(uint32_t fn, const View& x, const WindowAttrs& attrs, const View& y) {
  if (!is_known(x.dtype) || x.dtype == RLX_DTYPE_BOOL) return unsupported(fn, x.dtype);
  if (y.dtype != x.dtype || y.rank != x.rank) return invalid(0, y.dtype, x.dtype);
  if (x.rank < 3) return invalid(0, x.rank, 3);
  for (uint32_t d = 0; d < x.rank; ++d) {
    int64_t wanted = x.dims[d];
    if (d >= 2) {
      const uint32_t s = d - 2;
      if (attrs.window[s] < 1 || attrs.strides[s] < 1 || attrs.dilation[s] < 1)
        return invalid(d, attrs.window[s], 1);
      const int64_t room =
          x.dims[d] + attrs.low[s] + attrs.high[s] - (attrs.window[s] - 1) * attrs.dilation[s] - 1;
      wanted = room < 0 ? 0 : room / attrs.strides[s] + 1;
    }
    if (y.dims[d] != wanted) return invalid(d, y.dims[d], wanted);
  }
  return {};
}

template <class W>
W load(const View& x, int64_t offset) {
  W value;
  widen(x.dtype, element_at(x, offset), &value, 1);
  return value;
}

template <class W>
void put(const View& y, int64_t item, W value) {
  narrow(y.dtype, &value, element_at(y, offset_of(item, y.rank, y.dims, y.strides)), 1);
}

// A block of one output row at a time, without positions: each tap of the window folds a strided line of x
// into it.
template <class Fold, class W>
class RowFolder {
 public:
  RowFolder(const View& x, const WindowAttrs& attrs, const View& y)
      : x_(x), attrs_(attrs), y_(y), last_(x.rank - 1) {}

  // Outputs [first, first + n) of the row of y with this flat row number; n <= kBlock.
  W* row(int64_t row, int64_t first, int64_t n, W identity) {
    std::fill_n(sums_, n, identity);
    first_ = first;
    count_ = n;
    for (uint32_t d = last_; d-- > 2;) {
      at_[d] = row % y_.dims[d] * attrs_.strides[d - 2] - attrs_.low[d - 2];
      row /= y_.dims[d];
    }
    descend(2, row / y_.dims[1] * x_.strides[0] + row % y_.dims[1] * x_.strides[1]);
    return sums_;
  }

 private:
  void descend(uint32_t d, int64_t offset) {
    if (d >= last_ || d >= RLX_MAX_RANK) {
      for (int64_t k = 0; k < attrs_.window[last_ - 2]; ++k) tap(offset, k);
      return;
    }
    for (int64_t k = 0; k < attrs_.window[d - 2]; ++k) {
      const int64_t i = at_[d] + k * attrs_.dilation[d - 2];
      if (i >= 0 && i < x_.dims[d]) descend(d + 1, offset + i * x_.strides[d]);
    }
  }

  void tap(int64_t offset, int64_t k) {
    const int64_t stride = attrs_.strides[last_ - 2];
    const int64_t origin =
        k * attrs_.dilation[last_ - 2] - attrs_.low[last_ - 2];  // x coordinate = o * stride + origin
    const int64_t begin = std::max(first_, ceil_div(-origin, stride));
    const int64_t end = std::min(first_ + count_, ceil_div(x_.dims[last_] - origin, stride));
    if (begin >= end) return;
    View line;
    line.dtype = x_.dtype;
    line.rank = 1;
    line.dims[0] = end - begin;
    line.strides[0] = stride * x_.strides[last_];
    line.data = element_at(x_, offset + (begin * stride + origin) * x_.strides[last_]);
    widen(line.dtype, Cursor(line, 0).read(end - begin, scratch_), values_, end - begin);
    W* sums = sums_ + (begin - first_);
    for (int64_t i = 0; i < end - begin; ++i) sums[i] = Fold::fold(sums[i], values_[i]);
  }

  const View& x_;
  const WindowAttrs& attrs_;
  const View& y_;
  uint32_t last_;
  int64_t first_ = 0;
  int64_t count_ = 0;
  int64_t at_[RLX_MAX_RANK] = {};
  alignas(64) char scratch_[kBlockBytes];
  alignas(64) W values_[kBlock];
  alignas(64) W sums_[kBlock];
};

// finish(sums, first output, n) may change the sums before they are rounded.
template <class Fold, class W, class Finish>
void fold_rows(uint32_t fn, const View& x, const WindowAttrs& attrs, const View& y, Range range,
               Finish finish) {
  RowFolder<Fold, W> folder(x, attrs, y);
  const int64_t width = y.dims[y.rank - 1];
  alignas(64) char scratch[kBlockBytes];
  Cursor to(y, range.begin);
  for (int64_t at = range.begin, n; at < range.end; at += n) {
    n = std::min(std::min(kBlock, width - at % width), range.end - at);
    W* sums = folder.row(at / width, at % width, n, fold_identity<W>(fn, x.dtype));
    finish(sums, at, n);
    narrow(y.dtype, sums, to.target(n, scratch), n);
    to.commit(n, scratch);
  }
}

// How many elements of the window of output `item` lie in x, or in x and its border.
int64_t tap_count(const View& x, const WindowAttrs& attrs, const View& y, int64_t item, bool with_border) {
  int64_t count = 1;
  for (uint32_t d = y.rank; d-- > 2;) {
    const uint32_t s = d - 2;
    const int64_t start = item % y.dims[d] * attrs.strides[s] - attrs.low[s];  // of the window, in x
    const int64_t end = x.dims[d] + (with_border ? attrs.high[s] : 0);
    const int64_t first = with_border ? 0 : std::max<int64_t>(0, ceil_div(-start, attrs.dilation[s]));
    const int64_t last = std::min(attrs.window[s], ceil_div(end - start, attrs.dilation[s]));
    count *= std::max<int64_t>(0, last - first);
    item /= y.dims[d];
  }
  return count;
}

}  // namespace

KernelStatus reduce_window(uint32_t fn, const View& x, const WindowAttrs& attrs, const View& y,
                           const View* index, Range range) {
  if (fn != RLX_REDUCE_MAX && fn != RLX_REDUCE_SUM) return unsupported(fn, x.dtype);
  const KernelStatus status = check(fn, x, attrs, y);
  if (!status.ok()) return status;
  if (index != nullptr && index->dtype != RLX_DTYPE_I64) return invalid(0, index->dtype, RLX_DTYPE_I64);
  if (range.begin >= range.end) return {};
  if (index == nullptr) {
    with_wide(x.dtype, [&](auto zero) {
      using W = decltype(zero);
      const auto keep = [](W*, int64_t, int64_t) {};
      if (fn == RLX_REDUCE_MAX) {
        fold_rows<FoldMax, W>(fn, x, attrs, y, range, keep);
      } else {
        fold_rows<FoldSum, W>(fn, x, attrs, y, range, keep);
      }
    });
    return {};
  }
  WindowWalker walker(x, attrs, y);
  with_wide(x.dtype, [&](auto zero) {
    using W = decltype(zero);
    for (int64_t item = range.begin; item < range.end; ++item) {
      W best = fold_identity<W>(fn, x.dtype);
      int64_t found = -1;
      walker.visit(item, [&](int64_t offset, int64_t position) {
        const W value = load<W>(x, offset);
        if (fn == RLX_REDUCE_SUM) {
          best = FoldSum::fold(best, value);
        } else if (found < 0 || value > best || (value != value && best == best)) {
          best = value;
          found = position;
        }
      });
      put(y, item, best);
      put(*index, item, found);
    }
  });
  return {};
}

KernelStatus avg_pool(const View& x, const WindowAttrs& attrs, bool count_include_pad, const View& y,
                      Range range) {
  if (!is_float(x.dtype)) return unsupported(RLX_REDUCE_SUM, x.dtype);
  const KernelStatus status = check(RLX_REDUCE_SUM, x, attrs, y);
  if (!status.ok()) return status;
  if (range.begin >= range.end) return {};
  const auto divide = [&](double* sums, int64_t first, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      const int64_t count = tap_count(x, attrs, y, first + i, count_include_pad);
      sums[i] = count == 0 ? 0.0 : sums[i] / double(count);
    }
  };
  fold_rows<FoldSum, double>(RLX_REDUCE_SUM, x, attrs, y, range, divide);
  return {};
}

}  // namespace rlx_cpu
