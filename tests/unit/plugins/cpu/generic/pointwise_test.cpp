// SPDX-License-Identifier: Apache-2.0
// copy, unary, binary, compare, select, bitcast, iota, act over dtypes, layouts and special values.
#include "tensor.h"

namespace rlx_cpu::test {
namespace {

TEST(GenericCopy, MovesEveryDtypeBetweenAllLayouts) {
  for (uint32_t dtype : kAll) {
    for (const Dims& dims : shapes()) {
      for (Layout from : kInputLayouts) {
        for (Layout to : kLayouts) {
          const Tensor x = Tensor(dtype, dims, from).pattern(1);
          Tensor y(dtype, dims, to);
          run_split(y, y.size(), [&](const View& v, Range r) { return copy(x, v, r); });
          EXPECT_EQ(x.contents(), y.contents());
        }
      }
    }
  }
}

__extension__ typedef __int128 Big;
__extension__ typedef unsigned __int128 UnsignedBig;

TEST(GenericCopy, PermutesAxesInTiles) {
  const uint32_t perms[][4] = {{0, 1, 3, 2}, {0, 2, 3, 1}, {0, 3, 1, 2}, {3, 2, 1, 0},
                               {1, 0, 3, 2}, {2, 3, 0, 1}, {0, 2, 1, 3}};
  for (uint32_t dtype : {RLX_DTYPE_U8, RLX_DTYPE_BF16, RLX_DTYPE_F32, RLX_DTYPE_I64}) {
    for (const Dims& dims : std::vector<Dims>{{2, 5, 17, 33}, {1, 40, 1, 20}, {3, 4, 4, 1}}) {
      for (const auto& perm : perms) {
        for (Layout layout : kLayouts) {
          const Tensor x = Tensor(dtype, dims, layout).pattern(1, 0, 100);
          View v = x, source = x;
          Dims out;
          for (uint32_t d = 0; d < 4; ++d) {
            source.dims[d] = v.dims[perm[d]];
            source.strides[d] = v.strides[perm[d]];
            out.push_back(source.dims[d]);
          }
          Tensor y(dtype, out);
          run_split(y, y.size(), [&](const View& to, Range r) { return copy(source, to, r); });
          int64_t i = 0;
          for (int64_t a = 0; a < out[0]; ++a) {
            for (int64_t b = 0; b < out[1]; ++b) {
              for (int64_t c = 0; c < out[2]; ++c) {
                for (int64_t d = 0; d < out[3]; ++d, ++i) {
                  const int64_t at = a * source.strides[0] + b * source.strides[1] + c * source.strides[2] +
                                     d * source.strides[3];
                  const char* from = static_cast<const char*>(source.data) + at * element_bytes(dtype);
                  ASSERT_EQ(y.element(i), std::string(from, size_t(element_bytes(dtype))));
                }
              }
            }
          }
        }
      }
    }
  }
}

// What an integer of this dtype wraps to.
int64_t wrapped(uint32_t dtype, Big v) {
  Tensor t(dtype, {});
  t.set_n(0, int64_t(uint64_t(v)));
  return t.n(0);
}

Big value_of(const Tensor& t, int64_t i) {
  return t.dtype() == RLX_DTYPE_U64 ? Big(uint64_t(t.n(i))) : Big(t.n(i));
}

Big power(Big base, Big exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
  Big result = 1;
  for (; exponent > 0; --exponent) result = Big(uint64_t(result) * uint64_t(base));
  return result;
}

int64_t int_reference(uint32_t fn, uint32_t dtype, Big a, Big b) {
  const int width = int(element_bytes(dtype)) * 8;
  const UnsignedBig bits = UnsignedBig(a) & ((UnsignedBig(1) << width) - 1);
  const bool shift_out = b < 0 || b >= width;
  switch (fn) {
    case RLX_BINARY_ADD:
      return wrapped(dtype, a + b);
    case RLX_BINARY_SUB:
      return wrapped(dtype, a - b);
    case RLX_BINARY_MUL:
      return wrapped(dtype, Big(uint64_t(a) * uint64_t(b)));
    case RLX_BINARY_DIV:
      return b == 0 ? 0 : wrapped(dtype, a / b);
    case RLX_BINARY_MOD_TRUNC:
      return b == 0 ? 0 : wrapped(dtype, a % b);
    case RLX_BINARY_MOD_FLOOR:
      return b == 0 ? 0 : wrapped(dtype, (a % b + b) % b);
    case RLX_BINARY_POW:
      return wrapped(dtype, power(a, b));
    case RLX_BINARY_MAX:
      return wrapped(dtype, a > b ? a : b);
    case RLX_BINARY_MIN:
      return wrapped(dtype, a < b ? a : b);
    case RLX_BINARY_AND:
      return wrapped(dtype, a & b);
    case RLX_BINARY_OR:
      return wrapped(dtype, a | b);
    case RLX_BINARY_XOR:
      return wrapped(dtype, a ^ b);
    case RLX_BINARY_SHL:
      return shift_out ? 0 : wrapped(dtype, Big(bits << int(b)));
    default:
      return shift_out ? 0 : wrapped(dtype, Big(bits >> int(b)));
  }
}

// Every pair of the interesting values of an integer dtype.
void int_pairs(uint32_t dtype, Tensor* a, Tensor* b) {
  const int width = int(element_bytes(dtype)) * 8;
  const std::vector<int64_t> values = {0,
                                       1,
                                       -1,
                                       2,
                                       3,
                                       -3,
                                       7,
                                       8,
                                       15,
                                       31,
                                       63,
                                       64,
                                       100,
                                       int64_t(1) << (width - 1),
                                       int64_t((uint64_t(1) << (width - 1)) - 1)};
  const int64_t count = int64_t(values.size());
  *a = Tensor(dtype, {count, count});
  *b = Tensor(dtype, {count, count});
  for (int64_t i = 0; i < count * count; ++i) {
    a->set_n(i, values[size_t(i / count)]);
    b->set_n(i, values[size_t(i % count)]);
  }
}

TEST(GenericBinary, IntegersWrapAndNeverTrap) {
  for (uint32_t dtype : kInts) {
    Tensor a, b;
    int_pairs(dtype, &a, &b);
    for (uint32_t fn = RLX_BINARY_ADD; fn <= RLX_BINARY_SHR_LOGICAL; ++fn) {
      Tensor y(dtype, {15, 15});
      run_split(y, y.size(), [&](const View& v, Range r) { return binary(fn, a, b, v, r); });
      for (int64_t i = 0; i < y.size(); ++i) {
        if (fn == RLX_BINARY_POW && value_of(b, i) > 100) continue;  // the plain loop would take too long
        ASSERT_EQ(y.n(i), int_reference(fn, dtype, value_of(a, i), value_of(b, i)))
            << "fn " << fn << " dtype " << dtype << " a " << a.n(i) << " b " << b.n(i);
      }
    }
  }
}

TEST(GenericBinary, LayoutsAndShapesAgreeWithDense) {
  for (uint32_t dtype : kAll) {
    const uint32_t fn = dtype == RLX_DTYPE_BOOL ? RLX_BINARY_XOR : RLX_BINARY_SUB;
    for (const Dims& dims : shapes()) {
      for (Layout left : kInputLayouts) {
        const Layout right = left == Layout::kDense ? Layout::kBroadcast : Layout::kGaps;
        const Tensor a = Tensor(dtype, dims, left).pattern(1);
        const Tensor b = Tensor(dtype, dims, right).pattern(2);
        for (Layout out : kLayouts) {
          Tensor y(dtype, dims, out);
          run_split(y, y.size(), [&](const View& v, Range r) { return binary(fn, a, b, v, r); });
          for (int64_t i = 0; i < y.size(); ++i) {
            if (is_float_dtype(dtype)) {
              ASSERT_EQ(y.f(i), a.f(i) - b.f(i));
            } else if (dtype == RLX_DTYPE_BOOL) {
              ASSERT_EQ(y.n(i), a.n(i) ^ b.n(i));
            } else {
              ASSERT_EQ(y.n(i), wrapped(dtype, value_of(a, i) - value_of(b, i)));
            }
          }
        }
      }
    }
  }
}

const std::vector<double>& specials() {
  static const std::vector<double> all = {0.0, -0.0,  1,   -1,     0.5,  1.5,  2.5,   -2.5,
                                          3,   -7.25, 100, -60000, 6e-8, kInf, -kInf, kNaN};
  return all;
}

double float_reference(uint32_t fn, double a, double b) {
  switch (fn) {
    case RLX_BINARY_ADD:
      return a + b;
    case RLX_BINARY_SUB:
      return a - b;
    case RLX_BINARY_MUL:
      return a * b;
    case RLX_BINARY_DIV:
      return a / b;
    case RLX_BINARY_MOD_TRUNC:
      return std::fmod(a, b);
    case RLX_BINARY_POW:
      return std::pow(a, b);
    case RLX_BINARY_MAX:
      return std::isnan(a) || std::isnan(b) ? kNaN : std::fmax(a, b);
    default:
      return std::isnan(a) || std::isnan(b) ? kNaN : std::fmin(a, b);
  }
}

TEST(GenericBinary, FloatsRoundOnceAndKeepSpecials) {
  const int64_t count = int64_t(specials().size());
  for (uint32_t dtype : kFloats) {
    Tensor a(dtype, {count, count}), b(dtype, {count, count});
    for (int64_t i = 0; i < a.size(); ++i) {
      a.set(i, specials()[size_t(i / count)]);
      b.set(i, specials()[size_t(i % count)]);
    }
    for (uint32_t fn : {RLX_BINARY_ADD, RLX_BINARY_SUB, RLX_BINARY_MUL, RLX_BINARY_DIV, RLX_BINARY_MOD_TRUNC,
                        RLX_BINARY_POW, RLX_BINARY_MAX, RLX_BINARY_MIN}) {
      Tensor y(dtype, {count, count});
      run_split(y, y.size(), [&](const View& v, Range r) { return binary(fn, a, b, v, r); });
      for (int64_t i = 0; i < y.size(); ++i) {
        double wanted = float_reference(fn, a.f(i), b.f(i));
        if (dtype != RLX_DTYPE_F64) wanted = round_to(dtype, double(float(wanted)));
        SCOPED_TRACE(testing::Message()
                     << "fn " << fn << " dtype " << dtype << " a " << a.f(i) << " b " << b.f(i));
        expect_near(dtype, y.f(i), wanted, fn == RLX_BINARY_POW ? 1 : 0);
      }
    }
  }
}

TEST(GenericBinary, FloorModTakesTheSignOfTheDivisor) {
  for (uint32_t dtype : kFloats) {
    const Tensor a = Tensor(dtype, {6}).fill({5, -5, 5, -5, 6, -6});
    const Tensor b = Tensor(dtype, {6}).fill({3, 3, -3, -3, -3, 3});
    Tensor y(dtype, {6});
    ASSERT_TRUE(binary(RLX_BINARY_MOD_FLOOR, a, b, y, whole(y)).ok());
    const double wanted[] = {2, 1, -1, -2, -0.0, 0.0};
    for (int64_t i = 0; i < 6; ++i) {
      EXPECT_EQ(y.f(i), wanted[i]);
      EXPECT_EQ(std::signbit(y.f(i)), std::signbit(wanted[i]));
    }
  }
}

TEST(GenericBinary, WorksInPlace) {
  for (Layout layout : kLayouts) {
    Tensor a = Tensor(RLX_DTYPE_F16, {3, 521}, layout).pattern(1);
    const Tensor before = a;
    const Tensor b = Tensor(RLX_DTYPE_F16, {3, 521}, Layout::kBroadcast).pattern(2);
    ASSERT_TRUE(binary(RLX_BINARY_MUL, a, b, a, whole(a)).ok());
    for (int64_t i = 0; i < a.size(); ++i) ASSERT_EQ(a.f(i), before.f(i) * b.f(i));
  }
}

double unary_reference(uint32_t fn, double v) {
  switch (fn) {
    case RLX_UNARY_NEG:
      return -v;
    case RLX_UNARY_ABS:
      return std::fabs(v);
    case RLX_UNARY_SIGN:
      return v > 0 ? 1 : v < 0 ? -1 : v;
    case RLX_UNARY_FLOOR:
      return std::floor(v);
    case RLX_UNARY_CEIL:
      return std::ceil(v);
    case RLX_UNARY_TRUNC:
      return std::trunc(v);
    case RLX_UNARY_ROUND_EVEN:
      return std::nearbyint(v);
    case RLX_UNARY_EXP:
      return std::exp(v);
    case RLX_UNARY_EXPM1:
      return std::expm1(v);
    case RLX_UNARY_LOG:
      return std::log(v);
    case RLX_UNARY_LOG1P:
      return std::log1p(v);
    case RLX_UNARY_SQRT:
      return std::sqrt(v);
    case RLX_UNARY_RSQRT:
      return 1 / std::sqrt(v);
    case RLX_UNARY_RECIP:
      return 1 / v;
    case RLX_UNARY_SIN:
      return std::sin(v);
    case RLX_UNARY_COS:
      return std::cos(v);
    case RLX_UNARY_TAN:
      return std::tan(v);
    case RLX_UNARY_ASIN:
      return std::asin(v);
    case RLX_UNARY_ACOS:
      return std::acos(v);
    case RLX_UNARY_ATAN:
      return std::atan(v);
    case RLX_UNARY_SINH:
      return std::sinh(v);
    case RLX_UNARY_COSH:
      return std::cosh(v);
    case RLX_UNARY_TANH:
      return std::tanh(v);
    case RLX_UNARY_ASINH:
      return std::asinh(v);
    case RLX_UNARY_ACOSH:
      return std::acosh(v);
    case RLX_UNARY_ATANH:
      return std::atanh(v);
    case RLX_UNARY_ERF:
      return std::erf(v);
    default:
      return 1 / (1 + std::exp(-v));
  }
}

TEST(GenericUnary, FloatFunctionsMatchDoubleWithinAFewUlps) {
  for (uint32_t dtype : kFloats) {
    Tensor x(dtype, {600});
    x.fractions(3);
    for (size_t i = 0; i < specials().size(); ++i) x.set(int64_t(i) * 7, specials()[i]);
    for (uint32_t fn = RLX_UNARY_NEG; fn <= RLX_UNARY_SIGMOID; ++fn) {
      for (Layout layout : kLayouts) {
        Tensor y(dtype, {600}, layout);
        run_split(y, y.size(), [&](const View& v, Range r) { return unary(fn, x, v, r); });
        for (int64_t i = 0; i < y.size(); ++i) {
          SCOPED_TRACE(testing::Message() << "fn " << fn << " dtype " << dtype << " x " << x.f(i));
          expect_near(dtype, y.f(i), round_to(dtype, unary_reference(fn, x.f(i))),
                      dtype >= RLX_DTYPE_F32 ? 4 : 1);
        }
      }
    }
  }
}

TEST(GenericUnary, KeepsNegativeZeroAndRoundsHalvesToEven) {
  for (uint32_t dtype : kFloats) {
    const Tensor x = Tensor(dtype, {1}).fill({-0.0});
    for (uint32_t fn : {RLX_UNARY_SQRT, RLX_UNARY_FLOOR, RLX_UNARY_ROUND_EVEN, RLX_UNARY_TRUNC}) {
      Tensor y(dtype, {1});
      ASSERT_TRUE(unary(fn, x, y, {0, 1}).ok());
      EXPECT_TRUE(y.f(0) == 0 && std::signbit(y.f(0))) << fn;
    }
    Tensor y(dtype, {1});
    ASSERT_TRUE(unary(RLX_UNARY_NEG, Tensor(dtype, {1}).fill({0.0}), y, {0, 1}).ok());
    EXPECT_TRUE(std::signbit(y.f(0)));
    const Tensor halves = Tensor(dtype, {5}).fill({0.5, 1.5, 2.5, -0.5, -1.5});
    Tensor rounded(dtype, {5});
    ASSERT_TRUE(unary(RLX_UNARY_ROUND_EVEN, halves, rounded, {0, 5}).ok());
    const double wanted[] = {0, 2, 2, 0, -2};
    for (int64_t i = 0; i < 5; ++i) EXPECT_EQ(rounded.f(i), wanted[i]);
  }
}

TEST(GenericUnary, TestsGiveCanonicalBools) {
  for (uint32_t dtype : kFloats) {
    const Tensor x = Tensor(dtype, {4}).fill({kNaN, kInf, -kInf, 1});
    for (uint32_t fn = RLX_UNARY_ISNAN; fn <= RLX_UNARY_ISINF_NEG; ++fn) {
      Tensor y(RLX_DTYPE_BOOL, {4}, Layout::kGaps);
      run_split(y, 4, [&](const View& v, Range r) { return unary(fn, x, v, r); });
      for (int64_t i = 0; i < 4; ++i) EXPECT_EQ(y.n(i), i == int64_t(fn - RLX_UNARY_ISNAN));
    }
  }
}

TEST(GenericUnary, IntegersWrapAtTheirLowestValue) {
  for (uint32_t dtype : kInts) {
    const int width = int(element_bytes(dtype)) * 8;
    Tensor x(dtype, {4});
    x.set_n(0, int64_t(uint64_t(1) << (width - 1)));
    x.set_n(1, 0);
    x.set_n(2, 5);
    x.set_n(3, -1);
    for (uint32_t fn : {RLX_UNARY_NEG, RLX_UNARY_ABS, RLX_UNARY_SIGN, RLX_UNARY_NOT, RLX_UNARY_FLOOR}) {
      Tensor y(dtype, {4});
      run_split(y, 4, [&](const View& v, Range r) { return unary(fn, x, v, r); });
      for (int64_t i = 0; i < 4; ++i) {
        const Big v = value_of(x, i);
        const Big wanted = fn == RLX_UNARY_NEG    ? -v
                           : fn == RLX_UNARY_ABS  ? (v < 0 ? -v : v)
                           : fn == RLX_UNARY_SIGN ? (v > 0) - (v < 0)
                           : fn == RLX_UNARY_NOT  ? ~v
                                                  : v;
        EXPECT_EQ(y.n(i), wrapped(dtype, wanted)) << fn << " " << dtype;
      }
    }
  }
}

TEST(GenericUnary, NotOnBoolIsLogical) {
  Tensor x(RLX_DTYPE_BOOL, {3});
  x.set_n(0, 0);
  x.set_n(1, 1);
  x.set_n(2, 7);
  Tensor y(RLX_DTYPE_BOOL, {3});
  ASSERT_TRUE(unary(RLX_UNARY_NOT, x, y, {0, 3}).ok());
  EXPECT_EQ(y.contents(), std::string("\1\0\0", 3));
}

TEST(GenericCompare, AllRelationsOnAllDtypes) {
  for (uint32_t dtype : kAll) {
    for (Layout layout : kInputLayouts) {
      Tensor a = Tensor(dtype, {5, 7}, layout).pattern(1, -2, 4);
      const Tensor b = Tensor(dtype, {5, 7}).pattern(2, -2, 4);
      if (is_float_dtype(dtype)) a.set(3, kNaN);
      for (uint32_t fn = RLX_COMPARE_EQ; fn <= RLX_COMPARE_GE; ++fn) {
        Tensor y(RLX_DTYPE_BOOL, {5, 7});
        run_split(y, y.size(), [&](const View& v, Range r) { return compare(fn, a, b, v, r); });
        for (int64_t i = 0; i < y.size(); ++i) {
          const double l = a.f(i), r = b.f(i);
          const bool wanted[] = {l == r, l != r, l<r, l <= r, l> r, l >= r};
          ASSERT_EQ(y.n(i), wanted[fn - 1]) << fn << " " << l << " " << r;
        }
      }
    }
  }
}

TEST(GenericCompare, SixtyFourBitIntegersAreComparedExactly) {
  Tensor a(RLX_DTYPE_I64, {1}), b(RLX_DTYPE_I64, {1}), y(RLX_DTYPE_BOOL, {1});
  a.set_n(0, INT64_MAX);
  b.set_n(0, INT64_MAX - 1);
  ASSERT_TRUE(compare(RLX_COMPARE_GT, a, b, y, {0, 1}).ok());
  EXPECT_EQ(y.n(0), 1);
  Tensor u(RLX_DTYPE_U64, {1}), one(RLX_DTYPE_U64, {1});
  u.set_n(0, -1);
  one.set_n(0, 1);
  ASSERT_TRUE(compare(RLX_COMPARE_GT, u, one, y, {0, 1}).ok());
  EXPECT_EQ(y.n(0), 1);
}

TEST(GenericSelect, PicksByElementForEveryDtype) {
  for (uint32_t dtype : kAll) {
    for (const Dims& dims : shapes()) {
      const Tensor cond = Tensor(RLX_DTYPE_BOOL, dims, Layout::kGaps).pattern(5);
      const Tensor t = Tensor(dtype, dims, Layout::kBroadcast).pattern(6);
      const Tensor f = Tensor(dtype, dims, Layout::kReversed).pattern(7);
      Tensor y(dtype, dims);
      run_split(y, y.size(), [&](const View& v, Range r) { return select(cond, t, f, v, r); });
      for (int64_t i = 0; i < y.size(); ++i) ASSERT_EQ(y.element(i), (cond.n(i) ? t : f).element(i));
    }
  }
}

TEST(GenericBitcast, KeepsTheBits) {
  const Tensor x = Tensor(RLX_DTYPE_F32, {2, 3}, Layout::kReversed).fractions(1);
  Tensor y(RLX_DTYPE_I32, {2, 3}, Layout::kGaps);
  run_split(y, 6, [&](const View& v, Range r) { return bitcast(x, v, r); });
  EXPECT_EQ(x.contents(), y.contents());
  Tensor narrow(RLX_DTYPE_I16, {2, 3});
  EXPECT_EQ(bitcast(x, narrow, whole(narrow)).status, RLX_STATUS_INVALID_ARGUMENT);
}

TEST(GenericIota, CountsAlongTheAxis) {
  for (uint32_t dtype : kAll) {
    for (uint32_t axis = 0; axis < 3; ++axis) {
      Tensor y(dtype, {3, 1, 400}, Layout::kGaps);
      run_split(y, y.size(), [&](const View& v, Range r) { return iota(v, axis, r); });
      for (int64_t i = 0; i < y.size(); ++i) {
        const int64_t count = axis == 0 ? i / 400 : axis == 1 ? 0 : i % 400;
        if (dtype == RLX_DTYPE_BOOL) {
          ASSERT_EQ(y.n(i), count != 0);
        } else if (is_float_dtype(dtype)) {
          ASSERT_EQ(y.f(i), round_to(dtype, double(count)));
        } else {
          ASSERT_EQ(y.n(i), wrapped(dtype, count));
        }
      }
    }
  }
}

double act_reference(uint32_t fn, double x, double alpha, double beta) {
  const double softplus = std::log1p(std::exp(-std::fabs(x))) + std::fmax(x, 0);
  switch (fn) {
    case RLX_ACT_NONE:
      return x;
    case RLX_ACT_RELU:
      return std::fmax(x, 0);
    case RLX_ACT_LEAKY_RELU:
      return x < 0 ? alpha * x : x;
    case RLX_ACT_CLIP:
      return std::fmin(std::fmax(x, alpha), beta);
    case RLX_ACT_GELU_ERF:
      return x * 0.5 * std::erfc(-x / std::sqrt(2.0));
    case RLX_ACT_GELU_TANH:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case RLX_ACT_SILU:
      return x / (1 + std::exp(-x));
    case RLX_ACT_SIGMOID:
      return 1 / (1 + std::exp(-x));
    case RLX_ACT_TANH:
      return std::tanh(x);
    case RLX_ACT_HARD_SIGMOID:
      return std::fmax(0, std::fmin(1, alpha * x + beta));
    case RLX_ACT_HARD_SWISH:
      return x * std::fmax(0, std::fmin(1, x / 6 + 0.5));
    case RLX_ACT_SOFTPLUS:
      return softplus;
    case RLX_ACT_MISH:
      return x * std::tanh(softplus);
    case RLX_ACT_ELU:
      return x < 0 ? alpha * std::expm1(x) : x;
    case RLX_ACT_SELU:
      return beta * (x < 0 ? alpha * std::expm1(x) : x);
    case RLX_ACT_CELU:
      return std::fmax(0, x) + std::fmin(0, alpha * std::expm1(x / alpha));
    case RLX_ACT_SOFTSIGN:
      return x / (1 + std::fabs(x));
    case RLX_ACT_SHRINK:
      return x < -alpha ? x + beta : x > alpha ? x - beta : 0;
    default:
      return x > alpha ? x : 0;
  }
}

TEST(GenericAct, EveryNamedActivationMatchesItsFormula) {
  for (uint32_t dtype : kFloats) {
    Tensor x(dtype, {700});
    x.fractions(9);
    for (int64_t i = 0; i < 40; ++i) x.set(i * 16, double(i - 20));
    const double alpha = 0.25, beta = 0.75;
    for (uint32_t fn = RLX_ACT_NONE; fn <= RLX_ACT_THRESHOLDED_RELU; ++fn) {
      Tensor y(dtype, {700}, Layout::kReversed);
      run_split(y, 700, [&](const View& v, Range r) { return act(fn, alpha, beta, x, v, r); });
      for (int64_t i = 0; i < 700; ++i) {
        SCOPED_TRACE(testing::Message() << "fn " << fn << " dtype " << dtype << " x " << x.f(i));
        // Cancellation makes the error relative to x, not to the result, where gelu and shrink come near 0.
        const double floor =
            4 * std::fabs(x.f(i)) * std::ldexp(1.0, -mantissa_bits(std::max(dtype, RLX_DTYPE_F32)));
        expect_near(dtype, y.f(i), round_to(dtype, act_reference(fn, x.f(i), alpha, beta)), 8, floor);
      }
    }
  }
}

TEST(GenericAct, NaNStaysNaNButWhereElseIsZero) {
  const Tensor x = Tensor(RLX_DTYPE_F32, {1}).fill({kNaN});
  for (uint32_t fn = RLX_ACT_NONE; fn <= RLX_ACT_THRESHOLDED_RELU; ++fn) {
    Tensor y(RLX_DTYPE_F32, {1});
    ASSERT_TRUE(act(fn, 0.25, 0.75, x, y, {0, 1}).ok());
    const bool zero = fn == RLX_ACT_SHRINK || fn == RLX_ACT_THRESHOLDED_RELU;
    EXPECT_TRUE(zero ? y.f(0) == 0 : std::isnan(y.f(0))) << fn;
  }
}

TEST(GenericGatedAct, MultipliesBeforeRounding) {
  for (uint32_t dtype : kFloats) {
    const Tensor a = Tensor(dtype, {3, 200}, Layout::kGaps).fractions(1);
    Tensor b = Tensor(dtype, {3, 200}).fractions(2);
    const Tensor b_before = b;
    ASSERT_TRUE(gated_act(RLX_ACT_SILU, 0, 0, a, b, b, whole(b)).ok());  // in place on b
    for (int64_t i = 0; i < b.size(); ++i) {
      expect_near(dtype, b.f(i), round_to(dtype, act_reference(RLX_ACT_SILU, a.f(i), 0, 0) * b_before.f(i)),
                  dtype >= RLX_DTYPE_F32 ? 6 : 1);
    }
  }
}

TEST(GenericPointwise, UnknownFunctionsAndDtypesAreRefused) {
  const Tensor f(RLX_DTYPE_F32, {2}), n(RLX_DTYPE_I32, {2}), flag(RLX_DTYPE_BOOL, {2}),
      none(RLX_DTYPE_F32, {0});
  Tensor yf(RLX_DTYPE_F32, {2}), yn(RLX_DTYPE_I32, {2}), yb(RLX_DTYPE_BOOL, {2}), empty(RLX_DTYPE_F32, {0});
  EXPECT_EQ(unary(RLX_UNARY_EXP, n, yn, {0, 2}).status, RLX_STATUS_UNSUPPORTED);
  EXPECT_EQ(unary(RLX_UNARY_NOT, f, yf, {0, 2}).status, RLX_STATUS_UNSUPPORTED);
  EXPECT_EQ(unary(RLX_UNARY_NEG, flag, yb, {0, 2}).status, RLX_STATUS_UNSUPPORTED);
  EXPECT_EQ(unary(99, f, yf, {0, 2}).status, RLX_STATUS_UNSUPPORTED);
  EXPECT_EQ(unary(99, none, empty, {0, 0}).status, RLX_STATUS_UNSUPPORTED);
  EXPECT_EQ(binary(RLX_BINARY_AND, f, f, yf, {0, 2}).status, RLX_STATUS_UNSUPPORTED);
  EXPECT_EQ(binary(RLX_BINARY_SHL, flag, flag, yb, {0, 2}).status, RLX_STATUS_UNSUPPORTED);
  EXPECT_EQ(binary(0, f, f, yf, {0, 2}).status, RLX_STATUS_UNSUPPORTED);
  EXPECT_EQ(compare(7, f, f, yb, {0, 2}).status, RLX_STATUS_UNSUPPORTED);
  EXPECT_EQ(act(RLX_ACT_RELU, 0, 0, n, yn, {0, 2}).status, RLX_STATUS_UNSUPPORTED);
  EXPECT_EQ(act(99, 0, 0, f, yf, {0, 2}).status, RLX_STATUS_UNSUPPORTED);
  // A result of the wrong size per element would overrun its slot.
  EXPECT_EQ(compare(RLX_COMPARE_EQ, f, f, yf, {0, 2}).status, RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(binary(RLX_BINARY_ADD, f, n, yf, {0, 2}).status, RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(unary(RLX_UNARY_ISNAN, f, yf, {0, 2}).status, RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(copy(f, yn, {0, 2}).status, RLX_STATUS_INVALID_ARGUMENT);
  View strange = f;
  strange.dtype = RLX_DTYPE_C64;
  EXPECT_EQ(copy(strange, strange, {0, 2}).status, RLX_STATUS_UNSUPPORTED);
}

}  // namespace
}  // namespace rlx_cpu::test
