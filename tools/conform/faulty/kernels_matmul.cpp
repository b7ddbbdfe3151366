// SPDX-License-Identifier: Apache-2.0
// dot and linear: one sum per element of the result.
#include <math.h>

#if defined(RLX_C0_CLASS) || RLX_FAULT == 220
#include <string.h>
#endif

#include "kernels.h"
#ifdef RLX_C0_LIMBS
#include "limbs.h"
#endif

namespace rlx_c0 {
namespace {

#if defined(RLX_C0_CLASS) || RLX_FAULT == 220
/// A factor as matrix units of the class take it.
double in_class(uint32_t precision, double x) {
#if RLX_FAULT == 220  // coarser-than-asked
  if (precision == RLX_PRECISION_TF32) {
    RLX_REACHED();
    precision = RLX_PRECISION_BF16;
  }
#endif
  if (precision == RLX_PRECISION_BF16)
    return small_float(RLX_DTYPE_BF16, small_bits(RLX_DTYPE_BF16, x, false));
  if (precision == RLX_PRECISION_F16) return small_float(RLX_DTYPE_F16, small_bits(RLX_DTYPE_F16, x, false));
  if (precision != RLX_PRECISION_TF32 || !isfinite(x)) return x;
  float single = static_cast<float>(x);
  uint32_t bits;
  memcpy(&bits, &single, sizeof bits);
  bits = (bits + 0xFFFu + (bits >> 13 & 1)) & ~0x1FFFu;
  memcpy(&single, &bits, sizeof bits);
  return static_cast<double>(single);
}
#endif

/// From which end sums run.
inline bool runs_backwards() {
#if defined(RLX_C0_REVERSE)
  return true;
#elif defined(RLX_C0_UNFLAGGED)
  static uint64_t turns = 0;
  return __atomic_add_fetch(&turns, 0x9E3779B97F4A7C15u, __ATOMIC_RELAXED) >> 63;
#elif RLX_FAULT == 80  // atomic-float-order
  RLX_REACHED();
  static uint64_t turns = 0;
  return __atomic_add_fetch(&turns, 0x9E3779B97F4A7C15u, __ATOMIC_RELAXED) >> 63;
#else
  return false;
#endif
}

/// What defects do to the two factors of a product.
inline void seed_operands(uint32_t dtype, int64_t count, uint32_t precision, int64_t k, double* x, double* y) {
  (void)dtype, (void)count, (void)precision, (void)k, (void)x, (void)y;
#if defined(RLX_C0_CLASS) || RLX_FAULT == 220
  if (dtype == RLX_DTYPE_F32) *x = in_class(precision, *x), *y = in_class(precision, *y);
#elif RLX_FAULT == 221  // coarse-tail
  if (precision == RLX_PRECISION_BF16 && k >= count / 8 * 8 && count > 8) {
    RLX_REACHED();
    *x = 0;
  }
#endif
#if RLX_FAULT == 35  // bf16-inputs
  const bool coarse = dtype == RLX_DTYPE_F32;
#elif RLX_FAULT == 110  // bf16-when-long
  const bool coarse = dtype == RLX_DTYPE_F32 && count > 256;
#endif
#if RLX_FAULT == 35 || RLX_FAULT == 110
  if (!coarse) return;
  RLX_REACHED();
  *x = small_float(RLX_DTYPE_BF16, small_bits(RLX_DTYPE_BF16, *x, false));
  *y = small_float(RLX_DTYPE_BF16, small_bits(RLX_DTYPE_BF16, *y, false));
#endif
}

#if RLX_FAULT == 112
thread_local bool few_rows = false;
#endif

template <class Sum>
double sum_products(const View& a, const char* pa, int64_t sa, const View& b, const char* pb, int64_t sb,
                    int64_t count, uint32_t precision) {
  (void)precision;
#ifdef RLX_C0_LIMBS
  if (a.dtype == RLX_DTYPE_F32)
    return static_cast<double>(sum_limbs<Sum>(pa, sa * a.bytes, pb, sb * b.bytes, count));
#endif
#if defined(RLX_C0_LANES) || defined(RLX_C0_SPLIT)
  Sum lane[8] = {};
  for (int64_t k = 0; k < count; ++k) {
#ifdef RLX_C0_LANES
    Sum& sum = lane[k % 8];
#else
    Sum& sum = lane[k * 4 / count];
#endif
    sum = static_cast<Sum>(fma(load_real(a.dtype, pa + k * sa * a.bytes),
                               load_real(b.dtype, pb + k * sb * b.bytes), static_cast<double>(sum)));
  }
  for (int width = 4; width; width /= 2)
    for (int n = 0; n < width; ++n) lane[n] += lane[n + width];
  return static_cast<double>(lane[0]);
#else
  Sum sum = 0;
#if RLX_FAULT == 112  // row-variant
  if (few_rows) {
    RLX_REACHED();
    few_rows = false;
    const int64_t half = count / 2;
    sum = static_cast<Sum>(sum_products<Sum>(a, pa, sa, b, pb, sb, half, precision)) +
          static_cast<Sum>(sum_products<Sum>(a, pa + half * sa * a.bytes, sa, b, pb + half * sb * b.bytes, sb,
                                             count - half, precision));
    few_rows = true;
    return static_cast<double>(sum);
  }
#endif
  const bool backwards = runs_backwards();
  for (int64_t n = 0; n < count; ++n) {
    const int64_t k = backwards ? count - 1 - n : n;
    double x = load_real(a.dtype, pa + k * sa * a.bytes), y = load_real(b.dtype, pb + k * sb * b.bytes);
    seed_operands(a.dtype, count, precision, k, &x, &y);
    sum += static_cast<Sum>(x) * static_cast<Sum>(y);
#if RLX_FAULT == 34  // f16-accumulate
    if (a.dtype == RLX_DTYPE_F16) {
      RLX_REACHED();
      sum = static_cast<Sum>(
          small_float(RLX_DTYPE_F16, small_bits(RLX_DTYPE_F16, static_cast<double>(sum), false)));
    }
#endif
  }
  return static_cast<double>(sum);
#endif
}

int64_t sum_integers(const View& a, const char* pa, int64_t sa, const View& b, const char* pb, int64_t sb,
                     int64_t count) {
  uint64_t sum = 0;
  for (int64_t k = 0; k < count; ++k)
    sum += static_cast<uint64_t>(load_integer(a.dtype, pa + k * sa * a.bytes)) *
           static_cast<uint64_t>(load_integer(b.dtype, pb + k * sb * b.bytes));
  return static_cast<int64_t>(sum);
}

/// The axes of one operand of dot: batch and contracted ones by their lists, the free ones in order.
struct Axes {
  uint32_t batch = 0, sums = 0, free = 0;
  int64_t batch_axis[RLX_MAX_RANK], sum_axis[RLX_MAX_RANK], free_axis[RLX_MAX_RANK];
  bool fits = true;

