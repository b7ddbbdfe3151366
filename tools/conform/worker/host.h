// SPDX-License-Identifier: Apache-2.0
// A host for the plugin: services that can be left out one by one, that count, and that behave within their rules but
// not kindly.
#pragma once

#include <rlx/host_services.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace rlx::conform {

struct HostOptions {
  bool log = false, alloc = false, trace = false, threads = false, cache = false;
  std::uint32_t concurrency = 1;   ///< what `concurrency` says
  std::uint32_t team = 1;          ///< the most that `team` grants
  bool reverse = false;            ///< parallel_for runs pieces from the last to the first
  bool cache_damages = false;      ///< what `get` returns has a flipped bit, and is cut
  static HostOptions none() { return {}; }
  static HostOptions all();
};

class Host {
 public:
  explicit Host(HostOptions options);
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  const rlx_host* get() const { return &host_; }

  std::atomic<std::uint64_t> services_asked{0}, logs{0}, allocations{0}, frees{0}, live_bytes{0}, spans{0}, loops{0},
      teams{0}, grown_teams{0}, cache_gets{0}, cache_puts{0};
  /// The allocation number k (from 1) of rlx.host.alloc/1 fails; 0 = none.
  std::atomic<std::uint64_t> fail_allocation{0};

 private:
  static const void* service(void* user, rlx_str id);
  HostOptions options_;
  rlx_host host_{};
  struct Entry {
    std::string key, bytes;
  };
  std::vector<Entry> cache_;
  friend struct HostServices;
};

}  // namespace rlx::conform
