// SPDX-License-Identifier: Apache-2.0
// concat, pad and the dynamic slices.
#include "tensor.h"

namespace rlx_cpu::test {
namespace {

// Coordinates of a flat position, and back.
Dims coords(int64_t flat, const Dims& dims) {
  Dims at(dims.size());
  for (size_t d = dims.size(); d-- > 0;) {
    at[d] = flat % dims[d];
    flat /= dims[d];
  }
  return at;
}
int64_t flat(const Dims& at, const Dims& dims) {
  int64_t position = 0;
  for (size_t d = 0; d < dims.size(); ++d) position = position * dims[d] + at[d];
  return position;
}

TEST(GenericConcat, JoinsAlongEveryAxisWithEmptyAndStridedParts) {
  for (uint32_t dtype : kAll) {
    for (uint32_t axis = 0; axis < 3; ++axis) {
      for (Layout layout : kLayouts) {
        Dims total = {3, 4, 5};
        total[axis] = 0;
        std::vector<Tensor> parts;
        std::vector<View> views;
        uint32_t seed = 0;
        for (int64_t extent : {2, 0, 5, 1}) {
          Dims dims = {3, 4, 5};
          dims[axis] = extent;
          total[axis] += extent;
          parts.push_back(Tensor(dtype, dims, kInputLayouts[seed % 4]).pattern(seed));
          ++seed;
        }
        for (const Tensor& part : parts) views.push_back(part);
        Tensor y(dtype, total, layout);
        run_split(y, y.size(), [&](const View& v, Range r) { return concat(views.data(), 4, axis, v, r); });
        for (int64_t i = 0; i < y.size(); ++i) {
          Dims at = coords(i, total);
          size_t part = 0;
          Dims dims = {3, 4, 5};
          for (int64_t extent : {2, 0, 5, 1}) {
            dims[axis] = extent;
            if (at[axis] < extent) break;
            at[axis] -= extent;
            ++part;
          }
          ASSERT_EQ(y.element(i), parts[part].element(flat(at, dims)));
        }
      }
    }
  }
}

TEST(GenericConcat, RefusesPartsThatDoNotAddUp) {
  const Tensor x(RLX_DTYPE_F32, {2, 3}), n(RLX_DTYPE_I32, {2, 3});
  Tensor y(RLX_DTYPE_F32, {5, 3});
  const View same[] = {x, x}, mixed[] = {x, n};
  EXPECT_EQ(concat(same, 2, 0, y, whole(y)).status, RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(concat(mixed, 2, 0, y, whole(y)).status, RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(concat(same, 2, 2, y, whole(y)).status, RLX_STATUS_INVALID_ARGUMENT);
}

// The coordinate that a border position shows, by walking step by step; -1 for the fill value.
int64_t pad_reference(int64_t p, int64_t extent, uint32_t mode) {
  if (extent == 0) return -1;
  if (mode == RLX_PAD_CONST) return p < 0 || p >= extent ? -1 : p;
  if (mode == RLX_PAD_EDGE) return std::min(std::max<int64_t>(p, 0), extent - 1);
  int64_t at = 0, direction = 1;
  if (mode == RLX_PAD_WRAP) {
    for (; p < 0; p += extent) {
    }
    return p % extent;
  }
  if (extent == 1) return 0;
  for (int64_t left = p < 0 ? -p : p; left > 0; --left) {  // reflection is symmetric about 0
    if (at + direction < 0 || at + direction >= extent) direction = -direction;
    at += direction;
  }
  return at;
}

TEST(GenericPad, AllModesWithGrowthAndCrop) {
  const std::vector<Dims> all = {{7}, {3, 5}, {1, 4}, {2, 3, 4}, {0, 3}, {4, 0}};
  for (uint32_t dtype : {RLX_DTYPE_BOOL, RLX_DTYPE_F16, RLX_DTYPE_I32, RLX_DTYPE_F64}) {
    for (uint32_t mode : {RLX_PAD_CONST, RLX_PAD_EDGE, RLX_PAD_REFLECT, RLX_PAD_WRAP}) {
      for (const Dims& dims : all) {
        for (int64_t low : {0, 2, -1, 9}) {
          for (int64_t high : {0, 3, -2}) {
            const Tensor x = Tensor(dtype, dims, Layout::kGaps).pattern(1);
            const Tensor value = Tensor(dtype, {}).fill({1});
            PadAttrs attrs;
            attrs.mode = mode;
            Dims out = dims;
            for (size_t d = 0; d < dims.size(); ++d) {
              attrs.low[d] = low + int64_t(d);
              attrs.high[d] = high;
              out[d] = std::max<int64_t>(0, dims[d] + attrs.low[d] + high);
            }
            for (Layout layout : kLayouts) {
              Tensor y(dtype, out, layout);
              run_split(y, y.size(), [&](const View& v, Range r) { return pad(x, value, attrs, v, r); });
              for (int64_t i = 0; i < y.size(); ++i) {
                Dims at = coords(i, out);
                bool inside = true;
                for (size_t d = 0; d < dims.size(); ++d) {
                  at[d] = pad_reference(at[d] - attrs.low[d], dims[d], mode);
                  inside = inside && at[d] >= 0;
                }
                ASSERT_EQ(y.element(i), inside ? x.element(flat(at, dims)) : value.element(0))
                    << mode << " " << i;
              }
            }
          }
        }
      }
    }
  }
}

TEST(GenericPad, InteriorHolesGetTheValue) {
  const Tensor x = Tensor(RLX_DTYPE_I32, {3, 2}).fill({1, 2, 3, 4, 5, 6});
  const Tensor value = Tensor(RLX_DTYPE_I32, {}).fill({9});
  PadAttrs attrs;
  attrs.interior[0] = 1;
  attrs.interior[1] = 2;
  attrs.low[1] = -1;
  attrs.high[0] = 1;
  Tensor y(RLX_DTYPE_I32, {6, 3});
  run_split(y, 18, [&](const View& v, Range r) { return pad(x, value, attrs, v, r); });
  const int64_t wanted[] = {9, 9, 2, 9, 9, 9, 9, 9, 4, 9, 9, 9, 9, 9, 6, 9, 9, 9};
  for (int64_t i = 0; i < 18; ++i) EXPECT_EQ(y.n(i), wanted[i]) << i;
}

TEST(GenericPad, ScalarsPassAndWrongExtentsAreRefused) {
  const Tensor x = Tensor(RLX_DTYPE_F32, {}).fill({3}), value(RLX_DTYPE_F32, {});
  Tensor y(RLX_DTYPE_F32, {});
  ASSERT_TRUE(pad(x, value, {}, y, {0, 1}).ok());
  EXPECT_EQ(y.f(0), 3);
  const Tensor row(RLX_DTYPE_F32, {4});
  Tensor longer(RLX_DTYPE_F32, {6});
  PadAttrs attrs;
  attrs.low[0] = 1;
  EXPECT_EQ(pad(row, value, attrs, longer, {0, 6}).status, RLX_STATUS_INVALID_ARGUMENT);
  attrs.high[0] = 1;
  attrs.mode = 4;
  EXPECT_EQ(pad(row, value, attrs, longer, {0, 6}).status, RLX_STATUS_UNSUPPORTED);
  attrs.mode = 0;
  attrs.interior[0] = -1;
  EXPECT_EQ(pad(row, value, attrs, longer, {0, 6}).status, RLX_STATUS_INVALID_ARGUMENT);
}

Tensor start_of(std::vector<double> values) {
  return Tensor(RLX_DTYPE_I64, {int64_t(values.size())}).fill(values);
}

TEST(GenericDynamicSlice, ReadsTheWindowAndClampsIt) {
  for (uint32_t dtype : kAll) {
    for (Layout layout : kInputLayouts) {
      const Tensor x = Tensor(dtype, {5, 3, 6}, layout).pattern(1);
      Tensor y(dtype, {2, 3, 4}, Layout::kReversed);
      for (const auto& [start, wanted] :
           {std::pair<Dims, Dims>{{1, 0, 2}, {1, 0, 2}}, {{9, 0, -4}, {3, 0, 0}}}) {
        const Tensor at = start_of({double(start[0]), double(start[1]), double(start[2])});
        run_split(y, y.size(),
                  [&](const View& v, Range r) { return dynamic_slice(x, at, RLX_INDEX_CLAMP, v, r); });
        for (int64_t i = 0; i < y.size(); ++i) {
          Dims from = coords(i, {2, 3, 4});
          for (size_t d = 0; d < 3; ++d) from[d] += wanted[d];
          ASSERT_EQ(y.element(i), x.element(flat(from, {5, 3, 6})));
        }
      }
    }
  }
}

TEST(GenericDynamicSlice, ReportsAStartOutOfRange) {
  const Tensor x(RLX_DTYPE_F32, {5, 6});
  Tensor y(RLX_DTYPE_F32, {2, 4});
  for (double bad : {-1.0, 3.0, 9e18, -9e18}) {
    const KernelStatus status = dynamic_slice(x, start_of({0, bad}), RLX_INDEX_ERROR, y, whole(y));
    EXPECT_EQ(status.status, RLX_STATUS_DATA_ERROR);
    EXPECT_EQ(status.index, 1);
    EXPECT_EQ(status.value, int64_t(bad));
    EXPECT_EQ(status.limit, 2);
  }
  EXPECT_TRUE(dynamic_slice(x, start_of({3, 2}), RLX_INDEX_ERROR, y, whole(y)).ok());
  EXPECT_EQ(dynamic_slice(x, start_of({0}), RLX_INDEX_ERROR, y, whole(y)).status,
            RLX_STATUS_INVALID_ARGUMENT);
  Tensor larger(RLX_DTYPE_F32, {6, 4});
  EXPECT_EQ(dynamic_slice(x, start_of({0, 0}), RLX_INDEX_CLAMP, larger, whole(larger)).status,
            RLX_STATUS_INVALID_ARGUMENT);
}

TEST(GenericDynamicUpdateSlice, WritesTheWindowOnlyAlsoInPlace) {
  for (uint32_t dtype : {RLX_DTYPE_I8, RLX_DTYPE_F16, RLX_DTYPE_F32, RLX_DTYPE_I64}) {
    for (Layout layout : kLayouts) {
      const Dims dims = {4, 3, 6}, window = {2, 2, 3};
      const Tensor x = Tensor(dtype, dims, layout).pattern(1, 0, 5);
      const Tensor u = Tensor(dtype, window, Layout::kGaps).pattern(2, 50, 5);
      const Tensor at = start_of({1, 1, 9});  // clamps to 1, 1, 3
      Tensor y(dtype, dims, layout);
      run_split(y, y.size(), [&](const View& v, Range r) {
        return dynamic_update_slice(x, u, at, RLX_INDEX_CLAMP, v, r);
      });
      Tensor in_place = x;
      run_split(in_place, x.size(), [&](const View& v, Range r) {
        return dynamic_update_slice(v, u, at, RLX_INDEX_CLAMP, v, r);
      });
      EXPECT_EQ(in_place.contents(), y.contents());
      for (int64_t i = 0; i < y.size(); ++i) {
        Dims p = coords(i, dims);
        bool inside = true;
        const int64_t start[] = {1, 1, 3};
        for (size_t d = 0; d < 3; ++d) {
          p[d] -= start[d];
          inside = inside && p[d] >= 0 && p[d] < window[d];
        }
        ASSERT_EQ(y.element(i), inside ? u.element(flat(p, window)) : x.element(i));
      }
      EXPECT_EQ(dynamic_update_slice(x, u, at, RLX_INDEX_ERROR, y, whole(y)).status, RLX_STATUS_DATA_ERROR);
    }
  }
}

TEST(GenericDynamicUpdateSlice, TakesScalarsAndEmptyUpdates) {
  const Tensor x = Tensor(RLX_DTYPE_F32, {}).fill({1}), u = Tensor(RLX_DTYPE_F32, {}).fill({2});
  Tensor y(RLX_DTYPE_F32, {});
  const Tensor none(RLX_DTYPE_I64, {0});
  ASSERT_TRUE(dynamic_update_slice(x, u, none, RLX_INDEX_ERROR, y, {0, 1}).ok());
  EXPECT_EQ(y.f(0), 2);
  const Tensor row = Tensor(RLX_DTYPE_F32, {3}).pattern(1), empty(RLX_DTYPE_F32, {0});
  Tensor same(RLX_DTYPE_F32, {3});
  ASSERT_TRUE(dynamic_update_slice(row, empty, start_of({3}), RLX_INDEX_ERROR, same, {0, 3}).ok());
  EXPECT_EQ(same.contents(), row.contents());
}

}  // namespace
}  // namespace rlx_cpu::test
