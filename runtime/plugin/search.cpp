// SPDX-License-Identifier: Apache-2.0
// The tiers, and the check of owners and modes.
#include "runtime/plugin/search.h"

#include <dlfcn.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <set>

#include "runtime/base/result.h"

namespace rlx {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> variable(const char* name) {
  const char* const value = std::getenv(name);
  if (!value || !*value) return std::nullopt;
  return value;
}

/// The folder of the file that this function was loaded from.
fs::path own_folder() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&own_folder), &info) == 0 || !info.dli_fname) return {};
  std::error_code ignored;
  fs::path file = fs::canonical(info.dli_fname, ignored);
  if (file.empty()) file = fs::canonical("/proc/self/exe", ignored);  // a program is named as it was called
  return file.parent_path();
}

/// Says who besides the user and root could put bytes there; empty where nobody can.
std::string unsafe_reason(const fs::path& path, uid_t user) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return join("`", path.string(), "`: ", std::strerror(errno));
  const bool is_folder = S_ISDIR(info.st_mode);
  if (info.st_uid != 0 && info.st_uid != user)
    return join("`", path.string(), "` belongs to user ", info.st_uid, ", wanted root or user ", user);
  // A user's own group carries the user's number where groups are private; with umask 002 it may write all he
  // makes.
  const bool private_group = info.st_gid == 0 || info.st_gid == user;
  const mode_t others = private_group ? S_IWOTH : S_IWGRP | S_IWOTH;
  if ((info.st_mode & others) && !(is_folder && (info.st_mode & S_ISVTX)))
    return join("others may write `", path.string(), "` (mode ",
                static_cast<unsigned>((info.st_mode >> 6) & 7),
                static_cast<unsigned>((info.st_mode >> 3) & 7), static_cast<unsigned>(info.st_mode & 7), ")");
  return {};
}

class Search {
 public:
  explicit Search(const SearchEnvironment& environment) : environment_(environment) {}

  /// A file or a folder.
  void any(const fs::path& path, SearchTier tier) {
    std::error_code error;
    if (!fs::is_regular_file(path, error)) return folder(path, tier);
    result_.places.push_back({path.string(), tier, true, {}});
    file(path, tier);
  }

  void explicit_path(const fs::path& path) {
    if (!path.has_parent_path())
      return not_searched(path, SearchTier::kExplicit, "a bare name is never searched: give a path");
    std::error_code error;
    const fs::path absolute = fs::absolute(path, error);
    if (error) return not_searched(path, SearchTier::kExplicit, error.message());
    any(absolute, SearchTier::kExplicit);
  }

  /// Files and folders, separated by colons.
  void path_list(std::string_view list, SearchTier tier) {
    while (!list.empty()) {
      const std::string_view entry = list.substr(0, list.find(':'));
      list.remove_prefix(std::min(entry.size() + 1, list.size()));
      if (entry.empty()) continue;
      if (entry[0] != '/') {
        not_searched(entry, tier, "not a full path: never searched");
        continue;
      }
      any(entry, tier);
    }
  }

  void folder(const fs::path& path, SearchTier tier) {
    std::error_code error;
    fs::path real = fs::canonical(path, error);
    if (error) return not_searched(path, tier, error.message());
    if (!folders_.insert(real).second) return not_searched(path, tier, "searched already");
    std::vector<fs::path> files;
    for (fs::directory_iterator entry(real, error), end; !error && entry != end; entry.increment(error))
      if (entry->path().extension() == ".so") files.push_back(entry->path());
    if (error) return not_searched(path, tier, error.message());
    result_.places.push_back({path.string(), tier, true, {}});
    std::sort(files.begin(), files.end());
    for (const fs::path& name : files) file(name, tier);
  }

  void not_searched(const fs::path& path, SearchTier tier, std::string reason) {
    result_.places.push_back({path.string(), tier, false, std::move(reason)});
  }

  SearchResult take() { return std::move(result_); }

 private:
  void file(const fs::path& path, SearchTier tier) {
    std::error_code error;
    FoundFile found{fs::canonical(path, error), tier, {}};
    if (error) {
      found.path = path;
      found.refusal = error.message();
    } else if (!files_.insert(found.path).second) {
      return;
    } else {
      found.refusal = first_unsafe(path, found.path);
    }
    result_.files.push_back(std::move(found));
  }

