// SPDX-License-Identifier: Apache-2.0
// The comparator, beyond the truth table that every run begins with.
#include <gtest/gtest.h>

#include <cstring>

#include "tools/conform/numeric/compare.h"
#include "tools/conform/numeric/expected.h"
#include "tools/conform/numeric/numeric.h"

namespace rlx::conform {
namespace {

using reference::Tensor;

std::string floats(const std::vector<float>& values) {
  std::string out(values.size() * 4, '\0');
  std::memcpy(out.data(), values.data(), out.size());
  return out;
}

TEST(Compare, PassesItsOwnTruthTable) { EXPECT_EQ(comparator_faults(), std::vector<std::string>()); }

TEST(Compare, NamesTheFirstWrongElementWithCoordinates) {
  Tensor expected(DType::kF32, {2, 3});
  expected.v = {0, 1, 2, 3, 4, 5};
  const Comparison result = compare(expected, floats({0, 1, 2, 3, 9, 9}));
  EXPECT_FALSE(result.good);
  EXPECT_EQ(result.wrong, 2u);
  EXPECT_NE(result.problem.find("[1, 1]"), std::string::npos) << result.problem;
  EXPECT_NE(result.problem.find("wanted 4"), std::string::npos) << result.problem;
  EXPECT_NE(result.problem.find("seen 9"), std::string::npos) << result.problem;
}

TEST(Compare, CountsNoIntegerThatMayBeAnotherAndRefusesWhatNoneMayBe) {
  Tensor expected(DType::kI32, {2});
  expected.i = {3, 4};
  expected.e = {1, 0};
  const std::int32_t tied[] = {2, 4}, wrong[] = {2, 5}, far[] = {99, 4};
  const Comparison result = compare(expected, std::string(reinterpret_cast<const char*>(tied), sizeof tied));
  EXPECT_TRUE(result.good);
  EXPECT_EQ(result.compared, 1u);
  EXPECT_FALSE(compare(expected, std::string(reinterpret_cast<const char*>(wrong), sizeof wrong)).good);
  EXPECT_FALSE(compare(expected, std::string(reinterpret_cast<const char*>(far), sizeof far)).good);
  expected.doubt(0, std::vector<std::int64_t>{0, 3, 7});
  const Comparison named = compare(expected, std::string(reinterpret_cast<const char*>(tied), sizeof tied));
  EXPECT_EQ(named.problem, "element [0]: wanted one of 0, 3, 7, seen 2");
}

TEST(Compare, CutsBoundsWhereDataAreExact) {
  Tensor expected(DType::kF32, {1});
  expected.v = {4};
  expected.e = {2};
  CompareOptions exact;
  exact.most = 0;
  EXPECT_TRUE(compare(expected, floats({5})).good);
  EXPECT_FALSE(compare(expected, floats({5}), exact).good);
  EXPECT_TRUE(compare(expected, floats({4}), exact).good);
}

TEST(Compare, SaysHowMuchOfTheBoundIsUsedAndHowLooseItIs) {
  Tensor expected(DType::kF32, {2});
  expected.v = {1, 1};
  expected.e = {0.5, 1e-6};
  const Comparison result = compare(expected, floats({1.25f, 1}));
  EXPECT_TRUE(result.good);
  EXPECT_DOUBLE_EQ(result.worst, 0.5);
  EXPECT_DOUBLE_EQ(result.loose, 0.5);
}

TEST(Compare, CallsTwoUnitsInTheLastPlaceOfANarrowDtypeNotLoose) {
  for (const DType dtype : {DType::kBF16, DType::kF32}) {
    Tensor expected(dtype, {2});
    expected.v = {1, 1};
    expected.e = {0x1p-6, 0x1p-5};
    const Comparison result = compare(expected, dtype == DType::kF32 ? floats({1, 1}) : std::string("\x80\x3f\x80\x3f", 4));
    EXPECT_TRUE(result.good);
    EXPECT_DOUBLE_EQ(result.loose, dtype == DType::kF32 ? 1 : 0.5);
  }
}

TEST(Expected, CrossesAsBytesAndRefusesCutOnes) {
  Tensor a(DType::kF32, {2}), b(DType::kI64, {1});
  a.v = {1, 2};
  a.e = {0, 0.5};
  b.i = {-7};
  b.doubt(0, std::vector<std::int64_t>{-7, 3, 4});
  const std::string bytes = pack({a, b});
  const auto back = unpack(bytes);
  ASSERT_TRUE(back);
  ASSERT_EQ(back->size(), 2u);
  EXPECT_EQ((*back)[0].v, a.v);
  EXPECT_EQ((*back)[0].e, a.e);
  EXPECT_EQ((*back)[1].i, b.i);
  EXPECT_EQ((*back)[1].e, b.e);
  EXPECT_EQ((*back)[1].among, b.among);
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(unpack(bytes.substr(0, size))) << size;
}

TEST(Numeric, MakesTheSameCaseFromTheSameSeed) {
  Facts facts;
  for (const auto group : numeric_catalogue())
    for (const NumericCheck& check : group) {
      const auto one = check.make("dot/f32/5x17x19", 5, facts), two = check.make("dot/f32/5x17x19", 5, facts),
                 other = check.make("dot/f32/5x17x19", 6, facts);
      if (std::string(check.id) != "OPS-01" && std::string(check.id) != "OPS-02") continue;
      ASSERT_TRUE(one && two && other);
      EXPECT_EQ(one->image, two->image);
      EXPECT_EQ(one->inputs, two->inputs);
      EXPECT_NE(one->inputs, other->inputs);
    }
}

TEST(Numeric, ListsOnlyWhatIsClaimed) {
  Facts facts;
  for (const auto group : numeric_catalogue())
    for (const NumericCheck& check : group)
      EXPECT_EQ(check.cases(facts, 2).empty(), std::string_view(check.id) != "CAP-07") << check.id << "; CAP-07 asks about what is not claimed";
}

}  // namespace
}  // namespace rlx::conform
