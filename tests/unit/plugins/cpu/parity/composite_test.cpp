// SPDX-License-Identifier: Apache-2.0
// Parity of composites: the CPU's kernels, or what it expands to, within the reference's direct definition.
#include <gtest/gtest.h>

#include "tests/unit/plugins/cpu/parity/parity.h"

namespace parity {
namespace {

constexpr DType kFloats[] = {DType::kF32, DType::kF16, DType::kBF16, DType::kF64};
constexpr Lie kLies[] = {Lie::kDense, Lie::kTransposed, Lie::kReversed, Lie::kEverySecond};

void expect_parity(const OpCase& op, unsigned seed = 1) { EXPECT_EQ(compare(op, seed), "") << op.name; }

std::string about(const char* what, std::int64_t detail, DType dtype) {
  return std::string(what) + " " + std::to_string(detail) + " " + std::string(rlx::dtype_name(dtype));
}

TEST_F(CpuParity, Act) {
  for (const DType dtype : kFloats)
    for (std::int64_t fn = RLX_ACT_RELU; fn <= RLX_ACT_THRESHOLDED_RELU; ++fn)
      for (const Fill fill : {Fill::kUniform, Fill::kSpecial, Fill::kSmallInts}) {
        expect_parity({about("act", fn, dtype) + " fill " + std::to_string(static_cast<int>(fill)),
                       RLX_OP_ACT,
                       {{dtype, {5, 67}, fill}},
                       {size(RLX_ATTR_FN, fn)}});
        expect_parity({about("gated_act", fn, dtype),
                       RLX_OP_GATED_ACT,
                       {{dtype, {5, 7}, fill, Lie::kEverySecond}, {dtype, {5, 7}, Fill::kUniform}},
                       {size(RLX_ATTR_ACT, fn)}});
      }
  expect_parity(
      {"clip",
       RLX_OP_ACT,
       {{DType::kF32, {5, 67}}},
       {size(RLX_ATTR_FN, RLX_ACT_CLIP), real(RLX_ATTR_ACT_ALPHA, -0.3), real(RLX_ATTR_ACT_BETA, 0.7)}});
}

TEST_F(CpuParity, Linear) {
  for (const DType dtype : kFloats) {
    for (const Lie lie : kLies) {
      for (const std::int64_t m : {0, 1, 3, 17})
        for (const std::int64_t n : {1, 15, 33})
          for (const std::int64_t k : {0, 1, 31, 64})
            for (std::int64_t layout = 0; layout < 2; ++layout)
              expect_parity({about("linear", m * 10000 + n * 100 + k, dtype),
                             RLX_OP_LINEAR,
                             {{dtype, {m, k}, Fill::kUniform, lie},
                              {dtype, layout ? Dims{n, k} : Dims{k, n}, Fill::kUniform, lie},
                              {dtype, {n}},
                              {dtype, {m, n}, Fill::kUniform, lie}},
                             {size(RLX_ATTR_W_LAYOUT, layout), size(RLX_ATTR_HAS_BIAS, 1),
                              size(RLX_ATTR_HAS_RESIDUAL, 1), size(RLX_ATTR_ACT, RLX_ACT_GELU_ERF)}});
      expect_parity(
          {about("linear parts", 3, dtype),
           RLX_OP_LINEAR,
           {{dtype, {2, 3, 24}, Fill::kUniform, lie},
            {dtype, {24, 20}},
            {dtype, {24, 7}},
            {dtype, {24, 33}},
            {dtype, {20}},
            {dtype, {7}},
            {dtype, {33}}},
           {size(RLX_ATTR_PARTS, 3), size(RLX_ATTR_HAS_BIAS, 1), reals(RLX_ATTR_ALPHAS, {0.125, 1, 0.3})}});
    }
    for (std::int64_t act = RLX_ACT_NONE; act <= RLX_ACT_SIGMOID; ++act)
      expect_parity({about("linear act", act, dtype),
                     RLX_OP_LINEAR,
                     {{dtype, {5, 19}}, {dtype, {19, 21}}},
                     {size(RLX_ATTR_ACT, act)}});
  }
}

TEST_F(CpuParity, Norms) {
  for (const DType dtype : kFloats) {
    for (const std::int64_t width : {1, 5, 16, 67}) {
      for (const Lie lie : kLies) {
        expect_parity(
            {about("softmax", width, dtype), RLX_OP_SOFTMAX, {{dtype, {3, 4, width}, Fill::kUniform, lie}}});
        expect_parity({about("softmax axis", width, dtype),
                       RLX_OP_SOFTMAX,
                       {{dtype, {3, width, 4}, Fill::kUniform, lie}},
                       {size(RLX_ATTR_AXIS, 1)}});
        expect_parity({about("log_softmax", width, dtype),
                       RLX_OP_SOFTMAX,
                       {{dtype, {3, width}, Fill::kSmallInts, lie}},
                       {size(RLX_ATTR_LOG, 1)}});
        expect_parity({about("layer_norm", width, dtype),
                       RLX_OP_LAYER_NORM,
                       {{dtype, {3, 4, width}, Fill::kUniform, lie}, {dtype, {width}}, {dtype, {width}}}});
        expect_parity({about("layer_norm residual", width, dtype),
                       RLX_OP_LAYER_NORM,
                       {{dtype, {3, 4, width}, Fill::kUniform, lie},
                        {dtype, {3, 4, width}},
                        {dtype, {width}},
                        {dtype, {width}}},
                       {size(RLX_ATTR_HAS_RESIDUAL, 1), real(RLX_ATTR_EPS, 1e-12)}});
        expect_parity({about("rms_norm", width, dtype),
                       RLX_OP_RMS_NORM,
                       {{dtype, {3, 4, width}, Fill::kUniform, lie}, {dtype, {width}}},
                       {real(RLX_ATTR_GAMMA_OFFSET, 1)}});
      }
    }
    expect_parity(
        {about("layer_norm axis", 1, dtype),
         RLX_OP_LAYER_NORM,
         {{dtype, {3, 4, 5}}, {dtype, {4, 5}}, {dtype, {4, 5}, Fill::kUniform, Lie::kDense, 0, {}, true}},
         {size(RLX_ATTR_AXIS, 1)}});
    expect_parity({about("layer_norm of nothing", 0, dtype),
                   RLX_OP_LAYER_NORM,
                   {{dtype, {0, 5}}, {dtype, {5}}, {dtype, {5}}}});
    expect_parity({about("softmax specials", 0, dtype), RLX_OP_SOFTMAX, {{dtype, {40, 3}, Fill::kSpecial}}});
    expect_parity({about("group_norm", 2, dtype),
                   RLX_OP_GROUP_NORM,
                   {{dtype, {2, 6, 3, 5}}, {dtype, {6}}, {dtype, {6}}},
                   {size(RLX_ATTR_GROUPS, 2)}});
    expect_parity(
        {about("batch_norm", 1, dtype),
         RLX_OP_BATCH_NORM,
         {{dtype, {2, 6, 3, 5}}, {dtype, {6}}, {dtype, {6}}, {dtype, {6}}, {dtype, {6}, Fill::kPositive}}});
    expect_parity({about("embed_norm", 3, dtype),
                   RLX_OP_EMBED_NORM,
                   {{DType::kI64, {2, 7}, Fill::kZero, Lie::kDense, 11},
                    {DType::kI64, {7}, Fill::kZero, Lie::kDense, 7},
                    {dtype, {11, 12}},
                    {dtype, {9, 12}},
                    {dtype, {12}},
                    {dtype, {12}}},
                   {size(RLX_ATTR_PARTS, 2)}});
    for (std::int64_t fn = RLX_REDUCE_SUM; fn <= RLX_REDUCE_MIN; ++fn)
      expect_parity({about("segment_reduce", fn, dtype),
                     RLX_OP_SEGMENT_REDUCE,
                     {{dtype, {9, 5}}, {DType::kI64, {5}, Fill::kZero, Lie::kDense, 0, {0, 3, 3, 8, 9}}},
                     {size(RLX_ATTR_FN, fn)}});
  }
}

TEST_F(CpuParity, Attention) {
  for (const DType dtype : kFloats) {
    for (const std::int64_t queries : {1, 5, 17}) {
      for (const std::int64_t keys : {1, 9, 33}) {
        for (const Lie lie : kLies) {
          const OperandSpec q{dtype, {2, 4, queries, 8}, Fill::kUniform, lie},
              k{dtype, {2, 2, keys, 8}, Fill::kUniform, lie}, v{dtype, {2, 2, keys, 6}, Fill::kUniform, lie};
          const std::int64_t detail = queries * 100 + keys;
          expect_parity({about("attention", detail, dtype), RLX_OP_ATTENTION, {q, k, v}});
          for (std::int64_t causal = 1; causal < 3; ++causal)
            expect_parity({about("attention causal", detail, dtype),
                           RLX_OP_ATTENTION,
                           {q, k, v},
                           {size(RLX_ATTR_CAUSAL, causal), real(RLX_ATTR_SCALE, 0.7)}});
          expect_parity(
              {about("attention window", detail, dtype),
               RLX_OP_ATTENTION,
               {q, k, v},
               {size(RLX_ATTR_WINDOW_LEFT, 2), size(RLX_ATTR_WINDOW_RIGHT, 1), real(RLX_ATTR_SOFTCAP, 3)}});
          expect_parity({about("attention bool", detail, dtype),
                         RLX_OP_ATTENTION,
                         {q, k, v, {DType::kBool, {2, 1, queries, keys}}},
                         {size(RLX_ATTR_MASK_KIND, RLX_MASK_BOOL)}});
          expect_parity({about("attention bias", detail, dtype),
                         RLX_OP_ATTENTION,
                         {q, k, v, {dtype, {1, 4, 1, keys}}},
                         {size(RLX_ATTR_MASK_KIND, RLX_MASK_BIAS)}});
          expect_parity({about("attention keys", detail, dtype),
                         RLX_OP_ATTENTION,
                         {q, k, v, {DType::kBool, {2, keys}}},
                         {size(RLX_ATTR_MASK_KIND, RLX_MASK_KEY_BOOL)}});
          expect_parity({about("attention lengths", detail, dtype),
                         RLX_OP_ATTENTION,
                         {q, k, v, {DType::kI64, {2}, Fill::kZero, Lie::kDense, 0, {0, 5}}},
                         {size(RLX_ATTR_MASK_KIND, RLX_MASK_LENGTHS)}});
        }
      }
    }
    expect_parity({about("attention of no keys", 0, dtype),
                   RLX_OP_ATTENTION,
                   {{dtype, {1, 2, 3, 4}}, {dtype, {1, 2, 0, 4}}, {dtype, {1, 2, 0, 4}}}});
  }
}

TEST_F(CpuParity, AttentionOfACache) {
  for (const DType dtype : kFloats)
    for (const std::int64_t queries : {1, 3, 19})
      for (const std::int64_t room : {19, 40, 600})
        for (const std::int64_t filled : {std::int64_t{0}, std::int64_t{1}, queries, room - 1, room}) {
          const OperandSpec q{dtype, {2, 4, queries, 8}}, k{dtype, {2, 2, room, 8}}, v{dtype, {2, 2, room, 6}},
              lengths{DType::kI64, {2}, Fill::kZero, Lie::kDense, 0, {filled, queries}};
          for (const std::int64_t left : {-1, 4})
            expect_parity({about("attention of a cache", queries * 1000000 + room * 1000 + filled, dtype),
                           RLX_OP_ATTENTION,
                           {q, k, v, lengths},
                           {size(RLX_ATTR_MASK_KIND, RLX_MASK_LENGTHS), size(RLX_ATTR_CAUSAL, RLX_CAUSAL_LENGTH),
                            size(RLX_ATTR_WINDOW_LEFT, left)}});
        }
}

TEST_F(CpuParity, AttentionOfACacheOfOddAndEmptySizes) {
  const auto cache = [](DType dtype, std::int64_t batch, std::int64_t heads, std::int64_t queries, std::int64_t room, std::int64_t width,
                        const Dims& lengths) {
    expect_parity({about("attention of a cache", batch * 1000 + queries * 100 + room, dtype),
                   RLX_OP_ATTENTION,
                   {{dtype, {batch, 2 * heads, queries, width}},
                    {dtype, {batch, heads, room, width}},
                    {dtype, {batch, heads, room, width + 2}},
                    {DType::kI64, {batch}, Fill::kZero, Lie::kDense, 0, lengths}},
                   {size(RLX_ATTR_MASK_KIND, RLX_MASK_LENGTHS), size(RLX_ATTR_CAUSAL, RLX_CAUSAL_LENGTH)}});
  };
  for (const DType dtype : kFloats) {
    cache(dtype, 0, 2, 3, 5, 8, {});
    cache(dtype, 1, 1, 0, 5, 8, {3});
    cache(dtype, 1, 1, 2, 0, 8, {0});
    cache(dtype, 1, 1, 1, 1, 1, {1});
    cache(dtype, 1, 1, 1, 1, 1, {0});
    cache(dtype, 3, 3, 7, 29, 5, {7, 29, 11});
    cache(dtype, 2, 5, 13, 17, 37, {-4, 100});  // past either end: none, and all that there are
  }
}

TEST_F(CpuParity, AttentionOfPackedRows) {
  const std::vector<Dims> cuts = {{0, 3, 3, 8, 21}, {2, 5, 20}, {0, 21}, {21}, {7}, {0, 0}, {0, 1, 2, 3, 4, 21, 21}};
  for (const DType dtype : kFloats)
    for (const DType index : {DType::kI32, DType::kI64})
      for (const Dims& cut : cuts)
        for (std::int64_t causal = 0; causal < 3; ++causal) {
          const auto count = static_cast<std::int64_t>(cut.size());
          expect_parity({about("attention of packed rows", count, dtype),
                         RLX_OP_ATTENTION,
                         {{dtype, {1, 4, 21, 8}, Fill::kUniform, kLies[causal]},
                          {dtype, {1, 2, 21, 8}},
                          {dtype, {1, 2, 21, 6}},
                          {index, {count}, Fill::kZero, Lie::kDense, 0, cut}},
                         {size(RLX_ATTR_MASK_KIND, RLX_MASK_SEQ_OFFSETS), size(RLX_ATTR_CAUSAL, causal),
                          size(RLX_ATTR_WINDOW_LEFT, causal ? -1 : 2)}});
        }
  for (const Dims& bad : {Dims{0, 5, 4}, Dims{-1, 5}, Dims{0, 22}})
    expect_parity({"attention of wrong offsets",
                   RLX_OP_ATTENTION,
                   {{DType::kF32, {1, 2, 21, 8}},
                    {DType::kF32, {1, 2, 21, 8}},
                    {DType::kF32, {1, 2, 21, 8}},
                    {DType::kI64, {static_cast<std::int64_t>(bad.size())}, Fill::kZero, Lie::kDense, 0, bad}},
                   {size(RLX_ATTR_MASK_KIND, RLX_MASK_SEQ_OFFSETS)}});
}

TEST_F(CpuParity, SegmentsOfRows) {
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kI64, DType::kU8})
    for (std::int64_t fn = RLX_REDUCE_SUM; fn <= RLX_REDUCE_MIN; ++fn)
      for (const Dims& cut : {Dims{0, 0, 3, 9}, Dims{2, 4}, Dims{9}, Dims{0, 5, 4}, Dims{0, 10}})
        expect_parity({about("segments", fn, dtype),
                       RLX_OP_SEGMENT_REDUCE,
                       {{dtype, {9, 3, 37}, Fill::kSmallInts, Lie::kEverySecond},
                        {DType::kI32, {static_cast<std::int64_t>(cut.size())}, Fill::kZero, Lie::kDense, 0, cut}},
                       {size(RLX_ATTR_FN, fn)}});
}

