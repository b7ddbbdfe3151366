// SPDX-License-Identifier: Apache-2.0
// What expansions compute, against the formula of each composite written out, on random numbers and sizes.
#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "eval.h"
#include "runtime/ir/build.h"
#include "support.h"

namespace rlx::test {
namespace {

using Index = std::vector<std::int64_t>;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::mt19937& random_source() {
  static std::mt19937 source(99);
  return source;
}

Tensor noise(Index dims, double low = -2, double high = 2) {
  std::uniform_real_distribution<double> pick(low, high);
  Tensor t{std::move(dims), {}};
  for (std::int64_t i = 0; i < t.size(); ++i) t.data.push_back(pick(random_source()));
  return t;
}

Tensor whole(Index dims, std::int64_t below) {
  Tensor t{std::move(dims), {}};
  for (std::int64_t i = 0; i < t.size(); ++i)
    t.data.push_back(static_cast<double>(random_source()() % static_cast<std::uint64_t>(below)));
  return t;
}

/// The composite's region for symbolic operands, run with numbers.
std::vector<Tensor> run(Opcode op, const std::vector<std::string>& operands, const Attributes& attributes,
                        const std::vector<Tensor>& inputs, const DimBinding& binding) {
  const auto region = expansion(op, shapes(operands), attributes);
  EXPECT_TRUE(region) << region.error().to_string();
  return region ? evaluate(**region, inputs, binding) : std::vector<Tensor>{};
}

template <class Formula>
void expect_values(const Tensor& seen, const Index& dims, Formula formula, double tolerance = 1e-6) {
  ASSERT_EQ(seen.dims, dims);
  for_each(dims, [&](const Index& index) {
    const double wanted = formula(index);
    const double value = seen.at(index);
    if (std::isnan(wanted))
      EXPECT_TRUE(std::isnan(value));
    else if (std::isinf(wanted))
      EXPECT_EQ(value, wanted);
    else
      EXPECT_NEAR(value, wanted, tolerance * (1 + std::fabs(wanted)));
  });
}

double softplus(double x) { return x > 30 ? x : std::log1p(std::exp(x)); }
double clamp(double x, double low, double high) { return std::min(std::max(x, low), high); }

using Curve = std::function<double(double)>;

TEST(ExpansionValues, EveryActivation) {
  const double pi = 3.14159265358979323846;
  const std::vector<std::pair<std::uint32_t, Curve>> curves{
      {RLX_ACT_NONE, [](double x) { return x; }},
      {RLX_ACT_RELU, [](double x) { return x > 0 ? x : 0; }},
      {RLX_ACT_LEAKY_RELU, [](double x) { return x < 0 ? 0.01 * x : x; }},
      {RLX_ACT_CLIP, [](double x) { return x; }},
      {RLX_ACT_GELU_ERF, [](double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }},
      {RLX_ACT_GELU_TANH,
       [=](double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / pi) * (x + 0.044715 * x * x * x))); }},
      {RLX_ACT_SILU, [](double x) { return x / (1 + std::exp(-x)); }},
      {RLX_ACT_SIGMOID, [](double x) { return 1 / (1 + std::exp(-x)); }},
      {RLX_ACT_TANH, [](double x) { return std::tanh(x); }},
      {RLX_ACT_HARD_SIGMOID, [](double x) { return clamp(0.2 * x + 0.5, 0, 1); }},
      {RLX_ACT_HARD_SWISH, [](double x) { return x * clamp(x / 6 + 0.5, 0, 1); }},
      {RLX_ACT_SOFTPLUS, softplus},
      {RLX_ACT_MISH, [](double x) { return x * std::tanh(softplus(x)); }},
      {RLX_ACT_ELU, [](double x) { return x > 0 ? x : std::exp(x) - 1; }},
      {RLX_ACT_SELU,
       [](double x) { return 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * (std::exp(x) - 1)); }},
      {RLX_ACT_CELU, [](double x) { return x > 0 ? x : std::exp(x) - 1; }},
      {RLX_ACT_SOFTSIGN, [](double x) { return x / (1 + std::fabs(x)); }},
      {RLX_ACT_SHRINK, [](double x) { return x < -0.5 || x > 0.5 ? x : 0; }},
      {RLX_ACT_THRESHOLDED_RELU, [](double x) { return x > 1 ? x : 0; }},
  };
  ASSERT_EQ(curves.size(), RLX_ACT_THRESHOLDED_RELU + 1);
  const Tensor x{{9}, {-60, -3.5, -1, -0.25, 0, 0.25, 1, 3.5, 60}};
  for (const auto& [act, curve] : curves) {
    SCOPED_TRACE(std::string(act_name(act)));
    const auto y = run(RLX_OP_ACT, {"f32[n]"}, {{RLX_ATTR_FN, Dim(act)}}, {x}, {{"n", 9}});
    ASSERT_EQ(y.size(), 1u);
    expect_values(y[0], {9}, [&, &f = curve](const Index& i) { return f(x.at(i)); });
  }
}