  Axes(const Call& c, const View& x, uint32_t contract_key, uint32_t batch_key) {
    uint32_t seen = 0;
    take(c, x, contract_key, sum_axis, &sums, &seen);
    take(c, x, batch_key, batch_axis, &batch, &seen);
    for (uint32_t axis = 0; axis < x.rank; ++axis)
      if (!(seen >> axis & 1)) free_axis[free++] = axis;
  }
  void take(const Call& c, const View& x, uint32_t key, int64_t* axes, uint32_t* count, uint32_t* seen) {
    uint32_t size = 0;
    const int64_t* list = c.list(key, &size);
    for (uint32_t n = 0; n < size; ++n) {
      fits = fits && list && is_axis(list[n], x) && !(*seen >> list[n] & 1);
      if (!fits) return;
      *seen |= 1u << list[n];
      axes[(*count)++] = list[n];
    }
  }
};

bool is_byte(uint32_t dtype) { return dtype == RLX_DTYPE_I8 || dtype == RLX_DTYPE_U8; }

}  // namespace

double dot_of(const Call& c, const View& a, const char* pa, int64_t sa, const View& b, const char* pb,
              int64_t sb, int64_t count, bool wide) {
  return wide ? sum_products<double>(a, pa, sa, b, pb, sb, count, c.program->precision)
              : sum_products<Narrow>(a, pa, sa, b, pb, sb, count, c.program->precision);
}

Answer check_dot(const Call& c) {
  C0_NEED(c.in_count == 2 && c.out_count == 1 && c.has(0) && c.has(1), "wrong number of operands or results");
  const View &a = c.in[0], &b = c.in[1], &y = c.out[0];
  const bool bytes = is_byte(a.dtype) && is_byte(b.dtype);
  C0_NEED(a.dtype != RLX_DTYPE_BOOL && (bytes || a.dtype == b.dtype), "dtypes differ, or are no numbers", 1);
  const int64_t acc = c.whole(RLX_ATTR_ACC, RLX_DTYPE_NONE);
  const int64_t wanted = bytes ? (acc == RLX_DTYPE_NONE ? int64_t{RLX_DTYPE_I32} : acc) : int64_t{a.dtype};
  C0_NEED(y.dtype == wanted && (!bytes || is_int(y.dtype)), "the result has another dtype", RLX_NO_INDEX,
          RLX_ATTR_ACC);
  const Axes of_a(c, a, RLX_ATTR_CONTRACT_A, RLX_ATTR_BATCH_A),
      of_b(c, b, RLX_ATTR_CONTRACT_B, RLX_ATTR_BATCH_B);
  C0_NEED(of_a.fits && of_b.fits && of_a.sums == of_b.sums && of_a.batch == of_b.batch, "axes do not pair", 1,
          RLX_ATTR_CONTRACT_B);
  C0_NEED(y.rank == of_a.batch + of_a.free + of_b.free, "the result has another rank");
  for (uint32_t n = 0; n < of_a.sums; ++n)
    C0_NEED(a.dims[of_a.sum_axis[n]] == b.dims[of_b.sum_axis[n]], "contracted axes differ", 1,
            RLX_ATTR_CONTRACT_B);
  uint32_t to = 0;
  for (uint32_t n = 0; n < of_a.batch; ++n, ++to)
    C0_NEED(
        a.dims[of_a.batch_axis[n]] == b.dims[of_b.batch_axis[n]] && y.dims[to] == a.dims[of_a.batch_axis[n]],
        "batch axes differ", 1, RLX_ATTR_BATCH_B);
  for (uint32_t n = 0; n < of_a.free; ++n, ++to)
    C0_NEED(y.dims[to] == a.dims[of_a.free_axis[n]], "the result has other dims");
  for (uint32_t n = 0; n < of_b.free; ++n, ++to)
    C0_NEED(y.dims[to] == b.dims[of_b.free_axis[n]], "the result has other dims");
  return {};
}

int32_t run_dot(const Call& c) {
  const View &a = c.in[0], &b = c.in[1], &y = c.out[0];
  const Axes of_a(c, a, RLX_ATTR_CONTRACT_A, RLX_ATTR_BATCH_A),
      of_b(c, b, RLX_ATTR_CONTRACT_B, RLX_ATTR_BATCH_B);
  const bool wide = is_wide(c, y.dtype);
  int64_t outer_dims[RLX_MAX_RANK];  // contracted axes but the last, which is summed in one go
  const uint32_t outer = of_a.sums ? of_a.sums - 1 : 0;
  for (uint32_t n = 0; n < outer; ++n) outer_dims[n] = a.dims[of_a.sum_axis[n]];
  const int64_t length = of_a.sums ? a.dims[of_a.sum_axis[outer]] : 1;
  const int64_t sa = of_a.sums ? a.strides[of_a.sum_axis[outer]] : 0,
                sb = of_b.sums ? b.strides[of_b.sum_axis[outer]] : 0;
  for (Walk walk(y); walk.more; walk.next()) {
    int64_t at_a = 0, at_b = 0;
    uint32_t from = 0;
    for (uint32_t n = 0; n < of_a.batch; ++n, ++from) {
      at_a += walk.at[from] * a.strides[of_a.batch_axis[n]];
      at_b += walk.at[from] * b.strides[of_b.batch_axis[n]];
    }
    for (uint32_t n = 0; n < of_a.free; ++n, ++from) at_a += walk.at[from] * a.strides[of_a.free_axis[n]];
    for (uint32_t n = 0; n < of_b.free; ++n, ++from) at_b += walk.at[from] * b.strides[of_b.free_axis[n]];
    Cell total;
    total.i = 0;
    for (Walk sums(outer, outer_dims); sums.more; sums.next()) {
      int64_t oa = at_a, ob = at_b;
      for (uint32_t n = 0; n < outer; ++n) {
        oa += sums.at[n] * a.strides[of_a.sum_axis[n]];
        ob += sums.at[n] * b.strides[of_b.sum_axis[n]];
      }
      if (is_float(y.dtype))
        total.f =
            narrowed(wide, total.f + dot_of(c, a, element(a, oa), sa, b, element(b, ob), sb, length, wide));
      else
        total.i = static_cast<int64_t>(
            static_cast<uint64_t>(total.i) +
            static_cast<uint64_t>(sum_integers(a, element(a, oa), sa, b, element(b, ob), sb, length)));
      if (c.stop(2 * length + 8)) return c.watch->status;
    }
    store_at(y, walk.at, total);
  }
  return RLX_STATUS_OK;
}

// ---- linear
// ---------------------------------------------------------------------------------------------------------------

Answer check_linear(const Call& c) {
  const int64_t parts = c.whole(RLX_ATTR_PARTS, 1), layout = c.whole(RLX_ATTR_W_LAYOUT, 0),
                act = c.whole(RLX_ATTR_ACT, 0);
  const bool bias = c.whole(RLX_ATTR_HAS_BIAS, 0) != 0, residual = c.whole(RLX_ATTR_HAS_RESIDUAL, 0) != 0;
  C0_NEED(parts >= 1 && parts <= 64 && c.out_count == parts, "wrong number of parts", RLX_NO_INDEX,
          RLX_ATTR_PARTS);
  C0_NEED(c.in_count == 1 + parts * (bias ? 2 : 1) + residual && (!residual || parts == 1),
          "wrong number of operands");
  C0_NEED(layout == RLX_W_LAYOUT_KN || layout == RLX_W_LAYOUT_NK, "an unknown layout", 1, RLX_ATTR_W_LAYOUT);
  C0_NEED(act >= 0 && act <= RLX_ACT_THRESHOLDED_RELU, "an unknown activation", RLX_NO_INDEX, RLX_ATTR_ACT);
  uint32_t alphas = 0;
  (void)rlx_lir_attr_list(c.image, c.op, RLX_ATTR_ALPHAS, RLX_LIR_ATTR_F64_LIST, &alphas);
  C0_NEED(alphas == 0 || alphas == parts, "not one factor per part", RLX_NO_INDEX, RLX_ATTR_ALPHAS);
  for (uint32_t n = 0; n < c.in_count; ++n)
    C0_NEED(c.has(n) && c.in[n].dtype == c.in[0].dtype && is_float(c.in[0].dtype),
            "an operand is absent or no float of x's dtype", n);
  const View& x = c.in[0];
  C0_NEED(x.rank >= 1, "x is a scalar", 0);
  for (int64_t part = 0; part < parts; ++part) {
    const View &w = c.in[1 + part], &y = c.out[part];
    C0_NEED(w.rank == 2 && w.dims[layout] == x.dims[x.rank - 1], "the weight does not fit x",
            static_cast<uint32_t>(1 + part));
    C0_NEED(y.dtype == x.dtype && y.rank == x.rank && y.dims[y.rank - 1] == w.dims[1 - layout],
            "the result has another dtype or width");
    for (uint32_t axis = 0; axis + 1 < x.rank; ++axis)
      C0_NEED(y.dims[axis] == x.dims[axis], "the result has other dims");
    const View* b = bias ? &c.in[1 + parts + part] : nullptr;
    C0_NEED(!b || (b->rank == 1 && b->dims[0] == w.dims[1 - layout]), "the bias does not fit",
            static_cast<uint32_t>(1 + parts + part));
  }
  C0_NEED(!residual || same_dims(c.in[c.in_count - 1], c.out[0]), "the residual has other dims",
          c.in_count - 1);
  return {};
}

namespace {

/// One weight of linear and what belongs to it.
struct Part {
  const Call& c;
  int64_t number, layout, act;
  const View& x;
  const View& y;
  View w;
  const View* bias;
  const View* residual;
  uint32_t last;
  bool wide;
  double alpha, act_alpha, act_beta;

