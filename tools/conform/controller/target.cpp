// SPDX-License-Identifier: Apache-2.0
// Walks PT_NOTE segments, as the contract says; a missing section table does not matter.
#include "tools/conform/controller/target.h"

#include <elf.h>
#include <sys/stat.h>

#include <climits>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "tools/conform/shared/random.h"

namespace rlx::conform {
namespace {

constexpr std::uint64_t kFileBytesMax = std::uint64_t{4} << 30;

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

/// Why the file cannot be a library of this machine; empty where it can.
std::string check_header(const std::string& bytes) {
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

struct Notes {
  std::vector<rlx_descriptor> descriptors;
  std::string build_id;
};

void read_notes(const std::string& bytes, std::uint64_t offset, std::uint64_t size, Notes& notes) {
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

Notes notes_of(const std::string& bytes) {
  Notes notes;
  const auto header = *at<Elf64_Ehdr>(bytes, 0);
  for (std::uint64_t i = 0; i < header.e_phnum; ++i) {
    const auto segment = at<Elf64_Phdr>(bytes, header.e_phoff + i * sizeof(Elf64_Phdr));
    if (!segment) break;
    if (segment->p_type == PT_NOTE && segment->p_offset <= bytes.size())
      read_notes(bytes, segment->p_offset, segment->p_filesz, notes);
  }
  return notes;
}

template <std::size_t N>
bool bounded(const char (&text)[N]) {
  return std::memchr(text, 0, N) != nullptr;
}

std::string check_descriptor(const rlx_descriptor& own) {
  if (std::memcmp(own.magic, "RLXPLUG", 8) != 0) return "has a descriptor with another magic than RLXPLUG";
  if (own.size != RLX_DESCRIPTOR_BYTES || own.descriptor_version != RLX_DESCRIPTOR_VERSION)
    return "has a descriptor of another version: size " + std::to_string(own.size) + ", version " + std::to_string(own.descriptor_version);
  if (!bounded(own.id) || !bounded(own.name) || !bounded(own.vendor) || !bounded(own.version)) return "has a descriptor whose texts do not end";
  if (own.abi_epoch != RLX_ABI_EPOCH || own.abi_major != RLX_ABI_MAJOR || own.abi_minor_min > RLX_ABI_MINOR || own.abi_minor_max < 1)
    return "speaks another ABI: epoch " + std::to_string(own.abi_epoch) + ", version " + std::to_string(own.abi_major) + "." +
           std::to_string(own.abi_minor_min) + " to " + std::to_string(own.abi_minor_max) + "; this tool speaks epoch " +
           std::to_string(RLX_ABI_EPOCH) + ", version " + std::to_string(RLX_ABI_MAJOR) + "." + std::to_string(RLX_ABI_MINOR);
  return {};
}

std::string read_file(Target& target, std::string& bytes) {
  struct stat info {};
  if (::stat(target.path.c_str(), &info) != 0) return std::string("cannot be read: ") + std::strerror(errno);
  if (S_ISDIR(info.st_mode)) return "is a directory; wanted the file of a plugin";
  if (!S_ISREG(info.st_mode)) return "is no regular file";
  target.bytes = static_cast<std::uint64_t>(info.st_size);
  if (target.bytes > kFileBytesMax) return "is too large: " + std::to_string(target.bytes) + " bytes";
  std::ifstream file(target.path, std::ios::binary);
  if (!file) return std::string("cannot be read: ") + std::strerror(errno);
  bytes.assign(std::istreambuf_iterator<char>(file), {});
  return {};
}

}  // namespace

Target inspect_target(const std::string& path) {
  Target target;
  char absolute[PATH_MAX];
  target.path = ::realpath(path.c_str(), absolute) ? absolute : path;
  std::string bytes;
  target.problem = read_file(target, bytes);
  if (!target.problem.empty()) return target;
  target.hash = hash_text(bytes);
  target.problem = check_header(bytes);
  if (!target.problem.empty()) return target;
  const Notes notes = notes_of(bytes);
  target.build_id = notes.build_id;
  if (notes.descriptors.size() != 1) {
    target.problem = notes.descriptors.empty() ? "is no RLX plugin: it has no descriptor note of owner `RLX`"
                                               : "has " + std::to_string(notes.descriptors.size()) + " descriptor notes, wanted one";
    return target;
  }
  target.descriptor = notes.descriptors[0];
  target.problem = check_descriptor(target.descriptor);
  return target;
}

}  // namespace rlx::conform
