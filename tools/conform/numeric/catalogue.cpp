// SPDX-License-Identifier: Apache-2.0
// The numeric groups, in the order of the report.
#include "tools/conform/numeric/groups.h"

namespace rlx::conform {

std::vector<std::span<const NumericCheck>> numeric_catalogue() {
  return {cap_numeric_checks(), cap_expand_checks(), cap_row_checks(), ops_checks(), grf_checks(), mem_numeric_checks(), dyn_numeric_checks(), wgt_numeric_checks(), art_numeric_checks(), det_numeric_checks()};
}

const NumericCheck* find_numeric(const std::string& id) {
  for (const std::span<const NumericCheck> group : numeric_catalogue())
    for (const NumericCheck& check : group)
      if (id == check.id) return &check;
  return nullptr;
}

}  // namespace rlx::conform
