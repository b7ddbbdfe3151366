// SPDX-License-Identifier: Apache-2.0
// OPS: single operations, one theme a file (ops_*.cpp).
#include "tools/conform/numeric/ops.h"

#include "tools/conform/numeric/groups.h"

namespace rlx::conform {
namespace {

constexpr NumericCheck kChecks[] = {
    {"OPS-01", 3, "Every element lies within its own error bound, over shapes, attributes, dtypes and precision classes that are claimed.", 50,
     class_keys_of<bound_sweep>, class_case_of<bound_sweep, Data::kTame>},
    {"OPS-02", 3, "On small whole numbers, whose results are exact in any order, every element is exact.", 50, class_keys_of<exact_sweep>,
     class_case_of<exact_sweep>},
    {"OPS-03", 3, "Zeros, infinities, NaN, subnormals and the ends of integers give what the registry and IEEE 754 say.", 50, keys_of<special_values>,
     case_of<special_values, Data::kTame>},
    {"OPS-04", 3, "Data that hit an op's weak spot lie within their bounds: one-sided, large, tiny, far from nought.", 50, keys_of<targeted_fills>,
     case_of<targeted_fills, Data::kTame>},
    {"OPS-05", 3, "Dims of 1 repeat, of either operand, at every rank, in squares too.", 20, keys_of<broadcasting>, case_of<broadcasting>},
    {"OPS-06", 3, "Every extent is right: 0, 1, each tail up to 67, more rows than 65,535.", 20, keys_of<extents>, case_of<extents>},
    {"OPS-07", 3, "Every axis and every order of axes up to the rank that is claimed.", 20, keys_of<axes_and_permutations>,
     case_of<axes_and_permutations>},
    {"OPS-08", 3, "Indices in and out of range, negative and past 32 bits do as their policy says, and what must be refused is.", 1,
     keys_of<index_policies>, case_of<index_policies>},
    {"OPS-09", 3, "What jumps is exact where its operand is, ties are broken as the registry says, and inside the margin of a computed operand either answer is right.", 20,
     jump_keys, jump_case},
    {"OPS-10", 3, "A query sees the keys that causality, windows, masks, lengths and offsets give it, and no others.", 20, keys_of<masks>,
     case_of<masks, Data::kTame>},
    {"OPS-11", 3, "Casts of every pair round, saturate and wrap as they say, integers keep all their bits, narrow results are rounded to even once.", 20, keys_of<cast_table>,
     case_of<cast_table>},
    {"OPS-12", 3, "Products of bytes keep every bit of their sums.", 20, keys_of<byte_products>, case_of<byte_products>},
    {"OPS-13", 3, "Operands that lie in gaps, reversed, swapped, repeated or at an offset are read as such where the claim allows them.", 20, keys_of<strides>, case_of<strides>},
    {"OPS-15", 3, "linear of one to four parts, with every layout, alpha, bias, activation and residual.", 20, keys_of<linear_forms>, case_of<linear_forms>},
    {"OPS-16", 3, "The precision class that is asked for is kept where the answer stands in low bits or in a long sum.", 20, class_keys_of<class_probes>, probe_case},
};

}  // namespace

std::span<const NumericCheck> ops_checks() { return kChecks; }

std::vector<const CaseList*> ops_lists() {
  return {&bound_sweep(), &exact_sweep(), &special_values(), &targeted_fills(), &broadcasting(), &extents(), &axes_and_permutations(), &index_policies(), &jumps(),
          &masks(), &cast_table(), &byte_products(), &strides(), &linear_forms(), &class_probes()};
}

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
