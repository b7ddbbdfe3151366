// SPDX-License-Identifier: Apache-2.0
// What the tests of files share: a folder that goes, the backend, bytes to and from files, and a generator of damage.
#pragma once

#include <gtest/gtest.h>
#include <rlx/host/pipeline.hpp>

#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "runtime/execute/container.h"
#include "tests/unit/runtime/execute/support.h"

namespace rlx_test {

using Blob = std::vector<std::byte>;

/// A folder of its own, in memory where there is /dev/shm; removed at the end.
class Folder {
 public:
  Folder() {
    const bool shm = ::access("/dev/shm", W_OK) == 0;
    std::string name = (shm ? std::string("/dev/shm") : std::filesystem::temp_directory_path().string()) + "/rlx_test.XXXXXX";
    if (!::mkdtemp(name.data())) ADD_FAILURE() << "no folder " << name;
    path_ = name;
  }
  ~Folder() {
    std::error_code error;
    std::filesystem::permissions(path_, std::filesystem::perms::owner_all, error);
    std::filesystem::remove_all(path_, error);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path() const { return path_.string(); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  std::filesystem::path path_;
};

inline Blob read_blob(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  Blob blob(text.size());
  if (!text.empty()) std::memcpy(blob.data(), text.data(), text.size());
  return blob;
}

inline void write_blob(const std::string& path, const Blob& blob) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(blob.data()), static_cast<std::streamsize>(blob.size()));
}

/// Bytes at an address that is a multiple of 8.
class Aligned {
 public:
  explicit Aligned(const Blob& blob) : words_((blob.size() + 7) / 8), bytes_(blob.size()) {
    if (!blob.empty()) std::memcpy(words_.data(), blob.data(), blob.size());
  }
  rlx::Bytes bytes() const { return {reinterpret_cast<const std::byte*>(words_.data()), bytes_}; }

 private:
  std::vector<std::uint64_t> words_;
  std::size_t bytes_;
};

/// The CPU backend and nothing else; what it logs goes to `log`.
inline rlx::Device open_cpu(std::vector<std::string>* log = nullptr) {
  rlx::RuntimeOptions options;
  options.plugin_paths = {RLX_CPU_PLUGIN};
  options.only_plugin_paths = true;
  options.threads = 1;
  if (log) options.log = [log](rlx::LogLevel level, std::string_view text) {
    if (level >= rlx::LogLevel::kWarning) log->emplace_back(text);
  };
  auto runtime = rlx::Runtime::discover(options);
  auto device = runtime->device("cpu");
  if (!device) ADD_FAILURE() << device.error().to_string();
  return device ? *device : rlx::Device();
}

/// Writes header and directory anew so that their hash is right: what a stranger who knows the format does.
void sign(Blob& file);

/// Damages bytes in one of the ways that disks, writers and strangers have. Returns what it did.
std::string damage(Blob& file, std::mt19937_64& random);

}  // namespace rlx_test
