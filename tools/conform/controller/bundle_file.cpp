// SPDX-License-Identifier: Apache-2.0
// Bundles as zip archives. What is read may come from anybody.
#include <zip.h>

#include <filesystem>
#include <memory>

#include "tools/conform/controller/bundle.h"

namespace rlx::conform {
namespace {

/// What a run of the longest profile leaves, many times over.
constexpr std::uint64_t kBytesMost = std::uint64_t{256} << 20;

struct Closer {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};
using Archive = std::unique_ptr<zip_t, Closer>;

std::string words_of(int code) {
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  const std::string words = zip_error_strerror(&error);
  zip_error_fini(&error);
  return words;
}

bool known(const std::string& name) {
  for (const char* one : {kManifest, kCertificateEntry, kReportEntry, kPageEntry, kEnvironmentEntry, kChecksEntry, kWaiversEntry})
    if (name == one) return true;
  return false;
}

Error refused(const std::string& name, const std::string& why) { return fail(ErrorCode::kInvalidArgument, "entry `", clean(name, 80), "` ", why); }

/// Entry number `i`, put into `entries`. `left`: how many bytes may still come.
Status read_entry(zip_t* archive, zip_uint64_t i, std::uint64_t& left, BundleEntries& entries) {
  zip_stat_t info;
  if (zip_stat_index(archive, i, 0, &info) != 0 || !(info.valid & ZIP_STAT_SIZE) || !(info.valid & ZIP_STAT_NAME)) return refused("?", "has no name or size");
  const std::string name = info.name;
  if (!known(name)) return refused(name, "is none that a bundle has");
  if (entries.count(name)) return refused(name, "comes twice");
  if (info.size > left) return refused(name, "has " + std::to_string(info.size) + " bytes, wanted at most " + std::to_string(left));
  const std::unique_ptr<zip_file_t, Closer> file(zip_fopen_index(archive, i, 0));
  if (!file) return refused(name, "cannot be unpacked: " + std::string(zip_strerror(archive)));
  std::string bytes;
  // Piece by piece: the size is only what the archive says. The read past the end looks at the checksum.
  for (char piece[65536];;) {
    const zip_int64_t count = zip_fread(file.get(), piece, sizeof piece);
    if (count < 0) return refused(name, "is damaged: " + std::string(zip_file_strerror(file.get())));
    if (count == 0) break;
    bytes.append(piece, static_cast<std::size_t>(count));
    if (bytes.size() > info.size) break;
  }
  if (bytes.size() != info.size) return refused(name, "is of another size than it says");
  left -= info.size;
  entries.emplace(name, std::move(bytes));
  return {};
}

bool put(zip_t* archive, const std::string& name, const std::string& bytes) {
  zip_source_t* source = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
  if (!source) return false;
  const zip_int64_t index = zip_file_add(archive, name.c_str(), source, ZIP_FL_ENC_UTF_8);
  if (index < 0) zip_source_free(source);
  return index >= 0;
}

}  // namespace

Status write_bundle(const std::string& path, const BundleEntries& entries) {
  int code = 0;
  Archive archive(zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code));
  if (!archive) return fail(ErrorCode::kFileUnwritable, "`", clean(path), "`: ", words_of(code));
  for (const auto& [name, bytes] : entries)
    if (!put(archive.get(), name, bytes)) return fail(ErrorCode::kFileUnwritable, "`", clean(path), "`: ", zip_strerror(archive.get()));
  if (zip_close(archive.get()) != 0) return fail(ErrorCode::kFileUnwritable, "`", clean(path), "`: ", zip_strerror(archive.get()));
  static_cast<void>(archive.release());  // closing has freed it
  return {};
}

Result<BundleEntries> read_bundle(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return fail(ErrorCode::kFileUnreadable, "no file that can be read");
  int code = 0;
  const Archive archive(zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code));
  if (!archive && (code == ZIP_ER_OPEN || code == ZIP_ER_NOENT || code == ZIP_ER_READ)) return fail(ErrorCode::kFileUnreadable, words_of(code));
  if (!archive) return fail(ErrorCode::kInvalidArgument, "no archive: ", words_of(code));
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  if (count > 7) return fail(ErrorCode::kInvalidArgument, "it has ", std::to_string(count), " entries, wanted at most 7");
  BundleEntries entries;
  std::uint64_t left = kBytesMost;
  for (zip_int64_t i = 0; i < count; ++i) RLX_TRY(read_entry(archive.get(), static_cast<zip_uint64_t>(i), left, entries));
  return entries;
}

}  // namespace rlx::conform
