// SPDX-License-Identifier: Apache-2.0
// Whether what a shape needs fits into the memory that there is, asked before anything of that size is made.
#pragma once

#include <rlx/host/result.hpp>

#include <cstdint>
#include <string>

namespace rlx_tool {

/// Bytes that this process can still get: what the machine has to give, or the container's limit; UINT64_MAX where neither
/// is known.
std::uint64_t available_bytes();

/// What one shape takes, beside weights, which are mapped from their file.
struct Needs {
  std::uint64_t weight_bytes = 0;  ///< counts towards the budget alone
  std::uint64_t packed_bytes = 0;
  std::uint64_t arena_bytes = 0;
  std::uint64_t input_bytes = 0;  ///< inputs and outputs lie outside the budget
  std::uint64_t output_bytes = 0;
};

/// Errors: kOutOfMemory naming `what`, what it needs and what there is. `budget_bytes`: 0 = none.
rlx::Status check_room(const std::string& what, const Needs& needs, std::uint64_t budget_bytes);

}  // namespace rlx_tool
