// SPDX-License-Identifier: Apache-2.0
// Ways in which a container goes bad: by chance, and on purpose by somebody who knows the format.
#include "runtime/base/hash.h"
#include "tests/unit/runtime/execute/storage.h"

namespace rlx_test {
namespace {

constexpr std::size_t kHead = 64, kRow = 48;

template <class T>
T get(const Blob& file, std::size_t at) {
  T value{};
  if (at + sizeof value <= file.size()) std::memcpy(&value, file.data() + at, sizeof value);
  return value;
}
template <class T>
void put(Blob& file, std::size_t at, T value) {
  if (at + sizeof value <= file.size()) std::memcpy(file.data() + at, &value, sizeof value);
}

std::size_t rows_of(const Blob& file) {
  if (file.size() < kHead) return 0;
  return std::min<std::size_t>(get<std::uint32_t>(file, 24), (file.size() - kHead) / kRow);
}

/// Numbers that break arithmetic.
std::uint64_t hostile(std::mt19937_64& random, std::uint64_t near) {
  const std::uint64_t numbers[] = {0, 1, 63, 64, near - 1, near + 1, near + 64, near * 2, 1ull << 31, 1ull << 32, 1ull << 62,
                                   ~0ull, ~0ull - 63, 1ull << 63, random()};
  return numbers[random() % std::size(numbers)];
}

/// Hashes of every section as its row says where it lies, then of the head.
void sign_sections(Blob& file) {
  for (std::size_t i = 0; i < rows_of(file); ++i) {
    const std::size_t row = kHead + i * kRow;
    const auto offset = get<std::uint64_t>(file, row + 8), bytes = get<std::uint64_t>(file, row + 16);
    if (offset > file.size() || bytes > file.size() - offset) continue;
    const rlx::Hash128 hash = rlx::hash_bytes(rlx::Bytes(file).subspan(offset, bytes));
    put(file, row + 24, hash.low);
    put(file, row + 32, hash.high);
  }
  sign(file);
}

std::string flip(Blob& file, std::mt19937_64& random) {
  const std::size_t count = 1 + random() % 4;
  for (std::size_t i = 0; i < count; ++i) file[random() % file.size()] ^= static_cast<std::byte>(1 + random() % 255);
  return "flip";
}

std::string hostile_row(Blob& file, std::mt19937_64& random) {
  if (rows_of(file) == 0) return flip(file, random);
  const std::size_t row = kHead + (random() % rows_of(file)) * kRow;
  const std::size_t field = (random() % 2) ? 8 : 16;
  put(file, row + field, hostile(random, get<std::uint64_t>(file, row + field)));
  sign(file);
  return "hostile row";
}

std::string hostile_content(Blob& file, std::mt19937_64& random) {
  if (rows_of(file) == 0) return flip(file, random);
  const std::size_t row = kHead + (random() % rows_of(file)) * kRow;
  const auto offset = get<std::uint64_t>(file, row + 8), bytes = get<std::uint64_t>(file, row + 16);
  if (bytes == 0 || offset > file.size() || bytes > file.size() - offset) return flip(file, random);
  const std::size_t at = offset + random() % bytes;
  if (random() % 2) {
    put(file, at & ~std::size_t{7}, hostile(random, get<std::uint64_t>(file, at & ~std::size_t{7})));
  } else {
    put(file, at & ~std::size_t{3}, static_cast<std::uint32_t>(hostile(random, get<std::uint32_t>(file, at & ~std::size_t{3}))));
  }
  sign_sections(file);
  return "hostile content";
}

std::string swap_sections(Blob& file, std::mt19937_64& random) {
  const std::size_t rows = rows_of(file);
  if (rows < 2) return flip(file, random);
  const std::size_t a = kHead + (random() % rows) * kRow, b = kHead + (random() % rows) * kRow;
  if (random() % 2) {
    std::swap_ranges(file.begin() + static_cast<std::ptrdiff_t>(a), file.begin() + static_cast<std::ptrdiff_t>(a + kRow),
                     file.begin() + static_cast<std::ptrdiff_t>(b));
  } else {  // kinds alone: the bytes of one section under the name of another
    const auto kind = get<std::uint32_t>(file, a);
    put(file, a, get<std::uint32_t>(file, b));
    put(file, b, kind);
  }
  sign(file);
  return "swap sections";
}

std::string wrong_head(Blob& file, std::mt19937_64& random) {
  const std::size_t fields[] = {8, 12, 24, 28, 40};
  put(file, fields[random() % std::size(fields)], static_cast<std::uint32_t>(hostile(random, 1)));
  sign(file);
  return "wrong head";
}

}  // namespace

void sign(Blob& file) {
  if (file.size() < kHead) return;
  rlx::Hasher hasher;
  hasher.add(rlx::Bytes(file).first(48));
  hasher.add(rlx::Bytes(file).subspan(kHead, rows_of(file) * kRow));
  const rlx::Hash128 hash = hasher.finish();
  put(file, 48, hash.low);
  put(file, 56, hash.high);
}

std::string damage(Blob& file, std::mt19937_64& random) {
  switch (random() % 8) {
    case 0: return flip(file, random);
    case 1: file.resize(random() % file.size()); return "truncate";
    case 2: file.resize(file.size() + 1 + random() % 300); return "extend";
    case 3: {
      file.resize(file.size() + 1 + random() % 300);
      put(file, 16, std::uint64_t{file.size()});
      sign(file);
      return "extend and sign";
    }
    case 4: return hostile_row(file, random);
    case 5: return hostile_content(file, random);
    case 6: return swap_sections(file, random);
    default: return wrong_head(file, random);
  }
}

}  // namespace rlx_test
