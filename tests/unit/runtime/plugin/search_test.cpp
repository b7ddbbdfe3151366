// SPDX-License-Identifier: Apache-2.0
// Tiers, their order, what is never searched, and which files are not safe to look at.
#include <sys/stat.h>
#include <unistd.h>

#include "fakes.h"

namespace rlx::testing {
namespace {

class SearchPlugins : public ::testing::Test {
 protected:
  SearchPlugins() {
    environment_.user = ::geteuid();
    for (const char* tier : {"given", "listed", "core/rlx/plugins", "data/rlx/plugins"}) {
      fs::create_directories(folder_ / tier);
      spill(folder_ / tier / (std::string("in_") + tier[0] + ".so"), "x");
    }
    environment_.plugin_path =
        "relative:" + (folder_ / "listed").string() + "::" + (folder_ / "absent").string();
    environment_.core_folder = folder_ / "core";
    environment_.data_home = (folder_ / "data").string();
    options_.explicit_paths = {folder_ / "given"};
    options_.use_system_folders = false;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const FoundFile& file : search_plugins(options_, environment_).files)
      names.push_back(file.path.filename().string());
    return names;
  }
  std::string reason_of(const fs::path& path) const {
    for (const SearchPlace& place : search_plugins(options_, environment_).places)
      if (place.path == path) return place.searched ? "searched" : place.reason;
    return "not there";
  }
  std::string refusal_of(const fs::path& name) const {
    for (const FoundFile& file : search_plugins(options_, environment_).files)
      if (file.path.filename() == name) return file.refusal;
    return "not found";
  }
  TempFolder folder_;
  SearchEnvironment environment_;
  SearchOptions options_;
};

TEST_F(SearchPlugins, GoesThroughTheTiersInOrder) {
  EXPECT_EQ(names(), (std::vector<std::string>{"in_g.so", "in_l.so", "in_c.so", "in_d.so"}));
  const auto files = search_plugins(options_, environment_).files;
  EXPECT_EQ(files[0].tier, SearchTier::kExplicit);
  EXPECT_EQ(files[1].tier, SearchTier::kEnvironment);
  EXPECT_EQ(files[2].tier, SearchTier::kBesideCore);
  EXPECT_EQ(files[3].tier, SearchTier::kUser);
}

TEST_F(SearchPlugins, SortsAFolderByNameAndTakesLibrariesOnly) {
  for (const char* name : {"b.so", "a.so", "a.txt", "c.so.bak", "B.so"}) spill(folder_ / "given" / name, "x");
  options_.use_environment = options_.use_core_folder = options_.use_user_folder = false;
  EXPECT_EQ(names(), (std::vector<std::string>{"B.so", "a.so", "b.so", "in_g.so"}));
}

TEST_F(SearchPlugins, ElevatedProcessesIgnoreEnvironmentAndUser) {
  environment_.elevated = true;
  EXPECT_EQ(names(), (std::vector<std::string>{"in_g.so", "in_c.so"}));
  EXPECT_HAS(reason_of(folder_ / "data/rlx/plugins"), "elevated");
  EXPECT_TRUE(user_cache_folder(environment_).empty());
}

TEST_F(SearchPlugins, NeverTakesBareNamesOrRelativeListEntries) {
  options_.explicit_paths = {"libm.so.6"};
  EXPECT_HAS(reason_of("libm.so.6"), "a bare name is never searched");
  EXPECT_HAS(reason_of("relative"), "not a full path");
  EXPECT_HAS(reason_of(folder_ / "absent"), "No such file");
}

TEST_F(SearchPlugins, ListsMayNameFiles) {
  environment_.plugin_path = (folder_ / "listed/in_l.so").string();
  EXPECT_EQ(names(), (std::vector<std::string>{"in_g.so", "in_l.so", "in_c.so", "in_d.so"}));
}

TEST_F(SearchPlugins, AnAbsentPathIsAPlaceThatWasNotSearched) {
  options_.explicit_paths = {folder_ / "nothing/here.so"};
  EXPECT_HAS(reason_of(folder_ / "nothing/here.so"), "No such file");
}

TEST_F(SearchPlugins, FindsAFileOnce) {
  fs::create_symlink(folder_ / "given/in_g.so", folder_ / "listed/link.so");
  options_.explicit_paths.push_back(folder_ / "given/in_g.so");
  EXPECT_EQ(names().size(), 4u);
}

TEST_F(SearchPlugins, RefusesWhatOthersMayWrite) {
  ::chmod((folder_ / "given/in_g.so").c_str(), 0666);
  EXPECT_HAS(refusal_of("in_g.so"),
             "others may write `" + fs::canonical(folder_ / "given/in_g.so").string() + "` (mode 666)");
  ::chmod((folder_ / "listed").c_str(), 0777);
  EXPECT_HAS(refusal_of("in_l.so"), "others may write");
  ::chmod((folder_ / "listed").c_str(), 01777);
  EXPECT_EQ(refusal_of("in_l.so"), "") << "the sticky bit keeps others from replacing it";
}

TEST_F(SearchPlugins, RefusesFilesOfOtherUsers) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  ASSERT_EQ(::chown((folder_ / "given/in_g.so").c_str(), 12345, 0), 0);
  EXPECT_HAS(refusal_of("in_g.so"), "belongs to user 12345");
}

TEST_F(SearchPlugins, SeesThroughLinksToUnsafeFolders) {
  fs::create_directory(folder_ / "open");
  spill(folder_ / "open/target.so", "x");
  ::chmod((folder_ / "open").c_str(), 0777);
  fs::create_symlink(folder_ / "open/target.so", folder_ / "given/link.so");
  EXPECT_HAS(refusal_of("target.so"), "others may write");
}

TEST_F(SearchPlugins, UserFoldersFollowXdg) {
  environment_.data_home.reset();
  environment_.home = (folder_ / "home").string();
  EXPECT_EQ(reason_of(folder_ / "home/.local/share/rlx/plugins"), "No such file or directory");
  EXPECT_EQ(user_cache_folder(environment_), folder_ / "home/.cache/rlx");
  environment_.cache_home = "not/absolute";
  EXPECT_EQ(user_cache_folder(environment_), folder_ / "home/.cache/rlx");
  environment_.cache_home = "/c";
  EXPECT_EQ(user_cache_folder(environment_), "/c/rlx");
}

TEST(Glob, MatchesWholeTexts) {
  EXPECT_TRUE(glob_matches("org.*", "org.example.x"));
  EXPECT_TRUE(glob_matches("*.x", "org.example.x"));
  EXPECT_TRUE(glob_matches("o?g.*.x*", "org.example.x"));
  EXPECT_TRUE(glob_matches("*", ""));
  EXPECT_FALSE(glob_matches("org", "org.example"));
  EXPECT_FALSE(glob_matches("?", ""));
  EXPECT_FALSE(glob_matches("*a*b", "xaxbx"));
}

}  // namespace
}  // namespace rlx::testing
