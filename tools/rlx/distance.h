// SPDX-License-Identifier: Apache-2.0
// How far a tensor is from the reference's, as a share of the error that the reference allows each element, and whether
// that proves anything.
#pragma once

#include <rlx/host/tensor.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace rlx_tool {

/// One result of the device.
struct Distance {
  std::uint64_t elements = 0, past = 0;  ///< past: beyond their bounds, or NaN where the reference is not
  std::uint64_t loose = 0;               ///< not past, but of bounds that anything meets: as wide as the whole result
  double worst = 0;                      ///< greatest |got - expected| / bound; infinite where nothing but equal was allowed
  std::vector<std::int64_t> where;       ///< of the first element past its bound, else of the worst
  double expected = 0, got = 0, bound = 0;
  bool good() const { return past == 0; }
  /// There is an element whose agreement says something, or none at all.
  bool proves() const { return elements == 0 || loose < elements; }
};

/// Three tensors of one dtype and shape. Integers wrap around; a bound of the dtype's greatest value (bool: 1) allows any.
Distance distance_of(const rlx::Tensor& got, const rlx::Tensor& expected, const rlx::Tensor& bounds);
/// "worst 0.31 of its bound at [0, 2]: expected 1.5, got 1.4999999, bound 3e-07".
std::string distance_text(const Distance& distance);
/// Element of any dtype as a double; i64 and u64 lose what a double cannot hold.
double element_of(const rlx::Tensor& tensor, std::uint64_t index);

}  // namespace rlx_tool
