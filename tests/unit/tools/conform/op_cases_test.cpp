// SPDX-License-Identifier: Apache-2.0
// The list of op cases: each fits, its image is valid, the reference computes it, and no op of the registry is forgotten.
#include "tools/conform/numeric/op_cases.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "runtime/ir/op.h"
#include "runtime/reference/interpreter.h"
#include "tools/conform/numeric/expected.h"
#include "tools/conform/numeric/ops.h"

namespace rlx::conform {
namespace {

TEST(OpCases, HaveNamesOfTheirOwnAndOperandsThatFit) {
  std::set<std::string> names;
  for (const OpCase& op_case : all_op_cases()) {
    EXPECT_TRUE(names.insert(op_case.name).second) << op_case.name;
    EXPECT_EQ(op_case.name.find_first_of(": "), std::string::npos) << op_case.name;
    const auto shapes = result_shapes(op_case);
    EXPECT_TRUE(shapes) << op_case.name << ": " << (shapes ? "" : shapes.error().message());
  }
}

TEST(OpCases, NameEveryOpThatAnImageMayHold) {
  std::set<Opcode> seen;
  for (const OpCase& op_case : all_op_cases()) seen.insert(op_case.op);
  for (Opcode op = 1; op < 400; ++op) {
    const OpInfo* info = op_info(op);
    lir::Op record;
    record.opcode = op;
    if (!info || info->mir_only || reference::answer_for(record) == reference::Answer::kUnknown) continue;  // the last: reserved
    EXPECT_TRUE(seen.count(op)) << info->name;
  }
}

TEST(OpCases, AreComputedByTheReference) {
  for (const OpCase& op_case : all_op_cases()) {
    if (op_case.effort > 0) continue;
    const auto made = make_op_case(op_case, op_case.exact ? Data::kExact : Data::kTame, 5);
    ASSERT_TRUE(made) << op_case.name << ": " << made.error().message();
    const auto expected = expected_outputs(made->image, made->inputs, made->params);
    EXPECT_TRUE(expected) << op_case.name << ": " << (expected ? "" : expected.error().message());
  }
}

TEST(OpCases, AreCoveredByAClaimOfEveryDtypeTheyTouch) {
  const OpCase gather = *std::find_if(all_op_cases().begin(), all_op_cases().end(), [](const OpCase& c) { return c.name == "gather/f32/axis0"; });
  Claim row;
  row.opcode = RLX_OP_GATHER;
  row.version_min = row.version_max = 1;
  row.max_rank = 8;
  row.functions = ~std::uint64_t{0};
  row.dtypes = std::uint64_t{1} << static_cast<unsigned>(DType::kF32);
  Facts facts;
  facts.claims = {row};
  EXPECT_FALSE(covers(facts, gather));
  facts.claims[0].dtypes |= std::uint64_t{1} << static_cast<unsigned>(DType::kI64);
  EXPECT_TRUE(covers(facts, gather));
  facts.claims[0].max_rank = 2;
  EXPECT_FALSE(covers(facts, gather)) << "the result has rank 3";
}

TEST(OpsLists, HoldCasesThatFitUnderKeysOfTheirOwn) {
  for (const CaseList* list : ops_lists()) {
    std::set<std::string> names;
    EXPECT_FALSE(list->cases().empty());
    for (const OpCase& op_case : list->cases()) {
      EXPECT_TRUE(names.insert(op_case.name).second) << op_case.name;
      EXPECT_EQ(op_case.name.find_first_of(": "), std::string::npos) << op_case.name;
      const auto shapes = result_shapes(op_case);
      EXPECT_TRUE(shapes) << op_case.name << ": " << (shapes ? "" : shapes.error().message());
    }
  }
}

TEST(OpsLists, RefuseExactlyWhatTheReferenceRefuses) {
  for (const OpCase& op_case : index_policies().cases()) {
    const auto made = make_op_case(op_case, Data::kExact, 3);
    ASSERT_TRUE(made) << op_case.name << ": " << made.error().message();
    const auto expected = expected_outputs(made->image, made->inputs, made->params);
    EXPECT_EQ(!expected, op_case.refused) << op_case.name;
    if (expected) continue;
    EXPECT_EQ(expected.error().code(), ErrorCode::kDataError) << op_case.name;
  }
}

}  // namespace
}  // namespace rlx::conform
