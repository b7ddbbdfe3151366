// SPDX-License-Identifier: Apache-2.0
// A SAX reader, so that a name given twice is seen and memory stays in proportion to the text.
#include "runtime/import/safetensors/header.h"

#include <array>
#include <nlohmann/json.hpp>
#include <unordered_set>

namespace rlx::safetensors {
namespace {

constexpr std::size_t kRankMax = 32;

struct DtypeRow {
  std::string_view name;
  DType dtype;
  std::size_t bytes;
};
constexpr std::array<DtypeRow, 13> kDtypes = {{{"BOOL", DType::kBool, 1},
                                               {"I8", DType::kI8, 1},
                                               {"U8", DType::kU8, 1},
                                               {"I16", DType::kI16, 2},
                                               {"U16", DType::kU16, 2},
                                               {"F16", DType::kF16, 2},
                                               {"BF16", DType::kBF16, 2},
                                               {"I32", DType::kI32, 4},
                                               {"U32", DType::kU32, 4},
                                               {"F32", DType::kF32, 4},
                                               {"I64", DType::kI64, 8},
                                               {"U64", DType::kU64, 8},
                                               {"F64", DType::kF64, 8}}};

/// The grammar as a machine: where() is the depth and the last key. Every handler returns false at the first
/// fault.
class Reader : public nlohmann::json_sax<nlohmann::json> {
 public:
  Result<std::vector<Entry>> take() {
    if (!message_.empty()) return Error(ErrorCode::kFileDamaged, message_);
    return std::move(entries_);
  }
  bool failed() const { return !message_.empty(); }

  bool null() override { return misplaced("null"); }
  bool boolean(bool value) override { return misplaced(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override {
    return fault("a number " + std::to_string(value) + ", wanted 0 or more");
  }
  bool number_float(number_float_t, const string_t& text) override {
    return fault("a number " + text + ", wanted a whole one");
  }
  bool binary(binary_t&) override { return misplaced("bytes"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (!in_list_) return misplaced("a number");
    if (value > static_cast<std::uint64_t>(INT64_MAX))
      return fault("a number " + std::to_string(value) + ", wanted 63 bits");
    if (numbers_.size() >= kRankMax)
      return fault("a list of more than " + std::to_string(kRankMax) + " numbers");
    numbers_.push_back(value);
    return true;
  }

  bool string(string_t& value) override {
    if (depth_ == 2 && metadata_) return true;
    if (depth_ != 2 || field_ != "dtype" || in_list_) return misplaced("a text");
    for (const DtypeRow& row : kDtypes) {
      if (row.name != value) continue;
      entries_.back().dtype = row.dtype;
      entries_.back().dtype_bytes = row.bytes;
      return true;
    }
    return fault("dtype \"" + printable(value) +
                 "\", wanted BOOL, I8 to I64, U8 to U64, F16, BF16, F32 or F64");
  }

  bool start_object(std::size_t) override {
    if (depth_ >= 2 || in_list_) return misplaced("an object");
    ++depth_;
    return true;
  }

  bool key(string_t& name) override {
    if (depth_ == 1) return begin_entry(name);
    if (metadata_) return fields_.insert(name).second || fault("key \"" + printable(name) + "\" twice");
    if (name != "dtype" && name != "shape" && name != "data_offsets")
      return fault("key \"" + printable(name) + "\", wanted dtype, shape and data_offsets");
    if (!fields_.insert(name).second) return fault("\"" + name + "\" twice");
    field_ = name;
    return true;
  }

  bool end_object() override {
    --depth_;
    if (depth_ == 1 && !metadata_ && fields_.size() != 3)
      return fault(std::to_string(fields_.size()) + " of dtype, shape and data_offsets");
    return true;
  }

  bool start_array(std::size_t) override {
    if (depth_ != 2 || in_list_ || metadata_ || field_ == "dtype") return misplaced("a list");
    in_list_ = true;
    numbers_.clear();
    return true;
  }

  bool end_array() override {
    in_list_ = false;
    Entry& entry = entries_.back();
    if (field_ == "shape") {
      entry.dims.assign(numbers_.begin(), numbers_.end());
      return true;
    }
    if (numbers_.size() != 2)
      return fault("data_offsets of " + std::to_string(numbers_.size()) + " numbers, wanted 2");
    entry.begin = numbers_[0];
    entry.end = numbers_[1];
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return message_.empty() ? fault("no JSON at byte " + std::to_string(position)) : false;
  }

 private:
  static std::string printable(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, 80))
      out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
    return text.size() > 80 ? out + "..." : out;
  }

  bool fault(const std::string& seen) {
    const std::string where = tensor_.empty() ? "the header" : "tensor `" + printable(tensor_) + "`";
    message_ = where + " has " + seen;
    return false;
  }
  bool misplaced(const std::string& seen) { return fault(seen + " where the format has none"); }

  bool begin_entry(const std::string& name) {
    tensor_ = name;
    if (!names_.insert(name).second) return fault("two entries of this name");
    metadata_ = name == "__metadata__";
    fields_.clear();
    field_.clear();
    if (!metadata_) entries_.emplace_back().name = name;
    return true;
  }

  std::vector<Entry> entries_;
  std::unordered_set<std::string> names_, fields_;
  std::vector<std::uint64_t> numbers_;
  std::string tensor_, field_, message_;
  int depth_ = 0;
  bool metadata_ = false, in_list_ = false;
};

}  // namespace

Result<std::vector<Entry>> parse_header(std::string_view json) {
  if (json.empty() || json.front() != '{')
    return Error(ErrorCode::kFileDamaged, "the header does not begin with `{`");
  Reader reader;
  const bool whole = nlohmann::json::sax_parse(json.begin(), json.end(), &reader);
  if (!whole && !reader.failed()) return Error(ErrorCode::kFileDamaged, "the header is no JSON");
  return reader.take();
}

}  // namespace rlx::safetensors
