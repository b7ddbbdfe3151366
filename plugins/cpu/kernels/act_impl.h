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
    const F inside = select(equal(x, x), zero(), x);
    return select(less(x, negate(lambda)), x + bias, select(less(lambda, x), x - bias, inside));
  }
};
struct ThresholdedRelu {
  F alpha;
  F operator()(F x) const { return select(less(alpha, x), x, select(equal(x, x), zero(), x)); }
};

/// x Phi(x) where Phi comes from erf.
struct GeluErfPlain {
  F operator()(F x) const {
    return x * fma(set1(0.5f), erf(x * set1(0.707106781f)), set1(0.5f));
  }
};

/// Phi on 16 equal segments of [0, 5.6), each a quintic in t = position in the segment - 1/2.
alignas(64) static constexpr float kPhi[6][16] = {
    {5.694601536e-01f, 7.002084255e-01f, 8.092130423e-01f, 8.897123933e-01f, 9.423717856e-01f,
     9.728853106e-01f, 9.885470271e-01f, 9.956675768e-01f, 9.985350370e-01f, 9.995579123e-01f,
     9.998810887e-01f, 9.999715090e-01f, 9.999939203e-01f, 9.999988675e-01f, 9.999998212e-01f,
     1.000000000e+00f},
    {1.375080049e-01f, 1.216541454e-01f, 9.521924704e-02f, 6.593584269e-02f, 4.039403424e-02f,
     2.189333178e-02f, 1.049797144e-02f, 4.453463014e-03f, 1.671434147e-03f, 5.549829802e-04f,
     1.630305778e-04f, 4.236991299e-05f, 9.741936992e-06f, 1.981674814e-06f, 3.566309772e-07f,
     5.678132808e-08f},
    {-4.211092833e-03f, -1.117677335e-02f, -1.458027866e-02f, -1.413494907e-02f, -1.113366522e-02f,
     -7.375405636e-03f, -4.179566167e-03f, -2.045829082e-03f, -8.701845072e-04f, -3.229181457e-04f,
     -1.048394333e-04f, -2.983921331e-05f, -7.456564163e-06f, -1.637886612e-06f, -3.165325211e-07f,
     -5.385892976e-08f},
    {-2.721426543e-03f, -1.799170161e-03f, -4.556673521e-04f, 6.738972152e-04f, 1.221067156e-03f,
     1.209386159e-03f, 8.949894691e-04f, 5.356151960e-04f, 2.679079480e-04f, 1.139393135e-04f,
     4.162406913e-05f, 1.314814563e-05f, 3.607498684e-06f, 8.625633541e-07f, 1.801689393e-07f,
     3.293730089e-08f},
    {1.266887120e-04f, 3.087030491e-04f, 3.307672450e-04f, 2.158553107e-04f, 5.966061508e-05f,
     -5.217011130e-05f, -9.217413754e-05f, -8.104660083e-05f, -5.203668115e-05f, -2.669014430e-05f,
     -1.134663944e-05f, -4.075663583e-06f, -1.251190270e-06f, -3.307442853e-07f, -7.567685856e-08f,
     -1.504452385e-08f},
    {4.810330574e-05f, 2.155406582e-05f, -1.180582149e-05f, -3.067112266e-05f, -2.880155625e-05f,
     -1.507651359e-05f, -1.749003331e-06f, 5.015644547e-06f, 5.870484983e-06f, 4.087218713e-06f,
     2.137245701e-06f, 8.994356335e-07f, 3.142714604e-07f, 9.274864965e-08f, 2.336721217e-08f,
     5.061759012e-09f}};

