// SPDX-License-Identifier: Apache-2.0
// Device names and plugin versions: two small grammars.
#include <algorithm>
#include <charconv>

#include "runtime/plugin/registry.h"

namespace rlx {
namespace {

bool is_kind(std::string_view text) {
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  return !text.empty() && text.size() < 16 && lower(text[0]) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return lower(c) || (c >= '0' && c <= '9') || c == '_'; });
}

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Numbers of any length: the longer one without leading zeros is the greater.
int compare_numbers(std::string_view a, std::string_view b) {
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  const int order = a.compare(b);
  return order < 0 ? -1 : order > 0;
}

/// Numbers before words, numbers as numbers, words as bytes.
int compare_words(std::string_view a, std::string_view b) {
  if (is_number(a) && is_number(b)) return compare_numbers(a, b);
  if (is_number(a) != is_number(b)) return is_number(a) ? -1 : 1;
  const int order = a.compare(b);
  return order < 0 ? -1 : order > 0;
}

std::string_view next_word(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find('.'));
  text.remove_prefix(std::min(word.size() + 1, text.size()));
  return word;
}

/// Dotted lists; where one ends first, its rest counts as `missing`, or it is the lower one.
int compare_dotted(std::string_view a, std::string_view b, std::string_view missing) {
  while (!a.empty() || !b.empty()) {
    if (missing.empty() && (a.empty() || b.empty())) return a.empty() ? -1 : 1;
    const std::string_view left = a.empty() ? missing : next_word(a);
    const std::string_view right = b.empty() ? missing : next_word(b);
    if (const int order = compare_words(left, right)) return order;
  }
  return 0;
}

}  // namespace

Result<DeviceName> parse_device_name(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view kind = text.substr(0, colon);
  const auto wrong = [&] {
    return fail(ErrorCode::kInvalidArgument, "the device is `", text,
                "`, wanted a kind and perhaps a number, like `kind` or `kind:1`");
  };
  if (!is_kind(kind)) return wrong();
  DeviceName name{std::string(kind), 0};
  if (colon == text.npos) return name;
  const std::string_view number = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), name.ordinal);
  if (number.empty() || error != std::errc() || end != number.data() + number.size()) return wrong();
  return name;
}

int compare_versions(std::string_view a, std::string_view b) {
  a = a.substr(0, a.find('+'));
  b = b.substr(0, b.find('+'));
  const std::size_t dash_a = a.find('-'), dash_b = b.find('-');
  if (const int order = compare_dotted(a.substr(0, dash_a), b.substr(0, dash_b), "0")) return order;
  if (dash_a == a.npos || dash_b == b.npos) return dash_a == dash_b ? 0 : dash_a == a.npos ? 1 : -1;
  return compare_dotted(a.substr(dash_a + 1), b.substr(dash_b + 1), {});
}

}  // namespace rlx
