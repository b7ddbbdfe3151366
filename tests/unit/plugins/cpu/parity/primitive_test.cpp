// SPDX-License-Identifier: Apache-2.0
// Parity of pointwise ops, casts, folds, orders, products and windows.
#include <gtest/gtest.h>

#include "tests/unit/plugins/cpu/parity/parity.h"

namespace parity {
namespace {

constexpr DType kFloats[] = {DType::kF32, DType::kF16, DType::kBF16, DType::kF64};
constexpr DType kInts[] = {DType::kI8, DType::kI16, DType::kI32, DType::kI64,
                           DType::kU8, DType::kU16, DType::kU32, DType::kU64};
constexpr Lie kLies[] = {Lie::kDense, Lie::kTransposed, Lie::kReversed, Lie::kEverySecond};

std::string about(const char* what, std::int64_t fn, DType dtype) {
  return std::string(what) + " " + std::to_string(fn) + " " + std::string(rlx::dtype_name(dtype));
}

void expect_parity(const OpCase& op, unsigned seed = 1) { EXPECT_EQ(compare(op, seed), "") << op.name; }

TEST_F(CpuParity, Unary) {
  for (std::int64_t fn = RLX_UNARY_NEG; fn <= RLX_UNARY_ISINF_NEG; ++fn) {
    if (fn == RLX_UNARY_NOT) continue;
    for (const DType dtype : kFloats) {
      for (const Fill fill : {Fill::kUniform, Fill::kPositive, Fill::kUnit, Fill::kSpecial}) {
        expect_parity({about("unary", fn, dtype) + " fill " + std::to_string(static_cast<int>(fill)),
                       RLX_OP_UNARY,
                       {{dtype, {5, 33}, fill}},
                       {size(RLX_ATTR_FN, fn)}});
      }
      expect_parity({about("unary strided", fn, dtype),
                     RLX_OP_UNARY,
                     {{dtype, {3, 7}, Fill::kPositive, Lie::kTransposed}},
                     {size(RLX_ATTR_FN, fn)}});
      expect_parity(
          {about("unary empty", fn, dtype), RLX_OP_UNARY, {{dtype, {0, 4}}}, {size(RLX_ATTR_FN, fn)}});
    }
  }
  for (const DType dtype : kInts)
    for (const std::int64_t fn : {RLX_UNARY_NEG, RLX_UNARY_ABS, RLX_UNARY_SIGN, RLX_UNARY_NOT})
      expect_parity({about("unary", fn, dtype),
                     RLX_OP_UNARY,
                     {{dtype, {67}, Fill::kSpecial}},
                     {size(RLX_ATTR_FN, fn)}});
  expect_parity({"not bool", RLX_OP_UNARY, {{DType::kBool, {67}}}, {size(RLX_ATTR_FN, RLX_UNARY_NOT)}});
}

TEST_F(CpuParity, Binary) {
  for (std::int64_t fn = RLX_BINARY_ADD; fn <= RLX_BINARY_MIN; ++fn) {
    for (const DType dtype : kFloats) {
      for (const Fill fill : {Fill::kUniform, Fill::kPositive, Fill::kSpecial, Fill::kSmallInts})
        expect_parity({about("binary", fn, dtype),
                       RLX_OP_BINARY,
                       {{dtype, {9, 31}, fill}, {dtype, {9, 31}, fill}},
                       {size(RLX_ATTR_FN, fn)}});
      for (const Lie lie : kLies)
        expect_parity({about("binary repeated", fn, dtype),
                       RLX_OP_BINARY,
                       {{dtype, {3, 1, 7}, Fill::kPositive, lie}, {dtype, {1, 5, 7}, Fill::kPositive}},
                       {size(RLX_ATTR_FN, fn)}});
    }
  }
  for (std::int64_t fn = RLX_BINARY_ADD; fn <= RLX_BINARY_SHR_LOGICAL; ++fn)
    for (const DType dtype : kInts)
      for (const Fill fill : {Fill::kSpecial, Fill::kTies, Fill::kSmallInts})
        expect_parity({about("binary", fn, dtype),
                       RLX_OP_BINARY,
                       {{dtype, {7, 19}, Fill::kSpecial}, {dtype, {7, 19}, fill}},
                       {size(RLX_ATTR_FN, fn)}});
  for (const std::int64_t fn : {RLX_BINARY_AND, RLX_BINARY_OR, RLX_BINARY_XOR})
    expect_parity({about("binary", fn, DType::kBool),
                   RLX_OP_BINARY,
                   {{DType::kBool, {3, 5}}, {DType::kBool, {3, 1}}},
                   {size(RLX_ATTR_FN, fn)}});
}

TEST_F(CpuParity, CompareAndSelect) {
  for (std::int64_t fn = RLX_COMPARE_EQ; fn <= RLX_COMPARE_GE; ++fn) {
    for (const DType dtype : kFloats)
      expect_parity({about("compare", fn, dtype),
                     RLX_OP_COMPARE,
                     {{dtype, {4, 33}, Fill::kSpecial}, {dtype, {4, 33}, Fill::kTies}},
                     {size(RLX_ATTR_FN, fn)}});
    for (const DType dtype : kInts)
      expect_parity({about("compare", fn, dtype),
                     RLX_OP_COMPARE,
                     {{dtype, {4, 33}, Fill::kSpecial}, {dtype, {1, 33}, Fill::kTies}},
                     {size(RLX_ATTR_FN, fn)}});
  }
  for (const DType dtype : {DType::kBool, DType::kI8, DType::kF16, DType::kF32, DType::kI64})
    for (const Lie lie : kLies)
      expect_parity({about("select", 0, dtype),
                     RLX_OP_SELECT,
                     {{DType::kBool, {4, 1, 5}, Fill::kUniform},
                      {dtype, {4, 3, 5}, Fill::kSpecial, lie},
                      {dtype, {1, 3, 5}, Fill::kSpecial}}});
}

TEST_F(CpuParity, Cast) {
  std::vector<DType> all(std::begin(kFloats), std::end(kFloats));
  all.insert(all.end(), std::begin(kInts), std::end(kInts));
  all.push_back(DType::kBool);
  for (const DType from : all)
    for (const DType to : all)
      for (std::int64_t round = RLX_ROUND_EVEN; round <= RLX_ROUND_ZERO; ++round)
        for (std::int64_t overflow = RLX_OVERFLOW_SATURATE; overflow <= RLX_OVERFLOW_INF; ++overflow)
          expect_parity(
              {about("cast", round * 10 + overflow, from) + " to " + std::string(rlx::dtype_name(to)),
               RLX_OP_CAST,
               {{from, {3, 41}, Fill::kSpecial}},
               {type(RLX_ATTR_TO, to), size(RLX_ATTR_ROUND, round), size(RLX_ATTR_OVERFLOW, overflow)}});
  expect_parity({"bitcast",
                 RLX_OP_BITCAST,
                 {{DType::kF32, {3, 7}, Fill::kSpecial, Lie::kTransposed}},
                 {type(RLX_ATTR_TO, DType::kU32)}});
}

TEST_F(CpuParity, Reduce) {
  for (std::int64_t fn = RLX_REDUCE_SUM; fn <= RLX_REDUCE_MIN; ++fn) {
    for (const DType dtype :
         {DType::kF32, DType::kF16, DType::kBF16, DType::kF64, DType::kI8, DType::kI32, DType::kU64})
      for (const Dims& axes : {Dims{0}, Dims{1}, Dims{2}, Dims{0, 2}, Dims{0, 1, 2}})
        for (const Lie lie : kLies)
          expect_parity({about("reduce", fn, dtype),
                         RLX_OP_REDUCE,
                         {{dtype, {3, 5, 17}, Fill::kUniform, lie}},
                         {size(RLX_ATTR_FN, fn), list(RLX_ATTR_AXES, axes), size(RLX_ATTR_KEEP, 1)}});
    for (const DType dtype : {DType::kF32, DType::kI8, DType::kU32, DType::kI64, DType::kF64})
      expect_parity({about("reduce of nothing", fn, dtype),
                     RLX_OP_REDUCE,
                     {{dtype, {3, 0}}},
                     {size(RLX_ATTR_FN, fn), list(RLX_ATTR_AXES, {1})}});
    expect_parity({about("reduce specials", fn, DType::kF32),
                   RLX_OP_REDUCE,
                   {{DType::kF32, {40, 4}, Fill::kSpecial}},
                   {size(RLX_ATTR_FN, fn), list(RLX_ATTR_AXES, {1})}});
  }
  for (const std::int64_t fn : {RLX_REDUCE_ALL, RLX_REDUCE_ANY})
    expect_parity({about("reduce", fn, DType::kBool),
                   RLX_OP_REDUCE,
                   {{DType::kBool, {9, 3}}},
                   {size(RLX_ATTR_FN, fn), list(RLX_ATTR_AXES, {1})}});
}

TEST_F(CpuParity, Cumulate) {
  for (std::int64_t fn = RLX_REDUCE_SUM; fn <= RLX_REDUCE_MIN; ++fn)
    for (const DType dtype : {DType::kF32, DType::kF16, DType::kI32, DType::kU8})
      for (std::int64_t flags = 0; flags < 4; ++flags)
        for (std::int64_t axis = 0; axis < 3; ++axis)
          expect_parity({about("cumulate", fn, dtype),
                         RLX_OP_CUMULATE,
                         {{dtype, {3, 9, 2}, Fill::kUniform, kLies[flags]}},
                         {size(RLX_ATTR_FN, fn), size(RLX_ATTR_AXIS, axis),
                          size(RLX_ATTR_EXCLUSIVE, flags & 1), size(RLX_ATTR_REVERSE, flags >> 1)}});
}

TEST_F(CpuParity, Orders) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kI32, DType::kU64, DType::kF64}) {
    for (const Fill fill : {Fill::kTies, Fill::kUniform, Fill::kSpecial}) {
      for (const std::int64_t fn : {RLX_REDUCE_MAX, RLX_REDUCE_MIN})
        for (std::int64_t tie = 0; tie < 2; ++tie)
          for (std::int64_t axis = 0; axis < 2; ++axis)
            expect_parity({about("arg_reduce", fn * 10 + tie, dtype),
                           RLX_OP_ARG_REDUCE,
                           {{dtype, {6, 13}, fill}},
                           {size(RLX_ATTR_FN, fn), size(RLX_ATTR_AXIS, axis), size(RLX_ATTR_TIE, tie)}});
      for (std::int64_t largest = 0; largest < 2; ++largest)
        for (const std::int64_t k : {0, 1, 4, 13})
          expect_parity({about("top_k", k, dtype),
                         RLX_OP_TOP_K,
                         {{dtype, {6, 13}, fill, Lie::kEverySecond}},
                         {size(RLX_ATTR_K, k), size(RLX_ATTR_AXIS, 1), size(RLX_ATTR_LARGEST, largest),
                          size(RLX_ATTR_SORTED, 1)}});
    }
    expect_parity({about("nonzero", 0, dtype), RLX_OP_NONZERO, {{dtype, {5, 7}, Fill::kTies}}, {}, true});
  }
}

