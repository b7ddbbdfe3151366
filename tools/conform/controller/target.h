// SPDX-License-Identifier: Apache-2.0
// What can be said of the file without running a byte of it: is it a library of this machine, and a plugin?
#pragma once

#include <rlx/plugin.h>

#include <optional>
#include <string>
#include <vector>

namespace rlx::conform {

struct Target {
  std::string path;     ///< absolute
  std::string problem;  ///< one line; empty where it may be loaded
  rlx_descriptor descriptor{};
  std::uint64_t bytes = 0;
  std::uint64_t hash = 0;  ///< of the file
  std::string digest;      ///< the same as certificates name it
  std::string build_id;
};

/// Reads the file. Hostile bytes lead to a problem, never outside the file.
Target inspect_target(const std::string& path);

}  // namespace rlx::conform
