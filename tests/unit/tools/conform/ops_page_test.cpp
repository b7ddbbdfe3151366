// SPDX-License-Identifier: Apache-2.0
// docs/ops.md says of every op what was tested of it.
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "runtime/ir/op.h"

namespace rlx::conform {
namespace {

TEST(OpsPage, SaysOfEveryOpWhatWasTested) {
  std::ifstream file(RLX_TEST_DOCS "/ops.md");
  const std::string page(std::istreambuf_iterator<char>(file), {});
  const std::size_t begin = page.find("\n## What was tested\n");
  ASSERT_NE(begin, std::string::npos);
  std::size_t ops = 0;
  for (std::uint32_t opcode = 0; opcode < 4096; ++opcode) {
    const std::string name(op_name(opcode));
    if (name.empty()) continue;
    ++ops;
    EXPECT_NE(page.find("\n| `" + name + "` |", begin), std::string::npos) << name;
  }
  EXPECT_GT(ops, 40u);
}

}  // namespace
}  // namespace rlx::conform
