// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/controller/options.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace rlx::conform {
namespace {

TEST(ConformOptions, AreReadInBothSpellings) {
  const Options options = parse_options({"p.so", "--profile", "ci", "--seed=9", "--filter", "ABI", "--filter=LIF-01", "--level", "2", "-v"});
  EXPECT_EQ(options.problem, "");
  EXPECT_EQ(options.plugin, "p.so");
  EXPECT_EQ(options.profile, "ci");
  EXPECT_EQ(options.seed, 9u);
  EXPECT_EQ(options.filters, (std::vector<std::string>{"ABI", "LIF-01"}));
  EXPECT_EQ(options.level, 2);
  EXPECT_TRUE(options.verbose);
}

TEST(ConformOptions, RefuseWhatTheyDoNotKnow) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {}, {"a.so", "b.so"}, {"a.so", "--nothing"}, {"a.so", "--seed"}, {"a.so", "--seed", "x"}, {"a.so", "--seed", "-1"},
           {"a.so", "--level", "0"}, {"a.so", "--level", "7"}, {"a.so", "--profile", "slow"}, {"a.so", "--filter", ""}, {"a.so", "--jobs", "0"}})
    EXPECT_NE(parse_options(arguments).problem, "") << (arguments.empty() ? "" : arguments.back());
}

TEST(ConformOptions, RefuseReportsThatWouldOverwriteWhatIsReadOrCannotBeWritten) {
  const std::string here = (std::filesystem::temp_directory_path() / ("rlx-options-" + std::to_string(::getpid()))).string();
  std::filesystem::create_directory(here);
  std::ofstream(here + "/p.so") << "x";
  std::filesystem::create_hard_link(here + "/p.so", here + "/q.so");
  for (const char* option : {"--json", "--html", "--junit", "--certify", "--bundle"}) {
    const auto problem = [&](const std::string& path) { return parse_options({here + "/p.so", std::string(option) + "=" + path}).problem; };
    EXPECT_NE(problem(here + "/p.so").find("would overwrite"), std::string::npos) << option;
    EXPECT_NE(problem(here + "/q.so").find("would overwrite"), std::string::npos) << option;
    EXPECT_NE(problem("/nonexistent/r").find("No such file"), std::string::npos) << option;
    EXPECT_NE(problem(here).find("is a folder"), std::string::npos) << option;
    EXPECT_EQ(problem(here + "/r"), "") << option;
  }
  std::filesystem::remove_all(here);
}

TEST(ConformOptions, NeedNoPluginForHelpAndList) {
  EXPECT_EQ(parse_options({"--help"}).problem, "");
  EXPECT_EQ(parse_options({"--list"}).problem, "");
}

TEST(ConformOptions, CertifyMoreThanTheySay) {
  const Options profile = parse_options({"p.so", "--profile", "certify"});
  EXPECT_EQ(profile.profile, "full");
  EXPECT_EQ(profile.bundle, kBesidePlugin);
  EXPECT_EQ(profile.certify, kBesidePlugin);
  EXPECT_EQ(parse_options({"p.so", "--bundle=b.zip"}).certify, kBesidePlugin);
  EXPECT_EQ(parse_options({"p.so", "--bundle=b.zip", "--certify=c"}).certify, "c");
  EXPECT_EQ(parse_options({"--verify-bundle", "b.zip"}).problem, "");
}

TEST(ConformOptions, LinesOfTheHelpAreOfOneWidth) {
  const std::string text = usage_text();
  for (std::size_t begin = 0, end; begin < text.size(); begin = end + 1) {
    end = std::min(text.find('\n', begin), text.size());
    EXPECT_LE(end - begin, 122u) << text.substr(begin, end - begin);
  }
}

TEST(Glob, TakesNamesOfGroupsAndChecks) {
  EXPECT_TRUE(glob_match("ABI", "ABI-03/all"));
  EXPECT_TRUE(glob_match("ABI-03", "ABI-03/rlx_open_in:3"));
  EXPECT_FALSE(glob_match("ABI-0", "ABI-03/all"));
  EXPECT_FALSE(glob_match("AB", "ABI-03/all"));
  EXPECT_TRUE(glob_match("*open*", "ABI-03/rlx_open_in"));
  EXPECT_TRUE(glob_match("ABI-0?/*", "ABI-03/x"));
  EXPECT_FALSE(glob_match("ABI-0?/x", "ABI-03/xy"));
  EXPECT_TRUE(glob_match("*", "anything/at/all"));
  EXPECT_TRUE(glob_match("a*b*c", "aXbYbZc"));
  EXPECT_FALSE(glob_match("a*b*c", "aXbYbZ"));
}

TEST(Replay, CarriesASeedOrNone) {
  EXPECT_EQ(parse_replay("LIF-01/all:42").id, "LIF-01/all");
  EXPECT_EQ(parse_replay("LIF-01/all:42").seed, 42u);
  EXPECT_FALSE(parse_replay("LIF-01/all").has_seed);
}

}  // namespace
}  // namespace rlx::conform
