// SPDX-License-Identifier: Apache-2.0
// Matmul and dot against float64 with the bound gamma_{K+1} * sum |a||b|, tails, parts, epilogues, row
// invariance.
#include "test_support.h"

namespace rlx_cpu {
namespace {

using Matmul = KernelTest;
RLX_FOR_EACH_ISA(Matmul);

/// A packed weight of one part with guarded storage.
Guarded<float> pack_one(const KernelTable& table, const float* b, int64_t stride_k, int64_t stride_n,
                        int64_t k, int64_t n, float alpha = 1.0f) {
  Guarded<float> packed(packed_floats(panel_count(n), k));
  packed.fill(kNaN);
  const PackPart part = {b, stride_k, stride_n, n, alpha};
  table.pack_b(&part, 1, k, 0, panel_count(n), packed.data());
  return packed;
}

struct Sizes {
  int64_t m, n, k;
};

const Sizes kSizes[] = {{1, 1, 1},    {1, 16, 3},    {2, 17, 5},   {3, 15, 16}, {4, 33, 1},   {5, 47, 7},
                        {6, 48, 31},  {7, 49, 64},   {8, 96, 100}, {9, 31, 2},  {13, 65, 33}, {24, 48, 8},
                        {25, 144, 9}, {31, 80, 127}, {5, 16, 0},   {0, 16, 4},  {4, 0, 4},    {64, 100, 65}};

TEST_P(Matmul, StaysWithinTheBoundForOddSizes) {
  for (const Sizes& s : kSizes) {
    SCOPED_TRACE(testing::Message() << s.m << "x" << s.n << "x" << s.k);
    const int64_t lda = s.k + 3;
    const Guarded<float> a(s.m == 0 ? 0 : (s.m - 1) * lda + s.k, 1), b(s.k * s.n, 2), bias(s.n, 3);
    const Guarded<float> packed = pack_one(table(), b.data(), s.n, 1, s.k, s.n);
    Guarded<float> c(s.m * s.n);
    c.fill(kNaN);
    const MatmulPart part = {c.data(), s.n, s.n, bias.data(), nullptr, nullptr, 0};
    const MatmulArgs args = {a.data(), lda, s.k, packed.data(), &part, 1, false, {}};
    table().matmul(args, 0, s.m, 0, panel_count(s.n));
    for (int64_t i = 0; i < s.m; ++i) {
      for (int64_t j = 0; j < s.n; ++j) {
        double sum = 0, size = 0;
        for (int64_t l = 0; l < s.k; ++l) {
          const double term = static_cast<double>(a[i * lda + l]) * b[l * s.n + j];
          sum += term;
          size += std::fabs(term);
        }
        const double want = sum + bias[j];
        ASSERT_LE(std::fabs(c[i * s.n + j] - want), gamma(s.k + 1) * size + kUnit * std::fabs(want))
            << i << "," << j;
      }
    }
  }
}

TEST_P(Matmul, SmallIntegersAreExact) {
  const int64_t m = 21, n = 70, k = 53;
  Guarded<float> a(m * k), b(k * n), c(m * n);
  Random random(9);
  for (int64_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(random.below(255)) - 127;
  for (int64_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(random.below(255)) - 127;
  const Guarded<float> packed = pack_one(table(), b.data(), n, 1, k, n);
  const MatmulPart part = {c.data(), n, n, nullptr, nullptr, nullptr, 0};
  table().matmul({a.data(), k, k, packed.data(), &part, 1, false, {}}, 0, m, 0, panel_count(n));
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      int64_t want = 0;
      for (int64_t l = 0; l < k; ++l)
        want += static_cast<int64_t>(a[i * k + l]) * static_cast<int64_t>(b[l * n + j]);
      ASSERT_EQ(c[i * n + j], static_cast<float>(want)) << i << "," << j;
    }
  }
}

TEST_P(Matmul, PackingIsTheDocumentedLayoutForBothOrders) {
  for (const int64_t n : {1, 15, 16, 17, 40}) {
    for (const int64_t k : {1, 7, 16, 35}) {
      const Guarded<float> kn(k * n, 4);
      Guarded<float> nk(k * n);
      for (int64_t i = 0; i < k; ++i) {
        for (int64_t j = 0; j < n; ++j) nk[j * k + i] = kn[i * n + j];
      }
      const Guarded<float> one = pack_one(table(), kn.data(), n, 1, k, n);
      const Guarded<float> two = pack_one(table(), nk.data(), 1, k, k, n);
      ASSERT_TRUE(same_bits(one.data(), two.data(), one.size())) << k << "x" << n;
      for (int64_t j = 0; j < panel_count(n) * 16; ++j) {
        for (int64_t i = 0; i < k; ++i) {
          const float want = j < n ? kn[i * n + j] : 0.0f;
          ASSERT_EQ(one[(j / 16 * k + i) * 16 + j % 16], want) << k << "x" << n << " at " << i << "," << j;
        }
      }
    }
  }
}

TEST_P(Matmul, PartsHaveTheirOwnResultBiasAndAlpha) {
  const int64_t m = 11, k = 20, widths[3] = {33, 16, 5};
  const float alphas[3] = {1.0f, 0.25f, -2.0f};
  const Guarded<float> a(m * k, 1), w0(k * 33, 2), w1(k * 16, 3), w2(k * 5, 4), bias(33, 5);
  const float* weights[3] = {w0.data(), w1.data(), w2.data()};
  const PackPart sources[3] = {{weights[0], 33, 1, 33, alphas[0]},
                               {weights[1], 1, k, 16, alphas[1]},
                               {weights[2], 5, 1, 5, alphas[2]}};
  const int64_t panels = 3 + 1 + 1;
  Guarded<float> packed(packed_floats(panels, k));
  table().pack_b(sources, 3, k, 0, 2, packed.data());
  table().pack_b(sources, 3, k, 2, panels, packed.data());
  Guarded<float> c0(m * 33), c1(m * 16), c2(m * 5);
  const MatmulPart parts[3] = {{c0.data(), 33, 33, bias.data(), nullptr, nullptr, 0},
                               {c1.data(), 16, 16, nullptr, nullptr, nullptr, 0},
                               {c2.data(), 5, 5, nullptr, nullptr, nullptr, 0}};
  table().matmul({a.data(), k, k, packed.data(), parts, 3, false, {}}, 0, m, 0, panels);
  for (int p = 0; p < 3; ++p) {
    const int64_t n = widths[p];
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        double want = p == 0 ? bias[j] : 0.0, size = std::fabs(want);
        for (int64_t l = 0; l < k; ++l) {
          const double w = p == 1 ? w1[j * k + l] : weights[p][l * n + j];
          want += alphas[p] * w * a[i * k + l];
          size += std::fabs(alphas[p] * w * a[i * k + l]);
        }
        ASSERT_NEAR(parts[p].c[i * n + j], want, gamma(k + 2) * size) << p << ": " << i << "," << j;
      }
    }
  }
}

