// SPDX-License-Identifier: Apache-2.0
// Random bits: the known answers of the method, the carry of the counter, the split.
#include "tensor.h"

namespace rlx_cpu::test {
namespace {

Tensor words(const std::vector<uint32_t>& values) {
  Tensor t(RLX_DTYPE_U32, {int64_t(values.size())});
  for (size_t i = 0; i < values.size(); ++i) t.set_n(int64_t(i), values[i]);
  return t;
}

TEST(GenericRng, GivesThePublishedAnswers) {
  struct Known {
    std::vector<uint32_t> key, counter, bits;
  };
  const Known all[] = {
      {{0, 0}, {0, 0, 0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{~0u, ~0u}, {~0u, ~0u, ~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0xa4093822, 0x299f31d0},
       {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (const Known& known : all) {
    Tensor y(RLX_DTYPE_U32, {4});
    ASSERT_TRUE(rng_bits(words(known.key), words(known.counter), y, {0, 4}).ok());
    for (int64_t i = 0; i < 4; ++i) EXPECT_EQ(uint32_t(y.n(i)), known.bits[size_t(i)]);
  }
}

TEST(GenericRng, SplitsAndCountsBlocksWithCarry) {
  const Tensor key = words({1, 2}), counter = words({0xfffffffe, ~0u, 7, 9});
  Tensor y(RLX_DTYPE_U32, {5, 5}, Layout::kReversed);
  run_split(y, 25, [&](const View& v, Range r) { return rng_bits(key, counter, v, r); });
  // Element 8 begins block 2: the counter has carried through two words.
  Tensor next(RLX_DTYPE_U32, {4});
  ASSERT_TRUE(rng_bits(key, words({0, 0, 8, 9}), next, {0, 4}).ok());
  for (int64_t i = 0; i < 4; ++i) EXPECT_EQ(y.n(8 + i), next.n(i));
}

TEST(GenericRng, RefusesWrongOperands) {
  Tensor y(RLX_DTYPE_U32, {4}), n(RLX_DTYPE_I32, {4});
  EXPECT_EQ(rng_bits(words({1}), words({0, 0, 0, 0}), y, {0, 4}).status, RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(rng_bits(words({1, 2}), words({0, 0}), y, {0, 4}).status, RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(rng_bits(words({1, 2}), words({0, 0, 0, 0}), n, {0, 4}).status, RLX_STATUS_UNSUPPORTED);
}

}  // namespace
}  // namespace rlx_cpu::test
