// SPDX-License-Identifier: Apache-2.0
// Tensors for the tests of the generic kernels: any dtype, awkward layouts, guard bytes that show a stray
// write.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "plugins/cpu/kernels/generic/generic.h"
#include "rlx/ops.h"

namespace rlx_cpu::test {

using Dims = std::vector<int64_t>;

enum class Layout {
  kDense,
  kGaps,      // dims stored in reverse order with unused elements between
  kReversed,  // every stride negative
  kBroadcast  // stride 0 along the first dim larger than 1; for inputs only
};
inline constexpr Layout kLayouts[] = {Layout::kDense, Layout::kGaps, Layout::kReversed};
inline constexpr Layout kInputLayouts[] = {Layout::kDense, Layout::kGaps, Layout::kReversed,
                                           Layout::kBroadcast};

inline constexpr uint32_t kInts[] = {RLX_DTYPE_I8, RLX_DTYPE_I16, RLX_DTYPE_I32, RLX_DTYPE_I64,
                                     RLX_DTYPE_U8, RLX_DTYPE_U16, RLX_DTYPE_U32, RLX_DTYPE_U64};
inline constexpr uint32_t kFloats[] = {RLX_DTYPE_F16, RLX_DTYPE_BF16, RLX_DTYPE_F32, RLX_DTYPE_F64};
inline constexpr uint32_t kAll[] = {
    RLX_DTYPE_BOOL, RLX_DTYPE_I8,  RLX_DTYPE_I16, RLX_DTYPE_I32,  RLX_DTYPE_I64, RLX_DTYPE_U8, RLX_DTYPE_U16,
    RLX_DTYPE_U32,  RLX_DTYPE_U64, RLX_DTYPE_F16, RLX_DTYPE_BF16, RLX_DTYPE_F32, RLX_DTYPE_F64};

inline bool is_float_dtype(uint32_t d) { return d >= RLX_DTYPE_F16 && d <= RLX_DTYPE_F64; }
inline bool is_signed_dtype(uint32_t d) { return d >= RLX_DTYPE_I8 && d <= RLX_DTYPE_I64; }
inline int mantissa_bits(uint32_t d) {
  return d == RLX_DTYPE_F16 ? 10 : d == RLX_DTYPE_BF16 ? 7 : d == RLX_DTYPE_F32 ? 23 : 52;
}
inline int lowest_exponent(uint32_t d) {
  return d == RLX_DTYPE_F16 ? -14 : d == RLX_DTYPE_F64 ? -1022 : -126;
}
inline double largest(uint32_t d) {
  if (d == RLX_DTYPE_F16) return 65504.0;
  if (d == RLX_DTYPE_BF16) return 0x1.fep127;
  return d == RLX_DTYPE_F32 ? double(std::numeric_limits<float>::max()) : std::numeric_limits<double>::max();
}

/// The nearest value of a float dtype, ties to even, by scaling: independent of the kernels' bit tricks.
inline double round_to(uint32_t d, double v, bool toward_zero = false) {
  if (d == RLX_DTYPE_F64 || v == 0 || !std::isfinite(v)) return v;
  const int unit = std::max(std::ilogb(v), lowest_exponent(d)) - mantissa_bits(d);
  const double scaled = std::ldexp(v, -unit);
  const double r = std::ldexp(toward_zero ? std::trunc(scaled) : std::nearbyint(scaled), unit);
  return std::fabs(r) > largest(d) ? std::copysign(HUGE_VAL, r) : r;
}

class Tensor {
 public:
  Tensor() = default;
  Tensor(uint32_t dtype, Dims dims, Layout layout = Layout::kDense) {
    view_.dtype = dtype;
    view_.rank = uint32_t(dims.size());
    int64_t stride = layout == Layout::kGaps ? 2 : 1;
    bool broadcast = layout == Layout::kBroadcast;
    for (size_t i = 0; i < dims.size(); ++i) {
      const size_t d = layout == Layout::kGaps ? i : dims.size() - 1 - i;
      view_.dims[d] = dims[d];
      view_.strides[d] = stride;
      stride *= dims[d] + (layout == Layout::kGaps ? 1 : 0);
    }
    for (size_t d = 0; d < dims.size() && broadcast; ++d) {
      if (dims[d] <= 1) continue;
      view_.strides[d] = 0;
      broadcast = false;
    }
    const int64_t bytes = element_bytes(dtype);
    const int64_t room = std::max<int64_t>(stride, 1) * bytes;
    bytes_.assign(size_t(room + 2 * kGuard), kFill);
    int64_t origin = kGuard;
    if (layout == Layout::kReversed) {
      for (size_t d = 0; d < dims.size(); ++d) {
        if (dims[d] > 0) origin += (dims[d] - 1) * view_.strides[d] * bytes;
        view_.strides[d] = -view_.strides[d];
      }
    }
    origin_ = origin;
    if (layout != Layout::kBroadcast) {
      for (int64_t i = 0; i < size(); ++i) std::memset(at(i), 0, size_t(bytes));
    } else {
      std::memset(bytes_.data() + kGuard, 0, size_t(room));
    }
  }

