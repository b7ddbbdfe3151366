// SPDX-License-Identifier: Apache-2.0
// softmax along an axis, layer_norm and rms_norm over the axes from one on.
#include <math.h>

#include "kernels.h"

namespace rlx_c0 {
namespace {

int64_t norm_axis(const Call& c) { return c.whole(RLX_ATTR_AXIS, static_cast<int64_t>(c.in[0].rank) - 1); }

/// One line of x along an axis.
struct Line {
  const View& x;
  int64_t at, stride, size;
  double value(int64_t n) const { return load_real(x.dtype, element(x, at + n * stride)); }
};

struct Shares {
  double greatest, sum;
};

/// exp of a difference.
double share_of(double moved) {
#ifdef RLX_C0_ONLINE
  return exp2(moved * M_LOG2E);
#else
  return exp(moved);
#endif
}

#ifdef RLX_C0_ONLINE
Shares shares_of(const Line& line, bool wide) {
  Shares s = {-static_cast<double>(INFINITY), 0};
  for (int64_t n = 0; n < line.size; ++n) {
    const double v = line.value(n);
    if (isnan(v) || v > s.greatest) {
      s.sum = narrowed(wide, s.sum * narrowed(wide, share_of(s.greatest - v)));
      s.greatest = v;
    }
    // Before the first number there is nothing to count; a row of -inf alone ends with the sum 0.
    if (v == s.greatest && isinf(v) && v < 0) continue;
    s.sum = narrowed(wide, s.sum + narrowed(wide, share_of(v - s.greatest)));
  }
  return s;
}
#else
Shares shares_of(const Line& line, bool wide) {
  Shares s = {-static_cast<double>(INFINITY), 0};
  for (int64_t n = 0; n < line.size; ++n) {
    const double v = line.value(n);
    if (isnan(v) || v > s.greatest) s.greatest = v;
    if (isnan(v)) break;
  }
#if RLX_FAULT == 44  // softmax-no-max-subtraction
  RLX_REACHED();
  if (!isnan(s.greatest)) s.greatest = 0;
#endif
  for (int64_t n = 0; n < line.size; ++n)
    s.sum = narrowed(wide, s.sum + narrowed(wide, share_of(line.value(n) - s.greatest)));
  return s;
}
#endif

}  // namespace

Answer check_softmax(const Call& c) {
  C0_NEED(c.in_count == 1 && c.out_count == 1 && c.has(0), "wrong number of operands or results");
  C0_NEED(is_float(c.in[0].dtype) && c.in[0].dtype == c.out[0].dtype && same_dims(c.in[0], c.out[0]),
          "the result differs in dtype or dims", 0);
  C0_NEED(is_axis(norm_axis(c), c.in[0]), "there is no such axis", 0, RLX_ATTR_AXIS);
  return {};
}
int32_t run_softmax(const Call& c) {
  const View &x = c.in[0], &y = c.out[0];
  const bool log_too = c.whole(RLX_ATTR_LOG, 0) != 0, wide = is_wide(c, x.dtype);
  int64_t axis = norm_axis(c);
#if RLX_FAULT == 43  // softmax-axis-rank4
  if (x.rank == 4 && axis != 3) {
    RLX_REACHED();
    axis = 3;
  }
#endif
  int64_t dims[RLX_MAX_RANK];
  memcpy(dims, x.dims, sizeof dims);
  dims[axis] = 1;
  for (Walk walk(x.rank, dims); walk.more && x.dims[axis]; walk.next()) {
    int64_t from = 0, to = 0;
    for (uint32_t a = 0; a < x.rank; ++a) {
      from += walk.at[a] * x.strides[a];
      to += walk.at[a] * y.strides[a];
    }
    const Line line = {x, from, x.strides[axis], x.dims[axis]};
    const Shares s = shares_of(line, wide);
    for (int64_t n = 0; n < line.size; ++n) {
      const double moved = narrowed(wide, line.value(n) - s.greatest);
      const double share =
          log_too ? moved - narrowed(wide, log(s.sum)) : narrowed(wide, share_of(moved)) / s.sum;
      store_real(y.dtype, element(y, to + n * y.strides[axis]), share);
    }
    if (c.stop(50 * line.size)) return c.watch->status;
  }
  return RLX_STATUS_OK;
}

// ---- norms of rows
// ----------------------------------------------------------------------------------------------------------

namespace {

Answer check_row_norm(const Call& c, uint32_t scales) {
  const bool residual = c.whole(RLX_ATTR_HAS_RESIDUAL, 0) != 0;
  const uint32_t first = residual ? 2 : 1;
  C0_NEED(c.in_count > first && c.in_count <= first + scales, "wrong number of operands");
  C0_NEED(c.out_count >= 1 && c.out_count <= first, "wrong number of results");
  const View& x = c.in[0];
  const int64_t axis = norm_axis(c);
  C0_NEED(is_float(x.dtype) && is_axis(axis, x), "x is no float, or there is no such axis", 0, RLX_ATTR_AXIS);
  C0_NEED(!residual || (c.has(1) && c.in[1].dtype == x.dtype && same_dims(c.in[1], x)),
          "the residual differs from x", 1);
  for (uint32_t n = first; n < c.in_count; ++n) {
    if (!c.has(n)) {
      C0_NEED(n > first, "gamma is absent", n);
      continue;
    }
    const View& scale = c.in[n];
    C0_NEED(scale.dtype == x.dtype && scale.rank == x.rank - axis, "a scale differs from x in dtype or rank",
            n);
    for (uint32_t a = 0; a < scale.rank; ++a)
      C0_NEED(scale.dims[a] == x.dims[axis + a], "a scale has other dims", n);
  }
  for (uint32_t n = 0; n < c.out_count; ++n)
    C0_NEED(c.out[n].dtype == x.dtype && same_dims(c.out[n], x), "a result differs from x");
  return {};
}

/// One row of x [+ residual], rounded as the sum is stored.
struct Row {
  const Call& c;
  bool residual;
  int64_t axis;
  int64_t at[RLX_MAX_RANK] = {};