TEST_F(CpuParity, Dot) {
  const auto dot = [](DType dtype, const Dims& a, const Dims& b, const Dims& ca, const Dims& cb,
                      const Dims& ba, const Dims& bb, Lie lie) {
    return OpCase{about("dot", static_cast<int>(lie), dtype),
                  RLX_OP_DOT,
                  {{dtype, a, Fill::kUniform, lie}, {dtype, b, Fill::kUniform, lie}},
                  {list(RLX_ATTR_CONTRACT_A, ca), list(RLX_ATTR_CONTRACT_B, cb), list(RLX_ATTR_BATCH_A, ba),
                   list(RLX_ATTR_BATCH_B, bb)}};
  };
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kF64, DType::kI32, DType::kI64}) {
    for (const Lie lie : kLies) {
      expect_parity(dot(dtype, {5, 7}, {7, 3}, {1}, {0}, {}, {}, lie));
      expect_parity(dot(dtype, {1, 65}, {65, 33}, {1}, {0}, {}, {}, lie));
      expect_parity(dot(dtype, {2, 5, 7}, {2, 3, 7}, {2}, {2}, {0}, {0}, lie));
      expect_parity(dot(dtype, {5, 0}, {0, 3}, {1}, {0}, {}, {}, lie));
      expect_parity(dot(dtype, {4, 3, 2}, {2, 4, 3}, {0, 2}, {1, 0}, {}, {}, lie));
    }
  }
  for (const DType b : {DType::kI8, DType::kU8})
    expect_parity(
        {"dot of bytes",
         RLX_OP_DOT,
         {{DType::kU8, {5, 67}}, {b, {67, 9}}},
         {list(RLX_ATTR_CONTRACT_A, {1}), list(RLX_ATTR_CONTRACT_B, {0}), list(RLX_ATTR_BATCH_A, {}),
          list(RLX_ATTR_BATCH_B, {}), type(RLX_ATTR_ACC, DType::kI32)}});
}

