// SPDX-License-Identifier: Apache-2.0
// Kernels that move elements without looking at their values: concat, pad, slices, gathers, scatters. Any
// dtype.
#pragma once

#include "view.h"

namespace rlx_cpu {

/// y = the `count` inputs one after the other along `axis`. Items: elements of y.
KernelStatus concat(const View* xs, uint32_t count, uint32_t axis, const View& y, Range range);

struct PadAttrs {
  int64_t low[RLX_MAX_RANK] = {};  // negative = crop
  int64_t high[RLX_MAX_RANK] = {};
  int64_t interior[RLX_MAX_RANK] = {};  // elements of `value` between neighbours, >= 0
  uint32_t mode = 0;                    // RLX_PAD_*
};
/// y = x with borders. `value` (one element, same dtype) fills const borders, interior holes, and everything
/// if x is empty. Reflect does not repeat the edge and bounces as often as needed. Items: elements of y.
KernelStatus pad(const View& x, const View& value, const PadAttrs& attrs, const View& y, Range range);

struct IndexAttrs {
  uint32_t axis = 0;
  uint32_t batch_dims = 0;
  uint32_t policy = 0;            // RLX_INDEX_*
  bool negative_indices = false;  // -1 is the last
  uint32_t reduce = 0;            // RLX_SCATTER_*, scatters only
};
/// Index tensors may have any integer dtype.

/// y[d0.., i.., d1..] = data[d0.., idx[batch.., i..], d1..]. Items: gather_items, rows that follow the axis.
int64_t gather_items(const View& data, const View& idx, const IndexAttrs& attrs);
KernelStatus gather(const View& data, const View& idx, const IndexAttrs& attrs, const View& y, Range range);

/// y[i..] = data[i.. with coordinate `axis` replaced by idx[i..]]. Items: elements of y.
KernelStatus gather_elements(const View& data, const View& idx, const IndexAttrs& attrs, const View& y,
                             Range range);

/// y[b.., i.., rest..] = data[b.., idx[b.., i.., :], rest..]. Items: gather_nd_items, one per index tuple.
int64_t gather_nd_items(const View& idx);
KernelStatus gather_nd(const View& data, const View& idx, const IndexAttrs& attrs, const View& y,
                       Range range);

/// y = x, then y[i.. with `axis` replaced by idx[i..]] = reduce(old, u[i..]), duplicates in row-major order.
/// Policy clamp moves a bad index to the border, zero skips the update. y may be x's memory (equal strides).
/// Items: scatter_elements_items, lines of x along the axis.
int64_t scatter_elements_items(const View& x, const IndexAttrs& attrs);
KernelStatus scatter_elements(const View& x, const View& idx, const View& u, const IndexAttrs& attrs,
                              const View& y, Range range);

/// y = x, then for each tuple t of idx, in order: y[t.., rest..] = reduce(old, u[.., rest..]). y may be x's
/// memory. Items: scatter_nd_items, elements of one slice "rest".
int64_t scatter_nd_items(const View& x, const View& idx);
KernelStatus scatter_nd(const View& x, const View& idx, const View& u, const IndexAttrs& attrs, const View& y,
                        Range range);

/// y = the window of x that begins at start (i64[rank]) and has y's dims. policy error or clamp. Items:
/// elements of y.
KernelStatus dynamic_slice(const View& x, const View& start, uint32_t policy, const View& y, Range range);
/// y = x with u written at start. y may be x's memory (then only u is written). Items: elements of y.
KernelStatus dynamic_update_slice(const View& x, const View& u, const View& start, uint32_t policy,
                                  const View& y, Range range);

/// The same where y is x's memory: u is written and nothing else is looked at. Items: elements of u.
KernelStatus write_slice(const View& u, const View& start, uint32_t policy, const View& y, Range range);

}  // namespace rlx_cpu
