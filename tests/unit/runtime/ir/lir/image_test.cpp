// SPDX-License-Identifier: Apache-2.0
// Writing and reading: canonical bytes, hashes that see what they should, round trips.
#include "runtime/ir/lir/image.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

#include <fstream>

#include "random_module.h"

namespace rlx::lir {
namespace {

using testing::random_module;
using testing::small_module;

Image written(const Module& module) {
  Result<Image> image = write_image(module);
  EXPECT_TRUE(image) << image.error().to_string();
  return image ? *image : Image();
}

std::string bytes_of(const Image& image) {
  return {reinterpret_cast<const char*>(image.bytes().data()), image.bytes().size()};
}

ImageHashes hashes_of(const Module& module) { return *image_hashes(written(module).bytes()); }

Module planned(Module module) {
  module.plan = plan_module(module);
  return module;
}

/// The bytes of the annotated dump: lines of "offset  bytes | meaning" between code fences.
std::vector<int> dumped_bytes(const char* path) {
  std::vector<int> bytes;
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  for (std::string line; std::getline(file, line);) {
    if (line.size() < 8 || line.find_first_not_of("0123456789abcdef") != 4 || line.compare(4, 2, "  ") != 0) continue;
    EXPECT_EQ(std::stoul(line.substr(0, 4), nullptr, 16), bytes.size()) << line;
    for (std::size_t at = 6; at + 1 < line.size() && line[at] != '|'; at += 3)
      if (line[at] != ' ') bytes.push_back(std::stoi(line.substr(at, 2), nullptr, 16));
  }
  return bytes;
}

TEST(LirImage, SmallModuleGivesTheBytesOfTheDocumentedExample) {
  const Image image = written(planned(small_module()));
  std::vector<int> bytes;
  for (const std::byte byte : image.bytes()) bytes.push_back(static_cast<int>(byte));
  if (const char* path = std::getenv("LIR_TEST_DUMP"))
    std::ofstream(path, std::ios::binary).write(bytes_of(image).data(), static_cast<std::streamsize>(bytes.size()));
  EXPECT_EQ(bytes, dumped_bytes(LIR_EXAMPLE_PATH));
}

TEST(LirImage, RandomModulesSurviveWritingAndReading) {
  std::mt19937_64 rng(1);
  for (int i = 0; i < 300; ++i) {
    const Module module = random_module(rng, {.symbols = false, .ops = 1 + static_cast<std::uint32_t>(i) % 30});
    const Image image = written(i % 2 ? planned(module) : module);
    const Result<Module> read = read_image(image.bytes());
    ASSERT_TRUE(read) << read.error().to_string();
    ASSERT_EQ(bytes_of(written(*read)), bytes_of(image));
    EXPECT_EQ(read->plan.has_value(), i % 2 == 1);
  }
}

TEST(LirImage, ReadingGivesBackWhatWasWritten) {
  Module module = planned(small_module());
  module.ops[0].attributes[RLX_ATTR_ALPHAS] = std::vector<double>{1.5, 2.5};
  module.ops[0].attributes[RLX_ATTR_ACC] = DType::kF64;
  module.ops[0].attributes[RLX_ATTR_EPS] = 0.25;
  module.ops[0].attributes[RLX_ATTR_VENDOR_FIRST] = std::string("text");
  module.extents.clear();
  const Result<Module> read = read_image(written(module).bytes());
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(read->ops[0].attributes, module.ops[0].attributes);
  EXPECT_EQ(read->ops[0].name, "add");
  EXPECT_EQ(read->ops[1].name, "");
  EXPECT_EQ(read->constants, module.constants);
  EXPECT_EQ(read->inputs[0].name, "x");
  EXPECT_EQ(*read->values[3].strides, (Dims{1, 3}));
  EXPECT_EQ(read->plan->arenas[0].bytes, 64u);
}

TEST(LirImage, SectionsAreThereOnlyWhereTheyHoldSomething) {
  Module module = small_module();
  module.ops[0].name.clear();
  rlx_lir_image image;
  const Image bare = written(module);
  ASSERT_EQ(rlx_lir_open(&image, bare.bytes().data(), bare.bytes().size(), nullptr), RLX_STATUS_OK);
  for (const std::uint32_t kind : {RLX_LIR_PARAMS, RLX_LIR_STATE, RLX_LIR_EXTENTS, RLX_LIR_ARENAS, RLX_LIR_PLACES, RLX_LIR_DEBUG})
    EXPECT_EQ(image.sections[kind].kind, 0u) << kind;
  std::uint64_t end = 0;
  for (std::uint32_t i = 0; i < image.header->section_count; ++i) {
    const auto* entry = reinterpret_cast<const rlx_lir_section*>(image.bytes + image.header->section_offset) + i;
    EXPECT_EQ(entry->offset % 8, 0u);
    EXPECT_GE(entry->offset, end);
    end = entry->offset + entry->count * entry->stride;
    EXPECT_EQ(entry->flags, RLX_LIR_SECTION_REQUIRED);
  }
}

TEST(LirImage, EqualStringsAreStoredOnce) {
  Module module = small_module();
  module.outputs[0].name = "x";
  const Image image = written(module);
  rlx_lir_image reader;
  ASSERT_EQ(rlx_lir_open(&reader, image.bytes().data(), image.bytes().size(), nullptr), RLX_STATUS_OK);
  EXPECT_EQ(rlx_lir_count(&reader, RLX_LIR_STRINGS), std::strlen("x") + std::strlen("add") + 1);
  EXPECT_STREQ(rlx_lir_op_name(&reader, 0), "add");
  EXPECT_EQ(rlx_lir_op_name(&reader, 1), nullptr);
}

TEST(LirImage, TheReaderFindsConstantsAndRefusesForgedOnes) {
  Image image = written(small_module());
  rlx_lir_image reader;
  ASSERT_EQ(rlx_lir_open(&reader, image.bytes().data(), image.bytes().size(), nullptr), RLX_STATUS_OK);
  rlx_lir_value value = *rlx_lir_value_at(&reader, 1);
  const void* constant = rlx_lir_constant(&reader, &value);
  ASSERT_NE(constant, nullptr);
  EXPECT_EQ(std::memcmp(constant, small_module().constants[0].data(), 24), 0);
  value.byte_offset = 8;
  EXPECT_EQ(rlx_lir_constant(&reader, &value), nullptr);
  value.byte_offset = 0;
  value.byte_size = 16;
  EXPECT_EQ(rlx_lir_constant(&reader, &value), nullptr);
  EXPECT_EQ(rlx_lir_constant(&reader, rlx_lir_value_at(&reader, 0)), nullptr);
  EXPECT_EQ(rlx_lir_constant(&reader, nullptr), nullptr);
  EXPECT_EQ(rlx_lir_operands(&reader, nullptr), nullptr);
  EXPECT_EQ(rlx_lir_strides(&reader, nullptr), nullptr);
  EXPECT_EQ(rlx_lir_attr_of(&reader, nullptr, 1), nullptr);
}

// ---- hashes ----

TEST(LirImage, NamesOfOriginChangeNoHash) {
  Module module = planned(small_module());
  const ImageHashes named = hashes_of(module);
  module.ops[0].name = "a longer name";
  module.ops[1].name = "x";
  const ImageHashes renamed = hashes_of(module);
  for (Op& op : module.ops) op.name.clear();
  const ImageHashes bare = hashes_of(module);
  EXPECT_EQ(named.content, bare.content);
  EXPECT_EQ(named.content, renamed.content);
  EXPECT_EQ(named.graph, bare.graph);
  EXPECT_EQ(named.skeleton, bare.skeleton);
}

TEST(LirImage, ThePlanChangesTheContentHashOnly) {
  const ImageHashes without = hashes_of(small_module());
  const ImageHashes with = hashes_of(planned(small_module()));
  EXPECT_NE(with.content, without.content);
  EXPECT_EQ(with.graph, without.graph);
  EXPECT_EQ(with.skeleton, without.skeleton);
}

TEST(LirImage, SizesChangeTheGraphHashButNotTheSkeleton) {
  Module module = small_module();
  const ImageHashes before = hashes_of(module);
  module.values[0].dims = {4, 3};
  module.ops[0].attributes[RLX_ATTR_FN] = Dim(RLX_BINARY_MUL);
  const ImageHashes after = hashes_of(module);
  EXPECT_NE(after.graph, before.graph);
  EXPECT_EQ(after.skeleton, before.skeleton);
  module.values[0].dims = {4, 3, 1};
  EXPECT_NE(hashes_of(module).skeleton, before.skeleton);
}

TEST(LirImage, TheTemplateChangesTheContentHashOnly) {
  Module module = small_module();
  const ImageHashes before = hashes_of(module);
  module.template_hash = {1, 2};
  const ImageHashes after = hashes_of(module);
  EXPECT_NE(after.content, before.content);
  EXPECT_EQ(after.graph, before.graph);
  EXPECT_EQ(after.template_hash, (Hash128{1, 2}));
}

TEST(LirImage, HashesOfNoImageAreAnError) {
  EXPECT_FALSE(image_hashes({}));
  Image image = written(small_module());
  image.bytes()[0] = std::byte{0};
  EXPECT_EQ(image_hashes(image.bytes()).error().code(), ErrorCode::kInvalidImage);
}

// ---- what an image cannot hold ----

ErrorCode refusal(const Module& module) {
  const Result<Image> image = write_image(module);
  return image ? ErrorCode{} : image.error().code();
}

TEST(LirImage, WritingRefusesOpenSymbols) {
  Module module = small_module();
  module.values[0].dims[1] = Dim::symbol("seq");
  EXPECT_EQ(refusal(module), ErrorCode::kUnboundSymbol);
}

TEST(LirImage, WritingRefusesRankNine) {
  Module module = small_module();
  module.values[0].dims = Dims(9, Dim(1));
  EXPECT_EQ(refusal(module), ErrorCode::kInvalidArgument);
}

TEST(LirImage, WritingRefusesConstantsThatAreTooLargeOrOfTheWrongSize) {
  Module module = small_module();
  module.constants[0].resize(20);
  EXPECT_EQ(refusal(module), ErrorCode::kInvalidArgument);
  module.values[1].dims = {1025};
  module.constants[0].resize(4100);
  EXPECT_EQ(refusal(module), ErrorCode::kInvalidArgument);
  module.values[1].dims = {1024};
  module.constants[0].resize(4096);
  EXPECT_EQ(refusal(module), ErrorCode{});
}

TEST(LirImage, WritingRefusesModulesThatContradictThemselves) {
  Module module = small_module();
  module.values[3].strides.reset();
  EXPECT_EQ(refusal(module), ErrorCode::kInvalidArgument) << "a view without strides";
  module = small_module();
  module.values[1].index = 7;
  EXPECT_EQ(refusal(module), ErrorCode::kInvalidArgument) << "a constant that is not there";
  module = small_module();
  module.regions[0].op_count = 1;
  EXPECT_EQ(refusal(module), ErrorCode::kInvalidArgument) << "an op of no region";
  module = small_module();
  module.regions.clear();
  EXPECT_EQ(refusal(module), ErrorCode::kInvalidArgument) << "no region";
  module = small_module();
  module.values[0].dims[0] = -1;
  EXPECT_EQ(refusal(module), ErrorCode::kInvalidArgument) << "a negative dim";
  module = small_module();
  module.plan.emplace();
  EXPECT_EQ(refusal(module), ErrorCode::kInvalidArgument) << "a plan without an arena";
}

}  // namespace
}  // namespace rlx::lir