  View view() const {
    View v = view_;
    v.data = const_cast<uint8_t*>(bytes_.data()) + origin_;
    return v;
  }
  operator View() const { return view(); }
  uint32_t dtype() const { return view_.dtype; }
  int64_t size() const { return element_count(view_); }
  char* at(int64_t i) const {
    int64_t offset = 0;
    for (uint32_t d = view_.rank; d-- > 0;) {
      offset += i % view_.dims[d] * view_.strides[d];
      i /= view_.dims[d];
    }
    return static_cast<char*>(view().data) + offset * element_bytes(view_.dtype);
  }

  double f(int64_t i) const {
    const char* p = at(i);
    switch (view_.dtype) {
      case RLX_DTYPE_F16: {
        const uint16_t h = get<uint16_t>(p);
        const int e = h >> 10 & 31;
        const int m = h & 1023;
        double v = e == 0 ? std::ldexp(m, -24) : std::ldexp(1024 + m, e - 25);
        if (e == 31) v = m ? std::nan("") : HUGE_VAL;
        return h & 0x8000 ? -v : v;
      }
      case RLX_DTYPE_BF16: {
        const uint32_t bits = uint32_t(get<uint16_t>(p)) << 16;
        float v;
        std::memcpy(&v, &bits, 4);
        return v;
      }
      case RLX_DTYPE_F32:
        return get<float>(p);
      case RLX_DTYPE_F64:
        return get<double>(p);
      case RLX_DTYPE_U64:
        return double(uint64_t(n(i)));
      default:
        return double(n(i));
    }
  }
  int64_t n(int64_t i) const {
    const char* p = at(i);
    switch (view_.dtype) {
      case RLX_DTYPE_I8:
        return get<int8_t>(p);
      case RLX_DTYPE_I16:
        return get<int16_t>(p);
      case RLX_DTYPE_I32:
        return get<int32_t>(p);
      case RLX_DTYPE_U16:
        return get<uint16_t>(p);
      case RLX_DTYPE_U32:
        return get<uint32_t>(p);
      case RLX_DTYPE_I64:
      case RLX_DTYPE_U64:
        return get<int64_t>(p);
      case RLX_DTYPE_BOOL:
      case RLX_DTYPE_U8:
        return get<uint8_t>(p);
      default:
        return int64_t(f(i));
    }
  }
  /// Stores a value that the dtype holds exactly or, for floats, rounds to nearest even; integers keep the
  /// low bits.
  void set(int64_t i, double v) {
    if (!is_float_dtype(view_.dtype)) return set_n(i, int64_t(v));
    put_float(at(i), v);
  }
  void set_n(int64_t i, int64_t v) {
    if (is_float_dtype(view_.dtype)) return put_float(at(i), double(v));
    std::memcpy(at(i), &v, size_t(element_bytes(view_.dtype)));
  }
  Tensor& fill(const std::vector<double>& values) {
    EXPECT_EQ(int64_t(values.size()), size());
    for (int64_t i = 0; i < size(); ++i) set(i, values[size_t(i)]);
    return *this;
  }
  /// Small numbers that every dtype holds; `spread` distinct ones from `low` on.
  Tensor& pattern(uint32_t seed, int64_t low = -5, int64_t spread = 11) {
    std::mt19937 random(seed);
    if (view_.dtype == RLX_DTYPE_BOOL) low = 0, spread = 2;
    if (!is_signed_dtype(view_.dtype) && !is_float_dtype(view_.dtype)) low = std::max<int64_t>(low, 0);
    for (int64_t i = 0; i < size(); ++i) set(i, double(low + int64_t(random() % uint64_t(spread))));
    return *this;
  }
  /// Random fractions in (-2, 2).
  Tensor& fractions(uint32_t seed) {
    std::mt19937 random(seed);
    for (int64_t i = 0; i < size(); ++i) set(i, (double(random()) / 4294967296.0 - 0.5) * 4);
    return *this;
  }

  std::string element(int64_t i) const { return std::string(at(i), size_t(element_bytes(view_.dtype))); }
  /// The elements' bytes in row-major order.
  std::string contents() const {
    std::string all;
    for (int64_t i = 0; i < size(); ++i) all += element(i);
    return all;
  }
  /// True if no byte outside the elements has changed.
  bool guards_intact() const {
    std::vector<bool> owned(bytes_.size());
    for (int64_t i = 0; i < size(); ++i) {
      const size_t first = size_t(reinterpret_cast<const uint8_t*>(at(i)) - bytes_.data());
      for (int64_t b = 0; b < element_bytes(view_.dtype); ++b) owned[first + size_t(b)] = true;
    }
    for (size_t i = 0; i < bytes_.size(); ++i) {
      if (!owned[i] && bytes_[i] != kFill) return false;
    }
    return true;
  }

