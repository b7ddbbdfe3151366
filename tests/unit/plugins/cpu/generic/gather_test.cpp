// SPDX-License-Identifier: Apache-2.0
// The three gathers: axes, batch dims, index dtypes, the three policies.
#include "tensor.h"

namespace rlx_cpu::test {
namespace {

// What an index means under the attributes: the position, -1 for zeros, -2 for an error.
int64_t meaning(int64_t index, int64_t extent, const IndexAttrs& attrs) {
  if (attrs.negative_indices && index < 0 && index >= -extent) index += extent;
  if (index >= 0 && index < extent) return index;
  if (attrs.policy == RLX_INDEX_ERROR) return -2;
  if (attrs.policy == RLX_INDEX_ZERO || extent == 0) return -1;
  return index < 0 ? 0 : extent - 1;
}

std::string zeros(uint32_t dtype) { return std::string(size_t(element_bytes(dtype)), '\0'); }

TEST(GenericGather, EveryAxisPolicyDtypeAndLayout) {
  for (uint32_t dtype : kAll) {
    for (uint32_t axis = 0; axis < 3; ++axis) {
      for (uint32_t policy : {RLX_INDEX_CLAMP, RLX_INDEX_ZERO}) {
        for (Layout layout : kInputLayouts) {
          const Dims dims = {2, 3, 4};
          const Tensor data = Tensor(dtype, dims, layout).pattern(1);
          const Tensor idx =
              Tensor(axis == 1 ? RLX_DTYPE_I32 : RLX_DTYPE_I64, {2, 5}, Layout::kGaps).pattern(2, -6, 12);
          IndexAttrs attrs;
          attrs.axis = axis;
          attrs.policy = policy;
          attrs.negative_indices = layout != Layout::kDense;
          Dims out(dims.begin(), dims.begin() + axis);
          out.insert(out.end(), {2, 5});
          out.insert(out.end(), dims.begin() + axis + 1, dims.end());
          Tensor y(dtype, out, layout == Layout::kReversed ? Layout::kGaps : Layout::kDense);
          run_split(y, gather_items(data, idx, attrs),
                    [&](const View& v, Range r) { return gather(data, idx, attrs, v, r); });
          const int64_t inner = axis == 0 ? 12 : axis == 1 ? 4 : 1;
          for (int64_t i = 0; i < y.size(); ++i) {
            const int64_t outer = i / inner / 10;
            const int64_t at = meaning(idx.n(i / inner % 10), dims[axis], attrs);
            ASSERT_EQ(y.element(i),
                      at < 0 ? zeros(dtype) : data.element((outer * dims[axis] + at) * inner + i % inner));
          }
        }
      }
    }
  }
}

TEST(GenericGather, BatchDimsPairDataWithIndices) {
  const Tensor data = Tensor(RLX_DTYPE_F32, {2, 3, 4, 5}).pattern(1, -50, 100);
  const Tensor idx = Tensor(RLX_DTYPE_I64, {2, 6}).pattern(2, 0, 4);
  IndexAttrs attrs;
  attrs.axis = 2;
  attrs.batch_dims = 1;
  Tensor y(RLX_DTYPE_F32, {2, 3, 6, 5});
  run_split(y, gather_items(data, idx, attrs),
            [&](const View& v, Range r) { return gather(data, idx, attrs, v, r); });
  for (int64_t b = 0; b < 2; ++b) {
    for (int64_t c = 0; c < 3; ++c) {
      for (int64_t i = 0; i < 6; ++i) {
        for (int64_t j = 0; j < 5; ++j) {
          EXPECT_EQ(y.f(((b * 3 + c) * 6 + i) * 5 + j), data.f(((b * 3 + c) * 4 + idx.n(b * 6 + i)) * 5 + j));
        }
      }
    }
  }
}

TEST(GenericGather, ReportsTheFirstBadIndex) {
  const Tensor data = Tensor(RLX_DTYPE_F32, {4, 3}).pattern(1);
  for (double bad : {4.0, -1.0, -5.0, 9e18, -9e18}) {
    const Tensor idx = Tensor(RLX_DTYPE_I64, {5}).fill({0, 3, bad, 100, 1});
    Tensor y(RLX_DTYPE_F32, {5, 3});
    IndexAttrs attrs;
    const KernelStatus status = gather(data, idx, attrs, y, {0, 5});
    EXPECT_EQ(status.status, RLX_STATUS_DATA_ERROR);
    EXPECT_EQ(status.index, 2);
    EXPECT_EQ(status.value, int64_t(bad));
    EXPECT_EQ(status.limit, 4);
    EXPECT_EQ(y.contents(), Tensor(RLX_DTYPE_F32, {5, 3}).contents()) << "nothing is written";
    EXPECT_EQ(gather(data, idx, attrs, y, {4, 5}).index, 2) << "any range reports the same";
    attrs.negative_indices = true;
    EXPECT_EQ(gather(data, idx, attrs, y, {0, 5}).index, bad == -1.0 ? 3 : 2);
  }
  Tensor huge(RLX_DTYPE_U64, {1});
  huge.set_n(0, -1);
  Tensor y(RLX_DTYPE_F32, {1, 3});
  IndexAttrs attrs;
  attrs.negative_indices = true;
  EXPECT_EQ(gather(data, huge, attrs, y, {0, 1}).status, RLX_STATUS_DATA_ERROR) << "2^64-1 is not -1";
}

TEST(GenericGather, EmptyExtentsAndScalarIndices) {
  const Tensor empty(RLX_DTYPE_F32, {0, 3}), scalar(RLX_DTYPE_I64, {});
  Tensor row = Tensor(RLX_DTYPE_F32, {3}).fill({1, 2, 3});
  IndexAttrs attrs;
  EXPECT_EQ(gather(empty, scalar, attrs, row, {0, 1}).status, RLX_STATUS_DATA_ERROR);
  attrs.policy = RLX_INDEX_CLAMP;
  ASSERT_TRUE(gather(empty, scalar, attrs, row, {0, 1}).ok());
  EXPECT_EQ(row.f(2), 0);
  const Tensor data = Tensor(RLX_DTYPE_F32, {2, 3}).pattern(1), none(RLX_DTYPE_I64, {0});
  Tensor nothing(RLX_DTYPE_F32, {0, 3});
  EXPECT_EQ(gather_items(data, none, attrs), 0);
  EXPECT_TRUE(gather(data, none, attrs, nothing, {0, 0}).ok());
  const Tensor floats(RLX_DTYPE_F32, {1});
  EXPECT_EQ(gather(data, floats, attrs, row, {0, 1}).status, RLX_STATUS_UNSUPPORTED);
  attrs.policy = 3;
  EXPECT_EQ(gather(data, scalar, attrs, row, {0, 1}).status, RLX_STATUS_UNSUPPORTED);
}

TEST(GenericGatherElements, FollowsTheIndexShape) {
  for (uint32_t dtype : kAll) {
    for (uint32_t axis = 0; axis < 2; ++axis) {
      for (uint32_t policy : {RLX_INDEX_CLAMP, RLX_INDEX_ZERO}) {
        const Tensor data = Tensor(dtype, {4, 5}, Layout::kReversed).pattern(1);
        const Dims shape = axis == 0 ? Dims{7, 3} : Dims{2, 8};
        const Tensor idx = Tensor(RLX_DTYPE_I32, shape, Layout::kGaps).pattern(2, -7, 14);
        IndexAttrs attrs;
        attrs.axis = axis;
        attrs.policy = policy;
        attrs.negative_indices = true;
        Tensor y(dtype, shape);
        run_split(y, y.size(),
                  [&](const View& v, Range r) { return gather_elements(data, idx, attrs, v, r); });
        for (int64_t i = 0; i < y.size(); ++i) {
          const int64_t r = i / shape[1], c = i % shape[1];
          const int64_t at = meaning(idx.n(i), axis == 0 ? 4 : 5, attrs);
          ASSERT_EQ(y.element(i), at < 0 ? zeros(dtype) : data.element(axis == 0 ? at * 5 + c : r * 5 + at));
        }
      }
    }
  }
}

TEST(GenericGatherElements, RefusesBadIndicesAndShapes) {
  const Tensor data(RLX_DTYPE_F32, {4, 5});
  const Tensor idx = Tensor(RLX_DTYPE_I64, {2, 2}).fill({0, 1, 2, 4});
  Tensor y(RLX_DTYPE_F32, {2, 2});
  IndexAttrs attrs;
  const KernelStatus status = gather_elements(data, idx, attrs, y, {0, 4});
  EXPECT_EQ(status.status, RLX_STATUS_DATA_ERROR);
  EXPECT_EQ(status.index, 3);
  EXPECT_EQ(status.value, 4);
  const Tensor wide(RLX_DTYPE_I64, {2, 6});
  Tensor wide_y(RLX_DTYPE_F32, {2, 6});
  EXPECT_EQ(gather_elements(data, wide, attrs, wide_y, {0, 12}).status, RLX_STATUS_INVALID_ARGUMENT);
}

TEST(GenericGatherNd, TuplesOfEveryDepthAndBatchDims) {
  const Dims dims = {3, 4, 5};
  for (uint32_t dtype : {RLX_DTYPE_BOOL, RLX_DTYPE_BF16, RLX_DTYPE_F32, RLX_DTYPE_I64}) {
    for (uint32_t batch : {0u, 1u}) {
      for (int64_t depth = 0; depth + batch <= 3; ++depth) {
        for (uint32_t policy : {RLX_INDEX_CLAMP, RLX_INDEX_ZERO}) {
          const Tensor data = Tensor(dtype, dims, Layout::kGaps).pattern(1);
          const Tensor idx = Tensor(RLX_DTYPE_I64, {3, 2, depth}, Layout::kReversed).pattern(2, -3, 9);
          IndexAttrs attrs;
          attrs.batch_dims = batch;
          attrs.policy = policy;
          attrs.negative_indices = true;
          Dims out = {3, 2};
          out.insert(out.end(), dims.begin() + batch + depth, dims.end());
          Tensor y(dtype, out);
          run_split(y, gather_nd_items(idx),
                    [&](const View& v, Range r) { return gather_nd(data, idx, attrs, v, r); });
          const int64_t inner = y.size() / 6;
          for (int64_t i = 0; i < y.size(); ++i) {
            int64_t source = batch ? i / inner / 2 : 0;
            bool zero = false;
            for (int64_t k = 0; k < depth; ++k) {
              const int64_t at = meaning(idx.n(i / inner * depth + k), dims[size_t(batch + k)], attrs);
              zero = zero || at < 0;
              source = source * dims[size_t(batch + k)] + at;
            }
            ASSERT_EQ(y.element(i), zero ? zeros(dtype) : data.element(source * inner + i % inner));
          }
        }
      }
    }
  }
}

TEST(GenericGatherNd, ReportsTheBadPartOfATuple) {
  const Tensor data(RLX_DTYPE_F32, {3, 4});
  const Tensor idx = Tensor(RLX_DTYPE_I64, {2, 2}).fill({2, 3, 1, 4});
  Tensor y(RLX_DTYPE_F32, {2});
  const KernelStatus status = gather_nd(data, idx, {}, y, {0, 2});
  EXPECT_EQ(status.status, RLX_STATUS_DATA_ERROR);
  EXPECT_EQ(status.index, 3);
  EXPECT_EQ(status.value, 4);
  EXPECT_EQ(status.limit, 4);
  const Tensor deep(RLX_DTYPE_I64, {2, 3});
  EXPECT_EQ(gather_nd(data, deep, {}, y, {0, 2}).status, RLX_STATUS_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace rlx_cpu::test
