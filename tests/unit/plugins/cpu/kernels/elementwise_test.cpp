// SPDX-License-Identifier: Apache-2.0
// Every activation and unary function against long double over the whole range of f32, with the header's
// bounds.
#include <functional>

#include "test_support.h"

namespace rlx_cpu {
namespace {

using Elementwise = KernelTest;
RLX_FOR_EACH_ISA(Elementwise);

using Real = long double;
using Exact = std::function<Real(Real)>;

/// Values of every exponent and sign, dense ones around what the functions switch on, and the special ones.
const std::vector<float>& inputs() {
  static const std::vector<float> values = [] {
    std::vector<float> v = {
        0.0f,          -0.0f,         1.0f, -1.0f, 1e-45f, -1e-45f, 1.17549435e-38f, -1.17549421e-38f,
        3.4028235e38f, -3.4028235e38f};
    Random random(5);
    for (int exponent = 0; exponent < 255; ++exponent) {
      for (int i = 0; i < 24; ++i) {
        const uint32_t bits = (random.bits() & 0x807fffffu) | (static_cast<uint32_t>(exponent) << 23);
        float x;
        std::memcpy(&x, &bits, sizeof x);
        v.push_back(x);
      }
    }
    for (int i = -60000; i <= 60000; ++i)
      v.push_back(static_cast<float>(i) * 0.00175f + random.uniform() * 0.001f);
    return v;
  }();
  return values;
}

/// Error in units of u|y|, above a floor for subnormal intermediate values; overflow is compared as overflow.
struct Bound {
  double relative;                                   // times u |y|
  std::function<double(double)> absolute = nullptr;  // times u, from x
};

void expect_within(const std::vector<float>& got, const Exact& exact, const Bound& bound) {
  const std::vector<float>& x = inputs();
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const Real want = exact(x[i]);
    if (std::isnan(want)) {
      ASSERT_TRUE(std::isnan(got[i])) << "f(" << x[i] << ") = " << got[i];
      continue;
    }
    Real allowed =
        bound.relative * kUnit * std::fabs(want) + 2.9e-45L * (1 + std::fabs(static_cast<Real>(x[i])));
    if (bound.absolute) allowed += kUnit * bound.absolute(x[i]);
    if (std::isinf(got[i])) {
      ASSERT_GE(std::fabs(want) + allowed, 3.4028235e38L) << "f(" << x[i] << ") is not infinite";
      ASSERT_EQ(std::signbit(got[i]), std::signbit(want));
      continue;
    }
    ASSERT_LE(std::fabs(got[i] - want), allowed)
        << std::hexfloat << "f(" << x[i] << ") = " << got[i] << ", want " << static_cast<double>(want);
    worst = std::max(worst, static_cast<double>(std::fabs(got[i] - want) / allowed));
  }
  EXPECT_GT(worst, 0.0) << "no error at all: the reference is the thing under test";
}

struct UnaryCase {
  uint32_t fn;
  const char* name;
  Exact exact;
  double relative;
};

const UnaryCase kUnaryCases[] = {
    {RLX_UNARY_EXP, "exp", [](Real x) { return std::exp(x); }, 3},
    {RLX_UNARY_EXPM1, "expm1", [](Real x) { return std::expm1(x); }, 5},
    {RLX_UNARY_LOG, "log", [](Real x) { return std::log(x); }, 4},
    {RLX_UNARY_LOG1P, "log1p", [](Real x) { return std::log1p(x); }, 4},
    {RLX_UNARY_TANH, "tanh", [](Real x) { return std::tanh(x); }, 4},
    {RLX_UNARY_ERF, "erf", [](Real x) { return std::erf(x); }, 4},
    {RLX_UNARY_SIGMOID, "sigmoid", [](Real x) { return 1 / (1 + std::exp(-x)); }, 5},
    {RLX_UNARY_RSQRT, "rsqrt", [](Real x) { return 1 / std::sqrt(x); }, 3},
};

TEST_P(Elementwise, UnaryStaysWithinItsBound) {
  for (const UnaryCase& c : kUnaryCases) {
    SCOPED_TRACE(c.name);
    std::vector<float> y(inputs().size());
    table().unary(c.fn)(inputs().data(), y.data(), static_cast<int64_t>(y.size()));
    expect_within(y, c.exact, {c.relative});
  }
}

TEST_P(Elementwise, ExactUnaryIsExact) {
  const struct {
    uint32_t fn;
    float (*exact)(float);
  } cases[] = {
      {RLX_UNARY_NEG, [](float x) { return -x; }},
      {RLX_UNARY_ABS, [](float x) { return std::fabs(x); }},
      {RLX_UNARY_FLOOR, [](float x) { return std::floor(x); }},
      {RLX_UNARY_CEIL, [](float x) { return std::ceil(x); }},
      {RLX_UNARY_TRUNC, [](float x) { return std::trunc(x); }},
      {RLX_UNARY_ROUND_EVEN, [](float x) { return std::nearbyint(x); }},
      {RLX_UNARY_SQRT, [](float x) { return std::sqrt(x); }},
      {RLX_UNARY_RECIP, [](float x) { return 1.0f / x; }},
  };
  for (const auto& c : cases) {
    std::vector<float> y(inputs().size());
    table().unary(c.fn)(inputs().data(), y.data(), static_cast<int64_t>(y.size()));
    for (size_t i = 0; i < y.size(); ++i) {
      const float want = c.exact(inputs()[i]);
      ASSERT_TRUE(same_bits(y[i], want) || (std::isnan(y[i]) && std::isnan(want)))
          << c.fn << " of " << inputs()[i] << ": " << y[i];
    }
  }
}

TEST_P(Elementwise, UnaryAtSpecialValues) {
  const float x[6] = {kNaN, kInf, -kInf, 0.0f, -0.0f, -1.0f};
  float y[6];
  const struct {
    uint32_t fn;
    std::vector<float> want;
  } cases[] = {
      {RLX_UNARY_EXP, {kNaN, kInf, 0.0f, 1.0f, 1.0f}},
      {RLX_UNARY_EXPM1, {kNaN, kInf, -1.0f, 0.0f, -0.0f}},
      {RLX_UNARY_LOG, {kNaN, kInf, kNaN, -kInf, -kInf, kNaN}},
      {RLX_UNARY_LOG1P, {kNaN, kInf, kNaN, 0.0f, -0.0f, -kInf}},
      {RLX_UNARY_TANH, {kNaN, 1.0f, -1.0f, 0.0f, -0.0f}},
      {RLX_UNARY_ERF, {kNaN, 1.0f, -1.0f, 0.0f, -0.0f}},
      {RLX_UNARY_SIGMOID, {kNaN, 1.0f, 0.0f, 0.5f, 0.5f}},
      {RLX_UNARY_SQRT, {kNaN, kInf, kNaN, 0.0f, -0.0f, kNaN}},
      {RLX_UNARY_RECIP, {kNaN, 0.0f, -0.0f, kInf, -kInf, -1.0f}},
  };
  for (const auto& c : cases) {
    table().unary(c.fn)(x, y, 6);
    for (size_t i = 0; i < c.want.size(); ++i) {
      EXPECT_TRUE(std::isnan(c.want[i]) ? std::isnan(y[i]) : same_bits(y[i], c.want[i]))
          << c.fn << " of " << x[i] << ": " << y[i];
    }
  }
}

TEST_P(Elementwise, UnaryWithoutFastKernelIsNull) {
  EXPECT_EQ(table().unary(RLX_UNARY_SIN), nullptr);
  EXPECT_EQ(table().unary(RLX_UNARY_ISNAN), nullptr);
}

Real sigmoid(Real x) { return 1 / (1 + std::exp(-x)); }
Real clamp01(Real x) { return std::fmin(std::fmax(x, 0), 1); }

struct ActCase {
  Activation act;
  Exact exact;
  Bound bound;
};

std::vector<ActCase> act_cases() {
  const auto magnitude = [](double x) { return 4 * std::fabs(x); };
  return {
      {{RLX_ACT_LEAKY_RELU, 0.1f, 0}, [](Real x) { return x < 0 ? x * 0.1f : x; }, {1}},
      {{RLX_ACT_GELU_ERF, 0, 0},
       [](Real x) { return x / 2 * std::erfc(-x / std::sqrt(Real(2))); },
       {4, magnitude}},
      {{RLX_ACT_GELU_TANH, 0, 0},
       [](Real x) {
         return std::isinf(x * x * x) && x < 0
                    ? Real(0)
                    : x * sigmoid(2 * std::sqrt(2 / 3.14159265358979323846L) * (x + 0.044715L * x * x * x));
       },
       {8,
        [](double x) {
          const double t = 1.5957691216 * (x + 0.044715 * x * x * x);
          return 4 * std::fabs(t) * std::fabs(x) / (1 + std::exp(-t)) + 1e-30;
        }}},
      {{RLX_ACT_SILU, 0, 0}, [](Real x) { return x * sigmoid(x); }, {6}},
      {{RLX_ACT_SIGMOID, 0, 0}, sigmoid, {5}},
      {{RLX_ACT_TANH, 0, 0}, [](Real x) { return std::tanh(x); }, {4}},
      {{RLX_ACT_HARD_SIGMOID, 0.2f, 0.5f},
       [](Real x) { return clamp01(x * 0.2f + 0.5f); },
       {4, [](double) { return 1.0; }}},
      {{RLX_ACT_HARD_SWISH, 0, 0}, [](Real x) { return x * clamp01(x / 6 + 0.5L); }, {4, magnitude}},
      {{RLX_ACT_SOFTPLUS, 0, 0},
       [](Real x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); },
       {5}},
      {{RLX_ACT_MISH, 0, 0},
       [](Real x) { return x * std::tanh(x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x))); },
       {10}},
      {{RLX_ACT_ELU, 1.5f, 0}, [](Real x) { return x < 0 ? 1.5L * std::expm1(x) : x; }, {6}},
      {{RLX_ACT_SELU, 1.67326f, 1.0507f},
       [](Real x) { return 1.0507f * (x < 0 ? 1.67326f * std::expm1(x) : x); },
       {6}},
      {{RLX_ACT_CELU, 2.0f, 0}, [](Real x) { return x < 0 ? 2 * std::expm1(x / 2) : x; }, {6}},
      {{RLX_ACT_SOFTSIGN, 0, 0}, [](Real x) { return x / (1 + std::fabs(x)); }, {4}},
      {{RLX_ACT_SHRINK, 0.5f, 0.3f},
       [](Real x) { return x < -0.5L  ? x + 0.3f
                           : x > 0.5L ? x - 0.3f
                                      : Real(0); },
       {1}},
  };
}

