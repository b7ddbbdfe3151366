// SPDX-License-Identifier: Apache-2.0
// What the files of the OPS group share: lists of op cases as numeric checks, one theme a file.
#pragma once

#include <rlx/plugin.h>

#include <map>

#include "tools/conform/numeric/op_cases.h"

namespace rlx::conform {

/// Cases by key. Made once, as a static of the function that hands it out.
class CaseList {
 public:
  explicit CaseList(std::vector<OpCase> cases);
  const std::vector<OpCase>& cases() const { return cases_; }
  /// Keys of the cases of a profile that the claims cover.
  std::vector<std::string> keys(const Facts& facts, int effort) const;
  /// Errors: kInvalidArgument for a key that is none of the list's.
  Result<const OpCase*> find(const std::string& key) const;

 private:
  std::vector<OpCase> cases_;
  std::map<std::string, std::size_t> index_;
};

/// One list as the two functions of a NumericCheck.
template <const CaseList& (*list)()>
std::vector<std::string> keys_of(const Facts& facts, int effort) {
  return list().keys(facts, effort);
}
/// Exact data go to the cases that have exact answers.
template <const CaseList& (*list)(), Data data = Data::kExact>
Result<NumericCase> case_of(const std::string& key, std::uint64_t seed, const Facts& facts) {
  RLX_ASSIGN(const OpCase* found, list().find(key));
  RLX_ASSIGN(NumericCase made, make_op_case(*found, data == Data::kExact && !found->exact ? Data::kTame : data, seed));
  made.compare.flush_to_zero = (facts.device_flags & RLX_DEVICE_FLAG_FTZ) != 0;
  return made;
}

const CaseList& class_probes();  // ops_probes.cpp
// ops_classes.cpp
/// The keys, and where the plugin has the option `precision`, those of products once more for each class that their rows
/// claim: "KEY@bf16". The class that the option has by itself is that of the plain keys. `by_turns`: for one of them each.
std::vector<std::string> with_classes(const CaseList& list, std::vector<std::string> keys, const Facts& facts, bool by_turns);
/// What stands before '@'.
std::string without_class(const std::string& key);
/// Compiles with the class of the key, if it has one, and compares as that class is compared.
void set_class(NumericCase& made, const std::string& key);

/// As keys_of and case_of, in every class; profile quick gives each case of a sweep one of them.
template <const CaseList& (*list)()>
std::vector<std::string> class_keys_of(const Facts& facts, int effort) {
  return with_classes(list(), list().keys(facts, effort), facts, effort == 0 && list != class_probes);
}
template <const CaseList& (*list)(), Data data = Data::kExact>
Result<NumericCase> class_case_of(const std::string& key, std::uint64_t seed, const Facts& facts) {
  RLX_ASSIGN(NumericCase made, (case_of<list, data>(without_class(key), seed, facts)));
  set_class(made, key);
  return made;
}

// ops_sweep.cpp
const CaseList& bound_sweep();
const CaseList& exact_sweep();
// ops_special.cpp, ops_targeted.cpp
const CaseList& special_values();
const CaseList& targeted_fills();
// ops_shapes.cpp
const CaseList& broadcasting();
const CaseList& extents();
const CaseList& axes_and_permutations();
// ops_index.cpp
const CaseList& index_policies();
const CaseList& jumps();
std::vector<std::string> jump_keys(const Facts& facts, int effort);
Result<NumericCase> jump_case(const std::string& key, std::uint64_t seed, const Facts& facts);
// ops_masks.cpp
const CaseList& masks();
// ops_casts.cpp
const CaseList& cast_table();
const CaseList& byte_products();
// ops_strides.cpp
const CaseList& strides();
// ops_probes.cpp
const CaseList& linear_forms();
Result<NumericCase> probe_case(const std::string& key, std::uint64_t seed, const Facts& facts);

/// Every list of the group, for tests.
std::vector<const CaseList*> ops_lists();

}  // namespace rlx::conform
