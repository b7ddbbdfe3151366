// SPDX-License-Identifier: Apache-2.0
// The JSON header of a safetensors file, read strictly: what is not known, said twice or out of place is
// refused.
#pragma once

#include <rlx/host/result.hpp>
#include <rlx/host/types.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rlx::safetensors {

struct Entry {
  std::string name;
  DType dtype = DType::kNone;
  std::size_t dtype_bytes = 0;
  std::vector<std::int64_t> dims;
  std::uint64_t begin = 0;  ///< from the end of the header
  std::uint64_t end = 0;
};

/// Entries in the order of the text; "__metadata__" is checked and dropped. Offsets are not yet checked
/// against data. Errors: kFileDamaged naming tensor, seen, wanted.
Result<std::vector<Entry>> parse_header(std::string_view json);

}  // namespace rlx::safetensors
