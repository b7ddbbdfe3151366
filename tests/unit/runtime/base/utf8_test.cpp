// SPDX-License-Identifier: Apache-2.0
// Text from outside: characters are kept whole, what is none is replaced, and what a format cannot hold is escaped.
#include "runtime/base/utf8.h"

#include <gtest/gtest.h>

namespace rlx {
namespace {

constexpr const char* kNone = "\xEF\xBF\xBD";

const std::string_view kCharacters[] = {"a", "\x7F", "\xC2\x80", "\xC3\xA9", "\xDF\xBF", "\xE0\xA0\x80", "\xE2\x82\xAC", "\xED\x9F\xBF",
                                        "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF"};
// A tail alone, overlong forms, surrogates, past the last character, leads that are none, and every cut form.
const std::string_view kNoCharacters[] = {"\x80", "\xBF", "\xC0\xAF", "\xC1\xBF", "\xE0\x80\xAF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x80\x80\xAF",
                                          "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFE", "\xFF", "\xC3", "\xC3(", "\xE2\x82", "\xE2\x82(", "\xF0\x9F\x98", "\xF0\x9F(("};

TEST(Utf8, EveryCharacterHasItsLengthAndNothingElseHasOne) {
  for (const std::string_view text : kCharacters) {
    EXPECT_EQ(utf8_length(text), text.size()) << text;
    EXPECT_EQ(utf8_length(std::string(text) + "\x80z"), text.size()) << text;
    EXPECT_TRUE(is_utf8(text)) << text;
  }
  for (const std::string_view text : kNoCharacters) {
    EXPECT_EQ(utf8_length(text), 0u) << text;
    EXPECT_FALSE(is_utf8("good " + std::string(text))) << text;
  }
  EXPECT_EQ(utf8_length(""), 0u);
  EXPECT_EQ(utf8_length(std::string_view("\0", 1)), 1u);
}

TEST(Utf8, TextHasNoNulAndMayBeEmpty) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("na\xC3\xAFve \xE2\x82\xAC \xF0\x9F\x98\x80"));
  EXPECT_FALSE(is_utf8(std::string_view("a\0b", 3)));
}

TEST(JsonText, KeepsCharactersAndEscapesWhatJsonDoesNotTake) {
  for (const std::string_view text : kCharacters) EXPECT_EQ(json_text(text), '"' + std::string(text) + '"');
  EXPECT_EQ(json_text(""), "\"\"");
  EXPECT_EQ(json_text("a\"b\\c/d"), R"("a\"b\\c/d")");
  EXPECT_EQ(json_text(std::string_view("\0\n\t\x1F", 4)), R"("\u0000\u000a\u0009\u001f")");
}

TEST(JsonText, ReplacesEveryByteThatBelongsToNoCharacter) {
  EXPECT_EQ(json_text("\xFF"), std::string("\"") + kNone + "\"");
  EXPECT_EQ(json_text("\xE2\x82"), std::string("\"") + kNone + kNone + "\"");
  EXPECT_EQ(json_text("a\xC3\xA9\xC3z"), std::string("\"a\xC3\xA9") + kNone + "z\"");
  EXPECT_EQ(json_text("\xC3\""), std::string("\"") + kNone + "\\\"\"") << "a cut character takes no quote with it";
  for (const std::string_view text : kNoCharacters) EXPECT_TRUE(is_utf8(json_text(text))) << text;
}

TEST(XmlText, KeepsCharactersAndEscapesMarkup) {
  EXPECT_EQ(xml_text("Gr\xC3\xB6\xC3\x9F" "e <a & \"b\">"), "Gr\xC3\xB6\xC3\x9F" "e &lt;a &amp; &quot;b&quot;&gt;");
  EXPECT_EQ(xml_text("a\nb\tc"), "a\nb\tc");
  EXPECT_EQ(xml_text(std::string_view("\0\x1B\xFF\xEF\xBF\xBF", 6)), std::string(kNone) + kNone + kNone + kNone) << "XML holds none of these";
}

}  // namespace
}  // namespace rlx
