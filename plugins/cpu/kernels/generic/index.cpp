// SPDX-License-Identifier: Apache-2.0
// The check of whole index tensors; see index.h.
#include "index.h"

#include <algorithm>

namespace rlx_cpu {

KernelStatus check_indices(const View& idx, int64_t depth, const int64_t* extents, const IndexAttrs& attrs) {
  const int64_t count = element_count(idx);
  if (attrs.policy != RLX_INDEX_ERROR || count == 0) return {};
  alignas(64) char scratch[kBlockBytes];
  alignas(64) int64_t values[kBlock];
  Cursor from(idx, 0);
  for (int64_t at = 0, n; at < count; at += n) {
    n = std::min(kBlock, count - at);
    widen(idx.dtype, from.read(n, scratch), values, n);
    for (int64_t i = 0; i < n; ++i) {
      const int64_t extent = extents[depth == 1 ? 0 : (at + i) % depth];
      // A u64 past the range of int64_t reads as negative but does not count from the end.
      const bool huge = idx.dtype == RLX_DTYPE_U64 && values[i] < 0;
      const int64_t lowest = attrs.negative_indices && !huge ? -extent : 0;
      if (values[i] >= lowest && values[i] < extent) continue;
      return {RLX_STATUS_DATA_ERROR, at + i, huge ? INT64_MAX : values[i], extent};
    }
  }
  return {};
}

}  // namespace rlx_cpu
