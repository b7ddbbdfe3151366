// SPDX-License-Identifier: Apache-2.0
// Tiled copies; see transpose.h.
#include "transpose.h"

#include <algorithm>

#include "cursor.h"

namespace rlx_cpu {
namespace {

constexpr int64_t kTile = 16;

typedef uint8_t __attribute__((may_alias)) Word1;
typedef uint16_t __attribute__((may_alias)) Word2;
typedef uint32_t __attribute__((may_alias)) Word4;
typedef uint64_t __attribute__((may_alias)) Word8;

// y[r * width + j] = x[r + j * stride] for the given rows and all j.
template <class T>
void tiles(const char* from, int64_t stride, char* to, int64_t width, int64_t rows) {
  const T* x = reinterpret_cast<const T*>(from);
  T* y = reinterpret_cast<T*>(to);
  for (int64_t r0 = 0; r0 < rows; r0 += kTile) {
    const int64_t r1 = std::min(rows, r0 + kTile);
    for (int64_t j0 = 0; j0 < width; j0 += kTile) {
      const int64_t j1 = std::min(width, j0 + kTile);
      for (int64_t r = r0; r < r1; ++r) {
        for (int64_t j = j0; j < j1; ++j) y[r * width + j] = x[r + j * stride];
      }
    }
  }
}

// x as [outer.., rows, width] with stride 1 along rows, after merging dims; `outer` keeps x's own dims and
// order.
struct Shape {
  int64_t width = 1;
  int64_t width_stride = 0;
  int64_t rows = 1;
  View outer;
};

bool find_shape(const View& x, Shape* shape) {
  uint32_t d = x.rank;
  while (d > 0 && x.dims[d - 1] == 1) --d;
  if (d < 2) return false;
  --d;
  shape->width = x.dims[d];
  shape->width_stride = x.strides[d];
  for (; d > 0 && (x.dims[d - 1] == 1 || x.strides[d - 1] == shape->width_stride * shape->width); --d) {
    shape->width *= x.dims[d - 1];
  }
  if (d == 0 || shape->width_stride == 1 || shape->width_stride == 0) return false;
  if (x.strides[d - 1] != 1) return false;
  shape->rows = x.dims[--d];
  for (; d > 0 && (x.dims[d - 1] == 1 || x.strides[d - 1] == shape->rows); --d) shape->rows *= x.dims[d - 1];
  shape->outer = sub_view(x, 0, d, 0);
  return shape->width >= 4 && shape->rows >= 4;
}

}  // namespace

bool copy_transposed(const View& x, const View& y, Range range) {
  Shape shape;
  if (range.begin >= range.end || !find_shape(x, &shape)) return false;
  if (Cursor(y, 0).run() != element_count(y)) return false;
  const int64_t bytes = element_bytes(y.dtype);
  for (int64_t at = range.begin; at < range.end;) {
    const int64_t column = at % shape.width;
    const int64_t row = at / shape.width % shape.rows;
    const int64_t rows = std::min(shape.rows - row, (range.end - at) / shape.width);
    if (column != 0 || rows == 0) {  // a part of a row
      const int64_t n = std::min(shape.width - column, range.end - at);
      copy_flat(x, at, y, at, n);
      at += n;
      continue;
    }
    const View& outer = shape.outer;
    const char* from =
        element_at(x, row + offset_of(at / shape.width / shape.rows, outer.rank, outer.dims, outer.strides));
    char* to = element_at(y, at);
    switch (bytes) {
      case 1:
        tiles<Word1>(from, shape.width_stride, to, shape.width, rows);
        break;
      case 2:
        tiles<Word2>(from, shape.width_stride, to, shape.width, rows);
        break;
      case 4:
        tiles<Word4>(from, shape.width_stride, to, shape.width, rows);
        break;
      default:
        tiles<Word8>(from, shape.width_stride, to, shape.width, rows);
        break;
    }
    at += rows * shape.width;
  }
  return true;
}

}  // namespace rlx_cpu
