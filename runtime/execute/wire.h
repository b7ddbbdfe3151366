// SPDX-License-Identifier: Apache-2.0
// Numbers and texts as little-endian bytes, and back. The reader takes bytes from strangers: what runs out reads as zero or
// as nothing, and `ok()` says so.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/hash.h"
#include "runtime/base/span.h"

namespace rlx {

static_assert(std::endian::native == std::endian::little, "files are little-endian, and are mapped");

class ByteWriter {
 public:
  template <class T>
  void number(T value) {
    static_assert(std::is_integral_v<T>);
    const auto* at = reinterpret_cast<const std::byte*>(&value);
    bytes_.insert(bytes_.end(), at, at + sizeof value);
  }
  void hash(const Hash128& value) {
    number(value.low);
    number(value.high);
  }
  /// Length as u32, then the bytes.
  void text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    const auto* at = reinterpret_cast<const std::byte*>(value.data());
    bytes_.insert(bytes_.end(), at, at + value.size());
  }
  Bytes bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) : bytes_(bytes) {}

  template <class T>
  T number() {
    static_assert(std::is_integral_v<T>);
    T value = 0;
    if (const Bytes taken = take(sizeof value); !taken.empty()) std::memcpy(&value, taken.data(), sizeof value);
    return value;
  }
  Hash128 hash() {
    const auto low = number<std::uint64_t>();
    return {low, number<std::uint64_t>()};
  }
  /// Lifetime: of the bytes.
  std::string_view text() {
    const Bytes taken = take(number<std::uint32_t>());
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }
  /// A count of things of at least `least_bytes` each: more than the rest could hold is none.
  std::uint32_t count(std::size_t least_bytes) {
    const auto value = number<std::uint32_t>();
    if (value <= rest() / least_bytes) return value;
    ok_ = false;
    return 0;
  }
  std::size_t rest() const { return bytes_.size() - at_; }
  bool ok() const { return ok_; }
  /// Everything was there, and nothing is left over.
  bool complete() const { return ok_ && rest() == 0; }

 private:
  Bytes take(std::size_t size) {
    if (size > rest()) {
      ok_ = false;
      at_ = bytes_.size();
      return {};
    }
    at_ += size;
    return bytes_.subspan(at_ - size, size);
  }

  Bytes bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace rlx
