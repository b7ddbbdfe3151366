// SPDX-License-Identifier: Apache-2.0
// From a failing case to a small one: fewer outputs, operations cut off at values that the reference computed, plainer
// data, the usual plan.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "tools/conform/numeric/numeric.h"

namespace rlx::conform {

/// What is left of a case.
struct Cut {
  std::set<std::uint32_t> outputs;  ///< of those of the image, which are kept; empty: all
  std::set<std::uint32_t> ops;      ///< of the main graph, which are gone: their results are inputs with the reference's values
  std::optional<std::uint32_t> end = {};  ///< an op of the main graph whose results are the outputs instead
};

/// The case without what no kept output needs. The plan stays where it is; a value that is now an input has no place.
/// Errors: kUnsupportedOps for images with states or extents; what the reference, the writer or the verifier refuses.
Result<NumericCase> reduce_case(const NumericCase& from, const Cut& cut);

/// Operations of the main graph; 0 for what is no image.
std::uint32_t op_count(const NumericCase& made);

struct ShrinkLimits {
  unsigned probes = 500;
  double seconds = 60;
  unsigned confirmations = 20;
};
struct Shrunk {
  NumericCase smallest;
  unsigned probes = 0;
  unsigned confirmed = 0;  ///< of ShrinkLimits::confirmations, how often the smallest failed again
};
/// `fails` says whether a case still fails in the same way. The smallest that was found; `from` where nothing smaller fails.
Shrunk shrink_case(const NumericCase& from, const std::function<bool(const NumericCase&)>& fails, const ShrinkLimits& limits = {});

}  // namespace rlx::conform
