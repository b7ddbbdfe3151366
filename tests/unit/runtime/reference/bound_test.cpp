// SPDX-License-Identifier: Apache-2.0
// Bounds: they cover plain f32 loops, they agree with the regions of composites, and they stay useful in long
// chains.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/runtime/reference/support.h"

namespace rlx::reference::test {
namespace {

Tensor f32(Sizes dims, unsigned seed, double scale = 1) {
  const auto count = static_cast<std::size_t>(element_count(dims));
  return reals(DType::kF32, std::move(dims), noise(count, seed, scale));
}

/// Every |seen - value| within the bound, and the bound below `most` of the greatest value.
void expect_covered(const std::vector<float>& seen, const Tensor& y, double most) {
  ASSERT_EQ(seen.size(), y.v.size());
  double greatest = 0;
  for (const double v : y.v) greatest = std::fmax(greatest, std::fabs(v));
  for (std::size_t n = 0; n < seen.size(); ++n) {
    ASSERT_LE(std::fabs(seen[n] - y.v[n]), y.bound(n)) << n << ": " << seen[n] << " beside " << y.v[n];
    ASSERT_LE(y.bound(n), most * greatest) << n;
  }
}

TEST(ReferenceBound, CoversPlainLoopsOfDot) {
  for (unsigned seed = 1; seed < 20; ++seed) {
    const std::size_t m = 3, k = 1 + seed * 17, n = 5;
    const Tensor a = f32({3, static_cast<std::int64_t>(k)}, seed),
                 b = f32({static_cast<std::int64_t>(k), 5}, seed + 100);
    const Tensor y = run_one({a, b}, [](MirBuilder& g, const std::vector<ValueId>& x) {
      return std::vector<ValueId>{g.matmul(x[0], x[1])};
    });
    std::vector<float> seen(m * n);
    for (std::size_t i = 0; i < m; ++i)
      for (std::size_t j = 0; j < n; ++j)
        for (std::size_t l = 0; l < k; ++l)
          seen[i * n + j] += static_cast<float>(a.v[i * k + l]) * static_cast<float>(b.v[l * n + j]);
    expect_covered(seen, y, 1e-3);
  }
}

/// Greatest |seen - value| / bound of a product whose factors were rounded to a format of 8 or 11 digits before.
double share_of_bound(DType format, Precision precision, std::size_t k) {
  const auto size = static_cast<std::int64_t>(k);
  const Tensor a = f32({3, size}, 5), b = f32({size, 4}, 6);
  const Tensor y = run_one({a, b}, [](MirBuilder& g, const std::vector<ValueId>& x) { return std::vector<ValueId>{g.matmul(x[0], x[1])}; },
                           How::kUsual, precision);
  double worst = 0;
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 4; ++j) {
      float sum = 0;
      for (std::size_t l = 0; l < k; ++l)
        sum += static_cast<float>(round_to(format, a.v[i * k + l])) * static_cast<float>(round_to(format, b.v[l * 4 + j]));
      worst = std::fmax(worst, std::fabs(static_cast<double>(sum) - y.v[i * 4 + j]) / y.bound(i * 4 + j));
    }
  return worst;
}

TEST(ReferenceBound, IsThatOfTheClassThatIsAskedFor) {
  for (const std::size_t k : {1, 7, 60}) {
    EXPECT_LT(share_of_bound(DType::kBF16, Precision::kBf16, k), 1) << k;
    EXPECT_LT(share_of_bound(DType::kF16, Precision::kF16, k), 1) << k;
    EXPECT_LT(share_of_bound(DType::kF16, Precision::kTf32, k), 1) << k;  // as many digits
    EXPECT_GT(share_of_bound(DType::kF16, Precision::kF32, k), 4) << k;
    EXPECT_GT(share_of_bound(DType::kF16, Precision::kF32Strict, k), 4) << k;
  }
  EXPECT_GT(share_of_bound(DType::kBF16, Precision::kTf32, 1), 1);
}

TEST(ReferenceBound, CoversPlainLoopsOfRows) {
  for (unsigned seed = 1; seed < 20; ++seed) {
    const std::size_t n = 1 + 13 * seed;
    const auto size = static_cast<std::int64_t>(n);
    const Tensor x = f32({1, size}, seed, 5), g = f32({size}, seed + 50), h = f32({size}, seed + 90);
    float mean = 0, square = 0, greatest = -INFINITY, sum = 0;
    std::vector<float> norm(n), soft(n);
    for (const double v : x.v)
      mean += static_cast<float>(v), greatest = std::fmax(greatest, static_cast<float>(v));
    mean /= static_cast<float>(n);
    for (const double v : x.v)
      square += (static_cast<float>(v) - mean) * (static_cast<float>(v) - mean),
          sum += std::exp(static_cast<float>(v) - greatest);
    const float scale = 1 / std::sqrt(square / static_cast<float>(n) + 1e-5f);
    for (std::size_t i = 0; i < n; ++i) {
      norm[i] = (static_cast<float>(x.v[i]) - mean) * scale * static_cast<float>(g.v[i]) +
                static_cast<float>(h.v[i]);
      soft[i] = std::exp(static_cast<float>(x.v[i]) - greatest) / sum;
    }
    expect_covered(norm,
                   run_one({x, g, h},
                           [](MirBuilder& b, const std::vector<ValueId>& in) {
                             return std::vector<ValueId>{add_composite(b, RLX_OP_LAYER_NORM, in, {})};
                           }),
                   1e-3);
    expect_covered(soft,
                   run_one({x},
                           [](MirBuilder& b, const std::vector<ValueId>& in) {
                             return std::vector<ValueId>{add_composite(b, RLX_OP_SOFTMAX, in, {})};
                           }),
                   1e-3);
  }
}

TEST(ReferenceBound, IsZeroWhereNothingRounds) {
  const Tensor a = reals(DType::kF32, {3}, {1, 2, 3}), b = reals(DType::kF32, {3}, {0.5, 4, -3});
  for (const std::uint32_t fn : {RLX_BINARY_ADD, RLX_BINARY_MUL, RLX_BINARY_MAX}) {
    const Tensor y = run_one({a, b}, [&](MirBuilder& g, const std::vector<ValueId>& x) {
      return std::vector<ValueId>{g.binary(fn, x[0], x[1])};
    });
    EXPECT_TRUE(y.e.empty()) << fn;
  }
}

TEST(ReferenceBound, KnowsThatAnUnsureBranchMayGoEitherWay) {
  // (a + b) > c where a + b lies within its rounding of c: both branches are admissible.
  const Tensor a = reals(DType::kF32, {2}, {1, 1}), b = reals(DType::kF32, {2}, {1e-9, 1e-9}),
               c = reals(DType::kF32, {2}, {1, 0.5});
  const Tensor y = run_one({a, b, c}, [](MirBuilder& g, const std::vector<ValueId>& x) {
    const ValueId above = g.compare(RLX_COMPARE_GT, g.binary(RLX_BINARY_ADD, x[0], x[1]), x[2]);
    return std::vector<ValueId>{g.select(above, g.scalar(DType::kF32, 7), g.scalar(DType::kF32, 2))};
  });
  EXPECT_EQ(y.v[0], 7);
  EXPECT_GE(y.bound(0), 5);
  EXPECT_EQ(y.bound(1), 0);
}

/// x + 0.1, of bounds above zero: equal elements of x are ties within their bounds.
ValueId computed(MirBuilder& g, ValueId x) { return g.binary(RLX_BINARY_ADD, x, g.scalar(DType::kF32, 0.1)); }

TEST(ReferenceBound, NamesTheElementsThatMayWin) {
  const Tensor x = reals(DType::kF32, {2, 4}, {1, 3, 3, 0, 5, 1, 2, 3});
  const Tensor y = run_one({x}, [](MirBuilder& g, const std::vector<ValueId>& in) {
    return std::vector<ValueId>{g.add(RLX_OP_ARG_REDUCE, {computed(g, in[0])}, {{RLX_ATTR_FN, Dim(RLX_REDUCE_MAX)}, {RLX_ATTR_AXIS, Dim(1)}})};
  });
  ASSERT_EQ(y.i, (std::vector<std::int64_t>{1, 0}));
  for (const std::int64_t seen : {1, 2}) EXPECT_TRUE(y.admits(0, seen)) << seen;
  for (const std::int64_t seen : {-1, 0, 3, 4, 1'000'000'000}) EXPECT_FALSE(y.admits(0, seen)) << seen;
  EXPECT_EQ(y.bound(1), 0);
  EXPECT_FALSE(y.admits(1, 1));
}

TEST(ReferenceBound, NamesTheElementsThatMayComeKth) {
  const Tensor x = reals(DType::kF32, {5}, {1, 4, 4, 9, 0});
  const auto out = run({x}, [](MirBuilder& g, const std::vector<ValueId>& in) {
    const ValueId values = g.add(RLX_OP_TOP_K, {computed(g, in[0])}, {{RLX_ATTR_K, Dim(3)}, {RLX_ATTR_AXIS, Dim(0)}, {RLX_ATTR_LARGEST, Dim(1)}});
    return std::vector<ValueId>{values, values + 1};
  });
  ASSERT_TRUE(out) << out.error().message();
  const Tensor& y = *(*out)[1];
  ASSERT_EQ(y.i, (std::vector<std::int64_t>{3, 1, 2}));
  EXPECT_FALSE(y.admits(0, 1));  // nothing comes near the greatest
  for (const std::size_t place : {1, 2}) {
    EXPECT_TRUE(y.admits(place, 1) && y.admits(place, 2));
    EXPECT_FALSE(y.admits(place, 0) || y.admits(place, 3) || y.admits(place, 7));
  }
}

TEST(ReferenceBound, FollowsIntegersInDoubt) {
  // 2.4 + 0.1 lies within its rounding of 2.5: 2 or 3. Nothing but these, shifted by 10 and doubled.
  const Tensor x = reals(DType::kF32, {2}, {2.4, 7});
  const auto out = run({x}, [](MirBuilder& g, const std::vector<ValueId>& in) {
    const ValueId whole = g.cast(computed(g, in[0]), DType::kI32);
    const ValueId sum = g.binary(RLX_BINARY_ADD, whole, g.scalar(DType::kI32, 10));
    return std::vector<ValueId>{whole, sum, g.binary(RLX_BINARY_MUL, sum, g.scalar(DType::kI32, 2))};
  });
  ASSERT_TRUE(out) << out.error().message();
  const Tensor &whole = *(*out)[0], &sum = *(*out)[1], &twice = *(*out)[2];
  EXPECT_TRUE(whole.admits(0, 2) && whole.admits(0, 3));
  EXPECT_FALSE(whole.admits(0, 1) || whole.admits(0, 4) || whole.admits(1, 8));
  EXPECT_TRUE(sum.admits(0, 12) && sum.admits(0, 13));
  EXPECT_FALSE(sum.admits(0, 10) || sum.admits(0, 15));
  EXPECT_TRUE(twice.admits(0, 24) && twice.admits(0, 26));
  EXPECT_FALSE(twice.admits(0, 20) || twice.admits(1, 36));
}

TEST(ReferenceBound, IsWrittenForIntegersToo) {
  Tensor y(DType::kI8, {4});
  y.i = {5, 5, 5, 5};
  y.doubt(1, 2.0);
  y.doubt(2, std::vector<std::int64_t>{0, 5, 9});
  y.doubt(3, INFINITY);
  std::int8_t seen[4] = {-1, -1, -1, -1};
  write_bounds(y, reinterpret_cast<std::byte*>(seen));
  EXPECT_EQ(seen[0], 0);
  EXPECT_EQ(seen[1], 2);
  EXPECT_EQ(seen[2], 5);
  EXPECT_EQ(seen[3], 127);
}

struct Composite {
  const char* name;
  Opcode op;
  std::vector<Tensor> inputs;
  Attributes attributes;
};

std::vector<Composite> composites(unsigned s) {
  const auto n = [](std::uint32_t v) { return Dim(static_cast<std::int64_t>(v)); };
  const std::int64_t k = 3 + s % 5;
  Tensor var = f32({4}, s, 1);
  for (double& v : var.v) v = std::fabs(v) + 0.1f;
  const Tensor q = f32({2, 4, 3, 8}, s, 2), key = f32({2, 2, k, 8}, s + 1, 2),
               value = f32({2, 2, k, 5}, s + 2);
  std::vector<Composite> list{
      {"linear",
       RLX_OP_LINEAR,
       {f32({2, 3, 8}, s), f32({8, 4}, s + 1), f32({8, 6}, s + 2), f32({4}, s + 3), f32({6}, s + 4)},
       {{RLX_ATTR_PARTS, Dim(2)},
        {RLX_ATTR_HAS_BIAS, Dim(1)},
        {RLX_ATTR_ALPHAS, std::vector<double>{0.3, 1}},
        {RLX_ATTR_ACT, n(RLX_ACT_GELU_TANH)}}},
      {"linear residual",
       RLX_OP_LINEAR,
       {f32({5, 8}, s), f32({4, 8}, s + 1), f32({5, 4}, s + 2)},
       {{RLX_ATTR_W_LAYOUT, Dim(1)}, {RLX_ATTR_HAS_RESIDUAL, Dim(1)}}},
      {"softmax", RLX_OP_SOFTMAX, {f32({2, k, 3}, s, 9)}, {{RLX_ATTR_AXIS, Dim(1)}}},
      {"log_softmax", RLX_OP_SOFTMAX, {f32({2, k}, s, 9)}, {{RLX_ATTR_LOG, Dim(1)}}},
      {"layer_norm",
       RLX_OP_LAYER_NORM,
       {f32({2, 3, k}, s), f32({2, 3, k}, s + 1), f32({k}, s + 2), f32({k}, s + 3)},
       {{RLX_ATTR_HAS_RESIDUAL, Dim(1)}}},
      {"rms_norm", RLX_OP_RMS_NORM, {f32({2, 3, k}, s), f32({k}, s + 2)}, {{RLX_ATTR_GAMMA_OFFSET, 1.0}}},
      {"group_norm",
       RLX_OP_GROUP_NORM,
       {f32({2, 4, k}, s), f32({4}, s + 1), f32({4}, s + 2)},
       {{RLX_ATTR_GROUPS, Dim(2)}}},
      {"batch_norm",
       RLX_OP_BATCH_NORM,
       {f32({2, 4, k}, s), f32({4}, s + 1), f32({4}, s + 2), f32({4}, s + 3), var},
       {}},
      {"attention",
       RLX_OP_ATTENTION,
       {q, key, value},
       {{RLX_ATTR_CAUSAL, n(RLX_CAUSAL_BOTTOM_RIGHT)}, {RLX_ATTR_SOFTCAP, 3.0}}},
      {"attention window",
       RLX_OP_ATTENTION,
       {q, key, value},
       {{RLX_ATTR_WINDOW_LEFT, Dim(1)}, {RLX_ATTR_WINDOW_RIGHT, Dim(1)}}},
      {"attention bias",
       RLX_OP_ATTENTION,
       {q, key, value, f32({1, 4, 1, k}, s + 3)},
       {{RLX_ATTR_MASK_KIND, n(RLX_MASK_BIAS)}}},
      {"attention lengths",
       RLX_OP_ATTENTION,
       {q, key, value, integers(DType::kI64, {2}, {2, 0})},
       {{RLX_ATTR_MASK_KIND, n(RLX_MASK_LENGTHS)}}},
      {"attention causal by lengths",
       RLX_OP_ATTENTION,
       {q, key, value, integers(DType::kI64, {2}, {k, 2})},
       {{RLX_ATTR_MASK_KIND, n(RLX_MASK_LENGTHS)}, {RLX_ATTR_CAUSAL, n(RLX_CAUSAL_LENGTH)}}},
      {"attention of packed rows",
       RLX_OP_ATTENTION,
       {f32({1, 4, 7, 8}, s, 2), f32({1, 2, 7, 8}, s + 1, 2), f32({1, 2, 7, 5}, s + 2), integers(DType::kI32, {4}, {0, 3, 3, 6})},
       {{RLX_ATTR_MASK_KIND, n(RLX_MASK_SEQ_OFFSETS)}, {RLX_ATTR_WINDOW_RIGHT, Dim(1)}}},
      {"rope",
       RLX_OP_ROPE,
       {f32({2, 3, 5, 8}, s), f32({5, 2}, s + 1), f32({5, 2}, s + 2)},
       {{RLX_ATTR_ROTARY_DIMS, Dim(4)}, {RLX_ATTR_INTERLEAVED, n(s % 2)}}},
      {"embed_norm",
       RLX_OP_EMBED_NORM,
       {integers(DType::kI64, {2, 3}, {0, 1, 2, 3, 4, 4}), integers(DType::kI64, {3}, {2, 1, 0}),
        f32({5, k}, s), f32({3, k}, s + 1), f32({k}, s + 2), f32({k}, s + 3)},
       {{RLX_ATTR_PARTS, Dim(2)}}},
      {"segment_reduce",
       RLX_OP_SEGMENT_REDUCE,
       {f32({6, k}, s), integers(DType::kI64, {4}, {0, 2, 2, 6})},
       {{RLX_ATTR_FN, n(RLX_REDUCE_SUM)}}},
      {"conv_act",
       RLX_OP_CONV_ACT,
       {f32({1, 4, 5, 6}, s), f32({6, 2, 3, 3}, s + 1), f32({6}, s + 2)},
       {{RLX_ATTR_GROUPS, Dim(2)},
        {RLX_ATTR_HAS_BIAS, Dim(1)},
        {RLX_ATTR_LOW, Dims{1, 1}},
        {RLX_ATTR_ACT, n(RLX_ACT_SILU)}}},
      {"avg_pool",
       RLX_OP_AVG_POOL,
       {f32({1, 2, 5, 6}, s)},
       {{RLX_ATTR_WINDOW, Dims{3, 2}}, {RLX_ATTR_LOW, Dims{1, 0}}}},
      {"gated_act",
       RLX_OP_GATED_ACT,
       {f32({3, k}, s, 4), f32({3, k}, s + 1)},
       {{RLX_ATTR_ACT, n(RLX_ACT_SILU)}}},
  };
  for (std::uint32_t act = RLX_ACT_RELU; act <= RLX_ACT_THRESHOLDED_RELU; ++act)
    list.push_back({"act", RLX_OP_ACT, {f32({3, 7}, s + act, 4)}, {{RLX_ATTR_FN, n(act)}}});
  return list;
}

TEST(ReferenceBound, DirectDefinitionsEqualTheRegions) {
  for (unsigned seed = 1; seed < 12; ++seed) {
    for (const Composite& c : composites(seed)) {
      const Build build = [&](MirBuilder& b, const std::vector<ValueId>& x) {
        return std::vector<ValueId>{add_composite(b, c.op, x, c.attributes)};
      };
      const auto direct = run(c.inputs, build), region = run(c.inputs, build, How::kRegion);
      ASSERT_TRUE(direct) << c.name << ": " << direct.error().to_string();
      ASSERT_TRUE(region) << c.name << ": " << region.error().to_string();
      const Tensor &y = *direct->at(0), &z = *region->at(0);
      for (std::size_t n = 0; n < y.v.size(); ++n) {
        // Constants of regions are rounded to f32, nothing else is: far inside what an implementation may do.
        ASSERT_LE(std::fabs(y.v[n] - z.v[n]), 1e-6 * (1 + std::fabs(y.v[n])))
            << c.name << " seed " << seed << " element " << n;
        ASSERT_LE(std::fabs(y.v[n] - z.v[n]), y.bound(n) + z.bound(n) + 1e-14)
            << c.name << " seed " << seed << " element " << n;
      }
    }
  }
}

TEST(ReferenceBound, CountsTheRoundingOfAProductOnce) {
  const Tensor x = reals(DType::kBF16, {3, 8}, noise(24, 1)), w = reals(DType::kBF16, {8, 4}, noise(32, 2));
  for (const std::uint32_t act : {RLX_ACT_NONE, RLX_ACT_RELU}) {
    const Tensor y = run_one({x, w}, [&](MirBuilder& b, const std::vector<ValueId>& in) {
      return std::vector<ValueId>{add_composite(b, RLX_OP_LINEAR, in, {{RLX_ATTR_ACT, Dim(static_cast<std::int64_t>(act))}})};
    });
    for (std::size_t n = 0; n < y.v.size(); ++n) {
      EXPECT_LE(y.bound(n), 0x1p-8 * 1.01 * std::fabs(y.v[n]) + 1e-5) << n;
      EXPECT_LE(std::fabs(round_to(DType::kBF16, y.v[n]) - y.v[n]), y.bound(n)) << n;
    }
  }
}

TEST(ReferenceBound, StaysUsefulInLongChains) {
  const Build chain = [](MirBuilder& b, const std::vector<ValueId>& in) {
    ValueId x = in[0];
    for (int layer = 0; layer < 12; ++layer) {
      x = b.binary(RLX_BINARY_ADD, x, b.matmul(x, in[1]));
      x = add_composite(b, RLX_OP_LAYER_NORM, {x, in[2], in[3]}, {});
    }
    return std::vector<ValueId>{x};
  };
  const std::vector<Tensor> inputs{f32({4, 64}, 1), f32({64, 64}, 2, 0.3), f32({64}, 3), f32({64}, 4)};
  const Tensor usual = run_one(inputs, chain, How::kUsual), worst = run_one(inputs, chain);
  for (std::size_t n = 0; n < usual.v.size(); ++n) {
    ASSERT_LE(usual.bound(n), worst.bound(n));
    ASSERT_LE(usual.bound(n), 1e-2) << n;
    ASSERT_GT(usual.bound(n), 0);
  }
}

}  // namespace
}  // namespace rlx::reference::test
