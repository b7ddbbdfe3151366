// SPDX-License-Identifier: Apache-2.0
// Slices whose start is data: reading a window and writing one.
#include <algorithm>

#include "block.h"
#include "movement.h"
#include "rlx/ops.h"

namespace rlx_cpu {
namespace {

// Reads and checks the start of a window with `window`'s dims in `whole`.
KernelStatus window_start(const View& whole, const View& window, const View& start, uint32_t policy,
                          int64_t* at) {
  if (element_bytes(whole.dtype) == 0) return unsupported(0, whole.dtype);
  if (policy > RLX_INDEX_CLAMP) return unsupported(policy, whole.dtype);
  if (whole.dtype != window.dtype || whole.rank != window.rank) return invalid(0, window.dtype, whole.dtype);
  if (!is_int(start.dtype)) return unsupported(0, start.dtype);
  if (element_count(start) != int64_t(whole.rank) || start.rank > 1)
    return invalid(0, element_count(start), whole.rank);
  for (uint32_t d = 0; d < whole.rank; ++d) {
    const int64_t limit = whole.dims[d] - window.dims[d];
    if (limit < 0) return invalid(d, window.dims[d], whole.dims[d]);
    // Rank 1 unless there are no dims at all, or one dim and a scalar start.
    at[d] = load_i64(start.dtype, element_at(start, start.rank == 1 ? int64_t(d) * start.strides[0] : 0));
    if (start.dtype == RLX_DTYPE_U64 && at[d] < 0) at[d] = INT64_MAX;
    if (at[d] >= 0 && at[d] <= limit) continue;
    if (policy == RLX_INDEX_ERROR) return {RLX_STATUS_DATA_ERROR, d, at[d], limit};
    at[d] = std::clamp<int64_t>(at[d], 0, limit);
  }
  return {};
}

View window_view(const View& whole, const View& window, const int64_t* at) {
  View part = whole;
  int64_t offset = 0;
  for (uint32_t d = 0; d < whole.rank; ++d) {
    offset += at[d] * whole.strides[d];
    part.dims[d] = window.dims[d];
  }
  part.data = element_at(whole, offset);
  return part;
}

}  // namespace

KernelStatus dynamic_slice(const View& x, const View& start, uint32_t policy, const View& y, Range range) {
  int64_t at[RLX_MAX_RANK] = {};
  const KernelStatus status = window_start(x, y, start, policy, at);
  if (!status.ok() || range.begin >= range.end) return status;
  copy_flat(window_view(x, y, at), range.begin, y, range.begin, range.end - range.begin);
  return {};
}

KernelStatus write_slice(const View& u, const View& start, uint32_t policy, const View& y, Range range) {
  int64_t at[RLX_MAX_RANK] = {};
  const KernelStatus status = window_start(y, u, start, policy, at);
  if (!status.ok() || range.begin >= range.end) return status;
  copy_flat(u, range.begin, window_view(y, u, at), range.begin, range.end - range.begin);
  return {};
}

KernelStatus dynamic_update_slice(const View& x, const View& u, const View& start, uint32_t policy,
                                  const View& y, Range range) {
  int64_t at[RLX_MAX_RANK] = {};
  if (x.dtype != y.dtype || x.rank != y.rank) return invalid(0, x.dtype, y.dtype);
  const KernelStatus status = window_start(y, u, start, policy, at);
  if (!status.ok() || range.begin >= range.end) return status;
  if (!same_memory(x, y)) copy_flat(x, range.begin, y, range.begin, range.end - range.begin);
  const int64_t count = element_count(u);
  if (count == 0) return {};
  // Rows of u are runs of y's flat order; each range writes the parts that fall into it.
  const int64_t width = u.rank == 0 ? 1 : u.dims[u.rank - 1];
  int64_t flat_strides[RLX_MAX_RANK] = {};
  int64_t origin = 0;
  int64_t stride = 1;
  for (uint32_t d = y.rank; d-- > 0;) {
    flat_strides[d] = stride;
    origin += at[d] * stride;
    stride *= y.dims[d];
  }
  Cursor from(u, 0);
  Cursor to(y, 0);
  for (int64_t row = 0; row * width < count; ++row) {
    const int64_t target = origin + (u.rank == 0 ? 0 : offset_of(row, u.rank - 1, u.dims, flat_strides));
    const int64_t first = std::max(range.begin, target);
    const int64_t last = std::min(range.end, target + width);
    if (first >= last) continue;
    from.seek(row * width + first - target);
    to.seek(first);
    copy_run(from, to, element_bytes(y.dtype), last - first);
  }
  return {};
}

}  // namespace rlx_cpu