TEST(ExpansionValues, ActivationsTakeTheirParameters) {
  const std::vector<std::tuple<std::uint32_t, double, double, Curve>> curves{
      {RLX_ACT_LEAKY_RELU, 0.3, 0, [](double x) { return x < 0 ? 0.3 * x : x; }},
      {RLX_ACT_CLIP, -0.5, 1.5, [](double x) { return clamp(x, -0.5, 1.5); }},
      {RLX_ACT_HARD_SIGMOID, 0.3, 0.1, [](double x) { return clamp(0.3 * x + 0.1, 0, 1); }},
      {RLX_ACT_ELU, 2, 0, [](double x) { return x > 0 ? x : 2 * (std::exp(x) - 1); }},
      {RLX_ACT_SELU, 2, 3, [](double x) { return 3 * (x > 0 ? x : 2 * (std::exp(x) - 1)); }},
      {RLX_ACT_CELU, 2, 0, [](double x) { return x > 0 ? x : 2 * (std::exp(x / 2) - 1); }},
      {RLX_ACT_SHRINK, 1, 0.25, [](double x) { return x < -1  ? x + 0.25
                                                      : x > 1 ? x - 0.25
                                                              : 0; }},
      {RLX_ACT_THRESHOLDED_RELU, 0.5, 0, [](double x) { return x > 0.5 ? x : 0; }},
  };
  const Tensor x = noise({40}, -4, 4);
  for (const auto& [act, alpha, beta, curve] : curves) {
    SCOPED_TRACE(std::string(act_name(act)));
    const auto y = run(RLX_OP_ACT, {"f32[n]"},
                       {{RLX_ATTR_FN, Dim(act)}, {RLX_ATTR_ACT_ALPHA, alpha}, {RLX_ATTR_ACT_BETA, beta}}, {x},
                       {{"n", 40}});
    expect_values(y.at(0), {40}, [&, &f = curve](const Index& i) { return f(x.at(i)); });
  }
}

TEST(ExpansionValues, NanStaysNan) {
  const Tensor x{{1}, {std::nan("")}};
  for (std::uint32_t act = RLX_ACT_NONE; act <= RLX_ACT_SOFTSIGN; ++act) {
    const auto y = run(RLX_OP_ACT, {"f32[n]"}, {{RLX_ATTR_FN, Dim(act)}}, {x}, {{"n", 1}});
    EXPECT_TRUE(std::isnan(y.at(0).data.at(0))) << act_name(act);
  }
}

TEST(ExpansionValues, LinearOfTwoParts) {
  const Tensor x = noise({3, 5}), w0 = noise({4, 5}), w1 = noise({2, 5}), b0 = noise({4}), b1 = noise({2});
  const auto y = run(RLX_OP_LINEAR, {"f32[b, k]", "f32[4, k]", "f32[2, k]", "f32[4]", "f32[2]"},
                     {{RLX_ATTR_PARTS, Dim(2)},
                      {RLX_ATTR_W_LAYOUT, Dim(RLX_W_LAYOUT_NK)},
                      {RLX_ATTR_HAS_BIAS, Dim(1)},
                      {RLX_ATTR_ALPHAS, std::vector<double>{0.5, -2}},
                      {RLX_ATTR_ACT, Dim(RLX_ACT_RELU)}},
                     {x, w0, w1, b0, b1}, {{"b", 3}, {"k", 5}});
  ASSERT_EQ(y.size(), 2u);
  const auto formula = [&](const Tensor& w, const Tensor& b, double alpha) {
    return [&, alpha](const Index& i) {
      double sum = 0;
      for (std::int64_t k = 0; k < 5; ++k) sum += x.at({i[0], k}) * w.at({i[1], k});
      return std::max(0.0, alpha * sum + b.at({i[1]}));
    };
  };
  expect_values(y[0], {3, 4}, formula(w0, b0, 0.5));
  expect_values(y[1], {3, 2}, formula(w1, b1, -2));
}