TEST_F(CpuParity, Conv) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kF64}) {
    expect_parity({about("conv", 1, dtype),
                   RLX_OP_CONV,
                   {{dtype, {2, 3, 11}}, {dtype, {4, 3, 3}}},
                   {list(RLX_ATTR_LOW, {1}), list(RLX_ATTR_HIGH, {2}), list(RLX_ATTR_STRIDES, {2})}});
    for (const Lie lie : kLies)
      expect_parity({about("conv", 2, dtype),
                     RLX_OP_CONV,
                     {{dtype, {2, 4, 7, 9}, Fill::kUniform, lie}, {dtype, {6, 2, 3, 2}, Fill::kUniform, lie}},
                     {list(RLX_ATTR_LOW, {1, 0}), list(RLX_ATTR_HIGH, {1, 1}), list(RLX_ATTR_STRIDES, {2, 1}),
                      list(RLX_ATTR_DILATION, {1, 2}), size(RLX_ATTR_GROUPS, 2)}});
    expect_parity({about("conv depthwise", 2, dtype),
                   RLX_OP_CONV,
                   {{dtype, {1, 5, 8, 8}}, {dtype, {5, 1, 3, 3}}},
                   {list(RLX_ATTR_LOW, {1, 1}), list(RLX_ATTR_HIGH, {1, 1}), size(RLX_ATTR_GROUPS, 5)}});
    expect_parity(
        {about("conv dilated input", 2, dtype),
         RLX_OP_CONV,
         {{dtype, {1, 2, 4, 4}}, {dtype, {3, 2, 3, 3}}},
         {list(RLX_ATTR_LOW, {2, 2}), list(RLX_ATTR_HIGH, {2, 1}), list(RLX_ATTR_INPUT_DILATION, {2, 3})}});
    expect_parity(
        {about("conv", 3, dtype), RLX_OP_CONV, {{dtype, {1, 2, 4, 5, 3}}, {dtype, {3, 2, 2, 3, 1}}}, {}});
  }
  expect_parity({"conv of bytes",
                 RLX_OP_CONV,
                 {{DType::kU8, {1, 3, 6, 6}}, {DType::kI8, {4, 3, 3, 3}}},
                 {type(RLX_ATTR_ACC, DType::kI32), list(RLX_ATTR_LOW, {1, 1}), list(RLX_ATTR_HIGH, {1, 1})}});
}

