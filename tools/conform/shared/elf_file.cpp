// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/shared/elf_file.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace rlx::conform {
namespace {

#if defined(__x86_64__)
constexpr std::uint16_t kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t kMachine = EM_AARCH64;
#else
constexpr std::uint16_t kMachine = EM_NONE;
#endif

template <class Record>
std::optional<Record> at(const std::string& bytes, std::uint64_t offset) {
  if (offset > bytes.size() || sizeof(Record) > bytes.size() - offset) return std::nullopt;
  Record record;
  std::memcpy(&record, bytes.data() + offset, sizeof record);
  return record;
}

void read_notes(const std::string& bytes, std::uint64_t offset, std::uint64_t size, ElfNotes& notes) {
  const std::uint64_t end = size > bytes.size() - offset ? bytes.size() : offset + size;
  while (end - offset >= sizeof(Elf64_Nhdr)) {
    const auto head = *at<Elf64_Nhdr>(bytes, offset);
    const std::uint64_t name = offset + sizeof head;
    const std::uint64_t text = name + (std::uint64_t{head.n_namesz} + 3) / 4 * 4;
    const std::uint64_t next = text + (std::uint64_t{head.n_descsz} + 3) / 4 * 4;
    if (next > end) return;
    const std::string_view owner(bytes.data() + name, head.n_namesz);
    if (owner == std::string_view(RLX_NOTE_OWNER, 4) && head.n_type == RLX_NOTE_TYPE && head.n_descsz == RLX_DESCRIPTOR_BYTES)
      notes.descriptors.push_back(*at<rlx_descriptor>(bytes, text));
    if (owner == std::string_view("GNU", 4) && head.n_type == NT_GNU_BUILD_ID)
      for (std::uint64_t i = 0; i < head.n_descsz && i < 32; ++i) {
        constexpr char kHex[] = "0123456789abcdef";
        const auto byte = static_cast<unsigned char>(bytes[text + i]);
        notes.build_id += {kHex[byte >> 4], kHex[byte & 15]};
      }
    offset = next;
  }
}

/// The dynamic segment: addresses as offsets in the file.
class Dynamic {
 public:
  explicit Dynamic(const std::string& bytes) : bytes_(bytes), header_(*at<Elf64_Ehdr>(bytes, 0)) {
    for (std::uint64_t i = 0; i < header_.e_phnum; ++i) {
      const auto segment = at<Elf64_Phdr>(bytes, header_.e_phoff + i * sizeof(Elf64_Phdr));
      if (!segment) break;
      if (segment->p_type == PT_LOAD) loads_.push_back(*segment);
      if (segment->p_type == PT_DYNAMIC) dynamic_ = *segment;
    }
    for (std::uint64_t i = 0; i < dynamic_.p_filesz / sizeof(Elf64_Dyn); ++i) {
      const auto entry = at<Elf64_Dyn>(bytes, dynamic_.p_offset + i * sizeof(Elf64_Dyn));
      if (!entry || entry->d_tag == DT_NULL) break;
      entries_.push_back(*entry);
    }
  }

  std::uint64_t value(std::int64_t tag) const {
    for (const Elf64_Dyn& entry : entries_)
      if (entry.d_tag == tag) return entry.d_un.d_val;
    return 0;
  }
  const std::vector<Elf64_Dyn>& entries() const { return entries_; }

  /// Offset in the file of an address, or past its end.
  std::uint64_t offset_of(std::uint64_t address) const {
    for (const Elf64_Phdr& load : loads_)
      if (address >= load.p_vaddr && address - load.p_vaddr < load.p_filesz) return address - load.p_vaddr + load.p_offset;
    return bytes_.size();
  }

  std::string text(std::uint64_t offset) const {
    const std::uint64_t begin = offset_of(value(DT_STRTAB)) + offset;
    if (offset >= value(DT_STRSZ) || begin >= bytes_.size()) return {};
    const void* end = std::memchr(bytes_.data() + begin, 0, bytes_.size() - begin);
    return end ? std::string(bytes_.data() + begin) : std::string();
  }

