// SPDX-License-Identifier: Apache-2.0
// How many CPUs this process may use: affinity and cgroup quota.
#include <sched.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include "runtime/base/thread_team.h"

namespace rlx {
namespace {

/// Quota in CPUs, rounded up, of one group's cpu.max ("50000 100000", "max 100000"); 0 where there is none.
std::uint32_t quota_of(const std::filesystem::path& group) {
  std::ifstream file(group / "cpu.max");
  std::string quota;
  std::uint64_t period = 0;
  if (!(file >> quota >> period) || quota == "max" || period == 0) return 0;
  std::uint64_t microseconds = 0;
  if (!(std::istringstream(quota) >> microseconds)) return 0;
  return static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>((microseconds + period - 1) / period, 1, 1u << 20));
}

std::uint32_t affinity_cpus() {
  for (int cpus = 1024; cpus <= 1 << 20; cpus *= 4) {
    cpu_set_t* const set = CPU_ALLOC(static_cast<std::size_t>(cpus));
    if (!set) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(cpus));
    const bool known = sched_getaffinity(0, bytes, set) == 0;
    const int count = known ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (known) return static_cast<std::uint32_t>(std::max(count, 1));
  }
  return 1;
}

}  // namespace

std::uint32_t cgroup_cpu_quota(const std::filesystem::path& root, const std::string& membership) {
  std::istringstream lines(membership);
  std::string line;
  while (std::getline(lines, line) && !line.starts_with("0::")) {
  }
  if (!line.starts_with("0::/")) return 0;
  std::uint32_t least = 0;
  for (std::filesystem::path below = line.substr(4);; below = below.parent_path()) {
    const std::uint32_t quota = quota_of(below.empty() ? root : root / below);
    if (quota) least = least ? std::min(least, quota) : quota;
    if (below.empty()) return least;
  }
}

std::uint32_t usable_cpus() {
  std::ifstream file("/proc/self/cgroup");
  std::ostringstream membership;
  membership << file.rdbuf();
  const std::uint32_t cpus = affinity_cpus();
  const std::uint32_t quota = cgroup_cpu_quota("/sys/fs/cgroup", membership.str());
  return quota ? std::min(cpus, quota) : cpus;
}

}  // namespace rlx