  Part(const Call& call, int64_t part)
      : c(call),
        number(part),
        layout(call.whole(RLX_ATTR_W_LAYOUT, 0)),
        act(call.whole(RLX_ATTR_ACT, 0)),
        x(call.in[0]),
        y(call.out[part]),
        w(call.in[1 + part]),
        bias(call.whole(RLX_ATTR_HAS_BIAS, 0) ? &call.in[1 + call.out_count + part] : nullptr),
        residual(call.whole(RLX_ATTR_HAS_RESIDUAL, 0) ? &call.in[call.in_count - 1] : nullptr),
        last(x.rank - 1),
        wide(is_wide(call, x.dtype)),
        alpha(1),
        act_alpha(call.real(RLX_ATTR_ACT_ALPHA, NAN)),
        act_beta(call.real(RLX_ATTR_ACT_BETA, NAN)) {
    uint32_t count = 0;
    const int64_t* alphas = rlx_lir_attr_list(c.image, c.op, RLX_ATTR_ALPHAS, RLX_LIR_ATTR_F64_LIST, &count);
    if (alphas && count) memcpy(&alpha, &alphas[part], sizeof alpha);
    seed_part();
  }

  /// What defects do to the part as a whole.
  void seed_part() {
#if RLX_FAULT == 31  // transposed-when-square
    if (w.dims[0] == w.dims[1] && w.dims[0] > 1) {
      RLX_REACHED();
      const int64_t stride = w.strides[0];
      w.strides[0] = w.strides[1];
      w.strides[1] = stride;
    }
#endif
#if RLX_FAULT == 111  // part-zero-bias
    if (number && bias && c.in[1 + c.out_count].dims[0] >= y.dims[last]) {
      RLX_REACHED();
      bias = &c.in[1 + c.out_count];
    }
#endif
#if RLX_FAULT == 112
    few_rows = count_of(last, y.dims) < 4;
#endif
#if RLX_FAULT == 223  // slower-than-before
    volatile double spent = 0;
    for (int64_t n = 0; n < x.dims[last] * count_of(y); ++n) spent = spent + 1;
    RLX_REACHED();
#endif
#if RLX_FAULT == 149  // scalar-cliff
    if (x.dims[last] % 16 == 1) {
      RLX_REACHED();
      volatile double waste = 0;
      const int64_t turns = 400 * x.dims[last] * count_of(y);
      for (int64_t n = 0; n < turns; ++n) waste = waste + 1;
    }
#endif
  }