TEST_P(Elementwise, ActivationStaysWithinItsBound) {
  const int64_t n = static_cast<int64_t>(inputs().size());
  for (const ActCase& c : act_cases()) {
    SCOPED_TRACE(c.act.kind);
    std::vector<float> y(inputs().size());
    table().act(c.act, inputs().data(), n, y.data(), n, 1, n);
    expect_within(y, c.exact, c.bound);
  }
}

TEST_P(Elementwise, SelectingActivationsAreExact) {
  const struct {
    Activation act;
    float (*exact)(float);
  } cases[] = {
      {{RLX_ACT_NONE, 0, 0}, [](float x) { return x; }},
      {{RLX_ACT_RELU, 0, 0}, [](float x) { return x > 0 ? x : 0.0f; }},
      {{RLX_ACT_CLIP, -0.5f, 6.0f}, [](float x) { return x < -0.5f  ? -0.5f
                                                         : x > 6.0f ? 6.0f
                                                                    : x; }},
      {{RLX_ACT_THRESHOLDED_RELU, 0.7f, 0}, [](float x) { return x > 0.7f ? x : 0.0f; }},
  };
  const int64_t n = static_cast<int64_t>(inputs().size());
  for (const auto& c : cases) {
    std::vector<float> y(inputs().size());
    table().act(c.act, inputs().data(), n, y.data(), n, 1, n);
    for (size_t i = 0; i < y.size(); ++i)
      ASSERT_EQ(y[i], c.exact(inputs()[i])) << c.act.kind << " of " << inputs()[i];
  }
}

