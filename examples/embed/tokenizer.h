// SPDX-License-Identifier: Apache-2.0
// WordPiece tokenizer of uncased BERT models: text in, token ids out. Needs vocab.txt only.
// Part of the example, not of the runtime, which knows tensors and no text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace rlx_embed {

class Tokenizer {
 public:
  /// Reads a vocabulary: one token a line, the line number from 0 is the id; a final '\r' of a line is
  /// dropped. Errors: nothing is returned, and `error` names the file, the line, what was seen and what is
  /// wanted.
  static std::optional<Tokenizer> load(const std::filesystem::path& vocab_path, std::string& error);

  /// The same from text; `name` stands for the file in errors.
  static std::optional<Tokenizer> parse(std::string_view vocab_text, const std::string& name,
                                        std::string& error);

  /// [CLS], the tokens of `text`, [SEP]: at most `max_length` ids (less than 2 counts as 2), cut at the end.
  /// Any bytes are text: what is not UTF-8 reads as U+FFFD, which the model's clean-up drops. A special token
  /// spelled out in `text`, such as "[SEP]", becomes that token.
  /// Thread: any, at the same time.
  std::vector<std::int64_t> encode(std::string_view text, std::size_t max_length = 256) const;

  /// Number of ids; every id that encode returns is below it.
  std::size_t size() const { return size_; }
  std::int64_t pad_id() const { return pad_; }

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using Pieces = std::unordered_map<std::string, std::int64_t, Hash, std::equal_to<>>;
  struct Special {
    std::string text;
    std::int64_t id;
  };
  using Ids = std::vector<std::int64_t>;

  Tokenizer() = default;
  bool add_line(std::string_view line, std::size_t number, std::string& why);
  bool find_specials(std::string& why);
  std::pair<std::size_t, const Special*> find_special(std::string_view text) const;
  void encode_plain(std::string_view text, std::size_t limit, Ids& ids) const;
  void encode_word(const std::u32string& word, Ids& ids) const;

  Pieces starts_;                  // pieces that may begin a word
  Pieces continuations_;           // pieces within a word, without their "##"
  std::vector<Special> specials_;  // each begins with '['
  std::size_t size_ = 0;
  std::size_t longest_bytes_ = 0;  // of any piece
  std::int64_t pad_ = 0, unknown_ = 0, begin_ = 0, end_ = 0;
};

}  // namespace rlx_embed