  /// The file, its folder, and the folder of the link that led to it.
  std::string first_unsafe(const fs::path& link, const fs::path& real) const {
    for (const fs::path& path : {real, real.parent_path(), link.parent_path()})
      if (std::string reason = unsafe_reason(path, environment_.user); !reason.empty()) return reason;
    return {};
  }

  const SearchEnvironment& environment_;
  SearchResult result_;
  std::set<fs::path> folders_, files_;
};

std::vector<fs::path> system_folders() {
  std::vector<fs::path> folders = {"/usr/local/lib/rlx/plugins"};
#if defined(__x86_64__)
  folders.emplace_back("/usr/lib/x86_64-linux-gnu/rlx/plugins");
#elif defined(__aarch64__)
  folders.emplace_back("/usr/lib/aarch64-linux-gnu/rlx/plugins");
#endif
  folders.emplace_back("/usr/lib64/rlx/plugins");
  folders.emplace_back("/usr/lib/rlx/plugins");
  return folders;
}

/// An XDG folder: the variable if it holds a full path, else `fallback` below HOME; empty where neither is
/// there.
fs::path xdg_folder(const std::optional<std::string>& value, const std::optional<std::string>& home,
                    const char* fallback) {
  if (value && value->starts_with('/')) return *value;
  if (home && home->starts_with('/')) return fs::path(*home) / fallback;
  return {};
}

}  // namespace

SearchEnvironment SearchEnvironment::of_process() {
  SearchEnvironment environment;
  environment.elevated = getauxval(AT_SECURE) != 0;
  environment.user = ::geteuid();
  environment.plugin_path = variable("RLX_PLUGIN_PATH");
  environment.data_home = variable("XDG_DATA_HOME");
  environment.cache_home = variable("XDG_CACHE_HOME");
  environment.home = variable("HOME");
  environment.core_folder = own_folder();
  return environment;
}

SearchResult search_plugins(const SearchOptions& options, const SearchEnvironment& environment) {
  Search search(environment);
  for (const fs::path& path : options.explicit_paths) search.explicit_path(path);
  const bool elevated = environment.elevated;
  if (options.use_environment && environment.plugin_path) {
    if (elevated)
      search.not_searched(*environment.plugin_path, SearchTier::kEnvironment,
                          "the process is elevated: its environment is ignored");
    else
      search.path_list(*environment.plugin_path, SearchTier::kEnvironment);
  }
  if (options.use_core_folder && !environment.core_folder.empty())
    search.folder(environment.core_folder / "rlx/plugins", SearchTier::kBesideCore);
  const fs::path user = xdg_folder(environment.data_home, environment.home, ".local/share");
  if (options.use_user_folder && !user.empty()) {
    if (elevated)
      search.not_searched(user / "rlx/plugins", SearchTier::kUser,
                          "the process is elevated: the user's folder is ignored");
    else
      search.folder(user / "rlx/plugins", SearchTier::kUser);
  }
  if (options.use_system_folders)
    for (const fs::path& folder : system_folders()) search.folder(folder, SearchTier::kSystem);
  return search.take();
}

fs::path user_cache_folder(const SearchEnvironment& environment) {
  if (environment.elevated) return {};
  const fs::path cache = xdg_folder(environment.cache_home, environment.home, ".cache");
  return cache.empty() ? cache : cache / "rlx";
}

bool glob_matches(std::string_view glob, std::string_view text) {
  std::size_t at = 0, in = 0, star = glob.npos, retry = 0;
  while (in < text.size()) {
    if (at < glob.size() && (glob[at] == '?' || glob[at] == text[in]) && glob[at] != '*') {
      ++at;
      ++in;
    } else if (at < glob.size() && glob[at] == '*') {
      star = at++;
      retry = in;
    } else if (star != glob.npos) {
      at = star + 1;
      in = ++retry;
    } else {
      return false;
    }
  }
  while (at < glob.size() && glob[at] == '*') ++at;
  return at == glob.size();
}

}  // namespace rlx
