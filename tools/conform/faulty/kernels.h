// SPDX-License-Identifier: Apache-2.0
// One check and one kernel per op. A kernel does what its check let through, element by element, for any
// strides.
#pragma once

#include "call.h"
#include "program.h"

namespace rlx_c0 {

#define C0_KERNEL(name)               \
  Answer check_##name(const Call& c); \
  int32_t run_##name(const Call& c)

C0_KERNEL(copy);
C0_KERNEL(unary);
C0_KERNEL(binary);
C0_KERNEL(compare);
C0_KERNEL(select);
C0_KERNEL(cast);
C0_KERNEL(bitcast);
C0_KERNEL(act);
C0_KERNEL(gated_act);
C0_KERNEL(elementwise);
C0_KERNEL(iota);
C0_KERNEL(rng_bits);
C0_KERNEL(concat);
C0_KERNEL(pad);
C0_KERNEL(dynamic_slice);
C0_KERNEL(dynamic_update_slice);
C0_KERNEL(gather);
C0_KERNEL(gather_elements);
C0_KERNEL(gather_nd);
C0_KERNEL(scatter_elements);
C0_KERNEL(scatter_nd);
C0_KERNEL(reduce);
C0_KERNEL(segment_reduce);
C0_KERNEL(arg_reduce);
C0_KERNEL(cumulate);
C0_KERNEL(top_k);
C0_KERNEL(nonzero);
C0_KERNEL(dot);
C0_KERNEL(linear);
C0_KERNEL(conv);
C0_KERNEL(conv_act);
C0_KERNEL(reduce_window);
C0_KERNEL(avg_pool);
C0_KERNEL(softmax);
C0_KERNEL(layer_norm);
C0_KERNEL(rms_norm);
C0_KERNEL(attention);
Answer check_if(const Call& c);
Answer check_while(const Call& c);

/// Both operands' dims equal or 1, and the result what they make together.
Answer check_repeats(const Call& c, uint32_t first, uint32_t count, const View& y);
bool is_axis(int64_t axis, const View& view);
/// A sum of products of floats in the type of its accumulator; strides in elements.
double dot_of(const Call& c, const View& a, const char* pa, int64_t sa, const View& b, const char* pb,
              int64_t sb, int64_t count, bool wide);
/// Whether sums of this dtype are made in double.
inline bool is_wide(const Call& c, uint32_t dtype) {
  return dtype == RLX_DTYPE_F64 || c.whole(RLX_ATTR_ACC, 0) == RLX_DTYPE_F64;
}
/// A partial result as wide as sums are.
inline double narrowed(bool wide, double x) { return wide ? x : static_cast<double>(static_cast<Narrow>(x)); }

}  // namespace rlx_c0
