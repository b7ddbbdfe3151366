// SPDX-License-Identifier: Apache-2.0
// What every generic kernel takes and returns: a strided view of memory, a range of work items, a status.
//
// Rules that hold for all kernels of this folder:
// - A kernel does the items [range.begin, range.end) and no others, so any number of threads may share one
// op. How many
//   items there are is said by the matching `<op>_items` function; where there is none, items are elements of
//   `y` in row-major order (`element_count(y)`). Results never depend on how the items are split.
// - Broadcasting is done by the caller with stride 0: inputs of pointwise kernels have the dims of `y`.
// - `y` may be the same memory as an input of a pointwise kernel only with equal strides. Other overlaps are
// not allowed,
//   except where a kernel says so.
// - Indices read from tensors are checked before they are used. Under policy "error" every range looks at all
// of them first
//   and returns the first bad one, and nothing is written.
// - A function or dtype that a kernel does not know is answered with RLX_STATUS_UNSUPPORTED, never skipped.
#pragma once

#include <cstdint>

#include "rlx/types.h"

namespace rlx_cpu {

/// A strided tensor in memory that someone else owns. `data` points at element [0,..,0].
/// Units: strides in elements; 0 = broadcast, negative = reversed.
struct View {
  void* data = nullptr;
  uint32_t dtype = RLX_DTYPE_NONE;
  uint32_t rank = 0;
  int64_t dims[RLX_MAX_RANK] = {};
  int64_t strides[RLX_MAX_RANK] = {};
};

/// Work items begin <= i < end.
struct Range {
  int64_t begin = 0;
  int64_t end = 0;
};

/// Result of a kernel. For RLX_STATUS_DATA_ERROR: `index` is the flat position of the refused value in its
/// tensor, `value` the value, `limit` the extent that it had to respect. For RLX_STATUS_UNSUPPORTED: `index`
/// fn, `value` dtype.
struct [[nodiscard]] KernelStatus {
  int32_t status = RLX_STATUS_OK;
  int64_t index = 0;
  int64_t value = 0;
  int64_t limit = 0;
  bool ok() const { return status == RLX_STATUS_OK; }
};

/// Bytes per element, 0 for dtypes that these kernels do not compute with.
int64_t element_bytes(uint32_t dtype);
/// Product of the dims; 1 for rank 0.
int64_t element_count(const View& view);
/// The range that covers all elements of `view`.
inline Range whole(const View& view) { return {0, element_count(view)}; }
/// A row-major dense view.
View dense_view(void* data, uint32_t dtype, uint32_t rank, const int64_t* dims);

}  // namespace rlx_cpu
