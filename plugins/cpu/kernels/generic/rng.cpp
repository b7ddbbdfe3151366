// SPDX-License-Identifier: Apache-2.0
// Philox 4x32 with ten rounds; see rng.h.
#include "rng.h"

#include "block.h"

namespace rlx_cpu {
namespace {

void philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]) {
  uint32_t k0 = key[0], k1 = key[1];
  uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t(0xD2511F53u) * c0;
    const uint64_t p1 = uint64_t(0xCD9E8D57u) * c2;
    c0 = uint32_t(p1 >> 32) ^ c1 ^ k0;
    c1 = uint32_t(p1);
    c2 = uint32_t(p0 >> 32) ^ c3 ^ k1;
    c3 = uint32_t(p0);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

// base + blocks, as one 128-bit number.
void counter_at(const uint32_t base[4], uint64_t blocks, uint32_t out[4]) {
  uint64_t carry = 0;
  for (int i = 0; i < 4; ++i) {
    const uint64_t sum = uint64_t(base[i]) + (i < 2 ? uint32_t(blocks >> (32 * i)) : 0u) + carry;
    out[i] = uint32_t(sum);
    carry = sum >> 32;
  }
}

KernelStatus read_words(const View& x, int64_t count, uint32_t* words) {
  if (x.dtype != RLX_DTYPE_U32 || x.rank != 1 || x.dims[0] != count) return invalid(0, x.rank, count);
  for (int64_t i = 0; i < count; ++i) {
    words[i] = *reinterpret_cast<const uint32_t*>(element_at(x, i * x.strides[0]));
  }
  return {};
}

}  // namespace

KernelStatus rng_bits(const View& key, const View& counter, const View& y, Range range) {
  uint32_t key_words[2], base[4], at[4], bits[4] = {};
  KernelStatus status = read_words(key, 2, key_words);
  if (status.ok()) status = read_words(counter, 4, base);
  if (status.ok() && y.dtype != RLX_DTYPE_U32) status = unsupported(0, y.dtype);
  if (!status.ok() || range.begin >= range.end) return status;
  Cursor to(y, range.begin);
  for (int64_t item = range.begin; item < range.end; ++item) {
    if (item == range.begin || item % 4 == 0) {
      counter_at(base, uint64_t(item) / 4, at);
      philox(key_words, at, bits);
    }
    alignas(4) char element[4];
    *reinterpret_cast<uint32_t*>(to.target(1, element)) = bits[item % 4];
    to.commit(1, element);
  }
  return {};
}

}  // namespace rlx_cpu
