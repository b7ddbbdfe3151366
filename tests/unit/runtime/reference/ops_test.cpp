// SPDX-License-Identifier: Apache-2.0
// Each op family against answers made by hand, and against published vectors.
#include <gtest/gtest.h>

#include <cmath>

#include "runtime/reference/round.h"
#include "tests/unit/runtime/reference/support.h"

namespace rlx::reference::test {
namespace {

using Reals = std::vector<double>;
using Whole = std::vector<std::int64_t>;

Build op(Opcode opcode, Attributes attributes) {
  return [=](MirBuilder& b, const std::vector<ValueId>& x) {
    return std::vector<ValueId>{b.add(opcode, x, attributes)};
  };
}

Tensor f32(Sizes dims, Reals values) { return reals(DType::kF32, std::move(dims), std::move(values)); }
Tensor i64(Sizes dims, Whole values) { return integers(DType::kI64, std::move(dims), std::move(values)); }

TEST(Reference, HalfAndBrainFloatsGoThereAndBack) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    ASSERT_TRUE(std::isnan(f16_value(half)) || f16_bits(f16_value(half)) == half) << half;
    ASSERT_TRUE(std::isnan(bf16_value(half)) || bf16_bits(bf16_value(half)) == half) << half;
  }
  EXPECT_EQ(f16_bits(2049.0), f16_bits(2048.0));  // ties to even
  EXPECT_EQ(f16_bits(65520.0), 0x7C00);
  EXPECT_EQ(f16_bits(65519.9), 0x7BFF);
  EXPECT_EQ(f16_bits(std::ldexp(1, -25)), 0);
  EXPECT_EQ(f16_bits(std::ldexp(1.01, -25)), 1);
  EXPECT_EQ(round_to(DType::kBF16, 1 + 1.0 / 256 + 1e-12), 1 + 1.0 / 128);
}

TEST(Reference, IntegersWrapAndDivideTowardZero) {
  const auto run_fn = [](std::uint32_t fn, DType dtype, Whole a, Whole b) {
    const auto size = static_cast<std::int64_t>(a.size());
    return run_one({integers(dtype, {size}, a), integers(dtype, {size}, b)},
                   op(RLX_OP_BINARY, {{RLX_ATTR_FN, Dim(fn)}}))
        .i;
  };
  EXPECT_EQ(run_fn(RLX_BINARY_ADD, DType::kI8, {127, -128}, {1, -1}), (Whole{-128, 127}));
  EXPECT_EQ(run_fn(RLX_BINARY_DIV, DType::kI32, {-7, 7, 5, INT32_MIN}, {2, -2, 0, -1}),
            (Whole{-3, -3, 0, INT32_MIN}));
  EXPECT_EQ(run_fn(RLX_BINARY_MOD_FLOOR, DType::kI32, {-7, 7, 5}, {3, -3, 0}), (Whole{2, -2, 0}));
  EXPECT_EQ(run_fn(RLX_BINARY_MOD_TRUNC, DType::kI32, {-7, 7}, {3, -3}), (Whole{-1, 1}));
  EXPECT_EQ(run_fn(RLX_BINARY_MAX, DType::kU64, {-1}, {1}), (Whole{-1}));
  EXPECT_EQ(run_fn(RLX_BINARY_SHR_LOGICAL, DType::kI8, {-128, 5, 5}, {1, 8, -1}), (Whole{64, 0, 0}));
  EXPECT_EQ(run_fn(RLX_BINARY_POW, DType::kI32, {3, 2, -1, 0}, {4, -1, -3, -2}), (Whole{81, 0, -1, 0}));
}