TEST_F(CpuParity, Windows) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kI32, DType::kU8, DType::kF64})
    for (const std::int64_t fn : {RLX_REDUCE_MAX, RLX_REDUCE_SUM})
      for (const Fill fill : {Fill::kUniform, Fill::kTies})
        expect_parity(
            {about("reduce_window", fn, dtype),
             RLX_OP_REDUCE_WINDOW,
             {{dtype, {2, 3, 7, 9}, fill, Lie::kTransposed}},
             {size(RLX_ATTR_FN, fn), list(RLX_ATTR_WINDOW, {3, 2}), list(RLX_ATTR_STRIDES, {2, 1}),
              list(RLX_ATTR_LOW, {1, 0}), list(RLX_ATTR_HIGH, {1, 1}), list(RLX_ATTR_DILATION, {1, 2})}});
  for (const DType dtype : kFloats)
    for (std::int64_t pad = 0; pad < 2; ++pad)
      expect_parity(
          {about("avg_pool", pad, dtype),
           RLX_OP_AVG_POOL,
           {{dtype, {2, 3, 7, 9}}},
           {list(RLX_ATTR_WINDOW, {3, 2}), list(RLX_ATTR_STRIDES, {2, 2}), list(RLX_ATTR_LOW, {1, 1}),
            list(RLX_ATTR_HIGH, {1, 0}), size(RLX_ATTR_COUNT_INCLUDE_PAD, pad)}});
}

}  // namespace
}  // namespace parity
