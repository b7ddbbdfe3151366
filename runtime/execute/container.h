// SPDX-License-Identifier: Apache-2.0
// The container: one file of sections that both cached variants and packages are. Little-endian.
//
//   0   magic "RLXBOX\r\n"            8 u32 format version   12 u32 kind of the file
//   16  u64 bytes of the file         24 u32 sections        28 zero up to 48
//   48  XXH3-128 of bytes 0..47 and of the directory
//   64  directory: per section {u32 kind, u32 zero, u64 offset, u64 bytes, XXH3-128 of its bytes, u64 zero}
//   ..  sections in order, each on a border of 64 bytes, zeros between; the file ends where the last one ends
//
// Nothing can overlap, be read twice or lie outside, because each section begins where the one before it ended.
#pragma once

#include <tl/expected.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/file.h"
#include "runtime/base/hash.h"
#include "runtime/base/result.h"
#include "runtime/base/span.h"

namespace rlx {

inline constexpr std::uint32_t kContainerVersion = 1;
inline constexpr std::size_t kContainerAlignment = 64;

enum class ContainerKind : std::uint32_t { kVariant = 1, kPackage = 2 };

/// What is wrong with bytes from outside: one word for counters, one sentence for a person.
struct Flaw {
  std::string word;
  std::string sentence;
};

/// A value or a Flaw.
template <class T>
class [[nodiscard]] Checked : public tl::expected<T, Flaw> {
 public:
  using Base = tl::expected<T, Flaw>;
  using Base::Base;
  Checked() = default;
  Checked(Flaw flaw) : Base(tl::unexpect, std::move(flaw)) {}  // NOLINT: flaws convert on return
};

template <class... Pieces>
Flaw flaw(std::string word, const Pieces&... pieces) {
  return {std::move(word), join(pieces...)};
}

struct ContainerSection {
  std::uint32_t kind = 0;
  std::uint64_t offset = 0;  ///< in the file
  Bytes bytes;
  Hash128 hash;
};

/// A container whose structure has been checked; its sections only where verify() was called.
/// Lifetime: of the bytes.
class Container {
 public:
  /// Checks header, directory, places and the zeros between sections. `file` is 8-byte aligned.
  /// Words: short, magic, version, kind, size, header, directory, padding.
  static Checked<Container> parse(Bytes file, ContainerKind kind);

  /// Null where there is none.
  const ContainerSection* find(std::uint32_t kind) const;
  /// The bytes of a section, their hash checked. Words: missing, content.
  Checked<Bytes> verified(std::uint32_t kind) const;
  /// Every section. Words: content.
  Checked<void> verify() const;
  std::span<const ContainerSection> sections() const { return sections_; }

 private:
  std::vector<ContainerSection> sections_;
};

/// A section to be written: its pieces one after the other, each on a border of 64 bytes of the section.
struct SectionSource {
  std::uint32_t kind = 0;
  std::vector<Bytes> pieces;
};

/// Where piece `index` will lie in its section.
std::vector<std::uint64_t> piece_offsets(std::span<const Bytes> pieces);
/// Bytes of the whole file.
std::uint64_t container_bytes(std::span<const SectionSource> sections);

/// The same file in memory.
std::vector<std::byte> container_file(ContainerKind kind, std::span<const SectionSource> sections);

/// Writes atomically: readers see the old file or the new one. Equal sections give equal bytes.
/// Errors: kFileUnwritable.
Status write_container(const std::filesystem::path& path, ContainerKind kind, std::span<const SectionSource> sections, Durable durable = Durable::kSynced);

}  // namespace rlx