 private:
  static constexpr int64_t kGuard = 64;
  static constexpr uint8_t kFill = 0xA5;
  template <class T>
  static T get(const char* p) {
    T v;
    std::memcpy(&v, p, sizeof v);
    return v;
  }
  void put_float(char* p, double v) {
    if (view_.dtype == RLX_DTYPE_F64) {
      std::memcpy(p, &v, 8);
      return;
    }
    if (view_.dtype != RLX_DTYPE_F16) {
      const float rounded = float(round_to(view_.dtype, v));
      uint32_t bits;
      std::memcpy(&bits, &rounded, 4);
      if (view_.dtype == RLX_DTYPE_BF16) bits >>= 16;
      std::memcpy(p, &bits, size_t(element_bytes(view_.dtype)));
      return;
    }
    const double r = std::fabs(round_to(RLX_DTYPE_F16, v));
    uint16_t bits = std::signbit(v) ? 0x8000 : 0;
    if (std::isnan(v)) {
      bits |= 0x7e00;
    } else if (std::isinf(r)) {
      bits |= 0x7c00;
    } else if (r < 0x1p-14) {
      bits = uint16_t(bits | uint16_t(std::ldexp(r, 24)));
    } else {
      const int e = std::ilogb(r);
      bits = uint16_t(bits | ((e + 15) << 10) | (int(std::ldexp(r, 10 - e)) - 1024));
    }
    std::memcpy(p, &bits, 2);
  }

  View view_;
  int64_t origin_ = 0;
  std::vector<uint8_t> bytes_;
};

/// Runs the kernel over all items at once and again in pieces, last piece first, and expects the same bytes
/// in each result and no stray write. `kernel(outputs, range)` must overwrite the outputs fully.
inline void run_split(std::vector<Tensor*> outputs, int64_t items,
                      const std::function<KernelStatus(std::vector<Tensor*>&, Range)>& kernel) {
  std::vector<Tensor> copies;
  for (Tensor* output : outputs) copies.push_back(*output);
  ASSERT_EQ(kernel(outputs, {0, items}).status, RLX_STATUS_OK);
  std::vector<Tensor*> pieces;
  for (Tensor& copy : copies) pieces.push_back(&copy);
  const int64_t step = std::max<int64_t>(1, items / 5 - 1);
  for (int64_t begin = (items - 1) / step * step; items > 0 && begin >= 0; begin -= step) {
    ASSERT_EQ(kernel(pieces, {begin, std::min(items, begin + step)}).status, RLX_STATUS_OK);
  }
  ASSERT_EQ(kernel(pieces, {0, 0}).status, RLX_STATUS_OK);
  for (size_t i = 0; i < outputs.size(); ++i) {
    EXPECT_TRUE(outputs[i]->contents() == copies[i].contents()) << "the result depends on the split";
    EXPECT_TRUE(outputs[i]->guards_intact() && copies[i].guards_intact()) << "wrote outside the result";
  }
}
inline void run_split(Tensor& y, int64_t items,
                      const std::function<KernelStatus(const View&, Range)>& kernel) {
  run_split({&y}, items,
            [&](std::vector<Tensor*>& out, Range range) { return kernel(out[0]->view(), range); });
}

/// Close within `ulps` units of the dtype at the wanted value; NaN and infinities must match.
inline void expect_near(uint32_t dtype, double seen, double wanted, double ulps, double floor = 0) {
  if (std::isnan(wanted) || std::isinf(wanted)) {
    EXPECT_TRUE(std::isnan(wanted) ? std::isnan(seen) : seen == wanted)
        << "seen " << seen << " wanted " << wanted;
    return;
  }
  const double unit =
      std::ldexp(1.0, std::max(wanted == 0 ? -10000 : std::ilogb(wanted), lowest_exponent(dtype)) -
                          mantissa_bits(dtype));
  EXPECT_LE(std::fabs(seen - wanted), std::max(ulps * unit, floor))
      << "seen " << seen << " wanted " << wanted;
}

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInf = std::numeric_limits<double>::infinity();

inline const std::vector<Dims>& shapes() {
  static const std::vector<Dims> all = {{},        {0},       {1},       {7},          {3, 5},
                                        {2, 0, 3}, {4, 1, 3}, {2, 3, 4}, {1, 2, 1, 3}, {2, 1, 3, 2, 2},
                                        {1030},    {3, 521},  {521, 3}};
  return all;
}

}  // namespace rlx_cpu::test
