// SPDX-License-Identifier: Apache-2.0
// Pointwise functions over dense blocks of at most kBlock elements. The result may lie on an operand's
// memory. Each returns false, and writes nothing, for a function or dtype that it does not know.
#pragma once

#include <cstdint>

#include "cursor.h"
#include "numbers.h"

// In-place use is element on element only, so no iteration of a pointwise loop depends on another.
#if defined(__clang__)
#define RLX_CPU_POINTWISE_LOOP _Pragma("clang loop vectorize(assume_safety)")
#else
#define RLX_CPU_POINTWISE_LOOP _Pragma("GCC ivdep")
#endif

namespace rlx_cpu {

bool block_unary(uint32_t fn, uint32_t dtype, const void* x, void* y, int64_t n);
bool block_binary(uint32_t fn, uint32_t dtype, const void* a, const void* b, void* y, int64_t n);
bool block_compare(uint32_t fn, uint32_t dtype, const void* a, const void* b, void* y, int64_t n);
bool block_act(uint32_t fn, double alpha, double beta, uint32_t dtype, const void* x, void* y, int64_t n);
bool block_select(uint32_t dtype, const void* cond, const void* t, const void* f, void* y, int64_t n);
bool block_cast(uint32_t from, uint32_t to, uint32_t round, uint32_t overflow, const void* x, void* y,
                int64_t n);

bool int_unary(uint32_t fn, uint32_t dtype, const void* x, void* y, int64_t n);
bool int_binary(uint32_t fn, uint32_t dtype, const void* a, const void* b, void* y, int64_t n);
bool int_compare(uint32_t fn, uint32_t dtype, const void* a, const void* b, void* y, int64_t n);

// The three types that hold every element exactly within its class: double for floats, int64_t for signed
// integers, uint64_t for unsigned ones and bool. Kernels that fold or order elements are written once for
// each.
void widen(uint32_t dtype, const void* x, double* y, int64_t n);    // any dtype; 64-bit integers round
void widen(uint32_t dtype, const void* x, int64_t* y, int64_t n);   // integers, bool
void widen(uint32_t dtype, const void* x, uint64_t* y, int64_t n);  // integers (sign-extended), bool
void widen(uint32_t dtype, const void* x, float* y, int64_t n);     // any dtype; wide ones round
void widen(uint32_t dtype, const void* x, uint32_t* y, int64_t n);  // integers (low bits), bool
/// Floats round once to nearest even; integers keep their low bits; bool is x != 0.
void narrow(uint32_t dtype, const double* x, void* y, int64_t n);    // floats
void narrow(uint32_t dtype, const float* x, void* y, int64_t n);     // floats
void narrow(uint32_t dtype, const int64_t* x, void* y, int64_t n);   // integers, bool
void narrow(uint32_t dtype, const uint64_t* x, void* y, int64_t n);  // integers, bool
void narrow(uint32_t dtype, const uint32_t* x, void* y, int64_t n);  // integers (as i32), bool

/// One float element as double; one integer element as int64_t.
double load_f64(uint32_t dtype, const void* x);
int64_t load_i64(uint32_t dtype, const void* x);
void store_f64(uint32_t dtype, double value, void* y);

/// Calls body(W{}) with the wide type of the dtype's class.
template <class Body>
auto with_wide(uint32_t dtype, Body&& body) {
  if (is_float(dtype)) return body(double{});
  if (is_signed_int(dtype)) return body(int64_t{});
  return body(uint64_t{});
}
/// True for the dtypes that these kernels compute with.
inline bool is_known(uint32_t dtype) { return dtype >= RLX_DTYPE_BOOL && dtype <= RLX_DTYPE_F64; }

}  // namespace rlx_cpu
