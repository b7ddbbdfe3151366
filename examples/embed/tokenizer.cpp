// SPDX-License-Identifier: Apache-2.0
// The steps in order: special tokens spelled out in the text, clean-up, spaces around CJK, decomposition
// without accents, lower case, split at spaces and punctuation, then the longest known pieces from the left.
#include "tokenizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <system_error>
#include <utility>

namespace rlx_embed {
namespace {

constexpr std::uintmax_t kMaxVocabBytes = 64u << 20;
constexpr std::size_t kMaxWordChars = 100;  // longer words become [UNK], as in BERT's own code
constexpr char32_t kReplacement = 0xFFFD;

constexpr std::array<std::string_view, 5> kSpecials = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
constexpr std::size_t kRequiredSpecials = 4;  // [MASK] may be absent

/// One code point from the front of `text`, which it shortens; ill-formed bytes give U+FFFD one at a time.
char32_t take_code_point(std::string_view& text) {
  utf8proc_int32_t code = 0;
  const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                       static_cast<utf8proc_ssize_t>(text.size()), &code);
  text.remove_prefix(length > 0 ? static_cast<std::size_t>(length) : 1);
  return length > 0 ? static_cast<char32_t>(code) : kReplacement;
}

utf8proc_category_t category(char32_t c) { return utf8proc_category(static_cast<utf8proc_int32_t>(c)); }

/// The Unicode property White_Space.
bool is_space(char32_t c) {
  if (c == 0x85 || (c >= 0x09 && c <= 0x0D)) return true;
  const auto kind = category(c);
  return kind == UTF8PROC_CATEGORY_ZS || kind == UTF8PROC_CATEGORY_ZL || kind == UTF8PROC_CATEGORY_ZP;
}

/// Removed before anything else. Vertical tab, form feed and U+0085 are controls here, not spaces.
bool is_dropped(char32_t c) {
  if (c == '\t' || c == '\n' || c == '\r') return false;
  const auto kind = category(c);
  return c == kReplacement || kind == UTF8PROC_CATEGORY_CC || kind == UTF8PROC_CATEGORY_CF ||
         kind == UTF8PROC_CATEGORY_CO;
}

/// Every ASCII symbol counts, whatever its Unicode category.
bool is_punctuation(char32_t c) {
  if (c < 0x80)
    return c > 0x20 && c < 0x7F && !(c >= '0' && c <= '9') && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
  const auto kind = category(c);
  return kind >= UTF8PROC_CATEGORY_PC && kind <= UTF8PROC_CATEGORY_PO;
}

/// Source: the ranges of BERT's tokenizer; the last but two starts at 2B920, where Unicode's block starts at
/// 2B820, because the reference was trained and is run so.
bool is_cjk(char32_t c) {
  constexpr std::pair<char32_t, char32_t> kRanges[] = {
      {0x4E00, 0x9FFF},   {0x3400, 0x4DBF},   {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F},
      {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF}, {0xF900, 0xFAFF},   {0x2F800, 0x2FA1F}};
  return std::any_of(std::begin(kRanges), std::end(kRanges),
                     [c](const auto& range) { return c >= range.first && c <= range.second; });
}

/// Appends the canonical decomposition of `c`.
void append_decomposed(char32_t c, std::u32string& out) {
  std::array<utf8proc_int32_t, 32> parts;  // the longest canonical decomposition has 4
  int boundary = 0;
  const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts.data(), parts.size(),
                                             UTF8PROC_DECOMPOSE, &boundary);
  if (count <= 0 || static_cast<std::size_t>(count) > parts.size()) {
    out.push_back(c);
    return;
  }
  for (utf8proc_ssize_t i = 0; i < count; ++i)
    out.push_back(static_cast<char32_t>(parts[static_cast<std::size_t>(i)]));
}

int combining_class(char32_t c) {
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class;
}

/// Brings runs of combining marks into canonical order; n log n where a run is long on purpose.
void order_marks(std::u32string& text) {
  for (auto run = text.begin(); run != text.end();) {
    run = std::find_if(run, text.end(), [](char32_t c) { return combining_class(c) != 0; });
    const auto stop = std::find_if(run, text.end(), [](char32_t c) { return combining_class(c) == 0; });
    std::stable_sort(run, stop,
                     [](char32_t a, char32_t b) { return combining_class(a) < combining_class(b); });
    run = stop;
  }
}

/// Clean-up, spaces around CJK, decomposition, accents off, lower case.
std::u32string normalize(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const char32_t c = take_code_point(text);
    if (is_dropped(c)) continue;
    const bool apart = is_cjk(c);
    if (apart) out.push_back(' ');
    append_decomposed(is_space(c) ? U' ' : c, out);
    if (apart) out.push_back(' ');
  }
  order_marks(out);
  out.erase(
      std::remove_if(out.begin(), out.end(), [](char32_t c) { return category(c) == UTF8PROC_CATEGORY_MN; }),
      out.end());
  for (char32_t& c : out) c = static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
  return out;
}

void append_utf8(char32_t c, std::string& out) {
  std::array<utf8proc_uint8_t, 4> bytes;
  const auto length = utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes.data());
  out.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(length));
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    utf8proc_int32_t code = 0;
    const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                         static_cast<utf8proc_ssize_t>(text.size()), &code);
    if (length <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(length));
  }
  return true;
}

