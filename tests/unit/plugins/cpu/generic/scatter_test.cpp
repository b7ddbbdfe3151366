// SPDX-License-Identifier: Apache-2.0
// The two scatters: reductions, duplicates in order, policies, in place, any split.
#include "tensor.h"

namespace rlx_cpu::test {
namespace {

double combine(uint32_t reduce, double old, double u) {
  switch (reduce) {
    case RLX_SCATTER_SET:
      return u;
    case RLX_SCATTER_ADD:
      return old + u;
    case RLX_SCATTER_MUL:
      return old * u;
    case RLX_SCATTER_MIN:
      return std::fmin(old, u);
    default:
      return std::fmax(old, u);
  }
}

// Position in [0, extent), or -1 to skip.
int64_t meaning(int64_t index, int64_t extent, uint32_t policy) {
  if (index < 0 && index >= -extent) index += extent;
  if (index >= 0 && index < extent) return index;
  return policy == RLX_INDEX_ZERO ? -1 : index < 0 ? 0 : extent - 1;
}

TEST(GenericScatterElements, AllReductionsWithDuplicates) {
  for (uint32_t dtype : {RLX_DTYPE_I32, RLX_DTYPE_I64, RLX_DTYPE_F16, RLX_DTYPE_F32, RLX_DTYPE_F64}) {
    for (uint32_t reduce = RLX_SCATTER_SET; reduce <= RLX_SCATTER_MAX; ++reduce) {
      for (uint32_t axis = 0; axis < 2; ++axis) {
        for (uint32_t policy : {RLX_INDEX_CLAMP, RLX_INDEX_ZERO}) {
          const Tensor x = Tensor(dtype, {4, 5}, Layout::kGaps).pattern(1, -1, 3);
          const Dims shape = axis == 0 ? Dims{6, 3} : Dims{3, 7};
          const Tensor idx = Tensor(RLX_DTYPE_I64, shape, Layout::kReversed).pattern(2, -7, 14);
          const Tensor u = Tensor(dtype, shape, Layout::kGaps).pattern(3, -2, 4);
          IndexAttrs attrs;
          attrs.axis = axis;
          attrs.policy = policy;
          attrs.reduce = reduce;
          attrs.negative_indices = true;
          std::vector<double> wanted;
          for (int64_t i = 0; i < 20; ++i) wanted.push_back(x.f(i));
          for (int64_t i = 0; i < u.size(); ++i) {
            const int64_t at = meaning(idx.n(i), axis == 0 ? 4 : 5, policy);
            const int64_t r = i / shape[1], c = i % shape[1];
            double& old = wanted[size_t(axis == 0 ? std::max<int64_t>(at, 0) * 5 + c
                                                  : r * 5 + std::max<int64_t>(at, 0))];
            if (at >= 0) old = combine(reduce, old, u.f(i));
          }
          const int64_t items = scatter_elements_items(x, attrs);
          Tensor y(dtype, {4, 5});
          run_split(y, items,
                    [&](const View& v, Range r) { return scatter_elements(x, idx, u, attrs, v, r); });
          for (int64_t i = 0; i < 20; ++i)
            ASSERT_EQ(y.f(i), wanted[size_t(i)]) << dtype << " " << reduce << " " << i;
          Tensor in_place = x;
          run_split(in_place, items,
                    [&](const View& v, Range r) { return scatter_elements(v, idx, u, attrs, v, r); });
          EXPECT_EQ(in_place.contents(), y.contents());
        }
      }
    }
  }
}

TEST(GenericScatterElements, ReportsBadIndicesAndRefusesWrongShapes) {
  const Tensor x(RLX_DTYPE_F32, {4, 5}), u(RLX_DTYPE_F32, {2, 2});
  const Tensor idx = Tensor(RLX_DTYPE_I64, {2, 2}).fill({0, 1, 3, 4});
  Tensor y(RLX_DTYPE_F32, {4, 5});
  IndexAttrs attrs;
  const KernelStatus status = scatter_elements(x, idx, u, attrs, y, {0, 5});
  EXPECT_EQ(status.status, RLX_STATUS_DATA_ERROR);
  EXPECT_EQ(status.index, 3);
  EXPECT_EQ(status.value, 4);
  EXPECT_EQ(status.limit, 4);
  EXPECT_EQ(y.contents(), Tensor(RLX_DTYPE_F32, {4, 5}).contents()) << "nothing is written";
  EXPECT_EQ(scatter_elements(x, idx, u, attrs, y, {4, 5}).index, 3) << "any range reports the same";
  const Tensor other(RLX_DTYPE_F32, {2, 3});
  EXPECT_EQ(scatter_elements(x, idx, other, attrs, y, {0, 5}).status, RLX_STATUS_INVALID_ARGUMENT);
  attrs.reduce = 5;
  EXPECT_EQ(scatter_elements(x, idx, u, attrs, y, {0, 5}).status, RLX_STATUS_UNSUPPORTED);
}

TEST(GenericScatterElements, EmptyAxisWithIndicesIsAnErrorNotACrash) {
  const Tensor x(RLX_DTYPE_F32, {0, 2}), idx(RLX_DTYPE_I64, {1, 2}), u(RLX_DTYPE_F32, {1, 2});
  Tensor y(RLX_DTYPE_F32, {0, 2});
  IndexAttrs attrs;
  EXPECT_EQ(scatter_elements_items(x, attrs), 2);
  EXPECT_EQ(scatter_elements(x, idx, u, attrs, y, {0, 2}).status, RLX_STATUS_DATA_ERROR);
  attrs.policy = RLX_INDEX_CLAMP;
  EXPECT_TRUE(scatter_elements(x, idx, u, attrs, y, {0, 2}).ok());
}

TEST(GenericScatterNd, AllDepthsReductionsAndSplits) {
  const Dims dims = {3, 4, 5};
  for (uint32_t dtype : {RLX_DTYPE_I16, RLX_DTYPE_I64, RLX_DTYPE_BF16, RLX_DTYPE_F32}) {
    for (int64_t depth = 0; depth <= 3; ++depth) {
      for (uint32_t reduce = RLX_SCATTER_SET; reduce <= RLX_SCATTER_MAX; ++reduce) {
        for (uint32_t policy : {RLX_INDEX_CLAMP, RLX_INDEX_ZERO}) {
          const Tensor x = Tensor(dtype, dims, Layout::kGaps).pattern(1, -1, 3);
          const Tensor idx = Tensor(RLX_DTYPE_I32, {2, 2, depth}, Layout::kReversed).pattern(2, -4, 9);
          Dims shape = {2, 2};
          shape.insert(shape.end(), dims.begin() + depth, dims.end());
          const Tensor u = Tensor(dtype, shape, Layout::kGaps).pattern(3, -2, 4);
          IndexAttrs attrs;
          attrs.policy = policy;
          attrs.reduce = reduce;
          attrs.negative_indices = true;
          std::vector<double> wanted;
          for (int64_t i = 0; i < 60; ++i) wanted.push_back(x.f(i));
          const int64_t inner = u.size() / 4;
          for (int64_t i = 0; i < u.size(); ++i) {
            int64_t target = 0;
            bool skip = false;
            for (int64_t k = 0; k < depth; ++k) {
              const int64_t at = meaning(idx.n(i / inner * depth + k), dims[size_t(k)], policy);
              skip = skip || at < 0;
              target = target * dims[size_t(k)] + at;
            }
            if (skip) continue;
            double& old = wanted[size_t(target * inner + i % inner)];
            old = combine(reduce, old, u.f(i));
          }
          const int64_t items = scatter_nd_items(x, idx);
          EXPECT_EQ(items, inner);
          Tensor y(dtype, dims, Layout::kReversed);
          run_split(y, items, [&](const View& v, Range r) { return scatter_nd(x, idx, u, attrs, v, r); });
          for (int64_t i = 0; i < 60; ++i)
            ASSERT_EQ(y.f(i), wanted[size_t(i)]) << dtype << " " << depth << " " << reduce;
          Tensor in_place = x;
          run_split(in_place, items,
                    [&](const View& v, Range r) { return scatter_nd(v, idx, u, attrs, v, r); });
          EXPECT_EQ(in_place.contents(), y.contents());
        }
      }
    }
  }
}

TEST(GenericScatterNd, ReportsBadTuplesAndRefusesWrongRanks) {
  const Tensor x(RLX_DTYPE_F32, {3, 4}), u(RLX_DTYPE_F32, {2, 4});
  const Tensor idx = Tensor(RLX_DTYPE_I64, {2, 1}).fill({1, -1});
  Tensor y(RLX_DTYPE_F32, {3, 4});
  IndexAttrs attrs;
  const KernelStatus status = scatter_nd(x, idx, u, attrs, y, {0, 4});
  EXPECT_EQ(status.status, RLX_STATUS_DATA_ERROR);
  EXPECT_EQ(status.index, 1);
  EXPECT_EQ(status.value, -1);
  EXPECT_EQ(status.limit, 3);
  const Tensor row(RLX_DTYPE_F32, {4});
  EXPECT_EQ(scatter_nd(x, idx, row, attrs, y, {0, 4}).status, RLX_STATUS_INVALID_ARGUMENT);
  const Tensor flags(RLX_DTYPE_BOOL, {3, 4});
  Tensor out(RLX_DTYPE_BOOL, {3, 4});
  const Tensor set(RLX_DTYPE_BOOL, {2, 4});
  EXPECT_FALSE(scatter_nd(flags, idx, set, attrs, out, {0, 4}).ok());
}

}  // namespace
}  // namespace rlx_cpu::test
