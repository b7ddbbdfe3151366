// SPDX-License-Identifier: Apache-2.0
// Where a run took place.
#include <sys/utsname.h>

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
