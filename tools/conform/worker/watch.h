// SPDX-License-Identifier: Apache-2.0
// What the plugin asks of libc. The worker defines these functions itself, so that calls from libraries that it loads
// come here first; under a sanitizer, which does the same, nothing is counted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rlx::conform {

struct Calls {
  std::uint64_t allocations = 0;  ///< malloc, calloc, realloc, memalign of any kind
  std::uint64_t frees = 0;        ///< of something
  std::uint64_t getenvs = 0;
  std::uint64_t dlopens = 0;
  std::uint64_t threads = 0;  ///< pthread_create
};

/// False where nothing is counted.
bool calls_are_watched();
/// Since the process began, by all threads.
Calls calls_so_far();
/// Names that getenv was asked for while watching was on, first 64.
void watch_getenv(bool on);
std::vector<std::string> getenv_names();
std::vector<std::string> dlopen_names();

/// Files that were opened by name while watching was on, first 64, "w " before those that may be written; and "net" for
/// sockets that reach beyond the machine. What the dynamic loader opens is not among them.
void watch_files(bool on);
std::vector<std::string> opened_files();

/// Until it ends, the allocation number `k` (from 1) of this thread and all after it, `count` in all, fail.
class FailAllocation {
 public:
  explicit FailAllocation(std::uint64_t k, std::uint64_t count = 1);
  ~FailAllocation();
  FailAllocation(const FailAllocation&) = delete;
  FailAllocation& operator=(const FailAllocation&) = delete;
  bool fired() const;
};

/// The tool itself ends the process: no frame is written for it.
[[noreturn]] void leave(int code);

}  // namespace rlx::conform
