// SPDX-License-Identifier: Apache-2.0
// rng_bits: Philox 4x32 with 10 rounds. Source: Salmon et al., Parallel random numbers: as easy as 1, 2, 3
// (SC 2011).
#include <array>

#include "runtime/reference/call.h"

namespace rlx::reference {
namespace {

using Block = std::array<std::uint32_t, 4>;

Block philox(Block counter, std::uint32_t key0, std::uint32_t key1) {
  for (int round = 0; round < 10; ++round, key0 += 0x9E3779B9u, key1 += 0xBB67AE85u) {
    const std::uint64_t first = std::uint64_t{0xD2511F53u} * counter[0],
                        second = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {
        static_cast<std::uint32_t>(second >> 32) ^ counter[1] ^ key0, static_cast<std::uint32_t>(second),
        static_cast<std::uint32_t>(first >> 32) ^ counter[3] ^ key1, static_cast<std::uint32_t>(first)};
  }
  return counter;
}

Block advanced(const Tensor& counter, std::uint64_t by) {
  Block out{};
  std::uint64_t carry = 0;
  const std::uint64_t parts[4] = {by & 0xFFFFFFFFu, by >> 32, 0, 0};
  for (std::size_t word = 0; word < 4; ++word) {
    carry += static_cast<std::uint32_t>(counter.i[word]) + parts[word];
    out[word] = static_cast<std::uint32_t>(carry);
    carry >>= 32;
  }
  return out;
}

}  // namespace

Status run_rng_bits(Call& call) {
  const TensorPtr key = call.load(0), counter = call.load(1);
  Tensor& y = call.out[0];
  Block block{};
  for (std::size_t n = 0; n < y.count(); ++n) {
    if (n % 4 == 0)
      block = philox(advanced(*counter, n / 4), static_cast<std::uint32_t>(key->i[0]),
                     static_cast<std::uint32_t>(key->i[1]));
    y.i[n] = block[n % 4];
  }
  return {};
}

}  // namespace rlx::reference
