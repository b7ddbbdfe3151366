// SPDX-License-Identifier: Apache-2.0
// Linux tells in /proc and in the control group's files.
#include "room.h"

#include <algorithm>
#include <fstream>

#include "opened.h"

namespace rlx_tool {
namespace {

/// A sum that stays at the most there is.
std::uint64_t plus(std::uint64_t left, std::uint64_t right) { return left > UINT64_MAX - right ? UINT64_MAX : left + right; }

/// The number that a file begins with; UINT64_MAX where it begins with none ("max").
std::uint64_t number_in(const char* path) {
  std::ifstream file(path);
  std::uint64_t value = 0;
  return file >> value ? value : UINT64_MAX;
}

std::uint64_t machine_bytes() {
  std::ifstream file("/proc/meminfo");
  std::string name, unit;
  for (std::uint64_t kib = 0; file >> name >> kib; std::getline(file, unit))
    if (name == "MemAvailable:") return kib > (UINT64_MAX >> 10) ? UINT64_MAX : kib << 10;
  return UINT64_MAX;
}

rlx::Error refuse(const std::string& what, const Needs& needs, bool inputs, std::uint64_t sum, const std::string& room) {
  std::string parts;
  const auto part = [&](const char* name, std::uint64_t bytes) {
    if (bytes) parts += (parts.empty() ? "" : ", ") + std::string(name) + " " + bytes_text(bytes);
  };
  if (!inputs) part("weights", needs.weight_bytes);
  part("packed weights", needs.packed_bytes);
  part("arenas", needs.arena_bytes);
  if (inputs) part("inputs", needs.input_bytes), part("outputs", needs.output_bytes);
  return rlx::Error(rlx::ErrorCode::kOutOfMemory, what + " does not fit: it needs " + bytes_text(sum) + " (" + parts + "), " + room);
}

}  // namespace

std::uint64_t available_bytes() {
  return std::min({machine_bytes(), number_in("/sys/fs/cgroup/memory.max"), number_in("/sys/fs/cgroup/memory/memory.limit_in_bytes")});
}

rlx::Status check_room(const std::string& what, const Needs& needs, std::uint64_t budget_bytes) {
  const std::uint64_t fixed = plus(needs.packed_bytes, needs.arena_bytes);
  if (budget_bytes && plus(fixed, needs.weight_bytes) > budget_bytes)
    return refuse(what, needs, false, plus(fixed, needs.weight_bytes), "the memory budget is " + bytes_text(budget_bytes));
  const std::uint64_t available = available_bytes(), sum = plus(fixed, plus(needs.input_bytes, needs.output_bytes));
  if (sum > available) return refuse(what, needs, true, sum, bytes_text(available) + " of memory are available");
  return {};
}

}  // namespace rlx_tool
