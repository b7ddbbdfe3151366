// SPDX-License-Identifier: Apache-2.0
// arg_reduce, cumulate, top_k, nonzero.
#include <algorithm>
#include <numeric>

#include "tensor.h"

namespace rlx_cpu::test {
namespace {

// Flat position of element i of line `line` along `axis`.
int64_t on_line(const Dims& dims, uint32_t axis, int64_t line, int64_t i) {
  int64_t inner = 1;
  for (size_t d = axis + 1; d < dims.size(); ++d) inner *= dims[d];
  return (line / inner * dims[axis] + i) * inner + line % inner;
}

TEST(GenericArgReduce, EveryDtypeAxisTieAndLayout) {
  for (uint32_t dtype : kAll) {
    for (uint32_t axis = 0; axis < 3; ++axis) {
      for (Layout layout : kInputLayouts) {
        const Dims dims = {3, 600, 2};
        const Tensor x = Tensor(dtype, dims, layout).pattern(1);
        Dims out = dims;
        out[axis] = 1;
        for (uint32_t fn : {RLX_REDUCE_MAX, RLX_REDUCE_MIN}) {
          for (uint32_t tie : {RLX_TIE_FIRST, RLX_TIE_LAST}) {
            Tensor y(RLX_DTYPE_I64, out, Layout::kGaps);
            run_split(y, y.size(),
                      [&](const View& v, Range r) { return arg_reduce(fn, axis, tie, x, v, r); });
            for (int64_t line = 0; line < y.size(); ++line) {
              int64_t best = 0;
              for (int64_t i = 1; i < dims[axis]; ++i) {
                const double a = x.f(on_line(dims, axis, line, i)), b = x.f(on_line(dims, axis, line, best));
                if ((fn == RLX_REDUCE_MAX ? a > b : a < b) || (tie == RLX_TIE_LAST && a == b)) best = i;
              }
              ASSERT_EQ(y.n(line), best) << dtype << " axis " << axis << " fn " << fn << " tie " << tie;
            }
          }
        }
      }
    }
  }
}

TEST(GenericArgReduce, NaNsTieAndEmptyIsZero) {
  const Tensor x = Tensor(RLX_DTYPE_F32, {5}).fill({1, kNaN, 9, kNaN, -9});
  Tensor y(RLX_DTYPE_I64, {});
  for (uint32_t fn : {RLX_REDUCE_MAX, RLX_REDUCE_MIN}) {
    ASSERT_TRUE(arg_reduce(fn, 0, RLX_TIE_FIRST, x, y, {0, 1}).ok());
    EXPECT_EQ(y.n(0), 1);
    ASSERT_TRUE(arg_reduce(fn, 0, RLX_TIE_LAST, x, y, {0, 1}).ok());
    EXPECT_EQ(y.n(0), 3);
    ASSERT_TRUE(arg_reduce(fn, 0, RLX_TIE_FIRST, Tensor(RLX_DTYPE_F32, {0}), y, {0, 1}).ok());
    EXPECT_EQ(y.n(0), 0);
  }
  EXPECT_EQ(arg_reduce(RLX_REDUCE_SUM, 0, 0, x, y, {0, 1}).status, RLX_STATUS_UNSUPPORTED);
  EXPECT_EQ(arg_reduce(RLX_REDUCE_MAX, 1, 0, x, y, {0, 1}).status, RLX_STATUS_INVALID_ARGUMENT);
  Tensor narrow(RLX_DTYPE_F32, {});
  EXPECT_EQ(arg_reduce(RLX_REDUCE_MAX, 0, 0, x, narrow, {0, 1}).status, RLX_STATUS_UNSUPPORTED);
}

TEST(GenericCumulate, AllFunctionsDirectionsAndLayouts) {
  for (uint32_t dtype : {RLX_DTYPE_I8, RLX_DTYPE_I64, RLX_DTYPE_U16, RLX_DTYPE_F32, RLX_DTYPE_F64}) {
    for (uint32_t fn : {RLX_REDUCE_SUM, RLX_REDUCE_PROD, RLX_REDUCE_MAX, RLX_REDUCE_MIN}) {
      for (uint32_t axis = 0; axis < 3; ++axis) {
        for (int mode = 0; mode < 4; ++mode) {
          for (Layout layout : kInputLayouts) {
            const Dims dims = {2, 5, 3};
            const Tensor x = Tensor(dtype, dims, layout).pattern(1, 1, 2);
            CumulateAttrs attrs;
            attrs.fn = fn;
            attrs.axis = axis;
            attrs.exclusive = (mode & 1) != 0;
            attrs.reverse = (mode & 2) != 0;
            Tensor y(dtype, dims, layout == Layout::kDense ? Layout::kGaps : Layout::kDense);
            run_split(y, line_items(x, axis),
                      [&](const View& v, Range r) { return cumulate(x, attrs, v, r); });
            for (int64_t line = 0; line < line_items(x, axis); ++line) {
              double sum = fn == RLX_REDUCE_SUM ? 0 : 1;
              bool first = true;
              for (int64_t k = 0; k < dims[axis]; ++k) {
                const int64_t at = on_line(dims, axis, line, attrs.reverse ? dims[axis] - 1 - k : k);
                const double v = x.f(at);
                const double next = fn == RLX_REDUCE_SUM    ? sum + v
                                    : fn == RLX_REDUCE_PROD ? sum * v
                                    : first                 ? v
                                    : fn == RLX_REDUCE_MAX  ? std::max(sum, v)
                                                            : std::min(sum, v);
                const bool identity_known = !(first && attrs.exclusive && fn >= RLX_REDUCE_MAX);
                if (identity_known) {
                  ASSERT_EQ(y.f(at), attrs.exclusive ? sum : next) << fn << " " << axis << " " << mode;
                }
                sum = next;
                first = false;
              }
            }
          }
        }
      }
    }
  }
}

TEST(GenericCumulate, LongBroadcastLinesInPlaceAndEmpty) {
  // Blocks: the second block of a broadcast line must not read what the first one wrote.
  Tensor x(RLX_DTYPE_I32, {1300}, Layout::kBroadcast);
  x.set(0, 1);
  CumulateAttrs attrs;
  attrs.fn = RLX_REDUCE_SUM;
  Tensor y(RLX_DTYPE_I32, {1300}, Layout::kGaps);
  ASSERT_TRUE(cumulate(x, attrs, y, {0, 1}).ok());
  for (int64_t i = 0; i < 1300; ++i) ASSERT_EQ(y.n(i), i + 1);
  ASSERT_TRUE(cumulate(y, attrs, y, {0, 1}).ok());
  EXPECT_EQ(y.n(1299), 1300 * 1301 / 2);
  attrs.fn = RLX_REDUCE_MAX;
  attrs.exclusive = true;
  const Tensor f(RLX_DTYPE_F32, {2});
  Tensor g(RLX_DTYPE_F32, {2});
  ASSERT_TRUE(cumulate(f, attrs, g, {0, 1}).ok());
  EXPECT_EQ(g.f(0), -kInf);
  const Tensor empty(RLX_DTYPE_F32, {0});
  Tensor none(RLX_DTYPE_F32, {0});
  EXPECT_TRUE(cumulate(empty, attrs, none, {0, 1}).ok());
  attrs.fn = RLX_REDUCE_ANY;
  EXPECT_EQ(cumulate(f, attrs, g, {0, 1}).status, RLX_STATUS_UNSUPPORTED);
}

/// top_k on scratch of just the bytes that it asks for.
KernelStatus first_of(const View& x, const TopKAttrs& attrs, const View& values, const View& indices, Range range) {
  std::vector<int64_t> scratch(top_k_scratch_bytes(x, attrs) / sizeof(int64_t));
  return top_k(x, attrs, values, indices, range, reinterpret_cast<char*>(scratch.data()));
}

TEST(GenericTopK, SortsWithTiesByLowerIndex) {
  for (uint32_t dtype : kAll) {
    for (uint32_t axis = 0; axis < 2; ++axis) {
      for (bool largest : {true, false}) {
        for (int64_t k : {0, 1, 3, 9}) {
          const Dims dims = {9, 9};
          Tensor x = Tensor(dtype, dims, Layout::kReversed).pattern(1);
          Dims out = dims;
          out[axis] = k;
          TopKAttrs attrs;
          attrs.axis = axis;
          attrs.largest = largest;
          Tensor values(dtype, out, Layout::kGaps), indices(RLX_DTYPE_I64, out);
          run_split({&values, &indices}, 9,
                    [&](std::vector<Tensor*>& to, Range r) { return first_of(x, attrs, *to[0], *to[1], r); });
          for (int64_t line = 0; line < 9; ++line) {
            std::vector<int64_t> order(9);
            std::iota(order.begin(), order.end(), 0);
            std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
              const double l = x.f(on_line(dims, axis, line, a)), r = x.f(on_line(dims, axis, line, b));
              return largest ? l > r : l < r;
            });
            for (int64_t i = 0; i < k; ++i) {
              const int64_t at = on_line(out, axis, line, i);
              ASSERT_EQ(indices.n(at), order[size_t(i)]);
              ASSERT_EQ(values.element(at), x.element(on_line(dims, axis, line, order[size_t(i)])));
            }
          }
        }
      }
    }
  }
}