  /// How many symbols there are: from the hash table of either kind, whose last chain tells.
  std::uint64_t symbol_count() const {
    if (const std::uint64_t hash = value(DT_HASH)) return at<std::uint32_t>(bytes_, offset_of(hash) + 4).value_or(0);
    const std::uint64_t table = offset_of(value(DT_GNU_HASH));
    const std::uint64_t buckets = at<std::uint32_t>(bytes_, table).value_or(0), first = at<std::uint32_t>(bytes_, table + 4).value_or(0);
    const std::uint64_t bloom = at<std::uint32_t>(bytes_, table + 8).value_or(0);
    const std::uint64_t bucket_table = table + 16 + bloom * 8, chains = bucket_table + buckets * 4;
    std::uint64_t last = first;
    for (std::uint64_t i = 0; i < buckets && i < bytes_.size(); ++i)
      last = std::max<std::uint64_t>(last, at<std::uint32_t>(bytes_, bucket_table + i * 4).value_or(0));
    if (last < first) return first;
    for (;; ++last) {
      const auto link = at<std::uint32_t>(bytes_, chains + (last - first) * 4);
      if (!link) return last;
      if (*link & 1) return last + 1;
    }
  }

  std::optional<Elf64_Sym> symbol(std::uint64_t index) const {
    return at<Elf64_Sym>(bytes_, offset_of(value(DT_SYMTAB)) + index * sizeof(Elf64_Sym));
  }

 private:
  const std::string& bytes_;
  Elf64_Ehdr header_;
  std::vector<Elf64_Phdr> loads_;
  Elf64_Phdr dynamic_{};
  std::vector<Elf64_Dyn> entries_;
};

}  // namespace

std::string elf_problem(const std::string& bytes) {
  if (bytes.size() < sizeof(Elf64_Ehdr) || std::memcmp(bytes.data(), ELFMAG, SELFMAG) != 0)
    return "is no ELF file: it begins with other bytes than a shared library";
  const auto header = *at<Elf64_Ehdr>(bytes, 0);
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB)
    return "is an ELF file of another kind: wanted 64 bits, little-endian";
  if (header.e_machine != kMachine)
    return "is for another machine: ELF machine " + std::to_string(header.e_machine) + ", this one is " + std::to_string(kMachine);
  if (header.e_type != ET_DYN) return "is no shared library: ELF type " + std::to_string(header.e_type);
  return {};
}

ElfNotes elf_notes(const std::string& bytes) {
  ElfNotes notes;
  if (!elf_problem(bytes).empty()) return notes;
  const auto header = *at<Elf64_Ehdr>(bytes, 0);
  for (std::uint64_t i = 0; i < header.e_phnum; ++i) {
    const auto segment = at<Elf64_Phdr>(bytes, header.e_phoff + i * sizeof(Elf64_Phdr));
    if (!segment) break;
    if (segment->p_type == PT_NOTE && segment->p_offset <= bytes.size())
      read_notes(bytes, segment->p_offset, segment->p_filesz, notes);
  }
  return notes;
}

ElfDynamic elf_dynamic(const std::string& bytes) {
  ElfDynamic out;
  if (!elf_problem(bytes).empty()) return out;
  const Dynamic dynamic(bytes);
  for (const Elf64_Dyn& entry : dynamic.entries())
    if (entry.d_tag == DT_NEEDED) out.needed.push_back(dynamic.text(entry.d_un.d_val));
  const std::uint64_t count = dynamic.symbol_count();
  for (std::uint64_t i = 1; i < count; ++i) {
    const auto symbol = dynamic.symbol(i);
    if (!symbol) break;
    const std::string name = dynamic.text(symbol->st_name);
    const unsigned binding = ELF64_ST_BIND(symbol->st_info);
    if (name.empty() || binding == STB_LOCAL || symbol->st_shndx == SHN_ABS) continue;
    (symbol->st_shndx == SHN_UNDEF ? out.imports : out.exports).push_back(name);
  }
  return out;
}

}  // namespace rlx::conform
