// SPDX-License-Identifier: Apache-2.0
// Elements as numbers: reading, writing with one rounding, and what scalar functions of the operation set
// give.
#pragma once

#include <rlx/lir.h>
#include <rlx/ops.h>
#include <rlx/types.h>

#include "fault.h"

namespace rlx_c0 {

/// One element: `f` of float dtypes, `i` of integers and bool (u64 as its bits).
union Cell {
  double f;
  int64_t i;
};

inline bool is_float(uint32_t dtype) { return dtype >= RLX_DTYPE_F16 && dtype <= RLX_DTYPE_F64; }
inline bool is_signed(uint32_t dtype) { return dtype >= RLX_DTYPE_I8 && dtype <= RLX_DTYPE_I64; }
inline bool is_int(uint32_t dtype) { return dtype >= RLX_DTYPE_I8 && dtype <= RLX_DTYPE_U64; }

/// Sums of what is not f64 are made in this type.
#ifdef RLX_C0_F64
using Narrow = double;
#else
using Narrow = float;
#endif

double small_float(uint32_t dtype, uint16_t bits);
uint16_t small_bits(uint32_t dtype, double value, bool toward_zero);

/// The float element at `p`.
inline double load_real(uint32_t dtype, const char* p) {
  if (dtype == RLX_DTYPE_F32) {
    float value;
    memcpy(&value, p, sizeof value);
    return static_cast<double>(value);
  }
  if (dtype == RLX_DTYPE_F64) {
    double value;
    memcpy(&value, p, sizeof value);
    return value;
  }
  uint16_t bits;
  memcpy(&bits, p, sizeof bits);
  return small_float(dtype, bits);
}
int64_t load_integer(uint32_t dtype, const char* p);
inline Cell load(uint32_t dtype, const char* p) {
  Cell cell;
  if (is_float(dtype))
    cell.f = load_real(dtype, p);
  else
    cell.i = load_integer(dtype, p);
  return cell;
}
/// Rounds to nearest even.
void store_real(uint32_t dtype, char* p, double value);
void store(uint32_t dtype, char* p, Cell cell);
/// The value as `dtype` holds it: floats rounded, integers cut to their width.
Cell held(uint32_t dtype, Cell cell);

/// The identity of a reduce FN.
Cell identity_of(uint32_t dtype, int64_t fn);
/// One step of a reduce FN; sums and products of floats stay as wide as they are.
Cell folded(uint32_t dtype, int64_t fn, Cell a, Cell b);

Cell unary(uint32_t dtype, int64_t fn, Cell x);
Cell binary(uint32_t dtype, int64_t fn, Cell a, Cell b);
bool compare(uint32_t dtype, int64_t fn, Cell a, Cell b);
Cell cast(uint32_t from, uint32_t to, int64_t round, int64_t overflow, Cell x);
/// NaN for alpha or beta: the default of the activation. [float dtypes]
double activation(uint32_t dtype, int64_t act, double alpha, double beta, double x);

}  // namespace rlx_c0