#if RLX_CPU_HAS_TABLE16
/// x Phi(x) where Phi comes from the table: a third of the work of erf.
struct GeluErf {
  F operator()(F x) const {
    const F a = abs(x);
    const F u = min(set1(15.99999f), a * set1(16.0f / 5.6f));
    const F magic = set1(12582912.0f);
    const F raw = (u - set1(0.5f)) + magic;  // low bits: the segment, to nearest of u - 1/2
    const F t = u - ((raw - magic) + set1(0.5f));
    const I segment = bits(raw);
    F p = look_up16(segment, kPhi[5]);
    RLX_CPU_UNROLL(5)
    for (int i = 4; i >= 0; --i) p = fma(p, t, look_up16(segment, kPhi[i]));
    p = select(less(a, set1(5.6f)), p, set1(1.0f));
    return x * select(less(x, zero()), set1(1.0f) - p, p);
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
    case RLX_ACT_RELU: return map_rows(Relu{}, x, xs, y, ys, rows, columns);
    case RLX_ACT_LEAKY_RELU: return map_rows(LeakyRelu{alpha}, x, xs, y, ys, rows, columns);
    case RLX_ACT_CLIP: return map_rows(Clip{alpha, beta}, x, xs, y, ys, rows, columns);
    case RLX_ACT_GELU_ERF: return map_rows(GeluErf{}, x, xs, y, ys, rows, columns);
    case RLX_ACT_GELU_TANH: return map_rows(GeluTanh{}, x, xs, y, ys, rows, columns);
    case RLX_ACT_SILU: return map_rows(Silu{}, x, xs, y, ys, rows, columns);
    case RLX_ACT_SIGMOID: return map_rows(Sigmoid{}, x, xs, y, ys, rows, columns);
    case RLX_ACT_TANH: return map_rows(Tanh{}, x, xs, y, ys, rows, columns);
    case RLX_ACT_HARD_SIGMOID: return map_rows(HardSigmoid{alpha, beta}, x, xs, y, ys, rows, columns);
    case RLX_ACT_HARD_SWISH: return map_rows(HardSwish{}, x, xs, y, ys, rows, columns);
    case RLX_ACT_SOFTPLUS: return map_rows(Softplus{}, x, xs, y, ys, rows, columns);
    case RLX_ACT_MISH: return map_rows(Mish{}, x, xs, y, ys, rows, columns);
    case RLX_ACT_ELU: return map_rows(Elu{alpha}, x, xs, y, ys, rows, columns);
    case RLX_ACT_SELU: return map_rows(Selu{alpha, beta}, x, xs, y, ys, rows, columns);
    case RLX_ACT_CELU: return map_rows(Celu{alpha}, x, xs, y, ys, rows, columns);
    case RLX_ACT_SOFTSIGN: return map_rows(Softsign{}, x, xs, y, ys, rows, columns);
    case RLX_ACT_SHRINK: return map_rows(Shrink{alpha, beta}, x, xs, y, ys, rows, columns);
    case RLX_ACT_THRESHOLDED_RELU: return map_rows(ThresholdedRelu{alpha}, x, xs, y, ys, rows, columns);
    default: return map_rows(Identity{}, x, xs, y, ys, rows, columns);
  }
}

#define RLX_CPU_UNARY(Name, expression)                          \
  struct Name {                                                  \
    F operator()(F x) const { return expression; }               \
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
    case RLX_UNARY_NEG: return map_array<Negative>;
    case RLX_UNARY_ABS: return map_array<Absolute>;
    case RLX_UNARY_FLOOR: return map_array<Floor>;
    case RLX_UNARY_CEIL: return map_array<Ceil>;
    case RLX_UNARY_TRUNC: return map_array<Trunc>;
    case RLX_UNARY_ROUND_EVEN: return map_array<RoundEven>;
    case RLX_UNARY_EXP: return map_array<Exp>;
    case RLX_UNARY_EXPM1: return map_array<Expm1>;
    case RLX_UNARY_LOG: return map_array<Log>;
    case RLX_UNARY_LOG1P: return map_array<Log1p>;
    case RLX_UNARY_SQRT: return map_array<Sqrt>;
    case RLX_UNARY_RSQRT: return map_array<Rsqrt>;
    case RLX_UNARY_RECIP: return map_array<Recip>;
    case RLX_UNARY_TANH: return map_array<Tanh>;
    case RLX_UNARY_ERF: return map_array<Erf>;
    case RLX_UNARY_SIGMOID: return map_array<Sigmoid>;
    default: return nullptr;
  }
}

}  // namespace rlx_cpu::RLX_CPU_ISA

#endif  // RLX_CPU_KERNELS_ACT_IMPL_H_
