// SPDX-License-Identifier: Apache-2.0
// What the WGT checks compare with: the results of their models by definition.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "tools/conform/checks/wgt.h"

namespace rlx::conform {
namespace {

TensorInfo f32(std::vector<std::int64_t> dims) {
  TensorInfo info;
  info.dtype = RLX_DTYPE_F32;
  info.bytes = sizeof(float);
  for (const std::int64_t dim : dims) info.bytes *= static_cast<std::uint64_t>(dim);
  info.dims = std::move(dims);
  return info;
}

std::string bytes(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}
const unsigned char* data(const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); }

TEST(WeightedResult, OfAChainIsTwoProductsAndABias) {
  ImageInfo info;
  info.inputs = {f32({1, 2})};
  info.params = {f32({2, 2}), f32({2}), f32({2, 1})};
  info.outputs = {f32({1, 1})};
  const std::string x = bytes({3, 5});
  const Weights weights = {bytes({1, 2, 10, 20}), bytes({100, 1000}), bytes({1, 2})};
  EXPECT_EQ(weighted_result(info, data(x), weights), std::vector<double>{(3 + 50 + 100) + 2 * (6 + 100 + 1000)});
}

TEST(WeightedResult, OfOneProductTakesTheWeightEitherWay) {
  ImageInfo info;
  info.inputs = {f32({1, 2})};
  info.params = {f32({2, 2})};
  info.outputs = {f32({1, 2})};
  const std::string x = bytes({3, 5});
  const Weights weights = {bytes({1, 2, 10, 20})};
  EXPECT_EQ(weighted_result(info, data(x), weights), (std::vector<double>{53, 106}));
  EXPECT_EQ(weighted_result(info, data(x), weights, true), (std::vector<double>{13, 130}));
}

TEST(WeightedResult, OfThePlainChainIsElementByElement) {
  ImageInfo info;
  info.inputs = {f32({1, 2})};
  info.params = {f32({1, 2}), f32({1, 2}), f32({1, 2})};
  info.outputs = {f32({1, 2})};
  const std::string x = bytes({3, 5});
  const Weights weights = {bytes({1, 2}), bytes({10, 20}), bytes({7, 8})};
  EXPECT_EQ(weighted_result(info, data(x), weights), (std::vector<double>{47, 148}));
}

TEST(FirstWrong, FindsNansAndTheLastElement) {
  EXPECT_EQ(first_wrong({1, 2}, data(bytes({1, 2})), RLX_DTYPE_F32), 2u);
  EXPECT_EQ(first_wrong({1, 2}, data(bytes({1, 3})), RLX_DTYPE_F32), 1u);
  EXPECT_EQ(first_wrong({1, 2}, data(bytes({std::nanf(""), 2})), RLX_DTYPE_F32), 0u);
}

TEST(RandomWeights, DifferBySeedAndAreWholeNumbers) {
  ImageInfo info;
  info.params = {f32({40, 40})};
  const Weights a = random_weights(info, 1), b = random_weights(info, 2);
  EXPECT_NE(a, b);
  EXPECT_EQ(a, random_weights(info, 1));
  for (std::size_t i = 0; i < 1600; ++i) {
    float value = 0;
    std::memcpy(&value, a[0].data() + i * sizeof value, sizeof value);
    EXPECT_EQ(value, std::round(value));
    EXPECT_LE(std::fabs(value), 2);
  }
}

}  // namespace
}  // namespace rlx::conform
