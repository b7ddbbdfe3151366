// SPDX-License-Identifier: Apache-2.0
// What bad files become: an error with the right code that names the thing.
#include "tests/unit/runtime/import/onnx/fixtures.h"

#include <unistd.h>
#include <filesystem>
#include <fstream>

#include "runtime/import/onnx/op_table.h"
#include "runtime/import/onnx/proto.h"

namespace rlx::onnx_import {
namespace {

struct Case {
  const char* name;
  ErrorCode code;
  const char* part;
};

class OnnxRefusal : public testing::TestWithParam<Case> {};

TEST_P(OnnxRefusal, NamesWhatIsWrong) {
  const auto model = import(GetParam().name);
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code(), GetParam().code) << model.error().message();
  EXPECT_TRUE(contains(model.error().message(), GetParam().part)) << model.error().message();
}

/// Of a model whose one node reads x and makes y, after `spoil`.
std::string refused_name(void (*spoil)(onnx::GraphProto&)) {
  onnx::ModelProto model;
  if (!model.ParseFromString(fixture_bytes("unread_input"))) return "the fixture is no model";
  spoil(*model.mutable_graph());
  const auto imported = import_text(model.SerializeAsString());
  if (imported) return "imported";
  EXPECT_EQ(imported.error().code(), ErrorCode::kMalformedModelFile);
  return imported.error().message();
}

TEST(OnnxNames, BytesThatAreNoUtf8AreRefusedByIndex) {
  EXPECT_EQ(refused_name([](onnx::GraphProto& graph) { graph.mutable_input(1)->set_name("x\xFF"); }), "input 1: its name is not UTF-8 from byte 1 on (of 2)");
  EXPECT_EQ(refused_name([](onnx::GraphProto& graph) { graph.mutable_output(0)->set_name("\xC3"); }), "output 0: its name is not UTF-8 from byte 0 on (of 1)");
  EXPECT_EQ(refused_name([](onnx::GraphProto& graph) { graph.mutable_node(0)->set_name("ab\xED\xA0\x80"); }), "node 0: its name is not UTF-8 from byte 2 on (of 5)");
  EXPECT_EQ(refused_name([](onnx::GraphProto& graph) { graph.mutable_node(0)->set_op_type("\xC0\x80"); }), "node 0: its operator is not UTF-8 from byte 0 on (of 2)");
  EXPECT_EQ(refused_name([](onnx::GraphProto& graph) { graph.mutable_node(0)->set_output(0, "y\xF4\x90\x80\x80"); }),
            "node 0: result 0 is not UTF-8 from byte 1 on (of 5)");
  EXPECT_EQ(refused_name([](onnx::GraphProto& graph) { graph.add_initializer()->set_name("\xE0\x9F\xBF"); }), "initialiser 0: its name is not UTF-8 from byte 0 on (of 3)");
  EXPECT_EQ(refused_name([](onnx::GraphProto& graph) { graph.mutable_node(0)->set_name("n\xC3\xB6\xE2\x82\xAC\xF0\x9F\x98\x80"); }), "imported");
}

TEST(OnnxOperators, ThePageOfOpsSaysWhichAreImported) {
  std::ifstream page(std::string(RLX_FIXTURES) + "/../../docs/ops.md");
  std::string line;
  while (std::getline(page, line) && !line.starts_with("## ONNX operators")) continue;
  std::size_t imported = 0, refused = 0;
  while (std::getline(page, line)) {
    if (!line.ends_with("| yes |") && !line.ends_with("| no |")) continue;
    const std::string name = line.substr(2, line.find(' ', 2) - 2);
    const bool said = line.ends_with("| yes |");
    EXPECT_EQ(find_op(name) != nullptr, said) << name << ": mend onnx_not_imported in plugin_api/registry/rlx.json";
    ++(said ? imported : refused);
  }
  EXPECT_GT(imported, 100u);
  EXPECT_GT(refused, 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Files, OnnxRefusal,
    testing::Values(
        Case{"made_twice", ErrorCode::kMalformedModelFile, "node `Abs_y` (Abs) makes `y`"},
        Case{"never_made", ErrorCode::kMalformedModelFile, "reads `ghost`, which nothing makes"},
        Case{"cycle", ErrorCode::kMalformedModelFile, "part of a cycle"},
        Case{"attribute_type", ErrorCode::kMalformedModelFile,
             "attribute `axis` is a string, wanted an integer"},
        Case{"axis_outside", ErrorCode::kMalformedModelFile, "axis 5 of a tensor of rank 2"},
        Case{"negative_dim", ErrorCode::kMalformedModelFile, "input `x` has a dim of -3"},
        Case{"short_weight", ErrorCode::kMalformedModelFile, "tensor `w`: 20 bytes of data, wanted 32"},
        Case{"operand_count", ErrorCode::kMalformedModelFile, "1 operands, wanted 2"},
        Case{"shape_mismatch", ErrorCode::kShapeMismatch, "node `MatMul_y` (MatMul)"},
        Case{"runtime_shape", ErrorCode::kUnsupportedModel, "operand 1 (shape) is computed at run time"},
        Case{"second_result", ErrorCode::kUnsupportedModel, "result 1 is read"},
        Case{"future_opset", ErrorCode::kUnsupportedModel, "opset 99, wanted"},
        Case{"string_input", ErrorCode::kUnsupportedModel, "input `x` is of string"},
        Case{"external_absolute", ErrorCode::kUnsafePath, "an absolute path"},
        Case{"external_dots", ErrorCode::kUnsafePath, "leaves its folder"},
        Case{"external_missing", ErrorCode::kFileNotFound, "gone.bin"},
        Case{"external_short", ErrorCode::kMalformedModelFile,
             "16 bytes at 8 of `weights.bin`, which has 20"},
        Case{"external_size", ErrorCode::kMalformedModelFile, "8 bytes of data, wanted 16"}),
    [](const auto& info) { return std::string(info.param.name); });

/// What `bytes` are said to be.
std::string said_of(const std::string& bytes) {
  const auto model = import_text(bytes);
  if (model) return "a model";
  EXPECT_EQ(model.error().code(), ErrorCode::kMalformedModelFile);
  return model.error().message();
}

TEST(OnnxBytes, OfAFileThatWasCutOffTheFieldAndWhatIsMissingAreNamed) {
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.mutable_graph()->set_doc_string(std::string(1000, 'x'));
  const std::string whole = model.SerializeAsString();  // 2 bytes, then tag, length (2 bytes) and the graph
  const std::size_t graph = whole.size() - 5;
  for (std::size_t size = 5; size < whole.size(); ++size)
    ASSERT_EQ(said_of(whole.substr(0, size)),
              std::to_string(size) + " bytes that are no whole ONNX model, cut off or damaged: field 7 (graph) begins at byte 2 and needs " + std::to_string(graph) +
                  " bytes from byte 5 on: " + std::to_string(whole.size() - size) + " are missing");
  EXPECT_EQ(said_of(whole.substr(0, 4)), "4 bytes that are no whole ONNX model, cut off or damaged: field 7 (graph) begins at byte 2, and the bytes end inside it");
  EXPECT_EQ(said_of(whole.substr(0, 3)), said_of(whole.substr(0, 4)).replace(0, 1, "3"));
  EXPECT_EQ(said_of(whole.substr(0, 2)), "2 bytes that are no ONNX model, or one that was cut off: there is no graph in them");
  EXPECT_EQ(said_of(whole.substr(0, 1)), "1 bytes that are no ONNX model: field 1 (ir_version) begins at byte 0, and the bytes end inside it");
  EXPECT_EQ(said_of(""), "it is empty, wanted an ONNX model");
}

TEST(OnnxBytes, OfDamageTheByteIsNamed) {
  const std::string head("\x08\x08", 2);
  EXPECT_TRUE(contains(said_of(head + "\x3A\x02\x0A\xFF"), "6 bytes that are no whole ONNX model: its outermost fields are whole")) << said_of(head + "\x3A\x02\x0A\xFF");
  EXPECT_TRUE(contains(said_of(head + std::string("\x00\x00", 2)), "byte 2 begins field 0, which no message has"));
  EXPECT_TRUE(contains(said_of(head + "\x3F"), "byte 2 begins field 7 (graph) in a form (7) that no model has"));
  EXPECT_TRUE(contains(said_of(head + "\x3A" + std::string(9, '\xFF') + "\x7F"), "byte 12 is in no number"));
  EXPECT_TRUE(contains(said_of(head + "\x3A" + std::string(9, '\xFF') + "\x01"), "needs 18446744073709551615 bytes from byte 13 on: 18446744073709551615 are missing"));
  EXPECT_TRUE(contains(said_of(head + std::string(5, '\xFF')), "a tag begins at byte 2, and the bytes end inside it"));
  EXPECT_TRUE(contains(said_of(head + "\x39" + "1234567"), "field 7 (graph) begins at byte 2 and needs 8 bytes from byte 3 on: 1 are missing"));
}

TEST(OnnxBytes, OfOtherFilesItIsSaidWhatTheyAre) {
  EXPECT_TRUE(contains(said_of("version https://git-lfs.github.com/spec/v1\noid sha256:00\n"), "a Git LFS pointer"));
  EXPECT_TRUE(contains(said_of("<!DOCTYPE html><html>"), "21 bytes that are no ONNX model but a web page"));
  EXPECT_TRUE(contains(said_of("PK\3\4 and so on"), "a zip archive"));
  EXPECT_TRUE(contains(said_of(std::string("\x02\0\0\0\0\0\0\0{}", 10)), "a safetensors file"));
  EXPECT_TRUE(contains(said_of("not a model"), "11 bytes that are no ONNX model: byte 0 begins field 13, which no model begins with")) << said_of("not a model");
}

TEST(OnnxBytes, TheFileIsNamedWithItsSize) {
  const std::string path = (std::filesystem::temp_directory_path() / ("rlx_cut_" + std::to_string(::getpid()) + ".onnx")).string();
  const std::string whole = fixture_bytes("never_made");
  std::ofstream(path, std::ios::binary) << whole.substr(0, whole.size() / 2);
  const auto model = import_file(path);
  std::filesystem::remove(path);
  ASSERT_FALSE(model);
  EXPECT_TRUE(contains(model.error().message(), "in `" + path + "`: " + std::to_string(whole.size() / 2) + " bytes that are no whole ONNX model")) << model.error().message();
  EXPECT_TRUE(contains(model.error().message(), "are missing")) << model.error().message();
}

TEST(OnnxImport, ListsEveryUnknownOperatorThatMatters) {
  const auto model = import("unsupported");
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code(), ErrorCode::kUnsupportedModel);
  const std::string& message = model.error().message();
  EXPECT_TRUE(contains(message, "3 operators are not known")) << message;
  EXPECT_TRUE(contains(message, "Det (2 times, first at node `Det_a`)")) << message;
  EXPECT_TRUE(contains(message, "StringNormalizer (1 times")) << message;
  EXPECT_TRUE(contains(message, "com.example.FusedThing (1 times, first at node `fused`)")) << message;
  EXPECT_FALSE(contains(message, "NonZero")) << message;  // leads to no output
}

TEST(OnnxImport, FollowsNoLinkToExternalData) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("rlx-onnx-link-" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  std::filesystem::copy_file(fixture("external_link"), folder / "m.onnx");
  std::filesystem::create_symlink(std::string(RLX_FIXTURES) + "/onnx/weights.bin", folder / "link.bin");
  const auto model = import_file((folder / "m.onnx").string());
  std::filesystem::remove(folder / "link.bin");
  std::filesystem::copy_file(std::string(RLX_FIXTURES) + "/onnx/weights.bin", folder / "link.bin");
  const auto plain = import_file((folder / "m.onnx").string());
  std::filesystem::remove_all(folder);
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code(), ErrorCode::kUnsafePath) << model.error().message();
  EXPECT_TRUE(plain) << plain.error().message();
}

