// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/carry/tree.h"

#include <filesystem>
#include <fstream>
#include <iterator>

namespace rlx::conform {

namespace fs = std::filesystem;

std::string bytes_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Tree read_tree(const std::string& folder, bool (*enter)(const std::string& name)) {
  Tree tree;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error); !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    const fs::path path = it->path();
    std::error_code ignored;
    if (it->is_directory(ignored) && it.depth() == 0 && !enter(path.filename().string())) it.disable_recursion_pending();
    if (it->is_symlink(ignored) || !it->is_regular_file(ignored)) continue;
    tree[path.lexically_relative(folder).string()] = bytes_of_file(path.string());
  }
  return tree;
}

bool write_below(const std::string& folder, const std::string& path, const std::string& bytes) {
  const fs::path below = fs::path(path).lexically_normal();
  if (below.empty() || below.is_absolute() || *below.begin() == ".." || !below.has_filename()) return false;
  const fs::path whole = folder / below;
  std::error_code ignored;
  fs::create_directories(whole.parent_path(), ignored);
  std::ofstream file(whole, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  return static_cast<bool>(file);
}

}  // namespace rlx::conform
