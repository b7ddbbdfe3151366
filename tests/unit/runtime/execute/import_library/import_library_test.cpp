// SPDX-License-Identifier: Apache-2.0
// load_model and load_weights as a host program calls them: the importer libraries are found beside the
// runtime library.
#include <gtest/gtest.h>

#include <unistd.h>
#include <filesystem>
#include <fstream>
#include <rlx/host/model.hpp>

#include "runtime/execute/import_library.h"

namespace rlx {
namespace {

std::filesystem::path scratch() {
  const auto folder = std::filesystem::temp_directory_path() / ("rlx-loading-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  return folder;
}

TEST(Loading, ReadsAModelThroughTheImporterLibrary) {
  const auto model = load_model(RLX_FIXTURES "/onnx/heads.onnx");
  ASSERT_TRUE(model) << model.error().to_string();
  EXPECT_NE(model->to_text().find("[batch, seq, 3, 4]"), std::string::npos);
}

TEST(Loading, ReadsWeightsThroughTheImporterLibrary) {
  const auto path = scratch() / "w.safetensors";
  const std::string header = R"({"t":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})";
  std::ofstream(path, std::ios::binary)
      << static_cast<char>(header.size()) << std::string(7, '\0') << header << "ab";
  const auto weights = load_weights(path.string());
  std::filesystem::remove(path);
  ASSERT_TRUE(weights) << weights.error().to_string();
  EXPECT_EQ((*weights)[0].name, "t");
}

TEST(Loading, NamesFilesItCannotTake) {
  EXPECT_EQ(load_model("/nonexistent/m.onnx").error().code(), ErrorCode::kFileNotFound);
  EXPECT_EQ(load_weights("/nonexistent/w.safetensors").error().code(), ErrorCode::kFileNotFound);
  EXPECT_EQ(load_model(RLX_FIXTURES "/onnx/cases.json").error().code(), ErrorCode::kImporterMissing);
}

TEST(Loading, NamesThePlacesWhereNoImporterIs) {
  const auto found = importer_symbol({"/nonexistent/a", "/nonexistent/b"}, "librlx_import_x.so", "f");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), ErrorCode::kImporterMissing);
  EXPECT_NE(found.error().message().find("looked in `/nonexistent/a`, `/nonexistent/b`"), std::string::npos)
      << found.error().message();
}

TEST(Loading, RefusesALibraryThatIsNone) {
  const auto folder = scratch();
  std::ofstream(folder / "librlx_import_x.so") << "no library";
  const auto found = importer_symbol({folder}, "librlx_import_x.so", "f");
  std::filesystem::remove_all(folder);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), ErrorCode::kImporterMissing);
  EXPECT_NE(found.error().message().find("cannot be loaded"), std::string::npos) << found.error().message();
}

TEST(Loading, RefusesALibraryOfAnotherAge) {
  const auto folders = importer_folders();
  const auto found = importer_symbol(folders, "librlx_import_onnx.so", "rlx_import_model_0");
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message().find("has no symbol rlx_import_model_0"), std::string::npos)
      << found.error().message();
}

}  // namespace
}  // namespace rlx
