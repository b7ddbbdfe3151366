// SPDX-License-Identifier: Apache-2.0
// Reading descriptors: every field's rules, and files whose offsets lie.
#include <elf.h>

#include <cstring>
#include <functional>
#include <random>

#include "fakes.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace rlx::testing {
namespace {

rlx_descriptor good_descriptor() {
  rlx_descriptor raw{};
  const auto file = read_plugin_file(fake("good"));
  EXPECT_TRUE(file) << file.error().to_string();
  std::memcpy(&raw, file->descriptor.bytes.data(), sizeof raw);
  return raw;
}

/// Fills a field of text.
template <std::size_t N>
void put(char (&field)[N], const char* text) {
  std::memset(field, 0, N);
  std::strncpy(field, text, N - 1);
}

std::string refusal(const std::function<void(rlx_descriptor&)>& change) {
  rlx_descriptor raw = good_descriptor();
  change(raw);
  const auto parsed = parse_descriptor(std::as_bytes(std::span(&raw, 1)));
  return parsed ? "accepted" : parsed.error().message();
}

TEST(Descriptor, OfAGoodFileIsReadWhole) {
  const auto file = read_plugin_file(fake("good"));
  ASSERT_TRUE(file) << file.error().to_string();
  const Descriptor& descriptor = file->descriptor;
  EXPECT_EQ(descriptor.id, "org.example.fake");
  EXPECT_EQ(descriptor.name, "A fake");
  EXPECT_EQ(descriptor.version, "1.2.3");
  EXPECT_EQ(descriptor.kinds, std::vector<std::string>{"fake"});
  EXPECT_TRUE(descriptor.sonames.empty());
  EXPECT_EQ(descriptor.abi_minor_max, 1u);
  EXPECT_EQ(file->build_id.size(), 40u);
  EXPECT_EQ(file->identity, file->build_id);
  EXPECT_EQ(refusal([](rlx_descriptor&) {}), "accepted");
}

TEST(Descriptor, RefusesEveryBrokenField) {
  EXPECT_HAS(refusal([](auto& raw) { raw.magic[0] = 'X'; }), "magic");
  EXPECT_HAS(refusal([](auto& raw) { raw.size = 767; }), "size field is 767, wanted 768");
  EXPECT_HAS(refusal([](auto& raw) { raw.descriptor_version = 2; }), "version field is 2, wanted 1");
  EXPECT_HAS(refusal([](auto& raw) { std::memset(raw.name, 'n', sizeof raw.name); }),
             "name is not NUL-terminated within its 64 bytes");
  EXPECT_HAS(refusal([](auto& raw) { raw.name[60] = 'x'; }), "name has bytes after its end");
  EXPECT_HAS(refusal([](auto& raw) { put(raw.name, "\x1b[31mred"); }), "name is not printable UTF-8");
  EXPECT_HAS(refusal([](auto& raw) { put(raw.vendor, "\xC0\x80"); }), "vendor is not printable UTF-8");
  EXPECT_HAS(refusal([](auto& raw) { put(raw.vendor, "\xED\xA0\x80"); }), "vendor is not printable UTF-8");
  EXPECT_HAS(refusal([](auto& raw) { put(raw.vendor, "cut \xE2\x82"); }), "vendor is not printable UTF-8");
  EXPECT_EQ(refusal([](auto& raw) { put(raw.vendor, "Größe €"); }), "accepted");
  EXPECT_HAS(refusal([](auto& raw) { std::memset(raw.id, 0, sizeof raw.id); }),
             "id is ``, wanted reverse DNS");
  EXPECT_HAS(refusal([](auto& raw) { raw.id[3] = '/'; }), "id is `org/example.fake`");
  EXPECT_HAS(refusal([](auto& raw) { put(raw.version, "v1"); }), "version is `v1`");
  EXPECT_HAS(refusal([](auto& raw) { raw.kind_count = 0; }), "kind_count is 0, wanted 1 to 8");
  EXPECT_HAS(refusal([](auto& raw) { raw.kind_count = 9; }), "kind_count is 9");
  EXPECT_HAS(refusal([](auto& raw) { raw.kind_count = 2; }), "kind 1 is ``");
  EXPECT_HAS(refusal([](auto& raw) { put(raw.kinds[5], "more"); }), "kind 5 is set, kind_count is 1");
  EXPECT_HAS(refusal([](auto& raw) { put(raw.kinds[0], "Fake"); }), "kind 0 is `Fake`");
  EXPECT_HAS(refusal([](auto& raw) { raw.kind_count = 2, put(raw.kinds[1], "fake"); }),
             "kind `fake` is there twice");
  EXPECT_HAS(refusal([](auto& raw) { put(raw.sonames[0], "/tmp/x.so"); }), "soname `/tmp/x.so` has a folder");
  EXPECT_HAS(refusal([](auto& raw) { raw.abi_minor_min = 4; }), "ABI minors run from 4 down to 1");
  EXPECT_HAS(refusal([](auto& raw) { raw.lir_version_max = 0; }), "LIR versions run from 1 to 0");
  EXPECT_HAS(refusal([](auto& raw) { raw.sanitizer = 4; }), "sanitizer is 4");
  EXPECT_HAS(refusal([](auto& raw) { raw.reserved[95] = 1; }), "reserved bytes are not zero");
}

TEST(Descriptor, CompatibilityNamesBothSides) {
  Descriptor plugin = read_plugin_file(fake("good"))->descriptor;
  plugin.lir_version_min = 3;
  plugin.lir_version_max = 5;
  EXPECT_HAS(check_compatible(plugin).error().message(), "LIR version 3 to 5, this runtime 1");
  EXPECT_EQ(check_compatible(plugin).error().code(), ErrorCode::kPluginVersion);
  plugin.lir_version_min = 1;
  EXPECT_TRUE(check_compatible(plugin));
  plugin.cpu_features[1] = 1;
  EXPECT_HAS(check_compatible(plugin).error().message(), "word 1: 1");
}

TEST(Descriptor, WithoutABuildIdTheFileIsHashed) {
  const TempFolder folder;
  std::string bytes = slurp(fake("good"));
  const std::size_t owner = bytes.find(std::string("GNU\0", 4) + '\0');
  const std::size_t id = bytes.find(std::string("\x14\0\0\0\x03\0\0\0GNU\0", 12));
  ASSERT_NE(id, bytes.npos) << owner;
  bytes[id + 4] = 9;  // a note of another type
  spill(folder / "x.so", bytes);
  const auto file = read_plugin_file(folder / "x.so");
  ASSERT_TRUE(file) << file.error().to_string();
  EXPECT_TRUE(file->build_id.empty());
  EXPECT_EQ(file->identity.substr(0, 5), "xxh3-");
  EXPECT_EQ(file->identity.size(), 37u);
}

/// The first 4 KiB hold all headers and notes that matter; whatever is written there, nothing is read
/// outside.
TEST(Descriptor, SurvivesRandomDamage) {
  const std::string whole = slurp(fake("good"));
  std::mt19937 random(20240611);
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = whole.substr(0, round % 3 ? whole.size() : random() % whole.size());
    std::vector<char> exact(bytes.begin(),
                            bytes.end());  // no byte more, so that a sanitizer sees the first outside
    for (unsigned i = 0; i < 1 + random() % 8 && !exact.empty(); ++i)
      exact[random() % std::min<std::size_t>(exact.size(), 4096)] = static_cast<char>(random());
    const auto notes = find_notes(std::as_bytes(std::span(exact)));
    if (!notes || !parse_descriptor(notes->descriptor)) ++refused;
  }
  EXPECT_GT(refused, 1000);
}

