// SPDX-License-Identifier: Apache-2.0
// When a number that was seen is as good as the one that is right: one rule for the conformance tool and for `rlx verify`.
#pragma once

#include <cmath>

namespace rlx::numeric {

/// What a float dtype holds.
struct Format {
  double greatest;      ///< finite
  double least_normal;  ///< positive
};
inline constexpr Format kF16{65504, 0x1p-14}, kBF16{0x1.fep127, 0x1p-126}, kF32{0x1.fffffep127, 0x1p-126}, kF64{0x1.fffffffffffffp1023, 0x1p-1022};

struct Rules {
  bool flush_to_zero = false;  ///< the device declares that subnormals are zero
  bool sign_of_zero = false;   ///< -0 and 0 differ
};

/// Whether `y` is admissible for `v` within `e`. NaN and infinity belong to nobody's bound; where a bound reaches past the
/// greatest number, an infinity of the same sign is right too.
inline bool admissible(const Format& format, double v, double e, double y, const Rules& rules = {}) {
  if (std::isnan(v)) return std::isnan(y);
  if (std::isnan(y)) return false;
  if (std::isinf(v)) return y == v;
  if (std::isinf(y)) return std::signbit(y) == std::signbit(v) && std::fabs(v) + e >= format.greatest;
  if (rules.sign_of_zero && v == 0 && y == 0 && std::signbit(v) != std::signbit(y)) return false;
  if (rules.flush_to_zero && y == 0 && std::fabs(v) < format.least_normal) return true;
  return std::fabs(y - v) <= e;
}

/// Whether agreeing with `v` within `e` says anything, in a tensor of this root mean square: what may differ by as much as
/// the whole tensor is large is met by anything.
inline bool proves(const Format& format, double v, double e, double root_mean_square) {
  return !std::isfinite(v) || e <= std::fmax(root_mean_square, 64 * format.least_normal);
}

}  // namespace rlx::numeric
