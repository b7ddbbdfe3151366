// SPDX-License-Identifier: Apache-2.0
// OPS: single operations, one theme a file (ops_*.cpp).
#include "tools/conform/numeric/ops.h"

#include "tools/conform/numeric/groups.h"

namespace rlx::conform {
namespace {

constexpr NumericCheck kChecks[] = {
    {"OPS-01", 3, "Every element lies within its own error bound, over shapes, attributes and dtypes that are claimed.", 50,
     keys_of<bound_sweep>, case_of<bound_sweep, Data::kTame>},
    {"OPS-02", 3, "On small whole numbers, whose results are exact in any order, every element is exact.", 50, keys_of<exact_sweep>,
     case_of<exact_sweep, Data::kExact>},
};

}  // namespace

std::span<const NumericCheck> ops_checks() { return kChecks; }

CaseList::CaseList(std::vector<OpCase> cases) : cases_(std::move(cases)) {
  for (std::size_t i = 0; i < cases_.size(); ++i) index_.emplace(cases_[i].name, i);
}

std::vector<std::string> CaseList::keys(const Facts& facts, int effort) const {
  std::vector<std::string> keys;
  for (const OpCase& op_case : cases_)
    if (op_case.effort <= effort && covers(facts, op_case)) keys.push_back(op_case.name);
  return keys;
}

Result<const OpCase*> CaseList::find(const std::string& key) const {
  const auto found = index_.find(key);
  if (found == index_.end()) return fail(ErrorCode::kInvalidArgument, "no case `", key, "`");
  return &cases_[found->second];
}

}  // namespace rlx::conform
