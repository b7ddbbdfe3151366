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
    const int64_t plane = rest;  // image * channels + channel
    const int64_t channel = rest % y_.dims[1];
    descend(2, rest / y_.dims[1] * x_.strides[0] + channel * x_.strides[1], plane, tap);
  }

  // Elements of the window that lie in x or its border, for the divisor of a mean.
  int64_t padded_count(int64_t item) const {
    int64_t count = 1;
    for (uint32_t d = y_.rank; d-- > 2;) {
      const uint32_t s = d - 2;
      const int64_t start = item % y_.dims[d] * attrs_.strides[s];
      const int64_t room = attrs_.low[s] + x_.dims[d] + attrs_.high[s] - start;
      const int64_t fit = room <= 0 ? 0 : (room - 1) / attrs_.dilation[s] + 1;
      count *= std::min(attrs_.window[s], fit);
      item /= y_.dims[d];
    }
    return count;
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
      if (attrs.window[s] < 1 || attrs.strides[s] < 1 || attrs.dilation[s] < 1) return invalid(d, attrs.window[s], 1);
      const int64_t room = x.dims[d] + attrs.low[s] + attrs.high[s] - (attrs.window[s] - 1) * attrs.dilation[s] - 1;
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

}  // namespace

KernelStatus reduce_window(uint32_t fn, const View& x, const WindowAttrs& attrs, const View& y, const View* index,
                           Range range) {
  if (fn != RLX_REDUCE_MAX && fn != RLX_REDUCE_SUM) return unsupported(fn, x.dtype);
  const KernelStatus status = check(fn, x, attrs, y);
  if (!status.ok()) return status;
  if (index != nullptr && index->dtype != RLX_DTYPE_I64) return invalid(0, index->dtype, RLX_DTYPE_I64);
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
      if (index != nullptr) put(*index, item, found);
    }
  });
  return {};
}

KernelStatus avg_pool(const View& x, const WindowAttrs& attrs, bool count_include_pad, const View& y, Range range) {
  if (!is_float(x.dtype)) return unsupported(RLX_REDUCE_SUM, x.dtype);
  const KernelStatus status = check(RLX_REDUCE_SUM, x, attrs, y);
  if (!status.ok()) return status;
  WindowWalker walker(x, attrs, y);
  for (int64_t item = range.begin; item < range.end; ++item) {
    double sum = 0;
    int64_t count = 0;
    walker.visit(item, [&](int64_t offset, int64_t) {
      sum += load<double>(x, offset);
      ++count;
    });
    if (count_include_pad) count = walker.padded_count(item);
    put(y, item, count == 0 ? 0.0 : sum / double(count));
  }
  return {};
}

}  // namespace rlx_cpu
