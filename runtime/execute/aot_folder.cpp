// SPDX-License-Identifier: Apache-2.0
// A cache folder as a whole: listing, explaining, sweeping. Files that are none of ours are left alone.
#include <rlx/host/aot.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>

#include "runtime/base/check.h"
#include "runtime/execute/aot_cache.h"

namespace rlx {
namespace {

constexpr std::int64_t kTemporaryLivesSeconds = 3600;
constexpr std::uint64_t kMostListedBytes = std::uint64_t{2} << 30;  // what is larger is named, not read

struct Found {
  std::string name;
  std::uint64_t bytes = 0;
  timespec used{};
  bool temporary = false;  ///< of a writer that is at work, or died
};

bool older(const Found& a, const Found& b) {
  if (a.used.tv_sec != b.used.tv_sec) return a.used.tv_sec < b.used.tv_sec;
  if (a.used.tv_nsec != b.used.tv_nsec) return a.used.tv_nsec < b.used.tv_nsec;
  return a.name < b.name;
}

/// "KEY.rlxv", or "KEY.rlxv.XXXXXX" of a writer.
bool is_ours(std::string_view name, bool& temporary) {
  if (name.size() < 32 + kAotSuffix.size() || !is_aot_name(name.substr(0, 32)) || name.substr(32, kAotSuffix.size()) != kAotSuffix) return false;
  const std::string_view rest = name.substr(32 + kAotSuffix.size());
  temporary = !rest.empty();
  return rest.empty() || (rest.size() == 7 && rest[0] == '.');
}

Result<std::vector<Found>> scan(const std::string& folder) {
  std::vector<Found> files;
  std::error_code error;
  std::filesystem::directory_iterator it(folder, error);
  if (error == std::errc::no_such_file_or_directory) return files;
  for (; !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    Found found;
    found.name = it->path().filename().string();
    struct stat info {};
    if (!is_ours(found.name, found.temporary) || ::lstat(it->path().c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    found.bytes = static_cast<std::uint64_t>(info.st_size);
    found.used = info.st_mtim;
    files.push_back(std::move(found));
  }
  if (error) return fail(ErrorCode::kFileUnreadable, "cache folder `", folder, "`: ", error.message());
  return files;
}

AotEntry entry_of(const std::string& folder, const Found& found) {
  AotEntry entry;
  entry.key = found.name.substr(0, 32);
  entry.bytes = found.bytes;
  entry.used_s = found.used.tv_sec;
  const auto file = read_aot_file(folder, found.name, kMostListedBytes, false);
  if (!file) {
    entry.reason = file.error().word;
    entry.sentence = file.error().sentence;
    return entry;
  }
  entry.fields = file->key.fields;
  entry.image_bytes = file->image.size();
  entry.artifact_bytes = file->artifact.code.size();
  if (file->key.name() != entry.key) {
    entry.reason = "key";
    entry.sentence = "its name is not that of its key, " + file->key.name();
  } else if (const Status sound = lir::verify_image(file->image); !sound) {
    entry.reason = "image";
    entry.sentence = sound.error().message();
  }
  return entry;
}

}  // namespace

Result<AotSweep> sweep_folder(const std::string& folder, std::uint64_t budget_bytes, const std::string& keep, bool damaged_too) {
  RLX_ASSIGN(std::vector<Found> files, scan(folder));
  std::sort(files.begin(), files.end(), older);
  std::uint64_t bytes = 0;
  for (const Found& file : files) bytes += file.temporary ? 0 : file.bytes;
  const std::int64_t now = std::time(nullptr);
  AotSweep sweep;
  for (const Found& file : files) {
    const bool dead = file.temporary && now - file.used.tv_sec > kTemporaryLivesSeconds;
    const bool over = !file.temporary && bytes > budget_bytes && file.name != keep;
    const bool damaged = !dead && !over && !file.temporary && damaged_too && !entry_of(folder, file).reason.empty();
    if (!dead && !over && !damaged) {
      sweep.files += !file.temporary;
      sweep.bytes += file.temporary ? 0 : file.bytes;
      continue;
    }
    if (!file.temporary) bytes -= file.bytes;
    if (::unlink((folder + "/" + file.name).c_str()) != 0) continue;  // another process was faster, or it may not
    ++sweep.removed_files;
    sweep.removed_bytes += file.bytes;
  }
  return sweep;
}

Result<std::vector<AotEntry>> list_aot(const std::string& folder) {
  return guard([&]() -> Result<std::vector<AotEntry>> {
    RLX_ASSIGN(std::vector<Found> files, scan(folder));
    std::sort(files.begin(), files.end(), [](const Found& a, const Found& b) { return older(b, a); });
    std::vector<AotEntry> entries;
    for (const Found& file : files)
      if (!file.temporary) entries.push_back(entry_of(folder, file));
    return entries;
  });
}

Result<AotEntry> explain_aot(const std::string& folder, std::string_view key) {
  return guard([&]() -> Result<AotEntry> {
    if (!is_aot_name(key)) return fail(ErrorCode::kInvalidArgument, "`", key, "` is no key: wanted 32 digits of 0-9 and a-f");
    Found found;
    found.name = std::string(key) + std::string(kAotSuffix);
    struct stat info {};
    if (::lstat((folder + "/" + found.name).c_str(), &info) == 0) {
      found.bytes = static_cast<std::uint64_t>(info.st_size);
      found.used = info.st_mtim;
    }
    return entry_of(folder, found);
  });
}

Result<AotSweep> sweep_aot(const std::string& folder, std::uint64_t budget_bytes) {
  return guard([&] { return sweep_folder(folder, budget_bytes, {}, true); });
}

}  // namespace rlx
