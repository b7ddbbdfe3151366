// SPDX-License-Identifier: Apache-2.0
// Keys as text and back; the text is read without trust.
#include "runtime/execute/aot_key.h"

#include <algorithm>
#include <charconv>

#include "runtime/base/utf8.h"
#include "runtime/execute/wire.h"

namespace rlx {
namespace {

constexpr std::size_t kMostFields = 32;

bool is_field_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

}  // namespace

std::string AotKey::text() const {
  std::string out;
  for (const auto& [name, value] : fields) out += join(name, "=", value.size(), ":", value, "\n");
  return out;
}

std::string AotKey::name() const {
  const std::string bytes = text();
  return hex(hash_bytes({reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()}));
}

Checked<AotKey> parse_aot_key(Bytes bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  AotKey key;
  while (!text.empty()) {
    const std::size_t equals = text.find('='), colon = text.find(':');
    if (equals == std::string_view::npos || colon == std::string_view::npos || colon < equals || !is_field_name(text.substr(0, equals)) ||
        key.fields.size() == kMostFields)
      return flaw("key", "its key is not well formed");
    std::size_t size = 0;
    const char* const digits = text.data() + equals + 1;
    const auto [end, error] = std::from_chars(digits, text.data() + colon, size);
    if (error != std::errc() || end != text.data() + colon || size >= text.size() - colon - 1 || text[colon + 1 + size] != '\n')
      return flaw("key", "its key is not well formed");
    const std::string_view value = text.substr(colon + 1, size);
    if (!is_utf8(value)) return flaw("key", "its key is no UTF-8");
    key.fields.emplace_back(text.substr(0, equals), value);
    text.remove_prefix(colon + size + 2);
  }
  return key;
}

std::string first_difference(const AotKey& seen, const AotKey& wanted) {
  for (std::size_t i = 0; i < wanted.fields.size(); ++i)
    if (i >= seen.fields.size() || seen.fields[i] != wanted.fields[i]) return wanted.fields[i].first;
  return seen.fields.size() == wanted.fields.size() ? "" : "format";
}

bool is_aot_name(std::string_view text) {
  return text.size() == 32 && std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace rlx
