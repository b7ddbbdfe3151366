// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/controller/target.h"

#include <sys/stat.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "runtime/base/certificate.h"
#include "tools/conform/shared/elf_file.h"
#include "tools/conform/shared/random.h"

namespace rlx::conform {
namespace {

constexpr std::uint64_t kFileBytesMax = std::uint64_t{4} << 30;

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
  target.digest = certificate_hash(std::as_bytes(std::span(bytes.data(), bytes.size())));
  target.problem = elf_problem(bytes);
  if (!target.problem.empty()) return target;
  const ElfNotes notes = elf_notes(bytes);
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
