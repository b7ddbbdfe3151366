// SPDX-License-Identifier: Apache-2.0
// One op on the CPU backend beside the reference: the same model, the same inputs, and the reference's bound
// per element.
#pragma once

#include <rlx/ops.h>
#include <rlx/host/model.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace parity {

using rlx::DType;
using Dims = std::vector<std::int64_t>;

enum class Fill { kUniform, kPositive, kUnit, kSmallInts, kSpecial, kZero, kTies };
/// How the operand lies: as it is, or a view of an input that has other dims.
enum class Lie { kDense, kTransposed, kReversed, kEverySecond };

struct OperandSpec {
  DType dtype = DType::kF32;
  Dims dims;
  Fill fill = Fill::kUniform;
  Lie lie = Lie::kDense;
  std::int64_t index_below = 0;          ///< integers 0 <= i < index_below where not 0
  std::vector<std::int64_t> given = {};  ///< these very integers
  bool absent = false;
};

struct OpCase {
  std::string name;
  std::uint32_t opcode;
  std::vector<OperandSpec> operands;
  std::vector<rlx::OpAttribute> attributes = {};
  bool count_is_last = false;  ///< columns of result 0 at or past result 1 are unspecified
};

rlx::OpAttribute size(std::uint32_t key, std::int64_t value);
rlx::OpAttribute real(std::uint32_t key, double value);
rlx::OpAttribute type(std::uint32_t key, DType value);
rlx::OpAttribute list(std::uint32_t key, const Dims& values);
rlx::OpAttribute reals(std::uint32_t key, std::vector<double> values);

/// What was compared since the last call, so that a test can tell that it tested something.
struct Counts {
  std::size_t cases = 0, elements = 0, refused = 0;  ///< refused: both said that the data is not acceptable
};
Counts take_counts();

/// Empty where both agree; else what differs, with the worst element.
std::string compare(const OpCase& op, unsigned seed);

/// Every test compares many elements, or has failed.
class CpuParity : public ::testing::Test {
 protected:
  void SetUp() override { take_counts(); }
  void TearDown() override {
    const Counts seen = take_counts();
    EXPECT_GE(seen.cases, 4u);
    EXPECT_GE(seen.elements, 100u);
    EXPECT_LE(seen.refused, 2 * seen.cases);
  }
};

}  // namespace parity
