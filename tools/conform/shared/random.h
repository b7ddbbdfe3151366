// SPDX-License-Identifier: Apache-2.0
// Portable random numbers: the same seed gives the same numbers on every machine. No distributions of std::.
#pragma once

#include <cstdint>
#include <string_view>

namespace rlx::conform {

/// Source: the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/// FNV-1a over the bytes, mixed.
constexpr std::uint64_t hash_text(std::string_view text, std::uint64_t seed = 0) {
  std::uint64_t hash = 0xcbf29ce484222325u ^ mix(seed);
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return mix(hash);
}

/// Number n of a stream depends on (seed, n) alone.
class Random {
 public:
  explicit Random(std::uint64_t seed) : seed_(seed) {}
  std::uint64_t next() { return mix(seed_ ^ mix(count_++)); }
  /// 0 .. limit - 1; 0 where limit is 0.
  std::uint64_t below(std::uint64_t limit) { return limit ? next() % limit : 0; }
  /// In [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  std::uint64_t seed_;
  std::uint64_t count_ = 0;
};

}  // namespace rlx::conform
