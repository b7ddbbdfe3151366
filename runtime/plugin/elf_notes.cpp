// SPDX-License-Identifier: Apache-2.0
// Walks the notes of an ELF file. Every offset and size in it is taken for a lie until it is shown to lie in
// the file.
#include <elf.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

#include "runtime/plugin/descriptor.h"

namespace rlx {
namespace {

#if defined(__x86_64__)
constexpr std::uint16_t kMachine = EM_X86_64;
constexpr std::string_view kMachineName = "x86-64";
#elif defined(__aarch64__)
constexpr std::uint16_t kMachine = EM_AARCH64;
constexpr std::string_view kMachineName = "aarch64";
#else
#error "no ELF machine number for this processor"
#endif

/// Libraries have a dozen; a bound keeps a hostile file from having its notes walked 65,000 times.
constexpr std::uint16_t kSegmentsMax = 256;

template <class... Pieces>
Error refused(const Pieces&... pieces) {
  return fail(ErrorCode::kPluginRejected, pieces...);
}

/// The bytes [offset, offset + size) of `file`, or nothing where they leave it.
std::optional<Bytes> part(Bytes file, std::uint64_t offset, std::uint64_t size) {
  if (offset > file.size() || size > file.size() - offset) return std::nullopt;
  return file.subspan(offset, size);
}

template <class T>
std::optional<T> read_as(Bytes file, std::uint64_t offset) {
  const auto bytes = part(file, offset, sizeof(T));
  if (!bytes) return std::nullopt;
  T value;
  std::memcpy(&value, bytes->data(), sizeof value);
  return value;
}

Result<Elf64_Ehdr> read_header(Bytes file) {
  if (file.size() < SELFMAG || std::memcmp(file.data(), ELFMAG, SELFMAG) != 0)
    return refused("no ELF file (it has ", file.size(),
                   " bytes and does not begin with 7f 45 4c 46): not loaded");
  const auto header = read_as<Elf64_Ehdr>(file, 0);
  if (!header)
    return refused("the ELF file is truncated: ", file.size(), " bytes, its header alone has ",
                   sizeof(Elf64_Ehdr));
  if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB)
    return refused("the ELF file is not 64-bit little-endian");
  if (header->e_machine != kMachine)
    return refused("the file is for another machine: ELF machine ", header->e_machine, ", this one is ",
                   kMachineName, " (", kMachine, ")");
  if (header->e_type != ET_DYN)
    return refused("the ELF file is no shared library: type ", header->e_type, ", wanted ", ET_DYN);
  if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum > kSegmentsMax)
    return refused("the ELF file's program headers are malformed: ", header->e_phnum, " of ",
                   header->e_phentsize, " bytes");
  return *header;
}

std::string hexadecimal(Bytes bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    text += digits[static_cast<unsigned>(byte) >> 4];
    text += digits[static_cast<unsigned>(byte) & 15];
  }
  return text;
}

Status take_note(std::string_view owner, std::uint32_t type, Bytes content, PluginNotes& notes) {
  using namespace std::string_view_literals;
  if (owner == "GNU\0"sv && type == NT_GNU_BUILD_ID && content.size() >= 8 && content.size() <= 64) {
    notes.build_id = hexadecimal(content);
    return {};
  }
  if (owner != "RLX\0"sv) return {};
  if (type != RLX_NOTE_TYPE) return {};
  if (notes.descriptor.data() == content.data() && !notes.descriptor.empty()) return {};
  if (!notes.descriptor.empty()) return refused("two plugin descriptors in one file: not loaded");
  if (content.size() != RLX_DESCRIPTOR_BYTES)
    return refused("the plugin descriptor has ", content.size(), " bytes, wanted ", RLX_DESCRIPTOR_BYTES);
  notes.descriptor = content;
  return {};
}

/// One PT_NOTE segment. Notes are padded to the segment's alignment, 4 or 8.
Status walk_segment(Bytes segment, std::uint64_t align, PluginNotes& notes) {
  const auto padded = [align](std::uint64_t size) { return (size + align - 1) & ~(align - 1); };
  for (std::uint64_t at = 0; at < segment.size();) {
    const auto head = read_as<Elf64_Nhdr>(segment, at);
    if (!head)
      return refused("the ELF file's notes are damaged: a note begins at byte ", at, " of ", segment.size());
    const std::uint64_t content_at = at + padded(sizeof *head + std::uint64_t{head->n_namesz});
    const auto owner = part(segment, at + sizeof *head, head->n_namesz);
    const auto content = part(segment, content_at, head->n_descsz);
    if (!owner || !content)
      return refused("the ELF file's notes are damaged: the note at byte ", at, " leaves its segment of ",
                     segment.size());
    RLX_TRY(take_note({reinterpret_cast<const char*>(owner->data()), owner->size()}, head->n_type, *content,
                      notes));
    at = content_at + padded(head->n_descsz);
  }
  return {};
}

}  // namespace

Result<PluginNotes> find_notes(Bytes file) {
  RLX_ASSIGN(const Elf64_Ehdr header, read_header(file));
  PluginNotes notes;
  for (std::uint64_t i = 0; i < header.e_phnum; ++i) {
    // e_phoff is at most the file's size when the sum is formed, so it cannot wrap.
    const auto segment = header.e_phoff <= file.size()
                             ? read_as<Elf64_Phdr>(file, header.e_phoff + i * sizeof(Elf64_Phdr))
                             : std::nullopt;
    if (!segment)
      return refused("the ELF file is truncated: program header ", i, " lies outside its ", file.size(),
                     " bytes");
    if (segment->p_type != PT_LOAD && segment->p_type != PT_NOTE) continue;
    const auto bytes = part(file, segment->p_offset, segment->p_filesz);
    if (!bytes)
      return refused("the ELF file is truncated: segment ", i, " needs ", segment->p_filesz, " bytes at ",
                     segment->p_offset, ", the file has ", file.size());
    if (segment->p_type == PT_NOTE) RLX_TRY(walk_segment(*bytes, segment->p_align == 8 ? 8 : 4, notes));
  }
  if (notes.descriptor.empty()) return refused("no plugin descriptor: not loaded");
  return notes;
}

}  // namespace rlx
