// SPDX-License-Identifier: Apache-2.0
// The bytes that steps have touched since the last barrier. Ranges that meet are kept as one, and found by their place, so
// that asking costs the logarithm of how many lie apart.
#pragma once

#include <compare>
#include <cstdint>
#include <map>

#include "compile_executable.h"

namespace rlx_cpu {

/// Bytes [begin, end) of one piece of memory, touched by `parts` parts of a step. A step of one part runs on the first
/// thread.
struct Touched {
  Root root;
  uint32_t index;
  int64_t begin, end;
  uint32_t parts;
};

class TouchedRanges {
 public:
  TouchedRanges() = default;
  TouchedRanges(const TouchedRanges&) = delete;
  TouchedRanges& operator=(const TouchedRanges&) = delete;

  /// True where a byte of `now` was touched by another thread than the one that will touch it now.
  bool conflicts(const Touched& now) const;
  void insert(const Touched& touched);
  void clear();
  /// How often two places were compared, ever: a measure of work.
  uint64_t comparisons() const { return any_.comparisons + shared_.comparisons; }

 private:
  struct Place {
    Root root;
    uint32_t index;
    int64_t begin;
    auto operator<=>(const Place&) const = default;
  };
  /// A union of ranges, none of which meets another.
  struct Ranges {
    bool overlap(const Touched& touched) const;
    void insert(const Touched& touched);
    bool of_same(const Place& place, const Touched& touched) const;

    struct Before {
      uint64_t* comparisons;
      bool operator()(const Place& a, const Place& b) const { return ++*comparisons, a < b; }
    };
    uint64_t comparisons = 0;
    std::map<Place, int64_t, Before> end_of{Before{&comparisons}};
  };

  Ranges any_;     // touched by any step
  Ranges shared_;  // touched by steps of several parts
};

}  // namespace rlx_cpu