TEST(Reference, SpecialValuesFollowTheRegistry) {
  const double inf = INFINITY;
  const Tensor y = run_one({f32({4}, {1, NAN, -0.0, 3}), f32({4}, {NAN, 1, 0.0, inf})},
                           op(RLX_OP_BINARY, {{RLX_ATTR_FN, Dim(RLX_BINARY_MAX)}}));
  EXPECT_TRUE(std::isnan(y.v[0]) && std::isnan(y.v[1]));
  EXPECT_EQ(y.v[3], inf);
  const Tensor p = run_one({f32({2}, {1, NAN}), f32({2}, {NAN, 0})},
                           op(RLX_OP_BINARY, {{RLX_ATTR_FN, Dim(RLX_BINARY_POW)}}));
  EXPECT_EQ(p.v, (Reals{1, 1}));
  const Tensor r = run_one({f32({4}, {0.5, 1.5, 2.5, -0.5})},
                           op(RLX_OP_UNARY, {{RLX_ATTR_FN, Dim(RLX_UNARY_ROUND_EVEN)}}));
  EXPECT_EQ(r.v, (Reals{0, 2, 2, 0}));
  const Tensor c =
      run_one({f32({5}, {300, -300, NAN, 2.5, -inf})}, op(RLX_OP_CAST, {{RLX_ATTR_TO, DType::kI8}}));
  EXPECT_EQ(c.i, (Whole{127, -128, 0, 2, -128}));
  const Tensor w =
      run_one({f32({1}, {300})},
              op(RLX_OP_CAST, {{RLX_ATTR_TO, DType::kI8}, {RLX_ATTR_OVERFLOW, Dim(RLX_OVERFLOW_WRAP)}}));
  EXPECT_EQ(w.i, (Whole{44}));
}

TEST(Reference, NaNTakesTheElseOfShrinkAndThresholdedReluAsTheirExpansionsDo) {
  for (const std::uint32_t fn : {RLX_ACT_SHRINK, RLX_ACT_THRESHOLDED_RELU, RLX_ACT_LEAKY_RELU, RLX_ACT_ELU}) {
    const Attributes attributes = {{RLX_ATTR_FN, Dim(fn)}, {RLX_ATTR_ACT_ALPHA, 0.5}, {RLX_ATTR_ACT_BETA, 0.25}};
    const std::vector<Shape> shapes = {{DType::kF32, {1}}};
    const auto region = expansion(RLX_OP_ACT, shapes, attributes);
    ASSERT_TRUE(region);
    const Tensor direct = run_one({f32({1}, {NAN})}, op(RLX_OP_ACT, attributes));
    const Tensor steps = run_one({f32({1}, {NAN})}, [&](MirBuilder& b, const std::vector<ValueId>& x) {
      return *inline_region(b.graph(), **region, x);
    });
    EXPECT_EQ(std::isnan(direct.v[0]), std::isnan(steps.v[0])) << fn;
    EXPECT_EQ(direct.v[0] == 0, steps.v[0] == 0) << fn;
    EXPECT_EQ(direct.v[0] == 0, fn == RLX_ACT_SHRINK || fn == RLX_ACT_THRESHOLDED_RELU) << fn;
  }
}