TEST(ExpansionValues, LinearAddsTheResidualLast) {
  const Tensor x = noise({3, 5}), w = noise({5, 4}), r = noise({3, 4});
  const auto y =
      run(RLX_OP_LINEAR, {"f32[b, 5]", "f32[5, 4]", "f32[b, 4]"},
          {{RLX_ATTR_HAS_RESIDUAL, Dim(1)}, {RLX_ATTR_ACT, Dim(RLX_ACT_RELU)}}, {x, w, r}, {{"b", 3}});
  expect_values(y.at(0), {3, 4}, [&](const Index& i) {
    double sum = 0;
    for (std::int64_t k = 0; k < 5; ++k) sum += x.at({i[0], k}) * w.at({k, i[1]});
    return std::max(0.0, sum) + r.at(i);
  });
}

TEST(ExpansionValues, SoftmaxOfAMiddleAxisAndItsLog) {
  const Tensor x = noise({2, 5, 3}, -200, 900);
  for (const bool log : {false, true}) {
    const auto y =
        run(RLX_OP_SOFTMAX, {"f32[b, s, t]"}, {{RLX_ATTR_AXIS, Dim(1)}, {RLX_ATTR_LOG, Dim(log ? 1 : 0)}},
            {x}, {{"b", 2}, {"s", 5}, {"t", 3}});
    expect_values(y.at(0), {2, 5, 3}, [&](const Index& i) {
      double greatest = -kInfinity, sum = 0;
      for (std::int64_t k = 0; k < 5; ++k) greatest = std::max(greatest, x.at({i[0], k, i[2]}));
      for (std::int64_t k = 0; k < 5; ++k) sum += std::exp(x.at({i[0], k, i[2]}) - greatest);
      const double value = x.at(i) - greatest - std::log(sum);
      return log ? value : std::exp(value);
    });
  }
}

TEST(ExpansionValues, LayerNormOverTwoAxesWithResidual) {
  const Tensor x = noise({2, 3, 4}), r = noise({2, 3, 4}), gamma = noise({3, 4}), beta = noise({3, 4});
  const auto y = run(RLX_OP_LAYER_NORM, {"f32[b, s, 4]", "f32[b, s, 4]", "f32[s, 4]", "f32[s, 4]"},
                     {{RLX_ATTR_AXIS, Dim(1)}, {RLX_ATTR_HAS_RESIDUAL, Dim(1)}, {RLX_ATTR_EPS, 0.01}},
                     {x, r, gamma, beta}, {{"b", 2}, {"s", 3}});
  ASSERT_EQ(y.size(), 2u);
  expect_values(y[1], {2, 3, 4}, [&](const Index& i) { return x.at(i) + r.at(i); });
  expect_values(y[0], {2, 3, 4}, [&](const Index& i) {
    double mean = 0, variance = 0;
    for_each({3, 4}, [&](const Index& k) { mean += y[1].at({i[0], k[0], k[1]}) / 12; });
    for_each({3, 4}, [&](const Index& k) {
      variance += std::pow(y[1].at({i[0], k[0], k[1]}) - mean, 2) / 12;
    });
    return (y[1].at(i) - mean) / std::sqrt(variance + 0.01) * gamma.at(i) + beta.at(i);
  });
}

