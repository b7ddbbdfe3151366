// SPDX-License-Identifier: Apache-2.0
// Sliding windows: convolutions and pools.
#include <math.h>

#include "kernels.h"

namespace rlx_c0 {
namespace {

constexpr uint32_t kMostSpatial = 3;

/// A window over the spatial axes of x [N, C, s..].
struct Window {
  uint32_t rank;
  int64_t size[kMostSpatial], stride[kMostSpatial], dilation[kMostSpatial], spread[kMostSpatial],
      low[kMostSpatial], high[kMostSpatial];

  Window(const Call& c, const int64_t* sizes, bool spreads) : rank(c.in[0].rank - 2) {
    for (uint32_t a = 0; a < rank; ++a) {
      size[a] = sizes[a];
      stride[a] = c.entry(RLX_ATTR_STRIDES, a, 1);
      dilation[a] = c.entry(RLX_ATTR_DILATION, a, 1);
      spread[a] = spreads ? c.entry(RLX_ATTR_INPUT_DILATION, a, 1) : 1;
      low[a] = c.entry(RLX_ATTR_LOW, a, 0);
      high[a] = c.entry(RLX_ATTR_HIGH, a, 0);
    }
  }

  bool fits(const View& x, const View& y) const {
    for (uint32_t a = 0; a < rank; ++a) {
      if (size[a] < 1 || stride[a] < 1 || dilation[a] < 1 || spread[a] < 1) return false;
      if (size[a] >> 31 || stride[a] >> 31 || dilation[a] >> 31 || spread[a] >> 31) return false;
      const int64_t n = x.dims[2 + a], wide = (n > 0 ? n - 1 : 0) * (spread[a] - 1) + n;
      const int64_t room = wide + low[a] + high[a] - ((size[a] - 1) * dilation[a] + 1);
      if (room < 0 || y.dims[2 + a] != room / stride[a] + 1) return false;
    }
    return true;
  }

