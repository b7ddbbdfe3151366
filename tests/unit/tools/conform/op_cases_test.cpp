// SPDX-License-Identifier: Apache-2.0
// The list of op cases: each fits, its image is valid, the reference computes it, and no op of the registry is forgotten.
#include "tools/conform/numeric/op_cases.h"

#include <gtest/gtest.h>
#include <rlx/compile.h>

#include <algorithm>
#include <set>

#include "runtime/ir/op.h"
#include "runtime/reference/interpreter.h"
#include "tools/conform/numeric/expected.h"
#include "tools/conform/numeric/ops.h"
#include "tools/conform/shared/registry_table.h"

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

// ---- Nothing defined in the registry is without a case

/// All cases of numeric checks: the standing list, and those of the OPS checks.
std::vector<const OpCase*> every_case() {
  std::vector<const OpCase*> out;
  for (const OpCase& op_case : all_op_cases()) out.push_back(&op_case);
  for (const CaseList* list : ops_lists())
    for (const OpCase& op_case : list->cases()) out.push_back(&op_case);
  return out;
}

template <class Test>
bool some_case(const Test& test) {
  static const std::vector<const OpCase*> cases = every_case();
  return std::any_of(cases.begin(), cases.end(), [&](const OpCase* op_case) { return test(*op_case); });
}

const OpRow& op_row(std::string_view name) {
  return *std::find_if(op_rows().begin(), op_rows().end(), [&](const OpRow& row) { return row.name == name; });
}
const AttributeRow& attribute_row(std::string_view name) {
  return *std::find_if(attribute_rows().begin(), attribute_rows().end(), [&](const AttributeRow& row) { return row.name == name; });
}

TEST(OpCases, NameEveryOpThatAnImageMayHold) {
  std::set<Opcode> standing;
  for (const OpCase& op_case : all_op_cases()) standing.insert(op_case.op);
  EXPECT_GE(op_rows().size(), 60u);
  for (const OpRow& row : op_rows()) {
    const bool needed = row.defined && row.in_image;
    EXPECT_EQ(standing.count(row.number), needed ? 1u : 0u) << row.name;
    lir::Op record;
    record.opcode = row.number;
    EXPECT_TRUE(!needed || reference::answer_for(record) != reference::Answer::kUnknown) << row.name << " is defined, and the reference does not know it";
  }
}

/// Functions that an op does not have, though they are of its set, as its meaning in the registry says.
bool left_out(const OpRow& op, const NumberRow& fn) {
  if (op.name == "arg_reduce") return fn.name != "max" && fn.name != "min";
  if (op.name == "reduce_window") return fn.name != "max" && fn.name != "sum";
  if (op.name == "cumulate" || op.name == "segment_reduce") return fn.name == "all" || fn.name == "any";
  return op.name == "act" && fn.name == "none";
}

TEST(OpCases, HaveEveryFunctionOfEveryOp) {
  for (const OpRow& op : op_rows())
    for (const NumberRow& fn : number_rows())
      if (op.defined && op.in_image && fn.set == op.functions && !left_out(op, fn)) {
        EXPECT_TRUE(some_case([&](const OpCase& c) { return c.op == op.number && c.fn == fn.number; })) << op.name << " " << fn.name;
      }
}

/// Attributes that no image carries: the runtime writes the activation into the region.
bool never_set(const OpAttributeRow& row) { return row.op == "elementwise" && row.attribute.starts_with("act"); }

TEST(OpCases, SetEveryAttributeOfEveryOp) {
  for (const OpAttributeRow& row : op_attribute_rows()) {
    const OpRow& op = op_row(row.op);
    const std::uint32_t key = attribute_row(row.attribute).number;
    if (op.defined && op.in_image && !never_set(row)) {
      EXPECT_TRUE(some_case([&](const OpCase& c) { return c.op == op.number && c.attributes.count(key); })) << row.op << " " << row.attribute;
    }
  }
}

