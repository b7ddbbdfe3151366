// SPDX-License-Identifier: Apache-2.0
// Indices that come from tensors: the one place where they are read and checked.
#pragma once

#include "block.h"
#include "movement.h"
#include "rlx/ops.h"

namespace rlx_cpu {

/// What an index means after its policy.
enum class IndexUse { kValid, kZero, kError };

/// Reads the index at `offset` elements in `idx` for an axis of `extent`; *at is then in [0, extent) if
/// kValid. Clamp on an empty axis cannot be met and counts as zero.
inline IndexUse read_index(const View& idx, int64_t offset, int64_t extent, const IndexAttrs& attrs,
                           int64_t* at) {
  int64_t value = load_i64(idx.dtype, element_at(idx, offset));
  if (idx.dtype == RLX_DTYPE_U64 && value < 0) value = INT64_MAX;  // past every extent
  *at = value;
  if (attrs.negative_indices && value < 0 && value >= -extent) value += extent;
  if (value >= 0 && value < extent) {
    *at = value;
    return IndexUse::kValid;
  }
  if (attrs.policy == RLX_INDEX_ERROR) return IndexUse::kError;
  if (attrs.policy == RLX_INDEX_ZERO || extent == 0) return IndexUse::kZero;
  *at = value < 0 ? 0 : extent - 1;
  return IndexUse::kValid;
}

/// Under policy "error", looks at every index before anything is written: the first bad one, in row-major
/// order of `idx`, whatever the range. Index i is for the extent extents[i mod depth].
KernelStatus check_indices(const View& idx, int64_t depth, const int64_t* extents, const IndexAttrs& attrs);

inline KernelStatus check_index_op(const View& data, const View& idx, const IndexAttrs& attrs,
                                   const View& y) {
  if (element_bytes(y.dtype) == 0) return unsupported(0, y.dtype);
  if (!is_int(idx.dtype)) return unsupported(0, idx.dtype);
  if (attrs.policy > RLX_INDEX_ZERO) return unsupported(attrs.policy, y.dtype);
  if (data.dtype != y.dtype) return invalid(0, data.dtype, y.dtype);
  return {};
}

}  // namespace rlx_cpu
