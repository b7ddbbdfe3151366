// SPDX-License-Identifier: Apache-2.0
// Pointwise functions over blocks of integers and bools: wrap-around, no traps. See pointwise.h for the
// rules.
#include <algorithm>

#include "block.h"
#include "rlx/ops.h"

namespace rlx_cpu {
namespace {

template <class T, class F>
bool map1(const void* x, void* y, int64_t n, F f) {
  const T* in = static_cast<const T*>(x);
  T* out = static_cast<T*>(y);
  RLX_CPU_POINTWISE_LOOP
  for (int64_t i = 0; i < n; ++i) out[i] = f(in[i]);
  return true;
}

template <class T, class R, class F>
bool map2(const void* a, const void* b, void* y, int64_t n, F f) {
  const T* left = static_cast<const T*>(a);
  const T* right = static_cast<const T*>(b);
  R* out = static_cast<R*>(y);
  RLX_CPU_POINTWISE_LOOP
  for (int64_t i = 0; i < n; ++i) out[i] = f(left[i], right[i]);
  return true;
}

template <class T>
bool unary_of(uint32_t fn, const void* x, void* y, int64_t n) {
  switch (fn) {
    case RLX_UNARY_NEG:
      return map1<T>(x, y, n, [](T v) { return wrap_sub(T(0), v); });
    case RLX_UNARY_ABS:
      return map1<T>(x, y, n, [](T v) { return v < T(0) ? wrap_sub(T(0), v) : v; });
    case RLX_UNARY_SIGN:
      return map1<T>(x, y, n, [](T v) { return T(T(v > T(0)) - T(v < T(0))); });
    case RLX_UNARY_NOT:
      return map1<T>(x, y, n, [](T v) { return T(~v); });
    case RLX_UNARY_FLOOR:
    case RLX_UNARY_CEIL:
    case RLX_UNARY_TRUNC:
    case RLX_UNARY_ROUND_EVEN:
      return map1<T>(x, y, n, [](T v) { return v; });
    default:
      return false;
  }
}

template <class T>
bool shift_of(bool left, const void* a, const void* b, void* y, int64_t n) {
  using U = Unsigned<T>;
  constexpr U kWidth = U(sizeof(T) * 8);
  // A negative count is a large one once unsigned.
  if (left)
    return map2<T, T>(a, b, y, n,
                      [](T v, T s) { return U(s) < kWidth ? T(U(uint64_t(U(v)) << U(s))) : T(0); });
  return map2<T, T>(a, b, y, n, [](T v, T s) { return U(s) < kWidth ? T(U(v) >> U(s)) : T(0); });
}

template <class T>
bool binary_of(uint32_t fn, const void* a, const void* b, void* y, int64_t n) {
  switch (fn) {
    case RLX_BINARY_ADD:
      return map2<T, T>(a, b, y, n, wrap_add<T>);
    case RLX_BINARY_SUB:
      return map2<T, T>(a, b, y, n, wrap_sub<T>);
    case RLX_BINARY_MUL:
      return map2<T, T>(a, b, y, n, wrap_mul<T>);
    case RLX_BINARY_DIV:
      return map2<T, T>(a, b, y, n, int_div<T>);
    case RLX_BINARY_MOD_FLOOR:
      return map2<T, T>(a, b, y, n, int_mod_floor<T>);
    case RLX_BINARY_MOD_TRUNC:
      return map2<T, T>(a, b, y, n, int_mod_trunc<T>);
    case RLX_BINARY_POW:
      return map2<T, T>(a, b, y, n, int_pow<T>);
    case RLX_BINARY_MAX:
      return map2<T, T>(a, b, y, n, [](T l, T r) { return std::max(l, r); });
    case RLX_BINARY_MIN:
      return map2<T, T>(a, b, y, n, [](T l, T r) { return std::min(l, r); });
    case RLX_BINARY_AND:
      return map2<T, T>(a, b, y, n, [](T l, T r) { return T(l & r); });
    case RLX_BINARY_OR:
      return map2<T, T>(a, b, y, n, [](T l, T r) { return T(l | r); });
    case RLX_BINARY_XOR:
      return map2<T, T>(a, b, y, n, [](T l, T r) { return T(l ^ r); });
    case RLX_BINARY_SHL:
      return shift_of<T>(true, a, b, y, n);
    case RLX_BINARY_SHR_LOGICAL:
      return shift_of<T>(false, a, b, y, n);
    default:
      return false;
  }
}

template <class T>
bool compare_of(uint32_t fn, const void* a, const void* b, void* y, int64_t n) {
  switch (fn) {
    case RLX_COMPARE_EQ:
      return map2<T, uint8_t>(a, b, y, n, [](T l, T r) { return l == r; });
    case RLX_COMPARE_NE:
      return map2<T, uint8_t>(a, b, y, n, [](T l, T r) { return l != r; });
    case RLX_COMPARE_LT:
      return map2<T, uint8_t>(a, b, y, n, [](T l, T r) { return l < r; });
    case RLX_COMPARE_LE:
      return map2<T, uint8_t>(a, b, y, n, [](T l, T r) { return l <= r; });
    case RLX_COMPARE_GT:
      return map2<T, uint8_t>(a, b, y, n, [](T l, T r) { return l > r; });
    case RLX_COMPARE_GE:
      return map2<T, uint8_t>(a, b, y, n, [](T l, T r) { return l >= r; });
    default:
      return false;
  }
}

using Byte = uint8_t;

// Any non-zero byte of a bool counts as true; results are 0 or 1.
bool bool_binary(uint32_t fn, const void* a, const void* b, void* y, int64_t n) {
  switch (fn) {
    case RLX_BINARY_AND:
    case RLX_BINARY_MUL:
    case RLX_BINARY_MIN:
      return map2<Byte, Byte>(a, b, y, n, [](Byte l, Byte r) { return Byte(l && r); });
    case RLX_BINARY_OR:
    case RLX_BINARY_ADD:
    case RLX_BINARY_MAX:
      return map2<Byte, Byte>(a, b, y, n, [](Byte l, Byte r) { return Byte(l || r); });
    case RLX_BINARY_XOR:
      return map2<Byte, Byte>(a, b, y, n, [](Byte l, Byte r) { return Byte(!l != !r); });
    default:
      return false;
  }
}

bool bool_compare(uint32_t fn, const void* a, const void* b, void* y, int64_t n) {
  if (fn == RLX_COMPARE_EQ)
    return map2<Byte, Byte>(a, b, y, n, [](Byte l, Byte r) { return Byte(!l == !r); });
  if (fn == RLX_COMPARE_NE)
    return map2<Byte, Byte>(a, b, y, n, [](Byte l, Byte r) { return Byte(!l != !r); });
  return compare_of<Byte>(fn, a, b, y, n);
}

}  // namespace

bool int_unary(uint32_t fn, uint32_t dtype, const void* x, void* y, int64_t n) {
  switch (dtype) {
    case RLX_DTYPE_BOOL:
      return fn == RLX_UNARY_NOT && map1<Byte>(x, y, n, [](Byte v) { return Byte(!v); });
    case RLX_DTYPE_I8:
      return unary_of<int8_t>(fn, x, y, n);
    case RLX_DTYPE_I16:
      return unary_of<int16_t>(fn, x, y, n);
    case RLX_DTYPE_I32:
      return unary_of<int32_t>(fn, x, y, n);
    case RLX_DTYPE_I64:
      return unary_of<int64_t>(fn, x, y, n);
    case RLX_DTYPE_U8:
      return unary_of<uint8_t>(fn, x, y, n);
    case RLX_DTYPE_U16:
      return unary_of<uint16_t>(fn, x, y, n);
    case RLX_DTYPE_U32:
      return unary_of<uint32_t>(fn, x, y, n);
    case RLX_DTYPE_U64:
      return unary_of<uint64_t>(fn, x, y, n);
    default:
      return false;
  }
}

bool int_binary(uint32_t fn, uint32_t dtype, const void* a, const void* b, void* y, int64_t n) {
  switch (dtype) {
    case RLX_DTYPE_BOOL:
      return bool_binary(fn, a, b, y, n);
    case RLX_DTYPE_I8:
      return binary_of<int8_t>(fn, a, b, y, n);
    case RLX_DTYPE_I16:
      return binary_of<int16_t>(fn, a, b, y, n);
    case RLX_DTYPE_I32:
      return binary_of<int32_t>(fn, a, b, y, n);
    case RLX_DTYPE_I64:
      return binary_of<int64_t>(fn, a, b, y, n);
    case RLX_DTYPE_U8:
      return binary_of<uint8_t>(fn, a, b, y, n);
    case RLX_DTYPE_U16:
      return binary_of<uint16_t>(fn, a, b, y, n);
    case RLX_DTYPE_U32:
      return binary_of<uint32_t>(fn, a, b, y, n);
    case RLX_DTYPE_U64:
      return binary_of<uint64_t>(fn, a, b, y, n);
    default:
      return false;
  }
}

bool int_compare(uint32_t fn, uint32_t dtype, const void* a, const void* b, void* y, int64_t n) {
  switch (dtype) {
    case RLX_DTYPE_BOOL:
      return bool_compare(fn, a, b, y, n);
    case RLX_DTYPE_I8:
      return compare_of<int8_t>(fn, a, b, y, n);
    case RLX_DTYPE_I16:
      return compare_of<int16_t>(fn, a, b, y, n);
    case RLX_DTYPE_I32:
      return compare_of<int32_t>(fn, a, b, y, n);
    case RLX_DTYPE_I64:
      return compare_of<int64_t>(fn, a, b, y, n);
    case RLX_DTYPE_U8:
      return compare_of<uint8_t>(fn, a, b, y, n);
    case RLX_DTYPE_U16:
      return compare_of<uint16_t>(fn, a, b, y, n);
    case RLX_DTYPE_U32:
      return compare_of<uint32_t>(fn, a, b, y, n);
    case RLX_DTYPE_U64:
      return compare_of<uint64_t>(fn, a, b, y, n);
    default:
      return false;
  }
}

}  // namespace rlx_cpu
