// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/worker/host.h"

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string_view>
#include <thread>

namespace rlx::conform {

/// The service tables; every function gets the Host as its first argument.
struct HostServices {
  static Host& host(void* user) { return *static_cast<Host*>(user); }

  static void write(void* user, std::uint32_t, rlx_str) { ++host(user).logs; }

  static void* alloc(void* user, std::uint64_t bytes, std::uint64_t alignment) {
    Host& own = host(user);
    const std::uint64_t count = ++own.allocations;
    if (own.fail_allocation && count == own.fail_allocation) return nullptr;
    void* memory = nullptr;
    if (posix_memalign(&memory, alignment < sizeof(void*) ? sizeof(void*) : alignment, bytes ? bytes : 1)) return nullptr;
    std::memset(memory, 0xA5, bytes);
    own.live_bytes += bytes;
    return memory;
  }
  static void free_(void* user, void* memory, std::uint64_t bytes) {
    if (!memory) return;
    ++host(user).frees;
    host(user).live_bytes -= bytes;
    std::free(memory);
  }

  static void span(void* user, std::uint64_t, rlx_str, std::uint64_t, std::uint64_t) { ++host(user).spans; }

  static std::uint32_t concurrency(void* user) { return host(user).options_.concurrency; }
  static void parallel_for(void* user, std::uint64_t count, void (*body)(void*, std::uint64_t), void* context) {
    ++host(user).loops;
    for (std::uint64_t i = 0; i < count; ++i) body(context, host(user).options_.reverse ? count - 1 - i : i);
  }
  static std::uint32_t team(void* user, std::uint32_t want, void (*body)(void*, std::uint32_t, std::uint32_t), void* context) {
    Host& own = host(user);
    ++own.teams;
    if (want > 1) ++own.grown_teams;
    const std::uint32_t size = want < own.options_.team ? want : own.options_.team;
    std::vector<std::thread> others;
    for (std::uint32_t i = 1; i < size; ++i) others.emplace_back([=] { body(context, i, size); });
    body(context, 0, size ? size : 1);
    for (std::thread& thread : others) thread.join();
    return size ? size : 1;
  }

  static std::uint64_t get(void* user, rlx_str key, void* data, std::uint64_t capacity) {
    Host& own = host(user);
    ++own.cache_gets;
    const std::lock_guard lock(own_mutex());
    for (const Host::Entry& entry : own.cache_) {
      if (entry.key != std::string_view(key.data, key.size)) continue;
      std::string bytes = entry.bytes;
      if (own.options_.cache_damages && !bytes.empty()) bytes.pop_back();
      if (own.options_.cache_damages && !bytes.empty()) bytes[bytes.size() / 2] ^= 0x10;
      std::memcpy(data, bytes.data(), bytes.size() < capacity ? bytes.size() : capacity);
      return bytes.size();
    }
    return 0;
  }
  static void put(void* user, rlx_str key, const void* data, std::uint64_t bytes) {
    ++host(user).cache_puts;
    const std::lock_guard lock(own_mutex());
    host(user).cache_.push_back({std::string(key.data, key.size), std::string(static_cast<const char*>(data), bytes)});
  }
  static std::mutex& own_mutex() {
    static std::mutex mutex;
    return mutex;
  }

  static constexpr rlx_host_log_1 kLog = {write};
  static constexpr rlx_host_alloc_1 kAlloc = {alloc, free_};
  static constexpr rlx_host_trace_1 kTrace = {span};
  static constexpr rlx_host_threads_1 kThreads = {concurrency, parallel_for, team};
  static constexpr rlx_host_cache_1 kCache = {get, put};
};

HostOptions HostOptions::all() {
  HostOptions options;
  options.log = options.alloc = options.trace = options.threads = options.cache = true;
  options.concurrency = options.team = 3;
  return options;
}

Host::Host(HostOptions options) : options_(options) { host_ = {this, service}; }

const void* Host::service(void* user, rlx_str id) {
  Host& own = HostServices::host(user);
  ++own.services_asked;
  const std::string_view name(id.data, id.size);
  const HostOptions& has = own.options_;
  if (name == RLX_HOST_LOG_1 && has.log) return &HostServices::kLog;
  if (name == RLX_HOST_ALLOC_1 && has.alloc) return &HostServices::kAlloc;
  if (name == RLX_HOST_TRACE_1 && has.trace) return &HostServices::kTrace;
  if (name == RLX_HOST_THREADS_1 && has.threads) return &HostServices::kThreads;
  if (name == RLX_HOST_CACHE_1 && has.cache) return &HostServices::kCache;
  return nullptr;
}

}  // namespace rlx::conform
