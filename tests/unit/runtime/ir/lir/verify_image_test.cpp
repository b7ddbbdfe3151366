// SPDX-License-Identifier: Apache-2.0
// Every rule of verify_image, tripped once. Rules about bytes are tripped by writing bytes, rules about meaning by
// writing a module that breaks them (the writer knows the format, not the meaning).
#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "random_module.h"
#include "runtime/ir/lir/image.h"

namespace rlx::lir {
namespace {

using testing::small_module;

std::string verdict(Bytes bytes) {
  const Status status = verify_image(bytes);
  if (status) return "accepted";
  EXPECT_TRUE(status.error().code() == ErrorCode::kInvalidImage || status.error().code() == ErrorCode::kImageVersion);
  return status.error().message();
}

#define EXPECT_REFUSED(verdict_text, part) EXPECT_NE((verdict_text).find(part), std::string::npos) << (verdict_text)

// ---- bytes ----

/// The small module's image, planned, with ways to reach its records.
class LirBytes : public ::testing::Test {
 protected:
  void SetUp() override {
    Module module = small_module();
    module.ops[0].attributes[RLX_ATTR_TO] = DType::kF32;
    module.ops[0].attributes[RLX_ATTR_AXES] = Dims{1, 2};
    module.ops[0].attributes[RLX_ATTR_VENDOR_FIRST] = std::string("text");
    module.plan = plan_module(module);
    image_ = *write_image(module);
    ASSERT_EQ(rlx_lir_open(&reader_, image_.bytes().data(), image_.bytes().size(), nullptr), RLX_STATUS_OK);
    ASSERT_EQ(verdict(image_.bytes()), "accepted");
  }

  rlx_lir_header& header() { return *reinterpret_cast<rlx_lir_header*>(image_.bytes().data()); }
  rlx_lir_section& section(std::uint32_t kind) {
    auto* entry = reinterpret_cast<rlx_lir_section*>(image_.bytes().data() + header().section_offset);
    while (entry->kind != kind) ++entry;
    return *entry;
  }
  template <class Record>
  Record& at(std::uint32_t kind, std::uint64_t index) {
    return *const_cast<Record*>(static_cast<const Record*>(rlx_lir_at(&reader_, kind, index)));
  }
  rlx_lir_value& value(std::uint64_t index) { return at<rlx_lir_value>(RLX_LIR_VALUES, index); }
  rlx_lir_op& op(std::uint64_t index) { return at<rlx_lir_op>(RLX_LIR_OPS, index); }
  rlx_lir_attr& attr(std::uint64_t index) { return at<rlx_lir_attr>(RLX_LIR_ATTRS, index); }
  std::string now() { return verdict(image_.bytes()); }

