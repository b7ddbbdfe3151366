// SPDX-License-Identifier: Apache-2.0
// The safetensors reader on good files and on files that lie.
#include "runtime/import/safetensors/reader.h"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>
#include <cstring>
#include <fstream>

namespace rlx::safetensors {
namespace {

/// A file: length, header, data. Kept 64-byte aligned as a mapping would be.
struct File {
  alignas(64) std::byte bytes[4096];
  std::size_t size = 0;

  File(std::string_view header, std::size_t data_bytes) : File(header, data_bytes, header.size()) {}
  File(std::string_view header, std::size_t data_bytes, std::uint64_t claimed) {
    for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::byte>(claimed >> (8 * i));
    std::memcpy(bytes + 8, header.data(), header.size());
    size = 8 + header.size() + data_bytes;
    for (std::size_t i = 0; i < data_bytes; ++i) bytes[8 + header.size() + i] = static_cast<std::byte>(i);
  }
  Result<std::vector<ParamSource>> read() const { return safetensors::read({bytes, size}, nullptr); }
};

std::string pad(std::string header) {
  while ((8 + header.size()) % 8 != 0) header += ' ';
  return header;
}

std::string fault(const File& file) {
  const auto sources = file.read();
  if (sources) return "accepted";
  EXPECT_EQ(sources.error().code(), ErrorCode::kFileDamaged);
  return sources.error().message();
}

std::string fault(std::string_view header, std::size_t data_bytes) {
  return fault(File(pad(std::string(header)), data_bytes));
}

#define EXPECT_FAULT(text, ...) \
  EXPECT_NE(fault(__VA_ARGS__).find(text), std::string::npos) << fault(__VA_ARGS__)

TEST(Safetensors, ViewsTensorsWhereTheyLie) {
  const File file(
      pad(R"({"__metadata__":{"format":"pt"},"b":{"dtype":"I64","shape":[1],"data_offsets":[8,16]},)"
          R"("a":{"dtype":"F16","shape":[2,2],"data_offsets":[0,8]}})"),
      16);
  const auto sources = file.read();
  ASSERT_TRUE(sources) << sources.error().message();
  ASSERT_EQ(sources->size(), 2u);
  EXPECT_EQ((*sources)[0].name, "a");
  EXPECT_EQ((*sources)[0].view.dtype, DType::kF16);
  EXPECT_EQ((*sources)[0].view.dims, (std::vector<std::int64_t>{2, 2}));
  EXPECT_EQ((*sources)[1].name, "b");
  EXPECT_EQ((*sources)[1].view.bytes, 8u);
  EXPECT_EQ((*sources)[1].view.data, file.bytes + file.size - 8);
}

TEST(Safetensors, KnowsEveryDtype) {
  const std::pair<const char*, DType> all[] = {
      {"BOOL", DType::kBool}, {"I8", DType::kI8},   {"I16", DType::kI16},   {"I32", DType::kI32},
      {"I64", DType::kI64},   {"U8", DType::kU8},   {"U16", DType::kU16},   {"U32", DType::kU32},
      {"U64", DType::kU64},   {"F16", DType::kF16}, {"BF16", DType::kBF16}, {"F32", DType::kF32},
      {"F64", DType::kF64}};
  const std::size_t sizes[] = {1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8};
  for (std::size_t i = 0; i < 13; ++i) {
    const std::string header = std::string(R"({"t":{"dtype":")") + all[i].first +
                               R"(","shape":[3],"data_offsets":[0,)" + std::to_string(3 * sizes[i]) + "]}}";
    const auto sources = File(pad(header), 3 * sizes[i]).read();
    ASSERT_TRUE(sources) << all[i].first << ": " << sources.error().message();
    EXPECT_EQ((*sources)[0].view.dtype, all[i].second);
  }
}

TEST(Safetensors, AcceptsScalarsAndEmptyTensors) {
  const auto sources =
      File(pad(R"({"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
               R"("e":{"dtype":"F32","shape":[0,9223372036854775807],"data_offsets":[4,4]}})"),
           4)
          .read();
  ASSERT_TRUE(sources) << sources.error().message();
  EXPECT_TRUE((*sources)[0].view.dims.empty());
  EXPECT_EQ((*sources)[1].view.bytes, 0u);
  EXPECT_TRUE(File("{}", 0).read().has_value());
}

TEST(Safetensors, CopiesOnlyWhatLiesUnaligned) {
  const auto sources = File(pad(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                                R"("b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}})"),
                            5)
                           .read();
  ASSERT_TRUE(sources) << sources.error().message();
  EXPECT_EQ((*sources)[0].keepalive, nullptr);
  EXPECT_NE((*sources)[1].keepalive, nullptr);
  const std::uint8_t wanted[] = {1, 2, 3, 4};
  EXPECT_EQ(std::memcmp((*sources)[1].view.data, wanted, 4), 0);
}

TEST(Safetensors, RefusesTruncatedFiles) {
  const File good(pad(R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})"), 8);
  ASSERT_TRUE(good.read().has_value());
  for (std::size_t size = 0; size < good.size; ++size)
    EXPECT_FALSE(safetensors::read({good.bytes, size}, nullptr).has_value()) << size;
}

