// SPDX-License-Identifier: Apache-2.0
// What `rlx verify` makes of a result, the reference's and the bounds.
#include "tools/rlx/distance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace rlx_tool {
namespace {

const float kInf = std::numeric_limits<float>::infinity(), kMost = std::numeric_limits<float>::max();

rlx::Tensor floats(const std::vector<float>& values) { return rlx::Tensor::of({static_cast<std::int64_t>(values.size())}, std::span<const float>(values)); }
rlx::Tensor wholes(const std::vector<std::int64_t>& values) {
  return rlx::Tensor::of({static_cast<std::int64_t>(values.size())}, std::span<const std::int64_t>(values));
}
rlx::Tensor bytes(rlx::DType dtype, const std::vector<unsigned char>& values) {
  rlx::Tensor out(dtype, {static_cast<std::int64_t>(values.size())});
  std::memcpy(out.data(), values.data(), values.size());
  return out;
}

TEST(Distance, CountsBoundsThatProveNothing) {
  const Distance none = distance_of(floats({9, 9}), floats({1, 2}), floats({kInf, kInf}));
  EXPECT_TRUE(none.good());
  EXPECT_FALSE(none.proves());
  EXPECT_NE(distance_text(none).find("NOTHING IS PROVEN"), std::string::npos) << distance_text(none);
  const Distance some = distance_of(floats({1, 2}), floats({1, 2}), floats({100, 1e-6f}));
  EXPECT_TRUE(some.proves());
  EXPECT_EQ(some.loose, 1u);
  EXPECT_EQ(distance_of(floats({1, 2}), floats({1, 2}), floats({0, 0})).loose, 0u);
  EXPECT_TRUE(distance_of(floats({}), floats({}), floats({})).proves());
}

TEST(Distance, LetsSumsOverflowWhereTheirBoundsDo) {
  EXPECT_TRUE(distance_of(floats({kInf, 1}), floats({kMost, 1}), floats({1e33f, 1})).good());
  EXPECT_FALSE(distance_of(floats({-kInf, 1}), floats({kMost, 1}), floats({1e33f, 1})).good());
  EXPECT_FALSE(distance_of(floats({kInf, 1}), floats({1e30f, 1}), floats({1e24f, 1})).good());
  EXPECT_FALSE(distance_of(floats({NAN, 1}), floats({1, 1}), floats({kInf, 1})).good());
}

TEST(Distance, AllowsIntegersTheirBounds) {
  EXPECT_FALSE(distance_of(wholes({4}), wholes({3}), wholes({0})).good());
  EXPECT_TRUE(distance_of(wholes({4}), wholes({3}), wholes({1})).good());
  EXPECT_FALSE(distance_of(wholes({9}), wholes({3}), wholes({5})).good());
  EXPECT_TRUE(distance_of(bytes(rlx::DType::kU8, {1}), bytes(rlx::DType::kU8, {254}), bytes(rlx::DType::kU8, {3})).good());
  const Distance any = distance_of(wholes({1000}), wholes({3}), wholes({INT64_MAX}));
  EXPECT_TRUE(any.good());
  EXPECT_FALSE(any.proves());
  EXPECT_TRUE(distance_of(bytes(rlx::DType::kBool, {0}), bytes(rlx::DType::kBool, {1}), bytes(rlx::DType::kBool, {1})).good());
  EXPECT_FALSE(distance_of(bytes(rlx::DType::kBool, {2}), bytes(rlx::DType::kBool, {1}), bytes(rlx::DType::kBool, {1})).good());
}

}  // namespace
}  // namespace rlx_tool
