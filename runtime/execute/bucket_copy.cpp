// SPDX-License-Identifier: Apache-2.0
// Runs of bytes that lie together in both tensors, one after the other.
#include "runtime/execute/bucket_copy.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace rlx {

void copy_front(const std::byte* from, std::span<const std::int64_t> from_dims, std::byte* to, std::span<const std::int64_t> to_dims,
                std::size_t width) {
  std::size_t run = width;  // bytes together: all axes behind the last that differs, and what both have of that one
  std::size_t from_step = width, to_step = width;
  std::size_t axes = from_dims.size();
  while (axes > 0) {
    --axes;
    run *= static_cast<std::size_t>(std::min(from_dims[axes], to_dims[axes]));
    from_step *= static_cast<std::size_t>(from_dims[axes]);
    to_step *= static_cast<std::size_t>(to_dims[axes]);
    if (from_dims[axes] != to_dims[axes]) break;
  }
  if (run == 0) return;
  std::size_t blocks = 1;
  for (std::size_t axis = 0; axis < axes; ++axis) blocks *= static_cast<std::size_t>(std::min(from_dims[axis], to_dims[axis]));
  std::array<std::int64_t, 16> few{};
  std::vector<std::int64_t> many(axes > few.size() ? axes : 0);  // no memory is taken for a rank that occurs
  std::int64_t* const at = many.empty() ? few.data() : many.data();
  for (std::size_t n = 0; n < blocks; ++n) {
    std::size_t from_block = 0, to_block = 0;
    for (std::size_t axis = 0; axis < axes; ++axis) {
      from_block = from_block * static_cast<std::size_t>(from_dims[axis]) + static_cast<std::size_t>(at[axis]);
      to_block = to_block * static_cast<std::size_t>(to_dims[axis]) + static_cast<std::size_t>(at[axis]);
    }
    std::memcpy(to + to_block * to_step, from + from_block * from_step, run);
    for (std::size_t axis = axes; axis-- > 0 && ++at[axis] == std::min(from_dims[axis], to_dims[axis]);) at[axis] = 0;
  }
}

}  // namespace rlx
