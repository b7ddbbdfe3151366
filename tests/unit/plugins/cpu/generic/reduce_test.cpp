// SPDX-License-Identifier: Apache-2.0
// reduce over every set of axes, and the pooling windows.
#include "tensor.h"

namespace rlx_cpu::test {
namespace {

double fold(uint32_t fn, double a, double b) {
  switch (fn) {
    case RLX_REDUCE_SUM:
      return a + b;
    case RLX_REDUCE_PROD:
      return a * b;
    case RLX_REDUCE_MAX:
      return std::isnan(a) || std::isnan(b) ? kNaN : std::fmax(a, b);
    case RLX_REDUCE_MIN:
      return std::isnan(a) || std::isnan(b) ? kNaN : std::fmin(a, b);
    case RLX_REDUCE_ALL:
      return a != 0 && b != 0;
    default:
      return a != 0 || b != 0;
  }
}

std::vector<double> reduced(const Tensor& x, const Dims& dims, uint32_t fn, uint32_t axes, double start,
                            int64_t count) {
  std::vector<double> result(size_t(count), start);
  for (int64_t i = 0; i < x.size(); ++i) {
    int64_t rest = i, position = 0, stride = 1;
    for (size_t d = dims.size(); d-- > 0;) {
      if (!(axes >> d & 1u)) {
        position += rest % dims[d] * stride;
        stride *= dims[d];
      }
      rest /= dims[d];
    }
    double& value = result[size_t(position)];
    value = fold(fn, value, x.f(i));
  }
  return result;
}

Dims kept(const Dims& dims, uint32_t axes, bool keep) {
  Dims out;
  for (size_t d = 0; d < dims.size(); ++d) {
    if (!(axes >> d & 1u))
      out.push_back(dims[d]);
    else if (keep)
      out.push_back(1);
  }
  return out;
}

TEST(GenericReduce, EverySetOfAxesInEveryLayout) {
  const std::vector<Dims> all = {{}, {5}, {3, 4}, {2, 3, 4}, {2, 3, 2, 3}, {4, 600}, {600, 4}};
  for (uint32_t dtype : {RLX_DTYPE_I32, RLX_DTYPE_I64, RLX_DTYPE_F32, RLX_DTYPE_F64}) {
    for (const Dims& dims : all) {
      for (uint32_t axes = 0; axes < 1u << dims.size(); ++axes) {
        for (Layout layout : kInputLayouts) {
          const Tensor x = Tensor(dtype, dims, layout).pattern(1);
          for (uint32_t fn : {RLX_REDUCE_SUM, RLX_REDUCE_MAX, RLX_REDUCE_MIN}) {
            const double start = fn == RLX_REDUCE_SUM ? 0 : fn == RLX_REDUCE_MAX ? -kInf : kInf;
            Tensor y(dtype, kept(dims, axes, (axes & 1) != 0), Layout::kGaps);
            run_split(y, y.size(), [&](const View& v, Range r) { return reduce(fn, axes, x, v, r); });
            const std::vector<double> wanted = reduced(x, dims, fn, axes, start, y.size());
            for (int64_t i = 0; i < y.size(); ++i)
              ASSERT_EQ(y.f(i), wanted[size_t(i)]) << dtype << " axes " << axes << " fn " << fn;
          }
        }
      }
    }
  }
}

TEST(GenericReduce, EveryDtypeAndFunction) {
  for (uint32_t dtype : kAll) {
    const Tensor x = Tensor(dtype, {3, 5, 2}).pattern(4, 1, 2);
    for (uint32_t fn = RLX_REDUCE_SUM; fn <= RLX_REDUCE_ANY; ++fn) {
      Tensor y(dtype, {3, 2});
      const bool logical = fn >= RLX_REDUCE_ALL;
      if (logical != (dtype == RLX_DTYPE_BOOL)) {
        EXPECT_EQ(reduce(fn, 2, x, y, whole(y)).status, RLX_STATUS_UNSUPPORTED);
        continue;
      }
      run_split(y, 6, [&](const View& v, Range r) { return reduce(fn, 2, x, v, r); });
      const double start = fn == RLX_REDUCE_PROD || fn == RLX_REDUCE_ALL ? 1
                           : fn == RLX_REDUCE_MAX                        ? -100
                           : fn == RLX_REDUCE_MIN                        ? 100
                                                                         : 0;
      const std::vector<double> wanted = reduced(x, {3, 5, 2}, fn, 2, start, 6);
      for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(y.f(i), wanted[size_t(i)]) << dtype << " " << fn;
    }
  }
}

TEST(GenericReduce, NothingGivesTheIdentity) {
  for (uint32_t dtype : kAll) {
    const Tensor x(dtype, {2, 0});
    for (uint32_t fn = RLX_REDUCE_SUM; fn <= RLX_REDUCE_ANY; ++fn) {
      if ((fn >= RLX_REDUCE_ALL) != (dtype == RLX_DTYPE_BOOL)) continue;
      Tensor y(dtype, {2, 1});
      run_split(y, 2, [&](const View& v, Range r) { return reduce(fn, 2, x, v, r); });
      Tensor wanted(dtype, {});
      const int width = int(element_bytes(dtype)) * 8;
      const uint64_t top = uint64_t(1) << (width - 1);
      const bool is_signed = is_signed_dtype(dtype);
      if (fn == RLX_REDUCE_PROD || fn == RLX_REDUCE_ALL) wanted.set(0, 1);
      if (fn == RLX_REDUCE_MAX) {
        if (is_float_dtype(dtype))
          wanted.set(0, -kInf);
        else
          wanted.set_n(0, is_signed ? int64_t(top) : 0);
      }
      if (fn == RLX_REDUCE_MIN) {
        if (is_float_dtype(dtype))
          wanted.set(0, kInf);
        else
          wanted.set_n(0, is_signed ? int64_t(top - 1) : -1);
      }
      EXPECT_EQ(y.element(1), wanted.element(0)) << dtype << " " << fn;
    }
  }
}

TEST(GenericReduce, NaNWinsAndSmallFloatsRoundOnce) {
  Tensor x = Tensor(RLX_DTYPE_F32, {2, 700}).pattern(1);
  x.set(613, kNaN);
  for (uint32_t axes : {2u, 1u}) {
    for (uint32_t fn : {RLX_REDUCE_MAX, RLX_REDUCE_MIN, RLX_REDUCE_SUM}) {
      Tensor y(RLX_DTYPE_F32, {axes == 2 ? 2 : 700});
      ASSERT_TRUE(reduce(fn, axes, x, y, whole(y)).ok());
      EXPECT_TRUE(std::isnan(y.f(axes == 2 ? 0 : 613)));
      EXPECT_FALSE(std::isnan(y.f(1)));
    }
  }
  // 4096 ones after 2048: an f16 running sum would stick.
  Tensor h(RLX_DTYPE_F16, {4097});
  h.set(0, 2048);
  for (int64_t i = 1; i < 4097; ++i) h.set(i, 1);
  Tensor sum(RLX_DTYPE_F16, {});
  ASSERT_TRUE(reduce(RLX_REDUCE_SUM, 1, h, sum, {0, 1}).ok());
  EXPECT_EQ(sum.f(0), 6144);
}

TEST(GenericReduce, IntegersWrapAndBadAxesAreRefused) {
  Tensor x(RLX_DTYPE_I8, {3}), y(RLX_DTYPE_I8, {});
  for (int64_t i = 0; i < 3; ++i) x.set_n(i, 100);
  ASSERT_TRUE(reduce(RLX_REDUCE_SUM, 1, x, y, {0, 1}).ok());
  EXPECT_EQ(y.n(0), 44);
  EXPECT_EQ(reduce(RLX_REDUCE_SUM, 2, x, y, {0, 1}).status, RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(reduce(RLX_REDUCE_SUM, 0, x, y, {0, 1}).status, RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(reduce(9, 1, x, y, {0, 1}).status, RLX_STATUS_UNSUPPORTED);
  EXPECT_EQ(reduce(9, 1, x, y, {0, 0}).status, RLX_STATUS_UNSUPPORTED);
}

// ---- windows ----

struct WindowCase {
  Dims dims;
  WindowAttrs attrs;
};

std::vector<WindowCase> window_cases() {
  std::vector<WindowCase> cases(4);
  cases[0] = {{2, 3, 9}, {{3}, {2}, {1}, {1}, {1}}};
  cases[1] = {{1, 2, 6, 7}, {{3, 2}, {1, 2}, {2, 1}, {2, 0}, {1, 1}}};
  cases[2] = {{1, 2, 4, 5, 3}, {{2, 2, 2}, {2, 1, 1}, {1, 2, 1}, {0, 1, 1}, {1, 0, 1}}};
  cases[3] = {{2, 1, 2, 2}, {{2, 2}, {1, 1}, {3, 3}, {3, 3}, {1, 1}}};  // taps miss the border windows
  return cases;
}

Dims pooled(const WindowCase& c) {
  Dims out = c.dims;
  for (size_t s = 0; s + 2 < out.size(); ++s) {
    const int64_t room =
        out[s + 2] + c.attrs.low[s] + c.attrs.high[s] - (c.attrs.window[s] - 1) * c.attrs.dilation[s] - 1;
    out[s + 2] = room < 0 ? 0 : room / c.attrs.strides[s] + 1;
  }
  return out;
}

// The flat positions in x under window `item`, and how many taps lie in x or its border.
std::vector<int64_t> window_elements(const WindowCase& c, const Dims& out, int64_t item, int64_t* padded) {
  const size_t spatial = out.size() - 2;
  std::vector<int64_t> found;
  Dims at(spatial);
  int64_t plane = item;
  for (size_t s = spatial; s-- > 0;) {
    at[s] = plane % out[s + 2];
    plane /= out[s + 2];
  }
  int64_t taps = 1;
  for (size_t s = 0; s < spatial; ++s) taps *= c.attrs.window[s];
  *padded = 0;
  for (int64_t tap = 0; tap < taps; ++tap) {
    int64_t rest = tap, position = 0, stride = 1;
    bool in_x = true, in_border = true;
    for (size_t s = spatial; s-- > 0;) {
      const int64_t p =
          at[s] * c.attrs.strides[s] - c.attrs.low[s] + rest % c.attrs.window[s] * c.attrs.dilation[s];
      rest /= c.attrs.window[s];
      in_x = in_x && p >= 0 && p < c.dims[s + 2];
      in_border = in_border && p < c.dims[s + 2] + c.attrs.high[s];
      position += p * stride;
      stride *= c.dims[s + 2];
    }
    *padded += in_border;
    if (in_x) found.push_back(plane * stride + position);
  }
  return found;
}

TEST(GenericReduceWindow, MaxWithIndexAndSumInOneToThreeDims) {
  for (uint32_t dtype :
       {RLX_DTYPE_I8, RLX_DTYPE_U8, RLX_DTYPE_I64, RLX_DTYPE_F16, RLX_DTYPE_F32, RLX_DTYPE_F64}) {
    for (const WindowCase& c : window_cases()) {
      for (Layout layout : kInputLayouts) {
        const Dims out = pooled(c);
        const Tensor x = Tensor(dtype, c.dims, layout).pattern(1);
        Tensor highest(dtype, out, Layout::kGaps), index(RLX_DTYPE_I64, out, Layout::kReversed),
            sum(dtype, out), alone(dtype, out);
        run_split({&highest, &index}, highest.size(), [&](std::vector<Tensor*>& to, Range r) {
          const View positions = *to[1];
          return reduce_window(RLX_REDUCE_MAX, x, c.attrs, *to[0], &positions, r);
        });
        run_split(alone, alone.size(), [&](const View& v, Range r) {
          return reduce_window(RLX_REDUCE_MAX, x, c.attrs, v, nullptr, r);
        });
        run_split(sum, sum.size(), [&](const View& v, Range r) {
          return reduce_window(RLX_REDUCE_SUM, x, c.attrs, v, nullptr, r);
        });
        EXPECT_EQ(alone.contents(), highest.contents());
        for (int64_t i = 0; i < sum.size(); ++i) {
          int64_t padded = 0, best = -1;
          double total = 0;
          for (int64_t p : window_elements(c, out, i, &padded)) {
            total += x.f(p);
            if (best < 0 || x.f(p) > x.f(best)) best = p;
          }
          ASSERT_EQ(sum.f(i), total);
          int64_t plane = 1;  // the index counts within one image and channel
          for (size_t d = 2; d < c.dims.size(); ++d) plane *= c.dims[d];
          ASSERT_EQ(index.n(i), best < 0 ? best : best % plane);
          if (best >= 0) {
            ASSERT_EQ(highest.f(i), x.f(best));
          } else if (is_float_dtype(dtype)) {
            ASSERT_EQ(highest.f(i), -kInf);
          }
        }
      }
    }
  }
}

TEST(GenericReduceWindow, NaNWinsOnce) {
  const Tensor x = Tensor(RLX_DTYPE_F32, {1, 1, 4}).fill({1, kNaN, kNaN, 9});
  Tensor y(RLX_DTYPE_F32, {1, 1, 1}), index(RLX_DTYPE_I64, {1, 1, 1});
  const WindowAttrs attrs = {{4}, {1}, {1}, {0}, {0}};
  const View positions = index;
  ASSERT_TRUE(reduce_window(RLX_REDUCE_MAX, x, attrs, y, &positions, {0, 1}).ok());
  EXPECT_TRUE(std::isnan(y.f(0)));
  EXPECT_EQ(index.n(0), 1);
}

TEST(GenericReduceWindow, RefusesWrongExtentsAndFunctions) {
  const Tensor x(RLX_DTYPE_F32, {1, 1, 4}), flat(RLX_DTYPE_F32, {1, 4});
  Tensor y(RLX_DTYPE_F32, {1, 1, 3}), flat_y(RLX_DTYPE_F32, {1, 3});
  WindowAttrs attrs = {{3}, {1}, {1}, {0}, {0}};
  EXPECT_EQ(reduce_window(RLX_REDUCE_MAX, x, attrs, y, nullptr, whole(y)).status,
            RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(reduce_window(RLX_REDUCE_MAX, flat, attrs, flat_y, nullptr, {0, 3}).status,
            RLX_STATUS_INVALID_ARGUMENT);
  attrs.window[0] = 2;
  EXPECT_TRUE(reduce_window(RLX_REDUCE_MAX, x, attrs, y, nullptr, whole(y)).ok());
  EXPECT_EQ(reduce_window(RLX_REDUCE_MIN, x, attrs, y, nullptr, whole(y)).status, RLX_STATUS_UNSUPPORTED);
  EXPECT_EQ(reduce_window(RLX_REDUCE_PROD, x, attrs, y, nullptr, whole(y)).status, RLX_STATUS_UNSUPPORTED);
  attrs.strides[0] = 0;
  EXPECT_EQ(reduce_window(RLX_REDUCE_MAX, x, attrs, y, nullptr, whole(y)).status,
            RLX_STATUS_INVALID_ARGUMENT);
}

TEST(GenericAvgPool, DividesByElementsOrByBorderToo) {
  for (uint32_t dtype : kFloats) {
    for (const WindowCase& c : window_cases()) {
      for (bool include : {false, true}) {
        const Dims out = pooled(c);
        const Tensor x = Tensor(dtype, c.dims, Layout::kGaps).pattern(1);
        Tensor y(dtype, out);
        run_split(y, y.size(), [&](const View& v, Range r) { return avg_pool(x, c.attrs, include, v, r); });
        for (int64_t i = 0; i < y.size(); ++i) {
          int64_t padded = 0;
          double total = 0;
          const std::vector<int64_t> under = window_elements(c, out, i, &padded);
          for (int64_t p : under) total += x.f(p);
          const int64_t count = include ? padded : int64_t(under.size());
          ASSERT_EQ(y.f(i), count == 0 ? 0 : round_to(dtype, total / double(count)));
        }
      }
    }
  }
}

}  // namespace
}  // namespace rlx_cpu::test