TEST(OpCases, HaveEveryValueOfEverySetThatAnAttributeTakes) {
  for (const AttributeRow& attribute : attribute_rows())
    for (const NumberRow& value : number_rows())
      if (value.set == attribute.set) {
        EXPECT_TRUE(some_case([&](const OpCase& c) {
          const auto found = c.attributes.find(attribute.number);
          const Dim* number = found == c.attributes.end() ? nullptr : std::get_if<Dim>(&found->second);
          return number && *number == Dim(value.number);
        })) << attribute.name << " " << value.name;
      }
}

TEST(OpCases, MeetEveryDtypeThatIsNotReserved) {
  for (const DtypeRow& dtype : dtype_rows())
    if (dtype.defined && dtype.number) {
      EXPECT_TRUE(some_case([&](const OpCase& c) {
        return std::any_of(c.operands.begin(), c.operands.end(), [&](const OperandCase& o) { return static_cast<std::uint32_t>(o.dtype) == dtype.number; });
      })) << dtype.name;
    }
  EXPECT_EQ(all_dtypes().size(), static_cast<std::size_t>(std::count_if(dtype_rows().begin(), dtype_rows().end(), [](const DtypeRow& row) { return row.defined && row.number; })));
}

TEST(OpCases, HaveEveryFunctionOfTheRegistryAmongThePointwise) {
  const std::pair<const char*, std::span<const PointwiseFunction>> kSets[] = {{"unary", unary_functions()}, {"binary", binary_functions()}, {"act", act_functions()}};
  for (const auto& [set, functions] : kSets)
    for (const NumberRow& row : number_rows())
      if (row.set == set && row.number) {
        EXPECT_EQ(std::count_if(functions.begin(), functions.end(), [&](const PointwiseFunction& f) { return f.fn == row.number && f.name == row.name; }), 1) << set << " " << row.name;
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

/// A device that claims conv of f32 alone.
Facts conv_alone() {
  Claim row;
  row.opcode = RLX_OP_CONV;
  row.version_min = row.version_max = 1;
  row.max_rank = 8;
  row.functions = row.operand_layouts = ~std::uint64_t{0};
  row.dtypes = std::uint64_t{1} << static_cast<unsigned>(DType::kF32);
  Facts facts;
  facts.claims = {row};
  return facts;
}

TEST(ClaimRows, AreHeldAgainstWhatIsAnsweredForEveryOp) {
  const NumericCheck& check = *find_numeric("CAP-07");
  const Facts facts = conv_alone();
  const std::vector<std::string> keys = check.cases(facts, 0);
  const auto listed = [&](const std::string& key) { return std::count(keys.begin(), keys.end(), key) == 1; };
  for (const OpRow& row : op_rows()) EXPECT_EQ(listed("outside/" + std::string(row.name)), row.defined && row.in_image) << row.name;
  EXPECT_TRUE(listed("row0/conv"));
  const auto outside = check.make("outside/conv", 1, facts), row = check.make("row0/conv", 1, facts);
  ASSERT_TRUE(outside && row);
  EXPECT_FALSE(outside->asked.empty());
  for (const AskedImage& image : outside->asked) EXPECT_EQ(image.name.find("conv/f32"), std::string::npos) << image.name;
  for (const AskedImage& image : row->asked) EXPECT_EQ(image.name.find("conv/f32"), 0u) << image.name;

  std::vector<std::uint32_t> verdicts(outside->asked.size(), RLX_VERDICT_UNSUPPORTED);
  EXPECT_TRUE(native_outside(*outside, verdicts).empty());
  verdicts.back() = RLX_VERDICT_NATIVE;
  EXPECT_EQ(native_outside(*outside, verdicts), std::vector<std::string>{outside->asked.back().name});
  verdicts.assign(row->asked.size(), RLX_VERDICT_EXPAND);
  EXPECT_TRUE(is_empty_row(*row, verdicts));
  verdicts.back() = RLX_VERDICT_NATIVE;
  EXPECT_FALSE(is_empty_row(*row, verdicts));
  EXPECT_TRUE(native_outside(*row, verdicts).empty());
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