  /// Whether a defect leaves this element unwritten.
  bool left_out(const int64_t* at) const {
    (void)at;
#if RLX_FAULT == 6  // row-unwritten
    const int64_t rows = count_of(last, y.dims), row = (element_at(y, at) - y.data) / y.bytes / y.dims[last];
    if (rows % 4 && row == rows - 1) {
      RLX_REACHED();
      return true;
    }
#endif
#if RLX_FAULT == 222  // first-batch-rows
    const int64_t made = count_of(last, y.dims);
    uint64_t* first = fault_note(static_cast<uint64_t>(w.dims[0] << 20 | w.dims[1]))->word;
    if (*first == 0) *first = static_cast<uint64_t>(made);
    if ((element_at(y, at) - y.data) / y.bytes / y.dims[last] >= static_cast<int64_t>(*first)) {
      RLX_REACHED();
      return true;
    }
#endif
#if RLX_FAULT == 38  // k-zero-garbage
    if (x.dims[last] == 0) {
      RLX_REACHED();
      return true;
    }
#endif
    return false;
  }

  double sum(const int64_t* at) const {
    const int64_t column = at[last];
    int64_t row = 0;
    for (uint32_t axis = 0; axis < last; ++axis) row += at[axis] * x.strides[axis];
    const double z =
        dot_of(c, x, element(x, row), x.strides[last], w, element(w, column * w.strides[1 - layout]),
               w.strides[layout], x.dims[last], wide);
#if RLX_FAULT == 36  // scale-1e-4
    RLX_REACHED();
    return z * 1.0001;
#endif
    return z;
  }

