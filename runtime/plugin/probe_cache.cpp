// SPDX-License-Identifier: Apache-2.0
// An entry is its key, a line with the outcome, and the reason.
#include "runtime/plugin/probe_cache.h"

#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/file.h"
#include "runtime/base/hash.h"

namespace rlx {
namespace {

Bytes bytes_of(const std::string& text) { return std::as_bytes(std::span(text.data(), text.size())); }

std::string key_of(const PluginFile& file, const HostVersions& host) {
  struct stat info {};
  if (::stat(file.path.c_str(), &info) != 0) return {};
  return join("rlx-probe 1\nhost ", host.version, " ", host.abi_epoch, " ", host.abi_major, " ",
              host.abi_minor_min, " ", host.abi_minor_max, " ", host.lir_version_min, " ",
              host.lir_version_max, "\npath ", file.path.string(), "\nsize ", info.st_size, "\nmtime ",
              info.st_mtim.tv_sec, ".", info.st_mtim.tv_nsec, "\ninode ", info.st_ino, "\nbuild ",
              file.build_id, "\n");
}

/// Makes the folder for the user alone. False where it cannot be used.
bool make_private(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder.parent_path(), error);
  if (error) return false;
  ::mkdir(folder.c_str(), 0700);
  struct stat info {};
  return ::lstat(folder.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == ::geteuid() &&
         !(info.st_mode & S_IWOTH);
}

}  // namespace

ProbeCache::ProbeCache(const std::filesystem::path& folder, const PluginFile& file,
                       const HostVersions& host) {
  if (folder.empty()) return;
  key_ = key_of(file, host);
  if (!key_.empty()) entry_ = folder / "probe" / hex(hash_bytes(bytes_of(file.path.string())));
}

std::optional<ProbeVerdict> ProbeCache::find() const {
  if (entry_.empty()) return std::nullopt;
  struct stat info {};
  if (::lstat(entry_.c_str(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != ::geteuid())
    return std::nullopt;
  const auto text = read_text(entry_);
  if (!text || !text->starts_with(key_)) return std::nullopt;
  const std::string rest = text->substr(key_.size());
  ProbeVerdict verdict;
  verdict.remembered = true;
  if (rest == "good\n") {
    verdict.outcome = ProbeOutcome::kGood;
    return verdict;
  }
  for (const auto& [word, outcome] :
       {std::pair{"crashed\n", ProbeOutcome::kCrashed}, std::pair{"hung\n", ProbeOutcome::kHung}}) {
    if (!rest.starts_with(word)) continue;
    verdict.outcome = outcome;
    verdict.code = ErrorCode::kPluginCrashed;
    verdict.reason = join(rest.substr(std::string_view(word).size()),
                          "; it is not tried again until it changes or `", entry_.string(), "` is removed");
    return verdict;
  }
  return std::nullopt;
}

void ProbeCache::remember(const ProbeVerdict& verdict) const {
  if (entry_.empty() || !make_private(entry_.parent_path())) return;
  std::string outcome;
  if (verdict.outcome == ProbeOutcome::kGood) outcome = "good\n";
  if (verdict.outcome == ProbeOutcome::kCrashed) outcome = "crashed\n" + verdict.reason;
  if (verdict.outcome == ProbeOutcome::kHung) outcome = "hung\n" + verdict.reason;
  if (outcome.empty()) return;
  const Status written = write_atomically(entry_, bytes_of(key_ + outcome));
  static_cast<void>(written);  // a cache that cannot be written is a cache that is not there
}

}  // namespace rlx