TEST(OnnxImport, AModelFromMemoryNamesNoFile) {
  const auto model = import_text(fixture_bytes("external"));
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code(), ErrorCode::kUnsafePath);
}

TEST(OnnxImport, SurvivesEveryTruncation) {
  const std::string bytes = fixture_bytes("cnn");
  ASSERT_GT(bytes.size(), 1000u);
  for (std::size_t size = 0; size < bytes.size(); size += 7) {
    const auto model = import_text(bytes.substr(0, size));
    ASSERT_FALSE(model) << size;
    EXPECT_NE(model.error().code(), ErrorCode::kInternal) << size << ": " << model.error().message();
  }
}

TEST(OnnxImport, SurvivesFlippedBytes) {
  for (const char* name : {"decoder_block", "cnn", "slices", "indexing", "norms"}) {
    std::string bytes = fixture_bytes(name);
    for (std::size_t at = 0; at < bytes.size(); at += 11) {
      const char kept = bytes[at];
      bytes[at] = static_cast<char>(kept ^ 0x55);
      const auto model = import_text(bytes);
      bytes[at] = kept;
      const bool internal = !model && model.error().code() == ErrorCode::kInternal;
      EXPECT_FALSE(internal) << name << " at " << at << ": " << model.error().message();
    }
  }
}

TEST(OnnxImport, NamesFilesThatAreNoModels) {
  EXPECT_EQ(import_file("/nonexistent/x.onnx").error().code(), ErrorCode::kFileNotFound);
  EXPECT_EQ(import_file(RLX_FIXTURES).error().code(), ErrorCode::kFileUnreadable);
  EXPECT_EQ(import_text("").error().code(), ErrorCode::kMalformedModelFile);
  EXPECT_EQ(import_text("not a model").error().code(), ErrorCode::kMalformedModelFile);
}

}  // namespace
}  // namespace rlx::onnx_import