TEST_P(Matmul, RowsDoNotDependOnTheCut) {
  const int64_t m = 37, n = 150, k = 75, panels = panel_count(n);
  const Guarded<float> a(m * k, 1), b(k * n, 2), bias(n, 3), residual(m * n, 4);
  const Guarded<float> packed = pack_one(table(), b.data(), n, 1, k, n);
  Guarded<float> whole(m * n), cut(m * n);
  MatmulPart part = {whole.data(), n, n, bias.data(), nullptr, residual.data(), n};
  MatmulArgs args = {a.data(), k, k, packed.data(), &part, 1, false, {RLX_ACT_GELU_ERF, 0, 0}};
  for (const uint32_t act : {RLX_ACT_NONE, RLX_ACT_GELU_ERF}) {
    args.act.kind = act;
    part.c = whole.data();
    table().matmul(args, 0, m, 0, panels);
    for (const int64_t rows : {1, 2, 3, 5, 8, 11}) {
      for (const int64_t columns : {1, 2, 3, 4}) {
        cut.fill(kNaN);
        part.c = cut.data();
        for (int64_t i = 0; i < m; i += rows) {
          for (int64_t p = 0; p < panels; p += columns) {
            table().matmul(args, i, std::min(m, i + rows), p, std::min(panels, p + columns));
          }
        }
        ASSERT_TRUE(same_bits(whole.data(), cut.data(), m * n)) << rows << " rows, " << columns << " panels";
      }
    }
  }
}

TEST_P(Matmul, ResidualComesBeforeOrAfterTheActivation) {
  const int64_t m = 9, n = 50, k = 12;
  const Guarded<float> a(m * k, 1), b(k * n, 2), bias(n, 3), row_bias(m, 7), residual(m * n, 4);
  const Guarded<float> packed = pack_one(table(), b.data(), n, 1, k, n);
  Guarded<float> product(m * n), c(m * n);
  MatmulPart part = {product.data(), n, n, bias.data(), row_bias.data(), nullptr, n};
  MatmulArgs args = {a.data(), k, k, packed.data(), &part, 1, false, {}};
  table().matmul(args, 0, m, 0, panel_count(n));
  args.act = {RLX_ACT_RELU, 0, 0};
  part.residual = residual.data();
  part.c = c.data();
  for (const bool after : {false, true}) {
    args.residual_after_act = after;
    table().matmul(args, 0, m, 0, panel_count(n));
    for (int64_t i = 0; i < m * n; ++i) {
      const float want =
          after ? std::max(product[i], 0.0f) + residual[i] : std::max(product[i] + residual[i], 0.0f);
      ASSERT_EQ(c[i], want) << i;
    }
  }
}