TEST(ExpansionValues, RmsNormWithOffset) {
  const Tensor x = noise({3, 6}), gamma = noise({6});
  const auto y = run(RLX_OP_RMS_NORM, {"f32[b, h]", "f32[h]"},
                     {{RLX_ATTR_EPS, 0.5}, {RLX_ATTR_GAMMA_OFFSET, 1.0}}, {x, gamma}, {{"b", 3}, {"h", 6}});
  expect_values(y.at(0), {3, 6}, [&](const Index& i) {
    double square = 0;
    for (std::int64_t k = 0; k < 6; ++k) square += x.at({i[0], k}) * x.at({i[0], k}) / 6;
    return x.at(i) / std::sqrt(square + 0.5) * (gamma.at({i[1]}) + 1);
  });
}

TEST(ExpansionValues, GroupAndBatchNorm) {
  const Tensor x = noise({2, 6, 5}), gamma = noise({6}), beta = noise({6}), mean = noise({6}),
               var = noise({6}, 0.1, 3);
  const auto group =
      run(RLX_OP_GROUP_NORM, {"f32[n, 6, h]", "f32[6]", "f32[6]"},
          {{RLX_ATTR_GROUPS, Dim(3)}, {RLX_ATTR_EPS, 0.1}}, {x, gamma, beta}, {{"n", 2}, {"h", 5}});
  expect_values(group.at(0), {2, 6, 5}, [&](const Index& i) {
    double m = 0, v = 0;
    const std::int64_t first = i[1] / 2 * 2;
    for_each({2, 5}, [&](const Index& k) { m += x.at({i[0], first + k[0], k[1]}) / 10; });
    for_each({2, 5}, [&](const Index& k) { v += std::pow(x.at({i[0], first + k[0], k[1]}) - m, 2) / 10; });
    return (x.at(i) - m) / std::sqrt(v + 0.1) * gamma.at({i[1]}) + beta.at({i[1]});
  });
  const auto batch = run(RLX_OP_BATCH_NORM, {"f32[n, c, h]", "f32[c]", "f32[c]", "f32[c]", "f32[c]"},
                         {{RLX_ATTR_EPS, 0.1}}, {x, gamma, beta, mean, var}, {{"n", 2}, {"c", 6}, {"h", 5}});
  expect_values(batch.at(0), {2, 6, 5}, [&](const Index& i) {
    const Index c{i[1]};
    return (x.at(i) - mean.at(c)) / std::sqrt(var.at(c) + 0.1) * gamma.at(c) + beta.at(c);
  });
}

TEST(ExpansionValues, EmbedNorm) {
  const Tensor ids = whole({2, 3}, 7), positions = whole({1, 3}, 5), words = noise({7, 4}),
               places = noise({5, 4});
  const Tensor gamma = noise({4}), beta = noise({4});
  const auto y =
      run(RLX_OP_EMBED_NORM, {"i64[b, s]", "i64[1, s]", "f32[v, 4]", "f32[p, 4]", "f32[4]", "f32[4]"},
          {{RLX_ATTR_PARTS, Dim(2)}, {RLX_ATTR_EPS, 0.1}}, {ids, positions, words, places, gamma, beta},
          {{"b", 2}, {"s", 3}, {"v", 7}, {"p", 5}});
  expect_values(y.at(0), {2, 3, 4}, [&](const Index& i) {
    const auto row = [&](std::int64_t k) {
      return words.at({static_cast<std::int64_t>(ids.at({i[0], i[1]})), k}) +
             places.at({static_cast<std::int64_t>(positions.at({0, i[1]})), k});
    };
    double m = 0, v = 0;
    for (std::int64_t k = 0; k < 4; ++k) m += row(k) / 4;
    for (std::int64_t k = 0; k < 4; ++k) v += std::pow(row(k) - m, 2) / 4;
    return (row(i[2]) - m) / std::sqrt(v + 0.1) * gamma.at({i[2]}) + beta.at({i[2]});
  });
}

// ---- Attention
// --------------------------------------------------------------------------------------------------------

struct AttentionCase {
  std::int64_t b = 2, h = 4, g = 2, s = 3, t = 5, d = 4, v = 3;
  Attributes attributes;
  std::string mask_shape;
  Tensor mask;
  std::function<bool(const Index&, std::int64_t)> visible = [](const Index&, std::int64_t) { return true; };
  std::function<double(const Index&, std::int64_t)> bias = [](const Index&, std::int64_t) { return 0.0; };
  double scale = 0.5, cap = 0;
};

