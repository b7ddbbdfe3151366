// SPDX-License-Identifier: Apache-2.0
// Walks a strided view in row-major order and hands out blocks of elements: in place where they lie together,
// else through a scratch buffer. Also the moves of runs of elements that the movement kernels are made of.
#pragma once

#include <cstdint>

#include "view.h"

namespace rlx_cpu {

/// Elements per block; a block of the widest dtype fills kBlockBytes.
inline constexpr int64_t kBlock = 512;
inline constexpr int64_t kBlockBytes = kBlock * 8;

class Cursor {
 public:
  Cursor() = default;
  /// Positions at flat element `begin`, which must be inside the view.
  Cursor(const View& view, int64_t begin);

  void seek(int64_t position);
  /// Elements from here on that lie together in memory.
  int64_t run() const { return strides_[0] == 1 ? dims_[0] - coords_[0] : 1; }
  char* here() const { return data_; }

  /// The next n <= kBlock elements, dense; moves on. `scratch` must be the same buffer, untouched, between
  /// calls.
  const void* read(int64_t n, void* scratch);
  /// Copies the next n elements to `to`; moves on.
  void gather(int64_t n, void* to);
  /// Where to write the next n elements: the memory itself or `scratch`. commit(n, scratch) must follow, and
  /// moves on.
  void* target(int64_t n, void* scratch) {
    return strides_[0] == 1 && dims_[0] - coords_[0] >= n ? data_ : scratch;
  }
  void commit(int64_t n, const void* scratch);
  void advance(int64_t n);

 private:
  int64_t rank_ = 1;
  int64_t bytes_ = 1;
  char* base_ = nullptr;
  char* data_ = nullptr;
  const char* filled_from_ = nullptr;  // scratch holds filled_ copies of this element
  int64_t filled_ = 0;
  int64_t dims_[RLX_MAX_RANK] = {1};  // innermost first
  int64_t strides_[RLX_MAX_RANK] = {1};
  int64_t coords_[RLX_MAX_RANK] = {};
};

/// Copies n elements from x's flat position x_begin on to y's flat position y_begin on. Equal element sizes.
void copy_flat(const View& x, int64_t x_begin, const View& y, int64_t y_begin, int64_t n);
/// The same from and to cursors that stand at the right place; moves both on.
void copy_run(Cursor& from, Cursor& to, int64_t bytes, int64_t n);
/// Writes n copies of the element at `value` from y's flat position on.
void fill_flat(const void* value, const View& y, int64_t y_begin, int64_t n);

/// Offset in elements of flat position `index` in the dims [0, count) of `dims` with `strides`.
inline int64_t offset_of(int64_t index, uint32_t count, const int64_t* dims, const int64_t* strides) {
  int64_t offset = 0;
  for (uint32_t i = count; i-- > 0;) {
    offset += index % dims[i] * strides[i];
    index /= dims[i];
  }
  return offset;
}
/// The element at `offset` elements from the view's origin.
inline char* element_at(const View& view, int64_t offset) {
  return static_cast<char*>(view.data) + offset * element_bytes(view.dtype);
}
/// The dims [first, last) of `view` as a view of its own, starting `offset` elements further.
View sub_view(const View& view, uint32_t first, uint32_t last, int64_t offset);
/// The view without the axes whose bit is set in `axes`.
View drop_axes(const View& view, uint32_t axes);
/// True if both are the same elements in the same order.
bool same_memory(const View& a, const View& b);

inline KernelStatus unsupported(uint32_t fn, uint32_t dtype) {
  return {RLX_STATUS_UNSUPPORTED, int64_t(fn), int64_t(dtype), 0};
}
inline KernelStatus invalid(int64_t index = 0, int64_t value = 0, int64_t limit = 0) {
  return {RLX_STATUS_INVALID_ARGUMENT, index, value, limit};
}

}  // namespace rlx_cpu
