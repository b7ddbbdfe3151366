// SPDX-License-Identifier: Apache-2.0
// softmax, the norms, attention and rope against their formulas in double.
#include "tensor.h"

namespace rlx_cpu::test {
namespace {

TEST(GenericSoftmax, EveryAxisDtypeAndLayoutAlsoLog) {
  for (uint32_t dtype : kFloats) {
    for (uint32_t axis = 0; axis < 3; ++axis) {
      for (Layout layout : kInputLayouts) {
        const Dims dims = axis == 1 ? Dims{2, 600, 2} : Dims{3, 4, 5};
        const Tensor x = Tensor(dtype, dims, layout).fractions(1);
        int64_t inner = 1;
        for (size_t d = axis + 1; d < 3; ++d) inner *= dims[d];
        for (bool log : {false, true}) {
          Tensor y(dtype, dims, Layout::kGaps);
          run_split(y, line_items(x, axis),
                    [&](const View& v, Range r) { return softmax(x, axis, log, v, r); });
          for (int64_t i = 0; i < y.size(); ++i) {
            const int64_t origin = i / inner / dims[axis] * dims[axis] * inner + i % inner;
            double sum = 0;
            for (int64_t k = 0; k < dims[axis]; ++k) sum += std::exp(x.f(origin + k * inner));
            const double wanted = log ? x.f(i) - std::log(sum) : std::exp(x.f(i)) / sum;
            expect_near(dtype, y.f(i), round_to(dtype, wanted), dtype == RLX_DTYPE_F64 ? 16 : 1);
          }
        }
      }
    }
  }
}

TEST(GenericSoftmax, LargeMaskedAndNaNLines) {
  const Tensor x = Tensor(RLX_DTYPE_F32, {3, 3}).fill({1e38, 1e38, -1e38, -kInf, 0, 0, kNaN, 0, 0});
  Tensor y(RLX_DTYPE_F32, {3, 3});
  ASSERT_TRUE(softmax(x, 1, false, y, {0, 3}).ok());
  const double wanted[] = {0.5, 0.5, 0, 0, 0.5, 0.5};
  for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(y.f(i), wanted[i]);
  EXPECT_TRUE(std::isnan(y.f(6)) && std::isnan(y.f(7)) && std::isnan(y.f(8)));
  const Tensor empty(RLX_DTYPE_F32, {2, 0});
  Tensor none(RLX_DTYPE_F32, {2, 0});
  EXPECT_TRUE(softmax(empty, 1, false, none, {0, 2}).ok());
  EXPECT_EQ(softmax(x, 2, false, y, {0, 3}).status, RLX_STATUS_INVALID_ARGUMENT);
  const Tensor n(RLX_DTYPE_I32, {3, 3});
  Tensor out(RLX_DTYPE_I32, {3, 3});
  EXPECT_EQ(softmax(n, 1, false, out, {0, 3}).status, RLX_STATUS_UNSUPPORTED);
}

TEST(GenericNorm, LayerAndRmsWithResidualParametersAndAxis) {
  for (uint32_t dtype : kFloats) {
    for (uint32_t axis = 0; axis < 3; ++axis) {
      for (Layout layout : kInputLayouts) {
        for (int variant = 0; variant < 4; ++variant) {
          const Dims dims = {2, 3, 200}, inner_dims(dims.begin() + axis, dims.end());
          const bool has_residual = (variant & 1) != 0, rms = (variant & 2) != 0;
          const Tensor x = Tensor(dtype, dims, layout).fractions(1);
          const Tensor residual = Tensor(dtype, dims, Layout::kBroadcast).fractions(2);
          const Tensor gamma = Tensor(dtype, inner_dims, Layout::kGaps).fractions(3);
          const Tensor beta = Tensor(RLX_DTYPE_F32, inner_dims).fractions(4);
          const View xv = x, rv = residual, gv = gamma, bv = beta;
          NormAttrs attrs;
          attrs.axis = axis;
          attrs.eps = 1e-3;
          attrs.gamma_offset = rms ? 1 : 0;
          Tensor y(dtype, dims, Layout::kGaps), sum(dtype, dims);
          run_split({&y, &sum}, norm_items(x, axis), [&](std::vector<Tensor*>& out, Range r) {
            const View total = *out[1];
            const View* res = has_residual ? &rv : nullptr;
            return rms ? rms_norm(xv, res, &gv, attrs, *out[0], &total, r)
                       : layer_norm(xv, res, &gv, &bv, attrs, *out[0], &total, r);
          });
          const int64_t count = gamma.size();
          for (int64_t row = 0; row < norm_items(x, axis); ++row) {
            std::vector<double> s;
            double mean = 0, square = 0;
            for (int64_t i = row * count; i < (row + 1) * count; ++i) {
              s.push_back(round_to(dtype, x.f(i) + (has_residual ? residual.f(i) : 0)));
              ASSERT_EQ(sum.f(i), s.back());
            }
            for (double v : s) mean += v / double(count);
            if (rms) mean = 0;
            for (double v : s) square += (v - mean) * (v - mean) / double(count);
            for (int64_t i = 0; i < count; ++i) {
              const double wanted =
                  (s[size_t(i)] - mean) / std::sqrt(square + 1e-3) * (gamma.f(i) + attrs.gamma_offset) +
                  (rms ? 0 : beta.f(i));
              expect_near(dtype, y.f(row * count + i), round_to(dtype, wanted), 1, 1e-13);
            }
          }
        }
      }
    }
  }
}

TEST(GenericNorm, ParametersMayBeMissingOrOfFullRank) {
  const Tensor x = Tensor(RLX_DTYPE_F32, {2, 4}).fill({1, 2, 3, 4, -1, -1, 1, 1});
  Tensor gamma = Tensor(RLX_DTYPE_F32, {1, 4}).fill({1, 1, 1, 1});
  View full = gamma;
  full.dims[0] = 2;
  full.strides[0] = 0;
  NormAttrs attrs;
  attrs.axis = 1;
  attrs.eps = 0;
  Tensor with(RLX_DTYPE_F32, {2, 4}), without(RLX_DTYPE_F32, {2, 4});
  ASSERT_TRUE(layer_norm(x, nullptr, &full, nullptr, attrs, with, nullptr, {0, 2}).ok());
  ASSERT_TRUE(layer_norm(x, nullptr, nullptr, nullptr, attrs, without, nullptr, {0, 2}).ok());
  EXPECT_EQ(with.contents(), without.contents());
  EXPECT_EQ(with.f(7), 1);
  const Tensor wrong(RLX_DTYPE_F32, {3});
  const View wv = wrong;
  EXPECT_EQ(layer_norm(x, nullptr, &wv, nullptr, attrs, with, nullptr, {0, 2}).status,
            RLX_STATUS_INVALID_ARGUMENT);
  attrs.axis = 2;
  EXPECT_EQ(rms_norm(x, nullptr, nullptr, attrs, with, nullptr, {0, 2}).status, RLX_STATUS_INVALID_ARGUMENT);
}

TEST(GenericNorm, GroupsAndBatchStatistics) {
  for (uint32_t dtype : kFloats) {
    for (Layout layout : kInputLayouts) {
      const Dims dims = {2, 4, 3, 5};
      const Tensor x = Tensor(dtype, dims, layout).fractions(1);
      const Tensor gamma = Tensor(dtype, {4}).fractions(2),
                   beta = Tensor(dtype, {4}, Layout::kReversed).fractions(3);
      const Tensor mean = Tensor(dtype, {4}).fractions(4), var = Tensor(dtype, {4}).fill({0.5, 1, 2, 4});
      Tensor y(dtype, dims, Layout::kGaps);
      run_split(y, 2 * 2, [&](const View& v, Range r) { return group_norm(x, gamma, beta, 2, 1e-3, v, r); });
      for (int64_t i = 0; i < y.size(); ++i) {
        const int64_t origin = i / 30 * 30;
        double m = 0, s = 0;
        for (int64_t k = 0; k < 30; ++k) m += x.f(origin + k) / 30;
        for (int64_t k = 0; k < 30; ++k) s += (x.f(origin + k) - m) * (x.f(origin + k) - m) / 30;
        const int64_t c = i / 15 % 4;
        expect_near(dtype, y.f(i),
                    round_to(dtype, (x.f(i) - m) / std::sqrt(s + 1e-3) * gamma.f(c) + beta.f(c)), 1, 1e-13);
      }
      run_split(y, y.size(),
                [&](const View& v, Range r) { return batch_norm(x, gamma, beta, mean, var, 1, 1e-3, v, r); });
      for (int64_t i = 0; i < y.size(); ++i) {
        const int64_t c = i / 15 % 4;
        const double wanted = (x.f(i) - mean.f(c)) / std::sqrt(var.f(c) + 1e-3) * gamma.f(c) + beta.f(c);
        expect_near(dtype, y.f(i), round_to(dtype, wanted), 1, 1e-13);
      }
      EXPECT_EQ(group_norm(x, gamma, beta, 3, 0, y, {0, 1}).status, RLX_STATUS_INVALID_ARGUMENT);
      EXPECT_EQ(batch_norm(x, gamma, beta, mean, var, 2, 0, y, {0, 1}).status, RLX_STATUS_INVALID_ARGUMENT);
    }
  }
}

struct AttentionCase {
  AttentionAttrs attrs;
  int64_t keys;
};

AttentionCase attention_case(int64_t keys, uint32_t causal, uint32_t mask, double softcap, int64_t left,
                             int64_t right) {
  AttentionCase c;
  c.keys = keys;
  c.attrs.scale = 0.5;
  c.attrs.softcap = softcap;
  c.attrs.causal = causal;
  c.attrs.mask_kind = mask;
  c.attrs.window_left = left;
  c.attrs.window_right = right;
  return c;
}

// As many heads as queries on purpose: a layout mix-up must show.
void check_attention(const AttentionCase& c, uint32_t dtype, Layout layout) {
  const int64_t batch = 2, heads = 4, kv_heads = 2, queries = 4, depth = 6, value_depth = 5;
  const Tensor q = Tensor(dtype, {batch, heads, queries, depth}, layout).fractions(1);
  const Tensor k = Tensor(dtype, {batch, kv_heads, c.keys, depth}, Layout::kGaps).fractions(2);
  const Tensor v = Tensor(dtype, {batch, kv_heads, c.keys, value_depth}, Layout::kReversed).fractions(3);
  const Dims square = {batch, heads, queries, c.keys};
  Tensor mask;
  switch (c.attrs.mask_kind) {
    case RLX_MASK_BOOL:
      mask = Tensor(RLX_DTYPE_BOOL, square, Layout::kBroadcast).pattern(4);
      break;
    case RLX_MASK_BIAS:
      mask = Tensor(dtype, square, Layout::kBroadcast).fractions(4);
      break;
    case RLX_MASK_KEY_BOOL:
      mask = Tensor(RLX_DTYPE_BOOL, {batch, c.keys}).pattern(4);
      break;
    case RLX_MASK_LENGTHS:
      mask = Tensor(RLX_DTYPE_I64, {batch}).fill({0, 3});
      break;
    default:
      break;
  }
  const View mask_view = mask.size() > 0 ? mask.view() : View{};
  Tensor y(dtype, {batch, heads, queries, value_depth}, Layout::kGaps);
  run_split(y, attention_items(q), [&](const View& out, Range r) {
    return attention(q, k, v, c.attrs.mask_kind ? &mask_view : nullptr, c.attrs, out, r);
  });
  for (int64_t row = 0; row < batch * heads * queries; ++row) {
    const int64_t i = row % queries, h = row / queries % heads, b = row / queries / heads;
    const int64_t kv = b * kv_heads + h / 2;
    std::vector<double> sums(size_t(value_depth), 0.0);
    double total = 0;
    for (int64_t j = 0; j < c.keys; ++j) {
      const int64_t diagonal = c.attrs.causal == RLX_CAUSAL_BOTTOM_RIGHT ? i + c.keys - queries : i;
      bool sees = c.attrs.causal == RLX_CAUSAL_NONE || j <= diagonal;
      if (c.attrs.window_left >= 0) sees = sees && diagonal - j <= c.attrs.window_left;
      if (c.attrs.window_right >= 0) sees = sees && j - diagonal <= c.attrs.window_right;
      if (c.attrs.mask_kind == RLX_MASK_BOOL) sees = sees && mask.n(row * c.keys + j);
      if (c.attrs.mask_kind == RLX_MASK_KEY_BOOL) sees = sees && mask.n(b * c.keys + j);
      if (c.attrs.mask_kind == RLX_MASK_LENGTHS) sees = sees && j < mask.n(b);
      if (!sees) continue;
      double score = 0;
      for (int64_t d = 0; d < depth; ++d) score += q.f(row * depth + d) * k.f((kv * c.keys + j) * depth + d);
      score *= 0.5;
      if (c.attrs.softcap != 0) score = c.attrs.softcap * std::tanh(score / c.attrs.softcap);
      if (c.attrs.mask_kind == RLX_MASK_BIAS) score += mask.f(row * c.keys + j);
      total += std::exp(score);
      for (int64_t d = 0; d < value_depth; ++d)
        sums[size_t(d)] += std::exp(score) * v.f((kv * c.keys + j) * value_depth + d);
    }
    for (int64_t d = 0; d < value_depth; ++d) {
      const double wanted = total == 0 ? 0 : sums[size_t(d)] / total;
      expect_near(dtype, y.f(row * value_depth + d), round_to(dtype, wanted), 1, 1e-13);
    }
  }
}

TEST(GenericAttention, MasksWindowsCapsAndGroupedHeads) {
  const AttentionCase cases[] = {
      attention_case(4, RLX_CAUSAL_NONE, RLX_MASK_NONE, 0, -1, -1),
      attention_case(7, RLX_CAUSAL_TOP_LEFT, RLX_MASK_NONE, 0, -1, -1),
      attention_case(7, RLX_CAUSAL_BOTTOM_RIGHT, RLX_MASK_NONE, 2.0, 2, -1),
      attention_case(2, RLX_CAUSAL_BOTTOM_RIGHT, RLX_MASK_NONE, 0, -1, -1),  // the first queries see no key
      attention_case(5, RLX_CAUSAL_NONE, RLX_MASK_BOOL, 0, -1, -1),
      attention_case(5, RLX_CAUSAL_NONE, RLX_MASK_BIAS, 1.5, -1, -1),
      attention_case(5, RLX_CAUSAL_TOP_LEFT, RLX_MASK_KEY_BOOL, 0, -1, -1),
      attention_case(5, RLX_CAUSAL_NONE, RLX_MASK_LENGTHS, 0, -1, -1),  // batch 0 sees no key
      attention_case(6, RLX_CAUSAL_NONE, RLX_MASK_NONE, 0, 1, 2),
      attention_case(0, RLX_CAUSAL_NONE, RLX_MASK_NONE, 0, -1, -1),
  };
  for (uint32_t dtype : kFloats) {
    for (const AttentionCase& c : cases) {
      for (Layout layout : kInputLayouts) check_attention(c, dtype, layout);
    }
  }
}

TEST(GenericAttention, NaNCountsWhereItIsSeenAndNowhereElse) {
  const Tensor q = Tensor(RLX_DTYPE_F32, {1, 1, 2, 1}).fill({1, 1});
  const Tensor k = Tensor(RLX_DTYPE_F32, {1, 1, 2, 1}).fill({2000, 0});  // the second weight underflows
  const Tensor v = Tensor(RLX_DTYPE_F32, {1, 1, 2, 1}).fill({3, kNaN});
  AttentionAttrs attrs;
  attrs.causal = RLX_CAUSAL_TOP_LEFT;
  Tensor y(RLX_DTYPE_F32, {1, 1, 2, 1});
  ASSERT_TRUE(attention(q, k, v, nullptr, attrs, y, {0, 2}).ok());
  EXPECT_EQ(y.f(0), 3);
  EXPECT_TRUE(std::isnan(y.f(1)));
}

TEST(GenericAttention, RefusesShapesThatDoNotFit) {
  const Tensor q(RLX_DTYPE_F32, {1, 4, 2, 3}), k(RLX_DTYPE_F32, {1, 2, 5, 3}), v(RLX_DTYPE_F32, {1, 2, 5, 3});
  const Tensor odd(RLX_DTYPE_F32, {1, 3, 5, 3}), mask(RLX_DTYPE_F32, {1, 4, 2, 5});
  Tensor y(RLX_DTYPE_F32, {1, 4, 2, 3});
  AttentionAttrs attrs;
  EXPECT_TRUE(attention(q, k, v, nullptr, attrs, y, {0, 8}).ok());
  EXPECT_EQ(attention(q, odd, odd, nullptr, attrs, y, {0, 8}).status, RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(attention(q, k, odd, nullptr, attrs, y, {0, 8}).status, RLX_STATUS_INVALID_ARGUMENT);
  attrs.mask_kind = RLX_MASK_BOOL;
  const View floats = mask;
  EXPECT_EQ(attention(q, k, v, nullptr, attrs, y, {0, 8}).status, RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(attention(q, k, v, &floats, attrs, y, {0, 8}).status, RLX_STATUS_INVALID_ARGUMENT);
  attrs.mask_kind = 99;
  EXPECT_EQ(attention(q, k, v, &floats, attrs, y, {0, 8}).status, RLX_STATUS_UNSUPPORTED);
}

TEST(GenericRope, HalvesInterleavedPartialAndPositions) {
  const Dims dims = {2, 3, 4, 8};
  for (uint32_t dtype : kFloats) {
    for (Layout layout : kInputLayouts) {
      for (int variant = 0; variant < 8; ++variant) {
        RopeAttrs attrs;
        attrs.interleaved = (variant & 1) != 0;
        attrs.rotary_dims = (variant & 2) != 0 ? 4 : 0;
        const bool positioned = (variant & 4) != 0;
        const int64_t half = attrs.rotary_dims == 0 ? 4 : 2;
        const Tensor x = Tensor(dtype, dims, layout).fractions(1);
        const Tensor cos = Tensor(dtype, {6, half}).fractions(2),
                     sin = Tensor(dtype, {6, half}, Layout::kGaps).fractions(3);
        const Tensor positions = Tensor(RLX_DTYPE_I64, {2, 4}).pattern(4, 0, 6);
        const View where = positions;
        Tensor y(dtype, dims, Layout::kReversed);
        run_split(y, rope_items(x), [&](const View& v, Range r) {
          return rope(x, cos, sin, positioned ? &where : nullptr, attrs, v, r);
        });
        for (int64_t i = 0; i < y.size(); ++i) {
          const int64_t d = i % 8, row = i - d, s = i / 8 % 4, b = i / 96;
          const int64_t p = positioned ? positions.n(b * 4 + s) : s;
          double wanted = x.f(i);
          if (d < 2 * half) {
            const int64_t pair = attrs.interleaved ? d / 2 : d % half;
            const bool second = attrs.interleaved ? d % 2 == 1 : d >= half;
            const double first_x = x.f(row + (attrs.interleaved ? 2 * pair : pair));
            const double second_x = x.f(row + (attrs.interleaved ? 2 * pair + 1 : pair + half));
            const double c = cos.f(p * half + pair), n = sin.f(p * half + pair);
            wanted = second ? first_x * n + second_x * c : first_x * c - second_x * n;
          }
          expect_near(dtype, y.f(i), round_to(dtype, wanted), 1, 1e-15);
        }
      }
    }
  }
}

TEST(GenericRope, TablesPerBatchAndPositionsOutsideTheTable) {
  const Tensor x = Tensor(RLX_DTYPE_F64, {2, 1, 3, 2}).fractions(1);
  const Tensor cos = Tensor(RLX_DTYPE_F64, {2, 3, 1}).fractions(2),
               sin = Tensor(RLX_DTYPE_F64, {2, 3, 1}).fractions(3);
  Tensor y(RLX_DTYPE_F64, {2, 1, 3, 2});
  ASSERT_TRUE(rope(x, cos, sin, nullptr, {}, y, {0, 6}).ok());
  for (int64_t row = 0; row < 6; ++row)
    EXPECT_EQ(y.f(2 * row), x.f(2 * row) * cos.f(row) - x.f(2 * row + 1) * sin.f(row));
  const Tensor table(RLX_DTYPE_F64, {5, 1});
  for (double bad : {5.0, -1.0}) {
    const Tensor positions = Tensor(RLX_DTYPE_I64, {2, 3}).fill({0, 1, 4, 2, bad, 0});
    const View where = positions;
    const KernelStatus status = rope(x, table, table, &where, {}, y, {0, 6});
    EXPECT_EQ(status.status, RLX_STATUS_DATA_ERROR);
    EXPECT_EQ(status.index, 4);
    EXPECT_EQ(status.value, int64_t(bad));
    EXPECT_EQ(status.limit, 5);
    EXPECT_EQ(rope(x, table, table, &where, {}, y, {0, 1}).index, 4) << "any range reports the same";
  }
  const Tensor short_table(RLX_DTYPE_F64, {2, 1});
  EXPECT_EQ(rope(x, short_table, short_table, nullptr, {}, y, {0, 1}).status, RLX_STATUS_DATA_ERROR);
  const Tensor wide(RLX_DTYPE_F64, {5, 2});
  EXPECT_EQ(rope(x, wide, wide, nullptr, {}, y, {0, 6}).status, RLX_STATUS_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace rlx_cpu::test
