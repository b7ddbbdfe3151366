// SPDX-License-Identifier: Apache-2.0
// What good files become: structure only; the numbers are checked where models run.
#include "tests/unit/runtime/import/onnx/fixtures.h"

namespace rlx::onnx_import {
namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(OnnxImport, FoldsShapeArithmeticToExpressions) {
  const std::string text = text_of("heads");
  EXPECT_TRUE(contains(text, "reshape(%0){dims=[batch, seq, 3, 4]}")) << text;
  EXPECT_EQ(count(text, " = "), 2u) << text;  // reshape and transpose: nothing else is left
}

TEST(OnnxImport, FoldsElementCountsOfOpenSymbols) {
  const std::string text = text_of("flat_and_back");
  EXPECT_TRUE(contains(text, "reshape(%0){dims=[4*batch*seq]}")) << text;
  EXPECT_TRUE(contains(text, "dim(){value=4*batch*seq}")) << text;
  EXPECT_TRUE(contains(text, "{dims=[batch, seq, 4]}")) << text;
}

TEST(OnnxImport, DecidesWhichSizesAreOpenWhereExpandAsks) {
  const std::string text = text_of("expand_where");
  EXPECT_TRUE(contains(text, "broadcast(%1){dims=[batch, seq]}")) << text;
  EXPECT_EQ(count(text, "select"), 0u) << text;
}

TEST(OnnxImport, TurnsATableThatCanBeOutgrownIntoAConstraint) {
  const std::string text = text_of("position_table");
  EXPECT_TRUE(contains(text, "require 16 >= seq")) << text;
  EXPECT_TRUE(contains(text, "negative_indices=1")) << text;
}

TEST(OnnxImport, ReadsBoundsFromTheEndAndBeyondIt) {
  const std::string text = text_of("slices");
  EXPECT_TRUE(contains(text, "start=[0, 0, 3], limit=[batch, seq, -1], step=[1, 1, -1]")) << text;
  EXPECT_TRUE(contains(text, "f32[batch, ceildiv(seq, 2), 4]")) << text;
  EXPECT_TRUE(contains(text, "start=[0, seq - 1, 0], limit=[batch, seq, 4]")) << text;
}

TEST(OnnxImport, TranslatesADecoderBlock) {
  const auto model = import("decoder_block");
  ASSERT_TRUE(model) << model.error().to_string();
  const std::string text = model->to_text();
  EXPECT_TRUE(contains(text, "reshape(%16){dims=[batch, seq, 2, 4]}")) << text;
  EXPECT_TRUE(contains(text, "iota(){to=:i64, axis=0, dims=[seq]}")) << text;
  EXPECT_TRUE(contains(text, "output \"token\"")) << text;
  EXPECT_EQ(model->weights().size(), 7u);
}

TEST(OnnxImport, TranslatesAConvolutionalNetwork) {
  const std::string text = text_of("cnn");
  EXPECT_TRUE(contains(text, "conv_act(%0, %1, %2)")) << text;
  EXPECT_TRUE(contains(text, "batch_norm(")) << text;
  EXPECT_TRUE(contains(text, "act_alpha=0.0, act_beta=6.0")) << text;
  EXPECT_TRUE(contains(text, "f32[batch, 4, 8, 8]")) << text;
  EXPECT_TRUE(contains(text, "linear(")) << text;
}

TEST(OnnxImport, AcceptsEveryGoodFile) {
  for (const char* name :
       {"heads",         "position_table", "expand_where", "flat_and_back",  "split_halves",
        "slices",        "decoder_block",  "cnn",          "conv_transpose", "same_pads",
        "resize_linear", "norms",          "indexing",     "unary",          "gelu",
        "binary",        "reductions",     "opset9",       "external",       "unordered"}) {
    const auto model = import(name);
    EXPECT_TRUE(model) << name << ": " << model.error().to_string();
  }
}

TEST(OnnxImport, ReadsAxesAndBoundsOfOldOpsets) {
  const std::string text = text_of("opset9");
  EXPECT_TRUE(contains(text, "start=[0, 1], limit=[n, 4], step=[1, 1]")) << text;
  EXPECT_TRUE(contains(text, "fn=.clip, act_alpha=-1.0, act_beta=1.0")) << text;
  EXPECT_TRUE(contains(text, "reshape(%1){dims=[n, 6]}"))
      << text;  // Softmax of old: one row of all axes from axis on
}

TEST(OnnxImport, WeightsAreViewsOfTheFileThatHoldsThem) {
  const auto model = import("external");
  ASSERT_TRUE(model) << model.error().to_string();
  ASSERT_EQ(model->weights().size(), 1u);
  const ParamSource& weight = model->weights()[0];
  EXPECT_EQ(weight.name, "w");
  EXPECT_EQ(weight.view.dims, (std::vector<std::int64_t>{2, 2}));
  EXPECT_EQ(weight.view.bytes, 16u);
  std::ifstream file(std::string(RLX_FIXTURES) + "/onnx/weights.bin", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(std::string(static_cast<const char*>(weight.view.data), 16), bytes.substr(4));
}

TEST(OnnxImport, MakesSymbolsOfAnyDimParam) {
  const std::string text = text_of("odd_symbols");
  EXPECT_TRUE(contains(text, "\"x\" f32[past_len, 4]")) << text;
  EXPECT_TRUE(contains(text, "\"w\" f32[a + 1, w_dim1]")) << text;
}

TEST(OnnxImport, WarnsOfInputsThatChangeNothing) {
  const auto model = import("unread_input");
  ASSERT_TRUE(model) << model.error().to_string();
  ASSERT_EQ(model->warnings().size(), 1u);
  EXPECT_TRUE(contains(model->warnings()[0], "`z`, `w`")) << model->warnings()[0];
  EXPECT_TRUE(contains(model->to_text(), "\"w\" f32[2]"));  // it may still be given
  EXPECT_TRUE(import("heads")->warnings().empty());
}

}  // namespace
}  // namespace rlx::onnx_import