void expect_attention(const AttentionCase& c) {
  const Tensor q = noise({c.b, c.h, c.s, c.d}), k = noise({c.b, c.g, c.t, c.d}),
               v = noise({c.b, c.g, c.t, c.v});
  std::vector<std::string> operands{"f32[b, " + std::to_string(c.h) + ", s, d]",
                                    "f32[b, " + std::to_string(c.g) + ", t, d]",
                                    "f32[b, " + std::to_string(c.g) + ", t, v]"};
  std::vector<Tensor> inputs{q, k, v};
  if (!c.mask_shape.empty()) {
    operands.push_back(c.mask_shape);
    inputs.push_back(c.mask);
  }
  const auto y = run(RLX_OP_ATTENTION, operands, c.attributes, inputs,
                     {{"b", c.b}, {"s", c.s}, {"t", c.t}, {"d", c.d}, {"v", c.v}});
  ASSERT_EQ(y.size(), 1u);
  expect_values(y[0], {c.b, c.h, c.s, c.v}, [&](const Index& i) {
    const std::int64_t group = i[1] / (c.h / c.g);
    double sum = 0, weighted = 0;
    for (std::int64_t j = 0; j < c.t; ++j) {
      if (!c.visible(i, j)) continue;
      double score = 0;
      for (std::int64_t n = 0; n < c.d; ++n) score += q.at({i[0], i[1], i[2], n}) * k.at({i[0], group, j, n});
      score *= c.scale;
      if (c.cap != 0) score = c.cap * std::tanh(score / c.cap);
      const double weight = std::exp(score + c.bias(i, j));
      sum += weight;
      weighted += weight * v.at({i[0], group, j, i[3]});
    }
    return sum == 0 ? 0 : weighted / sum;
  });
}

TEST(ExpansionValues, AttentionOfSharedAndOfOwnKeys) {
  for (const std::int64_t groups : {1, 2, 4}) {
    AttentionCase c;
    c.g = groups;
    expect_attention(c);
    c.attributes = {{RLX_ATTR_SCALE, 0.3}, {RLX_ATTR_SOFTCAP, 1.5}};
    c.scale = 0.3;
    c.cap = 1.5;
    expect_attention(c);
  }
}

TEST(ExpansionValues, AttentionInCausalOrder) {
  for (const auto& [s, t] :
       std::vector<std::pair<std::int64_t, std::int64_t>>{{3, 5}, {5, 3}, {4, 4}, {1, 1}}) {
    AttentionCase c;
    c.s = s;
    c.t = t;
    c.attributes = {{RLX_ATTR_CAUSAL, Dim(RLX_CAUSAL_TOP_LEFT)}};
    c.visible = [](const Index& i, std::int64_t j) { return j <= i[2]; };
    expect_attention(c);
    c.attributes = {{RLX_ATTR_CAUSAL, Dim(RLX_CAUSAL_BOTTOM_RIGHT)}};
    c.visible = [s = s, t = t](const Index& i, std::int64_t j) { return j <= i[2] + t - s; };
    expect_attention(c);  // s > t: the first queries see nothing and give zeros
  }
}

TEST(ExpansionValues, AttentionInWindows) {
  for (const std::uint32_t causal : {RLX_CAUSAL_NONE, RLX_CAUSAL_TOP_LEFT, RLX_CAUSAL_BOTTOM_RIGHT})
    for (const std::int64_t left : {-1, 0, 2})
      for (const std::int64_t right : {-1, 0, 1}) {
        AttentionCase c;
        c.s = 4;
        c.t = 7;
        c.attributes = {{RLX_ATTR_CAUSAL, Dim(causal)},
                        {RLX_ATTR_WINDOW_LEFT, Dim(left)},
                        {RLX_ATTR_WINDOW_RIGHT, Dim(right)}};
        c.visible = [=](const Index& i, std::int64_t j) {
          const std::int64_t at = i[2] + (causal == RLX_CAUSAL_BOTTOM_RIGHT ? 3 : 0);
          return (causal == RLX_CAUSAL_NONE || j <= at) && (left < 0 || j >= at - left) &&
                 (right < 0 || j <= at + right);
        };
        expect_attention(c);
      }
}

