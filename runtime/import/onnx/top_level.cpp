// SPDX-License-Identifier: Apache-2.0
#include "runtime/import/onnx/top_level.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace rlx::onnx_import {
namespace {

/// What people download instead of a model.
std::string_view other_kind(std::string_view text) {
  if (text.starts_with("version https://git-lfs")) return "a Git LFS pointer, which stands for the model: `git lfs pull` brings it";
  if (text.starts_with("<!DOCTYPE") || text.starts_with("<!doctype") || text.starts_with("<html") || text.starts_with("<?xml")) return "a web page";
  if (text.starts_with("PK\3\4")) return "a zip archive";
  if (text.starts_with("\x1F\x8B")) return "a gzip archive";
  if (text.starts_with("RLXBOX\r\n")) return "a file of this runtime: a package is called .rlx";
  if (text.starts_with("\x7F" "ELF")) return "a program or library";
  if (text.size() >= 9 && text[8] == '{' && text.substr(2, 6) == std::string_view("\0\0\0\0\0\0", 6)) return "a safetensors file";
  return {};
}

/// Name of a field of ModelProto; empty for others.
std::string_view field_name(std::uint64_t field) {
  constexpr std::string_view names[] = {"", "ir_version", "producer_name", "producer_version", "domain", "model_version", "doc_string", "graph", "opset_import"};
  if (field < std::size(names)) return names[field];
  return field == 14 ? "metadata_props" : field == 20 ? "training_info" : field == 25 ? "functions" : field == 26 ? "configuration" : "";
}

/// The fields of a message one after the other, by their tags and lengths.
class Scan {
 public:
  explicit Scan(std::span<const std::byte> bytes) : bytes_(bytes) {}

  /// What is wrong with the first field that is not whole; nothing where all are.
  std::optional<std::string> fault() {
    while (at_ < bytes_.size()) {
      begin_ = at_;
      if (auto wrong = skip_field()) return wrong;
      ++whole_;
      has_graph_ = has_graph_ || field_ == 7;
    }
    return std::nullopt;
  }
  /// Fields before the fault.
  std::size_t whole() const { return whole_; }
  bool has_graph() const { return has_graph_; }

 private:
  std::optional<std::string> skip_field() {
    const auto tag = varint();
    if (!tag) return at_ < bytes_.size() ? byte(at_) + " is in no number" : cut("a tag");
    field_ = *tag >> 3;
    if (field_ == 0 || field_ >= std::uint64_t{1} << 29) return byte(begin_) + " begins field " + std::to_string(field_) + ", which no message has";
    if (field_name(field_).empty() && whole_ == 0) return byte(begin_) + " begins field " + std::to_string(field_) + ", which no model begins with";
    switch (*tag & 7) {
      case 0: return varint() ? std::nullopt : std::optional(at_ < bytes_.size() ? byte(at_) + " is in no number" : cut(name()));
      case 1: return skip(8);
      case 2: {
        const auto length = varint();
        if (!length) return at_ < bytes_.size() ? byte(at_) + " is in no number" : cut(name());
        return skip(*length);
      }
      case 5: return skip(4);
      default: return byte(begin_) + " begins " + name() + " in a form (" + std::to_string(*tag & 7) + ") that no model has";
    }
  }

  std::optional<std::string> skip(std::uint64_t length) {
    const std::uint64_t room = bytes_.size() - at_;
    if (length > room)
      return name() + " begins at byte " + std::to_string(begin_) + " and needs " + std::to_string(length) + " bytes from " + byte(at_) + " on: " +
             std::to_string(length - room) + " are missing";
    at_ += static_cast<std::size_t>(length);
    return std::nullopt;
  }

  /// Nothing where the bytes end (then all are read) or the number has more than 64 bits (then the place is its last byte).
  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; at_ < bytes_.size(); shift += 7) {
      const auto next = std::to_integer<std::uint64_t>(bytes_[at_]);
      if (shift == 63 && next > 1) return std::nullopt;
      value |= (next & 0x7F) << shift;
      ++at_;
      if (next < 0x80) return value;
    }
    return std::nullopt;
  }

  static std::string byte(std::size_t at) { return "byte " + std::to_string(at); }
  std::string name() const {
    const std::string_view known = field_name(field_);
    return "field " + std::to_string(field_) + (known.empty() ? "" : " (" + std::string(known) + ")");
  }
  std::string cut(const std::string& what) const { return what + " begins at byte " + std::to_string(begin_) + ", and the bytes end inside it"; }

  std::span<const std::byte> bytes_;
  std::size_t at_ = 0, begin_ = 0, whole_ = 0;
  std::uint64_t field_ = 0;
  bool has_graph_ = false;
};

}  // namespace

std::string why_no_model(std::span<const std::byte> bytes) {
  if (bytes.empty()) return "it is empty, wanted an ONNX model";
  const std::string size = std::to_string(bytes.size()) + " bytes that are ";
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (const std::string_view other = other_kind(text); !other.empty()) return size + "no ONNX model but " + std::string(other);
  Scan scan(bytes);
  const auto fault = scan.fault();
  if (!fault && !scan.has_graph()) return size + "no ONNX model, or one that was cut off: there is no graph in them";
  if (!fault) return size + "no whole ONNX model: its outermost fields are whole, what lies in one of them is not";
  return size + (scan.whole() ? "no whole ONNX model, cut off or damaged: " : "no ONNX model: ") + *fault;
}

}  // namespace rlx::onnx_import
