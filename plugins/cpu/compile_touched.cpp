// SPDX-License-Identifier: Apache-2.0
// Unions of byte ranges, one of all that was touched and one of what several threads touched.
#include "compile_touched.h"

#include <algorithm>
#include <iterator>

namespace rlx_cpu {

bool TouchedRanges::Ranges::of_same(const Place& place, const Touched& touched) const {
  return place.root == touched.root && place.index == touched.index;
}

bool TouchedRanges::Ranges::overlap(const Touched& touched) const {
  const auto after = end_of.lower_bound({touched.root, touched.index, touched.end});
  if (after == end_of.begin()) return false;
  const auto& [place, end] = *std::prev(after);
  return of_same(place, touched) && end > touched.begin;
}

void TouchedRanges::Ranges::insert(const Touched& touched) {
  int64_t begin = touched.begin, end = touched.end;
  auto at = end_of.upper_bound({touched.root, touched.index, begin});
  if (at != end_of.begin()) {
    const auto before = std::prev(at);
    if (of_same(before->first, touched) && before->second >= begin) {
      if (before->second >= end) return;
      begin = before->first.begin;
      at = before;
    }
  }
  while (at != end_of.end() && of_same(at->first, touched) && at->first.begin <= end) {
    end = std::max(end, at->second);
    at = end_of.erase(at);
  }
  end_of.emplace_hint(at, Place{touched.root, touched.index, begin}, end);
}

bool TouchedRanges::conflicts(const Touched& now) const {
  if (now.begin >= now.end) return false;
  return (now.parts == 1 ? shared_ : any_).overlap(now);
}

void TouchedRanges::insert(const Touched& touched) {
  if (touched.begin >= touched.end) return;
  any_.insert(touched);
  if (touched.parts != 1) shared_.insert(touched);
}

void TouchedRanges::clear() {
  any_.end_of.clear();
  shared_.end_of.clear();
}

}  // namespace rlx_cpu
