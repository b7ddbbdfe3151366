// SPDX-License-Identifier: Apache-2.0
// Layer norm, rms norm and softmax against float64; tails, residuals, aliasing, special values.
#include "test_support.h"

namespace rlx_cpu {
namespace {

using RowOps = KernelTest;
RLX_FOR_EACH_ISA(RowOps);

const int64_t kWidths[] = {1, 2, 7, 15, 16, 17, 31, 33, 48, 100, 384, 385};

struct Reference {
  std::vector<double> z;
  double mean = 0, variance = 0, mean_square = 0, largest = 0;
  Reference(const float* x, const float* residual, int64_t n) {
    for (int64_t i = 0; i < n; ++i)
      z.push_back(static_cast<double>(x[i] + (residual == nullptr ? 0.0f : residual[i])));
    for (const double v : z) mean += v / static_cast<double>(n);
    for (const double v : z) {
      variance += (v - mean) * (v - mean) / static_cast<double>(n);
      mean_square += v * v / static_cast<double>(n);
      largest = std::max(largest, std::fabs(v));
    }
  }
};

TEST_P(RowOps, LayerNormFollowsTheFormula) {
  for (const int64_t n : kWidths) {
    for (const bool with_residual : {false, true}) {
      SCOPED_TRACE(testing::Message() << n << (with_residual ? " with residual" : ""));
      const int64_t rows = 3, stride = n + 2;
      const Guarded<float> x((rows - 1) * stride + n, 1, 3.0f), residual((rows - 1) * stride + n, 2),
          gamma_(n, 3), beta(n, 4);
      Guarded<float> y((rows - 1) * stride + n), sum((rows - 1) * stride + n);
      const float eps = 1e-3f;
      NormArgs args = {x.data(),
                       stride,
                       with_residual ? residual.data() : nullptr,
                       stride,
                       gamma_.data(),
                       beta.data(),
                       y.data(),
                       stride,
                       sum.data(),
                       stride,
                       n,
                       eps,
                       0};
      table().layer_norm(args, 0, rows);
      for (int64_t r = 0; r < rows; ++r) {
        const Reference want(x.data() + r * stride, with_residual ? residual.data() + r * stride : nullptr,
                             n);
        const double scale = 1 / std::sqrt(want.variance + eps);
        for (int64_t i = 0; i < n; ++i) {
          const double z = want.z[static_cast<size_t>(i)];
          ASSERT_EQ(sum[r * stride + i], static_cast<float>(z));
          const double exact = (z - want.mean) * scale * gamma_[i] + beta[i];
          ASSERT_NEAR(
              y[r * stride + i], exact,
              gamma(n + 8) * (2 * want.largest * scale * std::fabs(gamma_[i]) + std::fabs(beta[i])) * 2);
        }
      }
    }
  }
}

TEST_P(RowOps, RmsNormFollowsTheFormula) {
  for (const int64_t n : kWidths) {
    for (const float offset : {0.0f, 1.0f}) {
      const Guarded<float> x(n, 1, 3.0f), residual(n, 2), gamma_(n, 3);
      Guarded<float> y(n);
      const float eps = 1e-3f;
      NormArgs args = {x.data(), n,   residual.data(), n, gamma_.data(), nullptr, y.data(), n, nullptr, 0,
                       n,        eps, offset};
      table().rms_norm(args, 0, 1);
      const Reference want(x.data(), residual.data(), n);
      for (int64_t i = 0; i < n; ++i) {
        const double exact = want.z[static_cast<size_t>(i)] / std::sqrt(want.mean_square + eps) *
                             (gamma_[i] + static_cast<double>(offset));
        ASSERT_NEAR(y[i], exact, gamma(n + 8) * std::fabs(exact) + 1e-12) << n << " at " << i;
      }
    }
  }
}

TEST_P(RowOps, NormWorksInPlaceAndWithoutParameters) {
  for (const bool rms : {false, true}) {
    const int64_t n = 50;
    const Guarded<float> x(n, 1), residual(n, 2);
    Guarded<float> apart(n), in_place(n), ones(n), zeros(n), plain(n);
    ones.fill(1.0f);
    zeros.fill(0.0f);
    std::memcpy(in_place.data(), x.data(), sizeof(float) * n);
    NormArgs args = {x.data(), n, residual.data(), n, ones.data(), zeros.data(), apart.data(), n, nullptr,
                     0,        n, 1e-5f,           0};
    const auto norm = rms ? table().rms_norm : table().layer_norm;
    norm(args, 0, 1);
    args.x = in_place.data();
    args.y = in_place.data();
    norm(args, 0, 1);
    EXPECT_TRUE(same_bits(apart.data(), in_place.data(), n));
    args.x = x.data();
    args.y = plain.data();
    args.gamma = args.beta = nullptr;
    norm(args, 0, 1);
    EXPECT_TRUE(same_bits(apart.data(), plain.data(), n));
  }
}

TEST_P(RowOps, LayerNormOfAConstantRowIsBeta) {
  const int64_t n = 37;
  Guarded<float> x(n), beta(n, 2), y(n);
  x.fill(5.0f);
  const NormArgs args = {x.data(), n, nullptr, 0,      nullptr, beta.data(), y.data(), n,
                         nullptr,  0, n,       1e-12f, 0};
  table().layer_norm(args, 0, 1);
  EXPECT_TRUE(same_bits(y.data(), beta.data(), n));
}

TEST_P(RowOps, LayerNormKeepsSmallSpreadOnALargeMean) {
  const int64_t n = 64;
  Guarded<float> x(n), y(n);
  for (int64_t i = 0; i < n; ++i) x[i] = 4096.0f + (i % 2 == 0 ? 0.5f : -0.5f);
  const NormArgs args = {x.data(), n, nullptr, 0, nullptr, nullptr, y.data(), n, nullptr, 0, n, 0.0f, 0};
  table().layer_norm(args, 0, 1);
  for (int64_t i = 0; i < n; ++i) ASSERT_NEAR(y[i], i % 2 == 0 ? 1.0 : -1.0, 1e-6);
}

TEST_P(RowOps, SoftmaxFollowsTheFormula) {
  for (const int64_t n : kWidths) {
    for (const bool log : {false, true}) {
      SCOPED_TRACE(testing::Message() << n << (log ? " log" : ""));
      const int64_t rows = 3, stride = n + 1;
      const Guarded<float> x((rows - 1) * stride + n, 1, 20.0f);
      Guarded<float> y((rows - 1) * stride + n);
      const SoftmaxArgs args = {x.data(), stride, y.data(), stride, n, log};
      table().softmax(args, 0, rows);
      for (int64_t r = 0; r < rows; ++r) {
        double best = -1e30, sum = 0;
        for (int64_t i = 0; i < n; ++i) best = std::max(best, static_cast<double>(x[r * stride + i]));
        for (int64_t i = 0; i < n; ++i) sum += std::exp(x[r * stride + i] - best);
        for (int64_t i = 0; i < n; ++i) {
          const double t = x[r * stride + i] - best;
          const double want = log ? t - std::log(sum) : std::exp(t) / sum;
          const double allowed = log ? 4 * kUnit * (std::fabs(t) + std::fabs(want)) + gamma(n + 8)
                                     : gamma(n + 8) * want + std::fabs(t) * kUnit * want;
          ASSERT_NEAR(y[r * stride + i], want, allowed) << i;
        }
      }
    }
  }
}

TEST_P(RowOps, SoftmaxAtSpecialValues) {
  const int64_t n = 20;
  Guarded<float> x(n, 1), y(n);
  x[3] = -kInf;
  SoftmaxArgs args = {x.data(), n, y.data(), n, n, false};
  table().softmax(args, 0, 1);
  EXPECT_EQ(y[3], 0.0f);
  x[19] = kNaN;
  table().softmax(args, 0, 1);
  for (int64_t i = 0; i < n; ++i) ASSERT_TRUE(std::isnan(y[i]));
  x.fill(-kInf);
  table().softmax(args, 0, 1);
  for (int64_t i = 0; i < n; ++i) ASSERT_TRUE(std::isnan(y[i]));
}

}  // namespace
}  // namespace rlx_cpu