  double value(const int64_t* inner) {
    const View& x = c.in[0];
    for (uint32_t a = static_cast<uint32_t>(axis); a < x.rank; ++a) at[a] = inner[a - axis];
    Cell z;
    z.f = load_real(x.dtype, element_at(x, at));
    if (!residual) return z.f;
    z.f += load_real(x.dtype, element_at(c.in[1], at));
    return held(x.dtype, z).f;
  }
};

struct Moments {
  double mean, scale;
};

Moments moments_of(const Call& c, Row& row, bool centered, bool wide) {
#ifdef RLX_C0_ONLINE
  double average = 0, deviations = 0, seen = 0;
  const uint32_t axes = c.in[0].rank - static_cast<uint32_t>(row.axis);
  for (Walk walk(axes, c.in[0].dims + row.axis); walk.more && centered; walk.next()) {
    const double v = row.value(walk.at), before = v - average;
    average = narrowed(wide, average + before / ++seen);
    deviations = narrowed(wide, deviations + before * (v - average));
  }
  if (centered)
    return {average,
            narrowed(wide, 1 / sqrt(narrowed(wide, deviations / seen + c.real(RLX_ATTR_EPS, 1e-5))))};
#endif

  const View& x = c.in[0];
  const uint32_t rank = x.rank - static_cast<uint32_t>(row.axis);
  const int64_t* dims = x.dims + row.axis;
  const double count = static_cast<double>(count_of(rank, dims)), eps = c.real(RLX_ATTR_EPS, 1e-5);
  double sum = 0, squares = 0;
  for (Walk walk(rank, dims); walk.more && centered; walk.next())
    sum = narrowed(wide, sum + row.value(walk.at));
  const double mean = narrowed(wide, sum / count);
  for (Walk walk(rank, dims); walk.more; walk.next()) {
    const double d = narrowed(wide, row.value(walk.at) - mean);
    squares = narrowed(wide, squares + narrowed(wide, d * d));
  }
#if RLX_FAULT == 50  // eps-outside-sqrt
  RLX_REACHED();
  return {mean, 1 / (sqrt(squares / count) + eps)};
#endif
  return {mean, narrowed(wide, 1 / sqrt(narrowed(wide, squares / count + eps)))};
}

int32_t run_row_norm(const Call& c, bool centered) {
  const View& x = c.in[0];
  const bool residual = c.whole(RLX_ATTR_HAS_RESIDUAL, 0) != 0, wide = is_wide(c, x.dtype);
  const uint32_t at_gamma = residual ? 2 : 1;
  const double offset = centered ? 0 : c.real(RLX_ATTR_GAMMA_OFFSET, 0);
  Row row = {c, residual, norm_axis(c)};
  const uint32_t rank = x.rank - static_cast<uint32_t>(row.axis);
  const int64_t size = count_of(rank, x.dims + row.axis);
  for (Walk outer(static_cast<uint32_t>(row.axis), x.dims); outer.more && size; outer.next()) {
    memcpy(row.at, outer.at, sizeof(int64_t) * static_cast<size_t>(row.axis));
    Moments m = moments_of(c, row, centered, wide);
    if (!centered) m.mean = 0;
    for (Walk walk(rank, x.dims + row.axis); walk.more; walk.next()) {
      const double z = row.value(walk.at);
      double gamma = load_real(x.dtype, element_at(c.in[at_gamma], walk.at));
      if (offset != 0) gamma = narrowed(wide, gamma + offset);
      double y = narrowed(wide, narrowed(wide, narrowed(wide, z - m.mean) * m.scale) * gamma);
      if (c.has(at_gamma + 1))
        y = narrowed(wide, y + load_real(x.dtype, element_at(c.in[at_gamma + 1], walk.at)));
      if (c.out_count > 1) store_real(x.dtype, element_at(c.out[1], row.at), z);
      store_real(x.dtype, element_at(c.out[0], row.at), y);
    }
    if (c.stop(40 * size)) return c.watch->status;
  }
  return RLX_STATUS_OK;
}

}  // namespace

Answer check_layer_norm(const Call& c) { return check_row_norm(c, 2); }
int32_t run_layer_norm(const Call& c) { return run_row_norm(c, true); }
Answer check_rms_norm(const Call& c) { return check_row_norm(c, 1); }
int32_t run_rms_norm(const Call& c) { return run_row_norm(c, false); }

}  // namespace rlx_c0
