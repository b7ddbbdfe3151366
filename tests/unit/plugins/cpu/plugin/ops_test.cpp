// SPDX-License-Identifier: Apache-2.0
// Ops end to end: strided operands, packed products, step lists, rows, attention, control flow.
#include <cmath>
#include <functional>

#include "image_maker.h"
#include "plugin_host.h"

namespace rlx_test {
namespace {

using rlx::Dim;

std::vector<float> ramp(size_t n, float step = 0.37f) {
  std::vector<float> values(n);
  for (size_t i = 0; i < n; ++i) values[i] = std::fmod(step * float(i + 1), 2.1f) - 1;
  return values;
}

void expect_near(const std::vector<float>& seen, const std::vector<double>& wanted, double tolerance = 1e-4) {
  ASSERT_EQ(seen.size(), wanted.size());
  for (size_t i = 0; i < seen.size(); ++i) ASSERT_NEAR(seen[i], wanted[i], tolerance) << i;
}

TEST(Ops, CopyReadsAnyStrides) {
  ImageMaker m;
  const auto x = m.input("x", DType::kI16, {2, 3});
  const auto transposed = m.view(x, {3, 2}, {1, 3});
  const auto spread = m.view(x, {2, 3}, {0, -1}, 4);
  const auto a = m.output("a", DType::kI16, {3, 2}), b = m.output("b", DType::kI16, {2, 3});
  m.op(RLX_OP_COPY, {transposed}, {a});
  m.op(RLX_OP_COPY, {spread}, {b});
  Device device;
  const auto out = run_once(device, m.image(), {tensor<int16_t>(RLX_DTYPE_I16, {2, 3}, {1, 2, 3, 4, 5, 6})},
                            {empty_like(RLX_DTYPE_I16, {3, 2}), empty_like(RLX_DTYPE_I16, {2, 3})});
  EXPECT_EQ(out[0].values<int16_t>(), (std::vector<int16_t>{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(out[1].values<int16_t>(), (std::vector<int16_t>{3, 2, 1, 3, 2, 1}));
}

TEST(Ops, BinaryBroadcastsBothSides) {
  ImageMaker m;
  const auto a = m.input("a", DType::kI32, {2, 1}), b = m.input("b", DType::kI32, {1, 3});
  const auto y = m.output("y", DType::kI32, {2, 3});
  m.op(RLX_OP_BINARY, {a, b}, {y}, {{RLX_ATTR_FN, Dim(RLX_BINARY_SUB)}});
  Device device;
  const auto out = run_once(
      device, m.image(),
      {tensor<int32_t>(RLX_DTYPE_I32, {2, 1}, {10, 20}), tensor<int32_t>(RLX_DTYPE_I32, {1, 3}, {1, 2, 3})},
      {empty_like(RLX_DTYPE_I32, {2, 3})});
  EXPECT_EQ(out[0].values<int32_t>(), (std::vector<int32_t>{9, 8, 7, 19, 18, 17}));
}

struct LinearCase {
  int rows;
  bool strided_x;
  uint32_t layout;
};
class Linear : public ::testing::TestWithParam<LinearCase> {};

/// Two parts of unlike widths, alphas, biases, gelu; x dense or every second row, weights computed or given.
TEST_P(Linear, PartsAlphasBiasesAndActivation) {
  const LinearCase p = GetParam();
  const int k = 19, n[2] = {5, 33};
  ImageMaker m;
  const int stored = p.strided_x ? 2 * p.rows : p.rows;
  auto x = m.input("x", DType::kF32, {stored, k});
  if (p.strided_x) x = m.view(x, {p.rows, k}, {2 * k, 1});
  std::vector<uint32_t> operands = {x}, results;
  std::vector<Tensor> inputs = {f32({stored, k}, ramp(size_t(stored * k)))}, outputs;
  for (int part = 0; part < 2; ++part) {
    const bool kn = p.layout == RLX_W_LAYOUT_KN;
    operands.push_back(
        m.input("w" + std::to_string(part), DType::kF32, kn ? Dims{k, n[part]} : Dims{n[part], k}));
    inputs.push_back(f32(kn ? std::vector<int64_t>{k, n[part]} : std::vector<int64_t>{n[part], k},
                         ramp(size_t(k * n[part]), 0.61f)));
  }
  for (int part = 0; part < 2; ++part) {
    operands.push_back(m.input("b" + std::to_string(part), DType::kF32, {n[part]}));
    inputs.push_back(f32({n[part]}, ramp(size_t(n[part]), 0.23f)));
    results.push_back(m.output("y" + std::to_string(part), DType::kF32, {p.rows, n[part]}));
    outputs.push_back(empty_like(RLX_DTYPE_F32, {p.rows, n[part]}));
  }
  m.op(RLX_OP_LINEAR, operands, results,
       {{RLX_ATTR_PARTS, Dim(2)},
        {RLX_ATTR_W_LAYOUT, Dim(p.layout)},
        {RLX_ATTR_HAS_BIAS, Dim(1)},
        {RLX_ATTR_ALPHAS, std::vector<double>{2, 0.5}},
        {RLX_ATTR_ACT, Dim(RLX_ACT_GELU_ERF)}});
  Device device(2);
  const auto out = run_once(device, m.image(), inputs, outputs);
  const auto xv = inputs[0].values<float>();
  for (int part = 0; part < 2; ++part) {
    const auto w = inputs[size_t(1 + part)].values<float>(), b = inputs[size_t(3 + part)].values<float>();
    std::vector<double> wanted;
    for (int r = 0; r < p.rows; ++r) {
      for (int c = 0; c < n[part]; ++c) {
        double sum = 0;
        for (int i = 0; i < k; ++i)
          sum += double(xv[size_t((p.strided_x ? 2 * r : r) * k + i)]) *
                 double(w[size_t(p.layout == RLX_W_LAYOUT_KN ? i * n[part] + c : c * k + i)]);
        sum = sum * (part == 0 ? 2 : 0.5) + double(b[size_t(c)]);
        wanted.push_back(0.5 * sum * (1 + std::erf(sum * std::sqrt(0.5))));
      }
    }
    expect_near(out[size_t(part)].values<float>(), wanted);
  }
}
INSTANTIATE_TEST_SUITE_P(Shapes, Linear,
                         ::testing::Values(LinearCase{1, false, 0}, LinearCase{7, true, 0},
                                           LinearCase{64, false, 1}, LinearCase{65, true, 1}));

TEST(Ops, LinearAddsItsResidualLast) {
  ImageMaker m;
  const auto x = m.input("x", DType::kF32, {2, 2}), w = m.input("w", DType::kF32, {2, 2}),
             r = m.input("r", DType::kF32, {2, 2});
  const auto y = m.output("y", DType::kF32, {2, 2});
  m.op(RLX_OP_LINEAR, {x, w, r}, {y},
       {{RLX_ATTR_PARTS, Dim(1)}, {RLX_ATTR_HAS_RESIDUAL, Dim(1)}, {RLX_ATTR_ACT, Dim(RLX_ACT_RELU)}});
  Device device;
  const auto out =
      run_once(device, m.image(),
               {f32({2, 2}, {1, -1, 2, 0}), f32({2, 2}, {1, 0, 0, 1}), f32({2, 2}, {10, 20, 30, 40})},
               {empty_like(RLX_DTYPE_F32, {2, 2})});
  EXPECT_EQ(out[0].values<float>(), (std::vector<float>{11, 20, 32, 40}));
}

TEST(Ops, DotWithABatchAndTransposedOperands) {
  const int batch = 3, rows = 5, k = 7, columns = 18;
  ImageMaker m;
  const auto a = m.input("a", DType::kF32, {batch, k, rows}),
             b = m.input("b", DType::kF32, {batch, columns, k});
  const auto y = m.output("y", DType::kF32, {batch, rows, columns});
  m.op(RLX_OP_DOT, {a, b}, {y},
       {{RLX_ATTR_CONTRACT_A, Dims{1}},
        {RLX_ATTR_CONTRACT_B, Dims{2}},
        {RLX_ATTR_BATCH_A, Dims{0}},
        {RLX_ATTR_BATCH_B, Dims{0}}});
  Device device(2);
  const auto av = ramp(batch * k * rows), bv = ramp(batch * columns * k, 0.77f);
  const auto out = run_once(device, m.image(), {f32({batch, k, rows}, av), f32({batch, columns, k}, bv)},
                            {empty_like(RLX_DTYPE_F32, {batch, rows, columns})});
  std::vector<double> wanted;
  for (int i = 0; i < batch; ++i) {
    for (int r = 0; r < rows; ++r) {
      for (int c = 0; c < columns; ++c) {
        double sum = 0;
        for (int j = 0; j < k; ++j)
          sum += double(av[size_t((i * k + j) * rows + r)]) * double(bv[size_t((i * columns + c) * k + j)]);
        wanted.push_back(sum);
      }
    }
  }
  expect_near(out[0].values<float>(), wanted);
}

TEST(Ops, IntegerDotIsExact) {
  ImageMaker m;
  const auto a = m.input("a", DType::kI8, {2, 2}), b = m.input("b", DType::kU8, {2, 1});
  const auto y = m.output("y", DType::kI32, {2, 1});
  m.op(RLX_OP_DOT, {a, b}, {y}, {{RLX_ATTR_CONTRACT_A, Dims{1}}, {RLX_ATTR_CONTRACT_B, Dims{0}}});
  Device device;
  const auto out = run_once(device, m.image(),
                            {tensor<int8_t>(RLX_DTYPE_I8, {2, 2}, {-128, 127, 1, -1}),
                             tensor<uint8_t>(RLX_DTYPE_U8, {2, 1}, {255, 254})},
                            {empty_like(RLX_DTYPE_I32, {2, 1})});
  EXPECT_EQ(out[0].values<int32_t>(), (std::vector<int32_t>{-128 * 255 + 127 * 254, 1}));
}

TEST(Ops, ElementwiseRunsItsRegion) {
  // y0 = exp(a + b), y1 = (a > 0.5) ? a : 2a, a [2, 3], b [3]; the half is a constant of the region.
  ImageMaker m;
  const auto a = m.input("a", DType::kF32, {2, 3}), b = m.input("b", DType::kF32, {1, 3});
  const auto pa = m.inner(DType::kF32, {2, 3}), pb = m.inner(DType::kF32, {1, 3});
  const auto sum = m.inner(DType::kF32, {2, 3}), e = m.inner(DType::kF32, {2, 3}),
             twice = m.inner(DType::kF32, {2, 3}), chosen = m.inner(DType::kF32, {2, 3});
  const auto above = m.inner(DType::kBool, {2, 3});
  const auto half = m.view(m.scalar(0.5f), {1, 1}, {0, 0});
  const auto y0 = m.output("y0", DType::kF32, {2, 3}), y1 = m.output("y1", DType::kF32, {2, 3});
  const auto region = m.region({pa, pb});
  m.op(RLX_OP_BINARY, {pa, pb}, {sum}, {{RLX_ATTR_FN, Dim(RLX_BINARY_ADD)}}, {}, region);
  m.op(RLX_OP_UNARY, {sum}, {e}, {{RLX_ATTR_FN, Dim(RLX_UNARY_EXP)}}, {}, region);
  m.op(RLX_OP_COMPARE, {pa, half}, {above}, {{RLX_ATTR_FN, Dim(RLX_COMPARE_GT)}}, {}, region);
  m.op(RLX_OP_BINARY, {pa, pa}, {twice}, {{RLX_ATTR_FN, Dim(RLX_BINARY_ADD)}}, {}, region);
  m.op(RLX_OP_SELECT, {above, pa, twice}, {chosen}, {}, {}, region);
  m.results(region, {e, chosen});
  m.op(RLX_OP_ELEMENTWISE, {a, b}, {y0, y1}, {}, {region});
  Device device;
  const auto av = ramp(6);
  const auto out = run_once(device, m.image(), {f32({2, 3}, av), f32({1, 3}, {1, 2, 3})},
                            {empty_like(RLX_DTYPE_F32, {2, 3}), empty_like(RLX_DTYPE_F32, {2, 3})});
  std::vector<double> w0, w1;
  for (size_t i = 0; i < 6; ++i) {
    w0.push_back(std::exp(double(av[i]) + double(i % 3) + 1));
    w1.push_back(av[i] > 0.5f ? double(av[i]) : 2 * double(av[i]));
  }
  expect_near(out[0].values<float>(), w0, 1e-4);
  expect_near(out[1].values<float>(), w1);
}

TEST(Ops, NormsGiveBothResults) {
  const int rows = 9, n = 37;
  ImageMaker m;
  const auto x = m.input("x", DType::kF32, {rows, n}), r = m.input("r", DType::kF32, {rows, n});
  const auto g = m.input("g", DType::kF32, {n}), b = m.input("b", DType::kF32, {n});
  const auto y = m.output("y", DType::kF32, {rows, n}), sum = m.output("sum", DType::kF32, {rows, n});
  m.op(RLX_OP_LAYER_NORM, {x, r, g, b}, {y, sum},
       {{RLX_ATTR_AXIS, Dim(1)}, {RLX_ATTR_EPS, 1e-3}, {RLX_ATTR_HAS_RESIDUAL, Dim(1)}});
  Device device(2);
  const auto xv = ramp(rows * n), rv = ramp(rows * n, 0.91f), gv = ramp(n, 0.5f), bv = ramp(n, 0.3f);
  const auto out =
      run_once(device, m.image(), {f32({rows, n}, xv), f32({rows, n}, rv), f32({n}, gv), f32({n}, bv)},
               {empty_like(RLX_DTYPE_F32, {rows, n}), empty_like(RLX_DTYPE_F32, {rows, n})});
  std::vector<double> wanted, sums;
  for (int i = 0; i < rows; ++i) {
    double mean = 0, variance = 0;
    const auto z = [&](int k) { return double(xv[size_t(i * n + k)]) + double(rv[size_t(i * n + k)]); };
    for (int k = 0; k < n; ++k) mean += z(k) / n;
    for (int k = 0; k < n; ++k) variance += (z(k) - mean) * (z(k) - mean) / n;
    for (int k = 0; k < n; ++k)
      sums.push_back(z(k)),
          wanted.push_back((z(k) - mean) / std::sqrt(variance + 1e-3) * double(gv[size_t(k)]) +
                           double(bv[size_t(k)]));
  }
  expect_near(out[0].values<float>(), wanted);
  expect_near(out[1].values<float>(), sums);
}

TEST(Ops, SoftmaxOfAMiddleAxisAndOfRows) {
  for (const int axis : {1, 2}) {
    ImageMaker m;
    const auto x = m.input("x", DType::kF32, {2, 3, 5});
    const auto y = m.output("y", DType::kF32, {2, 3, 5});
    m.op(RLX_OP_SOFTMAX, {x}, {y}, {{RLX_ATTR_AXIS, Dim(axis)}});
    Device device;
    const auto xv = ramp(30);
    const auto out =
        run_once(device, m.image(), {f32({2, 3, 5}, xv)}, {empty_like(RLX_DTYPE_F32, {2, 3, 5})});
    std::vector<double> wanted(30);
    const int size = axis == 1 ? 3 : 5, stride = axis == 1 ? 5 : 1;
    for (int i = 0; i < 30; ++i) {
      const int first = i - i / stride % size * stride;
      double sum = 0;
      for (int k = 0; k < size; ++k) sum += std::exp(double(xv[size_t(first + k * stride)]));
      wanted[size_t(i)] = std::exp(double(xv[size_t(i)])) / sum;
    }
    expect_near(out[0].values<float>(), wanted, 1e-6);
  }
}

/// Heads of one [B, S, 3, H, D] buffer by strides, keys cut by lengths.
TEST(Ops, AttentionOverStridedHeadsWithLengths) {
  const int batch = 2, heads = 3, seq = 21, d = 8, token = 3 * heads * d;
  ImageMaker m;
  const auto qkv = m.input("qkv", DType::kF32, {batch, seq, token});
  const auto lengths = m.input("lengths", DType::kI64, {batch});
  const auto part = [&](int which) {
    return m.view(qkv, {batch, heads, seq, d}, {seq * token, d, token, 1}, int64_t(which) * heads * d * 4);
  };
  const auto y = m.output("y", DType::kF32, {batch, heads, seq, d});
  m.op(RLX_OP_ATTENTION, {part(0), part(1), part(2), lengths}, {y},
       {{RLX_ATTR_SCALE, 0.7}, {RLX_ATTR_MASK_KIND, Dim(RLX_MASK_LENGTHS)}});
  Device device(2);
  const auto values = ramp(size_t(batch * seq * token));
  const std::vector<int64_t> lens = {21, 4};
  const auto out =
      run_once(device, m.image(), {f32({batch, seq, token}, values), tensor(RLX_DTYPE_I64, {batch}, lens)},
               {empty_like(RLX_DTYPE_F32, {batch, heads, seq, d})});
  const auto at = [&](int which, int b, int s, int h, int i) {
    return double(values[size_t((b * seq + s) * token + (which * heads + h) * d + i)]);
  };
  std::vector<double> wanted;
  for (int b = 0; b < batch; ++b) {
    for (int h = 0; h < heads; ++h) {
      for (int s = 0; s < seq; ++s) {
        std::vector<double> weights;
        double total = 0;
        for (int k = 0; k < lens[size_t(b)]; ++k) {
          double score = 0;
          for (int i = 0; i < d; ++i) score += at(0, b, s, h, i) * at(1, b, k, h, i);
          weights.push_back(std::exp(0.7 * score));
          total += weights.back();
        }
        for (int i = 0; i < d; ++i) {
          double sum = 0;
          for (size_t k = 0; k < weights.size(); ++k) sum += weights[k] / total * at(2, b, int(k), h, i);
          wanted.push_back(sum);
        }
      }
    }
  }
  expect_near(out[0].values<float>(), wanted, 1e-5);
}

TEST(Ops, ConvolutionsOfOneAndTwoAxes) {
  for (const int spatial : {1, 2}) {
    ImageMaker m;
    const Dims xd = spatial == 1 ? Dims{2, 4, 9} : Dims{2, 4, 6, 9},
               wd = spatial == 1 ? Dims{6, 2, 3} : Dims{6, 2, 2, 3};
    const Dims yd = spatial == 1 ? Dims{2, 6, 5} : Dims{2, 6, 3, 5};
    const auto x = m.input("x", DType::kF32, xd), w = m.input("w", DType::kF32, wd),
               b = m.input("b", DType::kF32, {6});
    const auto y = m.output("y", DType::kF32, yd);
    const Dims strides = spatial == 1 ? Dims{2} : Dims{2, 2}, low = spatial == 1 ? Dims{1} : Dims{0, 1},
               high = spatial == 1 ? Dims{1} : Dims{0, 1};
    m.op(RLX_OP_CONV_ACT, {x, w, b}, {y},
         {{RLX_ATTR_STRIDES, strides},
          {RLX_ATTR_LOW, low},
          {RLX_ATTR_HIGH, high},
          {RLX_ATTR_GROUPS, Dim(2)},
          {RLX_ATTR_HAS_BIAS, Dim(1)},
          {RLX_ATTR_ACT, Dim(RLX_ACT_RELU)}});
    const int h = spatial == 1 ? 1 : 6, kh = spatial == 1 ? 1 : 2, oh = spatial == 1 ? 1 : 3;
    const auto xv = ramp(size_t(2 * 4 * h * 9)), wv = ramp(size_t(6 * 2 * kh * 3), 0.71f), bv = ramp(6, 0.4f);
    const auto sizes = [](const Dims& dims) {
      std::vector<int64_t> numbers;
      for (const Dim& dim : dims) numbers.push_back(dim.number());
      return numbers;
    };
    Device device(2);
    const auto out = run_once(device, m.image(), {f32(sizes(xd), xv), f32(sizes(wd), wv), f32({6}, bv)},
                              {empty_like(RLX_DTYPE_F32, sizes(yd))});
    std::vector<double> wanted;
    for (int n = 0; n < 2; ++n) {
      for (int o = 0; o < 6; ++o) {
        for (int r = 0; r < oh; ++r) {
          for (int c = 0; c < 5; ++c) {
            double sum = double(bv[size_t(o)]);
            for (int i = 0; i < 2; ++i) {
              for (int a = 0; a < kh; ++a) {
                for (int e = 0; e < 3; ++e) {
                  const int row = r * 2 + a, column = c * 2 + e - 1;
                  if (column < 0 || column >= 9) continue;
                  sum += double(xv[size_t(((n * 4 + o / 3 * 2 + i) * h + row) * 9 + column)]) *
                         double(wv[size_t(((o * 2 + i) * kh + a) * 3 + e)]);
                }
              }
            }
            wanted.push_back(sum > 0 ? sum : 0);
          }
        }
      }
    }
    expect_near(out[0].values<float>(), wanted);
  }
}

/// Word ids [2, 3] and position ids [3] over tables of two rows and three.
TEST(Ops, EmbedNormSumsRowsOfTables) {
  const int width = 5;
  for (const bool bad : {false, true}) {
    ImageMaker m;
    const auto words = m.input("words", DType::kI64, {2, 3}), places = m.input("places", DType::kI64, {3});
    const auto a = m.input("a", DType::kF32, {2, width}), b = m.input("b", DType::kF32, {3, width});
    const auto g = m.input("g", DType::kF32, {width}), s = m.input("s", DType::kF32, {width});
    const auto y = m.output("y", DType::kF32, {2, 3, width});
    m.op(RLX_OP_EMBED_NORM, {words, places, a, b, g, s}, {y}, {{RLX_ATTR_PARTS, Dim(2)}, {RLX_ATTR_EPS, 1e-3}});
    const std::vector<int64_t> ids = {0, 1, 1, 1, 0, bad ? 2 : 0}, at = {2, 0, 1};
    const auto av = ramp(2 * width), bv = ramp(3 * width, 0.83f), gv = ramp(width, 0.5f), sv = ramp(width, 0.3f);
    Device device(2);
    Executable executable(device, m.image());
    ASSERT_EQ(executable.status(), RLX_STATUS_OK) << executable.error().message;
    Context context(executable);
    std::vector<Tensor> in = {tensor(RLX_DTYPE_I64, {2, 3}, ids), tensor(RLX_DTYPE_I64, {3}, at), f32({2, width}, av),
                              f32({3, width}, bv), f32({width}, gv), f32({width}, sv)};
    Tensor out = empty_like(RLX_DTYPE_F32, {2, 3, width});
    std::vector<rlx_view> views;
    for (Tensor& t : in) views.push_back(t.view());
    const rlx_view target = out.view();
    const int32_t status = context.run(nullptr, views, {&target, 1});
    if (bad) {
      EXPECT_EQ(status, RLX_STATUS_DATA_ERROR);
      EXPECT_NE(context.message().find("value 2 at position 5"), std::string::npos) << context.message();
      continue;
    }
    ASSERT_EQ(status, RLX_STATUS_OK) << context.message();
    std::vector<double> wanted;
    for (size_t row = 0; row < 6; ++row) {
      double mean = 0, variance = 0;
      const auto z = [&](size_t i) {
        return double(av[size_t(ids[row]) * width + i]) + double(bv[size_t(at[row % 3]) * width + i]);
      };
      for (size_t i = 0; i < width; ++i) mean += z(i) / width;
      for (size_t i = 0; i < width; ++i) variance += (z(i) - mean) * (z(i) - mean) / width;
      for (size_t i = 0; i < width; ++i)
        wanted.push_back((z(i) - mean) / std::sqrt(variance + 1e-3) * double(gv[i]) + double(sv[i]));
    }
    expect_near(out.values<float>(), wanted);
  }
}

TEST(Ops, ConcatPutsPartsOneAfterTheOther) {
  ImageMaker m;
  const auto a = m.input("a", DType::kU8, {2, 1}), b = m.input("b", DType::kU8, {2, 2});
  const auto y = m.output("y", DType::kU8, {2, 4});
  m.op(RLX_OP_CONCAT, {a, b, m.view(a, {2, 1}, {1, 1})}, {y}, {{RLX_ATTR_AXIS, Dim(1)}});
  Device device;
  const auto out = run_once(
      device, m.image(),
      {tensor<uint8_t>(RLX_DTYPE_U8, {2, 1}, {1, 2}), tensor<uint8_t>(RLX_DTYPE_U8, {2, 2}, {3, 4, 5, 6})},
      {empty_like(RLX_DTYPE_U8, {2, 4})});
  EXPECT_EQ(out[0].values<uint8_t>(), (std::vector<uint8_t>{1, 3, 4, 1, 2, 5, 6, 2}));
}

rlx::lir::Image choose() {
  ImageMaker m;
  const auto p = m.input("p", DType::kBool, {}), x = m.input("x", DType::kF32, {3});
  const auto y = m.output("y", DType::kF32, {3});
  std::vector<uint32_t> regions;
  for (const uint32_t fn : {RLX_UNARY_NEG, RLX_UNARY_ABS}) {
    const auto pp = m.inner(DType::kBool, {}), px = m.inner(DType::kF32, {3}), r = m.inner(DType::kF32, {3});
    regions.push_back(m.region({pp, px}));
    m.op(RLX_OP_UNARY, {px}, {r}, {{RLX_ATTR_FN, Dim(fn)}}, {}, regions.back());
    m.results(regions.back(), {r});
  }
  m.op(RLX_OP_IF, {p, x}, {y}, {}, regions);
  return m.image();
}

TEST(Ops, IfRunsOneRegion) {
  Device device(2);
  for (const uint8_t which : {0, 1}) {
    const auto out =
        run_once(device, choose(), {tensor<uint8_t>(RLX_DTYPE_BOOL, {}, {which}), f32({3}, {1, -2, 3})},
                 {empty_like(RLX_DTYPE_F32, {3})});
    EXPECT_EQ(out[0].values<float>(),
              which ? (std::vector<float>{-1, 2, -3}) : (std::vector<float>{1, 2, 3}));
  }
}

/// Fibonacci: (i, a, b) -> (i + 1, b, a + b) while i < n. The swap shows whether carried values are
/// overwritten too early.
TEST(Ops, WhileCarriesValues) {
  ImageMaker m;
  const int64_t one = 1;
  const auto n = m.input("n", DType::kI64, {}), i0 = m.input("i", DType::kI64, {}),
             a0 = m.input("a", DType::kI64, {}), b0 = m.input("b", DType::kI64, {});
  std::vector<uint32_t> results, carried = {n, i0, a0, b0};
  for (const char* name : {"rn", "ri", "ra", "rb"}) results.push_back(m.output(name, DType::kI64, {}));
  const auto params = [&] {
    return std::vector<uint32_t>{m.inner(DType::kI64, {}), m.inner(DType::kI64, {}), m.inner(DType::kI64, {}),
                                 m.inner(DType::kI64, {})};
  };
  const auto c = params(), b = params();
  const auto more = m.inner(DType::kBool, {}), next = m.inner(DType::kI64, {}),
             sum = m.inner(DType::kI64, {});
  const auto constant = m.constant(DType::kI64, {}, &one, sizeof one);
  const auto condition = m.region(c), body = m.region(b);
  m.op(RLX_OP_COMPARE, {c[1], c[0]}, {more}, {{RLX_ATTR_FN, Dim(RLX_COMPARE_LT)}}, {}, condition);
  m.results(condition, {more});
  m.op(RLX_OP_BINARY, {b[1], constant}, {next}, {{RLX_ATTR_FN, Dim(RLX_BINARY_ADD)}}, {}, body);
  m.op(RLX_OP_BINARY, {b[2], b[3]}, {sum}, {{RLX_ATTR_FN, Dim(RLX_BINARY_ADD)}}, {}, body);
  m.results(body, {b[0], next, b[3], sum});
  m.op(RLX_OP_WHILE, carried, results, {}, {condition, body});
  const auto scalar = [](int64_t value) { return tensor<int64_t>(RLX_DTYPE_I64, {}, {value}); };
  for (const uint32_t threads : {0u, 3u}) {
    Device device(threads);
    for (const auto& [steps, fib] :
         {std::pair<int64_t, int64_t>{0, 0}, {1, 1}, {10, 55}, {60, 1548008755920}}) {
      const auto out = run_once(device, m.image(), {scalar(steps), scalar(0), scalar(0), scalar(1)},
                                std::vector<Tensor>(4, empty_like(RLX_DTYPE_I64, {})));
      EXPECT_EQ(out[2].values<int64_t>()[0], fib);
      EXPECT_EQ(out[1].values<int64_t>()[0], steps);
    }
  }
}

}  // namespace
}  // namespace rlx_test
