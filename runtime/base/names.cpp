// SPDX-License-Identifier: Apache-2.0
// Nearest names for error messages.
#include "runtime/base/names.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "runtime/base/result.h"

namespace rlx {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string did_you_mean(std::string_view wrong, std::span<const std::string> known, std::size_t limit) {
  if (known.empty()) return "there are none";
  std::vector<std::pair<std::size_t, std::string>> ranked;
  for (const std::string& name : known) ranked.emplace_back(edit_distance(wrong.substr(0, 256), name), name);
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string list = "known: ";
  for (std::size_t i = 0; i < ranked.size() && i < limit; ++i) list += (i ? ", " : "") + ranked[i].second;
  if (ranked.size() > limit) list += join(", and ", ranked.size() - limit, " more");
  const std::size_t longer = std::max(wrong.size(), ranked[0].second.size());
  if (2 * ranked[0].first > longer) return list;
  return join("did you mean `", ranked[0].second, "`? (", list, ")");
}

}  // namespace rlx