TEST_F(CpuParity, Rope) {
  for (const DType dtype : kFloats)
    for (const Lie lie : kLies)
      for (std::int64_t interleaved = 0; interleaved < 2; ++interleaved) {
        expect_parity({about("rope", interleaved, dtype),
                       RLX_OP_ROPE,
                       {{dtype, {2, 3, 5, 8}, Fill::kUniform, lie}, {dtype, {5, 4}}, {dtype, {5, 4}}},
                       {size(RLX_ATTR_INTERLEAVED, interleaved)}});
        expect_parity({about("rope part", interleaved, dtype),
                       RLX_OP_ROPE,
                       {{dtype, {2, 3, 5, 8}, Fill::kUniform, lie},
                        {dtype, {9, 2}},
                        {dtype, {9, 2}},
                        {DType::kI64, {2, 5}, Fill::kZero, Lie::kDense, 9}},
                       {size(RLX_ATTR_INTERLEAVED, interleaved), size(RLX_ATTR_ROTARY_DIMS, 4)}});
      }
}

TEST_F(CpuParity, ConvAct) {
  for (const DType dtype : kFloats)
    for (const std::int64_t act : {RLX_ACT_NONE, RLX_ACT_RELU, RLX_ACT_SILU, RLX_ACT_HARD_SWISH})
      for (const std::int64_t groups : {1, 4}) {
        expect_parity(
            {about("conv_act", act, dtype),
             RLX_OP_CONV_ACT,
             {{dtype, {2, 4, 9, 7}}, {dtype, {8, 4 / groups, 3, 3}}, {dtype, {8}}, {dtype, {2, 8, 9, 7}}},
             {size(RLX_ATTR_GROUPS, groups), list(RLX_ATTR_LOW, {1, 1}), list(RLX_ATTR_HIGH, {1, 1}),
              size(RLX_ATTR_ACT, act), size(RLX_ATTR_HAS_BIAS, 1), size(RLX_ATTR_HAS_RESIDUAL, 1)}});
        expect_parity(
            {about("conv_act strided", act, dtype),
             RLX_OP_CONV_ACT,
             {{dtype, {1, 4, 11, 11}}, {dtype, {8, 4 / groups, 3, 5}}},
             {size(RLX_ATTR_GROUPS, groups), list(RLX_ATTR_STRIDES, {2, 3}), size(RLX_ATTR_ACT, act)}});
      }
}

}  // namespace
}  // namespace parity