  Image image_;
  rlx_lir_image reader_{};
};

TEST_F(LirBytes, TooShort) { EXPECT_REFUSED(verdict(image_.bytes().first(96)), "header or directory is damaged"); }
TEST_F(LirBytes, Empty) { EXPECT_REFUSED(verdict({}), "damaged"); }
TEST_F(LirBytes, Cut) { EXPECT_REFUSED(verdict(image_.bytes().first(image_.bytes().size() - 8)), "damaged"); }
TEST_F(LirBytes, NotAligned) {
  Image shifted(image_.bytes().size() + 8);
  std::memcpy(shifted.bytes().data() + 4, image_.bytes().data(), image_.bytes().size());
  EXPECT_REFUSED(verdict(shifted.bytes().subspan(4, image_.bytes().size())), "multiple of 8");
}
TEST_F(LirBytes, WrongMagic) {
  header().magic ^= 1;
  EXPECT_REFUSED(now(), "damaged");
}
TEST_F(LirBytes, AnotherVersion) {
  header().version = 2;
  EXPECT_REFUSED(now(), "version 2, want 1");
  EXPECT_EQ(verify_image(image_.bytes()).error().code(), ErrorCode::kImageVersion);
}
TEST_F(LirBytes, WrongTotal) {
  header().total_bytes += 8;
  EXPECT_REFUSED(now(), "damaged");
}
TEST_F(LirBytes, SectionPastTheEnd) {
  section(RLX_LIR_I64).offset = header().total_bytes;
  EXPECT_REFUSED(now(), "damaged");
}
TEST_F(LirBytes, SectionCountPastTheEnd) {
  section(RLX_LIR_VALUES).count = 1u << 30;
  EXPECT_REFUSED(now(), "damaged");
}
TEST_F(LirBytes, SectionTwice) {
  section(RLX_LIR_STRINGS).kind = RLX_LIR_VALUES;
  EXPECT_REFUSED(now(), "damaged");
}
TEST_F(LirBytes, UnknownRequiredSection) {
  section(RLX_LIR_I64).kind = 99;
  EXPECT_REFUSED(now(), "unknown kind 99");
}
TEST_F(LirBytes, UnknownOptionalSection) {
  section(RLX_LIR_DEBUG).kind = 99;
  EXPECT_REFUSED(now(), "does not know");
}
TEST_F(LirBytes, AnotherStride) {
  section(RLX_LIR_REGIONS).stride = 32;
  section(RLX_LIR_REGIONS).count = 0;
  EXPECT_REFUSED(now(), "records of 32 bytes, want 24");
}
TEST_F(LirBytes, SectionFlags) {
  section(RLX_LIR_VALUES).flags = 0;
  EXPECT_REFUSED(now(), "not canonical");
}
TEST_F(LirBytes, ContentHash) {
  header().content_hash.high ^= 1;
  EXPECT_REFUSED(now(), "content hash is wrong");
}
TEST_F(LirBytes, GraphHash) {
  header().graph_hash.low ^= 1;
  EXPECT_REFUSED(now(), "graph hash is wrong");
}
TEST_F(LirBytes, SkeletonHash) {
  header().skeleton_hash.low ^= 1;
  EXPECT_REFUSED(now(), "skeleton hash is wrong");
}
TEST_F(LirBytes, TemplateHashIsUnderTheContentHash) {
  header().template_hash.low ^= 1;
  EXPECT_REFUSED(now(), "content hash is wrong");
}
TEST_F(LirBytes, ConstantBytesAreUnderTheContentHash) {
  at<unsigned char>(RLX_LIR_CONSTANTS, 3) ^= 1;
  EXPECT_REFUSED(now(), "content hash is wrong");
}
TEST_F(LirBytes, UnknownStorage) {
  value(0).storage = 7;
  EXPECT_REFUSED(now(), "value 0: storage 7");
}
TEST_F(LirBytes, DTypeWithoutElements) {
  value(0).dtype = RLX_DTYPE_I4;
  EXPECT_REFUSED(now(), "value 0: dtype 14");
}
TEST_F(LirBytes, RankNine) {
  value(0).rank = 9;
  EXPECT_REFUSED(now(), "value 0: rank 9");
}
TEST_F(LirBytes, DimsOutsideThePool) {
  value(0).dims = 1u << 20;
  EXPECT_REFUSED(now(), "value 0: a range");
}
TEST_F(LirBytes, DimsSharedWithAnother) {
  value(1).dims = 0;
  EXPECT_REFUSED(now(), "value 1: a range");
}
TEST_F(LirBytes, NegativeDim) {
  at<std::int64_t>(RLX_LIR_I64, 0) = -2;
  EXPECT_REFUSED(now(), "value 0: dims");
}
TEST_F(LirBytes, SizeThatLeavesTheNumbers) {
  at<std::int64_t>(RLX_LIR_I64, 0) = INT64_MAX / 2;
  EXPECT_REFUSED(now(), "value 0: dims");
}
TEST_F(LirBytes, SizeThatIsNotThatOfTheDims) {
  value(2).byte_size = 32;
  EXPECT_REFUSED(now(), "value 2: byte_size 32, want 24");
}
TEST_F(LirBytes, StridesOfADenseValue) {
  value(0).strides = 0;
  EXPECT_REFUSED(now(), "strides belong to views");
}
TEST_F(LirBytes, ViewWithoutStrides) {
  value(3).strides = RLX_NO_INDEX;
  EXPECT_REFUSED(now(), "value 3: strides belong to views");
}
TEST_F(LirBytes, OffsetAboveSixtyThreeBits) {
  value(3).byte_offset = UINT64_MAX;
  EXPECT_REFUSED(now(), "value 3: byte_offset");
}
TEST_F(LirBytes, OffsetOfWhatHasNone) {
  value(0).byte_offset = 8;
  EXPECT_REFUSED(now(), "not canonical");
}
TEST_F(LirBytes, IndexOfWhatHasNone) {
  value(2).index = 3;
  EXPECT_REFUSED(now(), "not canonical");
}
TEST_F(LirBytes, ConstantElsewhere) {
  value(1).byte_offset = 8;
  EXPECT_REFUSED(now(), "value 1: a constant of 24 bytes at 8");
}
TEST_F(LirBytes, OperandsOutsideThePool) {
  op(0).operand_count = 0xFFFFFFF0u;
  EXPECT_REFUSED(now(), "op 0: a range");
}
TEST_F(LirBytes, AttributesOutsideTheirSection) {
  op(0).attr_count = 1000;
  EXPECT_REFUSED(now(), "op 0: a range");
}
TEST_F(LirBytes, OpFlags) {
  op(0).flags = 1;
  EXPECT_REFUSED(now(), "not canonical");
}
TEST_F(LirBytes, ReservedWord) {
  op(1).reserved = 1;
  EXPECT_REFUSED(now(), "not canonical");
}
TEST_F(LirBytes, NamespaceOutsideTheStrings) {
  op(0).ns = {0, 1000};
  EXPECT_REFUSED(now(), "op 0: a string of 1000 bytes");
}
TEST_F(LirBytes, NamespaceThatIsEmptyButThere) {
  op(0).ns = {0, 0};
  EXPECT_REFUSED(now(), "op 0: an empty name");
}
TEST_F(LirBytes, AttributesOutOfOrder) {
  std::swap(attr(0), attr(1));
  EXPECT_REFUSED(now(), "op 0: attribute 1 after 2");
}
TEST_F(LirBytes, AttributeTwice) {
  attr(1).key = attr(0).key;
  EXPECT_REFUSED(now(), "attribute 1 after 1");
}
TEST_F(LirBytes, AttributeOfUnknownType) {
  attr(0).type = 9;
  EXPECT_REFUSED(now(), "attribute 1: type 9");
}
TEST_F(LirBytes, AttributeOfUnknownDType) {
  attr(1).value = 77;
  EXPECT_REFUSED(now(), "attribute 2: dtype 77");
}
TEST_F(LirBytes, AttributeListOutsideThePool) {
  attr(2).count = 4000;
  EXPECT_REFUSED(now(), "attribute 6: a range");
}
TEST_F(LirBytes, AttributeStringOutsideTheStrings) {
  attr(3).value = UINT64_MAX;
  EXPECT_REFUSED(now(), "a string of 4 bytes");
}
TEST_F(LirBytes, RegionOpsPastTheLast) {
  at<rlx_lir_region>(RLX_LIR_REGIONS, 0).op_count = 3;
  EXPECT_REFUSED(now(), "region 0: ops 0 and 3 more of 2");
}
TEST_F(LirBytes, RegionThatLeavesOpsOut) {
  at<rlx_lir_region>(RLX_LIR_REGIONS, 0).op_count = 1;
  EXPECT_REFUSED(now(), "section ops has 2 entries, used are 1");
}
TEST_F(LirBytes, DebugNameOutsideTheStrings) {
  at<std::uint32_t>(RLX_LIR_DEBUG, 0) = 4000;
  EXPECT_REFUSED(now(), "op 0: a name of origin");
}
TEST_F(LirBytes, DebugNameWithoutItsEnd) {
  at<unsigned char>(RLX_LIR_STRINGS, rlx_lir_count(&reader_, RLX_LIR_STRINGS) - 1) = 'x';
  EXPECT_REFUSED(now(), "op 0: a name of origin");
}
TEST_F(LirBytes, PlacesWithoutAnArena) {
  section(RLX_LIR_ARENAS).count = 0;
  EXPECT_REFUSED(now(), "places without an arena");
}
TEST_F(LirBytes, FewerNamesOfOriginThanOps) {
  section(RLX_LIR_DEBUG).count = 1;
  EXPECT_REFUSED(now(), "1 names of origin for 2 ops");
}
TEST_F(LirBytes, PaddingThatIsNotZero) {
  const rlx_lir_section& strings = section(RLX_LIR_STRINGS);
  ASSERT_NE(strings.count % 8, 0u);
  image_.bytes()[strings.offset + strings.count] = std::byte{1};
  EXPECT_REFUSED(now(), "not canonical");
}
/// Many records that name one long string would make a large module of a small image.
TEST(LirBytesOfStrings, ExpandToALimit) {
  Module module = small_module();
  module.outputs.assign(400, {std::string(4096, 'n'), 4});
  EXPECT_EQ(write_image(module).error().code(), ErrorCode::kInvalidArgument);
  for (std::size_t i = 1; i < module.outputs.size(); ++i) module.outputs[i].name = "n";
  Image image = *write_image(module);
  ASSERT_EQ(verdict(image.bytes()), "accepted");
  rlx_lir_image reader;
  ASSERT_EQ(rlx_lir_open(&reader, image.bytes().data(), image.bytes().size(), nullptr), RLX_STATUS_OK);
  auto* outputs = const_cast<rlx_lir_io*>(static_cast<const rlx_lir_io*>(rlx_lir_at(&reader, RLX_LIR_OUTPUTS, 0)));
  for (int i = 1; i < 400; ++i) outputs[i].name = outputs[0].name;
  EXPECT_REFUSED(verdict(image.bytes()), "names repeat to more than 64 times");
}

// ---- meaning ----

struct Rule {
  const char* name;
  const char* message;
  std::function<void(Module&)> break_it;
};

/// small_module with a param, a composite whose region holds an op, and a state pair.
Module rich_module() {
  Module module = small_module();
  const auto add = [&](Storage storage, Dims dims, std::uint32_t index) {
    Value value;
    value.dtype = DType::kF32;
    value.storage = storage;
    value.dims = std::move(dims);
    value.index = index;
    module.values.push_back(std::move(value));
    return static_cast<std::uint32_t>(module.values.size() - 1);
  };
  const std::uint32_t param = add(Storage::kParam, {2, 3}, 0);      // 5
  module.params.push_back({"w", 0, DType::kF32, {2, 3}, false, param});
  const std::uint32_t result = add(Storage::kTemp, {2, 3}, 0);      // 6
  const std::uint32_t region_param = add(Storage::kRegion, {2, 3}, 0);   // 7
  const std::uint32_t region_result = add(Storage::kRegion, {2, 3}, 0);  // 8
  Op composite;
  composite.opcode = RLX_OP_ACT;
  composite.operands = {param, RLX_NO_INDEX};
  composite.results = {result};
  composite.regions = {1};
  Op inner;
  inner.opcode = RLX_OP_UNARY;
  inner.operands = {region_param};
  inner.results = {region_result};
  module.ops.push_back(composite);  // 2
  module.ops.push_back(inner);      // 3
  module.regions[0].op_count = 3;
  module.regions.push_back({3, 1, {region_param, RLX_NO_INDEX}, {region_result}});
  const std::uint32_t state = add(Storage::kInput, {2, 3}, 1);  // 9
  module.inputs.push_back({"state", state});
  module.outputs.push_back({"state'", result});
  module.states.push_back({1, 1});
  const std::uint32_t length = add(Storage::kInput, {}, 2);  // 10
  module.values[length].dtype = DType::kI64;
  module.inputs.push_back({"length", length});
  module.extents.push_back({2, 1, length});
  return module;
}

const Rule kRules[] = {
    {"OperandOutOfRange", "op 0: reads value 99", [](Module& m) { m.ops[0].operands[0] = 99; }},
    {"OperandBeforeItsDefinition", "op 0: reads value 6", [](Module& m) { m.ops[0].operands[0] = 6; }},
    {"OperandOfItsOwnOp", "op 0: reads value 2", [](Module& m) { m.ops[0].operands[0] = 2; }},
    {"OperandOfARegion", "op 1: reads value 8", [](Module& m) { m.ops[1].operands[0] = 8; }},
    {"RegionThatSeesTheGraph", "op 3: reads value 2", [](Module& m) { m.ops[3].operands[0] = 2; }},
    {"RegionThatSeesAParam", "op 3: reads value 5", [](Module& m) { m.ops[3].operands[0] = 5; }},
    {"ResultTwice", "op 1: defines value 2 again", [](Module& m) { m.ops[1].results[0] = 2; }},
    {"ResultOutOfRange", "op 1: defines value 99", [](Module& m) { m.ops[1].results[0] = 99; }},
    {"ResultIsAnInput", "op 1: defines value 0", [](Module& m) { m.ops[1].results[0] = 0; }},
    {"ResultIsAView", "op 1: defines value 3", [](Module& m) { m.ops[1].results[0] = 3; }},
    {"RegionDefinesAGraphValue", "op 3: defines value 2", [](Module& m) { m.ops[3].results[0] = 2; }},
    {"ReshapeInAnImage", "`reshape` is never in an image", [](Module& m) { m.ops[1].opcode = RLX_OP_RESHAPE; }},
    {"InputThatSaysOtherwise", "value 0 says that it is input 1", [](Module& m) { m.values[0].index = 1; }},
    {"InputTableOfAnotherStorage", "value 0 says that it is input 0", [](Module& m) { m.inputs[0].value = 1; }},
    {"InputWithoutItsValue", "input 3 is value 99", [](Module& m) { m.inputs.push_back({"z", 99}); }},
    {"OutputOutOfRange", "value 4 says that it is output 9", [](Module& m) { m.values[4].index = 9; }},
    {"OutputThatNothingDefines", "output 2 is value 11",
     [](Module& m) {
       m.values.push_back(m.values[2]);
       m.outputs.push_back({"z", 11});
     }},
    {"OutputOfARegion", "output 1 is value 8", [](Module& m) { m.outputs[1].value = 8; }},
    {"ParamOfAnotherShape", "param 0 and its value 5 differ", [](Module& m) { m.params[0].dims[0] = 3; }},
    {"ParamOfAnotherValue", "value 5 says that it is param 0", [](Module& m) { m.params[0].value = 2; }},
    {"ViewOfAView", "value 3 is a view of 3", [](Module& m) { m.values[3].index = 3; }},
    {"ViewOfNothing", "value 3 is a view of 99", [](Module& m) { m.values[3].index = 99; }},
    {"ViewPastItsRoot", "value 3 leaves its root", [](Module& m) { m.values[3].byte_offset = 4; }},
    {"ViewBeforeItsRoot", "value 3 leaves its root", [](Module& m) { (*m.values[3].strides)[0] = -1; }},
    {"ViewWhoseReachOverflows", "value 3 leaves its root", [](Module& m) { (*m.values[3].strides)[0] = INT64_MAX; }},
    {"ViewOffItsElements", "value 3 views elements of 4 bytes as 4 at byte 2",
     [](Module& m) { m.values[3].byte_offset = 2; }},
    {"ViewOfAnotherWidth", "value 3 views elements of 4 bytes as 2", [](Module& m) { m.values[3].dtype = DType::kF16; }},
    {"CarriedRegionOutOfRange", "op 2: carries region 7", [](Module& m) { m.ops[2].regions[0] = 7; }},
    {"CarriedRegionIsTheGraph", "op 2: carries region 0", [](Module& m) { m.ops[2].regions[0] = 0; }},
    {"RegionWithoutACarrier", "region 1 is carried by no op", [](Module& m) { m.ops[2].regions.clear(); }},
    {"RegionInItself", "region 1 is carried by no op of the graph, or by itself",
     [](Module& m) {
       m.ops[3].regions = {1};
       m.ops[3].operands.push_back(RLX_NO_INDEX);
     }},
    {"RegionWithTooFewParams", "op 2: region 1 has 1 params for 2 operands",
     [](Module& m) { m.regions[1].params.pop_back(); }},
    {"RegionParamOfAnotherShape", "op 2: param 0 of region 1", [](Module& m) { m.values[7].dims[0] = 4; }},
    {"RegionParamForWhatIsAbsent", "op 2: param 1 of region 1",
     [](Module& m) {
       m.regions[1].params[1] = 11;
       m.values.push_back(m.values[7]);
     }},
    {"RegionParamThatIsMissing", "op 2: param 0 of region 1",
     [](Module& m) {
       m.regions[1].params[0] = RLX_NO_INDEX;
       m.ops[3].operands = {};
     }},
    {"RegionParamTwice", "region 1: defines value 7 again",
     [](Module& m) {
       m.regions[1].params[1] = 7;
       m.ops[2].operands[1] = 5;
     }},
    {"RegionResultsMissing", "op 2: region 1 has 0 results for 1", [](Module& m) { m.regions[1].results.clear(); }},
    {"RegionResultOfAnotherShape", "op 2: result 0 of region 1", [](Module& m) { m.values[8].dims[1] = 1; }},
    {"RegionResultThatItDoesNotSee", "region 1 returns value 6", [](Module& m) { m.regions[1].results[0] = 6; }},
    {"GraphWithParams", "region 0 has params", [](Module& m) { m.regions[0].params = {0}; }},
    {"ConditionThatIsNoBool", "op 2: the condition, region 1", [](Module& m) { m.ops[2].opcode = RLX_OP_WHILE; }},
    {"StateOutOfRange", "state pair 0 is input 8", [](Module& m) { m.states[0].input = 8; }},
    {"StateOfAnotherShape", "state pair 0: input 0 and output 0 differ", [](Module& m) { m.states[0] = {0, 0}; }},
    {"StateTwice", "state pair 1 shares", [](Module& m) { m.states.push_back(m.states[0]); }},
    {"ExtentOfNoAxis", "extent 0 names axis 2 of value 2", [](Module& m) { m.extents[0].axis = 2; }},
    {"ExtentByAFloat", "extent 0: value 0 is no i64 scalar", [](Module& m) { m.extents[0].size_value = 0; }},
};

TEST(LirMeaning, EveryBrokenRuleIsNamed) {
  ASSERT_EQ(verdict(write_image(rich_module())->bytes()), "accepted");
  for (const Rule& rule : kRules) {
    Module module = rich_module();
    rule.break_it(module);
    const Result<Image> image = write_image(module);
    ASSERT_TRUE(image) << rule.name << ": " << image.error().to_string();
    const std::string text = verdict(image->bytes());
    EXPECT_NE(text.find(rule.message), std::string::npos) << rule.name << ": " << text;
  }
}

TEST(LirMeaning, RegionsNestToALimit) {
  const auto nested = [](std::uint32_t depth) {
    Module module = small_module();
    module.ops[1].regions = {1};
    module.ops[1].operands = {};
    for (std::uint32_t region = 1; region <= depth; ++region) {
      const auto inner = static_cast<std::uint32_t>(module.values.size());
      module.values.push_back(module.values[4]);
      module.values.back().storage = Storage::kRegion;
      Op op;
      op.opcode = RLX_OP_ELEMENTWISE;
      op.results = {inner};
      if (region < depth) op.regions = {region + 1};
      module.regions.push_back({static_cast<std::uint32_t>(module.ops.size()), 1, {}, {inner}});
      module.ops.push_back(op);
    }
    return verdict(write_image(module)->bytes());
  };
  EXPECT_EQ(nested(16), "accepted");
  EXPECT_REFUSED(nested(17), "nested deeper than 16");
}

const Rule kPlanRules[] = {
    {"TooFewPlaces", "plan of 1 arenas and 10 places", [](Module& m) { m.plan->places.pop_back(); }},
    {"ArenaThatIsNotThere", "value 2 lies in arena 1", [](Module& m) { m.plan->places[2].arena = 1; }},
    {"ResultWithoutAPlace", "value 2 lies in arena 4294967295",
     [](Module& m) { m.plan->places[2].arena = RLX_NO_INDEX; }},
    {"PlaceOffItsAlignment", "value 2 of 24 bytes lies at 8", [](Module& m) { m.plan->places[2].offset = 8; }},
    {"PlacePastTheArena", "value 2 of 24 bytes lies at 1024", [](Module& m) { m.plan->places[2].offset = 1024; }},
    {"PlaceNearTheEndOfNumbers", "value 2 of 24 bytes", [](Module& m) { m.plan->places[2].offset = UINT64_MAX - 63; }},
    {"PlaceOfAnInput", "value 0 has a place", [](Module& m) { m.plan->places[0] = {0, 0}; }},
    {"PlaceOfAView", "value 3 has a place", [](Module& m) { m.plan->places[3] = {0, 0}; }},
    {"AlignmentOfThree", "arena 0 has", [](Module& m) { m.plan->arenas[0].alignment = 3; }},
    {"AlignmentOfZero", "arena 0 has", [](Module& m) { m.plan->arenas[0].alignment = 0; }},
    {"SharedWhileAlive", "values 6 and 2 share bytes", [](Module& m) { m.plan->places[6] = m.plan->places[2]; }},
};

TEST(LirMeaning, EveryBrokenRuleOfAPlanIsNamed) {
  Module planned = rich_module();
  planned.outputs.push_back({"sum", 2});  // so that value 2 is still alive when value 6 is born
  planned.plan = plan_module(planned);
  ASSERT_EQ(verdict(write_image(planned)->bytes()), "accepted");
  for (const Rule& rule : kPlanRules) {
    Module module = planned;
    rule.break_it(module);
    const Result<Image> image = write_image(module);
    const std::string text = image ? verdict(image->bytes()) : image.error().message();
    EXPECT_NE(text.find(rule.message), std::string::npos) << rule.name << ": " << text;
  }
}

TEST(LirMeaning, ArenasMayBeShared) {
  Module module = rich_module();
  module.plan = plan_module(module);
  module.plan->places[6] = module.plan->places[2];  // value 2 was read for the last time one step earlier
  EXPECT_EQ(verdict(write_image(module)->bytes()), "accepted");
}

}  // namespace
}  // namespace rlx::lir
