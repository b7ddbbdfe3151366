// SPDX-License-Identifier: Apache-2.0
// Content hashes (XXH3-128): names of things, never a defence against an adversary.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/base/span.h"

namespace rlx {

/// 128 bits; all zero means "none".
struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const Hash128&) const = default;
};

Hash128 hash_bytes(Bytes bytes);
/// 32 hexadecimal digits, high word first.
std::string hex(const Hash128& hash);

/// Hashes pieces as if they were one array.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;
  void add(Bytes bytes);
  Hash128 finish() const;

 private:
  void* state_;
};

}  // namespace rlx
