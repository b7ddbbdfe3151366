// SPDX-License-Identifier: Apache-2.0
// Reading one file of a cache folder. It is read into memory, not mapped: what was checked is what is used, whoever writes
// to the file meanwhile.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "runtime/execute/aot_cache.h"

namespace rlx {
namespace {

struct OpenFile {
  int fd;
  ~OpenFile() {
    if (fd >= 0) ::close(fd);
  }
};

/// Device code runs with the rights of the host: nobody else may have been able to write it.
Checked<std::uint64_t> check_file(int fd, std::uint64_t most_bytes) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return flaw("unreadable", std::strerror(errno));
  if (!S_ISREG(info.st_mode)) return flaw("unreadable", "it is no regular file");
  if (info.st_uid != ::geteuid() && info.st_uid != 0)
    return flaw("unsafe", "it belongs to user ", info.st_uid, ", wanted this user or root");
  if (info.st_mode & (S_IWGRP | S_IWOTH)) return flaw("unsafe", "others may write it");
  const auto bytes = static_cast<std::uint64_t>(info.st_size);
  if (bytes > most_bytes) return flaw("size", "it has ", bytes, " bytes, at most ", most_bytes, " are read");
  return bytes;
}

/// Returns false where the file ends early.
bool read_all(int fd, char* to, std::uint64_t bytes) {
  while (bytes > 0) {
    const ssize_t got = ::read(fd, to, bytes);
    if (got == 0 || (got < 0 && errno != EINTR)) return false;
    if (got > 0) to += got, bytes -= static_cast<std::uint64_t>(got);
  }
  return true;
}

/// On a border of 64 bytes, as the sections are in their file; null where there is no memory.
std::shared_ptr<std::byte> aligned_memory(std::uint64_t bytes) {
  constexpr std::align_val_t kAlignment{kContainerAlignment};
  return {static_cast<std::byte*>(::operator new(bytes, kAlignment, std::nothrow)), [=](std::byte* at) { ::operator delete(at, kAlignment); }};
}

constexpr std::uint32_t number(AotSection section) { return static_cast<std::uint32_t>(section); }

}  // namespace

Checked<AotFile> copy_aot_file(Bytes bytes) {
  std::shared_ptr<std::byte> memory = aligned_memory(bytes.size());
  if (!memory) return flaw("size", "there is no memory for its ", bytes.size(), " bytes");
  std::copy(bytes.begin(), bytes.end(), memory.get());
  auto parsed = parse_aot_file({memory.get(), bytes.size()});
  if (parsed) parsed->memory = std::move(memory);
  return parsed;
}

Checked<AotKey> key_of_aot_file(Bytes bytes) {
  const auto container = Container::parse(bytes, ContainerKind::kVariant);
  if (!container) return container.error();
  const auto text = container->verified(number(AotSection::kKey));
  if (!text) return text.error();
  return parse_aot_key(*text);
}

Checked<AotFile> parse_aot_file(Bytes bytes) {
  const auto container = Container::parse(bytes, ContainerKind::kVariant);
  if (!container) return container.error();
  if (auto sound = container->verify(); !sound) return sound.error();
  for (const ContainerSection& section : container->sections())
    if (section.kind < number(AotSection::kKey) || section.kind > number(AotSection::kArtifact))
      return flaw("directory", "section ", section.kind, " is not known");
  const auto bytes_of = [&](AotSection kind) {
    const ContainerSection* section = container->find(number(kind));
    return section ? section->bytes : Bytes();
  };
  for (const AotSection kind : {AotSection::kKey, AotSection::kImage, AotSection::kReport})
    if (!container->find(number(kind))) return flaw("missing", "it has no section ", number(kind));
  auto key = parse_aot_key(bytes_of(AotSection::kKey));
  if (!key) return key.error();
  return AotFile{nullptr, *std::move(key), bytes_of(AotSection::kImage), bytes_of(AotSection::kReport),
                 {bytes_of(AotSection::kCompat), bytes_of(AotSection::kArtifact)}};
}

Checked<AotFile> read_aot_file(const std::string& folder, const std::string& name, std::uint64_t most_bytes, bool touch) {
  const std::string path = folder + "/" + name;
  const OpenFile file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)};
  if (file.fd < 0 && (errno == ENOENT || errno == ENOTDIR)) return flaw("absent", "there is no file");
  if (file.fd < 0) return flaw("unreadable", std::strerror(errno));
  const auto bytes = check_file(file.fd, most_bytes);
  if (!bytes) return bytes.error();
  std::shared_ptr<std::byte> memory = aligned_memory(*bytes);
  if (!memory) return flaw("size", "there is no memory for its ", *bytes, " bytes");
  if (!read_all(file.fd, reinterpret_cast<char*>(memory.get()), *bytes)) return flaw("unreadable", "it ended while it was read");
  auto parsed = parse_aot_file({memory.get(), *bytes});
  if (!parsed) return parsed;
  if (touch) ::futimens(file.fd, nullptr);  // used now; a read-only folder forgets it
  parsed->memory = std::move(memory);
  return parsed;
}

}  // namespace rlx