TEST(Safetensors, RefusesAHugeHeaderLength) {
  for (const std::uint64_t claimed : {std::uint64_t{1} << 32, UINT64_MAX, UINT64_MAX - 8})
    EXPECT_FAULT("wanted at most", File("{}", 0, claimed));
  EXPECT_FAULT("its 10 bytes begin with the length of a header, 100000001, wanted at most 100000000", File("{}", 0, 100'000'001));
  EXPECT_EQ(fault(File("{}", 0, 3)), "a header of 3 bytes, the file has 10, wanted at least 11: it was cut off");
}

TEST(Safetensors, RefusesWhatIsNoHeader) {
  EXPECT_FAULT("begin with `{`", File("", 0));
  EXPECT_FAULT("begin with `{`", File("[]", 0));
  EXPECT_FAULT("no JSON", File("{\"a\":", 0));
  EXPECT_FAULT("no JSON", File("{} x", 0));
  EXPECT_FAULT("no JSON", File("{\"\xff\":{}}", 0));
  EXPECT_FAULT("an object", File(R"({"a":{"shape":{"x":{}}}})", 0));
  EXPECT_FAULT("a list", File("{\"a\":" + std::string(2000, '['), 0));
  EXPECT_FAULT("a text", File(R"({"a":"x"})", 0));
}

TEST(Safetensors, RefusesTensorsThatLie) {
  EXPECT_FAULT("tensor `t` has 8 bytes, wanted 12",
               R"({"t":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8);
  EXPECT_FAULT("tensor `t` lies at [0, 16), wanted inside the 8 bytes",
               R"({"t":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})", 8);
  EXPECT_FAULT("; the file has 72 bytes, wanted 80: 8 are missing", R"({"t":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})", 8);
  EXPECT_FAULT("tensor `a` lies at [0, 16), wanted inside the 8 bytes of data; the file has 128 bytes, wanted 144: 16 are missing",
               R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[2],"data_offsets":[16,24]}})", 8);
  EXPECT_FAULT("wanted 9223372036854775887: 9223372036854775799 are missing", R"({"t":{"dtype":"U8","shape":[1],"data_offsets":[0,9223372036854775807]}})", 8);
  EXPECT_FAULT("lies at [8, 0)", R"({"t":{"dtype":"F32","shape":[4],"data_offsets":[8,0]}})", 8);
  EXPECT_FAULT("more than 64 bits",
               R"({"t":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}})", 8);
  EXPECT_FAULT("wanted 0 or more", R"({"t":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8);
  EXPECT_FAULT("wanted a whole one", R"({"t":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}})", 8);
  EXPECT_FAULT("dtype \"F8_E4M3\", wanted BOOL",
               R"({"t":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}})", 8);
  EXPECT_FAULT("2 of dtype, shape and data_offsets", R"({"t":{"dtype":"F32","shape":[2]}})", 8);
  EXPECT_FAULT("\"shape\" twice", R"({"t":{"shape":[2],"shape":[2]}})", 8);
  EXPECT_FAULT("two entries of this name", R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"t":{}})",
               8);
  EXPECT_FAULT("of 3 numbers, wanted 2", R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}})", 8);
  EXPECT_FAULT("key \"strides\"", R"({"t":{"strides":[2]}})", 8);
}

TEST(Safetensors, RefusesOverlapGapsAndTrailingBytes) {
  const std::string a = R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)";
  EXPECT_FAULT("tensor `b` begins at 2, wanted 4 (it overlaps",
               a + R"("b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})", 6);
  EXPECT_FAULT("begins at 5, wanted 4 (bytes that belong to no tensor)",
               a + R"("b":{"dtype":"U8","shape":[1],"data_offsets":[5,6]}})", 6);
  EXPECT_FAULT("the data has 9 bytes, wanted 6",
               a + R"("b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}})", 9);
}

TEST(Safetensors, MapsFilesAndNamesThoseItCannotRead) {
  char folder[] = "/tmp/rlx-safetensors-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::string path = std::string(folder) + "/w.safetensors";
  const File file(pad(R"({"t":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})"), 2);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(file.bytes), static_cast<std::streamsize>(file.size));
  auto sources = read_file(path);
  ASSERT_TRUE(sources) << sources.error().message();
  unlink(path.c_str());
  EXPECT_EQ(static_cast<const std::uint8_t*>((*sources)[0].view.data)[1],
            1);  // the mapping outlives the name

  EXPECT_EQ(read_file(path).error().code(), ErrorCode::kFileNotFound);
  EXPECT_EQ(read_file(folder).error().code(), ErrorCode::kFileUnreadable);
  mkfifo(path.c_str(), 0600);
  EXPECT_EQ(read_file(path).error().code(), ErrorCode::kFileUnreadable);
  unlink(path.c_str());
  std::ofstream(path).close();
  EXPECT_NE(read_file(path).error().message().find(path), std::string::npos);
  unlink(path.c_str());
  rmdir(folder);
}

}  // namespace
}  // namespace rlx::safetensors
