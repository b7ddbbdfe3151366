// SPDX-License-Identifier: Apache-2.0
// Support queries: verdicts, reasons, and agreement with claims and compile.
#include "image_maker.h"
#include "plugin_host.h"

namespace rlx_test {
namespace {

struct Answer {
  int32_t status = 0;
  uint32_t depends = 99;
  std::vector<rlx_verdict> verdicts;
};

Answer query(const Device& device, const rlx::lir::Image& image, size_t ops) {
  Answer answer;
  answer.verdicts.resize(ops);
  rlx_query_support_in in = sized<rlx_query_support_in>();
  in.image = image.bytes().data();
  in.image_bytes = image.bytes().size();
  in.verdicts = answer.verdicts.data();
  in.verdict_stride = sizeof(rlx_verdict);
  in.verdict_count = ops;
  rlx_query_support_out out = sized<rlx_query_support_out>();
  answer.status = library().compile->query_support(device.get(), &in, &out, nullptr);
  answer.depends = out.depends;
  return answer;
}

rlx::lir::Image one_op(uint32_t opcode, DType dtype, Attributes attributes, bool with_region = false) {
  ImageMaker m;
  const auto x = m.input("x", dtype, {4});
  const auto y = m.output("y", dtype, {4});
  std::vector<uint32_t> regions;
  if (with_region) {
    const auto p = m.inner(dtype, {4}), r = m.inner(dtype, {4});
    const auto region = m.region({p});
    m.op(RLX_OP_UNARY, {p}, {r}, {{RLX_ATTR_FN, rlx::Dim(RLX_UNARY_NEG)}}, {}, region);
    m.results(region, {r});
    regions.push_back(region);
  }
  m.op(opcode, {x}, {y}, std::move(attributes), regions);
  return m.image();
}

TEST(Support, NativeOpsDependOnNothing) {
  Device device;
  const Answer answer =
      query(device, one_op(RLX_OP_UNARY, DType::kF16, {{RLX_ATTR_FN, rlx::Dim(RLX_UNARY_EXP)}}), 1);
  ASSERT_EQ(answer.status, RLX_STATUS_OK);
  EXPECT_EQ(answer.verdicts[0].verdict, RLX_VERDICT_NATIVE) << answer.verdicts[0].reason;
  EXPECT_EQ(answer.verdicts[0].reason[0], 0);
  EXPECT_EQ(answer.depends, RLX_DEPENDS_NOTHING);
}

TEST(Support, UnknownFunctionsAreNamed) {
  Device device;
  const auto image = one_op(RLX_OP_UNARY, DType::kI32, {{RLX_ATTR_FN, rlx::Dim(RLX_UNARY_EXP)}});
  const Answer answer = query(device, image, 1);
  ASSERT_EQ(answer.status, RLX_STATUS_OK);
  EXPECT_EQ(answer.verdicts[0].verdict, RLX_VERDICT_UNSUPPORTED);
  EXPECT_EQ(answer.verdicts[0].attribute_key, RLX_ATTR_FN);
  EXPECT_STRNE(answer.verdicts[0].reason, "");
  Executable executable(device, image);
  EXPECT_EQ(executable.status(), RLX_STATUS_UNSUPPORTED);
  EXPECT_EQ(executable.error().op_index, 0u);
  EXPECT_NE(std::string(executable.error().message).find("unary"), std::string::npos)
      << executable.error().message;
}

TEST(Support, CompositesWithoutAKernelExpand) {
  Device device;
  const Answer answer = query(device, one_op(RLX_OP_KV_APPEND, DType::kF32, {}, true), 2);
  ASSERT_EQ(answer.status, RLX_STATUS_OK);
  EXPECT_EQ(answer.verdicts[0].verdict, RLX_VERDICT_EXPAND);
  EXPECT_EQ(answer.verdicts[1].verdict, RLX_VERDICT_NATIVE) << answer.verdicts[1].reason;
  EXPECT_EQ(answer.depends, RLX_DEPENDS_NOTHING);
}

TEST(Support, AnOpOfAnotherNamespaceIsNotMistaken) {
  Device device;
  ImageMaker m;
  const auto x = m.input("x", DType::kF32, {4});
  const auto y = m.output("y", DType::kF32, {4});
  m.op(RLX_OP_UNARY, {x}, {y}, {{RLX_ATTR_FN, rlx::Dim(RLX_UNARY_NEG)}});
  m.last_op().ns = "com.example";
  const Answer answer = query(device, m.image(), 1);
  ASSERT_EQ(answer.status, RLX_STATUS_OK);
  EXPECT_EQ(answer.verdicts[0].verdict, RLX_VERDICT_UNSUPPORTED);
  EXPECT_NE(std::string(answer.verdicts[0].reason).find("com.example"), std::string::npos);
}

TEST(Support, AnUnknownVersionIsNotMistaken) {
  Device device;
  ImageMaker m;
  const auto x = m.input("x", DType::kF32, {4});
  const auto y = m.output("y", DType::kF32, {4});
  m.op(RLX_OP_COPY, {x}, {y});
  m.last_op().version = 2;
  EXPECT_EQ(query(device, m.image(), 1).verdicts[0].verdict, RLX_VERDICT_UNSUPPORTED);
}

TEST(Support, RefusalsForSizesHoldForTheseSizesOnly) {
  Device device;
  ImageMaker m;
  const auto x = m.input("x", DType::kF32, {4});
  const auto y = m.output("y", DType::kF32, {5});
  m.op(RLX_OP_COPY, {x}, {y});
  const Answer answer = query(device, m.image(), 1);
  ASSERT_EQ(answer.status, RLX_STATUS_OK);
  EXPECT_EQ(answer.verdicts[0].verdict, RLX_VERDICT_UNSUPPORTED);
  EXPECT_EQ(answer.depends, RLX_DEPENDS_DIMS);
}

TEST(Support, EveryNativeOpcodeIsClaimed) {
  Device device;
  rlx_claims_out claims = sized<rlx_claims_out>();
  ASSERT_EQ(library().compile->claims(device.get(), nullptr, &claims, nullptr), RLX_STATUS_OK);
  ASSERT_GE(claims.count, 40u);
  const auto claimed = [&](uint32_t opcode, uint32_t dtype) {
    for (uint32_t i = 0; i < claims.count; ++i) {
      if (claims.rows[i].opcode == opcode) return (claims.rows[i].dtypes & RLX_DTYPE_BIT(dtype)) != 0;
    }
    return false;
  };
  for (uint32_t dtype = RLX_DTYPE_BOOL; dtype <= RLX_DTYPE_F64; ++dtype) {
    for (uint32_t opcode : {RLX_OP_COPY, RLX_OP_UNARY, RLX_OP_ACT, RLX_OP_SOFTMAX}) {
      for (int fn : {1, 8, 29}) {
        const auto image = one_op(opcode, DType(dtype),
                                  opcode == RLX_OP_SOFTMAX || opcode == RLX_OP_COPY
                                      ? Attributes{}
                                      : Attributes{{RLX_ATTR_FN, rlx::Dim(fn)}});
        const Answer answer = query(device, image, 1);
        ASSERT_EQ(answer.status, RLX_STATUS_OK);
        if (answer.verdicts[0].verdict == RLX_VERDICT_NATIVE) {
          EXPECT_TRUE(claimed(opcode, dtype)) << opcode << " " << dtype;
        }
      }
    }
  }
}

TEST(Support, DamagedImagesAreRefusedNotFollowed) {
  Device device;
  const auto image = one_op(RLX_OP_COPY, DType::kF32, {});
  const size_t words = image.bytes().size() / 8;
  const auto* source = reinterpret_cast<const uint64_t*>(image.bytes().data());
  int refused = 0;
  for (size_t word = 0; word < words; ++word) {
    for (uint64_t flip : {uint64_t(1), uint64_t(0xff) << 56, ~uint64_t(0), uint64_t(0x7fff) << 24}) {
      std::vector<uint64_t> damaged(source, source + words);
      damaged[word] ^= flip;
      rlx_compile_in in = sized<rlx_compile_in>();
      in.image = damaged.data();
      in.image_bytes = words * 8;
      rlx_compile_out out = sized<rlx_compile_out>();
      const int32_t status = library().compile->compile_lir(device.get(), &in, &out, nullptr);
      EXPECT_EQ(status == RLX_STATUS_OK, out.executable != nullptr);
      refused += status != RLX_STATUS_OK;
      library().compile->executable_destroy(out.executable);
    }
  }
  EXPECT_GT(refused, 50);
  for (size_t bytes = 0; bytes < image.bytes().size(); bytes += 4) {
    rlx_compile_in in = sized<rlx_compile_in>();
    in.image = image.bytes().data();
    in.image_bytes = bytes;
    rlx_compile_out out = sized<rlx_compile_out>();
    EXPECT_NE(library().compile->compile_lir(device.get(), &in, &out, nullptr), RLX_STATUS_OK) << bytes;
  }
}

}  // namespace
}  // namespace rlx_test
