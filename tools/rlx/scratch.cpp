// SPDX-License-Identifier: Apache-2.0
// What the signal's handler needs lies in plain arrays that are whole before it is set.
#include "scratch.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace rlx_tool {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};

char folder[4096];                    // "" while there is none
std::atomic<std::size_t> file_count;  // files are folder/0.npz and on

/// Writes folder/index.npz to `out` by hand: printf may not be called in a handler.
void file_name(std::size_t index, char (&out)[4160]) {
  char digits[24];
  std::size_t count = 0;
  do digits[count++] = static_cast<char>('0' + index % 10);
  while (index /= 10);
  const std::size_t begin = std::strlen(folder);
  std::memcpy(out, folder, begin);
  char* at = out + begin;
  *at++ = '/';
  while (count) *at++ = digits[--count];
  std::memcpy(at, ".npz", 5);
}

void remove_all() {
  char name[4160];
  for (std::size_t i = 0; i < file_count.load(); ++i) {
    file_name(i, name);
    ::unlink(name);
  }
  ::rmdir(folder);
}

extern "C" void remove_and_end(int signal) {
  remove_all();
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

}  // namespace

Scratch::Scratch() {
  std::string pattern = (std::filesystem::temp_directory_path() / "rlx-bench-XXXXXX").string();
  if (pattern.size() >= sizeof folder || !::mkdtemp(pattern.data())) return;
  path_ = pattern;
  file_count = 0;
  std::memcpy(folder, path_.c_str(), path_.size() + 1);
  for (const int signal : kSignals)
    if (::signal(signal, remove_and_end) == SIG_IGN) ::signal(signal, SIG_IGN);  // of nohup
}

Scratch::~Scratch() {
  if (path_.empty()) return;
  remove_all();
  for (const int signal : kSignals)
    if (::signal(signal, SIG_DFL) == SIG_IGN) ::signal(signal, SIG_IGN);
}

std::string Scratch::file(std::size_t index) {
  if (path_.empty()) return "";
  file_count = std::max(file_count.load(), index + 1);
  return path_ + "/" + std::to_string(index) + ".npz";
}

}  // namespace rlx_tool
