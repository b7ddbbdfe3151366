// SPDX-License-Identifier: Apache-2.0
// A place in the text form of a graph, and the readers of its tokens. Private to text_parse.cpp. Errors name
// line and column; no reader takes more memory than it read text.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/ir/shape.h"

namespace rlx::text_detail {

inline bool word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

inline int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// Tokens of the form; every reader skips blanks first and leaves the place behind what it read.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  Error wrong(std::string_view wanted) const { return wrong_at(at_, wanted); }
  Error wrong_at(std::size_t at, std::string_view wanted) const {
    const std::string_view before = text_.substr(0, at);
    const auto lines = std::count(before.begin(), before.end(), '\n');
    const std::size_t start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    const std::string_view seen = text_.substr(at, std::min<std::size_t>(24, text_.find('\n', at) - at));
    return fail(ErrorCode::kParseError, "line ", lines + 1, ", column ", at - start + 1, ": ",
                at >= text_.size() ? std::string("the end")
                : seen.empty()     ? std::string("the end of the line")
                                   : join("`", seen, "`"),
                ", wanted ", wanted);
  }

  std::size_t place() {
    skip();
    return at_;
  }
  bool ended() { return place() == text_.size(); }
  bool peek(std::string_view token) { return text_.substr(place(), token.size()) == token; }
  bool take(std::string_view token) {
    if (!peek(token)) return false;
    at_ += token.size();
    return true;
  }
  Status expect(std::string_view token) {
    if (take(token)) return {};
    return wrong(join("`", token, "`"));
  }
  std::string_view word() {
    const std::size_t first = place();
    while (at_ < text_.size() && word_char(text_[at_])) ++at_;
    return text_.substr(first, at_ - first);
  }

  /// `format` is the base of an integer, and nothing of a double.
  template <class T, class... Format>
  Result<T> number(std::string_view wanted, Format... format) {
    T value{};
    const char* first = text_.data() + place();
    const auto [end, error] = std::from_chars(first, text_.data() + text_.size(), value, format...);
    if (error != std::errc()) return wrong(wanted);
    at_ += static_cast<std::size_t>(end - first);
    return value;
  }

  Result<std::string> quoted() {
    RLX_TRY(expect("\""));
    std::string out;
    while (at_ < text_.size() && text_[at_] != '"') {
      const char c = text_[at_];
      if (static_cast<unsigned char>(c) < 0x20) return wrong("`\"`");
      if (c != '\\') {
        out += c;
        ++at_;
      } else if (text_.substr(at_, 2) == "\\\"" || text_.substr(at_, 2) == "\\\\") {
        out += text_[at_ + 1];
        at_ += 2;
      } else {
        const bool hex = at_ + 3 < text_.size() && text_[at_ + 1] == 'x' && hex_digit(text_[at_ + 2]) >= 0 &&
                         hex_digit(text_[at_ + 3]) >= 0;
        if (!hex) return wrong("`\\\"`, `\\\\` or `\\x` and two digits");
        out += static_cast<char>(hex_digit(text_[at_ + 2]) * 16 + hex_digit(text_[at_ + 3]));
        at_ += 4;
      }
    }
    RLX_TRY(expect("\""));
    return out;
  }

  Result<std::vector<std::byte>> bytes() {
    RLX_TRY(expect("x"));
    std::size_t end = at_;
    while (end < text_.size() && hex_digit(text_[end]) >= 0) ++end;
    if ((end - at_) % 2) return wrong_at(end, "an even number of hexadecimal digits");
    std::vector<std::byte> out((end - at_) / 2);
    for (std::byte& byte : out) {
      byte = static_cast<std::byte>(hex_digit(text_[at_]) * 16 + hex_digit(text_[at_ + 1]));
      at_ += 2;
    }
    return out;
  }

  /// A dim up to one of `stops` outside parentheses.
  Result<Dim> dim(std::string_view stops) {
    const std::size_t first = place();
    int open = 0;
    std::size_t end = first;
    for (; end < text_.size() && text_[end] != '\n'; ++end) {
      if (open == 0 && stops.find(text_[end]) != std::string_view::npos) break;
      open += (text_[end] == '(') - (text_[end] == ')');
    }
    auto dim = parse_dim(text_.substr(first, end - first));
    if (!dim) return wrong_at(first, join("a dim (", dim.error().message(), ")"));
    at_ = end;
    return dim;
  }

  Result<Dims> dims() {
    RLX_TRY(expect("["));
    Dims dims;
    if (take("]")) return dims;
    do {
      RLX_ASSIGN(Dim next, dim(",]"));
      dims.push_back(std::move(next));
    } while (take(","));
    RLX_TRY(expect("]"));
    return dims;
  }

  Result<DType> dtype() {
    const std::size_t first = place();
    const std::string_view name = word();
    const DType dtype = dtype_from_name(name);
    if (dtype == DType::kNone && name != "none") return wrong_at(first, "a dtype");
    return dtype;
  }

  Result<Shape> shape() {
    Shape shape;
    RLX_ASSIGN(shape.dtype, dtype());
    RLX_ASSIGN(shape.dims, dims());
    return shape;
  }

  bool at_digit() { return place() < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; }

  /// Does a double start here? A dim never has a point or an exponent right behind its digits, nor "float(".
  bool at_real() {
    std::size_t end = place();
    if (peek("float(")) return true;
    if (end < text_.size() && text_[end] == '-') ++end;
    const std::size_t digits = end;
    while (end < text_.size() && text_[end] >= '0' && text_[end] <= '9') ++end;
    return end > digits && end < text_.size() && (text_[end] == '.' || text_[end] == 'e');
  }

  Result<double> real() {
    if (!take("float(0x")) return number<double>("a real number");
    RLX_ASSIGN(const std::uint64_t bits, number<std::uint64_t>("hexadecimal digits", 16));
    RLX_TRY(expect(")"));
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }

 private:
  void skip() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace rlx::text_detail
