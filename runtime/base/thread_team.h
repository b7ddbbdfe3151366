// SPDX-License-Identifier: Apache-2.0
// The one team of threads of a runtime object. It is lent to one caller at a time; a second one at the same
// moment runs alone on its own thread, so that nobody waits for a team and nothing is oversubscribed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace rlx {

/// Threads start at the first run that needs them, spin at most 200 us after a run, then sleep. In a forked
/// child, which has no such threads, every run is inline on the caller.
class ThreadTeam {
 public:
  using Body = void (*)(void* context, std::uint32_t member, std::uint32_t size);
  using PieceBody = void (*)(void* context, std::uint64_t piece);

  /// size: the caller included; 0 = usable_cpus(). Starts nothing.
  explicit ThreadTeam(std::uint32_t size = 0);
  /// No run may be under way.
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  /// How many threads a run can have at most, the caller included; at least 1. [any-thread]
  std::uint32_t concurrency() const;

  /// Calls body(context, member, size) for 0 <= member < size, all at once, the caller being member 0;
  /// returns size, 1 <= size <= max(want, 1): as many as are free now. Members may wait for each other.
  /// Results of all members are visible to the caller on return. Rethrows the first exception of a member.
  /// [any-thread]
  std::uint32_t team(std::uint32_t want, Body body, void* context);

  /// Calls body(context, piece) for 0 <= piece < count, in any order, perhaps all on the caller; no piece may
  /// wait for another. Rethrows the first exception of a piece; the rest may then not have been called.
  /// [any-thread]
  void parallel_for(std::uint64_t count, PieceBody body, void* context);

  /// Threads that exist now, the caller's not counted.
  std::uint32_t started() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// CPUs that this process may use: its affinity mask, and the CPU quota of its cgroup (v2), rounded up. At
/// least 1.
std::uint32_t usable_cpus();

/// The quota in CPUs, rounded up, of the cgroup that `membership` (the text of /proc/self/cgroup) names below
/// `root`, and of the groups above it; 0 where there is none.
std::uint32_t cgroup_cpu_quota(const std::filesystem::path& root, const std::string& membership);

}  // namespace rlx
