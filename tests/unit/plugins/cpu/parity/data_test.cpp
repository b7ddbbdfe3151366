// SPDX-License-Identifier: Apache-2.0
// Parity of ops that move data: copies, joins, pads, slices, gathers, scatters, random bits.
#include <gtest/gtest.h>

#include "tests/unit/plugins/cpu/parity/parity.h"

namespace parity {
namespace {

constexpr DType kSome[] = {DType::kF32, DType::kI8, DType::kF16, DType::kI64, DType::kBool};
constexpr Lie kLies[] = {Lie::kDense, Lie::kTransposed, Lie::kReversed, Lie::kEverySecond};

void expect_parity(const OpCase& op, unsigned seed = 1) { EXPECT_EQ(compare(op, seed), "") << op.name; }

std::string about(const char* what, DType dtype) {
  return std::string(what) + " " + std::string(rlx::dtype_name(dtype));
}

TEST_F(CpuParity, CopyConcatIota) {
  for (const DType dtype : kSome) {
    for (const Lie lie : kLies) {
      expect_parity({about("copy", dtype), RLX_OP_COPY, {{dtype, {3, 4, 5}, Fill::kSpecial, lie}}});
      for (std::int64_t axis = 0; axis < 3; ++axis) {
        Dims other{2, 3, 5};
        other[static_cast<std::size_t>(axis)] = 4;
        Dims none{2, 3, 5};
        none[static_cast<std::size_t>(axis)] = 0;
        expect_parity({about("concat", dtype),
                       RLX_OP_CONCAT,
                       {{dtype, {2, 3, 5}, Fill::kUniform, lie}, {dtype, none}, {dtype, other}},
                       {size(RLX_ATTR_AXIS, axis)}});
      }
    }
  }
  for (const DType dtype : {DType::kI64, DType::kF32, DType::kU8, DType::kF16})
    expect_parity({about("iota", dtype),
                   RLX_OP_IOTA,
                   {},
                   {size(RLX_ATTR_AXIS, 1), list(RLX_ATTR_DIMS, {2, 300, 3}), type(RLX_ATTR_TO, dtype)}});
}

TEST_F(CpuParity, Pad) {
  for (const DType dtype : kSome)
    for (std::int64_t mode = RLX_PAD_CONST; mode <= RLX_PAD_WRAP; ++mode)
      for (const Lie lie : kLies) {
        expect_parity({about("pad", dtype),
                       RLX_OP_PAD,
                       {{dtype, {3, 5}, Fill::kUniform, lie}, {dtype, {}}},
                       {list(RLX_ATTR_LOW, {2, mode == RLX_PAD_CONST || mode == RLX_PAD_EDGE ? 7 : 4}),
                        list(RLX_ATTR_HIGH, {1, 1}), size(RLX_ATTR_MODE, mode)}});
        expect_parity(
            {about("pad crops", dtype),
             RLX_OP_PAD,
             {{dtype, {3, 5}, Fill::kUniform, lie}, {dtype, {}}},
             {list(RLX_ATTR_LOW, {-1, 1}), list(RLX_ATTR_HIGH, {1, -2}), size(RLX_ATTR_MODE, mode)}});
      }
  expect_parity(
      {"pad inside",
       RLX_OP_PAD,
       {{DType::kF32, {3, 4}}, {DType::kF32, {}}},
       {list(RLX_ATTR_LOW, {1, -1}), list(RLX_ATTR_HIGH, {0, 2}), list(RLX_ATTR_INTERIOR, {2, 1})}});
  expect_parity({"pad of nothing",
                 RLX_OP_PAD,
                 {{DType::kF32, {0, 4}}, {DType::kF32, {}}},
                 {list(RLX_ATTR_LOW, {1, 0}), list(RLX_ATTR_HIGH, {1, 0})}});
}

TEST_F(CpuParity, DynamicSlices) {
  for (const DType dtype : kSome)
    for (const Lie lie : kLies)
      for (const std::vector<std::int64_t>& start : {std::vector<std::int64_t>{1, 2}, {0, 0}, {-3, 9}})
        for (std::int64_t policy = RLX_INDEX_ERROR; policy <= RLX_INDEX_CLAMP; ++policy) {
          expect_parity(
              {about("dynamic_slice", dtype),
               RLX_OP_DYNAMIC_SLICE,
               {{dtype, {5, 7}, Fill::kUniform, lie}, {DType::kI64, {2}, Fill::kZero, Lie::kDense, 0, start}},
               {list(RLX_ATTR_SIZES, {3, 4}), size(RLX_ATTR_INDEX_POLICY, policy)}});
          expect_parity({about("dynamic_update_slice", dtype),
                         RLX_OP_DYNAMIC_UPDATE_SLICE,
                         {{dtype, {5, 7}, Fill::kUniform, lie},
                          {dtype, {3, 4}, Fill::kUniform, lie},
                          {DType::kI64, {2}, Fill::kZero, Lie::kDense, 0, start}},
                         {size(RLX_ATTR_INDEX_POLICY, policy)}});
        }
}

TEST_F(CpuParity, Gathers) {
  const std::vector<std::int64_t> inside{0, 4, 2, 2, 1, 3}, outside{-1, 7, 3, -9, 0, 4};
  for (const DType dtype : kSome)
    for (const DType index : {DType::kI32, DType::kI64})
      for (const Lie lie : kLies)
        for (std::int64_t policy = RLX_INDEX_ERROR; policy <= RLX_INDEX_ZERO; ++policy)
          for (std::int64_t negatives = 0; negatives < 2; ++negatives)
            for (const auto& given : {inside, outside}) {
              const std::vector<rlx::OpAttribute> rules{size(RLX_ATTR_INDEX_POLICY, policy),
                                                        size(RLX_ATTR_NEGATIVE_INDICES, negatives)};
              const auto with = [&](std::vector<rlx::OpAttribute> more) {
                return more.insert(more.end(), rules.begin(), rules.end()), more;
              };
              expect_parity({about("gather", dtype),
                             RLX_OP_GATHER,
                             {{dtype, {3, 5, 4}, Fill::kUniform, lie},
                              {index, {2, 3}, Fill::kZero, Lie::kDense, 0, given}},
                             with({size(RLX_ATTR_AXIS, 1)})});
              expect_parity({about("gather batched", dtype),
                             RLX_OP_GATHER,
                             {{dtype, {2, 3, 5}, Fill::kUniform, lie},
                              {index, {2, 3}, Fill::kZero, Lie::kDense, 0, given}},
                             with({size(RLX_ATTR_AXIS, 2), size(RLX_ATTR_BATCH_DIMS, 1)})});
              expect_parity({about("gather_elements", dtype),
                             RLX_OP_GATHER_ELEMENTS,
                             {{dtype, {3, 5}, Fill::kUniform, lie},
                              {index, {2, 6}, Fill::kZero, Lie::kDense, 0, given}},
                             with({size(RLX_ATTR_AXIS, 1)})});
              expect_parity({about("gather_nd", dtype),
                             RLX_OP_GATHER_ND,
                             {{dtype, {5, 5, 3}, Fill::kUniform, lie},
                              {index, {3, 2}, Fill::kZero, Lie::kDense, 0, given}},
                             with({})});
              expect_parity({about("gather_nd batched", dtype),
                             RLX_OP_GATHER_ND,
                             {{dtype, {2, 5, 3}, Fill::kUniform, lie},
                              {index, {2, 3, 1}, Fill::kZero, Lie::kDense, 0, given}},
                             with({size(RLX_ATTR_BATCH_DIMS, 1)})});
            }
}

TEST_F(CpuParity, Scatters) {
  const std::vector<std::int64_t> inside{0, 4, 2, 2, 1, 2}, outside{-1, 7, 3, -9, 0, 4};
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kI32, DType::kU8})
    for (std::int64_t reduce = RLX_SCATTER_SET; reduce <= RLX_SCATTER_MAX; ++reduce)
      for (std::int64_t policy = RLX_INDEX_ERROR; policy <= RLX_INDEX_CLAMP; ++policy)
        for (const auto& given : {inside, outside}) {
          const std::vector<rlx::OpAttribute> rules{size(RLX_ATTR_REDUCE, reduce),
                                                    size(RLX_ATTR_INDEX_POLICY, policy),
                                                    size(RLX_ATTR_NEGATIVE_INDICES, 1)};
          auto with_axis = rules;
          with_axis.push_back(size(RLX_ATTR_AXIS, 1));
          expect_parity({about("scatter_elements", dtype),
                         RLX_OP_SCATTER_ELEMENTS,
                         {{dtype, {3, 5}, Fill::kUniform, Lie::kTransposed},
                          {DType::kI64, {2, 6}, Fill::kZero, Lie::kDense, 0, given},
                          {dtype, {2, 6}}},
                         with_axis});
          expect_parity({about("scatter_nd", dtype),
                         RLX_OP_SCATTER_ND,
                         {{dtype, {5, 4}, Fill::kUniform, Lie::kReversed},
                          {DType::kI32, {6, 1}, Fill::kZero, Lie::kDense, 0, given},
                          {dtype, {6, 4}}},
                         rules});
        }
}

TEST_F(CpuParity, RandomBits) {
  for (const Dims& dims : {Dims{1}, Dims{3, 7}, Dims{0}, Dims{130}})
    expect_parity({"rng_bits",
                   RLX_OP_RNG_BITS,
                   {{DType::kU32, {2}, Fill::kSpecial},
                    {DType::kU32, {4}, Fill::kZero, Lie::kDense, 0, {0xFFFFFFFF, 0xFFFFFFFF, 5, 9}}},
                   {list(RLX_ATTR_DIMS, dims)}});
}

}  // namespace
}  // namespace parity
