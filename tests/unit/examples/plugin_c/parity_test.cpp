// SPDX-License-Identifier: Apache-2.0
// Every op that the example claims, beside the float64 reference and its bound per element.
#include <gtest/gtest.h>

#include "tests/unit/plugins/cpu/parity/parity.h"

namespace parity {
namespace {

constexpr Lie kLies[] = {Lie::kDense, Lie::kTransposed, Lie::kReversed, Lie::kEverySecond};
using PlainParity = CpuParity;

void expect_parity(const OpCase& op) { EXPECT_EQ(compare(op, 1), "") << op.name; }

TEST_F(PlainParity, Unary) {
  for (std::int64_t fn = RLX_UNARY_NEG; fn <= RLX_UNARY_SIGMOID; ++fn) {
    for (const Fill fill : {Fill::kUniform, Fill::kPositive, Fill::kUnit, Fill::kSpecial})
      expect_parity({"unary " + std::to_string(fn), RLX_OP_UNARY, {{DType::kF32, {5, 33}, fill}}, {size(RLX_ATTR_FN, fn)}});
    expect_parity({"unary empty", RLX_OP_UNARY, {{DType::kF32, {0, 4}}}, {size(RLX_ATTR_FN, fn)}});
    expect_parity({"unary scalar", RLX_OP_UNARY, {{DType::kF32, {}, Fill::kUnit}}, {size(RLX_ATTR_FN, fn)}});
  }
}

TEST_F(PlainParity, Binary) {
  for (const std::int64_t fn : {RLX_BINARY_ADD, RLX_BINARY_SUB, RLX_BINARY_MUL, RLX_BINARY_DIV, RLX_BINARY_POW,
                                RLX_BINARY_MAX, RLX_BINARY_MIN}) {
    for (const Fill fill : {Fill::kUniform, Fill::kPositive, Fill::kSpecial, Fill::kSmallInts})
      expect_parity({"binary " + std::to_string(fn), RLX_OP_BINARY,
                     {{DType::kF32, {9, 31}, fill}, {DType::kF32, {9, 31}, fill}}, {size(RLX_ATTR_FN, fn)}});
    for (const Lie lie : kLies)
      expect_parity({"binary repeated " + std::to_string(fn), RLX_OP_BINARY,
                     {{DType::kF32, {3, 1, 7}, Fill::kPositive, lie}, {DType::kF32, {1, 5, 7}, Fill::kPositive}},
                     {size(RLX_ATTR_FN, fn)}});
  }
}

TEST_F(PlainParity, CopyOfEveryDtypeAndLayout) {
  for (const DType dtype : {DType::kBool, DType::kI8, DType::kI16, DType::kI32, DType::kI64, DType::kU8, DType::kU16,
                            DType::kU32, DType::kU64, DType::kF16, DType::kBF16, DType::kF32, DType::kF64})
    for (const Lie lie : kLies) expect_parity({"copy", RLX_OP_COPY, {{dtype, {3, 5, 7}, Fill::kSmallInts, lie}}});
}

OpCase dot(Dims a, Dims b, Dims contract_a, Dims contract_b, Dims batch_a, Dims batch_b, Lie lie) {
  return {"dot", RLX_OP_DOT, {{DType::kF32, std::move(a), Fill::kUniform, lie}, {DType::kF32, std::move(b), Fill::kUniform, lie}},
          {list(RLX_ATTR_CONTRACT_A, contract_a), list(RLX_ATTR_CONTRACT_B, contract_b), list(RLX_ATTR_BATCH_A, batch_a),
           list(RLX_ATTR_BATCH_B, batch_b)}};
}

TEST_F(PlainParity, Dot) {
  for (const Lie lie : kLies) {
    expect_parity(dot({5, 17}, {17, 9}, {1}, {0}, {}, {}, lie));
    expect_parity(dot({17, 5}, {9, 17}, {0}, {1}, {}, {}, lie));
    expect_parity(dot({2, 3, 5, 7}, {3, 2, 7, 4}, {3}, {2}, {0, 1}, {1, 0}, lie));
    expect_parity(dot({4, 3, 2}, {3, 2, 6}, {1, 2}, {0, 1}, {}, {}, lie));
    expect_parity(dot({3}, {4}, {}, {}, {}, {}, lie));
  }
  expect_parity(dot({5, 0}, {0, 9}, {1}, {0}, {}, {}, Lie::kDense));
  expect_parity(dot({0, 4}, {4, 9}, {1}, {0}, {}, {}, Lie::kDense));
}

}  // namespace
}  // namespace parity
