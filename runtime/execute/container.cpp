// SPDX-License-Identifier: Apache-2.0
// Reading containers without trust, and writing them.
#include "runtime/execute/container.h"

#include <algorithm>
#include <cstring>

#include "runtime/base/file.h"
#include "runtime/execute/wire.h"

namespace rlx {
namespace {

constexpr std::size_t kHeaderBytes = 64;
constexpr std::size_t kHashAt = 48;
constexpr std::size_t kRowBytes = 48;
constexpr std::uint32_t kMostSections = 64;
constexpr char kMagic[9] = "RLXBOX\r\n";

/// No overflow: what is aligned here lies in memory or is being written from there.
constexpr std::uint64_t align_up(std::uint64_t bytes) { return (bytes + kContainerAlignment - 1) & ~std::uint64_t{kContainerAlignment - 1}; }

bool all_zero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

Hash128 header_hash(Bytes head, Bytes directory) {
  Hasher hasher;
  hasher.add(head.first(kHashAt));
  hasher.add(directory);
  return hasher.finish();
}

/// Checks the fixed part; returns the number of sections.
Checked<std::uint32_t> read_header(Bytes file, ContainerKind kind) {
  if (file.size() < kHeaderBytes) return flaw("short", "it has ", file.size(), " bytes, a header has ", kHeaderBytes);
  if (std::memcmp(file.data(), kMagic, 8) != 0) return flaw("magic", "it does not begin as a file of this runtime does");
  ByteReader head(file.subspan(8, kHeaderBytes - 8));
  if (const auto version = head.number<std::uint32_t>(); version != kContainerVersion)
    return flaw("version", "its format is version ", version, ", this runtime reads ", kContainerVersion);
  if (const auto seen = head.number<std::uint32_t>(); seen != static_cast<std::uint32_t>(kind))
    return flaw("kind", "it is a file of kind ", seen, ", wanted ", static_cast<std::uint32_t>(kind));
  if (const auto bytes = head.number<std::uint64_t>(); bytes != file.size())
    return flaw("size", "it has ", file.size(), " bytes, its header says ", bytes);
  const auto count = head.number<std::uint32_t>();
  if (count > kMostSections) return flaw("header", "it has ", count, " sections, at most ", kMostSections, " are read");
  if ((file.size() - kHeaderBytes) / kRowBytes < count) return flaw("short", "its directory of ", count, " sections does not fit into it");
  ByteReader stored(file.subspan(kHashAt, 16));
  if (stored.hash() != header_hash(file, file.subspan(kHeaderBytes, count * kRowBytes)))
    return flaw("header", "its header or directory is damaged");
  if (!all_zero(file.subspan(28, kHashAt - 28))) return flaw("header", "unused bytes of its header are set");
  return count;
}

/// One row of the directory; `end` is where the section before it ended.
Checked<ContainerSection> read_row(Bytes file, Bytes row, std::uint64_t& end) {
  ByteReader reader(row);
  ContainerSection section;
  section.kind = reader.number<std::uint32_t>();
  const auto reserved = reader.number<std::uint32_t>();
  section.offset = reader.number<std::uint64_t>();
  const auto bytes = reader.number<std::uint64_t>();
  section.hash = reader.hash();
  if (reserved != 0 || reader.number<std::uint64_t>() != 0) return flaw("directory", "unused bytes of section ", section.kind, " are set");
  if (section.offset != align_up(end) || section.offset > file.size() || bytes > file.size() - section.offset)
    return flaw("directory", "section ", section.kind, " lies at ", section.offset, " with ", bytes, " bytes, wanted at ", align_up(end),
                " and inside the ", file.size(), " bytes of the file");
  if (!all_zero(file.subspan(end, section.offset - end))) return flaw("padding", "bytes before section ", section.kind, " are set");
  section.bytes = file.subspan(section.offset, bytes);
  end = section.offset + bytes;
  return section;
}

}  // namespace

Checked<Container> Container::parse(Bytes file, ContainerKind kind) {
  const auto count = read_header(file, kind);
  if (!count) return count.error();
  Container container;
  std::uint64_t end = kHeaderBytes + *count * kRowBytes;
  for (std::uint32_t i = 0; i < *count; ++i) {
    auto section = read_row(file, file.subspan(kHeaderBytes + i * kRowBytes, kRowBytes), end);
    if (!section) return section.error();
    if (container.find(section->kind)) return flaw("directory", "section ", section->kind, " occurs twice");
    container.sections_.push_back(*section);
  }
  if (end != file.size()) return flaw("size", "its sections end at ", end, " of ", file.size(), " bytes");
  return container;
}

const ContainerSection* Container::find(std::uint32_t kind) const {
  const auto found = std::find_if(sections_.begin(), sections_.end(), [&](const ContainerSection& s) { return s.kind == kind; });
  return found == sections_.end() ? nullptr : &*found;
}

Checked<Bytes> Container::verified(std::uint32_t kind) const {
  const ContainerSection* section = find(kind);
  if (!section) return flaw("missing", "it has no section ", kind);
  if (hash_bytes(section->bytes) != section->hash) return flaw("content", "the bytes of section ", kind, " are damaged");
  return section->bytes;
}

Checked<void> Container::verify() const {
  for (const ContainerSection& section : sections_)
    if (auto bytes = verified(section.kind); !bytes) return bytes.error();
  return {};
}

std::vector<std::uint64_t> piece_offsets(std::span<const Bytes> pieces) {
  std::vector<std::uint64_t> offsets;
  std::uint64_t end = 0;
  for (const Bytes piece : pieces) {
    offsets.push_back(align_up(end));
    end = offsets.back() + piece.size();
  }
  return offsets;
}

namespace {

std::uint64_t section_bytes(const SectionSource& section) {
  return section.pieces.empty() ? 0 : piece_offsets(section.pieces).back() + section.pieces.back().size();
}

/// Adds zeros up to the next border of 64 bytes, then `piece`.
void add_aligned(std::vector<Bytes>& out, std::uint64_t& end, Bytes piece) {
  static constexpr std::byte kZeros[kContainerAlignment] = {};
  out.push_back(Bytes(kZeros, align_up(end) - end));
  out.push_back(piece);
  end = align_up(end) + piece.size();
}

Hash128 section_hash(const SectionSource& section) {
  std::vector<Bytes> pieces;
  std::uint64_t end = 0;
  for (const Bytes piece : section.pieces) add_aligned(pieces, end, piece);
  Hasher hasher;
  for (const Bytes piece : pieces) hasher.add(piece);
  return hasher.finish();
}

}  // namespace

std::uint64_t container_bytes(std::span<const SectionSource> sections) {
  std::uint64_t end = kHeaderBytes + sections.size() * kRowBytes;
  for (const SectionSource& section : sections) end = align_up(end) + section_bytes(section);
  return end;
}

namespace {

/// A file as the pieces of which it is made; `head` and `directory` hold what is not in the sections.
struct FileLayout {
  ByteWriter head, directory;
  std::vector<Bytes> pieces;
  FileLayout(ContainerKind kind, std::span<const SectionSource> sections);
  FileLayout(const FileLayout&) = delete;
  FileLayout& operator=(const FileLayout&) = delete;
};

FileLayout::FileLayout(ContainerKind kind, std::span<const SectionSource> sections) {
  std::uint64_t end = kHeaderBytes + sections.size() * kRowBytes;
  for (const SectionSource& section : sections) {
    directory.number(section.kind);
    directory.number(std::uint32_t{0});
    directory.number(align_up(end));
    directory.number(section_bytes(section));
    directory.hash(section_hash(section));
    directory.number(std::uint64_t{0});
    end = align_up(end) + section_bytes(section);
  }
  for (int i = 0; i < 8; ++i) head.number(kMagic[i]);
  head.number(kContainerVersion);
  head.number(static_cast<std::uint32_t>(kind));
  head.number(end);
  head.number(static_cast<std::uint32_t>(sections.size()));
  while (head.bytes().size() < kHashAt) head.number(std::uint8_t{0});
  head.hash(header_hash(head.bytes(), directory.bytes()));
  pieces = {head.bytes(), directory.bytes()};
  std::uint64_t written = kHeaderBytes + directory.bytes().size();
  for (const SectionSource& section : sections) {
    if (section.pieces.empty()) add_aligned(pieces, written, {});
    for (const Bytes piece : section.pieces) add_aligned(pieces, written, piece);
  }
}

}  // namespace

std::vector<std::byte> container_file(ContainerKind kind, std::span<const SectionSource> sections) {
  const FileLayout layout(kind, sections);
  std::vector<std::byte> file;
  for (const Bytes piece : layout.pieces) file.insert(file.end(), piece.begin(), piece.end());
  return file;
}

Status write_container(const std::filesystem::path& path, ContainerKind kind, std::span<const SectionSource> sections, Durable durable) {
  return write_atomically(path, FileLayout(kind, sections).pieces, durable);
}

}  // namespace rlx
