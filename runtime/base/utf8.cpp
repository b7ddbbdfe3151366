// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/utf8.h"

namespace rlx {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

/// Puts together what `one` makes of each character; what is none is given to it as U+FFFD.
template <class One>
std::string each_character(std::string_view text, std::string out, const One& one) {
  out.reserve(out.size() + text.size() + 1);
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    one(out, length ? text.substr(0, length) : kReplacement);
    text.remove_prefix(length ? length : 1);
  }
  return out;
}

bool is_control(std::string_view character) { return character.size() == 1 && static_cast<unsigned char>(character[0]) < 0x20; }

void append_json(std::string& out, std::string_view character) {
  static constexpr char kDigits[] = "0123456789abcdef";
  if (character == "\"" || character == "\\") out += '\\';
  if (!is_control(character)) {
    out += character;
    return;
  }
  const auto byte = static_cast<unsigned char>(character[0]);
  out += "\\u00";
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

void append_xml(std::string& out, std::string_view character) {
  if (character == "&") out += "&amp;";
  else if (character == "<") out += "&lt;";
  else if (character == ">") out += "&gt;";
  else if (character == "\"") out += "&quot;";
  else if (character == "\n" || character == "\t") out += character;
  else if (is_control(character) || character == "\xEF\xBF\xBE" || character == "\xEF\xBF\xBF") out += kReplacement;
  else out += character;
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(i < text.size() ? text[i] : 0); };
  if (text.empty()) return 0;
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F)) return 0;
  if ((first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F)) return 0;
  return length;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = text[0] == '\0' ? 0 : utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string json_text(std::string_view text) { return each_character(text, "\"", append_json) + '"'; }

std::string xml_text(std::string_view text) { return each_character(text, {}, append_xml); }

}  // namespace rlx
