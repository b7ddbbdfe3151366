// SPDX-License-Identifier: Apache-2.0
// Where the fake plugins are, folders that vanish, and a registry that looks nowhere else.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "runtime/plugin/registry.h"

namespace rlx::testing {

namespace fs = std::filesystem;

inline fs::path fake(const std::string& name) { return fs::path(RLX_TEST_FAKES) / name / (name + ".so"); }

/// A folder of its own for one test.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (fs::temp_directory_path() / "rlx-test-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TempFolder() { fs::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const fs::path& path() const { return path_; }
  fs::path operator/(const fs::path& name) const { return path_ / name; }
  /// Copies a fake here and returns where.
  fs::path take(const std::string& name) const {
    fs::copy_file(fake(name), path_ / (name + ".so"), fs::copy_options::overwrite_existing);
    return path_ / (name + ".so");
  }

 private:
  fs::path path_;
};

inline std::string slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void spill(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// Looks at the given paths alone, probes with the built rlx-probe, remembers nothing.
inline RegistryOptions options_for(std::vector<fs::path> paths) {
  RegistryOptions options;
  options.search.explicit_paths = std::move(paths);
  options.search.use_environment = options.search.use_core_folder = false;
  options.search.use_user_folder = options.search.use_system_folders = false;
  options.probe.program = RLX_TEST_PROBE;
  options.probe.use_cache = false;
  options.team = std::make_shared<ThreadTeam>(2);
  return options;
}

inline std::unique_ptr<PluginRegistry> registry_for(std::vector<fs::path> paths) {
  return PluginRegistry::discover(options_for(std::move(paths)));
}

/// The report of the one file of that name.
inline CandidateReport report_of(const PluginRegistry& registry, const fs::path& path) {
  for (const CandidateReport& candidate : registry.report().candidates)
    if (fs::path(candidate.path).filename() == path.filename()) return candidate;
  ADD_FAILURE() << path << " is not in the report";
  return {};
}

/// A loaded fake, without a probe.
inline Result<std::shared_ptr<const Plugin>> load_fake(const std::string& name,
                                                       const HostVersions& host = {}) {
  RLX_ASSIGN(PluginFile file, read_plugin_file(fake(name)));
  RLX_ASSIGN(auto library, Library::load(fake(name), false));
  return shake_hands(std::move(file), std::move(library), host);
}

#define EXPECT_HAS(text, part) EXPECT_NE(std::string(text).find(part), std::string::npos) << (text)

}  // namespace rlx::testing
