// SPDX-License-Identifier: Apache-2.0
// The environment of another process: one's own, changed in a few places.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rlx::conform {

/// The entries of `own` (as environ, null at its end) without those that `changes` names; then `changes`, "NAME=VALUE" each.
inline std::vector<std::string> changed_environment(const char* const* own, const std::vector<const char*>& changes) {
  const auto name_of = [](std::string_view entry) { return entry.substr(0, entry.find('=')); };
  std::vector<std::string> out;
  for (; *own; ++own) {
    bool changed = false;
    for (const char* change : changes) changed = changed || name_of(change) == name_of(*own);
    if (!changed) out.emplace_back(*own);
  }
  out.insert(out.end(), changes.begin(), changes.end());
  return out;
}

}  // namespace rlx::conform
