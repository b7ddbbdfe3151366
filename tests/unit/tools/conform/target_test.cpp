// SPDX-License-Identifier: Apache-2.0
// Files that are no plugins, and damaged ones: one clear line each, never a step outside the file.
#include "tools/conform/controller/target.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tools/conform/shared/random.h"

namespace rlx::conform {
namespace {

namespace fs = std::filesystem;

std::string slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A file with these bytes, gone at the end.
class TempFile {
 public:
  explicit TempFile(const std::string& bytes) : path_(fs::temp_directory_path() / ("rlx-target-" + std::to_string(::getpid()))) {
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  ~TempFile() { fs::remove(path_); }
  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

void expect_problem(const std::string& bytes, const std::string& part) {
  const TempFile file(bytes);
  const Target target = inspect_target(file.path());
  EXPECT_NE(target.problem.find(part), std::string::npos) << target.problem;
}

TEST(Target, ReadsTheDescriptorOfAPlugin) {
  const Target target = inspect_target(RLX_TEST_CPU);
  EXPECT_EQ(target.problem, "");
  EXPECT_STREQ(target.descriptor.id, "org.rlx.cpu");
  EXPECT_EQ(target.build_id.size(), 40u);
}

TEST(Target, SaysWhatAFileIsInstead) {
  expect_problem("just text", "is no ELF file");
  expect_problem("", "is no ELF file");
  std::string other = slurp(RLX_TEST_CPU);
  other[18] = static_cast<char>(0x28);  // e_machine: ARM
  expect_problem(other, "is for another machine");
  std::string narrow = slurp(RLX_TEST_CPU);
  narrow[4] = 1;  // ELFCLASS32
  expect_problem(narrow, "64 bits");
  EXPECT_NE(inspect_target("/tmp").problem.find("is a directory"), std::string::npos);
  EXPECT_NE(inspect_target("/nonexistent").problem.find("No such file"), std::string::npos);
  EXPECT_NE(inspect_target("/dev/null").problem.find("no regular file"), std::string::npos);
  const std::string fakes = RLX_TEST_FAKES;
  EXPECT_NE(inspect_target(fakes + "/no_descriptor/no_descriptor.so").problem.find("no descriptor note"), std::string::npos);
  EXPECT_NE(inspect_target(fakes + "/two_descriptors/two_descriptors.so").problem.find("2 descriptor notes"), std::string::npos);
  EXPECT_NE(inspect_target(fakes + "/too_new/too_new.so").problem.find("another ABI"), std::string::npos);
}

TEST(Target, SurvivesCutAndDamagedFiles) {
  const std::string whole = slurp(std::string(RLX_TEST_FAKES) + "/good/good.so");
  for (std::size_t size = 0; size < 1200; size += 7) {
    const TempFile file(whole.substr(0, size));
    EXPECT_NE(inspect_target(file.path()).problem, "") << size;
  }
  Random random(11);
  for (int round = 0; round < 400; ++round) {
    std::string damaged = whole;
    for (int i = 0; i < 8; ++i) damaged[random.below(1024)] = static_cast<char>(random.next());
    const TempFile file(damaged);
    inspect_target(file.path());
  }
}

}  // namespace
}  // namespace rlx::conform
