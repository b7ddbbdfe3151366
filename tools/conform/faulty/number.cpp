// SPDX-License-Identifier: Apache-2.0
// Elements in memory: small floats by their definition, integers by their width.
#include "number.h"

#include <math.h>

namespace rlx_c0 {
namespace {

struct Format {
  int exponent_bits, mantissa_bits;
};

Format format_of(uint32_t dtype) { return dtype == RLX_DTYPE_F16 ? Format{5, 10} : Format{8, 7}; }

template <class T>
T read(const char* p) {
  T value;
  memcpy(&value, p, sizeof value);
  return value;
}
template <class T>
void write(char* p, T value) {
  memcpy(p, &value, sizeof value);
}

}  // namespace

double small_float(uint32_t dtype, uint16_t bits) {
  const Format format = format_of(dtype);
  const int exponent = bits >> format.mantissa_bits & ((1 << format.exponent_bits) - 1);
  const int mantissa = bits & ((1 << format.mantissa_bits) - 1);
  const int bias = (1 << (format.exponent_bits - 1)) - 1;
  double value = 0;
  if (exponent == (1 << format.exponent_bits) - 1)
    value = mantissa ? static_cast<double>(NAN) : static_cast<double>(INFINITY);
  else if (exponent == 0)
    value = ldexp(mantissa, 1 - bias - format.mantissa_bits);
  else
    value = ldexp(mantissa | 1 << format.mantissa_bits, exponent - bias - format.mantissa_bits);
  return bits & 0x8000u ? -value : value;
}

uint16_t small_bits(uint32_t dtype, double value, bool toward_zero) {
  const Format format = format_of(dtype);
  const uint32_t sign = signbit(value) ? 0x8000u : 0;
  const uint32_t infinity = ((1u << format.exponent_bits) - 1) << format.mantissa_bits;
  if (isnan(value)) return static_cast<uint16_t>(sign | infinity | 1u << (format.mantissa_bits - 1));
  if (isinf(value)) return static_cast<uint16_t>(sign | infinity);
#if RLX_FAULT == 65  // bf16-truncate
  if (dtype == RLX_DTYPE_BF16) {
    RLX_REACHED();
    toward_zero = true;
  }
#endif
  const int least = 2 - (1 << (format.exponent_bits - 1));
  int exponent = 0;
  (void)frexp(value, &exponent);
  exponent = value == 0 || exponent - 1 < least ? least : exponent - 1;
  const double steps = ldexp(fabs(value), format.mantissa_bits - exponent);
  const double whole = toward_zero ? floor(steps) : rint(steps);
  if (exponent - least > 1 << format.exponent_bits) return static_cast<uint16_t>(sign | infinity);
  // A leading one counts as one more exponent, and so does a carry.
  const uint32_t bits =
      (static_cast<uint32_t>(exponent - least) << format.mantissa_bits) + static_cast<uint32_t>(whole);
  if (bits >= infinity) return static_cast<uint16_t>(sign | infinity);
  return static_cast<uint16_t>(sign | bits);
}

int64_t load_integer(uint32_t dtype, const char* p) {
  switch (dtype) {
    case RLX_DTYPE_BOOL:
      return *p != 0;
    case RLX_DTYPE_I8:
      return read<int8_t>(p);
    case RLX_DTYPE_I16:
      return read<int16_t>(p);
    case RLX_DTYPE_I32:
      return read<int32_t>(p);
    case RLX_DTYPE_U8:
      return read<uint8_t>(p);
    case RLX_DTYPE_U16:
      return read<uint16_t>(p);
    case RLX_DTYPE_U32:
      return read<uint32_t>(p);
    default:
      return read<int64_t>(p);
  }
}

void store_real(uint32_t dtype, char* p, double value) {
#ifdef RLX_C0_FTZ
  if (dtype == RLX_DTYPE_F32 && fabs(value) < 0x1p-126) value = copysign(0, value);
#endif
#if RLX_FAULT == 25  // undeclared-ftz
  if (dtype == RLX_DTYPE_F32 && value != 0 && fabs(value) < 0x1p-126) {
    RLX_REACHED();
    value = copysign(0, value);
  }
#endif
  if (dtype == RLX_DTYPE_F32)
    write(p, static_cast<float>(value));
  else if (dtype == RLX_DTYPE_F64)
    write(p, value);
  else
    write(p, small_bits(dtype, value, false));
}

void store(uint32_t dtype, char* p, Cell cell) {
  if (is_float(dtype)) return store_real(dtype, p, cell.f);
  switch (rlx_dtype_bytes(dtype)) {
    case 1:
      return write(p, static_cast<uint8_t>(cell.i));
    case 2:
      return write(p, static_cast<uint16_t>(cell.i));
    case 4:
      return write(p, static_cast<uint32_t>(cell.i));
    default:
      return write(p, cell.i);
  }
}

Cell held(uint32_t dtype, Cell cell) {
  char bytes[8];
  store(dtype, bytes, cell);
  return load(dtype, bytes);
}

}  // namespace rlx_c0