TEST(GenericTopK, NaNIsTheLargestAndTooLargeKIsRefused) {
  const Tensor x = Tensor(RLX_DTYPE_F32, {5}).fill({1, kNaN, kInf, kNaN, -kInf});
  Tensor values(RLX_DTYPE_F32, {5}), indices(RLX_DTYPE_I64, {5});
  TopKAttrs attrs;
  ASSERT_TRUE(first_of(x, attrs, values, indices, {0, 1}).ok());
  const int64_t down[] = {1, 3, 2, 0, 4};
  for (int64_t i = 0; i < 5; ++i) EXPECT_EQ(indices.n(i), down[i]);
  attrs.largest = false;
  ASSERT_TRUE(first_of(x, attrs, values, indices, {0, 1}).ok());
  const int64_t up[] = {4, 0, 2, 1, 3};
  for (int64_t i = 0; i < 5; ++i) EXPECT_EQ(indices.n(i), up[i]);
  Tensor more(RLX_DTYPE_F32, {6}), places(RLX_DTYPE_I64, {6});
  EXPECT_EQ(first_of(x, attrs, more, places, {0, 1}).status, RLX_STATUS_INVALID_ARGUMENT);
}

TEST(GenericNonzero, ListsCoordinatesInOrder) {
  for (uint32_t dtype : kAll) {
    for (const Dims& dims : std::vector<Dims>{{}, {0}, {600}, {3, 4}, {2, 3, 2}}) {
      Tensor x = Tensor(dtype, dims, Layout::kGaps).pattern(3, -1, 3);
      const int64_t cap = x.size() + 2, rank = int64_t(dims.size());
      Tensor indices(RLX_DTYPE_I64, {rank, cap}, Layout::kReversed), count(RLX_DTYPE_I64, {});
      ASSERT_TRUE(nonzero(x, indices, count, {0, 1}).ok());
      int64_t found = 0;
      for (int64_t i = 0; i < x.size(); ++i) {
        if (x.f(i) == 0) continue;
        int64_t rest = i;
        for (int64_t d = rank; d-- > 0;) {
          ASSERT_EQ(indices.n(d * cap + found), rest % dims[size_t(d)]);
          rest /= dims[size_t(d)];
        }
        ++found;
      }
      EXPECT_EQ(count.n(0), found);
      for (int64_t d = 0; d < rank; ++d) EXPECT_EQ(indices.n(d * cap + cap - 1), 0);
      EXPECT_TRUE(indices.guards_intact() && count.guards_intact());
    }
  }
}

TEST(GenericNonzero, ReportsMoreThanTheBound) {
  const Tensor x = Tensor(RLX_DTYPE_I32, {4}).fill({1, 1, 0, 1});
  Tensor indices(RLX_DTYPE_I64, {1, 2}), count(RLX_DTYPE_I64, {});
  const KernelStatus status = nonzero(x, indices, count, {0, 1});
  EXPECT_EQ(status.status, RLX_STATUS_DATA_ERROR);
  EXPECT_EQ(status.value, 3);
  EXPECT_EQ(status.limit, 2);
  EXPECT_TRUE(indices.guards_intact());
}

}  // namespace
}  // namespace rlx_cpu::test
