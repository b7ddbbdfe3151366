// SPDX-License-Identifier: Apache-2.0
// Medians, percentiles and how sure a median is: what `rlx bench` prints.
#pragma once

#include <vector>

namespace rlx_tool {

/// The smallest value such that at least `percent` of all are no larger (nearest rank). NaN for an empty list.
double percentile(std::vector<double> values, double percent);

/// The middle value, or the mean of the two in the middle. NaN for an empty list.
double median(std::vector<double> values);

/// Between which two of the values the median of the source lies with at least 90 % confidence; with fewer than five values
/// the whole range, at the confidence that it has.
/// Source: order statistics, the sign test's interval.
struct MedianInterval {
  double low = 0, high = 0;
  double confidence = 0;  ///< 0 to 1
};
MedianInterval median_interval(std::vector<double> values);

}  // namespace rlx_tool