TEST(Descriptor, FuzzingSeedsAreWhatTheirNamesSay) {
  const auto seed = [](const char* name) { return slurp(fs::path(RLX_TEST_CORPUS) / name); };
  const auto read = [&](const char* name) {
    const std::string bytes = seed(name);
    EXPECT_EQ(LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()), 0);
    const auto notes = find_notes(std::as_bytes(std::span(bytes)));
    return notes ? "build id " + notes->build_id : notes.error().message();
  };
#if defined(__x86_64__)
  EXPECT_EQ(read("good"), "build id 000102030405060708090a0b0c0d0e0f10111213");
  EXPECT_EQ(read("align8"), "build id ");
  EXPECT_HAS(read("two"), "two plugin descriptors");
  EXPECT_HAS(read("none"), "no plugin descriptor");
  EXPECT_HAS(read("executable"), "no shared library");
#endif
  EXPECT_HAS(read("text"), "no ELF file");
  const std::string bare = seed("bare"), wrong = seed("wrong_kind");
  EXPECT_TRUE(parse_descriptor(std::as_bytes(std::span(bare))));
  EXPECT_FALSE(parse_descriptor(std::as_bytes(std::span(wrong))));
}

TEST(Descriptor, ProgramHeadersThatWrapAreRefused) {
  std::string bytes = slurp(fake("good"));
  const auto set = [&](std::size_t at, std::uint64_t value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
  };
  set(offsetof(Elf64_Ehdr, e_phoff), ~std::uint64_t{0} - 8);
  EXPECT_HAS(find_notes(std::as_bytes(std::span(bytes))).error().message(), "truncated");
}

}  // namespace
}  // namespace rlx::testing