TEST_P(Matmul, ResidualMayBeTheResult) {
  const int64_t m = 10, n = 64, k = 8;
  const Guarded<float> a(m * k, 1), b(k * n, 2), residual(m * n, 4);
  const Guarded<float> packed = pack_one(table(), b.data(), n, 1, k, n);
  Guarded<float> apart(m * n), in_place(m * n);
  std::memcpy(in_place.data(), residual.data(), sizeof(float) * static_cast<size_t>(m * n));
  MatmulPart part = {apart.data(), n, n, nullptr, nullptr, residual.data(), n};
  const MatmulArgs args = {a.data(), k, k, packed.data(), &part, 1, false, {}};
  table().matmul(args, 0, m, 0, panel_count(n));
  part.c = in_place.data();
  part.residual = in_place.data();
  table().matmul(args, 0, m, 0, panel_count(n));
  EXPECT_TRUE(same_bits(apart.data(), in_place.data(), m * n));
}

TEST_P(Matmul, NaNAndInfinityReachOnlyTheirRow) {
  const int64_t m = 8, n = 20, k = 10;
  Guarded<float> a(m * k, 1), b(k * n, 2), c(m * n);
  a[3 * k + 4] = kNaN;
  a[5 * k] = kInf;
  const Guarded<float> packed = pack_one(table(), b.data(), n, 1, k, n);
  const MatmulPart part = {c.data(), n, n, nullptr, nullptr, nullptr, 0};
  table().matmul({a.data(), k, k, packed.data(), &part, 1, false, {}}, 0, m, 0, panel_count(n));
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      ASSERT_EQ(std::isnan(c[i * n + j]), i == 3);
      ASSERT_EQ(std::isinf(c[i * n + j]), i == 5);
    }
  }
}

TEST_P(Matmul, LeavesColumnsBehindTheResultAlone) {
  const int64_t m = 9, n = 21, k = 6, ldc = 30;
  const Guarded<float> a(m * k, 1), b(k * n, 2);
  const Guarded<float> packed = pack_one(table(), b.data(), n, 1, k, n);
  Guarded<float> c(m * ldc);
  c.fill(7.0f);
  const MatmulPart part = {c.data(), ldc, n, nullptr, nullptr, nullptr, 0};
  table().matmul({a.data(), k, k, packed.data(), &part, 1, false, {}}, 0, m, 0, panel_count(n));
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = n; j < ldc; ++j) ASSERT_EQ(c[i * ldc + j], 7.0f);
  }
}

TEST_P(Matmul, DotTakesAnyStrides) {
  for (const Sizes& s : kSizes) {
    for (int order = 0; order < 4; ++order) {
      SCOPED_TRACE(testing::Message() << s.m << "x" << s.n << "x" << s.k << " order " << order);
      const bool a_transposed = (order & 1) != 0, b_transposed = (order & 2) != 0;
      const int64_t batches = 2;
      const Guarded<float> a(batches * s.m * s.k, 1), b(s.k * s.n, 2);
      Guarded<float> c(batches * s.m * s.n);
      c.fill(kNaN);
      DotArgs args = {};
      args.a = a.data();
      args.a_batch_stride = s.m * s.k;
      args.a_stride_m = a_transposed ? 1 : s.k;
      args.a_stride_k = a_transposed ? s.m : 1;
      args.b = b.data();
      args.b_batch_stride = 0;
      args.b_stride_k = b_transposed ? 1 : s.n;
      args.b_stride_n = b_transposed ? s.k : 1;
      args.c = c.data();
      args.c_batch_stride = s.m * s.n;
      args.c_row_stride = s.n;
      args.m = s.m;
      args.n = s.n;
      args.k = s.k;
      Guarded<float> scratch(dot_scratch_floats(args));
      table().dot(args, 0, batches, 0, s.m, scratch.data());
      for (int64_t batch = 0; batch < batches; ++batch) {
        for (int64_t i = 0; i < s.m; ++i) {
          for (int64_t j = 0; j < s.n; ++j) {
            double want = 0, size = 0;
            for (int64_t l = 0; l < s.k; ++l) {
              const double term =
                  static_cast<double>(a[batch * s.m * s.k + i * args.a_stride_m + l * args.a_stride_k]) *
                  b[l * args.b_stride_k + j * args.b_stride_n];
              want += term;
              size += std::fabs(term);
            }
            ASSERT_LE(std::fabs(c[(batch * s.m + i) * s.n + j] - want), gamma(s.k + 1) * size);
          }
        }
      }
    }
  }
}

TEST_P(Matmul, DotCopiesLongColumnsInBlocks) {
  const int64_t m = kDotRowBlock * 2 + 5, n = 3, k = 4;
  const Guarded<float> a(m * k, 1), b(k * n, 2);
  Guarded<float> c(m * n);
  DotArgs args = {a.data(), 0, 1, m, b.data(), 0, n, 1, c.data(), 0, n, m, n, k};
  Guarded<float> scratch(dot_scratch_floats(args));
  table().dot(args, 0, 1, 0, m, scratch.data());
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double want = 0;
      for (int64_t l = 0; l < k; ++l) want += static_cast<double>(a[l * m + i]) * b[l * n + j];
      ASSERT_NEAR(c[i * n + j], want, gamma(k + 1) * k);
    }
  }
}

}  // namespace
}  // namespace rlx_cpu
