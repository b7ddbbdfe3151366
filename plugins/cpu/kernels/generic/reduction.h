// SPDX-License-Identifier: Apache-2.0
// Kernels that fold or order the elements along axes. Floats fold in f64 and round once; integers wrap.
#pragma once

#include "view.h"

namespace rlx_cpu {

/// y = fold of x over `axes` (bit i set: axis i is reduced), fn one of RLX_REDUCE_*. y has the kept dims of
/// x, with or without 1s in place of the reduced ones. No elements give the identity: 0, 1, lowest/-inf,
/// highest/+inf, true, false. max and min propagate NaN. sum and prod keep x's dtype; all and any take and
/// give bool. Items: elements of y.
KernelStatus reduce(uint32_t fn, uint32_t axes, const View& x, const View& y, Range range);

/// y (i64 or i32) = position of the max or min along `axis`; NaNs tie and win; an empty axis gives 0.
/// Items: elements of y.
KernelStatus arg_reduce(uint32_t fn, uint32_t axis, uint32_t tie, const View& x, const View& y, Range range);

struct CumulateAttrs {
  uint32_t fn = 0;  // RLX_REDUCE_SUM, PROD, MAX or MIN
  uint32_t axis = 0;
  bool exclusive = false;  // y[i] folds what comes before i; the first is the identity
  bool reverse = false;
};
/// Items: line_items, lines along the axis. y may be x's memory.
KernelStatus cumulate(const View& x, const CumulateAttrs& attrs, const View& y, Range range);

struct TopKAttrs {
  uint32_t axis = 0;
  bool largest = true;
  bool sorted = true;  // results come sorted in any case
};
/// The k = values.dims[axis] first along the axis; equal elements by lower index; NaN counts as the largest.
/// `scratch`: top_k_scratch_bytes, aligned to 8. Errors: INVALID_ARGUMENT if k exceeds the axis. Items: line_items.
KernelStatus top_k(const View& x, const TopKAttrs& attrs, const View& values, const View& indices,
                   Range range, char* scratch);
/// For one call; attrs.axis is an axis of x.
uint64_t top_k_scratch_bytes(const View& x, const TopKAttrs& attrs);

/// Lines of x along `axis`: the product of the other dims.
int64_t line_items(const View& x, uint32_t axis);

/// indices i64[rank, cap] = coordinates of the non-zero elements in row-major order, unused columns 0; count
/// i64 scalar. Errors: DATA_ERROR if there are more than cap (value = how many, limit = cap). One item; an
/// empty range does nothing.
KernelStatus nonzero(const View& x, const View& indices, const View& count, Range range);

struct WindowAttrs {
  int64_t window[RLX_MAX_RANK] = {};  // per spatial axis (x is [N, C, spatial..])
  int64_t strides[RLX_MAX_RANK] = {};
  int64_t dilation[RLX_MAX_RANK] = {};
  int64_t low[RLX_MAX_RANK] = {};
  int64_t high[RLX_MAX_RANK] = {};
};
/// y = max or sum over windows; the border counts as nothing. `index`, if not null, gets the position of each
/// max in its image and channel (row-major over the spatial axes, the first of equals, -1 for a window without
/// elements). Items: elements of y.
KernelStatus reduce_window(uint32_t fn, const View& x, const WindowAttrs& attrs, const View& y,
                           const View* index, Range range);
/// Mean over windows; the divisor counts border elements iff count_include_pad. Items: elements of y.
KernelStatus avg_pool(const View& x, const WindowAttrs& attrs, bool count_include_pad, const View& y,
                      Range range);

}  // namespace rlx_cpu
