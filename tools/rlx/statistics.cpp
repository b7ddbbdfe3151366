// SPDX-License-Identifier: Apache-2.0
// Order statistics.
#include "statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace rlx_tool {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();
constexpr double kWanted = 0.9;

/// Probability that at most `k` of `n` fair coins show heads.
double at_most(std::size_t k, std::size_t n) {
  double sum = 0, term = std::pow(0.5, static_cast<double>(n));
  for (std::size_t i = 0; i <= k; ++i) {
    sum += term;
    term *= static_cast<double>(n - i) / static_cast<double>(i + 1);
  }
  return sum;
}

}  // namespace

double percentile(std::vector<double> values, double percent) {
  if (values.empty()) return kNothing;
  const double rank = std::ceil(percent / 100 * static_cast<double>(values.size()) - 1e-9);
  const auto index = static_cast<std::ptrdiff_t>(std::clamp(rank - 1, 0.0, static_cast<double>(values.size() - 1)));
  std::nth_element(values.begin(), values.begin() + index, values.end());
  return values[static_cast<std::size_t>(index)];
}

double median(std::vector<double> values) {
  if (values.empty()) return kNothing;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

MedianInterval median_interval(std::vector<double> values) {
  if (values.empty()) return {kNothing, kNothing, 0};
  std::sort(values.begin(), values.end());
  const std::size_t n = std::min<std::size_t>(values.size(), 1000);  // more would underflow and add nothing
  MedianInterval interval{values.front(), values.back(), 1 - 2 * at_most(0, n)};
  for (std::size_t cut = 1; 2 * cut < n && values.size() == n && 1 - 2 * at_most(cut, n) >= kWanted; ++cut)
    interval = {values[cut], values[n - 1 - cut], 1 - 2 * at_most(cut, n)};
  return interval;
}

}  // namespace rlx_tool