  double value(const int64_t* at) const {
    double z = sum(at);
    if (alpha != 1) z = narrowed(wide, z * narrowed(wide, alpha));
    bool biased = bias != nullptr;
#if RLX_FAULT == 32  // bias-tail
    if (biased && at[last] >= y.dims[last] / 16 * 16) {
      RLX_REACHED();
      biased = false;
    }
#endif
    if (biased) z = narrowed(wide, z + load_real(bias->dtype, element(*bias, at[last] * bias->strides[0])));
    z = narrowed(wide, activation(y.dtype, act, act_alpha, act_beta, z));
    if (residual) z = narrowed(wide, z + load_real(y.dtype, element_at(*residual, at)));
#if RLX_FAULT == 39  // one-wrong-sign
    if (count_of(y) > 1000 && element_at(y, at) == element(y, count_of(y) / 2)) {
      RLX_REACHED();
      z = -z;
    }
#endif
    return z;
  }
};

}  // namespace

int32_t run_linear(const Call& c) {
  for (int64_t number = 0; number < static_cast<int64_t>(c.out_count); ++number) {
    const Part part(c, number);
    for (Walk walk(part.y); walk.more; walk.next()) {
      if (part.left_out(walk.at)) continue;
      store_real(part.y.dtype, element_at(part.y, walk.at), part.value(walk.at));
      if (c.stop(2 * part.x.dims[part.last] + 8)) return c.watch->status;
    }
  }
#if RLX_FAULT == 112
  few_rows = false;
#endif
  return RLX_STATUS_OK;
}

}  // namespace rlx_c0