TEST_P(Elementwise, EveryActivationKeepsNaNButWhereElseIsZero) {
  for (uint32_t kind = RLX_ACT_NONE; kind <= RLX_ACT_THRESHOLDED_RELU; ++kind) {
    std::vector<float> x(19, kNaN), y(19, 0.0f);
    table().act({kind, 0.5f, 0.75f}, x.data(), 19, y.data(), 19, 1, 19);
    const bool zero = kind == RLX_ACT_SHRINK || kind == RLX_ACT_THRESHOLDED_RELU;
    for (const float v : y) ASSERT_TRUE(zero ? v == 0.0f : std::isnan(v)) << kind;
  }
}

TEST_P(Elementwise, ActivationAtInfinity) {
  const float x[2] = {kInf, -kInf};
  const struct {
    Activation act;
    float want[2];
  } cases[] = {
      {{RLX_ACT_RELU, 0, 0}, {kInf, 0.0f}},         {{RLX_ACT_CLIP, -1, 2}, {2.0f, -1.0f}},
      {{RLX_ACT_GELU_ERF, 0, 0}, {kInf, kNaN}},     {{RLX_ACT_SILU, 0, 0}, {kInf, kNaN}},
      {{RLX_ACT_SOFTPLUS, 0, 0}, {kInf, 0.0f}},     {{RLX_ACT_ELU, 2.0f, 0}, {kInf, -2.0f}},
      {{RLX_ACT_SIGMOID, 0, 0}, {1.0f, 0.0f}},      {{RLX_ACT_TANH, 0, 0}, {1.0f, -1.0f}},
      {{RLX_ACT_HARD_SIGMOID, 0.2f, 0.5f}, {1, 0}}, {{RLX_ACT_LEAKY_RELU, 0.5f, 0}, {kInf, -kInf}},
  };
  for (const auto& c : cases) {
    float y[2];
    table().act(c.act, x, 2, y, 2, 1, 2);
    for (int i = 0; i < 2; ++i) {
      EXPECT_TRUE(std::isnan(c.want[i]) ? std::isnan(y[i]) : y[i] == c.want[i])
          << c.act.kind << " of " << x[i] << ": " << y[i];
    }
  }
}

