// SPDX-License-Identifier: Apache-2.0
// Constants as numbers and back. Integers stay integers; floats are held as double, which holds every narrower float,
// and are rounded once on the way back.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/ir/graph.h"

namespace rlx {

/// Elements of one tensor, row-major, in the list that its dtype asks for.
struct Numbers {
  DType dtype = DType::kNone;
  std::vector<std::int64_t> dims;
  std::vector<double> real;          ///< floats
  std::vector<std::int64_t> whole;   ///< integers and bool (0 or 1)

  std::size_t size() const { return is_float(dtype) ? real.size() : whole.size(); }
};

/// None for dtypes that are not read (u64: its upper half is no int64).
std::optional<Numbers> read_numbers(const Constant& constant);
/// Rounds floats to nearest even; integers wrap to their width.
std::vector<std::byte> write_numbers(const Numbers& numbers);
/// `value` as a float of that dtype holds it: rounded to nearest even.
double rounded_to(DType dtype, double value);
/// `value` as an integer of that dtype holds it: wrapped.
std::int64_t wrapped_to(DType dtype, std::int64_t value);
/// The number that every element is; none where they differ, where there is none, or above 1024 elements.
std::optional<double> one_number(const Constant& constant);

}  // namespace rlx
