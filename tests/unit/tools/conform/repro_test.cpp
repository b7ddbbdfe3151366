// SPDX-License-Identifier: Apache-2.0
// The program that a failing case leaves behind: it compiles against the plugin headers alone, passes on a right plugin and
// fails on one that answers zeros.
#include "tools/conform/controller/repro.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>

#include "tools/conform/numeric/expected.h"
#include "tools/conform/numeric/graph_maker.h"
#include "tools/conform/numeric/op_cases.h"

namespace rlx::conform {
namespace {

struct Folder {
  Folder() : path((std::filesystem::temp_directory_path() / "rlx-repro-XXXXXX").string()) { EXPECT_NE(::mkdtemp(path.data()), nullptr); }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path;
};

int run(const std::string& command) {
  const int status = std::system((command + " >/dev/null 2>&1").c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Exit status of the case's program on a plugin.
int outcome(const std::string& folder, const std::string& plugin) { return run(folder + "/repro " + plugin); }

bool build(const std::string& folder, const NumericCase& made) {
  Outcome failed;
  failed.check = "GRF-01";
  failed.key = "a */ case \\";
  const auto written = write_repro(folder, made, failed, "rlx conform x.so --replay y");
  EXPECT_TRUE(written) << written.error().message();
  return run("cc -std=c11 -Wall -Wextra -Werror -I " RLX_TEST_HEADERS " " + folder + "/repro.c -o " + folder + "/repro -ldl -lm") == 0;
}

TEST(Repro, TellsARightPluginFromOneThatAnswersZeros) {
  for (const OpCase& each : all_op_cases()) {
    if (each.name != "binary.add/f32/3x67_3x67") continue;
    const Folder folder;
    ASSERT_TRUE(build(folder.path, *make_op_case(each, Data::kExact, 1)));
    EXPECT_EQ(outcome(folder.path, RLX_TEST_CPU), 0);
    EXPECT_EQ(outcome(folder.path, RLX_TEST_CANARY), 1);
    EXPECT_EQ(outcome(folder.path, "/nowhere.so"), 2);
    EXPECT_GT(std::filesystem::file_size(folder.path + "/repro.lir"), 0u);
    EXPECT_GT(std::filesystem::file_size(folder.path + "/repro.json"), 0u);
    return;
  }
  FAIL() << "the case has another name now";
}

TEST(Repro, RunsModelsWithWeightsMasksAndPlans) {
  for (const char* name : {"encoder", "vision"}) {
    RandomGraph graph = *model_slice(name, 2);
    graph.module.plan = random_plan(graph.module, PlanStyle::kManyArenas, 2);
    const Folder folder;
    ASSERT_TRUE(build(folder.path, *case_of_graph(graph, false))) << name;
    EXPECT_EQ(outcome(folder.path, RLX_TEST_CPU), 0) << name;
  }
}

TEST(Repro, SaysWhereItCannotWrite) {
  const auto made = case_of_graph(*model_slice("vision", 2), false);
  const auto written = write_repro("/proc/nowhere", *made, {}, "");
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().message().find("/proc/nowhere"), std::string::npos);
}

}  // namespace
}  // namespace rlx::conform
