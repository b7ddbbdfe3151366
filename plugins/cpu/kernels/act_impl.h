// SPDX-License-Identifier: Apache-2.0
// The named activations and unary functions: one functor each, mapped over rows (namespace RLX_CPU_ISA).
#ifndef RLX_CPU_KERNELS_ACT_IMPL_H_
#define RLX_CPU_KERNELS_ACT_IMPL_H_

#include "elementwise.h"
#include "rlx/ops.h"
#include "unroll.h"
#include "vector_math_impl.h"

namespace rlx_cpu::RLX_CPU_ISA {

static inline F clamp01(F x) { return max(zero(), min(set1(1.0f), x)); }

struct Identity {
  F operator()(F x) const { return x; }
};
struct Relu {
  F operator()(F x) const { return max(zero(), x); }
};
struct LeakyRelu {
  F slope;
  F operator()(F x) const { return select(less(x, zero()), x * slope, x); }
};
struct Clip {
  F low, high;
  F operator()(F x) const { return min(high, max(low, x)); }
};
struct GeluTanh {
  F operator()(F x) const {
    const F t = x * fma(x * x, set1(0.0713548163f), set1(1.59576912f));
    return x * sigmoid(t);
  }
};
struct Silu {
  F operator()(F x) const { return x * sigmoid(x); }
};
struct Sigmoid {
  F operator()(F x) const { return sigmoid(x); }
};
struct Tanh {
  F operator()(F x) const { return tanh(x); }
};
struct HardSigmoid {
  F alpha, beta;
  F operator()(F x) const { return clamp01(x * alpha + beta); }
};
struct HardSwish {
  F operator()(F x) const { return x * clamp01(x / set1(6.0f) + set1(0.5f)); }
};
struct Softplus {
  F operator()(F x) const {
    const F y = max(zero(), x) + log1p_unit(exp(negate(abs(x))));
    return select(less(x, set1(-17.0f)), exp(x), y);
  }
};
struct Mish {
  // x tanh(log(1 + e)) with e = exp(x) is x (e^2 + 2e) / (e^2 + 2e + 2).
  F operator()(F x) const {
    const F e = exp(min(set1(20.0f), x));
    const F n = e * (e + set1(2.0f));
    return select(less(set1(20.0f), x), x, x * (n / (n + set1(2.0f))));
  }
};
struct Elu {
  F alpha;
  F operator()(F x) const { return select(less(x, zero()), alpha * expm1(x), x); }
};
struct Selu {
  F alpha, gamma;
  F operator()(F x) const { return gamma * select(less(x, zero()), alpha * expm1(x), x); }
};
struct Celu {
  F alpha;
  F operator()(F x) const { return select(less(x, zero()), alpha * expm1(x / alpha), x); }
};
struct Softsign {
  F operator()(F x) const { return x / (set1(1.0f) + abs(x)); }
};
struct Shrink {
  F lambda, bias;
  F operator()(F x) const {
    return select(less(x, negate(lambda)), x + bias, select(less(lambda, x), x - bias, zero()));
  }
};
struct ThresholdedRelu {
  F alpha;
  F operator()(F x) const { return select(less(alpha, x), x, zero()); }
};

/// x Phi(x) where Phi comes from erf.
struct GeluErfPlain {
  F operator()(F x) const { return x * fma(set1(0.5f), erf(x * set1(0.707106781f)), set1(0.5f)); }
};

/// Phi - 1/2 around the 16 points k * 5.6 / 15.5, each a quintic in t = the distance in steps, |t| <= 1/2.
alignas(64) static constexpr float kPhi[6][16] = {
    {0.0f, 1.410587877e-01f, 2.650312185e-01f, 3.607890010e-01f, 4.257937074e-01f, 4.645760953e-01f,
     4.849108458e-01f, 4.942811131e-01f, 4.980757535e-01f, 4.994262457e-01f, 4.998486042e-01f,
     4.999646842e-01f, 4.999927282e-01f, 4.999986887e-01f, 4.999997914e-01f, 4.999999702e-01f},
    {1.441339850e-01f, 1.350274384e-01f, 1.110168397e-01f, 8.010635525e-02f, 5.072900280e-02f,
     2.819401212e-02f, 1.375208888e-02f, 5.886968225e-03f, 2.211698797e-03f, 7.292417577e-04f,
     2.110223431e-04f, 5.359161150e-05f, 1.194474225e-05f, 2.336514854e-06f, 4.011181716e-07f,
     6.043499923e-08f},
    {1.647178783e-16f, -8.812412620e-03f, -1.449086517e-02f, -1.568438672e-02f, -1.324341632e-02f,
     -9.200566448e-03f, -5.385297816e-03f, -2.689541550e-03f, -1.154776430e-03f, -4.283330927e-04f,
     -1.377118751e-04f, -3.846755135e-05f, -9.352084817e-06f, -1.981468586e-06f, -3.662484573e-07f,
     -5.910522916e-08f},
    {-3.135599662e-03f, -2.554057399e-03f, -1.154177822e-03f, 3.045377671e-04f, 1.201238250e-03f,
     1.388200326e-03f, 1.106705749e-03f, 6.910905358e-04f, 3.538487654e-04f, 1.518737845e-04f,
     5.533176227e-05f, 1.724686990e-05f, 4.623700988e-06f, 1.070142844e-06f, 2.144202824e-07f,
     3.727114262e-08f},
    {-8.165039211e-16f, 2.729321131e-04f, 3.880074073e-04f, 3.101126058e-04f, 1.316597773e-04f,
     -2.521263377e-05f, -9.858490375e-05f, -9.896577103e-05f, -6.727560685e-05f, -3.544465289e-05f,
     -1.519447778e-05f, -5.427319138e-06f, -1.637484161e-06f, -4.209500162e-07f, -9.275051127e-08f,
     -1.759051749e-08f},
    {6.097917139e-05f, 4.254915621e-05f, 2.315208576e-06f, -3.002192898e-05f, -3.698014552e-05f,
     -2.369829599e-05f, -6.171834684e-06f, 4.522262316e-06f, 7.068144441e-06f, 5.311252153e-06f,
     2.859437700e-06f, 1.210459232e-06f, 4.187456568e-07f, 1.208080960e-07f, 2.942422839e-08f,
     6.099479588e-09f}};

#if RLX_CPU_HAS_TABLE16
/// x Phi(x) = x / 2 + |x| (Phi(|x|) - 1/2), the bracket from the table: a third of the work of erf.
struct GeluErf {
  F operator()(F x) const {
    const F a = abs(x);
    const F u = a * set1(15.5f / 5.6f);
    const F magic = set1(12582912.0f);
    const F raw = u + magic;  // low bits: the nearest point
    const F t = u - (raw - magic);
    const I point = bits(raw);
    F q = look_up16(point, kPhi[5]);
    RLX_CPU_UNROLL(5)
    for (int i = 4; i >= 0; --i) q = fma(q, t, look_up16(point, kPhi[i]));
    q = select(less(a, set1(5.6f)), q, set1(0.5f));  // what lies beyond the table is garbage until here
    return fma(a, q, x * set1(0.5f));
  }
};
#else
using GeluErf = GeluErfPlain;
#endif

template <class Op>
static inline void map_rows(Op op, const float* x, int64_t x_row_stride, float* y, int64_t y_row_stride,
                            int64_t rows, int64_t columns) {
  const int64_t whole = columns / kWidth * kWidth;
  for (int64_t r = 0; r < rows; ++r, x += x_row_stride, y += y_row_stride) {
    for (int64_t c = 0; c < whole; c += kWidth) store(y + c, op(load(x + c)));
    if (whole < columns) store_n(y + whole, op(load_n(x + whole, columns - whole)), columns - whole);
  }
}

static void act_rows(const Activation& act, const float* x, int64_t xs, float* y, int64_t ys, int64_t rows,
                     int64_t columns) {
  const F alpha = set1(act.alpha);
  const F beta = set1(act.beta);
  switch (act.kind) {
    case RLX_ACT_RELU:
      return map_rows(Relu{}, x, xs, y, ys, rows, columns);
    case RLX_ACT_LEAKY_RELU:
      return map_rows(LeakyRelu{alpha}, x, xs, y, ys, rows, columns);
    case RLX_ACT_CLIP:
      return map_rows(Clip{alpha, beta}, x, xs, y, ys, rows, columns);
    case RLX_ACT_GELU_ERF:
      return map_rows(GeluErf{}, x, xs, y, ys, rows, columns);
    case RLX_ACT_GELU_TANH:
      return map_rows(GeluTanh{}, x, xs, y, ys, rows, columns);
    case RLX_ACT_SILU:
      return map_rows(Silu{}, x, xs, y, ys, rows, columns);
    case RLX_ACT_SIGMOID:
      return map_rows(Sigmoid{}, x, xs, y, ys, rows, columns);
    case RLX_ACT_TANH:
      return map_rows(Tanh{}, x, xs, y, ys, rows, columns);
    case RLX_ACT_HARD_SIGMOID:
      return map_rows(HardSigmoid{alpha, beta}, x, xs, y, ys, rows, columns);
    case RLX_ACT_HARD_SWISH:
      return map_rows(HardSwish{}, x, xs, y, ys, rows, columns);
    case RLX_ACT_SOFTPLUS:
      return map_rows(Softplus{}, x, xs, y, ys, rows, columns);
    case RLX_ACT_MISH:
      return map_rows(Mish{}, x, xs, y, ys, rows, columns);
    case RLX_ACT_ELU:
      return map_rows(Elu{alpha}, x, xs, y, ys, rows, columns);
    case RLX_ACT_SELU:
      return map_rows(Selu{alpha, beta}, x, xs, y, ys, rows, columns);
    case RLX_ACT_CELU:
      return map_rows(Celu{alpha}, x, xs, y, ys, rows, columns);
    case RLX_ACT_SOFTSIGN:
      return map_rows(Softsign{}, x, xs, y, ys, rows, columns);
    case RLX_ACT_SHRINK:
      return map_rows(Shrink{alpha, beta}, x, xs, y, ys, rows, columns);
    case RLX_ACT_THRESHOLDED_RELU:
      return map_rows(ThresholdedRelu{alpha}, x, xs, y, ys, rows, columns);
    default:
      return map_rows(Identity{}, x, xs, y, ys, rows, columns);
  }
}

#define RLX_CPU_UNARY(Name, expression)            \
  struct Name {                                    \
    F operator()(F x) const { return expression; } \
  };
RLX_CPU_UNARY(Exp, exp(x))
RLX_CPU_UNARY(Expm1, expm1(x))
RLX_CPU_UNARY(Log, log(x))
RLX_CPU_UNARY(Log1p, log1p(x))
RLX_CPU_UNARY(Erf, erf(x))
RLX_CPU_UNARY(Negative, from_bits(sub_i(bits(x), set1_i(INT32_MIN))))
RLX_CPU_UNARY(Absolute, abs(x))
RLX_CPU_UNARY(Floor, floor(x))
RLX_CPU_UNARY(Ceil, ceil(x))
RLX_CPU_UNARY(Trunc, trunc(x))
RLX_CPU_UNARY(RoundEven, round_even(x))
RLX_CPU_UNARY(Sqrt, sqrt(x))
RLX_CPU_UNARY(Rsqrt, set1(1.0f) / sqrt(x))
RLX_CPU_UNARY(Recip, set1(1.0f) / x)
#undef RLX_CPU_UNARY

template <class Op>
static void map_array(const float* x, float* y, int64_t n) {
  map_rows(Op{}, x, n, y, n, 1, n);
}

static UnaryKernel unary_kernel(uint32_t fn) {
  switch (fn) {
    case RLX_UNARY_NEG:
      return map_array<Negative>;
    case RLX_UNARY_ABS:
      return map_array<Absolute>;
    case RLX_UNARY_FLOOR:
      return map_array<Floor>;
    case RLX_UNARY_CEIL:
      return map_array<Ceil>;
    case RLX_UNARY_TRUNC:
      return map_array<Trunc>;
    case RLX_UNARY_ROUND_EVEN:
      return map_array<RoundEven>;
    case RLX_UNARY_EXP:
      return map_array<Exp>;
    case RLX_UNARY_EXPM1:
      return map_array<Expm1>;
    case RLX_UNARY_LOG:
      return map_array<Log>;
    case RLX_UNARY_LOG1P:
      return map_array<Log1p>;
    case RLX_UNARY_SQRT:
      return map_array<Sqrt>;
    case RLX_UNARY_RSQRT:
      return map_array<Rsqrt>;
    case RLX_UNARY_RECIP:
      return map_array<Recip>;
    case RLX_UNARY_TANH:
      return map_array<Tanh>;
    case RLX_UNARY_ERF:
      return map_array<Erf>;
    case RLX_UNARY_SIGMOID:
      return map_array<Sigmoid>;
    default:
      return nullptr;
  }
}

}  // namespace rlx_cpu::RLX_CPU_ISA

#endif  // RLX_CPU_KERNELS_ACT_IMPL_H_
