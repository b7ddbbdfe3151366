// SPDX-License-Identifier: Apache-2.0
// Bytes of a plugin beside what the reference says: element by element, each with its own bound.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/reference/tensor.h"

namespace rlx::conform {

struct CompareOptions {
  double most = -1;  ///< bounds are cut to this; negative: as they are. Exact data: 0 compares values, 0.25 classes.
  bool flush_to_zero = false;  ///< the device declares that subnormals are zero
  bool sign_of_zero = false;   ///< -0 and 0 differ
  bool loose_is_fine = false;  ///< what is looked at is not how near the values are
};

struct Comparison {
  bool good = false;
  std::uint64_t compared = 0;  ///< elements whose agreement says something: not those of which anything is admissible
  std::uint64_t wrong = 0;
  std::uint64_t first = 0;  ///< the first wrong element, row-major
  std::string problem;      ///< "element [1, 2]: wanted 3 within 1e-07, seen 4"
  std::string wanted, seen;
  double worst = 0;  ///< greatest |seen - wanted| / bound where the bound is not 0
  /// Share of the elements whose bound exceeds a hundredth of the tensor's root mean square and, of f16 and bf16, two units in
  /// their own last place: as near as an expansion in three or four steps can come.
  double loose = 0;
};

/// `bytes`: dense row-major, of the dtype and dims of `expected`. A wrong count of bytes is a difference too.
Comparison compare(const reference::Tensor& expected, const std::string& bytes, const CompareOptions& options = {});

/// Cases in which comparators are known to err, run through compare(); empty where it answers all rightly.
std::vector<std::string> comparator_faults();

}  // namespace rlx::conform
