// SPDX-License-Identifier: Apache-2.0
// All pairs of dtypes, the rounding and overflow modes, and the small floats bit by bit.
#include "tensor.h"

namespace rlx_cpu::test {
namespace {

double one(uint32_t from, uint32_t to, double value, uint32_t round, uint32_t overflow) {
  const Tensor x = Tensor(from, {1}).fill({value});
  Tensor y(to, {1});
  EXPECT_TRUE(cast(x, y, round, overflow, {0, 1}).ok());
  EXPECT_TRUE(y.guards_intact());
  return y.f(0);
}

TEST(GenericCast, AllPairsKeepSmallNumbersInAllLayouts) {
  for (uint32_t from : kAll) {
    for (uint32_t to : kAll) {
      for (Layout layout : kInputLayouts) {
        const Tensor x = Tensor(from, {3, 400}, layout).pattern(1, 0, 12);
        for (uint32_t overflow : {RLX_OVERFLOW_SATURATE, RLX_OVERFLOW_WRAP, RLX_OVERFLOW_INF}) {
          Tensor y(to, {3, 400}, layout == Layout::kDense ? Layout::kGaps : Layout::kDense);
          run_split(y, y.size(),
                    [&](const View& v, Range r) { return cast(x, v, RLX_ROUND_EVEN, overflow, r); });
          for (int64_t i = 0; i < y.size(); ++i) {
            ASSERT_EQ(y.f(i), to == RLX_DTYPE_BOOL ? double(x.f(i) != 0) : x.f(i)) << from << " to " << to;
          }
        }
      }
    }
  }
}

TEST(GenericCast, EveryF16AndBf16ValueWidensExactly) {
  for (uint32_t dtype : {RLX_DTYPE_F16, RLX_DTYPE_BF16}) {
    for (uint32_t to : {RLX_DTYPE_F32, RLX_DTYPE_F64}) {
      Tensor bits(RLX_DTYPE_U16, {65536});
      for (int64_t i = 0; i < 65536; ++i) bits.set_n(i, i);
      View x = bits;
      x.dtype = dtype;
      Tensor y(to, {65536}), back(RLX_DTYPE_U16, {65536});
      ASSERT_TRUE(cast(x, y, RLX_ROUND_EVEN, RLX_OVERFLOW_INF, whole(y)).ok());
      View narrow = back;
      narrow.dtype = dtype;
      ASSERT_TRUE(cast(y, narrow, RLX_ROUND_EVEN, RLX_OVERFLOW_INF, whole(y)).ok());
      Tensor reader(dtype, {1});
      for (int64_t i = 0; i < 65536; ++i) {
        std::memcpy(reader.at(0), bits.at(i), 2);
        const double wanted = reader.f(0);
        if (std::isnan(wanted)) {
          ASSERT_TRUE(std::isnan(y.f(i)));
          std::memcpy(reader.at(0), back.at(i), 2);
          ASSERT_TRUE(std::isnan(reader.f(0))) << "a NaN must not become infinite";
          continue;
        }
        ASSERT_EQ(y.f(i), wanted);
        ASSERT_EQ(std::signbit(y.f(i)), (i & 0x8000) != 0);
        ASSERT_EQ(back.n(i), i);
      }
    }
  }
}

// Values at, just below and just above every point where the rounding to a small float can turn.
std::vector<double> borders(uint32_t small, uint32_t from) {
  std::vector<double> values;
  for (double base : {1.0, 1.5, 1.9990234375, 2.0, 1000.0, 6.103515625e-05, 5.960464477539063e-08, 0.0,
                      65504.0, 1e-39, 3.38e38}) {
    const double unit = std::ldexp(
        1.0, std::max(base == 0 ? -5000 : std::ilogb(base), lowest_exponent(small)) - mantissa_bits(small));
    for (int step = -3; step <= 3; ++step) {
      const double tie = base + (step + 0.5) * unit;
      values.insert(values.end(),
                    {base + step * unit, tie, std::nextafter(tie, kInf), std::nextafter(tie, -kInf)});
      values.insert(values.end(),
                    {double(std::nextafterf(float(tie), HUGE_VALF)), double(std::nextafterf(float(tie), 0))});
    }
  }
  if (from == RLX_DTYPE_F32) {
    for (double& v : values) v = double(float(v));
  }
  return values;
}

TEST(GenericCast, NarrowingFloatsRoundsOnceInBothModes) {
  for (uint32_t from : {RLX_DTYPE_F32, RLX_DTYPE_F64}) {
    for (uint32_t to : {RLX_DTYPE_F16, RLX_DTYPE_BF16, RLX_DTYPE_F32}) {
      for (double v : borders(to, from)) {
        if (!std::isfinite(v)) continue;
        for (double value : {v, -v}) {
          for (uint32_t round : {RLX_ROUND_EVEN, RLX_ROUND_ZERO}) {
            const double wanted = round_to(to, value, round == RLX_ROUND_ZERO);
            ASSERT_EQ(one(from, to, value, round, RLX_OVERFLOW_INF), wanted)
                << value << " " << from << " " << to << " " << round;
            const double clamped =
                std::fabs(wanted) > largest(to) ? std::copysign(largest(to), value) : wanted;
            ASSERT_EQ(one(from, to, value, round, RLX_OVERFLOW_SATURATE), clamped) << value << " " << to;
          }
        }
      }
    }
  }
}

TEST(GenericCast, FloatOverflowFollowsThePolicyAndInfinitiesStay) {
  for (uint32_t from : {RLX_DTYPE_F32, RLX_DTYPE_F64}) {
    for (uint32_t overflow : {RLX_OVERFLOW_SATURATE, RLX_OVERFLOW_INF}) {
      const bool saturate = overflow == RLX_OVERFLOW_SATURATE;
      EXPECT_EQ(one(from, RLX_DTYPE_F16, 65519, 0, overflow), 65504);
      EXPECT_EQ(one(from, RLX_DTYPE_F16, 65520, 0, overflow), saturate ? 65504 : kInf);
      EXPECT_EQ(one(from, RLX_DTYPE_F16, -1e9, 0, overflow), saturate ? -65504 : -kInf);
      EXPECT_EQ(one(from, RLX_DTYPE_F16, kInf, 0, overflow), kInf);
      EXPECT_EQ(one(from, RLX_DTYPE_BF16, -kInf, 0, overflow), -kInf);
      EXPECT_TRUE(std::isnan(one(from, RLX_DTYPE_BF16, kNaN, 0, overflow)));
    }
  }
  EXPECT_EQ(one(RLX_DTYPE_F64, RLX_DTYPE_F32, 1e300, 0, RLX_OVERFLOW_SATURATE), largest(RLX_DTYPE_F32));
  EXPECT_EQ(one(RLX_DTYPE_F64, RLX_DTYPE_F32, 1e300, 0, RLX_OVERFLOW_INF), kInf);
}

TEST(GenericCast, FloatToIntegerSaturatesAndNaNIsZero) {
  for (uint32_t from : {RLX_DTYPE_F32, RLX_DTYPE_F64}) {
    for (uint32_t to : kInts) {
      const int width = int(element_bytes(to)) * 8;
      const bool is_signed = is_signed_dtype(to);
      Tensor limits(to, {2});
      limits.set_n(0, is_signed ? int64_t(uint64_t(1) << (width - 1)) : 0);
      limits.set_n(1, is_signed ? int64_t((uint64_t(1) << (width - 1)) - 1) : -1);
      const Tensor x =
          Tensor(from, {7}).fill({1e30, -1e30, kInf, -kInf, kNaN, std::ldexp(1.0, width), -0.75});
      for (uint32_t overflow : {RLX_OVERFLOW_SATURATE, RLX_OVERFLOW_INF}) {
        Tensor y(to, {7});
        ASSERT_TRUE(cast(x, y, RLX_ROUND_ZERO, overflow, {0, 7}).ok());
        const int64_t lowest = limits.n(0), highest = limits.n(1);
        const int64_t wanted[] = {highest, lowest, highest, lowest, 0, highest, 0};
        for (int64_t i = 0; i < 7; ++i) EXPECT_EQ(y.n(i), wanted[i]) << to << " " << i;
      }
    }
  }
}

TEST(GenericCast, FloatToIntegerRoundsAsAskedAndWraps) {
  EXPECT_EQ(one(RLX_DTYPE_F32, RLX_DTYPE_I32, 2.5, RLX_ROUND_EVEN, 0), 2);
  EXPECT_EQ(one(RLX_DTYPE_F32, RLX_DTYPE_I32, 3.5, RLX_ROUND_EVEN, 0), 4);
  EXPECT_EQ(one(RLX_DTYPE_F32, RLX_DTYPE_I32, 3.99, RLX_ROUND_ZERO, 0), 3);
  EXPECT_EQ(one(RLX_DTYPE_F16, RLX_DTYPE_I8, -2.75, RLX_ROUND_ZERO, 0), -2);
  EXPECT_EQ(one(RLX_DTYPE_F32, RLX_DTYPE_U8, 257, RLX_ROUND_ZERO, RLX_OVERFLOW_WRAP), 1);
  EXPECT_EQ(one(RLX_DTYPE_F32, RLX_DTYPE_U8, -1, RLX_ROUND_ZERO, RLX_OVERFLOW_WRAP), 255);
  EXPECT_EQ(one(RLX_DTYPE_F64, RLX_DTYPE_I8, 0x1p70 + 0x1p20, RLX_ROUND_ZERO, RLX_OVERFLOW_WRAP), 0);
  EXPECT_EQ(one(RLX_DTYPE_F64, RLX_DTYPE_I32, kInf, RLX_ROUND_ZERO, RLX_OVERFLOW_WRAP), 0);
  EXPECT_EQ(one(RLX_DTYPE_F64, RLX_DTYPE_U64, -0x1p64 + 4096, RLX_ROUND_ZERO, RLX_OVERFLOW_WRAP), 4096);
}

TEST(GenericCast, IntegerToIntegerSaturatesOrWraps) {
  for (uint32_t from : kInts) {
    for (uint32_t to : kInts) {
      Tensor x(from, {5});
      const int width = int(element_bytes(from)) * 8;
      const int64_t values[] = {-1, 1, int64_t(uint64_t(1) << (width - 1)),
                                int64_t((uint64_t(1) << (width - 1)) - 1), 100};
      for (int64_t i = 0; i < 5; ++i) x.set_n(i, values[i]);
      Tensor wrap(to, {5}), saturate(to, {5}), limits(to, {2});
      ASSERT_TRUE(cast(x, wrap, 0, RLX_OVERFLOW_WRAP, {0, 5}).ok());
      ASSERT_TRUE(cast(x, saturate, 0, RLX_OVERFLOW_SATURATE, {0, 5}).ok());
      const int to_width = int(element_bytes(to)) * 8;
      limits.set_n(0, is_signed_dtype(to) ? int64_t(uint64_t(1) << (to_width - 1)) : 0);
      limits.set_n(1, is_signed_dtype(to) ? int64_t((uint64_t(1) << (to_width - 1)) - 1) : -1);
      for (int64_t i = 0; i < 5; ++i) {
        Tensor low_bits(to, {});
        low_bits.set_n(0, x.n(i));
        EXPECT_EQ(wrap.n(0 + i), low_bits.n(0));
        // Long double holds every 64-bit integer.
        const auto exact = [](const Tensor& t, int64_t k) {
          return t.dtype() == RLX_DTYPE_U64 ? static_cast<long double>(uint64_t(t.n(k)))
                                            : static_cast<long double>(t.n(k));
        };
        const long double wanted = std::min(std::max(exact(x, i), exact(limits, 0)), exact(limits, 1));
        EXPECT_EQ(exact(saturate, i), wanted) << from << " to " << to << " value " << x.n(i);
      }
    }
  }
}

TEST(GenericCast, IntegersRoundToFloatsOnce) {
  Tensor x(RLX_DTYPE_I64, {1});
  // 2^62 + 2^54 is a bf16 tie; the last bit decides, and a stop at f64 would lose it.
  x.set_n(0, (int64_t(1) << 62) + (int64_t(1) << 54) + 1);
  Tensor bf(RLX_DTYPE_BF16, {1});
  ASSERT_TRUE(cast(x, bf, RLX_ROUND_EVEN, RLX_OVERFLOW_INF, {0, 1}).ok());
  EXPECT_EQ(bf.f(0), 0x1p62 + 0x1p55);
  x.set_n(0, (int64_t(1) << 62) + (int64_t(1) << 38) + 1);
  Tensor f(RLX_DTYPE_F32, {1});
  for (uint32_t overflow : {RLX_OVERFLOW_INF, RLX_OVERFLOW_SATURATE}) {
    ASSERT_TRUE(cast(x, f, RLX_ROUND_EVEN, overflow, {0, 1}).ok());
    EXPECT_EQ(f.f(0), 0x1p62 + 0x1p39);
  }
  Tensor u(RLX_DTYPE_U64, {1});
  u.set_n(0, int64_t((uint64_t(1) << 63) + (uint64_t(1) << 55) + 1));
  ASSERT_TRUE(cast(u, bf, RLX_ROUND_EVEN, RLX_OVERFLOW_INF, {0, 1}).ok());
  EXPECT_EQ(bf.f(0), 0x1p63 + 0x1p56);
  Tensor d(RLX_DTYPE_F64, {1});
  u.set_n(0, -1);
  ASSERT_TRUE(cast(u, d, RLX_ROUND_ZERO, RLX_OVERFLOW_INF, {0, 1}).ok());
  EXPECT_EQ(d.f(0), 0x1.fffffffffffffp63);
  ASSERT_TRUE(cast(u, d, RLX_ROUND_EVEN, RLX_OVERFLOW_INF, {0, 1}).ok());
  EXPECT_EQ(d.f(0), 0x1p64);
  x.set_n(0, -(int64_t(1) << 62) - 511);
  ASSERT_TRUE(cast(x, d, RLX_ROUND_ZERO, RLX_OVERFLOW_INF, {0, 1}).ok());
  EXPECT_EQ(d.f(0), -0x1p62);
  EXPECT_EQ(one(RLX_DTYPE_I32, RLX_DTYPE_F16, 70000, 0, RLX_OVERFLOW_INF), kInf);
  EXPECT_EQ(one(RLX_DTYPE_I32, RLX_DTYPE_F16, -70000, 0, RLX_OVERFLOW_SATURATE), -65504);
}

TEST(GenericCast, BoolIsCanonical) {
  Tensor x(RLX_DTYPE_BOOL, {2});
  x.set_n(0, 7);
  for (uint32_t to : kAll) {
    Tensor y(to, {2});
    ASSERT_TRUE(cast(x, y, 0, 0, {0, 2}).ok());
    EXPECT_EQ(y.f(0), 1);
    EXPECT_EQ(y.f(1), 0);
  }
  EXPECT_EQ(one(RLX_DTYPE_F32, RLX_DTYPE_BOOL, 0.25, RLX_ROUND_ZERO, 0), 1);
  EXPECT_EQ(one(RLX_DTYPE_F32, RLX_DTYPE_BOOL, -0.0, 0, 0), 0);
  EXPECT_EQ(one(RLX_DTYPE_I64, RLX_DTYPE_BOOL, 256, 0, 0), 1);
}

TEST(GenericCast, ReservedDtypesAndModesAreRefused) {
  const Tensor x(RLX_DTYPE_F32, {1});
  Tensor y(RLX_DTYPE_F16, {1});
  EXPECT_EQ(cast(x, y, 2, 0, {0, 1}).status, RLX_STATUS_UNSUPPORTED);
  EXPECT_EQ(cast(x, y, 0, 3, {0, 1}).status, RLX_STATUS_UNSUPPORTED);
  View fp8 = y;
  fp8.dtype = RLX_DTYPE_F8E4M3;
  EXPECT_EQ(cast(x, fp8, 0, 0, {0, 1}).status, RLX_STATUS_UNSUPPORTED);
}

}  // namespace
}  // namespace rlx_cpu::test
