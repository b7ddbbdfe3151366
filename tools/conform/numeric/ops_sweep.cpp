// SPDX-License-Identifier: Apache-2.0
// OPS-01 and OPS-02: the standing list of cases, and pointwise ops at every width where vectors end.
#include <algorithm>

#include "tools/conform/numeric/ops.h"

namespace rlx::conform {
namespace {

/// Whether real data say more of a case than whole numbers do.
bool wants_bounds(const OpCase& op_case) {
  return !op_case.exact || (op_case.product && is_float(op_case.dtype()));
}

}  // namespace

const CaseList& bound_sweep() {
  static const CaseList list([] {
    std::vector<OpCase> out;
    for (const OpCase& op_case : all_op_cases())
      if (wants_bounds(op_case)) out.push_back(op_case);
    return out;
  }());
  return list;
}

const CaseList& exact_sweep() {
  static const CaseList list([] {
    std::vector<OpCase> out;
    for (const OpCase& op_case : all_op_cases())
      if (op_case.exact) out.push_back(op_case);
    return out;
  }());
  return list;
}

}  // namespace rlx::conform