bool read_file(const std::filesystem::path& path, std::string& text, std::string& why) {
  std::error_code code;
  if (!std::filesystem::is_regular_file(path, code)) {
    why = std::filesystem::exists(path, code) ? "not a file" : "no such file, or not readable";
    return false;
  }
  const auto size = std::filesystem::file_size(path, code);
  if (code || size > kMaxVocabBytes) {
    why = code ? code.message()
               : std::to_string(size) + " bytes, want at most " + std::to_string(kMaxVocabBytes);
    return false;
  }
  std::ifstream file(path, std::ios::binary);
  text.resize(static_cast<std::size_t>(size));
  if (file && (text.empty() || file.read(text.data(), static_cast<std::streamsize>(size)))) return true;
  why = "cannot be read";
  return false;
}

}  // namespace

std::optional<Tokenizer> Tokenizer::load(const std::filesystem::path& vocab_path, std::string& error) {
  std::string text, why;
  if (read_file(vocab_path, text, why)) return parse(text, vocab_path.string(), error);
  error = "vocabulary " + vocab_path.string() + ": " + why;
  return std::nullopt;
}

std::optional<Tokenizer> Tokenizer::parse(std::string_view vocab_text, const std::string& name,
                                          std::string& error) {
  Tokenizer tokenizer;
  std::string why;
  for (std::size_t number = 0; !vocab_text.empty(); ++number) {
    const auto line = vocab_text.substr(0, vocab_text.find('\n'));
    vocab_text.remove_prefix(std::min(vocab_text.size(), line.size() + 1));
    if (tokenizer.add_line(line, number, why)) continue;
    error = "vocabulary " + name + ", line " + std::to_string(number + 1) + ": " + why;
    return std::nullopt;
  }
  if (tokenizer.find_specials(why)) return tokenizer;
  error = "vocabulary " + name + ": " + why;
  return std::nullopt;
}

bool Tokenizer::add_line(std::string_view line, std::size_t number, std::string& why) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (line.empty() || !is_utf8(line)) {
    why = line.empty() ? "empty, want a token" : "not UTF-8";
    return false;
  }
  const bool continues = line.size() > 2 && line.substr(0, 2) == "##";
  const auto piece = continues ? line.substr(2) : line;
  const auto [at, is_new] =
      (continues ? continuations_ : starts_).emplace(piece, static_cast<std::int64_t>(number));
  if (!is_new) {
    why = "`" + std::string(line.substr(0, 80)) + "` is already on line " + std::to_string(at->second + 1);
    return false;
  }
  longest_bytes_ = std::max(longest_bytes_, piece.size());
  size_ = number + 1;
  return true;
}

bool Tokenizer::find_specials(std::string& why) {
  for (std::size_t i = 0; i < kSpecials.size(); ++i) {
    const auto at = starts_.find(kSpecials[i]);
    if (at != starts_.end()) {
      specials_.push_back({at->first, at->second});
    } else if (i < kRequiredSpecials) {
      why = "no line `" + std::string(kSpecials[i]) + "` among " + std::to_string(size_) +
            ", want a BERT vocabulary with [PAD], [UNK], [CLS] and [SEP]";
      return false;
    }
  }
  pad_ = specials_[0].id;
  unknown_ = specials_[1].id;
  begin_ = specials_[2].id;
  end_ = specials_[3].id;
  return true;
}

/// The first special token spelled out in `text`: where, and which; none: the end, null.
std::pair<std::size_t, const Tokenizer::Special*> Tokenizer::find_special(std::string_view text) const {
  for (auto at = text.find('['); at != std::string_view::npos; at = text.find('[', at + 1)) {
    for (const Special& special : specials_) {
      if (text.compare(at, special.text.size(), special.text) == 0) return {at, &special};
    }
  }
  return {text.size(), nullptr};
}

std::vector<std::int64_t> Tokenizer::encode(std::string_view text, std::size_t max_length) const {
  const std::size_t limit = std::max<std::size_t>(max_length, 2) - 1;  // one place is kept for [SEP]
  Ids ids = {begin_};
  ids.reserve(std::min(limit + 1, text.size() + 2));
  while (!text.empty() && ids.size() < limit) {
    const auto [cut, special] = find_special(text);
    encode_plain(text.substr(0, cut), limit, ids);
    if (!special) break;
    ids.push_back(special->id);
    text.remove_prefix(cut + special->text.size());
  }
  ids.resize(std::min(ids.size(), limit));
  ids.push_back(end_);
  return ids;
}

void Tokenizer::encode_plain(std::string_view text, std::size_t limit, Ids& ids) const {
  std::u32string word;
  const auto flush = [&] {
    if (!word.empty()) encode_word(word, ids);
    word.clear();
  };
  for (const char32_t c : normalize(text)) {
    const bool alone = is_punctuation(c);
    if (alone || is_space(c)) flush();
    if (ids.size() >= limit) return;
    if (!is_space(c)) word.push_back(c);
    if (alone) flush();
  }
  flush();
}

void Tokenizer::encode_word(const std::u32string& word, Ids& ids) const {
  if (word.size() > kMaxWordChars) return ids.push_back(unknown_);
  std::string bytes;
  for (const char32_t c : word) append_utf8(c, bytes);
  const std::size_t first = ids.size();
  for (std::string_view rest = bytes; !rest.empty();) {
    const Pieces& pieces = rest.size() == bytes.size() ? starts_ : continuations_;
    auto piece = rest.substr(0, longest_bytes_);
    auto found = pieces.find(piece);
    for (; found == pieces.end() && piece.size() > 1; found = pieces.find(piece)) piece.remove_suffix(1);
    if (found == pieces.end()) {
      ids.resize(first);
      return ids.push_back(unknown_);
    }
    ids.push_back(found->second);
    rest.remove_prefix(piece.size());
  }
}

}  // namespace rlx_embed
