// SPDX-License-Identifier: Apache-2.0
// Layer norm, rms norm and softmax, row by row (namespace RLX_CPU_ISA).
#ifndef RLX_CPU_KERNELS_ROW_OPS_IMPL_H_
#define RLX_CPU_KERNELS_ROW_OPS_IMPL_H_

#include "act_impl.h"
#include "row_ops.h"

namespace rlx_cpu::RLX_CPU_ISA {

/// Calls f(vector, lanes) over n values of x, with lanes = kWidth but for the tail; unused lanes are zero.
template <class Function>
static inline void for_each_vector(int64_t n, Function f) {
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) f(i, kWidth);
  if (i < n) f(i, n - i);
}

static inline F load_some(const float* p, int64_t lanes) {
  return lanes == kWidth ? load(p) : load_n(p, lanes);
}
static inline void store_some(float* p, F v, int64_t lanes) {
  if (lanes == kWidth) {
    store(p, v);
  } else {
    store_n(p, v, lanes);
  }
}

/// z = x + residual, kept in `sum` if asked for and else in y, which later passes overwrite in place.
static const float* add_residual(const NormArgs& args, int64_t row) {
  const float* x = args.x + row * args.x_row_stride;
  float* kept = args.sum != nullptr ? args.sum + row * args.sum_row_stride : args.y + row * args.y_row_stride;
  if (args.residual == nullptr) {
    if (args.sum != nullptr && kept != x) map_rows(Identity{}, x, 0, kept, 0, 1, args.n);
    return x;
  }
  const float* residual = args.residual + row * args.residual_row_stride;
  for_each_vector(
      args.n, [&](int64_t i, int64_t lanes) __attribute__((always_inline)) {
        store_some(kept + i, load_some(x + i, lanes) + load_some(residual + i, lanes), lanes);
      });
  return kept;
}

/// Four running sums, so that neighbouring vectors do not wait for one another.
struct QuadSum {
  F part[4] = {zero(), zero(), zero(), zero()};
  float total() const { return sum_of((part[0] + part[1]) + (part[2] + part[3])); }
};

static inline float sum_row(const float* z, int64_t n) {
  QuadSum sum;
  int64_t i = 0;
  for (; i + 4 * kWidth <= n; i += 4 * kWidth) {
    RLX_CPU_UNROLL(4)
    for (int j = 0; j < 4; ++j) sum.part[j] = sum.part[j] + load(z + i + j * kWidth);
  }
  for (; i < n; i += kWidth) sum.part[0] = sum.part[0] + load_some(z + i, n - i < kWidth ? n - i : kWidth);
  return sum.total();
}

static inline float sum_squares(const float* z, float mean, int64_t n) {
  const F m = set1(mean);
  QuadSum sum;
  int64_t i = 0;
  for (; i + 4 * kWidth <= n; i += 4 * kWidth) {
    RLX_CPU_UNROLL(4)
    for (int j = 0; j < 4; ++j) {
      const F a = load(z + i + j * kWidth) - m;
      sum.part[j] = fma(a, a, sum.part[j]);
    }
  }
  for (; i < n; i += kWidth) {
    const int64_t lanes = n - i < kWidth ? n - i : kWidth;
    const F a = select(first(lanes), load_some(z + i, lanes) - m, zero());
    sum.part[0] = fma(a, a, sum.part[0]);
  }
  return sum.total();
}

static void layer_norm(const NormArgs& args, int64_t row_begin, int64_t row_end) {
  const float count = static_cast<float>(args.n);
  for (int64_t row = row_begin; row < row_end; ++row) {
    const float* z = add_residual(args, row);
    float* y = args.y + row * args.y_row_stride;
    const float mean = sum_row(z, args.n) / count;
    const float variance = sum_squares(z, mean, args.n) / count;
    const F m = set1(mean);
    const F inverse = set1(1.0f / __builtin_sqrtf(variance + args.eps));
    for_each_vector(
        args.n, [&](int64_t i, int64_t lanes) __attribute__((always_inline)) {
          F v = (load_some(z + i, lanes) - m) * inverse;
          if (args.gamma != nullptr) v = v * load_some(args.gamma + i, lanes);
          if (args.beta != nullptr) v = v + load_some(args.beta + i, lanes);
          store_some(y + i, v, lanes);
        });
  }
}

static void rms_norm(const NormArgs& args, int64_t row_begin, int64_t row_end) {
  const float count = static_cast<float>(args.n);
  const F offset = set1(args.gamma_offset);
  for (int64_t row = row_begin; row < row_end; ++row) {
    const float* z = add_residual(args, row);
    float* y = args.y + row * args.y_row_stride;
    const float mean_square = sum_squares(z, 0.0f, args.n) / count;
    const F inverse = set1(1.0f / __builtin_sqrtf(mean_square + args.eps));
    for_each_vector(
        args.n, [&](int64_t i, int64_t lanes) __attribute__((always_inline)) {
          F v = load_some(z + i, lanes) * inverse;
          if (args.gamma != nullptr) v = v * (load_some(args.gamma + i, lanes) + offset);
          store_some(y + i, v, lanes);
        });
  }
}

static float max_row(const float* x, int64_t n) {
  const F lowest = set1(-__builtin_inff());
  F best = lowest;
  for_each_vector(
      n, [&](int64_t i, int64_t lanes) __attribute__((always_inline)) {
        best = max(select(first(lanes), load_some(x + i, lanes), lowest), best);
      });
  return max_of(best);
}

static void softmax(const SoftmaxArgs& args, int64_t row_begin, int64_t row_end) {
  for (int64_t row = row_begin; row < row_end; ++row) {
    const float* x = args.x + row * args.x_row_stride;
    float* y = args.y + row * args.y_row_stride;
    const F best = set1(max_row(x, args.n));
    F sum = zero();
    for_each_vector(
        args.n, [&](int64_t i, int64_t lanes) __attribute__((always_inline)) {
          const F e = exp(load_some(x + i, lanes) - best);
          sum = sum + select(first(lanes), e, zero());
          if (!args.log) store_some(y + i, e, lanes);
        });
    const F total = set1(sum_of(sum));
    if (args.log) {
      const F log_total = log(total);
      for_each_vector(
          args.n, [&](int64_t i, int64_t lanes) __attribute__((always_inline)) {
            store_some(y + i, (load_some(x + i, lanes) - best) - log_total, lanes);
          });
      continue;
    }
    for_each_vector(
        args.n, [&](int64_t i, int64_t lanes) __attribute__((always_inline)) {
          store_some(y + i, load_some(y + i, lanes) / total, lanes);
        });
  }
}

}  // namespace rlx_cpu::RLX_CPU_ISA

#endif  // RLX_CPU_KERNELS_ROW_OPS_IMPL_H_
