// SPDX-License-Identifier: Apache-2.0
// Where a run took place.
#include "tools/conform/controller/machine.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "tools/conform/controller/report_html.h"

namespace rlx::conform {
namespace {

/// The first value of `key` in a file of lines "key : value".
std::string value_in(const char* path, const std::string& key, char separator) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    const std::size_t at = line.find(separator);
    const std::size_t begin = at == std::string::npos ? at : line.find_first_not_of(" \"", at + 1);
    if (begin == std::string::npos) continue;
    return line.substr(begin, line.find_last_not_of('"') + 1 - begin);
  }
  return {};
}

}  // namespace

std::uint64_t memory_of_machine() {
  std::uint64_t least = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const auto take = [&](const std::string& path) {
    std::uint64_t bytes = 0;  // "max" is no number
    if (std::ifstream(path) >> bytes && bytes) least = std::min(least, bytes);
  };
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "0::/path" or "4:memory:/path"
    const std::size_t path = line.find(":/");
    if (path == std::string::npos) continue;
    if (line.starts_with("0::")) take("/sys/fs/cgroup" + line.substr(path + 1) + "/memory.max");
    if (line.find(":memory:") != std::string::npos) take("/sys/fs/cgroup/memory" + line.substr(path + 1) + "/memory.limit_in_bytes");
  }
  // Inside a container the group is the root of what is seen.
  take("/sys/fs/cgroup/memory.max");
  take("/sys/fs/cgroup/memory/memory.limit_in_bytes");
  return least;
}

std::vector<std::pair<std::string, std::string>> machine_facts() {
  utsname name{};
  ::uname(&name);
  return {{"processor", value_in("/proc/cpuinfo", "model name", ':')},
          {"cores", std::to_string(std::thread::hardware_concurrency())},
          {"memory", value_in("/proc/meminfo", "MemTotal", ':')},
          {"system", value_in("/etc/os-release", "PRETTY_NAME", '=')},
          {"kernel", std::string(name.sysname) + " " + name.release + " " + name.machine},
          {"date", date_text(today())}};
}

}  // namespace rlx::conform
