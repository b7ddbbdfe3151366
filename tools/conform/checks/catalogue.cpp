// SPDX-License-Identifier: Apache-2.0
// The groups, in the order of the report.
#include "tools/conform/checks/groups.h"

namespace rlx::conform {

std::vector<std::span<const Check>> catalogue() {
  return {lif_checks(), abi_checks(), arg_checks(), err_checks(), lir_checks(), lir_hostile_checks(), buf_checks(), opt_checks(), cap_checks(),
          mem_checks(), dyn_checks(), det_checks(),
          wgt_checks(), art_checks(), con_checks(),
          can_checks(), res_checks(), prf_checks()};
}

const Check* find_check(const std::string& id) {
  for (const std::span<const Check> group : catalogue())
    for (const Check& check : group)
      if (id == check.id) return &check;
  return nullptr;
}

}  // namespace rlx::conform
