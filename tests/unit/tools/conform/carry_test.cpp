// SPDX-License-Identifier: Apache-2.0
// The stream and the folders of cases that run elsewhere: whole in any portions, and no trust in the other end.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "tools/conform/carry/stream.h"
#include "tools/conform/carry/tree.h"

namespace rlx::conform {
namespace {

std::string stream_of(const std::vector<CarriedRecord>& records) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  for (const CarriedRecord& record : records) EXPECT_TRUE(send(ends[1], record.kind, record.bytes));
  ::close(ends[1]);
  std::string all;
  char part[4096];
  for (ssize_t count = 0; (count = ::read(ends[0], part, sizeof part)) > 0;) all.append(part, static_cast<std::size_t>(count));
  ::close(ends[0]);
  return all;
}

TEST(CarriedStream, IsWholeInAnyPortions) {
  const std::vector<CarriedRecord> sent = {{Carried::kRequest, "a"}, {Carried::kGo, ""}, {Carried::kCaseFile, std::string("x\0\1\2", 4)}};
  const std::string bytes = stream_of(sent);
  for (std::size_t portion : {1u, 3u, 16u, 1000u}) {
    CarriedReader reader;
    std::vector<CarriedRecord> seen;
    for (std::size_t at = 0; at < bytes.size(); at += portion) {
      reader.feed(bytes.data() + at, std::min(portion, bytes.size() - at));
      while (const auto record = reader.next()) seen.push_back(*record);
    }
    ASSERT_EQ(seen.size(), sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) EXPECT_TRUE(seen[i].kind == sent[i].kind && seen[i].bytes == sent[i].bytes) << i;
    EXPECT_FALSE(reader.damaged());
  }
  EXPECT_EQ(named_bytes(sent[2].bytes), std::make_pair(std::string("x"), std::string("\1\2")));
}

TEST(CarriedStream, TakesNothingElse) {
  std::string bytes = stream_of({{Carried::kGo, ""}});
  for (const std::size_t at : {0u, 4u, 15u}) {
    std::string bad = bytes;
    bad[at] = '\x7f';
    CarriedReader reader;
    reader.feed(bad.data(), bad.size());
    EXPECT_FALSE(reader.next()) << at;
    EXPECT_TRUE(reader.damaged()) << at;
  }
  CarriedReader reader;
  reader.feed("Permission denied (publickey).", 30);
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.damaged());
}

TEST(CarriedTree, LeavesNoFolderAndFollowsNoLink) {
  std::string folder = (std::filesystem::temp_directory_path() / "rlx-tree.XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  EXPECT_TRUE(write_below(folder, "in0", "a"));
  EXPECT_TRUE(write_below(folder, "images/b", "bb"));
  EXPECT_TRUE(write_below(folder, "case7/c", "ccc"));
  for (const char* path : {"../x", "/tmp/rlx-tree-x", "a/../../x", "", "."}) EXPECT_FALSE(write_below(folder, path, "x")) << path;
  std::filesystem::create_symlink("/etc/passwd", folder + "/link");
  const Tree all = {{"in0", "a"}, {"images/b", "bb"}, {"case7/c", "ccc"}}, some = {{"in0", "a"}, {"images/b", "bb"}};
  EXPECT_EQ(read_tree(folder, [](const std::string&) { return true; }), all);
  EXPECT_EQ(read_tree(folder, [](const std::string& name) { return name == "images"; }), some);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace rlx::conform
