// SPDX-License-Identifier: Apache-2.0
// Certificates: what is written is read again, of another file or after damage nothing is believed.
#include "runtime/base/certificate.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace rlx {
namespace {

Bytes bytes_of(const std::string& text) { return std::as_bytes(std::span(text.data(), text.size())); }

Certificate sample(const std::string& of = "the plugin") {
  Certificate out;
  out.file_hash = certificate_hash(bytes_of(of));
  out.level = 4;
  out.checked_to = 5;
  out.waivers = {"one", "two"};
  out.profile = "full";
  out.seeds = {"1", "77"};
  out.plugin = "org.x";
  out.device = "cpu: a name\nlevel: 6";
  out.tool = "tool 1";
  out.date = "2026-06-01";
  return out;
}

/// A plugin's file and perhaps a certificate in a folder that vanishes.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "rlx-test-XXXXXX").string();
    path_ = mkdtemp(name.data());
    put("plugin.so", "the plugin");
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  void put(const std::string& name, const std::string& text) const { std::ofstream(path_ / name, std::ios::binary) << text; }
  Certified look() const { return certified(path_ / "plugin.so"); }

 private:
  std::filesystem::path path_;
};

TEST(Certificate, IsReadAsItWasWritten) {
  const auto read = parse_certificate(certificate_text(sample()));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->file_hash, sample().file_hash);
  EXPECT_EQ(read->level, 4);
  EXPECT_EQ(read->checked_to, 5);
  EXPECT_EQ(read->waivers, sample().waivers);
  EXPECT_EQ(read->seeds, sample().seeds);
  EXPECT_EQ(read->device, "cpu: a name level: 6");
  EXPECT_EQ(read->tool, "tool 1");
}

TEST(Certificate, IsNotBelievedAfterAnyChange) {
  const std::string text = certificate_text(sample());
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(parse_certificate(changed)) << i;
    EXPECT_FALSE(parse_certificate(std::string_view(text).substr(0, i))) << i;
  }
  EXPECT_FALSE(parse_certificate(text + "x"));
}

TEST(Certificate, HoldsNoLevelThatThereIsNot) {
  for (const int level : {-1, 7, 1000}) {
    Certificate wrong = sample();
    wrong.level = level;
    EXPECT_FALSE(parse_certificate(certificate_text(wrong))) << level;
  }
  Certificate nameless = sample();
  nameless.file_hash.clear();
  EXPECT_FALSE(parse_certificate(certificate_text(nameless)));
}

TEST(Certificate, IsForOneFileAlone) {
  const Folder folder;
  EXPECT_EQ(folder.look().text(), "uncertified");
  folder.put("plugin.so.rlxcert", certificate_text(sample()));
  EXPECT_EQ(folder.look().text(), "level 4, 2 waivers");
  EXPECT_EQ(folder.look().level(), 4);
  folder.put("plugin.so", "another one");
  EXPECT_EQ(folder.look().text(), "certificate is for another file");
  EXPECT_EQ(folder.look().level(), 0);
  folder.put("plugin.so.rlxcert", "level: 6\n");
  EXPECT_EQ(folder.look().state, Certified::State::kDamaged);
  folder.put("plugin.so.rlxcert", std::string(1 << 20, 'x'));
  EXPECT_NE(folder.look().text().find("longer than"), std::string::npos) << folder.look().text();
  EXPECT_EQ(folder.look().level(), 0);
}

}  // namespace
}  // namespace rlx