  /// The offset in a plane of x that tap `tap` of the window at `at` sees; false in the padding.
  bool sees(const View& x, const int64_t* at, const int64_t* tap, int64_t* offset) const {
    *offset = 0;
    for (uint32_t a = 0; a < rank; ++a) {
      int64_t place = at[a] * stride[a] + tap[a] * dilation[a] - low[a];
#if RLX_FAULT == 40  // conv-edge-replicate
      if (spread[a] == 1 && x.dims[2 + a] && (place < 0 || place >= x.dims[2 + a])) {
        RLX_REACHED();
        place = place < 0 ? 0 : x.dims[2 + a] - 1;
      }
#endif
      if (place < 0 || place % spread[a] || place / spread[a] >= x.dims[2 + a]) return false;
      *offset += place / spread[a] * x.strides[2 + a];
    }
    return true;
  }
};

Answer check_window(const Call& c, const View& y) {
  const View& x = c.in[0];
  uint32_t count = 0;
  const int64_t* sizes = c.list(RLX_ATTR_WINDOW, &count);
  C0_NEED(x.rank >= 3 && x.rank <= 2 + kMostSpatial && y.rank == x.rank, "x has no 1 to 3 spatial axes", 0);
  C0_NEED(sizes && count == x.rank - 2, "the window has another rank", 0, RLX_ATTR_WINDOW);
  C0_NEED(y.dims[0] == x.dims[0] && y.dims[1] == x.dims[1] && Window(c, sizes, false).fits(x, y),
          "the result has other dims");
  return {};
}

Answer check_convolution(const Call& c, const View& y) {
  const View &x = c.in[0], &w = c.in[1];
  const int64_t groups = c.whole(RLX_ATTR_GROUPS, 1);
  C0_NEED(x.rank >= 3 && x.rank <= 2 + kMostSpatial && w.rank == x.rank && y.rank == x.rank,
          "ranks differ, or are not 3 to 5", 1);
  C0_NEED(
      groups >= 1 && groups <= x.dims[1] + 1 && w.dims[1] * groups == x.dims[1] && w.dims[0] % groups == 0,
      "groups do not divide the channels", 1, RLX_ATTR_GROUPS);
  C0_NEED(y.dims[0] == x.dims[0] && y.dims[1] == w.dims[0] && Window(c, w.dims + 2, true).fits(x, y),
          "the result has other dims");
  return {};
}

/// One element of a convolution.
Cell convolved(const Call& c, const Window& window, const View& y, const int64_t* at, bool wide) {
  const View &x = c.in[0], &w = c.in[1];
  const int64_t groups = c.whole(RLX_ATTR_GROUPS, 1), channels = w.dims[1];
  int64_t group = w.dims[0] ? at[1] / (w.dims[0] / groups) : 0;
  const int64_t filter = at[1] * w.strides[0];
#if RLX_FAULT == 42  // group-conv-first-group
  if (group) {
    RLX_REACHED();
    group = 0;
  }
#endif
  Cell total;
  total.i = 0;
  for (Walk tap(window.rank, window.size); tap.more; tap.next()) {
    int64_t offset = 0, at_w = filter;
    if (!window.sees(x, at + 2, tap.at, &offset)) continue;
    for (uint32_t a = 0; a < window.rank; ++a) at_w += tap.at[a] * w.strides[2 + a];
    const char* px = element(x, at[0] * x.strides[0] + group * channels * x.strides[1] + offset);
    const char* pw = element(w, at_w);
    if (is_float(y.dtype)) {
      total.f = narrowed(wide, total.f + dot_of(c, x, px, x.strides[1], w, pw, w.strides[1], channels, wide));
      continue;
    }
    for (int64_t k = 0; k < channels; ++k)
      total.i += load_integer(x.dtype, px + k * x.strides[1] * x.bytes) *
                 load_integer(w.dtype, pw + k * w.strides[1] * w.bytes);
  }
  return total;
}

int64_t taps_of(const Call& c) { return count_of(c.in[1].rank - 2, c.in[1].dims + 2) * c.in[1].dims[1]; }

}  // namespace

Answer check_conv(const Call& c) {
  C0_NEED(c.in_count == 2 && c.out_count == 1 && c.has(0) && c.has(1), "wrong number of operands or results");
  const uint32_t a = c.in[0].dtype, b = c.in[1].dtype, y = c.out[0].dtype;
  const bool bytes = (a == RLX_DTYPE_I8 || a == RLX_DTYPE_U8) && (b == RLX_DTYPE_I8 || b == RLX_DTYPE_U8) &&
                     y == RLX_DTYPE_I32;
  C0_NEED(bytes || (is_float(a) && a == b && a == y),
          "neither floats of one dtype nor bytes with an i32 result", 1);
  return check_convolution(c, c.out[0]);
}
int32_t run_conv(const Call& c) {
  const View& y = c.out[0];
  const Window window(c, c.in[1].dims + 2, true);
  const bool wide = is_wide(c, y.dtype);
  const int64_t work = 4 * taps_of(c) + 20;
  for (Walk walk(y); walk.more; walk.next()) {
    store_at(y, walk.at, convolved(c, window, y, walk.at, wide));
    if (c.stop(work)) return c.watch->status;
  }
  return RLX_STATUS_OK;
}

Answer check_conv_act(const Call& c) {
  const bool bias = c.whole(RLX_ATTR_HAS_BIAS, 0) != 0, residual = c.whole(RLX_ATTR_HAS_RESIDUAL, 0) != 0;
  const int64_t act = c.whole(RLX_ATTR_ACT, 0);
  C0_NEED(c.in_count == 2u + bias + residual && c.out_count == 1, "wrong number of operands or results");
  for (uint32_t n = 0; n < c.in_count; ++n)
    C0_NEED(c.has(n) && is_float(c.in[n].dtype) && c.in[n].dtype == c.out[0].dtype,
            "an operand is absent or no float of x's dtype", n);
  C0_NEED(act >= 0 && act <= RLX_ACT_THRESHOLDED_RELU, "an unknown activation", RLX_NO_INDEX, RLX_ATTR_ACT);
  C0_NEED(!bias || (c.in[2].rank == 1 && c.in[2].dims[0] == c.out[0].dims[1]), "the bias does not fit", 2);
  C0_NEED(!residual || same_dims(c.in[c.in_count - 1], c.out[0]), "the residual has other dims",
          c.in_count - 1);
  return check_convolution(c, c.out[0]);
}
int32_t run_conv_act(const Call& c) {
  const View& y = c.out[0];
  const bool bias = c.whole(RLX_ATTR_HAS_BIAS, 0) != 0, residual = c.whole(RLX_ATTR_HAS_RESIDUAL, 0) != 0;
  const int64_t act = c.whole(RLX_ATTR_ACT, 0);
  const double alpha = c.real(RLX_ATTR_ACT_ALPHA, NAN), beta = c.real(RLX_ATTR_ACT_BETA, NAN);
  const Window window(c, c.in[1].dims + 2, true);
  const bool wide = is_wide(c, y.dtype);
  const int64_t work = 4 * taps_of(c) + 20;
  for (Walk walk(y); walk.more; walk.next()) {
    double z = convolved(c, window, y, walk.at, wide).f;
    if (bias) z = narrowed(wide, z + load_real(y.dtype, element(c.in[2], walk.at[1] * c.in[2].strides[0])));
    if (residual) z = narrowed(wide, z + load_real(y.dtype, element_at(c.in[c.in_count - 1], walk.at)));
    store_real(y.dtype, element_at(y, walk.at), activation(y.dtype, act, alpha, beta, z));
    if (c.stop(work)) return c.watch->status;
  }
  return RLX_STATUS_OK;
}

// ---- pools
// ------------------------------------------------------------------------------------------------------------------

namespace {

const int64_t* window_sizes(const Call& c) {
  uint32_t count = 0;
  return c.list(RLX_ATTR_WINDOW, &count);
}

/// The row-major number of a tap's element in its plane.
int64_t place_in_plane(const Window& window, const View& x, const int64_t* at, const int64_t* tap) {
  int64_t place = 0;
  for (uint32_t a = 0; a < window.rank; ++a)
    place = place * x.dims[2 + a] + at[a] * window.stride[a] + tap[a] * window.dilation[a] - window.low[a];
  return place;
}

}  // namespace

Answer check_reduce_window(const Call& c) {
  const int64_t fn = c.whole(RLX_ATTR_FN, 0);
  C0_NEED(c.in_count == 1 && c.has(0) && c.out_count >= 1 && c.out_count <= 2,
          "wrong number of operands or results");
  C0_NEED(fn == RLX_REDUCE_SUM || fn == RLX_REDUCE_MAX, "neither sum nor max", 0, RLX_ATTR_FN);
  C0_NEED(c.in[0].dtype == c.out[0].dtype && c.in[0].dtype != RLX_DTYPE_BOOL,
          "dtypes differ, or are no numbers", 0);
  C0_NEED(c.out_count == 1 ||
              (fn == RLX_REDUCE_MAX && c.out[1].dtype == RLX_DTYPE_I64 && same_dims(c.out[0], c.out[1])),
          "the index is not i64 of the result's dims");
  return check_window(c, c.out[0]);
}
int32_t run_reduce_window(const Call& c) {
  const View &x = c.in[0], &y = c.out[0];
  const Window window(c, window_sizes(c), false);
  const int64_t fn = c.whole(RLX_ATTR_FN, 0), work = 10 * count_of(window.rank, window.size) + 20;
  const bool wide = is_wide(c, x.dtype);
  for (Walk walk(y); walk.more; walk.next()) {
    Cell total = identity_of(x.dtype, fn), index;
    index.i = 0;
    bool any = false;
    for (Walk tap(window.rank, window.size); tap.more; tap.next()) {
      int64_t offset = 0;
      if (!window.sees(x, walk.at + 2, tap.at, &offset)) continue;
      const Cell seen =
          load(x.dtype, element(x, walk.at[0] * x.strides[0] + walk.at[1] * x.strides[1] + offset));
      const bool first_nan = is_float(x.dtype) && isnan(seen.f) && !isnan(total.f);
      if (!any || first_nan || compare(x.dtype, RLX_COMPARE_GT, seen, total))
        index.i = place_in_plane(window, x, walk.at + 2, tap.at);
      any = true;
      total = folded(x.dtype, fn, total, seen);
      if (is_float(x.dtype)) total.f = narrowed(wide, total.f);
    }
    store_at(y, walk.at, total);
    if (c.out_count > 1) store_at(c.out[1], walk.at, index);
    if (c.stop(work)) return c.watch->status;
  }
  return RLX_STATUS_OK;
}

Answer check_avg_pool(const Call& c) {
  C0_NEED(c.in_count == 1 && c.out_count == 1 && c.has(0), "wrong number of operands or results");
  C0_NEED(is_float(c.in[0].dtype) && c.in[0].dtype == c.out[0].dtype, "dtypes differ, or are no floats", 0);
  return check_window(c, c.out[0]);
}
int32_t run_avg_pool(const Call& c) {
  const View &x = c.in[0], &y = c.out[0];
  const Window window(c, window_sizes(c), false);
  const int64_t whole = count_of(window.rank, window.size), work = 10 * whole + 20;
  const bool wide = is_wide(c, x.dtype), padding = c.whole(RLX_ATTR_COUNT_INCLUDE_PAD, 0) != 0;
  for (Walk walk(y); walk.more; walk.next()) {
    double sum = 0;
    int64_t seen = 0;
    for (Walk tap(window.rank, window.size); tap.more; tap.next()) {
      int64_t offset = 0;
      if (!window.sees(x, walk.at + 2, tap.at, &offset)) continue;
      sum = narrowed(wide, sum + load_real(x.dtype, element(x, walk.at[0] * x.strides[0] +
                                                                   walk.at[1] * x.strides[1] + offset)));
      ++seen;
    }
    store_real(y.dtype, element_at(y, walk.at), sum / static_cast<double>(padding ? whole : seen));
    if (c.stop(work)) return c.watch->status;
  }
  return RLX_STATUS_OK;
}

}  // namespace rlx_c0