TEST(ExpansionValues, AttentionUnderEveryMask) {
  AttentionCase c;
  c.attributes = {{RLX_ATTR_MASK_KIND, Dim(RLX_MASK_BOOL)}};
  c.mask_shape = "bool[s, t]";
  c.mask = whole({3, 5}, 2);
  for (std::size_t j = 0; j < 5; ++j) c.mask.data[5 + j] = 0;  // query 1 sees nothing
  c.visible = [&c](const Index& i, std::int64_t j) { return c.mask.at({i[2], j}) != 0; };
  expect_attention(c);

  c.attributes = {{RLX_ATTR_MASK_KIND, Dim(RLX_MASK_KEY_BOOL)}};
  c.mask_shape = "bool[b, t]";
  c.mask = whole({2, 5}, 2);
  for (std::size_t j = 0; j < 5; ++j) c.mask.data[j] = 0;
  c.visible = [&c](const Index& i, std::int64_t j) { return c.mask.at({i[0], j}) != 0; };
  expect_attention(c);

  c.attributes = {{RLX_ATTR_MASK_KIND, Dim(RLX_MASK_LENGTHS)}, {RLX_ATTR_CAUSAL, Dim(RLX_CAUSAL_TOP_LEFT)}};
  c.mask_shape = "i64[b]";
  c.mask = Tensor{{2}, {0, 2}};
  c.visible = [&c](const Index& i, std::int64_t j) {
    return static_cast<double>(j) < c.mask.at({i[0]}) && j <= i[2];
  };
  expect_attention(c);

  c.attributes = {{RLX_ATTR_MASK_KIND, Dim(RLX_MASK_BIAS)}};
  c.mask_shape = "f32[b, 1, 1, t]";
  c.mask = noise({2, 1, 1, 5});
  for (std::size_t j = 0; j < 5; ++j) c.mask.data[j] = -kInfinity;
  c.visible = [](const Index&, std::int64_t) { return true; };
  c.bias = [&c](const Index& i, std::int64_t j) { return c.mask.at({i[0], 0, 0, j}); };
  expect_attention(c);
}

TEST(ExpansionValues, AttentionInCausalOrderOfLengths) {
  for (const std::int64_t left : {-1, 1}) {
    AttentionCase c;
    c.s = 2;
    c.t = 6;
    c.attributes = {{RLX_ATTR_MASK_KIND, Dim(RLX_MASK_LENGTHS)},
                    {RLX_ATTR_CAUSAL, Dim(RLX_CAUSAL_LENGTH)},
                    {RLX_ATTR_WINDOW_LEFT, Dim(left)}};
    c.mask_shape = "i64[b]";
    c.mask = Tensor{{2}, {5, 1}};  // of length 1 the first of two queries sees nothing
    c.visible = [&c, left](const Index& i, std::int64_t j) {
      const std::int64_t length = static_cast<std::int64_t>(c.mask.at({i[0]})), at = i[2] + length - 2;
      return j < length && j <= at && (left < 0 || j >= at - left);
    };
    expect_attention(c);
  }
}

TEST(ExpansionValues, AttentionOfPackedRows) {
  for (const std::uint32_t causal : {RLX_CAUSAL_NONE, RLX_CAUSAL_TOP_LEFT}) {
    AttentionCase c;
    c.s = c.t = 8;
    c.attributes = {{RLX_ATTR_MASK_KIND, Dim(RLX_MASK_SEQ_OFFSETS)}, {RLX_ATTR_CAUSAL, Dim(causal)}};
    c.mask_shape = "i64[5]";
    c.mask = Tensor{{5}, {1, 3, 3, 6, 7}};  // rows 0 and 7 belong to nobody
    const auto sequence = [](std::int64_t row) { return row < 1 || row > 6 ? -1 : row < 3 ? 0 : row < 6 ? 2 : 3; };
    c.visible = [=](const Index& i, std::int64_t j) {
      return sequence(j) >= 0 && sequence(i[2]) == sequence(j) && (causal == RLX_CAUSAL_NONE || j <= i[2]);
    };
    expect_attention(c);
  }
}

