// SPDX-License-Identifier: Apache-2.0
// Where plugin files are looked for, in a fixed order, and which files are safe to look at. Never the working
// directory, never bare names.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/plugin/load_report.h"

namespace rlx {

/// What of the process decides where to look; tests pass their own.
struct SearchEnvironment {
  bool elevated = false;  ///< set-uid or the like: environment and user tiers are ignored
  uid_t user = 0;
  std::optional<std::string> plugin_path;  ///< RLX_PLUGIN_PATH
  std::optional<std::string> data_home;    ///< XDG_DATA_HOME
  std::optional<std::string> cache_home;   ///< XDG_CACHE_HOME
  std::optional<std::string> home;         ///< HOME
  /// The folder of the core library (or of the program, in a static build); empty: that tier is left out.
  std::filesystem::path core_folder;

  static SearchEnvironment of_process();
};

struct SearchOptions {
  std::vector<std::filesystem::path> explicit_paths;  ///< files or folders
  bool use_environment = true;
  bool use_core_folder = true;
  bool use_user_folder = true;
  bool use_system_folders = true;
  std::vector<std::string> allow;  ///< globs on the plugin id; empty = all
  std::vector<std::string> deny;   ///< globs on the plugin id; wins over allow
};

struct FoundFile {
  std::filesystem::path path;  ///< canonical
  SearchTier tier = SearchTier::kExplicit;
  std::string refusal;  ///< why it is not safe to look at; empty where it is
};

struct SearchResult {
  std::vector<SearchPlace> places;
  std::vector<FoundFile> files;  ///< by tier, then as given, then by file name; each file once
};

/// Lists folders and looks at owners and modes; opens no file.
SearchResult search_plugins(const SearchOptions& options, const SearchEnvironment& environment);

/// The user's cache folder for the runtime; empty where there is none or the process is elevated.
std::filesystem::path user_cache_folder(const SearchEnvironment& environment);

/// `*` any characters, `?` one. Matches the whole text.
bool glob_matches(std::string_view glob, std::string_view text);

}  // namespace rlx
