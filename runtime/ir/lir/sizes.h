// SPDX-License-Identifier: Apache-2.0
// Arithmetic on sizes that come from outside: every product and sum says whether it fits.
#pragma once

#include <cstdint>
#include <span>

namespace rlx::lir {

/// What no tensor and no arena may exceed, so that sizes and offsets also fit signed 64-bit arithmetic.
inline constexpr std::uint64_t kMaxBytes = INT64_MAX;

/// Bytes of the dense form; 0 where any dim is 0. False where a dim is negative or the bytes exceed kMaxBytes.
inline bool dense_bytes(std::span<const std::int64_t> dims, std::uint32_t element_bytes, std::uint64_t& bytes) {
  std::int64_t product = element_bytes;
  bool fits = true;
  bytes = 0;
  for (const std::int64_t dim : dims) {
    if (dim < 0) return false;
    if (dim == 0) product = 0;
  }
  for (const std::int64_t dim : dims) {
    if (product == 0) return true;
    fits = fits && !__builtin_mul_overflow(product, dim, &product);
    if (!fits) return false;
  }
  bytes = static_cast<std::uint64_t>(product);
  return true;
}

}  // namespace rlx::lir
