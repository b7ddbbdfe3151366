// SPDX-License-Identifier: Apache-2.0
// The tokenizer against the reference's answers (needs the model's vocabulary from the cache), and against
// small and hostile vocabularies written here.
#include "examples/embed/tokenizer.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

namespace {

using rlx_embed::Tokenizer;
using Ids = std::vector<std::int64_t>;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// Where tools/fetch_model.sh puts the model; RLX_MODEL_DIR names another folder.
std::filesystem::path vocab_path() {
  if (const auto dir = variable("RLX_MODEL_DIR"); !dir.empty())
    return std::filesystem::path(dir) / "vocab.txt";
  std::filesystem::path root = variable("RLX_CACHE_DIR");
  if (root.empty() && !variable("XDG_CACHE_HOME").empty()) root = variable("XDG_CACHE_HOME") + "/rlx";
  if (root.empty()) root = variable("HOME") + "/.cache/rlx";
  return root / "models/all-MiniLM-L6-v2/vocab.txt";
}

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

struct Case {
  std::string name, text;
  std::size_t max_length;
  Ids ids;
};

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::vector<Case> fixture() {
  std::vector<Case> cases;
  const auto json = nlohmann::json::parse(read(RLX_FIXTURES "/tokenizer/cases.json"));
  for (const auto& row : json.at("cases")) {
    const bool is_hex = row.contains("hex");
    const std::string text = row.at(is_hex ? "hex" : "text");
    cases.push_back({row.at("name"), is_hex ? from_hex(text) : text, row.at("max_length"), row.at("ids")});
  }
  return cases;
}

/// The tests that need the real vocabulary. Without it they fail, unless RLX_ALLOW_NO_MODEL says that this is
/// known.
class TokenizerOfTheModel : public testing::Test {
 protected:
  void SetUp() override {
    if (std::filesystem::exists(vocab_path())) return;
    const auto message = "no " + vocab_path().string() + ": run tools/fetch_model.sh, or set RLX_MODEL_DIR";
    if (!variable("RLX_ALLOW_NO_MODEL").empty()) GTEST_SKIP() << message;
    FAIL() << message << ", or RLX_ALLOW_NO_MODEL=1 to skip";
  }
};

constexpr std::string_view kSmall = "[PAD]\n[UNK]\n[CLS]\n[SEP]\ncat\n##s\nthe\n,\n##at\nc\n";
enum : std::int64_t { kPad, kUnk, kCls, kSep, kCat, kS, kThe, kComma, kAt, kC };

Tokenizer small() {
  std::string error;
  auto tokenizer = Tokenizer::parse(kSmall, "small", error);
  EXPECT_TRUE(tokenizer) << error;
  return *tokenizer;
}

std::string error_of(std::string_view vocab) {
  std::string error;
  EXPECT_FALSE(Tokenizer::parse(vocab, "v.txt", error));
  return error;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST_F(TokenizerOfTheModel, GivesTheReferenceIdsForAllCases) {
  std::string error;
  const auto tokenizer = Tokenizer::load(vocab_path(), error);
  ASSERT_TRUE(tokenizer) << error;
  EXPECT_EQ(tokenizer->size(), 30522u);
  const auto cases = fixture();
  ASSERT_EQ(cases.size(), 200u);
  for (const Case& c : cases)
    EXPECT_EQ(tokenizer->encode(c.text, c.max_length), c.ids) << c.name << ": " << c.text;
}

TEST_F(TokenizerOfTheModel, OneChangedVocabularyLineChangesTheAnswer) {
  auto vocab = read(vocab_path());
  const auto at = vocab.find("\neating\n");
  ASSERT_NE(at, std::string::npos);
  std::string error;
  const auto before = Tokenizer::parse(vocab, "vocab.txt", error);
  vocab.replace(at, 8, "\neatin9\n");
  const auto after = Tokenizer::parse(vocab, "vocab.txt", error);
  ASSERT_TRUE(before && after) << error;
  EXPECT_NE(before->encode("A man is eating food."), after->encode("A man is eating food."));
  EXPECT_EQ(before->encode("A man has food."), after->encode("A man has food."));
  std::size_t changed = 0;
  for (const Case& c : fixture()) changed += after->encode(c.text, c.max_length) != c.ids;
  EXPECT_GE(changed, 2u);
}

TEST(Tokenizer, TakesTheLongestPieceFromTheLeft) {
  EXPECT_EQ(small().encode("the Cats, cat"), (Ids{kCls, kThe, kCat, kS, kComma, kCat, kSep}));
  EXPECT_EQ(small().encode("cs"), (Ids{kCls, kC, kS, kSep}));
}

TEST(Tokenizer, AWordWithAnUnknownPartIsUnknownWhole) {
  EXPECT_EQ(small().encode("cat cats9 cat"), (Ids{kCls, kCat, kUnk, kCat, kSep}));
}

TEST(Tokenizer, AWordOfMoreThan100CharactersIsUnknown) {
  EXPECT_EQ(small().encode("c" + std::string(99, 's')).size(), 102u);
  EXPECT_EQ(small().encode("c" + std::string(100, 's')), (Ids{kCls, kUnk, kSep}));
}

TEST(Tokenizer, CutsToMaxLengthAndKeepsTheEnd) {
  EXPECT_EQ(small().encode("the cat the cat", 4), (Ids{kCls, kThe, kCat, kSep}));
  EXPECT_EQ(small().encode("cats cats", 4), (Ids{kCls, kCat, kS, kSep}));
  EXPECT_EQ(small().encode("catss", 4), (Ids{kCls, kCat, kS, kSep}));
  for (std::size_t length : {0u, 1u, 2u}) EXPECT_EQ(small().encode("the cat", length), (Ids{kCls, kSep}));
}

TEST(Tokenizer, ASpelledOutSpecialTokenBecomesThatToken) {
  EXPECT_EQ(small().encode("the[SEP]cat[PAD]"), (Ids{kCls, kThe, kSep, kCat, kPad, kSep}));
  EXPECT_EQ(small().encode("[sep]"), (Ids{kCls, kUnk, kUnk, kUnk, kSep}));
}

TEST(Tokenizer, IllFormedBytesAreDropped) {
  EXPECT_EQ(small().encode("c\xff\xc3"
                           "at\x80"),
            (Ids{kCls, kCat, kSep}));
}

TEST(Tokenizer, AcceptsCarriageReturnsAndNoFinalNewline) {
  std::string error;
  const auto tokenizer = Tokenizer::parse("[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\ncat", "v", error);
  ASSERT_TRUE(tokenizer) << error;
  EXPECT_EQ(tokenizer->size(), 5u);
  EXPECT_EQ(tokenizer->encode("cat"), (Ids{2, 4, 3}));
}

TEST(Tokenizer, NamesTheMissingSpecialToken) {
  for (const std::string name : {"[PAD]", "[UNK]", "[CLS]", "[SEP]"}) {
    std::string vocab(kSmall);
    vocab.replace(vocab.find(name), name.size(), "x");
    const auto error = error_of(vocab);
    EXPECT_TRUE(has(error, "v.txt") && has(error, "no line `" + name + "`")) << error;
  }
  EXPECT_TRUE(has(error_of(""), "no line `[PAD]` among 0"));
}

TEST(Tokenizer, NamesBothLinesOfADuplicate) {
  const auto error = error_of(std::string(kSmall) + "cat\n");
  EXPECT_TRUE(has(error, "line 11: `cat` is already on line 5")) << error;
  EXPECT_TRUE(has(error_of(std::string(kSmall) + "##s\n"), "line 11: `##s` is already on line 6"));
}

TEST(Tokenizer, RefusesEmptyAndIllFormedLines) {
  EXPECT_TRUE(has(error_of("[PAD]\n\n[UNK]\n"), "line 2: empty"));
  EXPECT_TRUE(has(error_of("[PAD]\na\xff\n"), "line 2: not UTF-8"));
}

TEST(Tokenizer, NamesAFileThatIsNotThere) {
  std::string error;
  EXPECT_FALSE(Tokenizer::load("/nowhere/vocab.txt", error));
  EXPECT_TRUE(has(error, "/nowhere/vocab.txt: no such file")) << error;
  EXPECT_FALSE(Tokenizer::load("/", error));
  EXPECT_TRUE(has(error, "not a file")) << error;
}

TEST(Tokenizer, AnyBytesGiveIdsOfTheVocabulary) {
  const auto tokenizer = small();
  std::mt19937 random(1);
  for (int round = 0; round < 5000; ++round) {
    std::string text(random() % 64, ' ');
    for (char& c : text) c = random() % 3 ? static_cast<char>(random()) : "[SEP]cat"[random() % 8];
    const auto ids = tokenizer.encode(text, 16);
    ASSERT_TRUE(ids.size() >= 2 && ids.size() <= 16 && ids.front() == kCls && ids.back() == kSep);
    for (const auto id : ids) ASSERT_TRUE(id >= 0 && id < static_cast<std::int64_t>(tokenizer.size()));
  }
}

TEST(Tokenizer, LongRunsOfMarksAndBracketsAreNoTrap) {
  std::string marks = "c";
  for (int i = 0; i < 500'000; ++i) marks += i % 2 ? "\xCC\x81" : "\xCC\xA3";
  EXPECT_EQ(small().encode(marks + "at"), (Ids{kCls, kCat, kSep}));
  EXPECT_EQ(small().encode(std::string(1'000'000, '[')).size(), 256u);
}

}  // namespace