TEST(ExpansionValues, AttentionReadsNothingPastTheLengths) {
  const Tensor q = noise({1, 1, 1, 2});
  Tensor k = noise({1, 1, 3, 2}), v = noise({1, 1, 3, 2});
  k.data[4] = k.data[5] = v.data[4] = v.data[5] = std::nan("");
  const auto y =
      run(RLX_OP_ATTENTION, {"f32[1, 1, s, 2]", "f32[1, 1, t, 2]", "f32[1, 1, t, 2]", "i64[1]"},
          {{RLX_ATTR_MASK_KIND, Dim(RLX_MASK_LENGTHS)}}, {q, k, v, Tensor{{1}, {2}}}, {{"s", 1}, {"t", 3}});
  for (const double value : y.at(0).data) EXPECT_TRUE(std::isfinite(value));
}

TEST(ExpansionValues, AttentionOfNoKeysGivesZeros) {
  AttentionCase c;
  c.t = 0;
  c.attributes = {{RLX_ATTR_CAUSAL, Dim(RLX_CAUSAL_TOP_LEFT)}};
  expect_attention(c);
}

// ---- The rest
// ---------------------------------------------------------------------------------------------------------

TEST(ExpansionValues, RopeInHalvesAndInterleaved) {
  const std::int64_t rotary = 4;
  const Tensor x = noise({2, 3, 5, 6}), cos = noise({9, 2}), sin = noise({9, 2}),
               positions = whole({2, 5}, 9);
  for (const bool interleaved : {false, true}) {
    const auto y =
        run(RLX_OP_ROPE, {"f32[b, h, s, 6]", "f32[p, 2]", "f32[p, 2]", "i64[b, s]"},
            {{RLX_ATTR_ROTARY_DIMS, Dim(rotary)}, {RLX_ATTR_INTERLEAVED, Dim(interleaved ? 1 : 0)}},
            {x, cos, sin, positions}, {{"b", 2}, {"h", 3}, {"s", 5}, {"p", 9}});
    expect_values(y.at(0), {2, 3, 5, 6}, [&](const Index& i) {
      if (i[3] >= rotary) return x.at(i);
      const std::int64_t pair = interleaved ? i[3] / 2 : i[3] % 2;
      const bool second = interleaved ? i[3] % 2 == 1 : i[3] >= 2;
      const auto part = [&](bool high) {
        return x.at({i[0], i[1], i[2], interleaved ? 2 * pair + (high ? 1 : 0) : pair + (high ? 2 : 0)});
      };
      const auto at = static_cast<std::int64_t>(positions.at({i[0], i[2]}));
      const double c = cos.at({at, pair}), s = sin.at({at, pair});
      return second ? part(true) * c + part(false) * s : part(false) * c - part(true) * s;
    });
  }
}

TEST(ExpansionValues, RopeOfWholeHeadsByRow) {
  const Tensor x = noise({2, 1, 3, 4}), cos = noise({2, 3, 2}), sin = noise({2, 3, 2});
  const auto y =
      run(RLX_OP_ROPE, {"f32[b, 1, s, d]", "f32[b, s, floordiv(d, 2)]", "f32[b, s, floordiv(d, 2)]"}, {},
          {x, cos, sin}, {{"b", 2}, {"s", 3}, {"d", 4}});
  expect_values(y.at(0), {2, 1, 3, 4}, [&](const Index& i) {
    const Index at{i[0], i[2], i[3] % 2};
    const double low = x.at({i[0], 0, i[2], i[3] % 2}), high = x.at({i[0], 0, i[2], i[3] % 2 + 2});
    return i[3] < 2 ? low * cos.at(at) - high * sin.at(at) : high * cos.at(at) + low * sin.at(at);
  });
}

TEST(ExpansionValues, GatedAct) {
  const Tensor a = noise({3, 4}), b = noise({3, 4});
  const auto y = run(RLX_OP_GATED_ACT, {"f32[n, 4]", "f32[n, 4]"}, {{RLX_ATTR_ACT, Dim(RLX_ACT_SILU)}},
                     {a, b}, {{"n", 3}});
  expect_values(y.at(0), {3, 4},
                [&](const Index& i) { return a.at(i) / (1 + std::exp(-a.at(i))) * b.at(i); });
}

