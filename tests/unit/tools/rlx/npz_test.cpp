// SPDX-License-Identifier: Apache-2.0
// Archives of arrays: what is written is read back, and one that was cut off or lies is refused with file, array and sizes.
#include "tools/rlx/npz.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zip.h>

#include <cstdint>
#include <filesystem>
#include <fstream>

namespace rlx_tool {
namespace {

class Npz : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  void put(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }
  /// An archive with `bytes` as its one array.
  void pack(const std::string& bytes) {
    std::filesystem::remove(path_);
    zip_t* const archive = zip_open(path_.c_str(), ZIP_CREATE, nullptr);
    ASSERT_NE(archive, nullptr);
    ASSERT_GE(zip_file_add(archive, "x.npy", zip_source_buffer(archive, bytes.data(), bytes.size(), 0), 0), 0);
    ASSERT_EQ(zip_close(archive), 0);
  }
  std::string said() const {
    const auto read = read_npz(path_);
    if (read) return "read";
    EXPECT_EQ(read.error().code(), rlx::ErrorCode::kFileDamaged);
    EXPECT_NE(read.error().message().find('`' + path_ + '`'), std::string::npos) << read.error().message();
    return read.error().message();
  }
  void expect_said(const std::string& part) const { EXPECT_NE(said().find(part), std::string::npos) << said(); }

  const std::string path_ = (std::filesystem::temp_directory_path() / ("rlx_npz_" + std::to_string(::getpid()) + ".npz")).string();
};

/// One .npy array: i64[2], 80 bytes of header and 16 of data.
std::string array() {
  std::string header = "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }";
  header.resize(69, ' ');
  header += '\n';
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header + std::string(16, '\1');
}

TEST_F(Npz, ReadsWhatItWrites) {
  const std::vector<std::int64_t> values = {1, -2, 3};
  ASSERT_TRUE(write_npz(path_, {{"a", rlx::Tensor::of({3}, values)}}));
  const auto read = read_npz(path_);
  ASSERT_TRUE(read) << read.error().message();
  ASSERT_EQ(read->size(), 1u);
  EXPECT_EQ((*read)[0].name, "a");
  EXPECT_EQ(std::vector<std::int64_t>((*read)[0].tensor.i64().begin(), (*read)[0].tensor.i64().end()), values);
}

TEST_F(Npz, OfAnArrayThatWasCutOffTheSizesAreNamed) {
  const std::string whole = array();
  pack(whole);
  ASSERT_EQ(said(), "read");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    pack(whole.substr(0, size));
    if (size < 6) expect_said("array `x`: its " + std::to_string(size) + " bytes do not begin as a .npy array does");
    else if (size < 10) expect_said("array `x`: has " + std::to_string(size) + " bytes, a .npy array has at least 10");
    else if (size < 80) expect_said("array `x`: has " + std::to_string(size) + " bytes, its header alone needs 80");
    else expect_said("array `x`: has " + std::to_string(size - 80) + " bytes of data, its shape needs 16");
  }
}

TEST_F(Npz, OfAnArchiveThatWasCutOffTheSizeIsNamed) {
  pack(array());
  std::ifstream file(path_, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(file), {}};
  put(whole.substr(0, whole.size() / 2));
  expect_said("is cut short or damaged: its " + std::to_string(whole.size() / 2) + " bytes begin as an .npz archive does");
  put("no archive");
  expect_said("is no .npz archive: its 10 bytes do not begin as one");
  put("");
  expect_said("is empty");
}

}  // namespace
}  // namespace rlx_tool
