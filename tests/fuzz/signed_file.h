// SPDX-License-Identifier: Apache-2.0
// Makes the hashes of a container's header, directory and sections right, so that a fuzzer gets behind them.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "runtime/base/hash.h"
#include "runtime/execute/container.h"

namespace rlx_fuzz {

/// A copy at an 8-byte border whose magic, version, kind, size and hashes are right; nothing where it is too short.
inline std::vector<std::uint64_t> signed_file(const unsigned char* data, std::size_t size, rlx::ContainerKind kind) {
  if (size < 64) return {};
  std::vector<std::uint64_t> words((size + 7) / 8);
  auto* file = reinterpret_cast<unsigned char*>(words.data());
  std::memcpy(file, data, size);
  const auto put = [&](std::size_t at, const auto& value) { std::memcpy(file + at, &value, sizeof value); };
  const auto get = [&](std::size_t at) {
    std::uint64_t value = 0;
    std::memcpy(&value, file + at, sizeof value);
    return value;
  };
  std::memcpy(file, "RLXBOX\r\n", 8);
  put(8, rlx::kContainerVersion);
  put(12, static_cast<std::uint32_t>(kind));
  put(16, std::uint64_t{size});
  const std::uint64_t rows = std::min<std::uint64_t>(get(24) & 0xFFFFFFFFu, (size - 64) / 48);
  const rlx::Bytes bytes(reinterpret_cast<const std::byte*>(file), size);
  for (std::uint64_t i = 0; i < rows; ++i) {
    const std::size_t row = 64 + i * 48;
    const std::uint64_t offset = get(row + 8), length = get(row + 16);
    if (offset > size || length > size - offset) continue;
    const rlx::Hash128 hash = rlx::hash_bytes(bytes.subspan(offset, length));
    put(row + 24, hash.low);
    put(row + 32, hash.high);
  }
  rlx::Hasher hasher;
  hasher.add(bytes.first(48));
  hasher.add(bytes.subspan(64, rows * 48));
  const rlx::Hash128 hash = hasher.finish();
  put(48, hash.low);
  put(56, hash.high);
  return words;
}

}  // namespace rlx_fuzz
