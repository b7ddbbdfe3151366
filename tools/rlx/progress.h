// SPDX-License-Identifier: Apache-2.0
// A progress bar on stderr, on terminals only; nothing is printed anywhere else.
#pragma once

#include <string>

namespace rlx_tool {

class Progress {
 public:
  /// `total` steps; silent where stderr is no terminal or `wanted` is false.
  Progress(std::size_t total, bool wanted);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// One more step begins; `what` names it.
  void step(const std::string& what);

 private:
  std::size_t total_, done_ = 0;
  bool shown_;
};

}  // namespace rlx_tool
