// SPDX-License-Identifier: Apache-2.0
// Passes by text: tests/golden/compile/PASS.CASE.in.ir becomes PASS.CASE.out.ir. RLX_WRITE_GOLDEN=1 writes the latter
// anew; a person reads the difference.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "support.h"

namespace rlx::test {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> cases() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(RLX_GOLDEN_FOLDER)) {
    const std::string name = entry.path().filename().string();
    if (name.size() > 6 && name.ends_with(".in.ir")) names.push_back(name.substr(0, name.size() - 6));
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, PassGivesTheTextOnFile) {
  const fs::path folder = RLX_GOLDEN_FOLDER;
  const Graph before = read_graph(contents(folder / (GetParam() + ".in.ir")));
  const std::string seen = short_text(after_pass(before, GetParam().substr(0, GetParam().find('.'))));
  const fs::path wanted = folder / (GetParam() + ".out.ir");
  if (std::getenv("RLX_WRITE_GOLDEN")) std::ofstream(wanted) << seen;
  EXPECT_EQ(seen, contents(wanted));
}

INSTANTIATE_TEST_SUITE_P(Passes, Golden, testing::ValuesIn(cases()), [](const auto& one) {
  std::string name = one.param;
  std::replace_if(name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
});

TEST(Golden, EveryPassHasAPair) {
  const std::vector<std::string> names = cases();
  for (const Pass& pass : passes()) {
    const std::string start = std::string(pass.name) + ".";
    EXPECT_TRUE(std::any_of(names.begin(), names.end(), [&](const std::string& name) { return name.starts_with(start); }))
        << pass.name;
  }
}

}  // namespace
}  // namespace rlx::test
