// SPDX-License-Identifier: Apache-2.0
// Concatenation and padding.
#include <algorithm>
#include <cstring>

#include "block.h"
#include "movement.h"
#include "rlx/ops.h"

namespace rlx_cpu {

KernelStatus concat(const View* xs, uint32_t count, uint32_t axis, const View& y, Range range) {
  const int64_t bytes = element_bytes(y.dtype);
  if (bytes == 0) return unsupported(0, y.dtype);
  if (axis >= y.rank) return invalid(0, axis, y.rank);
  int64_t extent = 0;
  for (uint32_t i = 0; i < count; ++i) {
    if (xs[i].dtype != y.dtype || xs[i].rank != y.rank) return invalid(i, xs[i].dtype, y.dtype);
    extent += xs[i].dims[axis];
  }
  if (extent != y.dims[axis]) return invalid(axis, extent, y.dims[axis]);
  if (range.begin >= range.end) return {};
  int64_t inner = 1;
  for (uint32_t d = axis + 1; d < y.rank; ++d) inner *= y.dims[d];
  const int64_t chunk = extent * inner;  // elements of y per outer index
  int64_t offset = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const int64_t length = xs[i].dims[axis] * inner;
    if (length == 0) continue;
    Cursor from(xs[i], 0);
    Cursor to(y, 0);
    for (int64_t outer = range.begin / chunk; outer * chunk < range.end; ++outer) {
      const int64_t first = std::max(range.begin, outer * chunk + offset);
      const int64_t last = std::min(range.end, outer * chunk + offset + length);
      if (first >= last) continue;
      from.seek(outer * length + first - outer * chunk - offset);
      to.seek(first);
      copy_run(from, to, bytes, last - first);
    }
    offset += length;
  }
  return {};
}

namespace {

constexpr int64_t kOutside = -1;

// The coordinate of x that coordinate `at` of y shows, or kOutside for the fill value.
int64_t padded_source(int64_t at, int64_t extent, int64_t interior, uint32_t mode) {
  if (extent == 0) return kOutside;
  const int64_t step = interior + 1;
  const int64_t spread = (extent - 1) * step + 1;  // extent with the holes
  if (at < 0 || at >= spread) {
    if (mode == RLX_PAD_CONST) return kOutside;
    if (mode == RLX_PAD_EDGE) {
      at = at < 0 ? 0 : spread - 1;
    } else if (mode == RLX_PAD_WRAP) {
      at = (at % spread + spread) % spread;
    } else {
      const int64_t period = std::max<int64_t>(1, 2 * (spread - 1));
      at = (at % period + period) % period;
      if (at >= spread) at = period - at;
    }
  }
  return at % step == 0 ? at / step : kOutside;
}

class Padder {
 public:
  Padder(const View& x, const View& value, const PadAttrs& attrs, const View& y)
      : x_(x), value_(value), attrs_(attrs), y_(y), last_(y.rank - 1), bytes_(element_bytes(y.dtype)) {}

  // Elements [first, last) of the row of y with this flat row number.
  void row(int64_t row, int64_t first, int64_t last) {
    int64_t source = 0;
    int64_t target = 0;
    bool inside = true;
    for (uint32_t d = last_; d-- > 0;) {
      const int64_t at = row % y_.dims[d];
      row /= y_.dims[d];
      target += at * y_.strides[d];
      const int64_t from = source_of(d, at);
      inside = inside && from != kOutside;
      source += from * x_.strides[d];
    }
    for (int64_t i = first; i < last;) {
      const int64_t from = inside ? source_of(last_, i) : kOutside;
      const int64_t run = from == kOutside ? 1 : run_from(i, last);
      move(from == kOutside ? nullptr : element_at(x_, source + from * x_.strides[last_]),
           element_at(y_, target + i * y_.strides[last_]), run);
      i += run;
    }
  }

 private:
  int64_t source_of(uint32_t d, int64_t at) const {
    return padded_source(at - attrs_.low[d], x_.dims[d], attrs_.interior[d], attrs_.mode);
  }
  // How many elements of the row from i on come from neighbours in x.
  int64_t run_from(int64_t i, int64_t last) const {
    const int64_t end = attrs_.low[last_] + x_.dims[last_];
    return attrs_.interior[last_] == 0 && i >= attrs_.low[last_] && i < end ? std::min(last, end) - i : 1;
  }
  void move(const char* from, char* to, int64_t n) const {
    if (from == nullptr) {
      std::memcpy(to, value_.data, size_t(bytes_));
    } else if (x_.strides[last_] == 1 && y_.strides[last_] == 1) {
      std::memcpy(to, from, size_t(n * bytes_));
    } else {
      for (int64_t i = 0; i < n; ++i) {
        std::memcpy(to + i * y_.strides[last_] * bytes_, from + i * x_.strides[last_] * bytes_,
                    size_t(bytes_));
      }
    }
  }

  const View& x_;
  const View& value_;
  const PadAttrs& attrs_;
  const View& y_;
  uint32_t last_;
  int64_t bytes_;
};

}  // namespace

KernelStatus pad(const View& x, const View& value, const PadAttrs& attrs, const View& y, Range range) {
  if (element_bytes(y.dtype) == 0) return unsupported(0, y.dtype);
  if (attrs.mode > RLX_PAD_WRAP) return unsupported(attrs.mode, y.dtype);
  if (x.dtype != y.dtype || value.dtype != y.dtype || x.rank != y.rank) return invalid(0, x.dtype, y.dtype);
  for (uint32_t d = 0; d < x.rank; ++d) {
    if (attrs.interior[d] < 0) return invalid(d, attrs.interior[d], 0);
    const int64_t spread = x.dims[d] == 0 ? 0 : (x.dims[d] - 1) * (attrs.interior[d] + 1) + 1;
    const int64_t wanted = std::max<int64_t>(0, spread + attrs.low[d] + attrs.high[d]);
    if (y.dims[d] != wanted) return invalid(d, y.dims[d], wanted);
  }
  if (range.begin >= range.end) return {};
  if (x.rank == 0) {
    copy_flat(x, 0, y, 0, 1);
    return {};
  }
  const int64_t width = y.dims[y.rank - 1];
  Padder padder(x, value, attrs, y);
  for (int64_t row = range.begin / width; row * width < range.end; ++row) {
    padder.row(row, std::max<int64_t>(0, range.begin - row * width),
               std::min(width, range.end - row * width));
  }
  return {};
}

}  // namespace rlx_cpu
