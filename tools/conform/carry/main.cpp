// SPDX-License-Identifier: Apache-2.0
// rlx-conform-carry: the worker of the conformance tool on another machine, over anything that carries two pipes (ssh, adb,
// docker exec). It stands where the worker would stand, sends the case, and tells what happens there as if it happened here.
#include <cstdio>
#include <filesystem>

#include "tools/conform/carry/ends.h"

namespace {

constexpr const char* kUsage =
    "Usage: rlx conform PLUGIN.so --worker 'rlx-conform-carry [--plugin PATH] COMMAND... rlx-conform-carry --there'\n"
    "Runs every case of the conformance tool where COMMAND leads, for example `ssh board`. There, rlx-conform-worker lies beside\n"
    "rlx-conform-carry; nothing else is needed, and nothing is left behind.\n"
    "\n"
    "  --plugin PATH   the plugin's path there; without it the file from here is sent with every case\n"
    "  --there         the other end: speaks to rlx-conform-carry on standard input and output\n"
    "  --help          this text\n";

/// The worker beside this program, wherever that was found.
std::string worker_beside() {
  std::error_code error;
  const auto own = std::filesystem::read_symlink("/proc/self/exe", error);
  return (own.parent_path() / "rlx-conform-worker").string();
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 1 && words[0] == "--help") return std::fputs(kUsage, stdout), 0;
  if (words.size() == 1 && words[0] == "--there") return rlx::conform::carry_there(worker_beside());
  std::string plugin;
  if (words.size() > 1 && words[0] == "--plugin") {
    plugin = words[1];
    words.erase(words.begin(), words.begin() + 2);
  }
  if (words.empty() || words[0].starts_with("-")) return std::fputs(kUsage, stderr), rlx::conform::kCarryFailed;
  return rlx::conform::carry_here(words, plugin);
}
