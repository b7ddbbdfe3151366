// SPDX-License-Identifier: Apache-2.0
// The folds behind reduce, cumulate and the windows, for the three wide types.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include "numbers.h"
#include "rlx/ops.h"

namespace rlx_cpu {

struct FoldSum {
  template <class W>
  static W fold(W a, W b) {
    if constexpr (std::is_floating_point_v<W>)
      return a + b;
    else
      return wrap_add(a, b);
  }
};
struct FoldProd {
  template <class W>
  static W fold(W a, W b) {
    if constexpr (std::is_floating_point_v<W>)
      return a * b;
    else
      return wrap_mul(a, b);
  }
};
struct FoldMax {
  template <class W>
  static W fold(W a, W b) {
    return a != a || a > b ? a : b;
  }
};
struct FoldMin {
  template <class W>
  static W fold(W a, W b) {
    return a != a || a < b ? a : b;
  }
};

/// What folding nothing gives, as the wide type of `dtype`. all is min and any is max on bools.
template <class W>
W fold_identity(uint32_t fn, uint32_t dtype) {
  if (fn == RLX_REDUCE_SUM) return W(0);
  if (fn == RLX_REDUCE_PROD) return W(1);
  const bool lowest = fn == RLX_REDUCE_MAX || fn == RLX_REDUCE_ANY;
  if constexpr (std::is_floating_point_v<W>) {
    (void)dtype;
    return lowest ? -std::numeric_limits<W>::infinity() : std::numeric_limits<W>::infinity();
  } else if constexpr (std::is_signed_v<W>) {
    const int unused_bits = dtype == RLX_DTYPE_I8    ? 56
                            : dtype == RLX_DTYPE_I16 ? 48
                            : dtype == RLX_DTYPE_I32 ? 32
                                                     : 0;
    return (lowest ? std::numeric_limits<W>::min() : std::numeric_limits<W>::max()) >> unused_bits;
  } else {
    // The low bits of all ones are the highest value of every unsigned type, and true.
    (void)dtype;
    return lowest ? W(0) : std::numeric_limits<W>::max();
  }
}

/// Calls body(Fold{}) for a known fn; false otherwise.
template <class Body>
bool with_fold(uint32_t fn, Body&& body) {
  switch (fn) {
    case RLX_REDUCE_SUM:
      body(FoldSum{});
      return true;
    case RLX_REDUCE_PROD:
      body(FoldProd{});
      return true;
    case RLX_REDUCE_MAX:
    case RLX_REDUCE_ANY:
      body(FoldMax{});
      return true;
    case RLX_REDUCE_MIN:
    case RLX_REDUCE_ALL:
      body(FoldMin{});
      return true;
    default:
      return false;
  }
}

}  // namespace rlx_cpu
