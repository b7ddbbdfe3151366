// SPDX-License-Identifier: Apache-2.0
// The accumulator types of dot and conv.
#pragma once

#include "block.h"

namespace rlx_cpu {

/// The acc dtype to use for operands of these dtypes, or NONE if they do not go together.
inline uint32_t resolve_acc(uint32_t acc, uint32_t a, uint32_t b, uint32_t y) {
  if (!is_known(a) || !is_known(b) || is_float(a) != is_float(b) || is_float(a) != is_float(y))
    return RLX_DTYPE_NONE;
  const bool wide = element_bytes(a) == 8 || element_bytes(b) == 8;
  if (is_float(a)) {
    if (acc == RLX_DTYPE_F64 || (acc == RLX_DTYPE_NONE && wide)) return RLX_DTYPE_F64;
    return acc == RLX_DTYPE_NONE || is_float(acc) ? RLX_DTYPE_F32 : RLX_DTYPE_NONE;
  }
  if (is_float(acc) || y == RLX_DTYPE_BOOL) return RLX_DTYPE_NONE;
  // Integers wrap, so a 64-bit sum has the right low bits for every narrower one that is not read wider.
  if (acc == RLX_DTYPE_NONE) return wide || element_bytes(y) == 8 ? RLX_DTYPE_I64 : RLX_DTYPE_I32;
  return element_bytes(acc) == 8 ? RLX_DTYPE_I64 : RLX_DTYPE_I32;
}

/// Calls body(W{}) with the type that sums in `acc`. The unsigned ones hold two's complement and wrap.
template <class Body>
void with_acc(uint32_t acc, Body&& body) {
  switch (acc) {
    case RLX_DTYPE_F32:
      return body(float{});
    case RLX_DTYPE_F64:
      return body(double{});
    case RLX_DTYPE_I32:
      return body(uint32_t{});
    default:
      return body(uint64_t{});
  }
}

}  // namespace rlx_cpu