TEST(ExpansionValues, ConvActActivatesTheSum) {
  const Tensor x = noise({2, 3, 6}), w = noise({4, 3, 3}), b = noise({4}), r = noise({2, 4, 3});
  const auto y = run(RLX_OP_CONV_ACT, {"f32[n, 3, l]", "f32[4, 3, 3]", "f32[4]", "f32[n, 4, 3]"},
                     {{RLX_ATTR_HAS_BIAS, Dim(1)},
                      {RLX_ATTR_HAS_RESIDUAL, Dim(1)},
                      {RLX_ATTR_ACT, Dim(RLX_ACT_RELU)},
                      {RLX_ATTR_STRIDES, Dims{2}},
                      {RLX_ATTR_LOW, Dims{1}}},
                     {x, w, b, r}, {{"n", 2}, {"l", 6}});
  expect_values(y.at(0), {2, 4, 3}, [&](const Index& i) {
    double sum = b.at({i[1]}) + r.at(i);
    for_each({3, 3}, [&](const Index& k) {
      const std::int64_t at = 2 * i[2] + k[1] - 1;
      if (at >= 0 && at < 6) sum += x.at({i[0], k[0], at}) * w.at({i[1], k[0], k[1]});
    });
    return std::max(0.0, sum);
  });
}

TEST(ExpansionValues, AvgPoolCountsOrSkipsThePadding) {
  const Tensor x = noise({2, 3, 5});
  for (const bool pad : {false, true}) {
    const auto y = run(RLX_OP_AVG_POOL, {"f32[n, c, l]"},
                       {{RLX_ATTR_WINDOW, Dims{3}},
                        {RLX_ATTR_LOW, Dims{1}},
                        {RLX_ATTR_HIGH, Dims{1}},
                        {RLX_ATTR_STRIDES, Dims{2}},
                        {RLX_ATTR_COUNT_INCLUDE_PAD, Dim(pad ? 1 : 0)}},
                       {x}, {{"n", 2}, {"c", 3}, {"l", 5}});
    expect_values(y.at(0), {2, 3, 3}, [&](const Index& i) {
      double sum = 0, count = 0;
      for (std::int64_t k = 0; k < 3; ++k) {
        const std::int64_t at = 2 * i[2] + k - 1;
        if (at < 0 || at >= 5) continue;
        sum += x.at({i[0], i[1], at});
        ++count;
      }
      return sum / (pad ? 3 : count);
    });
  }
}

TEST(ExpansionValues, SegmentReduce) {
  const Tensor x = noise({6, 2}), offsets{{4}, {0, 2, 2, 5}};
  for (const std::uint32_t fn : {RLX_REDUCE_SUM, RLX_REDUCE_PROD, RLX_REDUCE_MAX, RLX_REDUCE_MIN}) {
    const auto y = run(RLX_OP_SEGMENT_REDUCE, {"f32[rows, 2]", "i64[n]"}, {{RLX_ATTR_FN, Dim(fn)}},
                       {x, offsets}, {{"rows", 6}, {"n", 4}});
    expect_values(y.at(0), {3, 2}, [&](const Index& i) {
      double sum = fn == RLX_REDUCE_PROD  ? 1
                   : fn == RLX_REDUCE_MAX ? -kInfinity
                   : fn == RLX_REDUCE_MIN ? kInfinity
                                          : 0;
      for (auto row = static_cast<std::int64_t>(offsets.at({i[0]}));
           row < static_cast<std::int64_t>(offsets.at({i[0] + 1})); ++row) {
        const double value = x.at({row, i[1]});
        sum = fn == RLX_REDUCE_SUM    ? sum + value
              : fn == RLX_REDUCE_PROD ? sum * value
              : fn == RLX_REDUCE_MAX  ? std::max(sum, value)
                                      : std::min(sum, value);
      }
      return sum;
    });
  }
}

}  // namespace
}  // namespace rlx::test
