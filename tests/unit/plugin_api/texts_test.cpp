// SPDX-License-Identifier: Apache-2.0
// Texts of the headers against the registry's; numbers and layouts are asserted when plugin_api/check is
// compiled.
#include <gtest/gtest.h>
#include <rlx/compile.h>
#include <rlx/execute.h>
#include <rlx/ext/artifact.h>
#include <rlx/ext/draft/packs.h>
#include <rlx/ext/profile.h>
#include <rlx/lir.h>
#include <rlx/params.h>
#include <rlx/plugin.h>

#include <string_view>

namespace {

TEST(Registry, TextsOfTheHeadersAreTheRegistrysOwn) {
  int compared = 0;
#define RLX_SIZE(type, bytes)
#define RLX_FIELD(type, field, offset, bytes)
#define RLX_NUMBER(name, number)
#define RLX_TEXT(name, text)                                          \
  EXPECT_EQ(std::string_view(name), std::string_view(text)) << #name; \
  ++compared;
#include "plugin_api/check/layout.inc"
  EXPECT_GE(compared, 13);
}

TEST(Registry, EveryRecordOfAnImageHasTheBytesThatTheReaderWants) {
  EXPECT_EQ(rlx_lir_record_bytes(RLX_LIR_VALUES), sizeof(rlx_lir_value));
  EXPECT_EQ(rlx_lir_record_bytes(RLX_LIR_OPS), sizeof(rlx_lir_op));
  EXPECT_EQ(rlx_lir_record_bytes(RLX_LIR_REGIONS), sizeof(rlx_lir_region));
  EXPECT_EQ(rlx_lir_record_bytes(RLX_LIR_ATTRS), sizeof(rlx_lir_attr));
  EXPECT_EQ(rlx_lir_record_bytes(RLX_LIR_PARAMS), sizeof(rlx_lir_param));
  EXPECT_EQ(rlx_lir_record_bytes(RLX_LIR_INPUTS), sizeof(rlx_lir_io));
  EXPECT_EQ(rlx_lir_record_bytes(RLX_LIR_OUTPUTS), sizeof(rlx_lir_io));
  EXPECT_EQ(rlx_lir_record_bytes(RLX_LIR_STATE), sizeof(rlx_lir_state));
  EXPECT_EQ(rlx_lir_record_bytes(RLX_LIR_EXTENTS), sizeof(rlx_lir_extent));
  EXPECT_EQ(rlx_lir_record_bytes(RLX_LIR_ARENAS), sizeof(rlx_lir_arena));
  EXPECT_EQ(rlx_lir_record_bytes(RLX_LIR_PLACES), sizeof(rlx_lir_place));
}

}  // namespace
