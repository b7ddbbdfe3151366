// SPDX-License-Identifier: Apache-2.0
// rlx conform: becomes rlx-conform, which is installed in libexec and needs nothing of librlx.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "command.h"

namespace rlx_tool {

int conform_command(const Arguments& arguments) {
  std::error_code error;
  const auto own = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string program = (own.parent_path() / "../libexec/rlx/rlx-conform").lexically_normal().string();
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  ::execv(program.c_str(), argv.data());
  std::fprintf(stderr, "rlx: `%s` cannot be started: %s\n", program.c_str(), std::strerror(errno));
  return 4;
}

}  // namespace rlx_tool