TEST_P(Elementwise, TailsTouchNothingElse) {
  for (int64_t n = 0; n <= 40; ++n) {
    const Guarded<float> x(n, 3);
    Guarded<float> y(n);
    table().act({RLX_ACT_SILU, 0, 0}, x.data(), n, y.data(), n, 1, n);
    std::vector<float> behind(static_cast<size_t>(n) + 20, 9.0f);
    table().act({RLX_ACT_SILU, 0, 0}, x.data(), n, behind.data(), n, 1, n);
    EXPECT_TRUE(same_bits(y.data(), behind.data(), n));
    for (size_t i = static_cast<size_t>(n); i < behind.size(); ++i) ASSERT_EQ(behind[i], 9.0f) << n;
  }
}

TEST_P(Elementwise, RowStridesAndInPlace) {
  const int64_t rows = 3, columns = 21, stride = 25;
  Guarded<float> x((rows - 1) * stride + columns, 3);
  const std::vector<float> before = x.copy();
  std::vector<float> flat(static_cast<size_t>(columns));
  table().act({RLX_ACT_TANH, 0, 0}, x.data(), stride, x.data(), stride, rows, columns);
  for (int64_t r = 0; r < rows; ++r) {
    table().act({RLX_ACT_TANH, 0, 0}, before.data() + r * stride, columns, flat.data(), columns, 1, columns);
    EXPECT_TRUE(same_bits(flat.data(), x.data() + r * stride, columns));
    for (int64_t c = columns; c < stride && r + 1 < rows; ++c)
      ASSERT_EQ(x[r * stride + c], before[static_cast<size_t>(r * stride + c)]);
  }
}

}  // namespace
}  // namespace rlx_cpu
