// SPDX-License-Identifier: Apache-2.0
// A folder of our own for what other processes read; goes with the object, and with SIGINT, SIGTERM and SIGHUP too.
#pragma once

#include <string>

namespace rlx_tool {

/// One at a time.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  /// Path of file `index`, which need not be there.
  std::string file(std::size_t index);

 private:
  std::string path_;
};

}  // namespace rlx_tool