TEST(Reference, MovesData) {
  const Tensor x = f32({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto pad = [&](std::int64_t mode) {
    return run_one({f32({1, 3}, {1, 2, 3}), f32({}, {9})},
                   op(RLX_OP_PAD,
                      {{RLX_ATTR_LOW, Dims{0, 2}}, {RLX_ATTR_HIGH, Dims{0, 2}}, {RLX_ATTR_MODE, Dim(mode)}}))
        .v;
  };
  EXPECT_EQ(pad(RLX_PAD_CONST), (Reals{9, 9, 1, 2, 3, 9, 9}));
  EXPECT_EQ(pad(RLX_PAD_EDGE), (Reals{1, 1, 1, 2, 3, 3, 3}));
  EXPECT_EQ(pad(RLX_PAD_REFLECT), (Reals{3, 2, 1, 2, 3, 2, 1}));
  EXPECT_EQ(pad(RLX_PAD_WRAP), (Reals{2, 3, 1, 2, 3, 1, 2}));
  EXPECT_EQ(run_one({x, i64({2}, {1, -1})},
                    op(RLX_OP_GATHER, {{RLX_ATTR_AXIS, Dim(1)}, {RLX_ATTR_NEGATIVE_INDICES, Dim(1)}}))
                .v,
            (Reals{2, 3, 5, 6}));
  EXPECT_EQ(run_one({x, i64({1, 2}, {5, 0})},
                    op(RLX_OP_GATHER_ELEMENTS,
                       {{RLX_ATTR_AXIS, Dim(1)}, {RLX_ATTR_INDEX_POLICY, Dim(RLX_INDEX_ZERO)}}))
                .v,
            (Reals{0, 1}));
  EXPECT_EQ(run_one({x, i64({2, 2}, {1, 2, 0, 0})}, op(RLX_OP_GATHER_ND, {})).v, (Reals{6, 1}));
  EXPECT_EQ(run_one({x, i64({2, 1}, {1, 1}), f32({2, 3}, {10, 20, 30, 1, 1, 1})},
                    op(RLX_OP_SCATTER_ND, {{RLX_ATTR_REDUCE, Dim(RLX_SCATTER_ADD)}}))
                .v,
            (Reals{1, 2, 3, 15, 26, 37}));
  const auto refused = run({x, i64({1}, {3})}, op(RLX_OP_GATHER, {{RLX_ATTR_AXIS, Dim(1)}}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kDataError);
}

TEST(Reference, ViewsAreReadThroughTheirStrides) {
  const Tensor x = f32({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor y = run_one({x}, [](MirBuilder& b, const std::vector<ValueId>& in) {
    const ValueId back = b.slice(b.transpose(in[0], {1, 0}), {2, 0}, {-1, 2}, {-1, 1});
    return std::vector<ValueId>{b.unary(RLX_UNARY_NEG, back)};
  });
  EXPECT_EQ(y.dims, (Sizes{3, 2}));
  EXPECT_EQ(y.v, (Reals{-3, -6, -2, -5, -1, -4}));
}

TEST(Reference, FoldsAndOrders) {
  const Tensor x = f32({2, 3}, {3, 1, 2, 5, 5, 4});
  EXPECT_EQ(run_one({x}, op(RLX_OP_REDUCE, {{RLX_ATTR_FN, Dim(RLX_REDUCE_SUM)}, {RLX_ATTR_AXES, Dims{0}}})).v,
            (Reals{8, 6, 6}));
  EXPECT_EQ(run_one({f32({2, 0}, {})},
                    op(RLX_OP_REDUCE, {{RLX_ATTR_FN, Dim(RLX_REDUCE_MAX)}, {RLX_ATTR_AXES, Dims{1}}}))
                .v,
            (Reals{-INFINITY, -INFINITY}));
  EXPECT_EQ(run_one({x}, op(RLX_OP_CUMULATE, {{RLX_ATTR_FN, Dim(RLX_REDUCE_SUM)},
                                              {RLX_ATTR_AXIS, Dim(1)},
                                              {RLX_ATTR_EXCLUSIVE, Dim(1)},
                                              {RLX_ATTR_REVERSE, Dim(1)}}))
                .v,
            (Reals{3, 2, 0, 9, 4, 0}));
  EXPECT_EQ(run_one({x}, op(RLX_OP_ARG_REDUCE, {{RLX_ATTR_FN, Dim(RLX_REDUCE_MAX)},
                                                {RLX_ATTR_AXIS, Dim(1)},
                                                {RLX_ATTR_TIE, Dim(RLX_TIE_LAST)}}))
                .i,
            (Whole{0, 1}));
  EXPECT_EQ(run_one({x}, op(RLX_OP_TOP_K, {{RLX_ATTR_K, Dim(2)},
                                           {RLX_ATTR_AXIS, Dim(1)},
                                           {RLX_ATTR_LARGEST, Dim(1)},
                                           {RLX_ATTR_SORTED, Dim(1)}}))
                .v,
            (Reals{3, 2, 5, 5}));
}

TEST(Reference, ConvolvesAndPools) {
  const Tensor x = f32({1, 1, 4}, {1, 2, 3, 4}), w = f32({1, 1, 2}, {1, 10});
  EXPECT_EQ(run_one({x, w}, op(RLX_OP_CONV, {{RLX_ATTR_LOW, Dims{1}}, {RLX_ATTR_STRIDES, Dims{2}}})).v,
            (Reals{10, 32}));
  EXPECT_EQ(run_one({x}, op(RLX_OP_REDUCE_WINDOW, {{RLX_ATTR_FN, Dim(RLX_REDUCE_MAX)},
                                                   {RLX_ATTR_WINDOW, Dims{2}},
                                                   {RLX_ATTR_HIGH, Dims{1}}}))
                .v,
            (Reals{2, 3, 4, 4}));
}

TEST(Reference, PhiloxGivesThePublishedVectors) {
  // Source: the known-answer file of Random123 for philox4x32, 10 rounds.
  const Attributes four{{RLX_ATTR_DIMS, Dims{4}}};
  const Tensor zero = run_one({integers(DType::kU32, {2}, {0, 0}), integers(DType::kU32, {4}, {0, 0, 0, 0})},
                              op(RLX_OP_RNG_BITS, four));
  EXPECT_EQ(zero.i, (Whole{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const Tensor ones =
      run_one({integers(DType::kU32, {2}, {-1, -1}), integers(DType::kU32, {4}, {-1, -1, -1, -1})},
              op(RLX_OP_RNG_BITS, four));
  EXPECT_EQ(ones.i, (Whole{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
}

std::shared_ptr<const Graph> region_of(
    const std::vector<Shape>& params,
    const std::function<ValueId(MirBuilder&, const std::vector<ValueId>&)>& build) {
  auto region = std::make_shared<Graph>();
  std::vector<ValueId> in;
  for (const Shape& shape : params) in.push_back(region->add_input("p", shape));
  MirBuilder b(*region);
  region->outputs.push_back({"r", build(b, in)});
  return region;
}

TEST(Reference, RunsBranchesAndLoops) {
  const Shape x{DType::kF32, {Dim(2)}}, yes{DType::kBool, {}};
  const Build branch = [&](MirBuilder& b, const std::vector<ValueId>& in) {
    const auto twice = region_of({yes, x}, [](MirBuilder& r, const std::vector<ValueId>& p) {
      return r.binary(RLX_BINARY_ADD, p[1], p[1]);
    });
    const auto minus = region_of(
        {yes, x}, [](MirBuilder& r, const std::vector<ValueId>& p) { return r.unary(RLX_UNARY_NEG, p[1]); });
    return std::vector<ValueId>{b.add(RLX_OP_IF, in, {}, {twice, minus})};
  };
  EXPECT_EQ(run_one({integers(DType::kBool, {}, {1}), f32({2}, {1, 2})}, branch).v, (Reals{2, 4}));
  EXPECT_EQ(run_one({integers(DType::kBool, {}, {0}), f32({2}, {1, 2})}, branch).v, (Reals{-1, -2}));
  const Shape n{DType::kI64, {}};
  const Build loop = [&](MirBuilder& b, const std::vector<ValueId>& in) {
    const auto below = region_of({n}, [](MirBuilder& r, const std::vector<ValueId>& p) {
      return r.compare(RLX_COMPARE_LT, p[0], add_scalar_i64(r.graph(), DType::kI64, 100));
    });
    const auto twice = region_of({n}, [](MirBuilder& r, const std::vector<ValueId>& p) {
      return r.binary(RLX_BINARY_ADD, p[0], p[0]);
    });
    return std::vector<ValueId>{b.add(RLX_OP_WHILE, in, {}, {below, twice})};
  };
  EXPECT_EQ(run_one({i64({}, {3})}, loop).i, (Whole{192}));
}

}  // namespace
}  // namespace rlx::reference::test
