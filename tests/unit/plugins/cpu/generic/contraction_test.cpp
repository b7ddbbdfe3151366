// SPDX-License-Identifier: Apache-2.0
// dot with any roles of the dims, and direct convolution, against plain loops.
#include "tensor.h"

namespace rlx_cpu::test {
namespace {

struct DotCase {
  Dims a, b, y;
  std::vector<uint32_t> batch_a, batch_b, contract_a, contract_b;
};

DotAttrs attrs_of(const DotCase& c) {
  DotAttrs attrs;
  attrs.batch_count = uint32_t(c.batch_a.size());
  attrs.contract_count = uint32_t(c.contract_a.size());
  std::copy(c.batch_a.begin(), c.batch_a.end(), attrs.batch_a);
  std::copy(c.batch_b.begin(), c.batch_b.end(), attrs.batch_b);
  std::copy(c.contract_a.begin(), c.contract_a.end(), attrs.contract_a);
  std::copy(c.contract_b.begin(), c.contract_b.end(), attrs.contract_b);
  return attrs;
}

// Labels each dim, then sums over all assignments of all labels.
std::vector<double> dot_reference(const DotCase& c, const Tensor& a, const Tensor& b, int64_t count) {
  std::vector<double> y(size_t(count), 0.0);
  for (int64_t i = 0; i < a.size(); ++i) {
    for (int64_t j = 0; j < b.size(); ++j) {
      const auto coord = [](int64_t flat, const Dims& dims, uint32_t axis) {
        for (size_t d = dims.size(); d-- > axis + 1;) flat /= dims[d];
        return flat % dims[axis];
      };
      bool match = true;
      for (size_t k = 0; k < c.contract_a.size(); ++k)
        match = match && coord(i, c.a, c.contract_a[k]) == coord(j, c.b, c.contract_b[k]);
      for (size_t k = 0; k < c.batch_a.size(); ++k)
        match = match && coord(i, c.a, c.batch_a[k]) == coord(j, c.b, c.batch_b[k]);
      if (!match) continue;
      int64_t position = 0;
      for (uint32_t d : c.batch_a) position = position * c.a[d] + coord(i, c.a, d);
      const auto used = [](uint32_t d, const std::vector<uint32_t>& x, const std::vector<uint32_t>& z) {
        return std::find(x.begin(), x.end(), d) != x.end() || std::find(z.begin(), z.end(), d) != z.end();
      };
      for (uint32_t d = 0; d < c.a.size(); ++d)
        if (!used(d, c.batch_a, c.contract_a)) position = position * c.a[d] + coord(i, c.a, d);
      for (uint32_t d = 0; d < c.b.size(); ++d)
        if (!used(d, c.batch_b, c.contract_b)) position = position * c.b[d] + coord(j, c.b, d);
      y[size_t(position)] += a.f(i) * b.f(j);
    }
  }
  return y;
}

std::vector<DotCase> dot_cases() {
  return {
      {{3, 4}, {4, 5}, {3, 5}, {}, {}, {1}, {0}},
      {{3, 4}, {5, 4}, {3, 5}, {}, {}, {1}, {1}},
      {{4, 3}, {4, 5}, {3, 5}, {}, {}, {0}, {0}},
      {{2, 3, 4}, {4, 2, 5}, {2, 3, 5}, {0}, {1}, {2}, {0}},
      {{2, 3, 4, 2}, {4, 2, 2, 3}, {2, 2, 3, 3}, {0, 3}, {1, 2}, {2}, {0}},
      {{3, 2, 4}, {2, 5, 4}, {3, 5}, {}, {}, {1, 2}, {0, 2}},
      {{3}, {4}, {3, 4}, {}, {}, {}, {}},
      {{6}, {6}, {}, {}, {}, {0}, {0}},
      {{3, 0}, {0, 5}, {3, 5}, {}, {}, {1}, {0}},
      {{0, 4}, {4, 5}, {0, 5}, {}, {}, {1}, {0}},
      {{2, 40}, {40, 30}, {2, 30}, {}, {}, {1}, {0}},
  };
}

TEST(GenericDot, EveryRoleOfDimsDtypeAndLayout) {
  for (uint32_t dtype : {RLX_DTYPE_I8, RLX_DTYPE_U8, RLX_DTYPE_I32, RLX_DTYPE_I64, RLX_DTYPE_F16,
                         RLX_DTYPE_BF16, RLX_DTYPE_F32, RLX_DTYPE_F64}) {
    for (const DotCase& c : dot_cases()) {
      for (Layout layout : kInputLayouts) {
        const Tensor a = Tensor(dtype, c.a, layout).pattern(1, -3, 6);
        const Tensor b = Tensor(dtype, c.b, layout == Layout::kDense ? Layout::kBroadcast : Layout::kGaps)
                             .pattern(2, -2, 5);
        const uint32_t out = is_float_dtype(dtype)    ? dtype
                             : dtype == RLX_DTYPE_I64 ? RLX_DTYPE_I64
                                                      : RLX_DTYPE_I32;
        Tensor y(out, c.y, Layout::kReversed);
        run_split(y, y.size(), [&](const View& v, Range r) { return dot(a, b, attrs_of(c), v, r); });
        const std::vector<double> wanted = dot_reference(c, a, b, y.size());
        for (int64_t i = 0; i < y.size(); ++i)
          ASSERT_EQ(y.f(i), round_to(dtype, wanted[size_t(i)])) << dtype << " " << c.a.size();
      }
    }
  }
}

TEST(GenericDot, LongSumsCrossBlocksInBothOrders) {
  for (bool transposed : {false, true}) {
    const Tensor a = Tensor(RLX_DTYPE_F32, {3, 1300}).fractions(1);
    const Tensor b = Tensor(RLX_DTYPE_F32, transposed ? Dims{600, 1300} : Dims{1300, 600}).fractions(2);
    DotAttrs attrs;
    attrs.contract_count = 1;
    attrs.contract_a[0] = 1;
    attrs.contract_b[0] = transposed ? 1 : 0;
    for (uint32_t acc : {RLX_DTYPE_F32, RLX_DTYPE_F64}) {
      attrs.acc = acc;
      Tensor y(RLX_DTYPE_F32, {3, 600});
      run_split(y, y.size(), [&](const View& v, Range r) { return dot(a, b, attrs, v, r); });
      for (int64_t i = 0; i < y.size(); i += 37) {
        double wanted = 0, size = 0;
        for (int64_t k = 0; k < 1300; ++k) {
          const double term =
              a.f(i / 600 * 1300 + k) * b.f(transposed ? i % 600 * 1300 + k : k * 600 + i % 600);
          wanted += term;
          size += std::fabs(term);
        }
        EXPECT_NEAR(y.f(i), wanted,
                    acc == RLX_DTYPE_F64 ? std::fabs(wanted) * 0x1p-23 : size * 1300 * 0x1p-24);
      }
    }
  }
}

TEST(GenericDot, IntegerAccumulatorsWrapWhereTheySay) {
  Tensor a(RLX_DTYPE_I32, {2}), b(RLX_DTYPE_I32, {2}), y(RLX_DTYPE_I64, {});
  for (int64_t i = 0; i < 2; ++i) a.set_n(i, int64_t(1) << 30), b.set_n(i, 2);
  DotAttrs attrs;
  attrs.contract_count = 1;
  attrs.acc = RLX_DTYPE_I64;
  ASSERT_TRUE(dot(a, b, attrs, y, {0, 1}).ok());
  EXPECT_EQ(y.n(0), int64_t(1) << 32);
  attrs.acc = RLX_DTYPE_I32;
  ASSERT_TRUE(dot(a, b, attrs, y, {0, 1}).ok());
  EXPECT_EQ(y.n(0), 0);
  const Tensor u = Tensor(RLX_DTYPE_U8, {2}).fill({200, 255}),
               s = Tensor(RLX_DTYPE_I8, {2}).fill({-128, 127});
  Tensor mixed(RLX_DTYPE_I32, {});
  ASSERT_TRUE(dot(u, s, attrs, mixed, {0, 1}).ok());
  EXPECT_EQ(mixed.n(0), 200 * -128 + 255 * 127);
}

TEST(GenericDot, RefusesRolesThatDoNotFit) {
  const Tensor a(RLX_DTYPE_F32, {3, 4}), b(RLX_DTYPE_F32, {5, 6}), n(RLX_DTYPE_I32, {4, 5});
  Tensor y(RLX_DTYPE_F32, {3, 6});
  DotAttrs attrs;
  attrs.contract_count = 1;
  attrs.contract_a[0] = 1;
  EXPECT_EQ(dot(a, b, attrs, y, whole(y)).status, RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(dot(a, n, attrs, y, whole(y)).status, RLX_STATUS_UNSUPPORTED);
  attrs.contract_a[0] = 2;
  EXPECT_EQ(dot(a, b, attrs, y, whole(y)).status, RLX_STATUS_INVALID_ARGUMENT);
  attrs.contract_a[0] = 0;
  attrs.batch_count = 1;  // axis 0 twice
  EXPECT_EQ(dot(a, a, attrs, y, whole(y)).status, RLX_STATUS_INVALID_ARGUMENT);
  attrs = {};
  attrs.contract_count = 1;
  Tensor small(RLX_DTYPE_F32, {3, 4});
  EXPECT_EQ(dot(a, a, attrs, small, whole(small)).status, RLX_STATUS_INVALID_ARGUMENT);  // y should be [4, 4]
  attrs.acc = RLX_DTYPE_I32;
  Tensor square(RLX_DTYPE_F32, {4, 4});
  EXPECT_EQ(dot(a, a, attrs, square, whole(square)).status, RLX_STATUS_UNSUPPORTED);
}

struct ConvCase {
  Dims x, w;
  ConvAttrs attrs;
};

ConvAttrs conv_attrs(uint32_t spatial, Dims strides, Dims low, Dims high, Dims dilation, Dims input_dilation,
                     int64_t groups) {
  ConvAttrs attrs;
  attrs.spatial = spatial;
  std::copy(strides.begin(), strides.end(), attrs.strides);
  std::copy(low.begin(), low.end(), attrs.low);
  std::copy(high.begin(), high.end(), attrs.high);
  std::copy(dilation.begin(), dilation.end(), attrs.dilation);
  std::copy(input_dilation.begin(), input_dilation.end(), attrs.input_dilation);
  attrs.groups = groups;
  return attrs;
}

std::vector<ConvCase> conv_cases() {
  return {
      {{2, 3, 10}, {4, 3, 3}, conv_attrs(1, {1}, {1}, {1}, {1}, {1}, 1)},
      {{1, 4, 11}, {6, 2, 3}, conv_attrs(1, {2}, {2}, {0}, {2}, {1}, 2)},
      {{1, 2, 6}, {3, 2, 4}, conv_attrs(1, {1}, {3}, {3}, {1}, {3}, 1)},
      {{2, 3, 7, 6}, {2, 3, 3, 2}, conv_attrs(2, {2, 1}, {1, 0}, {1, 1}, {1, 2}, {1, 1}, 1)},
      {{1, 4, 5, 5}, {4, 1, 3, 3}, conv_attrs(2, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, 4)},
      {{1, 2, 4, 3}, {2, 2, 2, 3}, conv_attrs(2, {1, 2}, {2, 1}, {1, 2}, {1, 1}, {2, 2}, 1)},
      {{1, 2, 6, 6}, {2, 2, 2, 2}, conv_attrs(2, {1, 1}, {-1, -2}, {-1, 0}, {1, 1}, {1, 1}, 1)},
      {{1, 2, 4, 3, 5},
       {2, 1, 2, 2, 3},
       conv_attrs(3, {1, 1, 2}, {0, 1, 1}, {1, 0, 1}, {2, 1, 1}, {1, 1, 1}, 2)},
      {{0, 2, 5}, {3, 2, 2}, conv_attrs(1, {1}, {0}, {0}, {1}, {1}, 1)},
      {{1, 0, 5}, {3, 0, 2}, conv_attrs(1, {1}, {0}, {0}, {1}, {1}, 1)},
      {{1, 1, 2}, {1, 1, 5}, conv_attrs(1, {1}, {0}, {0}, {1}, {1}, 1)},
  };
}

Dims conv_dims(const ConvCase& c) {
  Dims y = {c.x[0], c.w[0]};
  for (uint32_t s = 0; s < c.attrs.spatial; ++s) {
    const int64_t spread = (c.x[s + 2] - 1) * c.attrs.input_dilation[s] + 1;
    const int64_t room =
        spread + c.attrs.low[s] + c.attrs.high[s] - (c.w[s + 2] - 1) * c.attrs.dilation[s] - 1;
    y.push_back(room < 0 ? 0 : room / c.attrs.strides[s] + 1);
  }
  return y;
}

double conv_element(const ConvCase& c, const Tensor& x, const Tensor& w, const Dims& y, int64_t item) {
  const uint32_t spatial = c.attrs.spatial;
  Dims at(spatial);
  for (uint32_t s = spatial; s-- > 0;) {
    at[s] = item % y[s + 2];
    item /= y[s + 2];
  }
  const int64_t o = item % y[1], n = item / y[1];
  int64_t taps = 1;
  for (uint32_t s = 0; s < spatial; ++s) taps *= c.w[s + 2];
  double sum = 0;
  for (int64_t channel = 0; channel < c.w[1]; ++channel) {
    for (int64_t tap = 0; tap < taps; ++tap) {
      int64_t rest = tap, position = 0, stride = 1;
      bool inside = true;
      for (uint32_t s = spatial; s-- > 0;) {
        const int64_t p =
            at[s] * c.attrs.strides[s] - c.attrs.low[s] + rest % c.w[s + 2] * c.attrs.dilation[s];
        rest /= c.w[s + 2];
        const int64_t d = c.attrs.input_dilation[s];
        inside = inside && p >= 0 && p % d == 0 && p / d < c.x[s + 2];
        position += p / d * stride;
        stride *= c.x[s + 2];
      }
      if (!inside) continue;
      const int64_t group = o / (c.w[0] / c.attrs.groups);
      sum += x.f((n * c.x[1] + group * c.w[1] + channel) * stride + position) *
             w.f((o * c.w[1] + channel) * taps + tap);
    }
  }
  return sum;
}

TEST(GenericConv, AllRanksStridesDilationsGroupsAndDtypes) {
  for (uint32_t dtype :
       {RLX_DTYPE_I8, RLX_DTYPE_U8, RLX_DTYPE_I64, RLX_DTYPE_F16, RLX_DTYPE_F32, RLX_DTYPE_F64}) {
    for (const ConvCase& c : conv_cases()) {
      for (Layout layout : kInputLayouts) {
        const Tensor x = Tensor(dtype, c.x, layout).pattern(1, -3, 6);
        const Tensor w = Tensor(dtype, c.w, layout == Layout::kDense ? Layout::kReversed : Layout::kGaps)
                             .pattern(2, -2, 5);
        const Dims dims = conv_dims(c);
        Tensor y(is_float_dtype(dtype)    ? dtype
                 : dtype == RLX_DTYPE_I64 ? RLX_DTYPE_I64
                                          : RLX_DTYPE_I32,
                 dims, Layout::kGaps);
        run_split(y, y.size(), [&](const View& v, Range r) { return conv(x, w, c.attrs, v, r); });
        for (int64_t i = 0; i < y.size(); ++i)
          ASSERT_EQ(y.f(i), conv_element(c, x, w, dims, i)) << dtype << " " << i;
      }
    }
  }
}

TEST(GenericConv, RefusesWrongShapes) {
  const Tensor x(RLX_DTYPE_F32, {1, 4, 8}), w(RLX_DTYPE_F32, {6, 2, 3});
  Tensor y(RLX_DTYPE_F32, {1, 6, 6}), longer(RLX_DTYPE_F32, {1, 6, 7});
  EXPECT_EQ(conv(x, w, conv_attrs(1, {1}, {0}, {0}, {1}, {1}, 1), y, whole(y)).status,
            RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_TRUE(conv(x, w, conv_attrs(1, {1}, {0}, {0}, {1}, {1}, 2), y, whole(y)).ok());
  EXPECT_EQ(conv(x, w, conv_attrs(1, {1}, {0}, {0}, {1}, {1}, 2), longer, whole(longer)).status,
            RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(conv(x, w, conv_attrs(1, {0}, {0}, {0}, {1}, {1}, 2), y, whole(y)).status,
            RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(conv(x, w, conv_attrs(2, {1, 1}, {0}, {0}, {1, 1}, {1, 1}, 2), y, whole(y)).status,
            RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(conv(x, w, conv_attrs(4, {}, {}, {}, {}, {}, 2), y, whole(y)).status,
            RLX_STATUS_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace rlx_cpu::test
