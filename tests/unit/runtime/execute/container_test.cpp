// SPDX-License-Identifier: Apache-2.0
// The container: what is written reads back, and nothing else reads at all.
#include "runtime/execute/wire.h"
#include "tests/unit/runtime/execute/storage.h"

namespace rlx_test {
namespace {

using rlx::Bytes;
using rlx::Container;
using rlx::ContainerKind;

Blob blob(std::string_view text) {
  Blob bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

std::string text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

/// Three sections, the middle one of two pieces, the last one empty.
Blob sample(const Folder& folder) {
  const Blob one = blob("first"), two = blob("second"), three = blob("third, and longer than sixty-four bytes, so that it crosses a border of the file");
  const std::vector<rlx::SectionSource> sections = {{7, {one}}, {3, {two, three}}, {9, {}}};
  const auto written = rlx::write_container(folder / "sample", ContainerKind::kVariant, sections);
  EXPECT_TRUE(written) << written.error().to_string();
  Blob file = read_blob(folder / "sample");
  EXPECT_EQ(file.size(), rlx::container_bytes(sections));
  return file;
}

TEST(Container, ReadsWhatWasWritten) {
  const Folder folder;
  const Aligned file(sample(folder));
  const auto read = Container::parse(file.bytes(), ContainerKind::kVariant);
  ASSERT_TRUE(read) << read.error().sentence;
  EXPECT_TRUE(read->verify());
  EXPECT_EQ(text_of(*read->verified(7)), "first");
  const Bytes pieces = *read->verified(3);
  EXPECT_EQ(text_of(pieces.first(6)), "second");
  EXPECT_EQ(text_of(pieces.subspan(64, 5)), "third");
  EXPECT_EQ(read->find(3)->offset % 64, 0u);
  EXPECT_TRUE(read->verified(9)->empty());
  EXPECT_EQ(read->find(1), nullptr);
  EXPECT_EQ(read->verified(1).error().word, "missing");
  EXPECT_EQ(folder.files(), std::vector<std::string>{"sample"}) << "no temporary file is left";
}

TEST(Container, EveryFlippedBitIsSeen) {
  const Folder folder;
  const Blob good = sample(folder);
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Blob bad = good;
    bad[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    const Aligned file(bad);
    const auto read = Container::parse(file.bytes(), ContainerKind::kVariant);
    ASSERT_TRUE(!read || !read->verify()) << "bit " << bit;
  }
}

TEST(Container, EveryOtherLengthIsRefused) {
  const Folder folder;
  const Blob good = sample(folder);
  for (std::size_t size = 0; size < good.size() + 200; ++size) {
    if (size == good.size()) continue;
    Blob bad = good;
    bad.resize(size);
    const Aligned file(bad);
    const auto read = Container::parse(file.bytes(), ContainerKind::kVariant);
    ASSERT_FALSE(read) << size;
    EXPECT_TRUE(read.error().word == "short" || read.error().word == "magic" || read.error().word == "size") << read.error().word;
  }
}

TEST(Container, NamesWhatIsWrong) {
  const Folder folder;
  const Blob good = sample(folder);
  const auto word = [&](auto&& change, ContainerKind kind = ContainerKind::kVariant) {
    Blob bad = good;
    change(bad);
    sign(bad);
    const Aligned file(bad);
    const auto read = Container::parse(file.bytes(), kind);
    return read ? std::string("none") : read.error().word;
  };
  EXPECT_EQ(word([](Blob&) {}), "none");
  EXPECT_EQ(word([](Blob&) {}, ContainerKind::kPackage), "kind");
  EXPECT_EQ(word([](Blob& file) { file[0] = std::byte{'X'}; }), "magic");
  EXPECT_EQ(word([](Blob& file) { file[8] = std::byte{2}; }), "version");
  EXPECT_EQ(word([](Blob& file) { file[16] ^= std::byte{1}; }), "size");
  EXPECT_EQ(word([](Blob& file) { file[24] = std::byte{200}; }), "header");
  EXPECT_EQ(word([](Blob& file) { file[24] = std::byte{60}; }), "short");
  EXPECT_EQ(word([](Blob& file) { file[24] = std::byte{2}; }), "directory");
  EXPECT_EQ(word([](Blob& file) { file[30] = std::byte{1}; }), "header");
  EXPECT_EQ(word([](Blob& file) { file[64 + 4] = std::byte{1}; }), "directory");
  EXPECT_EQ(word([](Blob& file) { file[64 + 8] ^= std::byte{64}; }), "directory") << "another offset";
  EXPECT_EQ(word([](Blob& file) { file[64 + 23] = std::byte{255}; }), "directory") << "an absurd size";
  EXPECT_EQ(word([](Blob& file) { file[64 + 48] = std::byte{7}; }), "directory") << "a kind that occurs twice";
  EXPECT_EQ(word([](Blob& file) { file[64 + 16] = std::byte{6}; }), "none") << "a section may end anywhere before the next border";
  EXPECT_EQ(word([](Blob& file) { file[64 + 3 * 48] = std::byte{1}; }), "padding");
}

TEST(Container, RandomDamageNeverPasses) {
  const Folder folder;
  const Blob good = sample(folder);
  std::mt19937_64 random(11);
  int unread = 0;
  for (int i = 0; i < 10000; ++i) {
    Blob bad = good;
    const std::string what = damage(bad, random);
    const Aligned file(bad);
    const auto read = Container::parse(file.bytes(), ContainerKind::kVariant);
    unread += !read || !read->verify();
    ASSERT_TRUE(read || !read.error().sentence.empty());
    for (const auto& section : read ? read->sections() : std::span<const rlx::ContainerSection>())
      ASSERT_TRUE(section.offset + section.bytes.size() <= bad.size()) << what;
  }
  EXPECT_GT(unread, 8000);
}

TEST(Wire, ReaderStopsAtTheEnd) {
  rlx::ByteWriter out;
  out.number(std::uint32_t{3});
  out.text("name");
  rlx::ByteReader in(out.bytes());
  EXPECT_EQ(in.number<std::uint32_t>(), 3u);
  EXPECT_EQ(in.text(), "name");
  EXPECT_TRUE(in.complete());
  EXPECT_EQ(in.number<std::uint64_t>(), 0u);
  EXPECT_FALSE(in.ok());
  rlx::ByteWriter lie;
  lie.number(std::uint32_t{0xFFFFFFFF});
  rlx::ByteReader liar(lie.bytes());
  EXPECT_EQ(liar.text(), "");
  EXPECT_FALSE(liar.ok());
  rlx::ByteReader counter(lie.bytes());
  EXPECT_EQ(counter.count(8), 0u);
  EXPECT_FALSE(counter.ok());
}

}  // namespace
}  // namespace rlx_test
