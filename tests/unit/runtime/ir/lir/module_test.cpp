// SPDX-License-Identifier: Apache-2.0
#include "runtime/ir/lir/module.h"

#include <gtest/gtest.h>

#include "random_module.h"

namespace rlx::lir {
namespace {

Module open_module() {
  Module module = testing::small_module();
  module.values[0].name = "x";
  module.values[0].dims = {Dim::symbol("batch"), Dim::symbol("seq") - Dim(4)};
  return module;
}

TEST(LirModule, IsBoundWhereEveryDimIsANumber) {
  EXPECT_TRUE(is_bound(testing::small_module()));
  EXPECT_FALSE(is_bound(open_module()));
}

TEST(LirModule, IsOpenWhereOnlyAnAttributeAStrideAnOffsetOrAParamIs) {
  const Dim seq = Dim::symbol("seq");
  Module module = testing::small_module();
  module.ops[0].attributes[RLX_ATTR_SIZES] = Dims{1, seq};
  EXPECT_FALSE(is_bound(module));
  module = testing::small_module();
  (*module.values[3].strides)[0] = seq;
  EXPECT_FALSE(is_bound(module));
  module = testing::small_module();
  module.values[3].byte_offset = seq;
  EXPECT_FALSE(is_bound(module));
  module = testing::small_module();
  module.params.push_back({"w", 0, DType::kF32, {seq}, false, 0});
  EXPECT_FALSE(is_bound(module));
}

TEST(LirModule, BindReplacesEverySymbol) {
  Module module = open_module();
  module.ops[0].attributes[RLX_ATTR_K] = Dim::symbol("seq") * Dim(2);
  const Result<Module> bound = lir::bind(module, testing::binding_of(2, 7));
  ASSERT_TRUE(bound) << bound.error().to_string();
  EXPECT_TRUE(is_bound(*bound));
  EXPECT_EQ(bound->values[0].dims, (Dims{2, 3}));
  EXPECT_EQ(std::get<Dim>(bound->ops[0].attributes.at(RLX_ATTR_K)), Dim(14));
}

TEST(LirModule, BindNamesTheUnboundSymbol) {
  const Result<Module> bound = lir::bind(open_module(), {{"batch", 1}});
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().code(), ErrorCode::kUnboundSymbol);
  EXPECT_NE(bound.error().message().find("seq"), std::string::npos);
}

TEST(LirModule, BindNamesTheValueWhoseDimIsNegative) {
  const Result<Module> bound = lir::bind(open_module(), testing::binding_of(2, 3));
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().code(), ErrorCode::kConstraintViolated);
  EXPECT_NE(bound.error().message().find("value 0 `x`"), std::string::npos) << bound.error().message();
  EXPECT_NE(bound.error().message().find("-1"), std::string::npos);
}

TEST(LirModule, BindRefusesSizesAboveSixtyThreeBits) {
  const Result<Module> bound = lir::bind(open_module(), testing::binding_of(std::int64_t{1} << 40, std::int64_t{1} << 40));
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().code(), ErrorCode::kConstraintViolated);
}

TEST(LirModule, BindRefusesANegativeOffset) {
  Module module = testing::small_module();
  module.values[3].byte_offset = Dim::symbol("seq") - Dim(1);
  EXPECT_TRUE(lir::bind(module, testing::binding_of(1, 1)));
  EXPECT_FALSE(lir::bind(module, testing::binding_of(1, 0)));
}

}  // namespace
}  // namespace rlx::lir
